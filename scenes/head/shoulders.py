"""Neck, shoulders, chest and back, with what is worn on them, as something for hair to lie on. numpy, head space, m.

A sheet from low on the chest over the shoulders and down the back: how far it is from an axis that goes through the
body from shoulder to shoulder, and, lower than that, from the upright plane through the axis.
"""

import numpy as np

from synth.geometry import normalize

AXIS_Y, AXIS_Z = 0.08, -0.30  # m: inside of everybody, and hardly higher than the lowest skin
CELL, COLUMNS = 0.01, 80  # m, across the body; of them
OVER, BELOW = 48, 25  # rows over the axis, a cell each at a radius of 15 cm; and on either side below it
ROWS = OVER + 2 * BELOW
NARROW = 3  # cells: half of what hair goes over, as between a neck and a hood
STEEP = 0.06  # m that the sheet falls from column to column beyond the body's outline
STEEPEST = 0.25  # cosine: what faces away from the axis no more than that does not touch hair
LEAN = 0.25  # at least: of a facing, what is not sideways, squared


class Shoulders:
    """How far the body reaches around its axis, and which way it faces there."""

    def __init__(self, points: np.ndarray) -> None:
        """From points [N, 3] of skin and cloth, dense enough for most of the cells."""
        at, radius, _ = _unrolled(points)
        cell = at.astype(np.intp)
        slope = np.array(np.gradient(_filled(_highest(cell, radius))))[:, cell[:, 0], cell[:, 1]].T
        level = radius + np.clip(((cell + 0.5 - at) * slope).sum(axis=1), -CELL, CELL)  # as in the middle of the cell
        sheet = _softened(_closed(_filled(_highest(cell, level))))
        aside, along = np.gradient(sheet)
        row = np.arange(ROWS)
        over = (row >= BELOW) & (row < BELOW + OVER) & (sheet != 0)  # 0 where there is no body, as of a bare face
        length = np.where(over, sheet * np.pi / OVER, CELL)
        facing = normalize(np.stack([-aside / CELL, np.ones_like(sheet), -along / length], axis=-1))
        self._grid = np.concatenate([sheet[..., None], facing], axis=-1, dtype=np.float32).reshape(-1, 4)
        self._most = _around(sheet).max(axis=0).ravel().astype(np.float32)

    def pressed(self, points: np.ndarray, gap: float | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which [n] of points [N, 3] are nearer to the body than `gap` (m, of all or each), how far [n] they are too
        near, and directions [n, 3] in which they leave it by a metre per metre, to first order: forwards, up or
        backwards, for hair that hangs from the head is not moved aside.
        """
        at, radius, outward = _unrolled(points)
        cell = at.astype(np.intp)
        gap = np.broadcast_to(np.asarray(gap, radius.dtype), radius.shape)
        near = np.flatnonzero(radius < self._most[cell[:, 0] * ROWS + cell[:, 1]] + gap / STEEPEST)
        reach, _, out, on = self._facing(at[near]).T
        short = gap[near] - (radius[near] - reach) * out
        (y, z), touch = outward[near].T, short > 0
        leaving = np.stack([0 * y, out * y + on * z, out * z - on * y], axis=-1)
        leaving /= np.maximum(out * out + on * on, LEAN)[:, None]
        return near[touch], short[touch], leaving[touch]

    def _facing(self, at: np.ndarray) -> np.ndarray:
        """The sheet at columns and rows [N, 2]: its radius (m), and its normal aside, outwards and onwards, [N, 4]."""
        at = _clipped(at[:, 0] - 0.5, at[:, 1] - 0.5, 1.001)
        cell = at.astype(np.intp)
        u, v = (at - np.floor(at)).T[..., None]
        first = cell[:, 0] * ROWS + cell[:, 1]
        near, next_to = self._grid.take(first, axis=0), self._grid.take(first + 1, axis=0)
        near = near + v * (next_to - near)
        first += ROWS
        far, next_to = self._grid.take(first, axis=0), self._grid.take(first + 1, axis=0)
        far = far + v * (next_to - far)
        return near + u * (far - near)


def _unrolled(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Column and row [N, 2] (float, cells), radius [N] (m) and the unit direction [N, 2] (y, z) that it has, of points
    [N, 3]. Rows go from the front over the axis to the back.
    """
    y, z = points[:, 1] - AXIS_Y, points[:, 2] - AXIS_Z
    up = np.maximum(z, 0)
    radius = np.maximum(np.hypot(y, up), 1e-9)
    below = np.minimum(z, 0) / CELL
    row = BELOW + OVER * (1 - np.arctan2(up, y) / np.pi) + np.where(y < 0, below, -below)
    at = _clipped(points[:, 0] / CELL + COLUMNS / 2, row, 1e-4)
    return at, radius, np.stack([y / radius, up / radius], axis=-1)


def _clipped(column: np.ndarray, row: np.ndarray, inside: float) -> np.ndarray:
    """Columns and rows [N] as one array [N, 2], on the sheet and so far from its further ends."""
    at = np.empty((len(row), 2), row.dtype)
    at[:, 0], at[:, 1] = column, row
    for values, count in zip(at.T, (COLUMNS, ROWS), strict=True):
        np.clip(values, 0, count - inside, out=values)
    return at


def _highest(cell: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """The greatest radius [N] in each cell [N, 2], [COLUMNS, ROWS]; 0 where there is none."""
    sheet = np.zeros((COLUMNS, ROWS))
    np.maximum.at(sheet.reshape(-1), cell[:, 0] * ROWS + cell[:, 1], radius)
    return sheet


def _filled(sheet: np.ndarray) -> np.ndarray:
    """Empty cells between others of their column by these, further cells by the last; columns likewise, but beyond the
    body's outline the sheet falls steeply away.
    """
    known = np.flatnonzero(sheet.any(axis=1))
    if not len(known):
        return sheet
    columns, full = np.arange(COLUMNS), _between(sheet[known])
    place = np.interp(columns, known, np.arange(len(known)))
    left = np.minimum(place.astype(np.intp), max(len(known) - 2, 0))
    right = np.minimum(left + 1, len(known) - 1)
    w = (place - left)[:, None]
    beyond = np.maximum(known[0] - columns, columns - known[-1]).clip(0)
    return np.maximum((1 - w) * full[left] + w * full[right] - STEEP * beyond[:, None], -1.0)


def _between(columns: np.ndarray) -> np.ndarray:
    """Columns [n, ROWS] whose empty cells (0) lie on the line from the one before to the next, as by np.interp."""
    rows, known = np.arange(ROWS), columns != 0
    before = np.maximum.accumulate(np.where(known, rows, -1), axis=1)
    after = np.minimum.accumulate(np.where(known, rows, ROWS)[:, ::-1], axis=1)[:, ::-1]
    before, after = np.where(before < 0, after, before), np.where(after == ROWS, before, after)
    near, far = (np.take_along_axis(columns, at, axis=1) for at in (before, after))
    return (far - near) / np.maximum(after - before, 1) * (rows - before) + near


def _closed(sheet: np.ndarray) -> np.ndarray:
    """Narrow gaps between what is before and what is behind them are filled: hair goes over them."""
    return _window(_window(sheet).max(axis=-1)).min(axis=-1)


def _window(sheet: np.ndarray) -> np.ndarray:
    """Each cell's neighbours before and behind it, and its own, [COLUMNS, ROWS, n]."""
    padded = np.pad(sheet, ((0, 0), (NARROW, NARROW)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * NARROW + 1, axis=1)


def _softened(sheet: np.ndarray) -> np.ndarray:
    """The mean of each cell and its neighbours, where that is not less: to stay outside."""
    return np.maximum(_around(sheet).mean(axis=0), sheet)


def _around(sheet: np.ndarray) -> np.ndarray:
    """Each cell's neighbours and its own, [9, COLUMNS, ROWS]."""
    padded = np.pad(sheet, 1, mode="edge")
    return np.stack([padded[i : i + COLUMNS, j : j + ROWS] for i in range(3) for j in range(3)])
