"""What this process takes of the machine's memory, and programs' files that it need not."""

import ctypes
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc/self")
_DONTNEED = 4  # of Linux's madvise


def resident_bytes() -> int:
    """What it holds now; where the system does not tell, `peak_bytes`."""
    return _pages(1) or peak_bytes()


def file_bytes() -> int:
    """What of that are mapped files, such as programs, which processes share; 0 where the system does not tell."""
    return _pages(2)


def peak_bytes() -> int:
    """The most that it ever held; of Linux's getrusage it would be at least what the process that started it held."""
    try:
        lines = (_PROC / "status").read_text().splitlines()
        known = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return max(known, _pages(1))  # each is counted at its own time


def let_go_of_files() -> None:
    """Take programs' files out of this process's memory; what it goes on to use of them comes back by itself.

    To start touches far more of Blender's libraries than to render does: 0.3 GB, of which 0.2 GB never come back. What
    was written to since it was mapped, such as the linker's tables, stays. Nothing where the system does not tell.
    """
    if sys.platform == "linux":
        madvise = ctypes.CDLL(None).madvise
        for start, end in _unwritten_files():
            madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _DONTNEED)


def _pages(column: int) -> int:
    """Bytes that a column of statm says; 0 if there is none."""
    try:
        return int((_PROC / "statm").read_text().split()[column]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _unwritten_files() -> Iterator[tuple[int, int]]:
    """Addresses of each mapped file that cannot be written to and, page by page, is what is on the disk."""
    try:
        lines = (_PROC / "smaps").read_text(errors="replace").splitlines()
    except OSError:
        return
    start = end = 0
    for line in lines:
        words = line.split()
        if words[0] == "Anonymous:" and words[1] == "0" and end:
            yield start, end
        elif not words[0].endswith(":"):
            start, end = (int(word, 16) for word in words[0].split("-"))
            is_file = len(words) > 5 and words[5].startswith("/")
            end = end if is_file and words[1] in ("r-xp", "r--p") else 0
