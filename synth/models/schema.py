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
| landmark_weights | float32 [68, 3] | barycentric, non-negative, sum 1; all 0 where the model has no such point |
| eyeballs/center, eyeballs/center_identity | float32 [2, 3], [Ki, 2, 3] | m, m per standard deviation; right, left |
| eyeballs/radius, eyeballs/radius_identity | float32 [2], [Ki, 2] | m, m per standard deviation |
| eyeballs/axis | float32 [2, 3] | unit, neutral gaze |
| garment/mean ... garment/part | as the mesh's own, with G vertices and H faces | may be absent |
| regions/NAME | float32 [V] | soft mask in [0, 1] |
| paths/NAME | int32 [n] | vertices in order, each on an edge of a face with the next |
| traits/NAME | float32 [1 + Ki] | share such as "male": its mean, then change per standard deviation; may be absent |
| layers/NAME/mean ... layers/NAME/part | as the mesh's own, with vertices and faces of its own | may be absent |
| rig/parents | int32 [J] | the joint that each hangs on, before it; -1 is none; the rig may be absent |
| rig/joints, rig/joints_identity, rig/joints_expression | float32 [J, 3], [Ki, J, 3], [Ke, J, 3] | m, at rest |
| rig/weights | float32 [V, J] | skinning weights, a vertex's sum is 1 |
| rig/correctives | float32 [P, V, 3] | m per entry of each joint's R - I, head space; P is 9 J or 0 |
| source_to_head | float64 [4, 4] | p_head = source_to_head @ p_source; may be absent |
| source_vertices | int32 [V] | the source's own number of each vertex; may be absent |

