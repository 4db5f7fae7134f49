"""Neck, shoulders, chest and back, with what is worn on them, as something for hair to lie on. numpy, head space, m."""

import numpy as np

from synth.geometry import normalize

CELLS, EXTENT = 80, 0.4  # per side, and half a side (m)
EMPTY, LOWEST = -10.0, -0.9  # m: of a cell that nothing is in, and of the ground far away from the body
STEEP = 0.06  # m that the height falls from cell to cell beyond the body's outline


class Shoulders:
    """The body's height over the ground, and which way it faces there, from the front to the back."""

    def __init__(self, points: np.ndarray) -> None:
        """From points [N, 3] of skin and cloth, dense enough for most of the cells."""
        cell = np.clip(((points[:, :2] + EXTENT) / (2 * EXTENT) * CELLS).astype(int), 0, CELLS - 1)
        height = np.full((CELLS, CELLS), EMPTY)
        np.maximum.at(height, (cell[:, 0], cell[:, 1]), points[:, 2])
        height = _softened(_sloping(_closed(_filled(height))))
        slope = np.gradient(height, 2 * EXTENT / CELLS, axis=1)
        facing = normalize(np.stack([-slope, np.ones_like(slope)], axis=-1))
        self._grid = np.concatenate([height[..., None], facing], axis=-1).reshape(-1, 3)

    def over(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distance [N] (m, below 0 inside) of points [N, 3] from the body, to first order, and unit directions [N, 3]
        in which they leave it: forwards, up or backwards, for hair that hangs from the head is not moved aside.
        """
        at = np.clip((points[:, :2] + EXTENT) / (2 * EXTENT) * CELLS - 0.5, 0, CELLS - 1.001)
        cell = at.astype(np.intp)
        u, v = (at - cell).T[..., None]
        first = cell[:, 0] * CELLS + cell[:, 1]
        near = self._grid[first] * (1 - v) + self._grid[first + 1] * v
        far = self._grid[first + CELLS] * (1 - v) + self._grid[first + CELLS + 1] * v
        found = near + u * (far - near)
        facing = normalize(found * [0, 1, 1])
        return (points[:, 2] - found[:, 0]) * facing[:, 2], facing


def _around(height: np.ndarray) -> np.ndarray:
    """Heights [9, CELLS, CELLS] of every cell's neighbours and its own."""
    padded = np.pad(height, 1, mode="edge")
    return np.stack([padded[i : i + CELLS, j : j + CELLS] for i in range(3) for j in range(3)])


def _filled(height: np.ndarray) -> np.ndarray:
    """Empty cells between the front and the back of others take the mean of those that are near."""
    known = height > EMPTY
    total, count = np.where(known, height, 0), known.astype(np.float64)
    for _ in range(2):
        total, count = _around(total).sum(axis=0), _around(count).sum(axis=0)
    wide = np.max([np.roll(known, k, axis=0) for k in range(-2, 3)], axis=0)
    within = np.maximum.accumulate(wide, axis=1) & np.maximum.accumulate(wide[:, ::-1], axis=1)[:, ::-1]
    return np.where(~known & within & (count > 0), total / np.maximum(count, 1), height)


def _closed(height: np.ndarray) -> np.ndarray:
    """What lies lower than both its front and its back, the neck and a hood's bowl, is filled up: hair goes over it."""
    front = np.maximum.accumulate(height, axis=1)
    back = np.maximum.accumulate(height[:, ::-1], axis=1)[:, ::-1]
    return np.minimum(front, back)


def _sloping(height: np.ndarray) -> np.ndarray:
    """Beyond the outline the ground falls steeply away."""
    while (height == EMPTY).any() and (height > EMPTY).any():
        beyond = np.maximum(_around(height).max(axis=0) - STEEP, LOWEST)
        height = np.where((height == EMPTY) & (beyond > EMPTY + 1), beyond, height)
    return np.maximum(height, LOWEST)


def _softened(height: np.ndarray) -> np.ndarray:
    """Most of the way to the highest neighbour, to stay outside, and then the mean of the neighbours."""
    return _around(0.2 * height + 0.8 * _around(height).max(axis=0)).mean(axis=0)
