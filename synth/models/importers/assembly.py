"""From what a file holds, in its own unit and axes, to the project's MorphableModel in head space."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from synth.geometry import rigid, transform
from synth.models.bare import bare_model
from synth.models.importers.containers import sha256_of
from synth.models.morphable import Eyeballs, LinearMesh, MorphableModel
from synth.models.rig import Rig, turned

METRES = {"micrometre": 1e-6, "millimetre": 1e-3, "centimetre": 1e-2, "decimetre": 1e-1, "metre": 1.0}
HEIGHT = (0.1, 0.75)  # m: of a mesh from a mask of the face to a bust
LIKELY_HEIGHT = (0.13, 0.45)  # m: narrower than a decade, so that only one unit fits
Y_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # from x to the subject's left, y up, z to the viewer
EYE_DEPTH = 0.012  # m: of an eyeball's centre behind the middle of the lids
RIGHT_LIDS, LEFT_LIDS = slice(36, 42), slice(42, 48)
MOST_VERTICES = 1_000_000
TILE_EDGE = 1e-3  # of a UDIM tile: corners this far beyond its edge are on it


@dataclass(kw_only=True, slots=True)
class Source:
    """What an importer found. Lengths in `unit`, axes as in the file; arrays of floats may have any float dtype."""

    files: list[Path]  # those read
    name: str
    licence: str
    source: str
    sigma: str
    mean: np.ndarray  # [V, 3]
    identity: np.ndarray  # [Ki, V, 3] per standard deviation
    faces: np.ndarray  # int [F, 3 or 4], from 0; a quad may repeat its last vertex
    expression: np.ndarray | None = None  # [Ke, V, 3]
    expression_names: tuple[str, ...] = ()
    expression_unit: str = "weight"
    identity_names: tuple[str, ...] = ()
    uv: np.ndarray | None = None  # [F, 3 or 4, 2], tiles of a UDIM layout as in the file
    part: np.ndarray | None = None  # uint8 [F], 0 where not known
    albedo_mean: np.ndarray | None = None  # [V, 3] linear RGB
    albedo_basis: np.ndarray | None = None  # [Ka, V, 3]
    landmarks: tuple[np.ndarray, np.ndarray] | None = None  # int [68, 3], float [68, 3]; weights 0 where not known
    eyeballs: Eyeballs | None = None
    rig: Rig | None = None
    layers: dict[str, np.ndarray] = field(default_factory=dict)  # name -> bool [F]: faces that are not of the skin
    unit: str | None = None  # None: the one in which the mesh has a head's size
    axes: np.ndarray = field(default_factory=lambda: Y_UP)  # [3, 3] rotation, file to head space
    lacks: tuple[str, ...] = ()  # what no array shows: "teeth", "inner_mouth", "back_of_head"


def assemble(source: Source) -> MorphableModel:
    """The model in head space, with gaps (bare.py) where the source is silent; ValueError where it makes no head."""
    _check(source)
    unit = source.unit or _likely_unit(source)
    faces = _quads(source.faces).astype(np.int32)
    uv = None if source.uv is None else _quads(source.uv)
    linear = METRES[unit] * source.axes
    if not _faces_outward(transform(rigid(linear, np.zeros(3)), source.mean.astype(np.float64)), faces):
        faces, uv = _flipped(faces, uv)
    whole = _in_head_space(source, linear)
    skin = ~np.any([np.zeros(len(faces), bool), *source.layers.values()], axis=0)
    kept, renumbered = _compacted(faces[skin], len(source.mean))
    model = bare_model(
        **{name: _rows(value, kept, axis) for name, (value, axis) in whole.items()},
        faces=renumbered,
        name=source.name,
        licence=source.licence,
        source=source.source,
        expression_names=source.expression_names,
        uv=None if uv is None else _in_unit_square(uv[skin]),
    )
    model = replace(
        model,
        sigma=source.sigma,
        expression_unit=source.expression_unit,
        source_unit=unit,
        source_sha256=sha256_of(source.files),
        source_to_head=rigid(linear, np.zeros(3)),
        source_vertices=kept.astype(np.int32),
        layers={
            name: _layer(whole, faces[mask], None if uv is None else uv[mask]) for name, mask in source.layers.items()
        },
        **_extras(source, kept, skin, linear),
    )
    _check_height(model, unit)
    return moved(model, -_eye_middle(model))


def moved(model: MorphableModel, shift: np.ndarray) -> MorphableModel:
    """The model with head space's origin elsewhere: every point moves by `shift` [3] (m)."""
    shift = shift.astype(np.float32)
    shifted = lambda mesh: replace(mesh, mean=mesh.mean + shift)
    return replace(
        shifted(model),
        eyeballs=replace(model.eyeballs, center=model.eyeballs.center + shift),
        garment=model.garment and shifted(model.garment),
        **attachments_moved(model, rigid(np.eye(3), shift.astype(np.float64))),
    )


