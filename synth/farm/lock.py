"""One driver per dataset.

The lock is the kernel's, and ends with its process. Because not every network file system passes such locks from
machine to machine, the holder also touches the file every half minute: a file of another machine that was touched
lately counts as held, and one that was not for two minutes counts as stale.
"""

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from synth.storage.files import temporary_name

LOCK = ".lock"
HEARTBEAT_S = 30.0
STALE_S = 120.0


class Lock:
    """A dataset's lock, held. mine: False once another driver has taken it, because this one was taken for dead."""

    def __init__(self, dataset_dir: Path, file: int) -> None:
        self._dir, self._path, self._file = dataset_dir, dataset_dir / LOCK, file
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lock", daemon=True)
        self._thread.start()

    @property
    def mine(self) -> bool:
        return _same_file(self._file, self._path)

    def require(self) -> None:
        """RuntimeError if another driver has taken the lock."""
        if not self.mine:
            raise RuntimeError(
                f"output.dir {str(self._dir)!r} was taken over by another driver, because this one had not been heard "
                f"of for {STALE_S:.0f} s; the other one goes on"
            )

    def release(self) -> None:
        """Delete the file while it is still held: whoever opened it meanwhile sees that it is not the file any more."""
        self._stop.set()
        self._thread.join()
        if self.mine:
            self._path.unlink(missing_ok=True)
        os.close(self._file)

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_S):
            with suppress(OSError):
                os.utime(self._file)


@contextmanager
def locked(dataset_dir: Path) -> Iterator[Lock]:
    """Hold the dataset's lock. Makes the folder.

    ValueError if it cannot be written, or names the host and process of the driver that has it.
    """
    lock = Lock(dataset_dir, _taken(dataset_dir))
    try:
        yield lock
    finally:
        lock.release()


def _taken(dataset_dir: Path) -> int:
    """The descriptor of the lock file, held."""
    while True:
        file = _open(dataset_dir)
        try:
            _take(file, dataset_dir)
        except BaseException:
            os.close(file)
            raise
        if _same_file(file, dataset_dir / LOCK):
            content = {"host": socket.gethostname(), "pid": os.getpid()}
            os.ftruncate(file, 0)
            os.pwrite(file, json.dumps(content).encode(), 0)
            os.utime(file)
            return file
        os.close(file)  # its holder deleted it when it was done: begin with a new one


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
    """Take the kernel's lock, and respect the heart of a driver elsewhere whose lock the kernel does not know of."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = False
    except BlockingIOError:
        held = True
    holder = _holder(os.pread(file, 1000, 0))
    quiet = _now(dataset_dir) - os.fstat(file).st_mtime
    elsewhere = holder is not None and holder[0] != socket.gethostname()
    if held and elsewhere and quiet > STALE_S:
        (dataset_dir / LOCK).unlink(missing_ok=True)  # the server keeps the lock of a machine that is gone
        return
    if held or (elsewhere and quiet <= STALE_S):
        who = f"process {holder[1]} on {holder[0]}" if holder else "another process"
        heard = f", last heard of {max(quiet, 0):.0f} s ago (stale after {STALE_S:.0f} s)" if elsewhere else ""
        raise ValueError(
            f"output.dir {str(dataset_dir)!r} is being rendered by {who}{heard}; wait for it, or choose another "
            "output.dir"
        )


def _holder(content: bytes) -> tuple[str, int] | None:
    """(host, pid) of whoever wrote the lock file last."""
    try:
        held = json.loads(content)
        return str(held["host"]), int(held["pid"])
    except (ValueError, KeyError, TypeError):
        return None


def _now(dataset_dir: Path) -> float:
    """The time by the clock of whoever keeps the folder: machines' clocks differ."""
    probe = dataset_dir / temporary_name(LOCK)
    try:
        probe.touch()
        return probe.stat().st_mtime
    except OSError:
        return time.time()
    finally:
        probe.unlink(missing_ok=True)


def _same_file(file: int, path: Path) -> bool:
    try:
        ours, there = os.fstat(file), path.stat()
    except FileNotFoundError:
        return False
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)
