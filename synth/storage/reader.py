"""Reading a dataset, record by record."""

import bisect
import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from synth.record import Record
from synth.storage.manifest import Manifest, ShardRow, read_manifest
from synth.storage.shard import Shard

OPEN_SHARDS = 32  # file handles, and small arrays of so many shards, that one process keeps


def open_dataset(path: str | Path) -> "Dataset":
    """The dataset in a folder, finished or not. ValueError if there is none, or its dataset.json is damaged."""
    manifest = read_manifest(Path(path))
    if manifest is None:
        raise ValueError(f"{path} holds no dataset: there is no dataset.json in it")
    return Dataset(Path(path), manifest)


class Dataset:
    """The finished shards of a dataset. Files are opened when they are needed, anew in each process.

    manifest: what dataset.json says. names: the passes of every record.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path, self.manifest, self.names = path, manifest, manifest.names
        self._firsts = [row.first for row in manifest.shards]
        self._open: OrderedDict[str, Shard] = OrderedDict()
        self._process = os.getpid()

    def __len__(self) -> int:
        """How many records are there; all of num_records once the dataset is complete."""
        return self.manifest.records_done

    def __iter__(self) -> Iterator[Record]:
        """All records that are there, in order."""
        return (self.record(index) for index in self.indices())

    def indices(self) -> Iterator[int]:
        """Indices of the records that are there, in order."""
        return (index for row in self.manifest.shards for index in range(row.first, row.first + row.count))

    def record(self, index: int, names: tuple[str, ...] | None = None) -> Record:
        """Record `index`, with all passes or only `names`, as arrays of the pass table.

        IndexError if it is not rendered; ValueError names its shard, the record and the pass if it cannot be read.
        """
        row = self._row(index)
        return self._shard(row).record(index - row.first, names)

    def close(self) -> None:
        """Close all files; a later read opens them again."""
        while self._open:
            self._open.popitem()[1].close()

    def __getstate__(self) -> dict:
        return {"path": self.path, "manifest": self.manifest}

    def __setstate__(self, state: dict) -> None:
        self.__init__(**state)

    def _row(self, index: int) -> ShardRow:
        at = bisect.bisect_right(self._firsts, index) - 1
        row = self.manifest.shards[at] if at >= 0 else None
        if row is None or index >= row.first + row.count:
            raise IndexError(f"record {index} is not in {self.path}, which has {len(self)} records")
        return row

    def _shard(self, row: ShardRow) -> Shard:
        """The open shard, from the handles of this process: HDF5's must not cross a fork."""
        if self._process != os.getpid():
            self._open, self._process = OrderedDict(), os.getpid()
        if row.file not in self._open:
            self._open[row.file] = Shard(self.path / row.file, self.names)
        self._open.move_to_end(row.file)
        if len(self._open) > OPEN_SHARDS:
            self._open.popitem(last=False)[1].close()
        return self._open[row.file]
