"""Ways to keep a dataset, synth's own and those that others use, behind one face: what `bench storage` compares.

Each is made of a few records, and then multiplied by copying its files; so a thousand records take seconds to make.
"""

import io
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice, pairwise
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from synth.passes import PASSES
from synth.record import Record
from synth.storage.manifest import SCHEMA_VERSION, Manifest, ShardPlan, pass_rows, read_manifest, write_manifest
from synth.storage.reader import open_dataset
from synth.storage.shard import Shard, shard_row, write_shard
from synth.storage.virtual import VIRTUAL, write_virtual

POINTS = "landmarks/points_2d"
WANTED = ("image", POINTS)  # what is read at random: what a landmark network trains on
SHARD = 64  # records to a file, where a file holds several


@dataclass
class Rival(ABC):
    """A folder of records in one format.

    title: for people. unit: how many records `write` stored, by which files are copied. held: how many there are.
    """

    folder: Path
    title: str
    unit: int = 0
    held: int = 0

    @abstractmethod
    def write(self, records: list[Record]) -> None:
        """Encode and store records 0 to len(records) - 1, at most SHARD of them."""

    @abstractmethod
    def multiply(self, count: int) -> None:
        """Copy what `write` made until there are `count` records."""

    @abstractmethod
    def read(self, indices: Iterable[int], names: tuple[str, ...]) -> Iterator[list[np.ndarray]]:
        """Arrays of these records, decoded, in that order or another of the format's own."""

    def bytes_per_pass(self) -> dict[str, float]:
        """Bytes of each pass in one record on average, as far as the format keeps passes apart."""
        return {}

    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def _copies(self, count: int) -> Iterator[tuple[int, int]]:
        """(record to copy, index of the copy)."""
        return ((index % self.unit, index) for index in range(self.unit, count))


