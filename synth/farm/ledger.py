"""The manifest of a dataset while it grows: a line in the journal for each shard, dataset.json now and then."""

import time
from pathlib import Path

from synth.farm.journal import Entry, append_entries
from synth.farm.lock import Lock
from synth.farm.publish import Publication
from synth.farm.quarantine import quarantine_files, release
from synth.farm.results import Assembled
from synth.farm.work import MissingShard
from synth.storage.manifest import Manifest, write_manifest
from synth.storage.parts import remove_parts

FOLD_EVERY_S = 30.0  # dataset.json is rewritten no more often than this, and takes 5 % of the time at most
FOLD_SHARE = 20


class Ledger:
    """The manifest while it grows: `book` costs the same for the first shard and for the forty-thousandth.

    quarantined: indices of all empty records of the dataset's shards.
    """

    def __init__(self, folder: Path, manifest: Manifest, lock: Lock, publication: Publication | None = None) -> None:
        self.manifest, self.quarantined = manifest, set(manifest.quarantined)
        self._folder, self._lock, self._publication = folder, lock, publication
        self._rows = {row.file: row for row in manifest.shards}
        self._files = publication.quarantine_files() if publication else quarantine_files(folder)
        self._next_fold = time.monotonic() + FOLD_EVERY_S

    def book(self, shard: MissingShard, empty: tuple[int, ...], done: Assembled) -> None:
        """A shard is written: note it, and only then delete the parts that it was made of."""
        row = done.row
        self.quarantined.difference_update(shard.indices())
        self.quarantined.update(empty)
        inside = sorted(q for q in self.quarantined if row.first <= q < row.first + row.count)
        if not self._publication:  # its truth is what is published
            append_entries(self._folder, [Entry(row, done.mtime_ns, tuple(inside))])
        self._rows[row.file] = row
        remove_parts(self._folder, range(row.first, row.first + row.count))
        self._files.update(empty)
        if rendered := self._files.intersection(shard.indices()).difference(empty):
            release(self._folder, rendered)
            if self._publication:
                self._publication.release(rendered)
            self._files -= rendered
        now = bool(inside and self._publication)  # a shard does not say which of its records are empty
        if now or time.monotonic() >= self._next_fold:
            self.fold(now)

    def fold(self, now: bool = False) -> None:
        """Write, or publish, dataset.json as it is now. RuntimeError if another driver has taken the dataset.

        now: publish it, however short the time since it was published last.
        """
        self._lock.require()
        start = time.monotonic()
        self.manifest.shards = sorted(self._rows.values(), key=lambda row: row.first)
        self.manifest.quarantined = sorted(self.quarantined)
        if self._publication:
            self._publication.push(self.manifest, now)
        else:
            write_manifest(self._folder, self.manifest)
        end = time.monotonic()
        self._next_fold = end + max(FOLD_EVERY_S, FOLD_SHARE * (end - start))