def attachments_moved(model: MorphableModel, motion: np.ndarray) -> dict[str, Any]:
    """What hangs on a model, layers, rig and source_to_head, after a rotation and shift [4, 4] of head space."""
    turn = motion[:3, :3].astype(np.float32).T
    layers = {
        name: replace(
            layer,
            mean=transform(motion, layer.mean.astype(np.float64)).astype(np.float32),
            identity=layer.identity @ turn,
            expression=layer.expression @ turn,
        )
        for name, layer in model.layers.items()
    }
    to_head = None if model.source_to_head is None else motion @ model.source_to_head
    return {"layers": layers, "rig": model.rig and turned(model.rig, motion), "source_to_head": to_head}


def linear_from_srgb(values: np.ndarray) -> np.ndarray:
    """Linear RGB of sRGB values in [0, 1] (IEC 61966-2-1), float64."""
    values = np.clip(np.asarray(values, np.float64), 0, 1)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def linear_albedo(mean: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean [V, 3] and basis [Ka, V, 3] of linear reflectance from those of sRGB values in [0, 1].

    The basis is multiplied by the curve's slope at the mean: a linear model stays linear, and is exact to first order.
    """
    inside = np.clip(np.asarray(mean, np.float64), 0, 1)
    slope = np.where(inside <= 0.04045, 1 / 12.92, 2.4 / 1.055 * ((inside + 0.055) / 1.055) ** 1.4)
    return linear_from_srgb(mean), (basis * slope.astype(np.float32)).astype(np.float32)


def points_of(values: np.ndarray, name: str) -> np.ndarray:
    """[V, 3] of a vector of x, y, z of vertex after vertex, as a row or a column or neither, or of [V, 3] itself."""
    is_vector = values.size > 0 and max(values.shape, default=0) == values.size and values.size % 3 == 0
    if not is_vector and not (values.ndim == 2 and values.shape[1] == 3 and len(values)):
        raise ValueError(f"expected {name} [3 V] or [V, 3], found {list(values.shape)}")
    return values.reshape(-1, 3)


def stacked(matrix: np.ndarray, scale: np.ndarray | float = 1.0) -> np.ndarray:
    """float32 [K, V, 3] of a basis [3 V, K] whose rows are x, y, z of vertex after vertex, times scale [K]."""
    scaled = matrix.astype(np.float32) * np.asarray(scale, np.float32)
    return np.ascontiguousarray(scaled.T).reshape(matrix.shape[1], -1, 3)


def _check(source: Source) -> None:
    count = len(source.mean)
    if source.mean.shape != (count, 3) or not 4 <= count <= MOST_VERTICES:
        raise ValueError(f"expected the mean of 4 to {MOST_VERTICES} vertices [V, 3], found {list(source.mean.shape)}")
    bases = {"identity": source.identity, "expression": source.expression, "albedo": source.albedo_basis}
    for name, basis in bases.items():
        if basis is not None and (basis.ndim != 3 or basis.shape[1:] != (count, 3)):
            raise ValueError(f"expected a basis of the {name} [K, {count}, 3], found {list(basis.shape)}")
    faces = source.faces
    if faces.ndim != 2 or faces.shape[1] not in (3, 4) or faces.dtype.kind not in "iu" or not len(faces):
        raise ValueError(f"expected faces [F, 3 or 4] of vertex numbers, found {faces.dtype} {list(faces.shape)}")
    if faces.min() < 0 or faces.max() >= count:
        raise ValueError(f"expected faces of vertices 0 to {count - 1}, found {faces.min()} to {faces.max()}")
    if source.uv is not None and source.uv.shape != (*faces.shape, 2):
        raise ValueError(f"expected texture coordinates {[*faces.shape, 2]}, found {list(source.uv.shape)}")
    for name, values in {"mean": source.mean, **{n: b for n, b in bases.items() if b is not None}}.items():
        if not np.isfinite(values).all():
            raise ValueError(f"expected finite numbers in the {name}, found infinite ones or none")


def _likely_unit(source: Source) -> str:
    height = _height(source.mean @ source.axes.T)
    likely = [unit for unit, metres in METRES.items() if LIKELY_HEIGHT[0] <= metres * height <= LIKELY_HEIGHT[1]]
    if not likely:
        raise ValueError(f"expected a face 0.13 to 0.45 m high in some unit of length, found a height of {height:.4g}")
    return likely[0]


def _height(points: np.ndarray) -> float:
    return float(np.ptp(points[:, 2].astype(np.float64)))


def _check_height(model: MorphableModel, unit: str) -> None:
    height = _height(model.mean)
    if not HEIGHT[0] <= height <= HEIGHT[1]:
        raise ValueError(f"expected a head {HEIGHT[0]} to {HEIGHT[1]} m high, found {height:.4g} m taking {unit}s")


def _quads(corners: np.ndarray) -> np.ndarray:
    """Values per corner [F, 3 or 4, ...] as [F, 4, ...]."""
    return corners if corners.shape[1] == 4 else corners[:, (0, 1, 2, 2)]


def _in_unit_square(uv: np.ndarray) -> np.ndarray:
    """Texture coordinates [F, 4, 2] of one mesh in [0, 1]: the tiles of a UDIM layout in a square grid, each whole."""
    tile = np.maximum(np.ceil(uv.max(axis=1) - TILE_EDGE) - 1, 0)
    inside = uv - tile[:, None]
    off = ~((inside >= -TILE_EDGE) & (inside <= 1 + TILE_EDGE)).all(axis=(1, 2))
    if off.any():
        raise ValueError(
            "expected texture coordinates of 0 or more whose faces stay each in one tile of 1 x 1, found "
            f"{off.sum()} faces of {len(uv)} elsewhere, one with {uv[off][0].tolist()}"
        )
    number = np.unique(tile, axis=0, return_inverse=True)[1].reshape(-1)
    side = int(np.ceil(np.sqrt(number.max(initial=0) + 1)))
    place = np.stack([number % side, number // side], axis=-1)
    return ((np.clip(inside, 0, 1) + place[:, None]) / side).astype(np.float32)


def _flipped(faces: np.ndarray, uv: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """The same faces wound the other way; a triangle repeats its last vertex still."""
    is_triangle = (faces[:, 2] == faces[:, 3])[:, None]
    order = np.where(is_triangle, (0, 2, 1, 1), (0, 3, 2, 1))
    turn = lambda values: values[np.arange(len(faces))[:, None], order]
    return turn(faces), None if uv is None else turn(uv)


def _faces_outward(points: np.ndarray, faces: np.ndarray) -> bool:
    """Whether normals point away from a place behind the face, by area."""
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    middle[1] = points[:, 1].max()
    a, b, c = (points[faces[:, k]] for k in range(3))
    return float((np.cross(b - a, c - a) * ((a + b + c) / 3 - middle)).sum()) >= 0


def _compacted(faces: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices int [V'] that faces use, and the faces in their numbers."""
    used = np.zeros(count, bool)
    used[faces.ravel()] = True
    return np.flatnonzero(used), (np.cumsum(used) - 1)[faces].astype(np.int32)


def _in_head_space(source: Source, linear: np.ndarray) -> dict[str, tuple[np.ndarray, int]]:
    """Mean and bases of all vertices (m), each with the axis that counts its vertices."""
    turn = linear.astype(np.float32).T
    expression = np.zeros((0, *source.mean.shape)) if source.expression is None else source.expression
    return {
        "mean": ((source.mean.astype(np.float64) @ linear.T).astype(np.float32), 0),
        "identity": (source.identity.astype(np.float32) @ turn, 1),
        "expression": (expression.astype(np.float32) @ turn, 1),
    }


def _rows(values: np.ndarray, kept: np.ndarray, axis: int) -> np.ndarray:
    return values if len(kept) == values.shape[axis] else np.take(values, kept, axis=axis)


def _layer(whole: dict[str, tuple[np.ndarray, int]], faces: np.ndarray, uv: np.ndarray | None) -> LinearMesh:
    kept, renumbered = _compacted(faces, len(whole["mean"][0]))
    points: dict[str, Any] = {name: _rows(value, kept, axis) for name, (value, axis) in whole.items()}
    return LinearMesh(
        **points,
        faces=renumbered,
        uv=np.zeros((len(faces), 4, 2), np.float32) if uv is None else _in_unit_square(uv),
        part=np.zeros(len(faces), np.uint8),
    )


def _extras(source: Source, kept: np.ndarray, skin: np.ndarray, linear: np.ndarray) -> dict[str, Any]:
    """What only some sources have, in head space and for the vertices that are kept."""
    out: dict[str, Any] = {"lacks": source.lacks}
    if source.part is not None:
        out["part"] = source.part[skin].astype(np.uint8)
    if source.albedo_mean is not None:
        basis = np.zeros((0, *source.mean.shape)) if source.albedo_basis is None else source.albedo_basis
        out["albedo_mean"] = source.albedo_mean[kept].astype(np.float32)
        out["albedo_basis"] = _rows(basis.astype(np.float32), kept, 1)
    if source.identity_names:
        out["identity_names"] = source.identity_names
    if source.landmarks is not None:
        out |= _landmarks(*source.landmarks, kept, len(source.mean))
    if source.eyeballs is not None:
        out["eyeballs"] = _eyeballs(source.eyeballs, linear)
    if source.rig is not None:
        out["rig"] = _rig(source.rig, kept, linear)
    return out


def _landmarks(triangles: np.ndarray, weights: np.ndarray, kept: np.ndarray, count: int) -> dict[str, np.ndarray]:
    """Landmarks in the numbers of the kept vertices; one that lies on others is not known."""
    if triangles.shape != (68, 3) or weights.shape != (68, 3) or triangles.min() < 0 or triangles.max() >= count:
        raise ValueError(f"expected 68 landmarks on vertices 0 to {count - 1}, found {list(triangles.shape)}")
    number = np.full(count, -1)
    number[kept] = np.arange(len(kept))
    held = number[triangles]
    known = (held >= 0).all(axis=1, keepdims=True)
    return {
        "landmark_triangles": np.where(known, held, 0).astype(np.int32),
        "landmark_weights": np.where(known, np.clip(weights, 0, 1), 0).astype(np.float32),
    }


def _eyeballs(eyes: Eyeballs, linear: np.ndarray) -> Eyeballs:
    scale = np.linalg.norm(linear, axis=0).mean()
    turned = lambda values: (values.astype(np.float64) @ linear.T).astype(np.float32)
    return Eyeballs(
        center=turned(eyes.center),
        center_identity=turned(eyes.center_identity),
        radius=(scale * eyes.radius).astype(np.float32),
        radius_identity=(scale * eyes.radius_identity).astype(np.float32),
        axis=(turned(eyes.axis) / np.float32(scale)).astype(np.float32),
    )


def _rig(rig: Rig, kept: np.ndarray, linear: np.ndarray) -> Rig:
    """The rig in head space, of the kept vertices."""
    rig = turned(rig, rigid(linear, np.zeros(3)))
    weights = rig.weights[kept].astype(np.float32)
    return replace(rig, weights=weights, correctives=_rows(rig.correctives, kept, 1))


def _eye_middle(model: MorphableModel) -> np.ndarray:
    """The place between the eyes (m): of the eyeballs, else behind the lids' landmarks, else the mesh's middle."""
    if (model.eyeballs.radius > 1e-3).all():
        return model.eyeballs.center.mean(axis=0)
    if (model.landmark_weights[36:48].sum(axis=1) > 0).all():
        points = model.landmarks(model.mean)
        return (points[RIGHT_LIDS].mean(axis=0) + points[LEFT_LIDS].mean(axis=0)) / 2 + np.array([0, EYE_DEPTH, 0])
    return (model.mean.min(axis=0) + model.mean.max(axis=0)) / 2
