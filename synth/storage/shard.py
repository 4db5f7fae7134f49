"""Shards: one HDF5 file of consecutive records, every array [N, ...], readable by a plain h5py.

The bytes of a file depend on its records alone: no time stamps, one thread, one order.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np

from synth.passes import PASSES, STATISTICAL, Pass
from synth.record import Record
from synth.storage.codec import Chunks, chunks_of, require_codec
from synth.storage.contract import attribute_problems, checked_pass, schema_version, whole_number
from synth.storage.damage import DamagedRecord, DamagedShard, damaged_shard, in_words
from synth.storage.files import disk_errors_in_words, sha256
from synth.storage.hdf5 import Sink, create, create_text, new_file
from synth.storage.manifest import SCHEMA_VERSION, ShardPlan, ShardRow
from synth.storage.rounding import rounded

Put = Callable[[int, np.ndarray], None]


def write_shard(
    dataset_dir: Path,
    plan: ShardPlan,
    names: tuple[str, ...],
    records: Iterable[Record],
    previous: Path | None = None,
    codec: str = "gzip",
    table: Mapping[str, Pass] = PASSES,
) -> ShardRow:
    """Write a shard, all of it or nothing, and return its row for the manifest.

    records: the plan's records in order, without those that `previous` holds: an older, shorter file of the same
    shard, whose records are copied. Floats are rounded as `rounding.ROUNDING` says. codec: one of `codec.LAYOUTS`.
    table: the rows of the pass table, in the form that the dataset's model has.
    ValueError if there are more or fewer records than planned, or the codec's plug-in is not installed.
    OSError names the folder, the space that is needed and the way out; what was there before is still there.
    """
    require_codec(codec)
    path = Path(dataset_dir) / plan.file
    copied = read_records(previous, names) if previous else ()
    source = chain(copied, records)
    example = next(source, None)
    if example is None:
        raise ValueError(f"{plan.file} needs {plan.count} records, got none")
    needed = plan.count * sum(example[name].nbytes for name in names)
    with disk_errors_in_words(path, needed), new_file(path) as (file, sink):
        file.attrs.update(schema_version=SCHEMA_VERSION, first=plan.first, count=plan.count)
        texts: dict[str, list[bytes]] = {name: [] for name in names if PASSES[name].dtype == "str"}
        shapes = {name: example[name].shape for name in names if name not in texts}
        puts = {name: _target(file, table[name], plan.count, shape, codec) for name, shape in shapes.items()}
        puts |= {name: partial(_keep, kept) for name, kept in texts.items()}
        _fill(puts, plan.count, chain([example], source), sink)
        for name, kept in texts.items():
            create_text(file, PASSES[name], kept)
    return shard_row(Path(dataset_dir), plan)


def adopt_shard(dataset_dir: Path, plan: ShardPlan, names: tuple[str, ...]) -> ShardRow | None:
    """The row of a whole shard whose writer died before dataset.json named it; None if there is no such file.

    Every record is read, so that a damaged file is not adopted.
    """
    try:
        with Shard(Path(dataset_dir) / plan.file, names) as shard:
            if (shard.first, shard.count) != (plan.first, plan.count):
                return None
            record = None
            for row in range(shard.count):
                record = shard.record(row, into=record)
    except ValueError:
        return None
    return shard_row(Path(dataset_dir), plan)


def shard_row(dataset_dir: Path, plan: ShardPlan) -> ShardRow:
    """The row for the manifest of a shard that is written."""
    path = dataset_dir / plan.file
    return ShardRow(plan.file, plan.first, plan.count, path.stat().st_size, sha256(path))


def _target(file: h5py.File, kind: Pass, count: int, shape: tuple[int, ...], codec: str) -> Put:
    """Make room for `count` arrays of a pass of numbers, each of that shape; returns what stores one of them."""
    name, dataset = kind.name, create(file, kind, count, shape, codec)
    write = chunks_of(dataset).write if kind.per_pixel else dataset.__setitem__

    def put(at: int, array: np.ndarray) -> None:
        if array.shape != shape:
            raise ValueError(f"record {at} has {name} {array.shape}, the others have {shape}")
        write(at, rounded(name, array))

    return put


def _keep(texts: list[bytes], at: int, text: np.ndarray) -> None:
    texts.append(text.item())


def _fill(puts: dict[str, Put], count: int, records: Iterator[Record], sink: Sink) -> None:
    done = 0
    for record in records:
        if done == count:
            raise ValueError(f"more records than the {count} that were planned")
        for name, put in puts.items():
            put(done, record[name])
        sink.raise_error()
        done += 1
    if done != count:
        raise ValueError(f"{done} records where {count} were planned")


class Shard:
    """An open shard. Close it, or use it in a `with` block.

    file: its path in the dataset. version: of its schema. first, count: its records are first to first + count - 1.
    names: its passes.
    """

    def __init__(self, path: Path, names: tuple[str, ...] | None = None, content: BinaryIO | None = None) -> None:
        """Open the file. names: the passes that it is to hold, all that it has if None.

        content: read instead of the file, which then has only the name. The caller closes it.
        DamagedShard, a ValueError, names the file and says what is wrong with it. A pass is checked when it is first
        read, or by `require`: random reading opens many files for one record each.
        """
        self.file = f"{path.parent.name}/{path.name}"
        if content is None:
            _require_inside(path)
        with damaged_shard(self.file):
            self._file = h5py.File(content or path, "r", rdcc_nbytes=0)  # every chunk is read once
        try:
            with damaged_shard(self.file):
                self.version = schema_version(self._file)
                self.first, self.count = whole_number(self._file, "first"), whole_number(self._file, "count")
                self.names = tuple(n for n in PASSES if n in self._file) if names is None else names
        except ValueError:
            self.close()
            raise
        self._datasets: dict[str, h5py.Dataset] = {}
        self._chunks: dict[str, Chunks] = {}
        self._small: dict[str, np.ndarray] = {}

    def require(self) -> None:
        """DamagedShard unless all of its passes have the shape and the layout that they must have."""
        for name in self.names:
            self._dataset(name)

    def __enter__(self) -> "Shard":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; arrays that were read stay valid."""
        self._file.close()

    def kind(self, name: str) -> tuple[tuple[int, ...], np.dtype]:
        """Shape and dtype of one record's array of that pass; text is object."""
        dataset = self._dataset(name)
        return dataset.shape[1:], np.dtype(object) if PASSES[name].dtype == "str" else dataset.dtype

    def text_length(self, name: str) -> int:
        """Bytes that the file keeps for each text of that pass."""
        return self._dataset(name).dtype.itemsize

    def stored_bytes(self, name: str) -> int:
        """Bytes of that pass in the file, compressed, without the text of strings."""
        return self._dataset(name).id.get_storage_size()

    def record(self, row: int, names: tuple[str, ...] | None = None, into: Record | None = None) -> Record:
        """Record `first + row`, all its passes or only `names`. DamagedRecord names the file, the record, the pass.

        into: an earlier record of this shard, whose per-pixel arrays are overwritten instead of making new ones.
        """
        return {name: self._read(name, row, into or {}) for name in (self.names if names is None else names)}

    def _read(self, name: str, row: int, into: Record) -> np.ndarray:
        if name not in self._datasets:
            self._dataset(name)
        try:
            chunks = self._chunks.get(name)
            return chunks.read(row, into.get(name)) if chunks else self._value(name, row)
        except Exception as error:  # h5py raises many kinds on a damaged file
            raise DamagedRecord(self.file, self.first + row, name, in_words(error)) from error

    def _dataset(self, name: str) -> h5py.Dataset:
        """The array of a pass, checked when it is first asked for."""
        if name not in self._datasets:
            with damaged_shard(self.file):
                dataset = checked_pass(self._file, name, self.count, self.version)
                if PASSES[name].per_pixel:
                    self._chunks[name] = chunks_of(dataset)
                self._datasets[name] = dataset
        return self._datasets[name]

    def _value(self, name: str, row: int) -> np.ndarray:
        """One record's value of an array that is not per pixel: all of it is read at once, and kept."""
        if name not in self._small:
            self._small[name] = self._datasets[name][()]
        value = self._small[name][row]
        return np.array(bytes(value), dtype=object) if PASSES[name].dtype == "str" else np.asarray(value)

    def attribute_problems(self) -> list[str]:
        """What the attributes of its passes say otherwise than the pass table. Not for a file that has changed."""
        return [f"{self.file}: {text}" for name in self.names for text in self._attribute_problems(name)]

    def _attribute_problems(self, name: str) -> list[str]:
        """None if they say what the pass table says of one kind of model or the other."""
        dataset, rows = self._dataset(name), [PASSES[name], *([STATISTICAL[name]] if name in STATISTICAL else [])]
        found = [attribute_problems(dataset, row, self.version) for row in rows]
        return [] if [] in found else found[0]


def _require_inside(path: Path) -> None:
    """DamagedShard if there is no such file, or it is a link that leads out of the dataset, DATASET/shards/FILE."""
    file = f"{path.parent.name}/{path.name}"
    if not path.is_file():
        raise DamagedShard(f"{file} is missing")
    links = path.is_symlink() or path.parent.is_symlink()
    if links and not path.resolve().is_relative_to(path.parent.parent.resolve()):
        raise DamagedShard(f"{file} is a link that leads out of the dataset, to {path.resolve()}; put the file here")


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
            "run the same command again with farm.verify=all to render it"
        )
    return None
