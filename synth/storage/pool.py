"""The open shards of a dataset: few at a time, and anew in each process."""

import bisect
import os
import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np

from synth.passes import PASSES
from synth.record import Record
from synth.storage.manifest import Manifest, ShardRow
from synth.storage.remote import Remote
from synth.storage.shard import Shard

OPEN_SHARDS = 128  # file handles, and small arrays of so many shards, that one process keeps


class ShardPool:
    """Reads records of finished shards. Survives pickling, forks and threads: only the paths travel.

    path: the dataset's folder. remote: where shards come from that the folder lacks, None for a plain folder.
    """

    def __init__(self, path: Path, manifest: Manifest, remote: Remote | None = None) -> None:
        self.path, self.manifest, self.remote = path, manifest, remote
        self._firsts = [row.first for row in manifest.shards]
        self._forget()

    def record(self, index: int, names: tuple[str, ...]) -> Record:
        """Passes `names` of record `index`, arrays of the caller's own.

        IndexError if it is not rendered; ValueError if it cannot be read.
        """
        at = bisect.bisect_right(self._firsts, index) - 1
        row = self.manifest.shards[at] if at >= 0 else None
        if row is None or index >= row.first + row.count:
            raise IndexError(f"record {index} is not in {self.path}, which has {self.manifest.records_done} records")
        if self._process != os.getpid():
            self._forget()
        with self._lock:
            record = self._shard(row).record(index - row.first, names)
        return {name: array if array.base is None else array.copy() for name, array in record.items()}

    def column(self, indices: np.ndarray, name: str) -> np.ndarray:
        """One pass of records `indices` [N], all of which are there: [N, ...], in their order. N is not 0."""
        shards = np.searchsorted(self._firsts, indices, side="right") - 1
        order = np.argsort(shards, kind="stable")
        out = None
        for places in np.split(order, np.flatnonzero(np.diff(shards[order])) + 1):
            values = self._values(self.manifest.shards[shards[places[0]]], name, indices[places])
            if out is None:
                out = np.empty((len(indices), *values.shape[1:]), values.dtype)
            out[places] = values
        assert out is not None
        return out

    def kind(self, name: str) -> tuple[tuple[int, ...], np.dtype]:
        """Shape of one record's array of a pass, and its dtype; of the first shard, so there must be one."""
        row = self.manifest.shards[0]
        with self.opened(row, (name,)) as shard:
            value = shard.record(0, (name,))[name]
        return value.shape, value.dtype

    def close(self) -> None:
        """Close all files; a later read opens them again."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()

    def __getstate__(self) -> dict:
        return {"path": self.path, "manifest": self.manifest, "remote": self.remote}

    def __setstate__(self, state: dict) -> None:
        self.__init__(**state)

    def _values(self, row: ShardRow, name: str, indices: np.ndarray) -> np.ndarray:
        """A pass of some records of one shard. A small one is read from a handle of its own, which checks it alone."""
        if PASSES[name].per_pixel:
            return np.stack([self.record(int(index), (name,))[name] for index in indices])
        with self.opened(row, (name,)) as shard:
            return np.stack([shard.record(int(index) - row.first, (name,))[name] for index in indices])

    def _forget(self) -> None:
        """Begin anew, in a process of its own: HDF5's handles must not cross a fork."""
        self._open: OrderedDict[str, Shard] = OrderedDict()
        self._process, self._lock = os.getpid(), threading.Lock()

    def _shard(self, row: ShardRow) -> Shard:
        if row.file not in self._open:
            self._open[row.file] = self.opened(row, self.manifest.names)
        self._open.move_to_end(row.file)
        if len(self._open) > OPEN_SHARDS:
            self._open.popitem(last=False)[1].close()
        return self._open[row.file]

    def opened(self, row: ShardRow, names: tuple[str, ...]) -> Shard:
        """A shard of its own handle, which the caller closes. ValueError if it cannot be read."""
        if self.remote and self.remote.ranged:
            return Shard(self.path / row.file, names, self.remote.stream(row.file, row.bytes))
        return Shard(self.remote.fetch(row) if self.remote else self.path / row.file, names)
