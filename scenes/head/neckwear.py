"""Scarves and ties: a loop around the neck with two tails, and a knot with its blade, on the chart of the torso."""

from functools import lru_cache

import numpy as np

from scenes.head.attire import NeckwearSpec
from scenes.head.collars import Jaw
from scenes.head.cut import ramp
from scenes.head.garments import Garment
from scenes.head.solids import Solid, grid_triangles, joined
from scenes.head.torso import look_up

LOOP, TAIL, BLADE = (96, 26), (24, 14), (30, 12)  # stations and points of a section
MOST_LIFT = 0.022  # m of a collar that a scarf goes over


@lru_cache(maxsize=1)
def template() -> Solid:
    """Some neckwear, for its triangles."""
    grids = [(*LOOP, True), (*TAIL, False), (*TAIL, False), (*BLADE, False)]
    return joined([(np.zeros((a * b, 3)), grid_triangles(a, b, closed_rows=ring)) for a, b, ring in grids])


def fit_neckwear(spec: NeckwearSpec, garments: list[Garment], jaw: Jaw) -> tuple[Solid, np.ndarray]:
    """A mesh over garments, the outermost last, and metres across and along and trim [V, 3] of its cloth."""
    inside = garments[0].cut.ground.points.mean(axis=(0, 1))
    hidden = lambda grid: np.tile(inside, (*grid, 1))
    if spec.kind == "tie":
        parts = [hidden(LOOP), hidden(TAIL), hidden(TAIL), _tie(spec, garments[0])]
    else:
        tails = [_tail(spec, garments[-1], side) if spec.tails else hidden(TAIL) for side in (-1, 1)]
        parts = [jaw.press(_loop(spec, garments)), *tails, hidden(BLADE)]
    cloth = np.concatenate([_unrolled(part) for part in parts])
    return (np.concatenate([part.reshape(-1, 3) for part in parts]), template()[1]), cloth


def _unrolled(points: np.ndarray) -> np.ndarray:
    """Metres across and along [n, 3] of a sweep [T, R, 3]."""
    along = np.cumsum(np.linalg.norm(np.diff(points, axis=0, prepend=points[:1]), axis=-1).mean(axis=1))
    around = np.cumsum(np.linalg.norm(np.diff(points, axis=1, prepend=points[:, :1]), axis=-1), axis=1)
    return np.stack(np.broadcast_arrays(around, along[:, None], 0.0), axis=-1).reshape(-1, 3)


def _loop(spec: NeckwearSpec, garments: list[Garment]) -> np.ndarray:
    """Around the neck, low in front, its folds running along it."""
    cut, scale = garments[-1].cut, garments[0].cut.ground.torso.scale
    turn, angle = 2 * np.pi * np.arange(LOOP[0])[:, None] / LOOP[0], 2 * np.pi * np.arange(LOOP[1]) / LOOP[1]
    front = np.maximum(np.cos(turn), 0)
    middle = scale * (-0.014 + spec.low * front - 0.006 * np.maximum(-np.cos(turn), 0))
    rise, out = np.cos(angle), np.sin(angle)
    folds = 0.16 * np.sin(4 * angle + 2 * turn + 6 * spec.twist) + 0.10 * np.sin(7 * angle - 3 * turn + 20 * spec.twist)
    swell = 1 + 0.18 * np.sin(2 * turn + 9 * spec.twist) + 0.1 * np.sin(5 * turn + 4 * spec.twist)
    half = 0.5 * spec.width * (1 + 0.2 * front)
    along = middle - half * np.sign(rise) * np.abs(rise) ** 0.8
    under = np.clip(cut.height(turn + 0 * along, along), 0, MOST_LIFT)
    thick = spec.thickness * swell * (1 + folds)
    collar = 0.012 * np.exp(-(((along / scale - 0.01) / 0.05) ** 2))
    over = under + np.where(out > 0, 0.004 + collar + thick * np.abs(out) ** 0.7, 0.004 - 0.0015 * np.abs(out))
    first = cut.ground.torso.first_at(turn)
    return cut.ground.at(turn + 0 * along, np.maximum(along, first - 0.01), over)


def _tail(spec: NeckwearSpec, garment: Garment, side: int) -> np.ndarray:
    """One end, down the chest from under the loop."""
    cut, scale = garment.cut, garment.cut.ground.torso.scale
    t, angle = np.linspace(0, 1, TAIL[0])[:, None], 2 * np.pi * np.arange(TAIL[1]) / TAIL[1]
    along = scale * (spec.low + 0.005 + (0.27 + 0.03 * side) * t) + 0 * angle
    half = 0.5 * spec.width * (0.45 + 0.35 * ramp(t / 0.5)) * np.where((t == 0) | (t == 1), 0.3, 1)
    x = side * (0.018 + 0.012 * t + 0.004 * np.sin(6 * t + 8 * spec.twist)) + half * np.cos(angle)
    turn = x / cut.reach(0 * along, along)
    fold = 1 + 0.35 * np.sin(3 * angle + 2.5 * t + 5 * spec.twist * side)
    lift = 0.004 + 0.012 * (1 - ramp(t / 0.25)) + (0.004 if side > 0 else 0.0)
    over = lift + 0.35 * spec.thickness * fold * np.maximum(np.sin(angle), -0.1)
    return cut.at(turn, along, over)[:, ::-1]


def _tie(spec: NeckwearSpec, shirt: Garment) -> np.ndarray:
    """The knot between the collar's points, and the blade below."""
    cut, scale = shirt.cut, shirt.cut.ground.torso.scale
    angle = 2 * np.pi * np.arange(BLADE[1]) / BLADE[1]
    down = np.r_[0, 0.001, np.linspace(0.006, 0.03, 8), 0.031, np.linspace(0.036, 0.30, BLADE[0] - 11)][:, None]
    half = (
        0.5
        * spec.width
        * np.interp(down, [0, 0.001, 0.008, 0.024, 0.03, 0.031, 0.2, 0.3], [0.1, 0.9, 1, 0.72, 0.6, 0.5, 1.1, 1.3])
    )
    bulge = spec.thickness * np.interp(
        down, [0, 0.001, 0.012, 0.026, 0.031, 0.036, 0.3], [0.1, 0.7, 1, 0.8, 0.35, 0.3, 0.28]
    )
    bend = np.where(down > 0.031, np.interp(down, [0.031, 0.05, 0.09, 0.3], [0.35, 0.5, 0.12, 0.05]), 0.2)
    x = half * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.8
    along = cut.neck[0] - 0.012 * scale + scale * (down + 0 * angle)
    ridge = np.sin(angle)
    over = 0.0025 + np.where(
        ridge > 0, bulge * np.maximum(ridge, 0) ** 0.6 * (1 - bend * (x / np.maximum(half, 1e-6)) ** 2), -0.001
    )
    turn = x / cut.reach(0 * along, along)
    height = look_up(cut.heights[..., None], cut.ground.torso, 0 * along, along)[..., 0]
    return cut.ground.at(turn, along, height + over)[:, ::-1]
