"""One driver per dataset. The lock is the kernel's: it ends with its process, so that it cannot go stale."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".lock"


@contextmanager
def locked(dataset_dir: Path) -> Iterator[None]:
    """Hold the dataset's lock. Makes the folder.

    ValueError if it cannot be written, or names the host and process of the driver that has it.
    """
    file = _open(dataset_dir)
    try:
        _take(file, dataset_dir)
        try:
            yield
        finally:
            (dataset_dir / LOCK).unlink(missing_ok=True)
    finally:
        os.close(file)


def _open(dataset_dir: Path) -> int:
    try:
        dataset_dir.mkdir(parents=True, exist_ok=True)
        return os.open(dataset_dir / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ValueError(
            f"output.dir must be a folder that can be written, got {str(dataset_dir)!r} ({error.strerror}); "
            "choose another output.dir"
        ) from error


def _take(file: int, dataset_dir: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _holder(os.pread(file, 1000, 0))
        raise ValueError(
            f"output.dir {str(dataset_dir)!r} is being rendered by {holder}; wait for it, or choose another output.dir"
        ) from None
    os.ftruncate(file, 0)
    os.pwrite(file, json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode(), 0)


def _holder(content: bytes) -> str:
    try:
        return "process {pid} on {host}".format(**json.loads(content))
    except (ValueError, KeyError):
        return "another process"
