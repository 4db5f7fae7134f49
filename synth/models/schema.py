"""What a model holds, as one table: the file format, its checks and the checksum all follow it.

| dataset | dtype, shape | unit and meaning |
|---|---|---|
| mean | float32 [V, 3] | m, head space |
| identity | float32 [Ki, V, 3] | m per standard deviation |
| expression | float32 [Ke, V, 3] | m at weight 1 |
| faces | int32 [F, 4] | vertices, counter-clockwise from outside; a triangle repeats its last |
| uv | float32 [F, 4, 2] | texture coordinates per corner, in [0, 1] |
| part | uint8 [F] | segmentation class |
| albedo_mean | float32 [V, 3] | diffuse reflectance, linear RGB of sRGB's primaries |
| albedo_basis | float32 [Ka, V, 3] | reflectance per standard deviation |
| landmark_triangles | int32 [68, 3] | vertices of the triangle that holds each iBUG point |
| landmark_weights | float32 [68, 3] | barycentric, non-negative, sum 1 |
| eyeballs/center, eyeballs/center_identity | float32 [2, 3], [Ki, 2, 3] | m, m per standard deviation; right, left |
| eyeballs/radius, eyeballs/radius_identity | float32 [2], [Ki, 2] | m, m per standard deviation |
| eyeballs/axis | float32 [2, 3] | unit, neutral gaze |
| garment/mean ... garment/part | as the mesh's own, with G vertices and H faces | may be absent |
| regions/NAME | float32 [V] | soft mask in [0, 1] |
| paths/NAME | int32 [n] | vertices in order |

Attributes: name, licence, source, unit ("m"), identity_names [Ki], expression_names [Ke].
"""

import hashlib
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from synth.models.morphable import Eyeballs, LinearMesh, MorphableModel

MESH = tuple(f.name for f in fields(LinearMesh))
EYEBALLS = tuple(f.name for f in fields(Eyeballs))
OWN = ("albedo_mean", "albedo_basis", "landmark_triangles", "landmark_weights")
TEXT = ("name", "licence", "source", "unit")
NAMES = ("identity_names", "expression_names")


@dataclass(kw_only=True, slots=True, frozen=True)
class Row:
    """What one array must be. A letter in its shape is the same number wherever it stands."""

    dtype: str
    shape: tuple[str | int, ...]
    below: str = ""  # the letter that its values, which are indices, stay below
    low: float = -np.inf
    high: float = np.inf


ROWS = {
    "mean": Row(dtype="float32", shape=("V", 3)),
    "identity": Row(dtype="float32", shape=("Ki", "V", 3)),
    "expression": Row(dtype="float32", shape=("Ke", "V", 3)),
    "faces": Row(dtype="int32", shape=("F", 4), below="V"),
    "uv": Row(dtype="float32", shape=("F", 4, 2), low=0, high=1),
    "part": Row(dtype="uint8", shape=("F",)),
    "albedo_mean": Row(dtype="float32", shape=("V", 3)),
    "albedo_basis": Row(dtype="float32", shape=("Ka", "V", 3)),
    "landmark_triangles": Row(dtype="int32", shape=(68, 3), below="V"),
    "landmark_weights": Row(dtype="float32", shape=(68, 3), low=0, high=1),
    "eyeballs/center": Row(dtype="float32", shape=(2, 3)),
    "eyeballs/center_identity": Row(dtype="float32", shape=("Ki", 2, 3)),
    "eyeballs/radius": Row(dtype="float32", shape=(2,), low=1e-4),
    "eyeballs/radius_identity": Row(dtype="float32", shape=("Ki", 2)),
    "eyeballs/axis": Row(dtype="float32", shape=(2, 3), low=-1, high=1),
    "garment/mean": Row(dtype="float32", shape=("G", 3)),
    "garment/identity": Row(dtype="float32", shape=("Ki", "G", 3)),
    "garment/expression": Row(dtype="float32", shape=("Ke", "G", 3)),
    "garment/faces": Row(dtype="int32", shape=("H", 4), below="G"),
    "garment/uv": Row(dtype="float32", shape=("H", 4, 2), low=0, high=1),
    "garment/part": Row(dtype="uint8", shape=("H",)),
}
GROUPS = {
    "regions": Row(dtype="float32", shape=("V",), low=0, high=1),
    "paths": Row(dtype="int32", shape=("n",), below="V"),
}


