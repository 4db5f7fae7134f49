"""Soft shapes in a plane: signed distance to polygons, and smooth steps."""

import numpy as np


def signed_distance(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """float64 [N]: distance of points [N, 2] to a closed polygon [n, 2], positive inside."""
    start, end = polygon, np.roll(polygon, -1, axis=0)
    along = end - start
    relative = points[:, None] - start
    t = np.clip((relative * along).sum(-1) / (along**2).sum(-1), 0, 1)
    distance = np.linalg.norm(relative - t[..., None] * along, axis=-1).min(axis=1)
    crosses = (start[:, 1] > points[:, None, 1]) != (end[:, 1] > points[:, None, 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        at = start[:, 0] + along[:, 0] * (points[:, None, 1] - start[:, 1]) / along[:, 1]
    inside = (crosses & (points[:, None, 0] < at)).sum(axis=1) % 2 == 1
    return np.where(inside, distance, -distance)


def smooth_step(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 up to `low`, 1 from `high` on, the cubic 3 t^2 - 2 t^3 between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def soft_polygon(points: np.ndarray, polygon: np.ndarray, width: float) -> np.ndarray:
    """float64 [N] in [0, 1]: how far points [N, 2] are inside a polygon, over a soft edge of this width."""
    return smooth_step(signed_distance(points, polygon), -width / 2, width / 2)
