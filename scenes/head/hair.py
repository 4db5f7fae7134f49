"""What strands grow from and around: roots on the model's triangles, and the head as something to go around.

In numpy and head space. Without chance: a strand's own peculiarities come from a low-discrepancy sequence over its
number; what a style does with them is in scenes.head.hairstyles.
"""

from dataclasses import dataclass

import numpy as np

from synth.geometry import interpolate

SKULL_CENTER = np.array([0.0, 0.085, 0.02])  # m, head space: the head is star-shaped around it
NECK_Z = -0.13  # m: above is the head, which strands go around; below are shoulders, which they lie on
UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """Where strands grow: fixed places on the model's triangles, and each strand's own numbers in [0, 1)."""

    corners: np.ndarray  # int32 [S, 3] vertices
    weights: np.ndarray  # float64 [S, 3] barycentric
    numbers: np.ndarray  # float64 [S, 8]
    guide: np.ndarray  # int32 [S] the strand that it clumps with
    lock: np.ndarray  # int32 [S] the same with smaller clumps
    rest: np.ndarray  # float64 [S, 3] m, on the mesh that they were placed on

    def at(self, vertices: np.ndarray) -> np.ndarray:
        """Values float64 [S, 3] at the roots, of an array over vertices [V, 3]."""
        return interpolate(vertices[self.corners].astype(np.float64), self.weights)

    def first(self, count: int) -> "Roots":
        """The first `count` roots: evenly thinned, because their order is a low-discrepancy one."""
        return self.pick(np.arange(min(count, len(self.corners))))

    def pick(self, chosen: np.ndarray) -> "Roots":
        """Some roots, by increasing indices [n]; a strand whose guide is not among them clumps with none."""
        place = np.full(len(self.corners), -1, np.int32)
        place[chosen] = np.arange(len(chosen))
        own = np.arange(len(chosen), dtype=np.int32)
        among = lambda of: np.where((new := place[of[chosen]]) >= 0, new, own)
        return Roots(
            corners=self.corners[chosen],
            weights=self.weights[chosen],
            numbers=self.numbers[chosen],
            guide=among(self.guide),
            lock=among(self.lock),
            rest=self.rest[chosen],
        )


