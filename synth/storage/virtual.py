"""dataset.h5: virtual datasets over all shards, so that a plain h5py sees one file."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py

from synth.passes import PASSES
from synth.storage.hdf5 import describe, new_file
from synth.storage.manifest import SCHEMA_VERSION, Manifest, ShardRow
from synth.storage.shard import Shard

VIRTUAL = "dataset.h5"
THREADS = 16
Opened = Callable[[ShardRow, tuple[str, ...]], Shard]


def write_virtual(dataset_dir: Path, manifest: Manifest, opened: Opened | None = None) -> None:
    """Replace dataset.h5: the records of all shards in order, by relative file names, so that the folder can move.

    opened: gives a shard with the passes that are asked for, if the shards are not in the folder.
    ValueError if there is no shard, or one cannot be read. HDF5 shows a missing shard's records as zeros.
    """
    if not manifest.shards:
        raise ValueError(f"{dataset_dir} has no finished shard, so there is nothing for {VIRTUAL} to show")
    opened = opened or (lambda row, names: Shard(Path(dataset_dir) / row.file, names))
    with opened(manifest.shards[0], manifest.names) as shard:
        kinds = {name: shard.kind(name) for name in manifest.names}
    texts = tuple(name for name in manifest.names if PASSES[name].dtype == "str")
    lengths = _longest(manifest, texts, opened)
    kinds |= {name: ((), h5py.string_dtype("utf-8", length)) for name, length in lengths.items()}
    with new_file(Path(dataset_dir) / VIRTUAL) as (file, _):
        file.attrs.update(schema_version=SCHEMA_VERSION, first=manifest.shards[0].first, count=manifest.records_done)
        for name, (shape, dtype) in kinds.items():
            layout = _layout(manifest, name, shape, dtype)
            describe(file.create_virtual_dataset(name, layout), manifest.rows[name])


def _longest(manifest: Manifest, names: tuple[str, ...], opened: Opened) -> dict[str, int]:
    """Bytes of the longest text of each of these passes: each shard keeps as many as it needs."""

    def lengths(row: ShardRow) -> list[int]:
        with opened(row, names) as shard:
            return [shard.text_length(name) for name in names]

    with ThreadPoolExecutor(THREADS) as threads:  # most of it is waiting for a disk, or for a server
        found = list(threads.map(lengths, manifest.shards))
    return dict(zip(names, map(max, zip(*found, strict=True)), strict=True))


def _layout(manifest: Manifest, name: str, shape: tuple[int, ...], dtype: object) -> h5py.VirtualLayout:
    layout = h5py.VirtualLayout((manifest.records_done, *shape), dtype)
    layout.dcpl.set_obj_track_times(False)
    start = 0
    for row in manifest.shards:
        layout[start : start + row.count] = h5py.VirtualSource(row.file, name, (row.count, *shape), dtype)
        start += row.count
    return layout


def virtual_problems(dataset_dir: Path, manifest: Manifest) -> list[str]:
    """What dataset.h5 shows otherwise than dataset.json says, one line each."""
    try:
        with h5py.File(Path(dataset_dir) / VIRTUAL, "r") as file:
            found = {name: _sources(file, name) for name in manifest.names}
    except Exception as error:  # h5py raises many kinds on a damaged file
        return [f"{VIRTUAL} cannot be read: {' '.join(str(error).split())[:200]}"]
    expected = (manifest.records_done, [row.file for row in manifest.shards])
    wrong = [name for name in manifest.names if found[name] != expected]
    return [f"{VIRTUAL} does not show {name} of the shards that dataset.json names" for name in wrong]


def _sources(file: h5py.File, name: str) -> tuple[int, list[str]] | None:
    """Length and shard files of a virtual dataset; None if there is no such one."""
    dataset = file.get(name)
    if not isinstance(dataset, h5py.Dataset) or not dataset.is_virtual:
        return None
    return len(dataset), [source.file_name for source in dataset.virtual_sources()]
