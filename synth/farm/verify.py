"""Which of a dataset's shards are still what they were when they were written, without reading them all.

A file whose size and time are those in the journal has not been written to since. The others, and with
farm.verify=all every one, are compared with their checksums: what a disk has garbled by itself is found only so.
"""

import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from synth.farm.journal import DAMAGED, Entry, append_entries
from synth.storage.files import sha256
from synth.storage.manifest import ShardRow

HASHERS = 4  # hashing leaves Python's lock alone


def sound_files(folder: Path, rows: Iterable[ShardRow], journal: dict[str, Entry], verify_all: bool) -> set[str]:
    """The files of `rows` that hold what they held. What those that had to be read are goes into the journal."""
    sound, unsure = set(), []
    for row in rows:
        found = _size_and_time(folder / row.file)
        if found is None or found[0] != row.bytes:
            continue
        entry = journal.get(row.file)
        if not verify_all and entry is not None and entry.row == row and entry.mtime_ns == found[1]:
            sound.add(row.file)
        else:
            unsure.append((row, found[1]))
    same = have_their_checksums([row for row, _ in unsure], lambda file: sha256(folder / file))
    found = [
        Entry(row, mtime_ns if ok else DAMAGED, _quarantined(journal, row))
        for (row, mtime_ns), ok in zip(unsure, same, strict=True)
    ]
    if news := [entry for entry in found if entry != journal.get(entry.row.file)]:
        append_entries(folder, news)
    return sound | {entry.row.file for entry in found if entry.mtime_ns != DAMAGED}


def have_their_checksums(rows: list[ShardRow], digest: Callable[[str], str | None]) -> list[bool]:
    """Whether each file holds what was written. digest: SHA-256 of a file, by its name in the dataset."""
    if rows:
        size = sum(row.bytes for row in rows)
        print(f"comparing {len(rows)} shards ({size / 1e9:.3g} GB) with their checksums", file=sys.stderr, flush=True)
    with ThreadPoolExecutor(HASHERS) as pool:
        return list(pool.map(lambda row: digest(row.file) == row.sha256, rows))


def _size_and_time(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns


def _quarantined(journal: dict[str, Entry], row: ShardRow) -> tuple[int, ...]:
    entry = journal.get(row.file)
    return entry.quarantined if entry is not None and entry.row == row else ()
