"""Shards: one HDF5 file of consecutive records, every array [N, ...], readable by a plain h5py.

The bytes of a file depend on its records alone: no time stamps, one thread, one order.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import h5py
import numpy as np

from synth.passes import PASSES
from synth.record import Record
from synth.storage.files import disk_errors_in_words, sha256
from synth.storage.hdf5 import Sink, attributes, create, new_file
from synth.storage.manifest import SCHEMA_VERSION, ShardPlan, ShardRow


def write_shard(
    dataset_dir: Path, plan: ShardPlan, names: tuple[str, ...], records: Iterable[Record], previous: Path | None = None
) -> ShardRow:
    """Write a shard, all of it or nothing, and return its row for the manifest.

    records: the plan's records in order, without those that `previous` holds: an older, shorter file of the same
    shard, whose records are copied. ValueError if there are more or fewer records than planned.
    OSError names the folder, the space that is needed and the way out; what was there before is still there.
    """
    path = Path(dataset_dir) / plan.file
    copied = read_records(previous, names) if previous else ()
    source = chain(copied, records)
    example = next(source, None)
    if example is None:
        raise ValueError(f"{plan.file} needs {plan.count} records, got none")
    needed = plan.count * sum(example[name].nbytes for name in names)
    with disk_errors_in_words(path, needed), new_file(path) as (file, sink):
        file.attrs.update(schema_version=SCHEMA_VERSION, first=plan.first, count=plan.count)
        targets = {name: create(file, PASSES[name], plan.count, example[name].shape) for name in names}
        _fill(targets, plan.count, chain([example], source), sink)
    return _row(Path(dataset_dir), plan)


def adopt_shard(dataset_dir: Path, plan: ShardPlan, names: tuple[str, ...]) -> ShardRow | None:
    """The row of a whole shard whose writer died before dataset.json named it; None if there is no such file.

    Every record is read, so that a damaged file is not adopted.
    """
    try:
        with Shard(Path(dataset_dir) / plan.file, names) as shard:
            if (shard.first, shard.count) != (plan.first, plan.count):
                return None
            for row in range(shard.count):
                shard.record(row)
    except ValueError:
        return None
    return _row(Path(dataset_dir), plan)


def _row(dataset_dir: Path, plan: ShardPlan) -> ShardRow:
    path = dataset_dir / plan.file
    return ShardRow(plan.file, plan.first, plan.count, path.stat().st_size, sha256(path))


def _fill(targets: dict[str, h5py.Dataset], count: int, records: Iterator[Record], sink: Sink) -> None:
    done = 0
    for record in records:
        if done == count:
            raise ValueError(f"more records than the {count} that were planned")
        for name, target in targets.items():
            if record[name].shape != target.shape[1:]:
                raise ValueError(f"record {done} has {name} {record[name].shape}, the others have {target.shape[1:]}")
            target[done] = record[name].item() if PASSES[name].dtype == "str" else record[name]
        sink.raise_error()
        done += 1
    if done != count:
        raise ValueError(f"{done} records where {count} were planned")


class Shard:
    """An open shard. Close it, or use it in a `with` block.

    file: its path in the dataset. first, count: its records are first to first + count - 1. names: its passes.
    """

    def __init__(self, path: Path, names: tuple[str, ...] | None = None) -> None:
        """Open the file and check that it holds `names` (all its own if None), each as the pass table says.

        ValueError names the file, and says whether it is missing or what is wrong with it.
        """
        self.file = f"{path.parent.name}/{path.name}"
        if not path.is_file():
            raise ValueError(f"{self.file} is missing")
        with _damage(self.file):
            self._file = h5py.File(path, "r")
        try:
            with _damage(self.file):
                self.first, self.count = _whole_number(self._file, "first"), _whole_number(self._file, "count")
                self.names = tuple(n for n in PASSES if n in self._file) if names is None else names
                self._datasets = {name: _checked(self._file, name, self.count) for name in self.names}
        except ValueError:
            self.close()
            raise
        self._small: dict[str, np.ndarray] = {}

    def __enter__(self) -> "Shard":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; arrays that were read stay valid."""
        self._file.close()

    def kind(self, name: str) -> tuple[tuple[int, ...], np.dtype]:
        """Shape of one record's array of that pass, and its dtype in the file."""
        return self._datasets[name].shape[1:], self._datasets[name].dtype

    def stored_bytes(self, name: str) -> int:
        """Bytes of that pass in the file, compressed, without the text of strings."""
        return self._datasets[name].id.get_storage_size()

    def record(self, row: int, names: tuple[str, ...] | None = None) -> Record:
        """Record `first + row`, all its passes or only `names`. ValueError names the file, the record and the pass."""
        return {name: self._read(name, row) for name in names or self.names}

    def _read(self, name: str, row: int) -> np.ndarray:
        with _damage(f"{self.file}, record {self.first + row}, {name}"):
            if PASSES[name].per_pixel:
                return self._datasets[name][row]
            if name not in self._small:
                self._small[name] = self._datasets[name][()]
            value = self._small[name][row]
            return np.array(value, dtype=object) if PASSES[name].dtype == "str" else np.asarray(value)


