"""What strands grow from and around: roots on the model's triangles, and the head as something to go around.

In numpy, float32 and head space. Without chance: a strand's own peculiarities come from a low-discrepancy sequence
over its number; what a style does with them is in scenes.head.hairstyles.
"""

from dataclasses import dataclass

import numpy as np

from scenes.head.shoulders import Shoulders
from scenes.head.solids import greatest_around
from synth.geometry import dot, interpolate, normalize

SKULL_CENTER = np.array([0.0, 0.085, 0.02], np.float32)  # m, head space: the head is star-shaped around it
NECK_Z = -0.13  # m: above is the head, which strands go around; below are shoulders, which they lie on
JAW_Z, HEAD_RADIUS = -0.05, 0.115  # m: below, what is further from the skull's axis is a shoulder, too
CHIN_Y, CHIN = 0.025, 0.04  # m: what is before, and not so much below the head, is a long chin
SHOULDER_Z, BEHIND_Y, NECK = -0.05, 0.06, 0.025  # m: what lies behind reaches so high; so far down the neck is round
ON_SHOULDERS = 0.3  # share of the gap that is kept there: hair is pressed by its weight
COMPANY = 3  # strands that a lock has, at least: fewer would stand alone
UP = np.array([0.0, 0.0, 1.0], np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """Where strands grow: fixed places on the model's triangles, and each strand's own numbers in [0, 1)."""

    corners: np.ndarray  # int32 [S, 3] vertices
    weights: np.ndarray  # float32 [S, 3] barycentric
    numbers: np.ndarray  # float32 [S, 8]
    guide: np.ndarray  # int32 [S] the strand that it clumps with
    lock: np.ndarray  # int32 [S] the same with smaller clumps
    rest: np.ndarray  # float32 [S, 3] m, on the mesh that they were placed on

    def at(self, vertices: np.ndarray) -> np.ndarray:
        """Values float32 [S, 3] at the roots, of an array over vertices [V, 3]."""
        return interpolate(vertices.astype(np.float32).take(self.corners, axis=0), self.weights)

    def first(self, count: int) -> "Roots":
        """The first `count` roots: evenly thinned, because their order is a low-discrepancy one."""
        return self.pick(np.arange(min(count, len(self.corners))))

    def pick(self, chosen: np.ndarray) -> "Roots":
        """Some roots, by increasing indices [n]. Locks stay: whose leader is not among them follows the first of
        its lock that is, and a lock of few is one with those around its guide.
        """
        guide = _first_of_each(self.guide[chosen])
        lock = _first_of_each(self.lock[chosen])
        few = np.bincount(lock, minlength=len(lock))[lock] < COMPANY
        return Roots(
            corners=self.corners[chosen],
            weights=self.weights[chosen],
            numbers=self.numbers[chosen],
            guide=guide,
            lock=np.where(few, lock[guide], lock),
            rest=self.rest[chosen],
        )


def _first_of_each(group: np.ndarray) -> np.ndarray:
    """For each of groups [n] the place of the first that is of the same, int32 [n]."""
    _, first, own = np.unique(group, return_index=True, return_inverse=True)
    return first[own].astype(np.int32)


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
        weights=weights.astype(np.float32),
        numbers=u[:, 3:].astype(np.float32),
        guide=nearest(rest, min(guides, count)),
        lock=nearest(rest, min(5 * guides, count)),
        rest=rest.astype(np.float32),
    )


