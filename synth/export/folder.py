"""Plain files: OUTPUT/PASS/00000000.png or .exr for maps, OUTPUT/labels/00000000.npz for all that is no map.

uint8 maps are PNG, float maps EXR with their own precision (ZIP, lossless; inf stays inf), integer maps are in the
NPZ, because EXR has no signed integers. The channels of an EXR are Z of depth and distance, Y of another single
channel, and R, G, B of more. Values, image coordinates and conventions stay synth's: see OUTPUT/synth-dataset.json.
"""

from pathlib import Path

import numpy as np

from synth.export.arrays import is_picture, key, png, text
from synth.export.formats import CONTRACT, Tick, needs_library
from synth.passes import PASSES
from synth.record import Record
from synth.storage.manifest import MANIFEST
from synth.storage.reader import Dataset

DISTANCES = ("depth", "distance")  # what EXR calls Z


def write(dataset: Dataset, folder: Path, tick: Tick) -> None:
    """All records. ValueError without the library OpenEXR, if there is a float map."""
    (folder / CONTRACT).write_bytes((dataset.path / MANIFEST).read_bytes())
    (folder / "labels").mkdir()
    for name in dataset.names:
        if PASSES[name].per_pixel:
            (folder / name).mkdir(parents=True)
    for record in dataset:
        _write_record(record, folder)
        tick()
    for name in dataset.names:
        if PASSES[name].per_pixel and not any((folder / name).iterdir()):
            (folder / name).rmdir()


def _write_record(record: Record, folder: Path) -> None:
    labels = {}
    for name, array in record.items():
        if PASSES[name].per_pixel and is_picture(array):
            (folder / name / f"{key(record)}.png").write_bytes(png(array))
        elif PASSES[name].per_pixel and array.dtype.kind == "f":
            write_exr(folder / name / f"{key(record)}.exr", array, "Z" if name in DISTANCES else "Y")
        else:
            labels[name] = np.array(text(array)) if PASSES[name].dtype == "str" else array
    np.savez_compressed(folder / "labels" / f"{key(record)}.npz", allow_pickle=False, **labels)


def write_exr(path: Path, array: np.ndarray, single: str = "Y") -> None:
    """Float16 or float32 [H, W] or [H, W, up to 4] as an EXR of halves or floats."""
    with needs_library("folder"):
        import OpenEXR
    planes = array[..., None] if array.ndim == 2 else array
    names = single if planes.shape[-1] == 1 else "RGBA"[: planes.shape[-1]]
    channels = {name: np.ascontiguousarray(planes[..., k]) for k, name in enumerate(names)}
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, channels).write(str(path))
