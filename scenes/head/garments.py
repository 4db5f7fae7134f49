"""Garments as meshes of one fixed topology: a body, a collar, a placket, buttons and cords, of which some are hidden.

They are made of points on the chart of the torso (turn, metres along, metres over the cloth), see cut.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np

from scenes.head import collars
from scenes.head.attire import CLOSED, GarmentSpec
from scenes.head.cut import COLUMNS, Cut, cut
from scenes.head.solids import Solid, grid_triangles
from scenes.head.torso import Ground

ROWS, TURNED = 46, 3  # of a body; the first and the last ones are its turned edges
THICK = 0.0016  # m of an edge
PLACKET, BUTTONS, DISC, CORD = (24, 7), 5, (5, 10), (14, 8)  # rows and columns; how many; rings and points; both
BUTTON, CORD_RADIUS = 0.0056, 0.0026  # m
TRIM = np.array([0.0, 0.0, 1.0])
Part = tuple[np.ndarray, np.ndarray]  # points [..., 3] (m), and metres across, metres along and trim (0 or 1) [..., 3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Garment:
    """A garment on a body."""

    solid: Solid
    cloth: np.ndarray  # float64 [V, 3]: m across and along the cloth; 1 where it is trim
    cut: Cut


def fit_garment(spec: GarmentSpec, ground: Ground, jaw: collars.Jaw, below: np.ndarray | None = None) -> Garment:
    """A garment on a body, over another one whose heights [S, K] over the chart are `below`."""
    shape = cut(spec, ground, below)
    parts = [_body(shape), collars.fit_collar(spec, shape, jaw), _placket(spec, shape)]
    parts += [_buttons(spec, shape), _cords(spec, shape)]
    inside = ground.points.mean(axis=(0, 1))
    sizes = (COLUMNS * ROWS, collars.SIZE, prod(PLACKET), BUTTONS * prod(DISC), 2 * prod(CORD))
    found = [part or (np.tile(inside, (size, 1)), np.zeros((size, 3))) for part, size in zip(parts, sizes, strict=True)]
    points, cloth = (np.concatenate([part[k].reshape(-1, 3) for part in found]) for k in (0, 1))
    return Garment(solid=(points, template()[1]), cloth=cloth, cut=shape)


@lru_cache(maxsize=1)
def template() -> Solid:
    """Some garment, for its triangles."""
    grids = [(ROWS, COLUMNS, False), None, (*PLACKET, False), *[(*DISC, True)] * BUTTONS, *[(*CORD, True)] * 2]
    triangles, start = [], 0
    for grid in grids:
        part = collars.template() if grid is None else grid_triangles(*grid[:2], closed_columns=grid[2])[:, ::-1]
        triangles.append(part + start)
        start += collars.SIZE if grid is None else grid[0] * grid[1]
    return np.zeros((start, 3)), np.concatenate(triangles).astype(np.int32)


def _body(cut: Cut) -> Part:
    """From the neckline to the hem, both edges turned in."""
    share = np.linspace(0, 1, ROWS - 2 * TURNED)[:, None] ** 1.25
    along = cut.neck + share * (cut.end - cut.neck)
    top, bottom = cut.neck + np.array([[0.012], [0.0015], [0.0]]), cut.end - np.array([[0.0], [0.0015], [0.012]])
    along = np.concatenate([top, along, bottom])
    down = np.array([-1.0, -1.0, -0.5, *[0.0] * (ROWS - 2 * TURNED), -0.5, -1.0, -1.0])[:, None]
    turn = np.broadcast_to(cut.turn, along.shape)
    points = cut.at(turn, along, THICK * down)
    points[:, -1] = points[:, 0]
    return points, _on_cloth(cut, turn, along)


def _on_cloth(cut: Cut, turn: np.ndarray, along: np.ndarray, trim: float = 0.0) -> np.ndarray:
    flat = cut.cloth(turn, along)
    return np.concatenate([flat, np.full((*along.shape, 1), trim)], axis=-1)


def _opening(spec: GarmentSpec, cut: Cut) -> tuple[float, float] | None:
    """From where to where (m along) buttons or a zip close the front; None: nothing does."""
    start = float(cut.neck[0])
    ends = {"shirt": 1.0, "polo": start + 0.075, "henley": start + 0.06, "cardigan": 1.0, "jacket": 1.0}
    if spec.kind not in ends:
        return None
    return start, min(ends[spec.kind], float(cut.end[0]))


def _placket(spec: GarmentSpec, cut: Cut) -> Part | None:
    """A band down the front, under the buttons; the teeth of a zip."""
    opening = _opening(spec, cut)
    if opening is None:
        return None
    zipped = spec.kind == "jacket" and spec.cloth.cloth != "denim"
    half = 0.0045 if zipped else 0.015
    u = np.array([-1.0, -1.0, -0.85, 0.0, 0.85, 1.0, 1.0]) * half
    raised = np.array([-1.0, 0.3, 1.0, 1.0, 1.0, 0.3, -1.0]) * 0.0016
    along = np.linspace(*opening, PLACKET[0])[:, None] + 0 * u
    turn = u / cut.reach(np.zeros_like(along), along)
    points = cut.at(turn, along, raised)
    cloth = _on_cloth(cut, turn, along, float(zipped))
    cloth[..., 0] += 0.013  # cut from elsewhere
    return points, cloth


def _buttons(spec: GarmentSpec, cut: Cut) -> Part | None:
    """Flat discs down the placket."""
    opening = _opening(spec, cut)
    if opening is None or (spec.kind == "jacket" and spec.cloth.cloth != "denim"):
        return None
    start, end = opening
    step = 0.075 if end - start > 0.2 else 0.03
    places = start + (0.0 if spec.kind == "shirt" and spec.depth < CLOSED else 0.012) + step * np.arange(BUTTONS)
    radius = np.where(places < end - 0.006, BUTTON, 1e-5)[:, None, None]
    ring = np.array([1.0, 1.0, 0.85, 0.5, 0.0])[:, None]
    lift = np.array([0.0008, 0.0026, 0.0032, 0.0026, 0.0025])[:, None]
    around = 2 * np.pi * np.arange(DISC[1]) / DISC[1]
    along = places[:, None, None] - radius * ring * np.cos(around)
    along = np.clip(along, None, cut.end[0])
    turn = radius * ring * np.sin(around) / cut.reach(np.zeros_like(along), along)
    cloth = np.broadcast_to(TRIM, (*along.shape, 3))
    return cut.at(turn, along, lift + 0.0016), cloth


def _cords(spec: GarmentSpec, cut: Cut) -> Part | None:
    """The two ends of a hood's cord."""
    if spec.kind != "hoodie":
        return None
    t, around = np.linspace(0, 1, CORD[0])[:, None], 2 * np.pi * np.arange(CORD[1]) / CORD[1]
    points = []
    for side in (-1, 1):
        start = np.interp(0.3, cut.turn, cut.neck)
        along = start + (0.13 + 0.03 * side * (spec.spread - 0.5)) * t
        x = side * (0.026 + 0.004 * np.sin(5 * t + 9 * spec.spread))
        taper = CORD_RADIUS * np.where((t == 0) | (t == 1), 0.05, 1.0)
        turn = (x + taper * np.sin(side * around)) / cut.reach(0.3 * side + 0 * t, along)
        points.append(cut.at(turn, along + 0 * around, 0.004 + taper * (1 + np.cos(around)) * (1 - 0.3 * t)))
    shape = np.stack(points)
    return shape, np.broadcast_to(TRIM, shape.shape)
