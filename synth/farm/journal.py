"""journal.jsonl: one line per finished shard, so that dataset.json is not rewritten for each.

Forty thousand rewrites of a manifest of forty thousand rows would be hundreds of gigabytes. The lines also keep the
time of each file, which tells at the next start whether somebody has changed it since.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from synth.storage.manifest import Manifest, ShardRow, checked_row

JOURNAL = "journal.jsonl"
DAMAGED = -1  # in place of a file's time: it held other bytes when it was read, so every start compares it anew


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished shard. mtime_ns: of its file, or DAMAGED. quarantined: indices of its empty records."""

    row: ShardRow
    mtime_ns: int
    quarantined: tuple[int, ...] = ()


def read_journal(folder: Path) -> dict[str, Entry]:
    """{file: the newest entry}. Lines that are torn or damaged count for nothing: their shards are looked at anew."""
    entries = {}
    path = folder / JOURNAL
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        if (entry := _entry(line)) is not None:
            entries[entry.row.file] = entry
    return entries


def _entry(line: bytes) -> Entry | None:
    try:
        content = json.loads(line)
        mtime_ns, quarantined = content.pop("mtime_ns"), content.pop("quarantined")
        return Entry(checked_row(**content), int(mtime_ns), tuple(map(int, quarantined)))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def append_entries(folder: Path, entries: Iterable[Entry]) -> None:
    """Add lines, and wait until they are on the disk. A torn last line of a driver that was killed is ended first."""
    lines = [asdict(entry.row) | {"mtime_ns": entry.mtime_ns, "quarantined": entry.quarantined} for entry in entries]
    with (folder / JOURNAL).open("ab+") as file:
        if file.tell() and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
            file.write(b"\n")
        file.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())


def merge(manifest: Manifest, journal: dict[str, Entry]) -> None:
    """Put the journal's shards into the manifest of a driver that died before it could."""
    rows = {row.file: row for row in manifest.shards}
    quarantined = set(manifest.quarantined)
    for file, entry in journal.items():
        if rows.get(file) != entry.row:
            rows[file] = entry.row
            quarantined.difference_update(range(entry.row.first, entry.row.first + entry.row.count))
            quarantined.update(entry.quarantined)
    manifest.shards = sorted(rows.values(), key=lambda row: row.first)
    manifest.quarantined = sorted(quarantined)
