"""Earrings: studs, pearls, hoops and drops through the lobes, as one mesh of fixed topology. numpy, m, head space."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from scenes.head.adornment import EarringSpec
from scenes.head.solids import Relief, Solid, joined, mirrored, relief, spread, tube
from synth.geometry import normalize
from synth.models import MorphableModel

BEAD, WIRE, RING, SECTION = 9, 8, 40, 10  # stations of a bead, of a wire and of a hoop; points around
CELL = 0.002  # m, of the head's relief from the side
UP = np.array([0.0, 0.0, 1.0])
GAP = 0.0006  # m between skin and what hangs beside it


@dataclass(frozen=True, slots=True, kw_only=True)
class Lobe:
    """Where an ear is pierced: a triangle in front of the lobe and one behind, with barycentric weights."""

    corners: np.ndarray  # int [2, 3] vertices
    weights: np.ndarray  # float64 [2, 3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lobes:
    """Both ears' lobes, and the skin beside which earrings hang."""

    sides: tuple[Lobe, Lobe]  # right and left
    beside: tuple[np.ndarray, np.ndarray]  # int32 [T, 3] triangles of the head without ears


FROM_TIP = 0.0055  # m above the lobe's lowest point, of a model of size 1
THICKNESS = 0.004  # m of a lobe where it is pierced, if it has such a place


def prepare_lobes(model: MorphableModel, triangles: np.ndarray, part: np.ndarray, scale: float) -> Lobes | None:
    """The lobes of a model of this size with triangles [T, 3] of classes [T]; None if one of them cannot be pierced."""
    mean, center = model.mean.astype(np.float64), model.mean[triangles].mean(axis=1)
    lobes, beside = [], []
    for side, ear in ((-1, 7), (1, 8)):
        mine = triangles[(part != 9) & (side * center[:, 0] > 0.04)]
        tip = mean[triangles[part == ear].ravel()]
        lobes.append(_lobe(mean * [side, 1, 1], mine[:, ::side], tip[tip[:, 2].argmin()] * [side, 1, 1], scale))
        near = (part != ear) & (part != 9) & (side * center[:, 0] > 0.02) & (center[:, 2] < 0.01)
        near &= (center[:, 2] > -0.15) & (center[:, 1] > 0.0) & (center[:, 1] < 0.14)
        beside.append(triangles[near])
    right, left = lobes
    if right is None or left is None:
        return None
    return Lobes(sides=(right, left), beside=(beside[0], beside[1]))


def _lobe(mean: np.ndarray, ear: np.ndarray, tip: np.ndarray, scale: float) -> Lobe | None:
    """Where the triangles of a left ear, whose lowest point is `tip` [3], are pierced, on a mean [V, 3].

    Towards the back a lobe is thinner, until it ends. None if it is nowhere thin enough to be pierced.
    """
    a, b, c = np.moveaxis(mean[ear], 1, 0)
    normal, place = np.cross(b - a, c - a), tip + FROM_TIP * scale * UP
    near = (np.linalg.norm((a + b + c) / 3 - place, axis=1) < 0.008 * scale) & (normal[:, 0] > np.abs(normal[:, 1]))
    axis = normalize(normal[near].sum(axis=0) * [1, 1, 0])
    found = []
    for back in np.linspace(0, 0.007, 15) * scale:
        weights, distance = _pierced(mean[ear], place + [0, back, 0] + 0.02 * axis, -axis)
        hits = np.flatnonzero((weights > -1e-9).all(axis=1) & (distance > 0))
        hits = hits[np.argsort(distance[hits])]
        behind = hits[distance[hits] > distance[hits[:1]].sum() + 0.0015 * scale]
        if len(behind):
            thick = distance[behind[0]] - distance[hits[0]]
            found.append((abs(thick - THICKNESS * scale), hits[0], behind[0], weights))
    if not found:
        return None
    _, first, last, weights = min(found, key=lambda place: place[0])
    return Lobe(corners=ear[[first, last]], weights=weights[[first, last]])


