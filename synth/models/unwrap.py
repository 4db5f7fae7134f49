"""Texture coordinates for a model that has none: a cylinder around the head, with the mouth's inside below it."""

import numpy as np

MOUTH_INTERIOR = 9  # segmentation class
MOUTH_SHARE = 0.12  # of the map's height, at its bottom, for the mouth's inside
GAP = 0.01  # of the map, between both and at its edges


def cylinder_map(points: np.ndarray, faces: np.ndarray, part: np.ndarray, axis_y: float) -> np.ndarray:
    """float32 [F, 4, 2] in [0, 1]: u is the angle around the upright axis at y = axis_y (m, head space), from the
    subject's right over the face to the left, the seam behind; v is the height.

    Corners of one vertex agree but across the seam. Like every cylinder, it is not one to one where the surface
    folds under itself, as in ears and nostrils.
    """
    out = np.zeros((*faces.shape, 2))
    inside = part == MOUTH_INTERIOR
    low = MOUTH_SHARE if inside.any() and not inside.all() else 0.0
    for chosen, bottom, top in ((~inside, low, 1.0), (inside, 0.0, low or 1.0)):
        if chosen.any():
            u, v = _around(points, faces[chosen], axis_y)
            out[chosen, :, 0] = GAP + (1 - 2 * GAP) * u
            out[chosen, :, 1] = bottom + (GAP + (1 - 2 * GAP) * v) * (top - bottom)
    return out.astype(np.float32)


def _around(points: np.ndarray, faces: np.ndarray, axis_y: float) -> tuple[np.ndarray, np.ndarray]:
    """u and v float64 [F, 4], each over the whole of [0, 1]."""
    x, y, z = points.astype(np.float64).T
    turn = np.arctan2(x, axis_y - y)[faces] / (2 * np.pi)  # 0 in front
    first = turn[:, :1]
    turn = first + (turn - first + 0.5) % 1 - 0.5  # all corners of a face on one side of the seam
    turn -= np.round(turn.mean(axis=1, keepdims=True))
    return _stretched(turn), _stretched(z[faces])


def _stretched(values: np.ndarray) -> np.ndarray:
    return (values - values.min()) / max(np.ptp(values), np.finfo(float).tiny)
