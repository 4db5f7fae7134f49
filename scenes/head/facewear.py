"""Masks over nose, mouth and chin: a sheet taut over the face, with loops around the ears; one mesh.

The sheet is a grid over angle and height around an axis in the head. It lies on the skin at its edges, and between
them it is the least surface outside of the skin that dents nowhere, as cloth under tension.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from scenes.head.headwear import FAR
from scenes.head.solids import Solid, grid_triangles, joined, mirrored, relief, spread, tube
from scenes.head.worn import FacewearSpec

ACROSS, DOWN, LOOP, SECTION = 37, 26, 9, 6  # columns, rows, points along a loop, its sides
AXIS_Y = 0.055  # m, head space
SPAN = np.deg2rad(66.0)  # from the middle to an edge beside the face
GAP = 0.001  # m between skin and sheet
CELL = 0.0015  # m, of the face's relief
TAUT = 120  # steps towards the taut surface
ROUND = 4  # steps in which points are rounded off
PLEATS = 3
LOOP_STEPS = 24  # between two points of a loop that are 4 cm apart at most
TUCK, SOFT = 0.004, 12  # m that the edge below the chin is nearer to the neck; steps towards edges without dents


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A mask on a face: its mesh, and what beards must stay under."""

    solid: Solid
    angle: np.ndarray  # [ACROSS] rad, from the front to the subject's left
    height: np.ndarray  # [DOWN, ACROSS] m, from the top
    radius: np.ndarray  # [DOWN, ACROSS] m of the inside, from the axis
    marks: np.ndarray  # [V, 3] m from the edge, and FAR as in headwear
    thickness: float  # m


def fit_facewear(
    spec: FacewearSpec, vertices: np.ndarray, face: np.ndarray, landmarks: np.ndarray, ears: tuple, sides: tuple
) -> Sheet:
    """A mask on a head: vertices [V, 3] (m, head space), triangles [T, 3] of the outer skin in front and of each side
    without the ear, 68 landmarks [68, 3], and the vertices [n] of the right and left ear's root.
    """
    vertices = vertices.astype(np.float64)
    angle = np.linspace(-SPAN, SPAN, ACROSS)
    height = _heights(spec, angle, landmarks)
    skin = spread(vertices, face)
    skin = skin[skin[:, 1] < AXIS_Y]
    turn, radius = _around_axis(skin)
    around = relief(np.stack([0.07 * turn, skin[:, 2]], axis=-1), radius, CELL, filled=4)
    flat = np.stack(np.broadcast_arrays(0.07 * angle, height), axis=-1)
    reach = around.at(flat.reshape(-1, 2)).reshape(height.shape)
    least = _edged(np.where(np.isfinite(reach), reach, 0)) + GAP
    inner = _rounded(_taut(least), least)
    fold = (PLEATS * np.linspace(0, 1, DOWN)[:, None] + 0.5) % 1  # each goes out, and steps back in under the next one
    pleats = spec.pleats * fold * np.sin(np.linspace(0, np.pi, DOWN))[:, None] * np.cos(angle * np.pi / 2 / SPAN)
    ridge = spec.ridge * np.exp(-((angle / 0.25) ** 2)) * np.sin(np.linspace(0, np.pi, DOWN))[:, None]
    inner = inner + pleats + ridge
    outer = inner + spec.thickness
    points = np.concatenate([_place(outer, angle, height), _place(inner, angle, height)]).reshape(-1, 3)
    solids = [(points, _slab()), *_loops(spec, outer, angle, height, vertices, ears, sides)]
    marks = _marks(solids[0][0][: DOWN * ACROSS].reshape(DOWN, ACROSS, 3), sum(len(loop[0]) for loop in solids[1:]))
    return Sheet(solid=joined(solids), angle=angle, height=height, radius=inner, thickness=spec.thickness, marks=marks)


@lru_cache(maxsize=1)
def template() -> Solid:
    """Some mask, for its triangles."""
    rest = _place(np.full((DOWN, ACROSS), 0.1), np.linspace(-SPAN, SPAN, ACROSS), np.linspace(0, -0.1, DOWN)[:, None])
    loop = tube(np.zeros((LOOP, 3)), np.zeros((1, 3)), 0, 0, SECTION)
    solids = [(np.concatenate([rest, 0.98 * rest]).reshape(-1, 3), _slab()), mirrored(loop), loop]
    return joined(solids)