def _pierced(corners: np.ndarray, start: np.ndarray, ray: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Barycentric weights [T, 3] and distances [T] at which a ray meets the planes of triangles [T, 3, 3]."""
    a, b, c = np.moveaxis(corners - start, 1, 0)
    sides = np.stack([np.cross(p, q) @ ray for p, q in ((b, c), (c, a), (a, b))], axis=1)
    total = sides.sum(axis=1, keepdims=True)
    weights = sides / np.where(np.abs(total) > 1e-18, total, np.inf)
    return weights, np.einsum("tc,tck,k->t", weights, corners - start, ray)


@lru_cache(maxsize=1)
def template() -> Solid:
    """Some earrings, for their triangles."""
    one = joined([_bead(np.zeros(3), np.zeros(3)), _wire(np.zeros((WIRE, 3)), 0), _hoop_at(np.zeros((RING, 3)), 0)])
    return joined([mirrored(one), one])


def stones() -> np.ndarray:
    """float64 [V]: 1 where a vertex is of the stone or pendant, 0 where it is always metal."""
    one = np.r_[np.ones(BEAD * SECTION + 2), np.zeros(WIRE * SECTION + 2 + RING * SECTION)]
    return np.r_[one, one]


def fit_earrings(spec: EarringSpec, lobes: Lobes, vertices: np.ndarray) -> Solid:
    """Earrings on a head with vertices [V, 3]; that of an ear without one is a point in the head."""
    sides = []
    for k, (side, name) in enumerate(((-1, "right"), (1, "left"))):
        own = vertices.astype(np.float64) * [side, 1, 1]
        lobe = lobes.sides[k]
        front, back = (lobe.weights[j] @ own[lobe.corners[j]] for j in (0, 1))
        if spec.ears not in ("both", name):
            one = joined([_bead(own.mean(axis=0), np.zeros(3)), *_nothing(own.mean(axis=0))])
        else:
            flat = spread(own, lobes.beside[k])
            one = _one(spec, front, back, relief(flat[:, [1, 2]], flat[:, 0], CELL, filled=2))
        sides.append(one if side > 0 else mirrored(one))
    return joined(sides)


def _nothing(place: np.ndarray) -> list[Solid]:
    return [_wire(np.tile(place, (WIRE, 1)), 0), _hoop_at(np.tile(place, (RING, 1)), 0)]


def _one(spec: EarringSpec, front: np.ndarray, back: np.ndarray, beside: Relief) -> Solid:
    """On the left lobe, pierced from `front` to `back`."""
    axis = normalize(front - back)
    inside = 0.5 * (front + back)
    if spec.kind == "hoop":
        return joined(
            [_bead(inside, np.zeros(3)), _wire(np.tile(inside, (WIRE, 1)), 0), _hoop(spec, front, back, beside)]
        )
    pin = np.linspace(back - 0.001 * axis, front + 0.0006 * axis, WIRE)
    if spec.kind in ("stud", "pearl"):
        flat = 1.0 if spec.kind == "pearl" else 0.35 + 0.5 * spec.form
        bead = _bead(front + spec.size * flat * 0.8 * axis, spec.size * np.array([flat, 1, 1]), axis)
        return joined([bead, _wire(pin, 0.0005), _hoop_at(np.tile(inside, (RING, 1)), 0)])
    tall = 0.8 + 1.8 * spec.form
    middle = front + 0.0012 * axis - np.array([0, 0, spec.length])
    reach = beside.at(middle[None, 1:] - [[0, spec.size * tall], [0, 0], [0, -spec.size * tall]]).max()
    middle[0] = max(middle[0], np.where(np.isfinite(reach), reach, 0) + GAP + spec.size)
    t = np.linspace(0, 1, WIRE)[:, None]
    wire = front + 0.0012 * axis + t * (middle + 0.8 * spec.size * tall * UP - front - 0.0012 * axis)
    wire[0], wire[1] = back, front + 0.0008 * axis
    bead = _bead(middle, spec.size * np.array([tall, 1, 1]), np.array([0, 0, 1.0]), drop=0.4)
    return joined([bead, _wire(wire, 0.0005), _hoop_at(np.tile(inside, (RING, 1)), 0)])


def _hoop(spec: EarringSpec, front: np.ndarray, back: np.ndarray, beside: Relief) -> Solid:
    """A ring through the lobe that hangs free of the jaw: turned until it does, and bent if nothing helps."""
    turn = 2 * np.pi * np.arange(RING) / RING
    inside, radius = 0.5 * (front + back), spec.size
    outward = normalize((front - back) * [1, 1, 0])
    best = None
    for angle in np.deg2rad(np.arange(0, 81, 10)):
        c, s = np.cos(angle), np.sin(angle)
        across = np.array([c * outward[0] + s * outward[1], c * outward[1] - s * outward[0], 0])
        path = inside + radius * (np.sin(turn)[:, None] * across + (np.cos(turn) - 1)[:, None] * [0, 0, 1.0])
        clear = beside.at(path[:, 1:]) + GAP + spec.thickness
        deep = np.where(np.isfinite(clear) & (path[:, 2] < inside[2] - 0.4 * radius), clear - path[:, 0], -1).max()
        if best is None or deep < best[0] - 1e-4:
            best = (deep, path, clear)
        if deep <= 0:
            break
    assert best is not None
    _, path, clear = best
    low = np.clip((inside[2] - path[:, 2]) / radius, 0, 1)
    path[:, 0] += low * np.maximum(np.where(np.isfinite(clear), clear, -1) - path[:, 0], 0)
    return _hoop_at(path, spec.thickness)


def _bead(middle: np.ndarray, radii: np.ndarray, axis: np.ndarray | None = None, drop: float = 0.0) -> Solid:
    """An ellipsoid: its radius along the axis, then twice that across; `drop` makes its upper end pointed."""
    axis = np.array([1.0, 0, 0]) if axis is None else axis
    t = np.sin(np.linspace(-0.5, 0.5, BEAD) * np.pi * 0.97)
    width = radii[1] * np.sqrt(1 - t**2) * (1 - drop * (t + 1) / 2)
    across = np.array([0, 0, 1.0]) if abs(axis[2]) < 0.9 else np.array([1.0, 0, 0])
    return tube(middle + radii[0] * t[:, None] * axis, np.tile(across, (BEAD, 1)), width, width, SECTION)


def _wire(path: np.ndarray, radius: float) -> Solid:
    return tube(path, np.tile([0, 0.3, 1.0], (len(path), 1)), radius, radius, SECTION)


def _hoop_at(path: np.ndarray, radius: float) -> Solid:
    outward = normalize(path - path.mean(axis=0) + 1e-12)
    return tube(path, outward, radius, radius, SECTION, closed=True)
