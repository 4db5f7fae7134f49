"""Points on triangle meshes."""

import numpy as np


def closest_points(point: np.ndarray, corners: np.ndarray) -> tuple[int, np.ndarray]:
    """The triangle of corners [T, 3, 3] closest to a point [3]: its row, and float32 weights [3] there."""
    a, b, c = np.moveaxis(corners.astype(np.float64), 1, 0)
    candidates = np.stack([_interior(point, a, b, c), *_edges(point, a, b, c)], axis=1)
    distance = np.linalg.norm(candidates @ corners - point, axis=-1)
    distance[np.isnan(distance)] = np.inf
    row, which = np.unravel_index(np.argmin(distance), distance.shape)
    return int(row), candidates[row, which].astype(np.float32)


def _interior(point: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Weights [T, 3] of the point's projection onto each plane, NaN where it is outside the triangle."""
    normal = np.cross(b - a, c - a)
    area = (normal**2).sum(-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        u = (np.cross(b - point, c - point) * normal).sum(-1, keepdims=True) / area
        v = (np.cross(c - point, a - point) * normal).sum(-1, keepdims=True) / area
    weights = np.concatenate([u, v, 1 - u - v], axis=-1)
    return np.where((weights >= 0).all(-1, keepdims=True), weights, np.nan)


def _edges(point: np.ndarray, *corners: np.ndarray) -> list[np.ndarray]:
    """Weights [T, 3] of the closest point on each of the three edges."""
    out = []
    for k in range(3):
        start, end = corners[k], corners[(k + 1) % 3]
        along = end - start
        length = np.maximum((along**2).sum(-1), np.finfo(np.float64).tiny)
        t = np.clip(((point - start) * along).sum(-1) / length, 0, 1)
        weights = np.zeros((len(t), 3))
        weights[:, k], weights[:, (k + 1) % 3] = 1 - t, t
        out.append(weights)
    return out
