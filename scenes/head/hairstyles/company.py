"""Keeps hair in company: a strand that stands over the crown alone, as an arc in the air, comes down to the others.

The crown is seen on a chart, an equal-area one (Lambert's azimuthal), in cells of some 1.6 cm2. Head space, m.
"""

import numpy as np

from scenes.head.hair import SKULL_CENTER, HeadField
from synth.geometry import dot

CELLS = 22  # of the chart, each way
SHARE, LEAST = 1 / 700, 3  # of the strands, and in all, that reach so high in a cell: fewer come down
LOW, FULL = 0.03, 0.06  # m, z: above, strands come down at all, and all the way


def gathered(strands: np.ndarray, field: HeadField) -> np.ndarray:
    """Strands [S, P, 3] none of which stands much higher over the crown than a few others near it."""
    points = strands.reshape(-1, 3).copy()
    high = np.flatnonzero(points[:, 2] > LOW)
    crown = points.take(high, axis=0)
    place, (height, outward) = _charted(crown), field.around(crown)
    level = _between(_levels(place, height, max(int(SHARE * len(strands)), LEAST)), place)
    fall = np.maximum(height - level, 0) * np.clip((crown[:, 2] - LOW) / (FULL - LOW), 0, 1)
    points[high] -= fall[:, None].astype(points.dtype) * outward
    return points.reshape(strands.shape)


def _charted(points: np.ndarray) -> np.ndarray:
    """Rows and columns [N, 2] (float, cells) on the chart, of points [N, 3] over the skull's centre."""
    offset = points - SKULL_CENTER
    toward = offset / np.sqrt(dot(offset, offset))[:, None]
    return 0.5 * CELLS * (1 + toward[:, :2] / np.sqrt(1 + toward[:, 2:]))


def _levels(place: np.ndarray, height: np.ndarray, company: int) -> np.ndarray:
    """Height [CELLS, CELLS] (m) that only `company` points of each cell pass, smooth over the cells that have any."""
    cell = place.astype(np.intp) @ [CELLS, 1]
    order = np.lexsort((-height, cell))
    count = np.bincount(cell, minlength=CELLS**2)
    at = np.cumsum(count) - count + company
    level = np.where(count > company, height[order[np.minimum(at, len(order) - 1)]], 0.0)
    weight = _blurred((count > 0).reshape(CELLS, CELLS).astype(float))
    return _blurred(level.reshape(CELLS, CELLS)) / np.maximum(weight, 1e-9)


def _blurred(values: np.ndarray) -> np.ndarray:
    """Each cell of [n, n] with its neighbours, by binomial weights."""
    rows = np.pad(values, 1)
    rows = rows[:-2] + 2 * rows[1:-1] + rows[2:]
    return rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]


def _between(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Bilinear [N] of cells' values [n, n] at places [N, 2]."""
    low = np.clip(place - 0.5, 0, CELLS - 1.001)
    corner = low.astype(np.intp)
    (r, c), at = (low - corner).T, corner @ [CELLS, 1]
    flat = values.ravel()
    near, far = (flat[k] + c * (flat[k + 1] - flat[k]) for k in (at, at + CELLS))
    return near + r * (far - near)