def nearest(places: np.ndarray, count: int) -> np.ndarray:
    """For each place [S, 3] the nearest of the first `count`, int32 [S]."""
    among, chunks = places[:count], np.array_split(places, max(len(places) // 500, 1))
    squares = ((among**2).sum(-1) - 2 * chunk @ among.T for chunk in chunks)
    return np.concatenate([square.argmin(axis=1) for square in squares]).astype(np.int32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """Points that have been moved out of a head."""

    points: np.ndarray  # [S, 3] m
    wall: np.ndarray  # [S, 3] unit normals of what they touch, 0 where they touch nothing
    lies: np.ndarray  # bool [S] on the shoulders
    height: np.ndarray  # [S] m over the head
    outward: np.ndarray  # [S, 3] away from the head


class HeadField:
    """A head to go around: its radius, around a point of the skull above and around an axis below it; and shoulders."""

    GRID = (24, 26, 96)  # rows over the skull, rows below it, columns around

    def __init__(self, vertices: np.ndarray) -> None:
        """From skin vertices [V, 3] (m, head space), without the inside of the mouth."""
        aside = np.linalg.norm(vertices[:, :2] - SKULL_CENTER[:2], axis=-1)
        chin = (vertices[:, 1] < CHIN_Y) & (vertices[:, 2] > NECK_Z - CHIN)
        body = ((vertices[:, 2] <= NECK_Z) | ((vertices[:, 2] < JAW_Z) & (aside > HEAD_RADIUS))) & ~chin
        row, col, radius, _ = self._polar(vertices[(vertices[:, 2] > NECK_Z) & ~body])
        grid = np.zeros((self.GRID[0] + self.GRID[1], self.GRID[2]))
        np.maximum.at(grid.reshape(-1), row.astype(int) * self.GRID[2] + col.astype(int) % self.GRID[2], radius)
        self._radius = _filled(grid)
        self._wide = np.concatenate([self._radius, self._radius[:, :2]], axis=1, dtype=np.float32)  # around, and on
        self.shoulders = Shoulders(vertices[body])

    def _polar(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Row and column (float, cells), radius (m) and unit direction [N, 3] of points [N, 3]."""
        offset = points - SKULL_CENTER
        z = offset[:, 2]
        upper = offset.copy()
        upper[:, 2] = np.maximum(z, 0)
        radius = np.maximum(np.sqrt(dot(upper, upper)), 1e-9)
        over = np.arccos(np.clip(upper[:, 2] / radius, -1, 1)) / (np.pi / 2) * self.GRID[0]
        under = self.GRID[0] + np.clip(z / (NECK_Z - SKULL_CENTER[2]), 0, 1) * (self.GRID[1] - 1e-4)
        col = (np.arctan2(offset[:, 1], offset[:, 0]) / (2 * np.pi) + 0.5) * self.GRID[2]
        for k in range(3):
            upper[:, k] /= radius
        return np.where(z > 0, np.minimum(over, self.GRID[0] - 1e-4), under), col, radius, upper

    @property
    def cells(self) -> int:
        """How many the grid has."""
        return self._radius.size

    def over(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The grid's cell [N], by number, that each of points [N, 3] is over, and its height [N] (m) over the head."""
        row, col, radius, _ = self._polar(points)
        return row.astype(np.intp) * self.GRID[2] + col.astype(np.intp) % self.GRID[2], radius - self._lookup(row, col)

    def around(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Height [N] (m) of points [N, 3] over the head, and unit directions [N, 3] away from it."""
        row, col, radius, outward = self._polar(points)
        return radius - self._lookup(row, col), outward

    def low(self, points: np.ndarray) -> np.ndarray:
        """Bool [N]: which of points [N, 3] are low enough for what is worn behind the head, or the shoulders."""
        return points[:, 2] < np.where(points[:, 1] > BEHIND_Y, SHOULDER_Z, NECK_Z)

    def push_out(self, points: np.ndarray, gap: np.ndarray) -> "Pushed":
        """Points [S, 3] moved to at least `gap` [S] (m) off the head, and part of it off the shoulders."""
        height, outward = self.around(points)
        inside = (points[:, 2] > NECK_Z - NECK) & (height < gap)
        need = np.where(inside, gap - height, 0)
        moved, wall = points + need[:, None] * outward, inside[:, None] * outward
        low = np.flatnonzero(self.low(moved))
        touch, short, leaving = self.shoulders.pressed(moved[low], ON_SHOULDERS * gap[low])
        low = low[touch]
        moved[low] += short[:, None] * leaving
        wall[low], lies = normalize(leaving), np.zeros(len(points), bool)
        lies[low] = True
        return Pushed(points=moved, wall=wall, lies=lies, height=height + need, outward=outward)

    def _lookup(self, row: np.ndarray, col: np.ndarray) -> np.ndarray:
        """Radius [N] at fractional rows and columns."""
        r, c = np.clip(row - 0.5, 0, len(self._radius) - 1.001), np.where(col < 0.5, col + self.GRID[2], col) - 0.5
        r0, c0 = r.astype(np.intp), c.astype(np.intp)
        fr, fc = r - np.floor(r), c - np.floor(c)
        at = r0 * (self.GRID[2] + 2) + c0
        flat = self._wide.ravel()
        near = flat[at] + fc * (flat[at + 1] - flat[at])
        at += self.GRID[2] + 2
        return near + fr * (flat[at] + fc * (flat[at + 1] - flat[at]) - near)


def _filled(grid: np.ndarray) -> np.ndarray:
    """Empty (0) cells take the greatest of their neighbours, until none is left; then every cell goes half way to
    that, to stay outside.
    """
    while (grid == 0).any() and grid.any():
        grid = np.where(grid == 0, _greatest_around(grid), grid)
    return 0.5 * (grid + _greatest_around(grid))


def _greatest_around(grid: np.ndarray) -> np.ndarray:
    """Of each cell and its eight neighbours; the columns go around."""
    return greatest_around(np.pad(np.pad(grid, ((1, 1), (0, 0)), mode="edge"), ((0, 0), (1, 1)), mode="wrap"))
