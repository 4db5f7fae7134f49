"""Folders of a user's own pictures that a config names: what is in them, and whether it is still the same.

A dataset depends on these files as it does on its model: dataset.json holds a checksum of each folder.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

PIECE, PIECES = 1 << 16, 8  # bytes, how many of them of a file are in the checksum: all of a small one


@lru_cache(maxsize=8)
def listed(folder: str, suffixes: tuple[str, ...], key: str) -> tuple[str, ...]:
    """Names of the files in a folder that end so (".png", in either case), sorted; looked up once per process.

    ValueError with the config's key if there is no such folder, or no such file in it.
    """
    path = Path(folder)
    if not path.is_dir():
        raise ValueError(f"{key} must be a folder, got {folder!r}, which is none here; mend the path, or say {key}=''")
    found = tuple(sorted(p.name for p in path.iterdir() if _is_wanted(p, suffixes)))
    if not found:
        raise ValueError(
            f"{key} must hold files that end in {', '.join(suffixes)}, got {folder!r}, which has none; "
            f"put some there, or say {key}=''"
        )
    return found


def _is_wanted(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()


def folder_row(folder: str, suffixes: tuple[str, ...], key: str) -> dict[str, Any]:
    """What dataset.json says of a folder: the number of its files, and a checksum of their names, sizes and content.

    Of a large file the checksum has PIECES pieces of PIECE bytes, evenly spread. ValueError as of `listed`, and if a
    file cannot be read.
    """
    names, digest = listed(folder, suffixes, key), hashlib.sha256()
    for name in names:
        path = Path(folder) / name
        try:
            size = path.stat().st_size
            digest.update(f"{name}\0{size}\0".encode())
            with path.open("rb") as file:
                for start in sorted({max(0, size - PIECE) * k // (PIECES - 1) for k in range(PIECES)}):
                    file.seek(start)
                    digest.update(file.read(PIECE))
        except OSError as error:
            raise ValueError(f"{key}: {path} cannot be read ({error.strerror}); mend it, or take it out") from None
    return {"files": len(names), "sha256": digest.hexdigest()}
