"""HDF5 files that are whole or not there, and how each pass is laid out in them."""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from synth.passes import Pass
from synth.storage.codec import LAYOUTS, TEXT_LAYOUT
from synth.storage.files import replacing
from synth.storage.manifest import SCHEMA_VERSION
from synth.storage.rounding import ROUNDING

# Metadata of the 1.10 format carries checksums, and every HDF5 since 2016 reads it.
LIBVER = ("v110", "v110")
SMALL_CHUNK_BYTES = 2**18  # chunks of small arrays stay in HDF5's chunk cache


class Sink(io.FileIO):
    """A file for HDF5 to write, which keeps the first error of the disk for `raise_error` and swallows it.

    HDF5 that meets a full disk can neither go on nor close its file, and crashes the process at its end.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self._error: OSError | None = None

    def write(self, data) -> int:
        """Write all bytes, or none once a write has failed; returns how many HDF5 shall believe."""
        view = memoryview(data).cast("B")
        done = 0
        try:
            while self._error is None and done < len(view):
                done += super().write(view[done:])
        except OSError as error:
            self._error = error
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Set the length, unless a write has failed."""
        try:
            return super().truncate(size) if self._error is None else size or 0
        except OSError as error:
            self._error = error
            return size or 0

    def raise_error(self) -> None:
        """The disk's first error, if it had one."""
        if self._error is not None:
            raise self._error


@contextmanager
def new_file(path: Path) -> Iterator[tuple[h5py.File, Sink]]:
    """A new HDF5 file that takes its place at `path` when the block ends well. OSError if the disk fails."""
    with replacing(path) as temporary, Sink(temporary) as sink:
        with h5py.File(sink, "w", libver=LIBVER) as file:
            yield file, sink
        sink.raise_error()


def create(file: h5py.File, row: Pass, count: int, shape: tuple[int, ...], codec: str = "gzip") -> h5py.Dataset:
    """An empty dataset [count, *shape] for a pass of numbers: one chunk per record if it is per pixel."""
    layout = {"shape": (count, *shape), "dtype": row.dtype, "track_times": False}
    if row.per_pixel:
        layout |= {"chunks": (1, *shape), **LAYOUTS[codec]}
    else:
        records = SMALL_CHUNK_BYTES // max(1, math.prod(shape) * np.dtype(row.dtype).itemsize)
        layout |= {"chunks": (int(np.clip(records, 1, count)), *shape), **LAYOUTS["gzip"]}
    dataset = file.create_dataset(row.name, **layout)
    describe(dataset, row)
    return dataset


def create_text(file: h5py.File, row: Pass, texts: list[bytes]) -> h5py.Dataset:
    """The dataset [count] of a pass of UTF-8 text, none of which ends in NUL.

    Of fixed length: HDF5 keeps text of variable length in heaps without checksums, and one flipped bit there can make
    it loop for ever.
    """
    length = max(1, *map(len, texts))
    chunks = (int(np.clip(SMALL_CHUNK_BYTES // length, 1, len(texts))),)
    layout = {"dtype": h5py.string_dtype("utf-8", length), "chunks": chunks, **TEXT_LAYOUT, "track_times": False}
    dataset = file.create_dataset(row.name, (len(texts),), **layout)
    dataset[:] = np.array(texts, dataset.dtype)
    describe(dataset, row)
    return dataset


def describe(dataset: h5py.Dataset, row: Pass) -> None:
    """Write what the pass table says about the pass into the dataset's attributes."""
    dataset.attrs.update(attributes(row))


def attributes(row: Pass, version: int = SCHEMA_VERSION) -> dict[str, str | float]:
    """The attributes that the dataset of a pass carries, in a shard of that schema version."""
    words = {"unit": row.unit, "space": row.space, "empty": row.empty, "doc": row.doc}
    rounding = ROUNDING.get(row.name) if version > 1 else None
    return words | ({"rounding": rounding.words, "bound": rounding.bound} if rounding else {})