Attributes: name, licence, source, unit ("m"), identity_names [Ki], expression_names [Ke]; and where they say anything
joint_names [J], lacks and supplied (lists), expression_unit ("standard deviation"; absent is "weight"), sigma,
source_unit and source_sha256, see MorphableModel.
"""

import hashlib
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from synth.models.morphable import Eyeballs, LinearMesh, MorphableModel
from synth.models.rig import Rig

MESH = tuple(f.name for f in fields(LinearMesh) if f.name != "steps")
BASES = ("identity", "expression", "albedo_basis")
EYEBALLS = tuple(f.name for f in fields(Eyeballs))
RIG = tuple(f.name for f in fields(Rig) if f.name != "joint_names")
OWN = ("albedo_mean", "albedo_basis", "landmark_triangles", "landmark_weights")
TEXT = ("name", "licence", "source", "unit")
NAMES = ("identity_names", "expression_names")
# What only some models have. Absent where it says nothing, so that models without it keep their checksums.
OPTIONAL_TEXT = {"expression_unit": "weight", "sigma": "", "source_unit": "", "source_sha256": ""}  # and what is absent
OPTIONAL_NAMES = ("lacks", "supplied")
SOURCE = ("source_to_head", "source_vertices")
ROUNDING = 1e-3  # that sums and lengths may be off 1
EXPRESSION_UNITS = ("weight", "standard deviation")


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
    "rig/parents": Row(dtype="int32", shape=("J",), low=-1),
    "rig/joints": Row(dtype="float32", shape=("J", 3)),
    "rig/joints_identity": Row(dtype="float32", shape=("Ki", "J", 3)),
    "rig/joints_expression": Row(dtype="float32", shape=("Ke", "J", 3)),
    "rig/weights": Row(dtype="float32", shape=("V", "J"), low=0, high=1.0001),
    "rig/correctives": Row(dtype="float32", shape=("P", "V", 3)),
    "source_to_head": Row(dtype="float64", shape=(4, 4)),
    "source_vertices": Row(dtype="int32", shape=("V",), low=0),
}
MAYBE = ("garment", "rig", *SOURCE)  # what a file has as a whole or not at all
GROUPS = {
    "regions": Row(dtype="float32", shape=("V",), low=0, high=1.0001),  # subdivision rounds
    "paths": Row(dtype="int32", shape=("n",), below="V"),
    "traits": Row(dtype="float32", shape=("1 + Ki",)),
}


def arrays(model: MorphableModel) -> dict[str, np.ndarray]:
    """Every array of a model under its dataset name, in a fixed order."""
    out = _of_mesh(model, MESH + OWN)
    out |= {f"eyeballs/{name}": getattr(model.eyeballs, name) for name in EYEBALLS}
    if model.garment is not None:
        out |= {f"garment/{name}": value for name, value in _of_mesh(model.garment, MESH).items()}
    out |= {f"regions/{name}": mask for name, mask in sorted(model.regions.items())}
    out |= {f"paths/{name}": path for name, path in sorted(model.paths.items())}
    out |= {f"traits/{name}": values for name, values in sorted(model.traits.items())}
    for layer, mesh in sorted(model.layers.items()):
        out |= {f"layers/{layer}/{name}": value for name, value in _of_mesh(mesh, MESH).items()}
    if model.rig is not None:
        out |= {f"rig/{name}": getattr(model.rig, name) for name in RIG}
    return out | {name: value for name in SOURCE if (value := getattr(model, name)) is not None}


def _of_mesh(mesh: LinearMesh, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """These arrays of a mesh, its bases at all its vertices."""
    values = {name: getattr(mesh, name) for name in names}
    return values | {name: mesh.at_vertices(values[name]) for name in BASES if name in names}


def texts(model: MorphableModel) -> dict[str, Any]:
    """Every attribute of a model under its name: str, or tuple[str, ...] for the lists of names."""
    out: dict[str, Any] = {name: getattr(model, name) for name in TEXT + NAMES}
    out |= {name: text for name, absent in OPTIONAL_TEXT.items() if (text := getattr(model, name)) != absent}
    out |= {name: names for name in OPTIONAL_NAMES if (names := getattr(model, name))}
    return out | ({"joint_names": model.rig.joint_names} if model.rig is not None else {})


def model_from(values: dict[str, np.ndarray], attributes: dict[str, Any]) -> MorphableModel:
    """The model that `arrays` and `texts` came from; raises ValueError naming the first bad value."""
    check(values, attributes)

    def group(name: str) -> dict[str, Any]:
        return {key.removeprefix(f"{name}/"): v for key, v in values.items() if key.startswith(f"{name}/")}

    joint_names = attributes.get("joint_names", ())
    return MorphableModel(
        **{name: values[name] for name in (*MESH, *OWN, *(n for n in SOURCE if n in values))},
        **{name: text for name, text in attributes.items() if name != "joint_names"},
        eyeballs=Eyeballs(**group("eyeballs")),
        garment=LinearMesh(**group("garment")) if group("garment") else None,
        regions=group("regions"),
        paths=group("paths"),
        traits=group("traits"),
        layers={name: LinearMesh(**group(f"layers/{name}")) for name in _layer_names(values)},
        rig=Rig(joint_names=joint_names, **group("rig")) if group("rig") else None,
    )


def check(values: dict[str, np.ndarray], attributes: dict[str, Any]) -> None:
    """Raise ValueError naming the array that is missing, unknown, misshapen or out of range."""
    has = {name.partition("/")[0] for name in values}
    wanted = {name for name in ROWS if name.partition("/")[0] in has or name.partition("/")[0] not in MAYBE}
    wanted |= {f"layers/{layer}/{name}" for layer in _layer_names(values) for name in MESH}
    _same_names("dataset", wanted, {n for n in values if n.partition("/")[0] not in GROUPS})
    sizes: dict[str, int] = {}
    for name in ROWS:  # in the table's order: the first to use a letter fixes it
        if name in values:
            _check_shape(name, values[name], ROWS[name], sizes)
    for name, value in values.items():
        if name in ROWS:
            _check_range(name, value, ROWS[name], sizes)
        elif not name.startswith("layers/"):
            row = GROUPS[name.partition("/")[0]]
            _check_shape(name, value, row, sizes | {"n": value.size, "1 + Ki": 1 + sizes["Ki"]})
            _check_range(name, value, row, sizes)
    for layer in _layer_names(values):
        _check_layer(layer, values, {letter: sizes[letter] for letter in ("Ki", "Ke")})
    _check_attributes(attributes, sizes)
    _check_ones("landmark_weights", values["landmark_weights"].sum(axis=1), or_none=True)
    _check_ones("eyeballs/axis", np.linalg.norm(values["eyeballs/axis"], axis=1))
    if "rig" in has:
        _check_tree(values["rig/parents"], sizes)
        _check_ones("rig/weights", values["rig/weights"].sum(axis=1))
    _check_paths({name: path for name, path in values.items() if name.startswith("paths/")}, values["faces"])


def _layer_names(values: dict[str, np.ndarray]) -> list[str]:
    return sorted({name.split("/")[1] for name in values if name.startswith("layers/")})


def _check_layer(layer: str, values: dict[str, np.ndarray], sizes: dict[str, int]) -> None:
    """A layer's arrays against the mesh's own rows, with vertices and faces of its own."""
    for name in MESH:
        _check_shape(f"layers/{layer}/{name}", values[f"layers/{layer}/{name}"], ROWS[name], sizes)
    for name in MESH:
        _check_range(f"layers/{layer}/{name}", values[f"layers/{layer}/{name}"], ROWS[name], sizes)


def _check_attributes(attributes: dict[str, Any], sizes: dict[str, int]) -> None:
    wanted = {*TEXT, *NAMES, *(("joint_names",) if "J" in sizes else ())}
    _same_names("attribute", wanted, set(attributes) - set(OPTIONAL_TEXT) - set(OPTIONAL_NAMES))
    for name, letter in (*zip(NAMES, ("Ki", "Ke"), strict=True), ("joint_names", "J")):
        if letter in sizes and len(attributes[name]) != sizes[letter]:
            raise ValueError(f"{name} must have {sizes[letter]} names, got {len(attributes[name])}")
    if attributes["unit"] != "m":
        raise ValueError(f"unit must be m, got {attributes['unit']!r}; convert the model to metres")
    if attributes.get("expression_unit", "weight") not in EXPRESSION_UNITS:
        raise ValueError(f"expression_unit must be one of {EXPRESSION_UNITS}, got {attributes['expression_unit']!r}")


def _check_tree(parents: np.ndarray, sizes: dict[str, int]) -> None:
    if (parents >= np.arange(len(parents))).any():
        raise ValueError(f"rig/parents must name a joint before each joint, got {parents.tolist()}")
    if sizes["P"] not in (0, 9 * sizes["J"]):
        raise ValueError(f"rig/correctives must have {9 * sizes['J']} rows or none, got {sizes['P']}")


def _check_ones(name: str, found: np.ndarray, or_none: bool = False) -> None:
    """A row's sum or length [n] must be 1, or 0 where there may be none."""
    off = (np.abs(found - 1) > ROUNDING) & ~((found == 0) & or_none)
    if off.any():
        row = int(np.argmax(off))
        raise ValueError(f"{name} must be 1 in sum or length{' or 0' * or_none}, got {found[row]:.6g} in row {row}")


def _check_paths(paths: dict[str, np.ndarray], faces: np.ndarray) -> None:
    if not paths:
        return
    key = lambda a, b: np.minimum(a, b).astype(np.int64) << 32 | np.maximum(a, b)
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    edges = np.unique(key(start, end)[start != end])
    for name, path in paths.items():
        on_edge = np.isin(key(path[:-1], path[1:]), edges)
        if not on_edge.all():
            k = int(np.argmin(on_edge))
            raise ValueError(f"{name} must follow edges of faces, got none from vertex {path[k]} to {path[k + 1]}")


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