def _heights(spec: FacewearSpec, angle: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """z [DOWN, ACROSS] (m): from the nose's bridge to under the chin, narrower beside the face."""
    aside = (np.abs(angle) / SPAN) ** 1.5
    bridge = landmarks[28, 2] + spec.nose * (landmarks[29, 2] - landmarks[28, 2])
    under = landmarks[8, 2] - 0.004
    cheek = landmarks[[1, 15], 2].mean() - 0.012
    top = bridge + (cheek - bridge) * np.maximum(aside, np.clip(np.abs(angle) / 0.5, 0, 1) * 0.35)
    bottom = under + (cheek - spec.side - under) * aside
    return top + np.linspace(0, 1, DOWN)[:, None] * (bottom - top)


def _around_axis(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y = points[..., 0], AXIS_Y - points[..., 1]
    return np.arctan2(x, y), np.hypot(x, y)


def _place(radius: np.ndarray, angle: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Points [..., 3] at a radius from the axis."""
    return np.stack(
        np.broadcast_arrays(radius * np.sin(angle), AXIS_Y - radius * np.cos(angle), height + 0 * radius), axis=-1
    )


def _taut(least: np.ndarray) -> np.ndarray:
    """The surface [DOWN, ACROSS] over `least` that is nowhere below the mean of its neighbours; its edges stay."""
    out = least.copy()
    for _ in range(TAUT):
        mean = 0.25 * (out[2:, 1:-1] + out[:-2, 1:-1] + out[1:-1, 2:] + out[1:-1, :-2])
        out[1:-1, 1:-1] = np.maximum(out[1:-1, 1:-1], mean)
    return out


def _rounded(taut: np.ndarray, least: np.ndarray) -> np.ndarray:
    """The sheet with its sharp points rounded off, and moved outwards around there, so that it stays over `least`."""
    smooth = _blurred(taut)
    short = np.maximum(least - smooth, 0)
    around = np.max([np.roll(short, (i, j), axis=(0, 1)) for i in range(-2, 3) for j in range(-2, 3)], axis=0)
    out = np.maximum(smooth + _blurred(around), least)
    out[[0, -1]], out[:, [0, -1]] = taut[[0, -1]], taut[:, [0, -1]]
    return out


def _blurred(values: np.ndarray) -> np.ndarray:
    for _ in range(ROUND):
        padded = np.pad(values, 1, mode="edge")
        values = 0.5 * values + 0.125 * (padded[2:, 1:-1] + padded[:-2, 1:-1] + padded[1:-1, 2:] + padded[1:-1, :-2])
    return values


def _marks(outside: np.ndarray, loops: int) -> np.ndarray:
    """What Sheet.marks says, of points [DOWN, ACROSS, 3] and as many of the loops."""
    step = [np.linalg.norm(np.diff(outside, axis=k), axis=-1).mean() for k in (0, 1)]
    near = [s * np.minimum(np.arange(n), np.arange(n)[::-1]) for s, n in zip(step, (DOWN, ACROSS), strict=True)]
    out = np.full((2 * DOWN * ACROSS + loops, 3), FAR)
    out[: DOWN * ACROSS, 0] = np.minimum(near[0][:, None], near[1]).ravel()
    return out


def _edged(reach: np.ndarray) -> np.ndarray:
    """The skin's radii [DOWN, ACROSS] (m) with a bottom that is tucked in below the chin, but no further, and edges
    that dent no more than cloth does.
    """
    out = reach.copy()
    out[-1] = np.maximum(out[-1], out[-3:-1].max(axis=0) - TUCK)
    for edge in (out[0], out[-1], out[:, 0], out[:, -1]):
        for _ in range(SOFT):
            edge[1:-1] = np.maximum(edge[1:-1], 0.5 * (edge[2:] + edge[:-2]))
    return out


def _slab() -> np.ndarray:
    """Triangles of a sheet with an outside, an inside and edges."""
    sheet = grid_triangles(DOWN, ACROSS, closed_columns=False)[:, ::-1]
    index = np.arange(DOWN * ACROSS).reshape(DOWN, ACROSS)
    border = np.concatenate([index[0, :-1], index[:-1, -1], index[-1, :0:-1], index[:0:-1, 0]])
    after, below = np.roll(border, -1), DOWN * ACROSS
    edge = np.concatenate(
        [np.stack([border, after, border + below], -1), np.stack([after, after + below, border + below], -1)]
    )
    return np.concatenate([sheet, sheet[:, ::-1] + below, edge]).astype(np.int32)


def _loops(spec: FacewearSpec, outer, angle, height, vertices, ears, sides) -> list[Solid]:
    """From the sheet's corners over and under each ear's root, and behind it."""
    corners = _place(outer, angle, height)
    out = []
    for k, s in enumerate((-1, 1)):
        own = vertices * [s, 1, 1]
        side = spread(own, sides[k])
        beside = relief(side[:, [1, 2]], side[:, 0], CELL, filled=3)
        root = own[ears[k]]
        top, low, back = root[root[:, 2].argmax()], root[root[:, 2].argmin()], root[:, 1].max()
        column = corners[:, -1 if s > 0 else 0] * [s, 1, 1]
        middle = 0.5 * (top[2] + low[2])
        steps = np.array([[0, 0, 0.003], [0, -0.002, 0.003], [0, 0.004, -0.002], [0, 0, -0.002]])
        over = [column[1], 0.5 * (column[1] + top) + steps[0], top + steps[1], [top[0], back, top[2] - 0.004]]
        under = [[low[0], back, low[2] + 0.006], low + steps[2], 0.5 * (low + column[-2]) + steps[3], column[-2]]
        path = np.array([*over, [top[0], back + 0.003, middle], *under])
        clear = np.max([beside.at(path[:, 1:] + np.array([0, z])) for z in (-spec.cord, 0, spec.cord)], axis=0)
        path[1:-1, 0] = np.where(np.isfinite(clear), clear + GAP + spec.cord, path[:, 0])[1:-1]
        loop = tube(path, np.tile([1.0, 0.05, 0.02], (LOOP, 1)), spec.cord, spec.cord, SECTION)
        out.append(loop if s > 0 else mirrored(loop))
    return out


def press(strands: np.ndarray, sheet: Sheet) -> np.ndarray:
    """Strands [S, P, 3] (m, head space) under the sheet."""
    covered, radius, inside, _ = _covered(strands, sheet)
    return _at_radius(strands, radius, np.where(covered, np.minimum(radius, inside.min(axis=0) - 4e-4), radius))


def lifted(points: np.ndarray, sheet: Sheet) -> np.ndarray:
    """Points [N, 3] (m, head space) of a face with the sheet on it: those below are on its outside."""
    covered, radius, inside, shares = _covered(points, sheet)
    covered &= points[:, 1] < AXIS_Y
    out = np.where(covered, np.maximum(radius, (shares * inside).sum(axis=0) + sheet.thickness), radius)
    return _at_radius(points.astype(np.float64), radius, out)


def _covered(points: np.ndarray, sheet: Sheet) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Which points [..., 3] have the sheet before or behind them, how far they are from the axis, how far the sheet's
    inside is at the four corners around there [4, ...], and the share of each.
    """
    turn, radius = _around_axis(points)
    column = np.clip((turn + SPAN) / (2 * SPAN) * (ACROSS - 1), 0, ACROSS - 1)
    k = np.rint(column).astype(int)
    top, bottom = sheet.height[0, k], sheet.height[-1, k]
    row = (points[..., 2] - top) / (bottom - top) * (DOWN - 1)
    covered = (np.abs(turn) < SPAN) & (row > 0) & (row < DOWN - 1)
    row = np.clip(row, 0, DOWN - 1.001)
    left, upper = np.minimum(column.astype(int), ACROSS - 2), row.astype(int)
    corners = [(i, j) for i in (0, 1) for j in (0, 1)]
    inside = np.stack([sheet.radius[upper + i, left + j] for i, j in corners])
    u, v = column - left, row - upper
    return covered, radius, inside, np.stack([(v if i else 1 - v) * (u if j else 1 - u) for i, j in corners])


def _at_radius(points: np.ndarray, radius: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Points [..., 3] moved from one radius [...] to another."""
    axis = np.stack([0 * radius, 0 * radius + AXIS_Y, points[..., 2]], axis=-1)
    return axis + (points - axis) * (wanted / np.maximum(radius, 1e-9))[..., None]


def outside(sheet: Sheet) -> tuple[np.ndarray, np.ndarray]:
    """Points [N, 3] (m, head space), closer to one another than 2 mm, of the outside, and of the loops [M, 3]."""
    points, size = sheet.solid[0], DOWN * ACROSS
    front = spread(points[:size], grid_triangles(DOWN, ACROSS, closed_columns=False))
    loops = points[2 * size :].reshape(2, -1, 3)[:, : LOOP * SECTION].reshape(2, LOOP, SECTION, 3)
    t = np.arange(LOOP_STEPS)[:, None, None] / LOOP_STEPS
    return front, (loops[:, :-1, None] * (1 - t) + loops[:, 1:, None] * t).reshape(-1, 3)
