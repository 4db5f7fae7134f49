"""Small closed solids for things that are worn, and reliefs of the skin to fit them on. numpy, m, head space.

The triangles of a solid follow from its counts alone, so that a mesh made once can be rewritten with other points.
"""

from dataclasses import dataclass

import numpy as np

from synth.geometry import normalize

Solid = tuple[np.ndarray, np.ndarray]  # points float64 [V, 3], triangles int32 [T, 3], counter-clockwise from outside

# Weights that spread ten points over a triangle: corners, middles and points between.
_SPREAD = np.array([[3, 0, 0], [0, 3, 0], [0, 0, 3], [2, 1, 0], [1, 2, 0], [0, 2, 1], [0, 1, 2], [1, 0, 2], [2, 0, 1]])
_SPREAD = np.concatenate([_SPREAD, [[1, 1, 1]]]) / 3.0


def tube(path: np.ndarray, across: np.ndarray, a, b, sides: int = 8, closed: bool = False, power: float = 2.0) -> Solid:
    """A tube along a path [P, 3]: half widths a [P] along `across` [P, 3] and b [P] square to it and the path.

    power: of the section's superellipse, 2 is round and more is a box. A closed path is a ring; else ends have caps.
    """
    ahead = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0) if closed else np.gradient(path, axis=0)
    along = normalize(ahead)
    u = normalize(across - (across * along).sum(-1, keepdims=True) * along)
    v = np.cross(along, u)
    angle = 2 * np.pi * np.arange(sides) / sides
    c, s = (np.sign(f) * np.abs(f) ** (2 / power) for f in (np.cos(angle), np.sin(angle)))
    a, b = (np.broadcast_to(np.asarray(width, np.float64), len(path))[:, None, None] for width in (a, b))
    ring = path[:, None] + a * c[:, None] * u[:, None] + b * s[:, None] * v[:, None]
    points = ring.reshape(-1, 3)
    triangles = grid_triangles(len(path), sides, closed)
    if closed:
        return points, triangles
    return np.concatenate([points, path[:1], path[-1:]]), np.concatenate([triangles, _caps(len(path), sides)])


def grid_triangles(rows: int, columns: int, closed_rows: bool = False, closed_columns: bool = True) -> np.ndarray:
    """int32 [T, 3] of a grid of points, row by row; its outside is where columns x rows points."""
    index = np.arange(rows * columns).reshape(rows, columns)
    if closed_rows:
        index = np.concatenate([index, index[:1]])
    if closed_columns:
        index = np.concatenate([index, index[:, :1]], axis=1)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    halves = np.stack([np.stack([a, c, b], -1), np.stack([a, d, c], -1)], axis=2)
    return halves.reshape(-1, 3).astype(np.int32)


def _caps(rows: int, sides: int) -> np.ndarray:
    k = np.arange(sides)
    after, last, count = (k + 1) % sides, (rows - 1) * sides, rows * sides
    first = np.stack([np.full(sides, count), after, k], axis=-1)
    return np.concatenate([first, np.stack([np.full(sides, count + 1), last + k, last + after], -1)]).astype(np.int32)


def joined(solids: list[Solid]) -> Solid:
    """Several solids as one mesh."""
    start = np.cumsum([0, *(len(points) for points, _ in solids)])[:-1]
    triangles = [part + k for (_, part), k in zip(solids, start, strict=True)]
    return np.concatenate([points for points, _ in solids]), np.concatenate(triangles).astype(np.int32)


def mirrored(solid: Solid) -> Solid:
    """The solid on the other side of the face."""
    points, triangles = solid
    return points * [-1, 1, 1], triangles[:, ::-1]


def spread(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Ten points [10 T, 3] on each triangle [T, 3] of a mesh."""
    a, b, c = (vertices.astype(np.float64).take(triangles[:, k], axis=0) for k in range(3))
    out = np.empty((len(triangles), len(_SPREAD), 3))
    for k, (x, y, z) in enumerate(_SPREAD):
        out[:, k] = x * a + y * b + z * c
    return out.reshape(-1, 3)


@dataclass(frozen=True, slots=True)
class Relief:
    """The greatest height of a surface over each cell of a plane: never below the surface, a cell's slope above it."""

    heights: np.ndarray  # [N, M] m, -inf where nothing is
    origin: np.ndarray  # [2] m
    cell: float  # m

    def at(self, points: np.ndarray) -> np.ndarray:
        """Heights [N] around points [N, 2] of the plane: the greatest of nine cells."""
        row, col = np.floor((points - self.origin) / self.cell).astype(int).T
        row, col = (
            np.clip(k, 1, n - 2) for k, n in zip((row, col), self.heights.shape, strict=True)
        )  # the border repeats
        return np.max([self.heights[row + i, col + j] for i in (-1, 0, 1) for j in (-1, 0, 1)], axis=0)


def relief(points: np.ndarray, heights: np.ndarray, cell: float, filled: int = 0) -> Relief:
    """From points [N, 2] (m) of the plane, closer to one another than 3 cells, and heights [N] there.

    filled: over how many cells the greatest height around goes on into holes and beyond the border.
    """
    origin = np.array([column.min() for column in points.T]) - 2 * cell
    at = ((points - origin) / cell).astype(int)
    rows, columns = (int(column.max()) + 3 for column in at.T)
    grid = np.full((rows, columns), -np.inf)
    np.maximum.at(grid.reshape(-1), at[:, 0] * columns + at[:, 1], heights)
    for _ in range(filled):
        empty = np.isinf(grid)
        if not empty.any():
            break
        grid = np.where(empty, greatest_around(np.pad(grid, 1, constant_values=-np.inf)), grid)
    return Relief(grid, origin, cell)


def greatest_around(padded: np.ndarray) -> np.ndarray:
    """Of each cell [N, M] and its eight neighbours, in a grid [N + 2, M + 2] with what is around it."""
    rows = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    return np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
