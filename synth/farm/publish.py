"""A dataset behind a URL: rendered in a working folder, published shard by shard, dataset.json always after its shards.

What is published is the truth: a run on a fresh machine goes on from there. The working folder only keeps finished
records until their shard is complete; it is never as large as the dataset.
"""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from synth.config import Config
from synth.farm.folder import CONFIG, OURS, PREVIEW, SHARDS, VIRTUAL, delete_dataset
from synth.farm.journal import JOURNAL
from synth.farm.place import dataset_place
from synth.farm.quarantine import QUARANTINE, indices_of, quarantine_file, quarantine_files
from synth.farm.remote_lock import LOCK, RemoteLock, locked_remotely
from synth.farm.verify import have_their_checksums
from synth.preview import write_preview
from synth.record import Record
from synth.storage.files import LEFTOVERS, TEMPORARY, replacing
from synth.storage.manifest import MANIFEST, Manifest, ShardRow, planned_shards, write_manifest
from synth.storage.pool import ShardPool
from synth.storage.reader import Dataset
from synth.storage.remote import Remote, is_url
from synth.storage.shard import Shard, adopt_shard
from synth.storage.upload import Bucket
from synth.storage.virtual import virtual_problems, write_virtual

PUSH_EVERY_S = 60.0  # dataset.json of ten million records is 8 MB
SMALL = (CONFIG, VIRTUAL, PREVIEW)


@dataclass(frozen=True, slots=True)
class Depot:
    """The dataset behind a URL, and the folder where it is rendered. Workers have it too: it survives pickling."""

    url: str
    folder: Path

    @property
    def bucket(self) -> Bucket:
        """Where files go."""
        return Bucket(self.url)

    def publish(self, row: ShardRow) -> None:
        """Upload a finished shard and delete it here. OSError when that fails for good: it is still here then."""
        path = self.folder / row.file
        self.bucket.put(path, row.file)
        path.unlink()

    def fetch(self, row: ShardRow) -> Path:
        """A published shard, here."""
        return Remote(self.url, self.folder).fetch(row)

    def example(self, names: tuple[str, ...]) -> Record | None:
        """Any published record; None if there is none. Asks for the files: dataset.json may not name them yet."""
        for name, size in sorted(self.bucket.sizes("shards").items()):
            if _is_one_of(name, [SHARDS]):
                with (
                    suppress(ValueError),
                    self._ranged.stream(name, size) as content,
                    Shard(self.folder / name, names, content) as shard,
                ):
                    return shard.record(0)
        return None

    def pool(self, manifest: Manifest) -> ShardPool:
        """Reads single records of published shards, without fetching them whole."""
        return ShardPool(self.folder, manifest, self._ranged)

    def dataset(self, manifest: Manifest) -> Dataset:
        """The published records, read like `pool` reads them."""
        return Dataset(self.folder, manifest, self._ranged)

    @property
    def _ranged(self) -> Remote:
        return Remote(self.url, self.folder, ranged=True)