def _whole_number(file: h5py.File, key: str) -> int:
    """An attribute of the file, 0 or more."""
    value = file.attrs[key]
    if not isinstance(value, np.integer) or value < 0:
        raise ValueError(f"its attribute {key} is {value!r:.80}, must be 0 or more")
    return int(value)


def _checked(file: h5py.File, name: str, count: int) -> h5py.Dataset:
    """The dataset of a pass, if its kind, shape and attributes are those of the pass table."""
    if name not in file:
        raise ValueError(f"{name} is missing")
    dataset, row = file[name], PASSES[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.is_virtual or dataset.external:
        raise ValueError(f"{name} is not a plain dataset")
    if dataset.shape is None or dataset.ndim != 1 + len(row.shape) or len(dataset) != count:
        raise ValueError(f"{name} has shape {dataset.shape}, must be {[count, *row.shape]}")
    text = h5py.check_string_dtype(dataset.dtype) is not None
    if text != (row.dtype == "str") or (not text and dataset.dtype != np.dtype(row.dtype)):
        raise ValueError(f"{name} is {dataset.dtype}, must be {row.dtype}")
    wrong = [key for key, value in attributes(row).items() if dataset.attrs.get(key) != value]
    if wrong:
        raise ValueError(f"{name} has another {wrong[0]} than the pass table: {dataset.attrs.get(wrong[0])!r:.80}")
    return dataset


@contextmanager
def _damage(what: str) -> Iterator[None]:
    """Whatever goes wrong in the block becomes a ValueError about `what`; h5py raises many kinds on a damaged file."""
    try:
        yield
    except Exception as error:
        raise ValueError(f"{what} cannot be read: {' '.join(str(error).split())[:200]}") from error


def read_records(path: Path, names: tuple[str, ...] | None = None) -> Iterator[Record]:
    """The records of a shard in order. ValueError as `Shard` raises it."""
    with Shard(path, names) as shard:
        for row in range(shard.count):
            yield shard.record(row)


def verify_shard(dataset_dir: Path, row: ShardRow, deep: bool = False) -> str | None:
    """What is wrong with a finished shard's file, in words that name it, or None.

    deep: also compare the checksum; otherwise only that it is there and has the right size.
    """
    path = Path(dataset_dir) / row.file
    if not path.is_file():
        return f"{row.file} is missing; run the same command again to render it"
    size = path.stat().st_size
    if size != row.bytes:
        return f"{row.file} has {size} bytes, dataset.json says {row.bytes}; run the same command again to render it"
    if deep and sha256(path) != row.sha256:
        return (
            f"{row.file} has another SHA-256 than dataset.json says: some of its bytes have changed; "
            "delete it and run the same command again"
        )
    return None
