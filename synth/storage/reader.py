"""Reading a dataset: records by position, views of some of them, one pass of all of them."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, SupportsIndex, overload

import numpy as np

from synth.record import Record
from synth.storage.choice import chosen_passes
from synth.storage.damage import Damaged
from synth.storage.manifest import Manifest, read_manifest
from synth.storage.pool import ShardPool
from synth.storage.remote import Remote, is_url

Column = Callable[[str], np.ndarray]


def open_dataset(
    path: str | Path,
    names: str | Iterable[str] | None = None,
    *,
    cache_dir: str | Path | None = None,
    damaged: str = "raise",
) -> "Dataset":
    """The dataset in a folder or behind a URL, finished or not.

    names: the passes that records shall have, all of them if None.
    cache_dir: where the shards of a URL are kept once they are read, the user's cache folder if None.
    damaged: what iteration does at a record that cannot be read: "raise" a storage.damage.Damaged, or "skip" it.
    ValueError if there is no dataset, its dataset.json is damaged, or it lacks one of `names`.
    OSError if what is behind a URL cannot be read.
    """
    remote = _mirror(str(path), Path(cache_dir) if cache_dir else None) if is_url(path) else None
    folder = remote.folder if remote else Path(path)
    manifest = read_manifest(folder)
    if manifest is None:
        raise ValueError(f"{path} holds no dataset: there is no dataset.json in it")
    dataset = Dataset(folder, manifest, remote, damaged)
    return dataset if names is None else dataset.select(names)


def _mirror(url: str, cache_dir: Path | None) -> Remote:
    from synth.storage.mirror import mirror  # needs a POSIX system

    return mirror(url, cache_dir)


class Dataset:
    """The records of a dataset that are there, in order, or a view of some of them in any order.

    dataset[k] is the record at position k, negative from the end; dataset[slice], dataset[[3, 1, 1]] and
    dataset[mask] are views, which cost nothing until they are read, and have views of their own.
    Files are opened when they are needed, anew in each process: a dataset can be pickled, forked and given to
    data loaders' workers.

    path: the folder. manifest: what dataset.json says. names: the passes that its records have.
    """

    def __init__(self, path: Path, manifest: Manifest, remote: Remote | None = None, damaged: str = "raise") -> None:
        if damaged not in ("raise", "skip"):
            raise ValueError(f"damaged must be 'raise' or 'skip', got {damaged!r}")
        self.path, self.manifest, self.names, self.damaged = path, manifest, manifest.names, damaged
        self._pool = ShardPool(path, manifest, remote)
        self._indices: np.ndarray | None = None  # int64 [N] of a view; None is every record that is there
        self._ends = np.cumsum([row.count for row in manifest.shards], dtype=np.int64)
        if manifest.quarantined:  # records that could not be rendered: left out, but for record(index)
            there = self.indices()
            self._indices = there[~np.isin(there, manifest.quarantined)]

    def __repr__(self) -> str:
        return f"Dataset({str(self.path)!r}, {len(self)} records, {len(self.names)} passes)"

    def __len__(self) -> int:
        """How many records are there, or in the view; all of num_records once the dataset is complete."""
        return self.manifest.records_done if self._indices is None else len(self._indices)

    def __iter__(self) -> Iterator[Record]:
        """All records, in order. With damaged="skip", those that can be read; a warning names each of the others."""
        for index in self.indices():
            try:
                record = self.record(int(index))
            except Damaged as error:
                if self.damaged != "skip":
                    raise
                warnings.warn(f"record {index} is skipped: {error}", stacklevel=2)
            else:
                yield record

    @overload
    def __getitem__(self, key: slice | Sequence[int] | Sequence[bool] | np.ndarray) -> Self: ...
    @overload
    def __getitem__(self, key: SupportsIndex) -> Record: ...
    def __getitem__(self, key: Any) -> Any:
        """A record (int) or a view (slice, integers or a bool mask [N]). IndexError outside, TypeError for a name."""
        if isinstance(key, str):
            raise TypeError(f"a dataset is indexed by position; for the pass of all records say column({key!r})")
        if isinstance(key, SupportsIndex) and getattr(key, "ndim", 0) == 0:
            return self.record(int(self._index_of(np.array([key]))[0]))
        if isinstance(key, slice):
            return self._view(self._index_of(np.arange(*key.indices(len(self)))))
        return self._view(self._index_of(self._positions(key)))

    def record(self, index: int, names: tuple[str, ...] | None = None) -> Record:
        """The record whose meta/index is `index`, in this view or not, with `names` or this view's passes.

        IndexError if it is not rendered; ValueError names its shard, the record and the pass if it cannot be read.
        """
        return self._pool.record(index, self.names if names is None else names)

    def indices(self) -> np.ndarray:
        """int64 [N]: meta/index of every record, in order."""
        if self._indices is not None:
            return self._indices.copy()
        return np.concatenate([np.arange(0), *(np.arange(r.first, r.first + r.count) for r in self.manifest.shards)])

    def select(self, names: str | Iterable[str]) -> Self:
        """The same records with these passes alone. ValueError if the dataset lacks one."""
        view = self._view(self._indices)
        view.names = chosen_passes(names, self.manifest.names)
        return view

    def column(self, name: str) -> np.ndarray:
        """One pass of all records, [N, ...] in order; text is an object array of UTF-8 bytes.

        No other pass is read, and the records need not have it among their own: for filters and statistics.
        ValueError if the dataset lacks it, or a shard cannot be read.
        """
        chosen_passes(name, self.manifest.names)
        if len(self):
            return self._pool.column(self.indices(), name)
        shape, dtype = self._pool.kind(name) if self.manifest.shards else ((), np.dtype(float))
        return np.empty((0, *shape), dtype)

    def arrays(self) -> Record:
        """All records stacked: {name: [N, ...]}. Meant for views of a batch. ValueError if there are none.

        With damaged="skip" there are fewer, where some cannot be read.
        """
        records = list(self)
        if not records:
            raise ValueError(f"none of the {len(self)} records can be stacked: the view is empty, or all are damaged")
        return stacked(records)

    def where(self, condition: np.ndarray | Callable[[Column], np.ndarray]) -> Self:
        """The view of the records where a bool mask [N] is true, or what a function of `column` makes of it:

        dataset.where(lambda column: abs(column("params/yaw_pitch_roll")[:, 0]) < 0.5)
        """
        mask = np.asarray(condition(self.column) if callable(condition) else condition)
        if mask.dtype != bool:
            raise ValueError(f"where() takes a bool mask [{len(self)}], got {mask.dtype} {list(mask.shape)}")
        return self[mask]

    def by_identity(self) -> dict[int, Self]:
        """{meta/identity_index: view of its records, in order}, sorted."""
        if not len(self):
            return {}
        identities, indices = self.column("meta/identity_index"), self.indices()
        order = np.argsort(identities, kind="stable")
        firsts = np.flatnonzero(np.diff(identities[order])) + 1
        groups = np.split(order, firsts)
        return {int(identities[group[0]]): self._view(indices[group]) for group in groups}

    def shard_numbers(self) -> np.ndarray:
        """int64 [N]: which shard each record is in. Records of one shard are read together fastest."""
        firsts = [row.first for row in self.manifest.shards]
        return np.searchsorted(firsts, self.indices(), side="right") - 1

    def close(self) -> None:
        """Close all files, of views too; a later read opens them again."""
        self._pool.close()

    def _view(self, indices: np.ndarray | None) -> Self:
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__, _indices=indices)
        return view

    def _positions(self, key: object) -> np.ndarray:
        """int64 [n] of a list, an array or a mask."""
        array = np.asarray(key)
        if array.dtype == bool and array.shape != (len(self),):
            raise IndexError(f"a mask must have the shape [{len(self)}], got {list(array.shape)}")
        if array.dtype == bool:
            return np.flatnonzero(array)
        if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
            raise TypeError(f"a dataset is indexed by int, slice, integers [n] or a mask [N], got {key!r:.80}")
        return array.astype(np.int64)

    def _index_of(self, positions: np.ndarray) -> np.ndarray:
        """meta/index [n] of the records at positions [n]."""
        count = len(self)
        outside = (positions < -count) | (positions >= count)
        if outside.any():
            raise IndexError(f"position {positions[outside][0]} is outside of {count} records")
        positions = np.where(positions < 0, positions + count, positions).astype(np.int64)
        if self._indices is not None:
            return self._indices[positions]
        shards = np.searchsorted(self._ends, positions, side="right")
        shifts = np.array([row.first for row in self.manifest.shards], np.int64) - np.append(0, self._ends[:-1])
        return positions + shifts[shards] if len(positions) else positions


def stacked(records: Sequence[Record]) -> Record:
    """{name: [N, ...]} of N records of the same shapes, 1 at least."""
    return {name: np.stack([record[name] for record in records]) for name in records[0]}
