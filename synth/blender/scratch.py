"""Names for the temporary folders of renders that tell whose they are, so that those of dead processes can be deleted.

A process that is killed in the middle of a render leaves its folder in the memory file system. Never imports bpy.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
_NAME = re.compile(r"synth-(\d+)-(\d+)-.*")


def scratch_prefix() -> str:
    """What this process's temporary folders begin with. Its pid has a meaning in its own namespace (container) only."""
    return f"synth-{_namespace()}-{os.getpid()}-"


def remove_stale_scratch() -> list[Path]:
    """Delete the temporary folders that dead processes of this namespace and user left; returns them."""
    places = (MEMORY, Path(tempfile.gettempdir()))
    stale = [path for place in places for path in sorted(place.glob("synth-*")) if _is_stale(path)]
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
    return stale


def _is_stale(path: Path) -> bool:
    match = _NAME.fullmatch(path.name)
    if match is None or int(match[1]) != _namespace() or path.is_symlink():
        return False
    try:
        return path.stat().st_uid == os.getuid() and not Path(f"/proc/{match[2]}").exists()
    except FileNotFoundError:
        return False


def _namespace() -> int:
    """0 where the system has none: nothing is ever taken for stale there but by pid."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0
