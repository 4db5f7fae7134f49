"""Named datasets of HDF5 files that others wrote."""

from pathlib import Path

import h5py
import numpy as np

from synth.models.importers.containers import require_room


def read_datasets(path: Path, names: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Numeric datasets by their path in the file; raises ValueError naming what is missing or not numbers."""
    out = {}
    with h5py.File(path, "r") as file:
        for name in (*names, *optional):
            item = file.get(name, getclass=False, getlink=False) if name in file else None
            if isinstance(item, h5py.Dataset):
                out[name] = _numbers(item, name)
            elif name in names:
                raise ValueError(
                    f"expected the dataset {name}, found {', '.join(list(file)[:12]) or 'nothing'} at its root"
                )
    return out


def _numbers(item: h5py.Dataset, name: str) -> np.ndarray:
    if item.dtype.kind not in "biuf" or item.external:
        raise ValueError(f"{name} must hold plain numbers, got {item.dtype}")
    require_room(name, item.nbytes, item.id.get_storage_size())
    return np.asarray(item[()])
