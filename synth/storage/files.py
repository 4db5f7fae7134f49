"""Files that are either whole or not there."""

import errno
import hashlib
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TEMPORARY = ".writing"  # suffix of a file that nobody may read yet
FOLDERS = ("shards", "parts", "quarantine")  # of a dataset
LEFTOVERS = tuple(f"{place}*{TEMPORARY}" for place in ("", *(f"{folder}/" for folder in FOLDERS)))  # none of a vN in it

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO, errno.ENOTDIR}


@contextmanager
def replacing(path: Path, durable: bool = True) -> Iterator[Path]:
    """A temporary path beside `path`, which takes its place when the block ends; an exception leaves no trace.

    durable: flushed to the disk before it is renamed, so that a power cut leaves the old file or the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(temporary_name(path.name))
    try:
        yield temporary
        if durable:
            sync(temporary)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    if durable:
        sync(path.parent)


def temporary_name(name: str) -> str:
    """A name for a file before it has its own, which no other thread or machine gives it at the same time."""
    return f"{name}.{socket.gethostname()}-{os.getpid()}-{threading.get_ident()}{TEMPORARY}"


@contextmanager
def disk_errors_in_words(path: Path, needed: int) -> Iterator[None]:
    """An OSError of the disk in the block says what, where, how much room there is, and the way out."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        there = next(folder for folder in path.parents if folder.exists())
        raise OSError(
            error.errno,
            f"cannot write {path.name} in {path.parent}: {os.strerror(error.errno or 0)}; it takes up to "
            f"{needed / 1e6:.1f} MB, {shutil.disk_usage(there).free / 1e6:.1f} MB are free; make room, or choose "
            "another output.dir, and run the same command again",
        ) from error


def sync(path: Path) -> None:
    """Wait until the file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def leftovers(dataset_dir: Path) -> list[Path]:
    """Temporary files that a killed writer left in the dataset, relative to it, sorted."""
    return sorted(path.relative_to(dataset_dir) for pattern in LEFTOVERS for path in dataset_dir.glob(pattern))
