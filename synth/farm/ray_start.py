"""Starts Ray on this machine, or joins a cluster, and leaves nothing behind."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray

from synth.config import FarmConfig
from synth.farm.signals import deferred_signals, ignoring_interrupts
from synth.storage.holds import is_held

PLACE, PREFIX, HELD = Path("/tmp"), "synth-ray-", "held"  # in /tmp whatever TMPDIR is: names of sockets must be short
OBJECT_STORE_BYTES = 80 * 2**20  # Ray's least: records never go through it


@contextmanager
def running_ray(farm: FarmConfig) -> Iterator[None]:
    """Ray, started here without a word and without a port to the outside, or a cluster that is joined.

    ValueError if the cluster is not there. A Ctrl-C while Ray starts is heard once it has started, so that no process
    and no folder of it stays; a second one is heard at once.
    """
    with _folder() if farm.address == "local" else _no_folder() as folder:
        try:
            with deferred_signals():
                _start(farm, folder)
            yield
        finally:
            with ignoring_interrupts():
                ray.shutdown()


def _start(farm: FarmConfig, folder: Path | None) -> None:
    words: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "namespace": "synth"}
    if folder is None:
        try:
            ray.init(address=farm.address, **words)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"farm.address must be a running Ray cluster, got {farm.address!r} ({reason})") from error
    else:
        words |= {"_metrics_export_port": farm.metrics_port} if farm.metrics_port else {}
        words |= {"object_store_memory": OBJECT_STORE_BYTES, "_temp_dir": str(folder)}
        ray.init("local", include_dashboard=False, **words)


@contextmanager
def _no_folder() -> Iterator[None]:
    yield None


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for Ray's files, locked as long as this process lives; those of dead processes are deleted."""
    remove_stale_folders()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=PLACE))
    file = os.open(folder / HELD, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(file)


def remove_stale_folders() -> list[Path]:
    """Delete the folders of drivers that were killed; returns them, sorted."""
    stale = [folder for folder in sorted(PLACE.glob(f"{PREFIX}*")) if _is_stale(folder)]
    for folder in stale:
        shutil.rmtree(folder, ignore_errors=True)
    return stale


def _is_stale(folder: Path) -> bool:
    try:
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return False
        return not is_held(folder / HELD)
    except OSError:
        return False
