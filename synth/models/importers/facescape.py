"""FaceScape's bilinear model 1.6 (Nanjing University): facescape_bm_v1.6_847_{50,300}_52_id*.npz.

shape_bm_core [3 V, 52, n] times identity factors [n] times expression weights [52] is a mesh; expression 0 is neutral.
Identity factors have mean id_mean and variances id_var. Faces (fv_indices, ft_indices) count from 1. Lengths are
millimetres, y up, z to the viewer. Files without id_mean and id_var do not say where identities lie, and are refused.

A bilinear model is not linear. What is imported is its tangent: identities at rest around the mean identity, and the
expressions of the mean identity. An identity's own way to smile is lost.
"""

from pathlib import Path

import numpy as np

from synth.models.importers.assembly import Source
from synth.models.importers.containers import npz_rows, read_npz

NEEDED, OPTIONAL = ("fv_indices", "id_mean", "id_var"), ("ft_indices", "texcoords", "lm_list_v16")
CORE = "shape_bm_core"


def read(path: Path) -> Source:
    """The model in an .npz file."""
    held = read_npz(path, NEEDED, OPTIONAL)
    center, variance = held["id_mean"].ravel().astype(np.float64), held["id_var"].ravel().astype(np.float64)
    if not (len(center) == len(variance) and np.isfinite(variance).all() and (variance >= 0).all()):
        raise ValueError(f"expected variances id_var [{len(center)}] of 0 or more, found {list(held['id_var'].shape)}")
    mean, identity, expression = _tangent(path, center, np.sqrt(variance))
    faces = _from_one(held["fv_indices"], "fv_indices")
    return Source(
        files=[path],
        name="facescape",
        licence="FaceScape licence (Nanjing University): non-commercial research, not to be passed on",
        source=f"FaceScape bilinear model 1.6, {path.name}, linearised at its mean identity",
        sigma="id_var are variances: a factor's slope is multiplied by the square root of its own",
        mean=mean,
        identity=identity,
        faces=faces,
        expression=expression,
        expression_names=tuple(f"expression-{k:02d}" for k in range(1, len(expression) + 1)),
        uv=_uv(held, faces),
        landmarks=_landmarks(held),
        unit="millimetre",
        lacks=("eyeballs", "teeth", "inner_mouth"),
    )


def _tangent(path: Path, center: np.ndarray, deviation: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean [V, 3], identity [n, V, 3] and expression [51, V, 3], from a core that is read block by block."""
    shape, blocks = npz_rows(path, CORE)
    if len(shape) != 3 or shape[0] % 3 or shape[1] < 2 or shape[2] != len(center):
        raise ValueError(f"expected {CORE} [3 V, 52, {len(center)}], found {list(shape)}")
    neutral, expressions = np.empty((shape[2], shape[0]), np.float32), np.empty((shape[1], shape[0]), np.float32)
    start = 0
    for block in blocks:
        here = slice(start, start + len(block))
        neutral[:, here] = (block[:, 0] * deviation).T
        expressions[:, here] = (block @ center).T
        start += len(block)
    as_points = lambda values: values.reshape(-1, shape[0] // 3, 3)
    return as_points(expressions[:1])[0], as_points(neutral), as_points(expressions[1:] - expressions[0])


def _from_one(values: np.ndarray, name: str) -> np.ndarray:
    if values.ndim != 2 or values.shape[1] not in (3, 4) or values.dtype.kind not in "iu" or values.min(initial=1) < 1:
        raise ValueError(f"expected {name} [F, 3 or 4] that count from 1, found {values.dtype} {list(values.shape)}")
    return values.astype(np.int64) - 1


def _uv(held: dict[str, np.ndarray], faces: np.ndarray) -> np.ndarray | None:
    if not {"ft_indices", "texcoords"} <= set(held):
        return None
    corners, places = _from_one(held["ft_indices"], "ft_indices"), held["texcoords"]
    if corners.shape != faces.shape or places.ndim != 2 or places.shape[1] < 2 or corners.max() >= len(places):
        raise ValueError(f"expected ft_indices {list(faces.shape)} into texcoords, found {list(corners.shape)}")
    return places[corners][..., :2]


def _landmarks(held: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    if "lm_list_v16" not in held:
        return None
    vertices = held["lm_list_v16"].ravel()
    if len(vertices) != 68 or vertices.dtype.kind not in "iu":
        raise ValueError(f"expected 68 vertices in lm_list_v16, found {len(vertices)}")
    return np.tile(vertices.astype(np.int64)[:, None], 3), np.tile([1.0, 0, 0], (68, 1))