def arrays(model: MorphableModel) -> dict[str, np.ndarray]:
    """Every array of a model under its dataset name, in a fixed order."""
    out = {name: getattr(model, name) for name in MESH + OWN}
    out |= {f"eyeballs/{name}": getattr(model.eyeballs, name) for name in EYEBALLS}
    if model.garment is not None:
        out |= {f"garment/{name}": getattr(model.garment, name) for name in MESH}
    out |= {f"regions/{name}": mask for name, mask in sorted(model.regions.items())}
    return out | {f"paths/{name}": path for name, path in sorted(model.paths.items())}


def texts(model: MorphableModel) -> dict[str, Any]:
    """Every attribute of a model under its name: str, or tuple[str, ...] for the lists of names."""
    return {name: getattr(model, name) for name in TEXT + NAMES}


def model_from(values: dict[str, np.ndarray], attributes: dict[str, Any]) -> MorphableModel:
    """The model that `arrays` and `texts` came from; raises ValueError naming the first bad value."""
    check(values, attributes)

    def group(name: str) -> dict[str, np.ndarray]:
        return {key.partition("/")[2]: v for key, v in values.items() if key.startswith(f"{name}/")}

    return MorphableModel(
        **{name: values[name] for name in MESH + OWN},
        **attributes,
        eyeballs=Eyeballs(**group("eyeballs")),
        garment=LinearMesh(**group("garment")) if group("garment") else None,
        regions=group("regions"),
        paths=group("paths"),
    )


def check(values: dict[str, np.ndarray], attributes: dict[str, Any]) -> None:
    """Raise ValueError naming the array that is missing, unknown, misshapen or out of range."""
    has_garment = any(name.startswith("garment/") for name in values)
    wanted = {name for name in ROWS if has_garment or not name.startswith("garment/")}
    _same_names("dataset", wanted, {n for n in values if n.partition("/")[0] not in GROUPS})
    _same_names("attribute", set(TEXT + NAMES), set(attributes))
    sizes: dict[str, int] = {}
    for name in ROWS:  # in the table's order: the first to use a letter fixes it
        if name in values:
            _check_shape(name, values[name], ROWS[name], sizes)
    for name, value in values.items():
        row = ROWS.get(name) or GROUPS[name.partition("/")[0]]
        if name not in ROWS:
            _check_shape(name, value, row, sizes | {"n": value.size})
        _check_range(name, value, row, sizes)
    for name, letter in zip(NAMES, ("Ki", "Ke"), strict=True):
        if len(attributes[name]) != sizes[letter]:
            raise ValueError(f"{name} must have {sizes[letter]} names, got {len(attributes[name])}")
    if attributes["unit"] != "m":
        raise ValueError(f"unit must be m, got {attributes['unit']!r}; convert the model to metres")


def _same_names(kind: str, wanted: set[str], found: set[str]) -> None:
    if wanted != found:
        raise ValueError(f"{kind}s missing: {sorted(wanted - found)}, unknown: {sorted(found - wanted)}")


def _check_shape(name: str, value: np.ndarray, row: Row, sizes: dict[str, int]) -> None:
    """One array against its row; a letter that is new takes its size into `sizes`."""
    fits = value.dtype == row.dtype and value.ndim == len(row.shape)
    for letter, size in zip(row.shape, value.shape, strict=False):
        wanted = sizes.setdefault(letter, size) if isinstance(letter, str) else letter
        fits = fits and size == wanted
    if not fits:
        shape = [sizes.get(s, s) if isinstance(s, str) else s for s in row.shape]
        raise ValueError(f"{name} must be {row.dtype} {shape}, got {value.dtype} {list(value.shape)}")


def _check_range(name: str, value: np.ndarray, row: Row, sizes: dict[str, int]) -> None:
    low, high = (0, sizes[row.below] - 1) if row.below else (row.low, row.high)
    if value.size and not (np.isfinite(value).all() and value.min() >= low and value.max() <= high):
        raise ValueError(f"{name} must be finite and in [{low}, {high}], got [{value.min()}, {value.max()}]")


def checksum(model: MorphableModel) -> str:
    """SHA-256 of every array and attribute: equal for equal models, whatever file they came from."""
    return checksum_of(arrays(model), texts(model))


def checksum_of(values: dict[str, np.ndarray], attributes: dict[str, Any]) -> str:
    """SHA-256 over names, dtypes, shapes and bytes of the arrays, and the attributes, in sorted order."""
    digest = hashlib.sha256()
    for name, value in sorted(values.items()):
        digest.update(f"{name} {value.dtype.str} {value.shape}\n".encode())
        digest.update(np.ascontiguousarray(value).data)
    for name, text in sorted(attributes.items()):
        digest.update(f"{name} {text!r}\n".encode())
    return digest.hexdigest()
