"""Model files: one HDF5 file that a plain h5py opens, with the datasets and attributes of schema.py.

Besides those, the root has the attributes schema (int, FORMAT) and checksum (SHA-256 in hex, see
`schema.checksum`). Datasets are contiguous and uncompressed, so that reading costs no more than the
disk. Arrays come back byte for byte as they were written.
"""

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from synth.models.morphable import MorphableModel
from synth.models.schema import (
    NAMES,
    OPTIONAL_NAMES,
    OPTIONAL_TEXT,
    TEXT,
    arrays,
    check,
    checksum_of,
    model_from,
    texts,
)

FORMAT = 2
READABLE = (1, 2)  # 2 adds what may be absent: layers, rig, source, lacks and supplied


def save_model(model: MorphableModel, path: str | os.PathLike[str]) -> None:
    """Write a model; the file is there only when it is whole. Raises ValueError for what `read_model` would refuse."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    values, attributes = arrays(model), texts(model)
    check(values, attributes)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with h5py.File(partial, "w") as file:
            for name, value in values.items():
                file.create_dataset(name, data=value)
            file.attrs["schema"] = FORMAT
            file.attrs["checksum"] = checksum_of(values, attributes)
            for name, text in attributes.items():
                file.attrs[name] = text if isinstance(text, str) else list(text)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read_model(path: str | os.PathLike[str]) -> MorphableModel:
    """Read a model file; raises ValueError, naming file and dataset, when it is not a whole, sound model."""
    path = Path(path)
    way_out = "give a model file of synth, or the name makehuman"
    if not path.is_file():
        raise ValueError(f"model {path} is not a file; {way_out}")
    try:
        values, attributes, stored = _read(path)
        if stored != checksum_of(values, attributes):
            raise ValueError("its contents do not match its checksum")
        return model_from(values, attributes)
    except (OSError, KeyError, TypeError, RuntimeError, ValueError) as error:
        raise ValueError(f"model {path} cannot be used: {' '.join(str(error).split())}; {way_out}") from error


def read_summary(path: Path) -> tuple[int, int, int, str]:
    """Counts of vertices, identity and expression components, and the licence; ValueError where it is no model file."""
    try:
        with h5py.File(path, "r") as file:
            items: list[Any] = [file[name] for name in ("mean", "identity", "expression")]
            vertices, identity, expression = (item.shape[0] for item in items)
            return vertices, identity, expression, str(file.attrs["licence"])
    except (OSError, KeyError, AttributeError, IndexError, RuntimeError) as error:
        raise ValueError(f"{path.name} is no model file; import or build it again") from error


def is_model_file(path: Path) -> bool:
    """Whether a file is marked as a model's, sound or not."""
    try:
        with h5py.File(path, "r") as file:
            return {"schema", "checksum"} <= set(file.attrs)
    except (OSError, RuntimeError):
        return False


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any], str]:
    """Every dataset, the attributes and the stored checksum of a file."""
    size = path.stat().st_size
    with h5py.File(path, "r") as file:
        if file.attrs.get("schema") not in READABLE:
            raise ValueError(f"its attribute schema must be one of {READABLE}, got {file.attrs.get('schema')}")
        values: dict[str, np.ndarray] = {}

        def collect(name: str, item: object) -> None:
            if isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual or item.dtype.hasobject:
                    raise ValueError(f"{name} is not a plain array in this very file")
                if item.nbytes > size:  # before memory is asked for what is not there
                    raise ValueError(f"{name} claims {item.nbytes} bytes in a file of {size}")
                values[name] = np.asarray(item[()])

        file.visititems(collect)
        attributes: dict[str, Any] = {name: str(file.attrs[name]) for name in TEXT}
        attributes |= {name: str(file.attrs[name]) for name in OPTIONAL_TEXT if name in file.attrs}
        for name in (*NAMES, *(n for n in (*OPTIONAL_NAMES, "joint_names") if n in file.attrs)):
            names: Any = file.attrs[name]
            attributes[name] = tuple(str(n) for n in names)
        return values, attributes, str(file.attrs["checksum"])
