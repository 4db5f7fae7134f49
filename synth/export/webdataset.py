"""WebDataset: OUTPUT/shard-000000.tar ..., one per shard.

A record is KEY.image.png, KEY.depth.npy, KEY.landmarks.points_2d.npy, KEY.meta.spec.json: the name of a pass with
points for slashes is its key in a sample. uint8 maps are PNG, other arrays NPY, the spec JSON. Values, image
coordinates and conventions stay synth's; OUTPUT/synth-dataset.json tells them.
"""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from synth.export.arrays import is_picture, key, npy, png, text
from synth.export.formats import CONTRACT, Tick
from synth.passes import PASSES
from synth.record import Record
from synth.storage.manifest import MANIFEST
from synth.storage.reader import Dataset


def write(dataset: Dataset, folder: Path, tick: Tick) -> None:
    """All records, into the same tars as they are in shards. The bytes depend on the records alone."""
    (folder / CONTRACT).write_bytes((dataset.path / MANIFEST).read_bytes())
    numbers = dataset.shard_numbers()
    for number in np.unique(numbers):
        name = Path(dataset.manifest.shards[number].file).stem
        with tarfile.open(folder / f"{name}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for record in dataset[numbers == number]:
                for member, content in _members(record):
                    info = tarfile.TarInfo(f"{key(record)}.{member}")
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
                tick()


def _members(record: Record) -> Iterator[tuple[str, bytes]]:
    for name, array in record.items():
        stem = name.replace("/", ".")
        if PASSES[name].dtype == "str":
            yield f"{stem}.json", text(array).encode()
        elif PASSES[name].per_pixel and is_picture(array):
            yield f"{stem}.png", png(array)
        else:
            yield f"{stem}.npy", npy(array)
