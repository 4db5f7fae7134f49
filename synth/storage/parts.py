"""Parts: finished records that wait for their shard to be complete, so that a dead worker loses only one record.

An uncompressed npz each, a tenth of the time that a small HDF5 file takes; every array in it has a checksum.
A power cut may damage one: it then counts as missing, and is rendered again.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from synth.passes import PASSES
from synth.record import Record
from synth.storage.files import disk_errors_in_words, replacing

_FILE = re.compile(r"record-(\d+)\.npz")


def part_path(dataset_dir: Path, index: int) -> Path:
    """Where the part of a record is."""
    return Path(dataset_dir) / "parts" / f"record-{index:08d}.npz"


def save_part(dataset_dir: Path, record: Record) -> None:
    """Keep a finished record, all of it or nothing. OSError in words as of `write_shard`."""
    path = part_path(dataset_dir, int(record["meta/index"]))
    arrays = {name: np.frombuffer(a.item(), np.uint8) if _is_text(name) else a for name, a in record.items()}
    size = sum(array.nbytes for array in arrays.values())
    with disk_errors_in_words(path, size), replacing(path, durable=False) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def load_part(dataset_dir: Path, index: int) -> Record | None:
    """The kept record, None if there is none or it is damaged."""
    try:
        with np.load(part_path(dataset_dir, index), allow_pickle=False) as arrays:
            record = {name: _loaded(name, arrays[name]) for name in arrays.files}
    except Exception:  # numpy and zipfile raise many kinds, all of them about the file
        return None
    return record if record.get("meta/index") == index else None


def _loaded(name: str, array: np.ndarray) -> np.ndarray:
    return np.array(array.tobytes(), dtype=object) if _is_text(name) else array


def _is_text(name: str) -> bool:
    return PASSES[name].dtype == "str"


def finished_parts(dataset_dir: Path) -> set[int]:
    """Indices of all records that are kept as parts; a damaged one may be among them."""
    folder = Path(dataset_dir) / "parts"
    names = (_FILE.fullmatch(path.name) for path in folder.iterdir()) if folder.is_dir() else ()
    return {int(match[1]) for match in names if match}


def remove_parts(dataset_dir: Path, indices: Iterable[int]) -> None:
    """Delete the parts of these records, and their folder when it is empty."""
    for index in indices:
        part_path(dataset_dir, index).unlink(missing_ok=True)
    folder = Path(dataset_dir) / "parts"
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