def low_discrepancy(count: int, dimensions: int) -> np.ndarray:
    """Float64 [count, dimensions] in [0, 1): the additive recurrence of Roberts' generalised golden ratios."""
    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (dimensions + 1))
    steps = ratio ** -np.arange(1, dimensions + 1)
    return (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1


def place_roots(vertices: np.ndarray, triangles: np.ndarray, density: np.ndarray, count: int, guides: int) -> Roots:
    """`count` roots spread over a mesh [V, 3] in proportion to area times `density` [V]; none where it is 0."""
    a, b, c = (vertices[triangles[:, k]].astype(np.float64) for k in range(3))
    weight = np.linalg.norm(np.cross(b - a, c - a), axis=-1) * density[triangles].mean(axis=1)
    cumulative = np.cumsum(weight)
    u = low_discrepancy(count, 11)
    chosen = np.minimum(np.searchsorted(cumulative, u[:, 0] * cumulative[-1]), len(triangles) - 1)
    flip = u[:, 1] + u[:, 2] > 1
    s, t = np.where(flip, 1 - u[:, 1], u[:, 1]), np.where(flip, 1 - u[:, 2], u[:, 2])
    corners, weights = triangles[chosen], np.stack([1 - s - t, s, t], axis=-1)
    rest = interpolate(vertices[corners].astype(np.float64), weights)
    return Roots(
        corners=corners,
        weights=weights,
        numbers=u[:, 3:],
        guide=nearest(rest, min(guides, count)),
        lock=nearest(rest, min(5 * guides, count)),
        rest=rest,
    )


def nearest(places: np.ndarray, count: int) -> np.ndarray:
    """For each place [S, 3] the nearest of the first `count`, int32 [S]."""
    among, chunks = places[:count], np.array_split(places, max(len(places) // 500, 1))
    squares = ((among**2).sum(-1) - 2 * chunk @ among.T for chunk in chunks)
    return np.concatenate([square.argmin(axis=1) for square in squares]).astype(np.int32)


class HeadField:
    """A head to go around: its radius, around a point of the skull above and around an axis below it, and the
    shoulders' height by place.
    """

    GRID = (24, 26, 96)  # rows over the skull, rows below it, columns around
    FLOOR = (40, 0.4)  # cells per side, half extent in m

    def __init__(self, vertices: np.ndarray) -> None:
        """From skin vertices [V, 3] (m, head space), without the inside of the mouth."""
        row, col, radius, _ = self._polar(vertices[vertices[:, 2] > NECK_Z])
        grid = np.zeros((self.GRID[0] + self.GRID[1], self.GRID[2]))
        np.maximum.at(grid, (row.astype(int), col.astype(int) % self.GRID[2]), radius)
        self._radius = _filled(grid)
        cells, extent = self.FLOOR
        below = vertices[vertices[:, 2] <= NECK_Z]
        cell = np.clip(((below[:, :2] + extent) / (2 * extent) * cells).astype(int), 0, cells - 1)
        self._floor = np.full((cells, cells), -10.0)
        np.maximum.at(self._floor, (cell[:, 0], cell[:, 1]), below[:, 2])
        self._floor = _spread(self._floor)

    def _polar(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Row and column (float, cells), radius (m) and unit direction [N, 3] of points [N, 3]."""
        offset = points - SKULL_CENTER
        z = offset[:, 2]
        upper = offset * np.stack([np.ones_like(z), np.ones_like(z), z > 0], axis=-1)
        radius = np.maximum(np.linalg.norm(upper, axis=-1), 1e-9)
        over = np.arccos(np.clip(upper[:, 2] / radius, -1, 1)) / (np.pi / 2) * self.GRID[0]
        under = self.GRID[0] + np.clip(z / (NECK_Z - SKULL_CENTER[2]), 0, 1) * (self.GRID[1] - 1e-6)
        col = (np.arctan2(offset[:, 1], offset[:, 0]) / (2 * np.pi) + 0.5) * self.GRID[2]
        return np.where(z > 0, np.minimum(over, self.GRID[0] - 1e-6), under), col, radius, upper / radius[:, None]

    def around(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Height [N] (m) of points [N, 3] over the head, and unit directions [N, 3] away from it."""
        row, col, radius, outward = self._polar(points)
        return radius - self._lookup(row, col), outward

    def push_out(self, points: np.ndarray, gap: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points [S, 3] moved to at least `gap` [S] (m) off the skin, and unit normals there, 0 where untouched."""
        height, outward = self.around(points)
        head = points[:, 2] > NECK_Z
        inside = head & (height < gap)
        moved = points + np.where(inside, gap - height, 0)[:, None] * outward
        floor = self._floor_at(moved) + 2 * gap
        sunk = (moved[:, 2] < floor) & ~inside
        moved[sunk, 2] = floor[sunk]
        return moved, np.where(inside[:, None], outward, 0) + np.where(sunk[:, None], UP, 0)

    def _floor_at(self, points: np.ndarray) -> np.ndarray:
        cells, extent = self.FLOOR
        at = np.clip((points[:, :2] + extent) / (2 * extent) * cells - 0.5, 0, cells - 1.001)
        cell = at.astype(int)
        return _bilinear(self._floor, cell[:, 0], cell[:, 0] + 1, cell[:, 1], cell[:, 1] + 1, *(at - cell).T)

    def _lookup(self, row: np.ndarray, col: np.ndarray) -> np.ndarray:
        r, c = np.clip(row - 0.5, 0, len(self._radius) - 1.001), col - 0.5
        r0, c0 = np.floor(r).astype(int), np.floor(c).astype(int)
        fr, fc = r - r0, c - c0
        return _bilinear(self._radius, r0, r0 + 1, c0 % self.GRID[2], (c0 + 1) % self.GRID[2], fr, fc)


def _bilinear(grid: np.ndarray, r0, r1, c0, c1, fr: np.ndarray, fc: np.ndarray) -> np.ndarray:
    top = grid[r0, c0] * (1 - fc) + grid[r0, c1] * fc
    return top * (1 - fr) + (grid[r1, c0] * (1 - fc) + grid[r1, c1] * fc) * fr


def _spread(floor: np.ndarray) -> np.ndarray:
    """Empty cells (-10) take their highest neighbour's height, for some cells around."""
    for _ in range(4):
        padded = np.pad(floor, 1, constant_values=-10.0)
        near = np.max([padded[i : i + len(floor), j : j + len(floor)] for i in range(3) for j in range(3)], axis=0)
        floor = np.where(floor < -5, near, floor)
    return np.where(floor < -5, -1.0, floor)


def _filled(grid: np.ndarray) -> np.ndarray:
    """Empty (0) cells take the greatest of their neighbours, until none is left; then every cell goes half way to
    that, to stay outside.
    """
    while (grid == 0).any() and grid.any():
        grid = np.where(grid == 0, _greatest_around(grid), grid)
    return 0.5 * (grid + _greatest_around(grid))


def _greatest_around(grid: np.ndarray) -> np.ndarray:
    padded = np.pad(grid, ((1, 1), (0, 0)), mode="edge")
    return np.max([np.roll(padded[k : k + len(grid)], shift, 1) for k in range(3) for shift in (-1, 0, 1)], axis=0)
