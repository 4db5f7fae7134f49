"""What this process takes of the machine's memory."""

import os
import resource
import sys
from pathlib import Path

_PROC = Path("/proc/self")


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


def _pages(column: int) -> int:
    """Bytes that a column of statm says; 0 if there is none."""
    try:
        return int((_PROC / "statm").read_text().split()[column]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
