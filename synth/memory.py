"""What this process takes of the machine's memory."""

import os
import resource
import sys
from pathlib import Path

_PROC = Path("/proc/self")


def resident_bytes() -> int:
    """What it holds now; where the system does not tell, `peak_bytes`."""
    try:
        return int((_PROC / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak_bytes()


def file_bytes() -> int:
    """What of that are mapped files, such as programs, which processes share; 0 where the system does not tell."""
    try:
        return int((_PROC / "statm").read_text().split()[2]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def peak_bytes() -> int:
    """The most that it ever held; of Linux's getrusage it would be at least what the process that started it held."""
    try:
        lines = (_PROC / "status").read_text().splitlines()
        known = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
        return max(known, resident_bytes())  # each is counted at its own time
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