@dataclass(slots=True)
class Publication:
    """The driver's part: what is pulled before a run, and pushed while it runs and at its end."""

    depot: Depot
    lock: RemoteLock
    _pushed: float = field(init=False, default=0.0)  # when dataset.json was
    _behind: Manifest | None = field(init=False, default=None)  # what is not published yet
    _unsound: set[str] = field(init=False, default_factory=set)  # shards that are to be rendered again

    def pull(self) -> None:
        """Make the small files of the working folder those that are published, and sweep what killed uploads left.

        ValueError if something else than a dataset of synth is there.
        """
        bucket, folder = self.depot.bucket, self.depot.folder
        names = bucket.sizes()
        bucket.remove(name for name in names if _is_one_of(name, LEFTOVERS))
        content = bucket.read(MANIFEST)
        if content is None:
            _refuse_foreign(self.depot.url, names)
        local = folder / MANIFEST
        if local.is_file() and _identity(local.read_bytes()) != _identity(content):
            delete_dataset(folder)  # parts of another config or version, or of a dataset that was deleted there
        for name, held in {MANIFEST: content, **{name: bucket.read(name) for name in SMALL if name in names}}.items():
            if held is not None:
                with replacing(folder / name) as path:
                    path.write_bytes(held)

    def sound_files(self, manifest: Manifest, verify_all: bool) -> set[str]:
        """The published shards that are what they were, as far as a listing tells, or with verify_all their checksums.

        The manifest gets adopted shards first.
        """
        self._adopt(manifest)
        bucket = self.depot.bucket
        sizes = bucket.sizes("shards")
        rows = [row for row in manifest.shards if sizes.get(row.file) == row.bytes]
        if verify_all:
            rows = [row for row, ok in zip(rows, have_their_checksums(rows, bucket.sha256), strict=True) if ok]
        sound = {row.file for row in rows}
        self._unsound = {row.file for row in manifest.shards} - sound
        return sound

    def remove_unsound(self) -> None:
        """Delete what `sound_files` has left out, while dataset.json names it: once it does not, it may be adopted."""
        self.lock.require()
        self.depot.bucket.remove(sorted(self._unsound))

    def _adopt(self, manifest: Manifest) -> None:
        """Give the manifest the rows of shards that were finished, here or there, before dataset.json named them.

        A shard does not say which of its records are empty: where one was given up, it is rendered again.
        """
        there = self.depot.bucket.sizes("shards")
        known = {row.file for row in manifest.shards}
        doubtful = {index // manifest.records_per_shard for index in self.quarantine_files()}
        for plan in planned_shards(manifest.num_records, manifest.records_per_shard):
            path = self.depot.folder / plan.file
            here = path.is_file()
            if plan.file in known or not (here or plan.file in there):
                continue
            row = None
            if plan.number not in doubtful:
                if not here:
                    self.depot.bucket.get(plan.file, path)
                row = adopt_shard(self.depot.folder, plan, manifest.names)
            if row and here:
                self.depot.publish(row)
            path.unlink(missing_ok=True)
            if row:
                manifest.shards.append(row)
                self._behind = manifest
        manifest.shards.sort(key=lambda row: row.first)

    def quarantine_files(self) -> set[int]:
        """Indices of all records that have a file in quarantine/, here or there."""
        return quarantine_files(self.depot.folder) | indices_of(self.depot.bucket.sizes(QUARANTINE))

    def quarantine(self, index: int) -> None:
        """Publish the file of a record that was given up: before its shard, which nobody then takes for a whole one."""
        self.lock.require()
        self.depot.bucket.put(self.depot.folder / quarantine_file(index), quarantine_file(index))

    def release(self, indices: Iterable[int]) -> None:
        """Delete the published files of records that have been rendered after all."""
        self.lock.require()
        self.depot.bucket.remove(map(quarantine_file, indices))

    def push(self, manifest: Manifest, now: bool = False) -> None:
        """Publish dataset.json, at most once a minute unless `now`."""
        self._behind = manifest
        if now or time.monotonic() - self._pushed >= PUSH_EVERY_S:
            self.lock.require()
            write_manifest(self.depot.folder, manifest)
            self.depot.bucket.put(self.depot.folder / MANIFEST, MANIFEST)
            self._pushed, self._behind = time.monotonic(), None

    def push_all(self, manifest: Manifest) -> None:
        """Publish the small files, dataset.json last."""
        for path in self._small_files():
            self.depot.bucket.put(path, path.relative_to(self.depot.folder).as_posix())
        self.push(manifest, now=True)

    def _small_files(self) -> list[Path]:
        """All that belongs to the dataset but shards and dataset.json: the report and quarantined records too."""
        folder = self.depot.folder
        found = [*folder.glob("*"), *folder.glob(f"{QUARANTINE}/*")]
        ours = [path for path in found if path.is_file() and path.suffix != TEMPORARY]
        return sorted(path for path in ours if path.name not in (LOCK, JOURNAL, MANIFEST))

    def catch_up(self) -> None:
        """Publish what the last push left for the next one."""
        if self._behind is not None:
            self.push(self._behind, now=True)

    def finish(self, manifest: Manifest, config_yaml: str, rendered: bool) -> None:
        """Make and publish config.yaml, dataset.h5 and preview.png where they are missing or out of date."""
        folder, there = self.depot.folder, all((self.depot.folder / name).is_file() for name in SMALL)
        if there and not rendered and not virtual_problems(folder, manifest):
            return
        with replacing(folder / CONFIG) as path:
            path.write_text(config_yaml, encoding="utf-8")
        write_virtual(folder, manifest, self.depot.pool(manifest).opened)
        write_preview(folder, dataset=self.depot.dataset(manifest))
        self.push_all(manifest)

    def delete(self) -> None:
        """Delete the published dataset, its own files only, dataset.json last: a deletion can be repeated."""
        self.lock.require()
        ours = [name for name in self.depot.bucket.sizes() if _is_one_of(name, OURS)]
        self.depot.bucket.remove_all(ours)
        self.depot.bucket.remove([MANIFEST])


@contextmanager
def published(config: Config, folder: Path) -> Iterator[Publication | None]:
    """The publication of a dataset behind a URL, under its lock and pulled; None for a plain folder."""
    depot = depot_of(config, folder)
    if depot is None:
        yield None
        return
    with locked_remotely(depot.bucket) as lock:
        publication = Publication(depot, lock)
        publication.pull()
        try:
            yield publication
        finally:
            publication.catch_up()


def depot_of(config: Config, folder: Path) -> Depot | None:
    """Where a worker publishes its shards; None if they stay in the folder."""
    url = dataset_place(config)
    return Depot(url, folder) if is_url(url) else None


def _refuse_foreign(url: str, names: dict[str, int]) -> None:
    found = sorted(name for name in names if name != LOCK and not _is_one_of(name, LEFTOVERS))
    if found:
        raise ValueError(
            f"output.dir must be empty, new or a dataset of synth, got {url!r}, which holds {found[0]!r} and no "
            f"{MANIFEST}; choose another output.dir"
        )


def _is_one_of(name: str, patterns: Iterable[str]) -> bool:
    return any(Path(name).full_match(pattern) for pattern in patterns)


def _identity(content: bytes | None) -> object:
    """What tells apart datasets whose parts are not to be mixed."""
    try:
        held = json.loads(content or b"")
        return [held[key] for key in ("config_hash", "seed", "synth_version", "bpy_version")]
    except (ValueError, KeyError, TypeError):
        return None
