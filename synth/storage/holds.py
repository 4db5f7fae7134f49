"""Files that a process holds as long as it lives: the kernel lets go of its lock, however it ends. POSIX."""

import fcntl
import os
from pathlib import Path


def is_held(path: Path) -> bool:
    """Whether a process has a lock (flock) on a file. OSError if there is no such file, or it is not to be written."""
    file = os.open(path, os.O_RDWR)  # NFS locks exclusively what can be written
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