@dataclass
class Shards(Rival):
    """synth's own, read by synth, or by a plain h5py through dataset.h5."""

    codec: str = "gzip"
    plain: bool = False
    manifest: Manifest | None = None  # of the dataset that the records come from

    def write(self, records: list[Record]) -> None:
        self.unit = len(records) * max(1, SHARD // len(records))
        repeated = (records[k % len(records)] for k in range(self.unit))
        write_shard(self.folder, ShardPlan(0, 0, self.unit), tuple(records[0]), repeated, codec=self.codec)

    def multiply(self, count: int) -> None:
        assert self.manifest is not None
        first = ShardPlan(0, 0, self.unit)
        plans = [ShardPlan(k, k * self.unit, self.unit) for k in range(-(-count // self.unit))]
        self.held = len(plans) * self.unit
        for plan in plans:
            if plan.first:
                shutil.copyfile(self.folder / first.file, self.folder / plan.file)
            with h5py.File(self.folder / plan.file, "r+", libver=("v110", "v110")) as file:
                file.attrs["first"] = plan.first
                places = np.arange(plan.first, plan.first + plan.count)
                file["meta/index"][:] = places  # type: ignore[index]
                file["meta/identity_index"][:] = places // self.manifest.views_per_identity  # type: ignore
        self._describe(plans)

    def _describe(self, plans: list[ShardPlan]) -> None:
        assert self.manifest is not None
        with Shard(self.folder / plans[0].file) as shard:
            names = shard.names
        manifest = replace(
            self.manifest,
            num_records=self.held,
            records_per_shard=self.unit,
            passes=pass_rows(names),
            shards=[shard_row(self.folder, plan) for plan in plans],
            schema_version=SCHEMA_VERSION,
        )
        write_manifest(self.folder, manifest)
        write_virtual(self.folder, manifest)

    def read(self, indices: Iterable[int], names: tuple[str, ...]) -> Iterator[list[np.ndarray]]:
        if self.plain:
            with h5py.File(self.folder / VIRTUAL) as file:
                yield from ([file[name][index] for name in names] for index in indices)  # type: ignore[index]
            return
        dataset = open_dataset(self.folder)
        yield from (list(dataset.record(index, names).values()) for index in indices)
        dataset.close()

    def bytes_per_pass(self) -> dict[str, float]:
        with Shard(self.folder / ShardPlan(0, 0, self.unit).file) as shard:
            return {name: shard.stored_bytes(name) / shard.count for name in shard.names}


@dataclass
class Hdf5PerImage(Rival):
    """One file per record, gzip 4 without shuffle, floats as float32: what BlenderProc writes."""

    def write(self, records: list[Record]) -> None:
        self.unit = len(records)
        self.folder.mkdir(parents=True)
        for index, record in enumerate(records):
            with h5py.File(self._path(index), "w") as file:
                for name, array in record.items():
                    file.create_dataset(name, **_hdf5_of(name, array))

    def multiply(self, count: int) -> None:
        self.held = count
        for source, index in self._copies(count):
            shutil.copyfile(self._path(source), self._path(index))

    def read(self, indices: Iterable[int], names: tuple[str, ...]) -> Iterator[list[np.ndarray]]:
        for index in indices:
            with h5py.File(self._path(index)) as file:
                yield [file[name][()] for name in names]  # type: ignore[index]

    def bytes_per_pass(self) -> dict[str, float]:
        totals: dict[str, float] = {}
        for index in range(self.unit):
            with h5py.File(self._path(index)) as file:
                for name in (name for name in PASSES if name in file):
                    totals[name] = totals.get(name, 0) + file[name].id.get_storage_size() / self.unit  # type: ignore[union-attr]
        return totals

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:06d}.hdf5"


def _hdf5_of(name: str, array: np.ndarray) -> dict:
    if PASSES[name].dtype == "str":
        return {"data": array.item()}
    data = array.astype(np.float32) if array.dtype == np.float16 else array
    return {"data": data} | ({"compression": "gzip", "compression_opts": 4} if data.ndim else {})


def members(record: Record) -> dict[str, bytes]:
    """A record as files, {ending: bytes}: the image as PNG, its points alone, and the rest as compressed NPZ."""
    rest = {name: array for name, array in record.items() if name not in WANTED and PASSES[name].dtype != "str"}
    image = io.BytesIO()
    Image.fromarray(record["image"]).save(image, "PNG")
    spec = {"spec.json": record["meta/spec"].item()} if "meta/spec" in record else {}
    return {"png": image.getvalue(), "points.npz": _npz({POINTS: record[POINTS]}), "npz": _npz(rest), **spec}


def _npz(arrays: Record) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def arrays_of(files: dict[str, bytes], names: tuple[str, ...]) -> list[np.ndarray]:
    """Decoded arrays of a record from its files; `names` is WANTED, or everything."""
    arrays = [np.asarray(Image.open(io.BytesIO(files["png"])))]
    for ending in ("points.npz",) if names == WANTED else ("points.npz", "npz"):
        with np.load(io.BytesIO(files[ending]), allow_pickle=False) as loaded:
            arrays += [loaded[name] for name in loaded.files]
    return arrays


@dataclass
class PngNpz(Rival):
    """A folder of PNG and NPZ."""

    def write(self, records: list[Record]) -> None:
        self.unit = len(records)
        self.folder.mkdir(parents=True)
        for index, record in enumerate(records):
            for ending, content in members(record).items():
                self._path(index, ending).write_bytes(content)

    def multiply(self, count: int) -> None:
        endings = [path.name.partition(".")[2] for path in self.folder.glob("000000.*")]
        self.held = count
        for source, index in self._copies(count):
            for ending in endings:
                shutil.copyfile(self._path(source, ending), self._path(index, ending))

    def read(self, indices: Iterable[int], names: tuple[str, ...]) -> Iterator[list[np.ndarray]]:
        endings = ("png", "points.npz") if names == WANTED else ("png", "points.npz", "npz")
        for index in indices:
            yield arrays_of({ending: self._path(index, ending).read_bytes() for ending in endings}, names)

    def _path(self, index: int, ending: str) -> Path:
        return self.folder / f"{index:06d}.{ending}"


@dataclass
class Tars(Rival):
    """WebDataset: tar files, read in order; at random is its shuffle of shards and of a buffer."""

    def write(self, records: list[Record]) -> None:
        from webdataset.writer import TarWriter

        self.unit = len(records)
        self.folder.mkdir(parents=True)
        with TarWriter(str(self._path(0))) as tar:
            for index, record in enumerate(records):
                tar.write({"__key__": f"{index:06d}", **members(record)})

    def multiply(self, count: int) -> None:
        self.held = -(-count // self.unit) * self.unit
        for k in range(1, self.held // self.unit):
            shutil.copyfile(self._path(0), self._path(k))

    def read(self, indices: Iterable[int], names: tuple[str, ...]) -> Iterator[list[np.ndarray]]:
        """As many records as there are indices, from the tar of the first on; shuffled unless these are in order."""
        from webdataset.compat import WebDataset

        indices = list(indices)
        tars = sorted(self.folder.glob("*.tar"))
        start = min(indices) // self.unit
        shuffled = any(b < a for a, b in pairwise(indices))
        source = WebDataset(
            [str(path) for path in chain(tars[start:], tars[:start])],
            shardshuffle=len(tars) if shuffled else False,
            empty_check=False,
            seed=0,
        )
        samples: Iterable = source.shuffle(SHARD, initial=SHARD // 4) if shuffled else source  # pyright: ignore[reportAssignmentType]
        yield from (arrays_of(sample, names) for sample in islice(samples, len(indices)))

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.tar"


def rivals(folder: Path, dataset_dir: Path) -> list[Rival]:
    """All formats that can be made here, each in a folder of its own; without its package a format is left out."""
    manifest = read_manifest(dataset_dir)
    found: list[Rival] = [
        Shards(folder / "synth", "synth", manifest=manifest),
        PngNpz(folder / "png_npz", "PNG + NPZ"),
        Hdf5PerImage(folder / "hdf5", "gzip-4 HDF5 each"),
    ]
    if _importable("webdataset"):
        found.insert(2, Tars(folder / "tar", "WebDataset"))
    if _importable("hdf5plugin"):
        found.insert(1, Shards(folder / "zstd", "synth zstd", codec="zstd", manifest=manifest))
    return found


def plainly(rival: Rival) -> Rival:
    """The same shards, read by a plain h5py."""
    assert isinstance(rival, Shards)
    return replace(rival, title=f"{rival.title}, plain h5py", plain=True)


def _importable(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def timed_write(rival: Rival, records: list[Record]) -> float:
    """Records that the format encodes and stores in a second of a core."""
    start = time.process_time()
    rival.write(records)
    return rival.unit / (time.process_time() - start)
