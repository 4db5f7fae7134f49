"""What a shard must look like before an array is read: no file makes the reader allocate what it does not hold."""

import h5py
import numpy as np

from synth.passes import PASSES, Pass
from synth.storage.codec import FILTERS, GZIP_RATIO, PLAIN_FILTERS, TEXT_FILTERS, filters
from synth.storage.hdf5 import attributes
from synth.storage.manifest import SCHEMA_VERSION

MAX_SIDE = 8192  # px, the rule of render.hw


def whole_number(file: h5py.File, key: str) -> int:
    """An attribute of the file. ValueError if it is not a number of 0 or more."""
    value = file.attrs[key]
    if not isinstance(value, np.integer) or value < 0:
        raise ValueError(f"its attribute {key} is {value!r:.80}, must be 0 or more")
    return int(value)


def schema_version(file: h5py.File) -> int:
    """The version of the file's layout. ValueError if this synth does not know it."""
    version = whole_number(file, "schema_version")
    if not 1 <= version <= SCHEMA_VERSION:
        raise ValueError(f"its schema_version is {version}, this synth reads 1 to {SCHEMA_VERSION}; update synth")
    return version


def checked_pass(file: h5py.File, name: str, count: int, version: int) -> h5py.Dataset:
    """The dataset of a pass, if its kind, shape and layout are those of the pass table."""
    dataset, row = plain_dataset(file, name), PASSES[name]
    if dataset.shape is None or dataset.ndim != 1 + len(row.shape) or len(dataset) != count:
        raise ValueError(f"{name} has shape {dataset.shape}, must be {[count, *row.shape]}")
    if any(isinstance(n, int) and n != found for n, found in zip(row.shape, dataset.shape[1:], strict=True)):
        raise ValueError(f"{name} has shape {dataset.shape}, must be {[count, *row.shape]}")
    if row.dtype == "str":
        _check_text(dataset, version)
    elif dataset.dtype != np.dtype(row.dtype):
        raise ValueError(f"{name} is {dataset.dtype}, must be {row.dtype}")
    else:
        _check_layout(dataset, row, version)
    return dataset


def attribute_problems(dataset: h5py.Dataset, row: Pass, version: int) -> list[str]:
    """What the attributes of a pass say otherwise than the pass table, one line each.

    Not to be asked of a file whose bytes have changed: HDF5 may loop for ever on damaged text of an attribute.
    """
    expected = attributes(row, version)
    wrong = [key for key, value in expected.items() if not _same(dataset.attrs.get(key), value)]
    return [f"{row.name} has another {key} than the pass table: {dataset.attrs.get(key)!r:.80}" for key in wrong]


def plain_dataset(file: h5py.File, name: str) -> h5py.Dataset:
    """A dataset that is in this very file. ValueError if there is none."""
    if file.get(name, getlink=True) is None:
        raise ValueError(f"{name} is missing")
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.is_virtual or dataset.external:
        raise ValueError(f"{name} is not a plain dataset")
    if dataset.file.filename != file.filename:
        raise ValueError(f"{name} is not a plain dataset, but a link into {dataset.file.filename}")
    return dataset


def _check_text(dataset: h5py.Dataset, version: int) -> None:
    info = h5py.check_string_dtype(dataset.dtype)
    fixed = info is not None and info.length is not None
    if info is None or fixed != (version > 1):
        raise ValueError(f"{dataset.name} is {dataset.dtype}, must be text")
    _check_size(dataset, TEXT_FILTERS if fixed else ())


def _check_layout(dataset: h5py.Dataset, row: Pass, version: int) -> None:
    if not row.per_pixel:
        _check_size(dataset, FILTERS["gzip"] if version > 1 else PLAIN_FILTERS)
        return
    height, width = dataset.shape[1:3]
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise ValueError(f"{row.name} is {height} x {width} px, each must be from 1 to {MAX_SIDE}")
    if dataset.chunks != (1, *dataset.shape[1:]):
        raise ValueError(f"{row.name} has chunks {dataset.chunks}, must be one per record")


def _check_size(dataset: h5py.Dataset, expected: tuple[int, ...]) -> None:
    """ValueError unless an array that is read as a whole has these filters, and bytes enough to be what it says."""
    found, stored = filters(dataset), dataset.id.get_storage_size()
    if found != expected:
        raise ValueError(f"{dataset.name} has the filters {found}, must have {expected}")
    size = dataset.size * dataset.dtype.itemsize
    if size > stored * (GZIP_RATIO if h5py.h5z.FILTER_DEFLATE in found else 1):
        raise ValueError(f"{dataset.name} holds {stored} bytes, too few for an array of {size}")


def _same(found: object, expected: str | float) -> bool:
    return isinstance(found, (str, np.floating)) and found == expected
