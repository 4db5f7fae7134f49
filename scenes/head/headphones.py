"""Headphones: cups over the ears with a band over the head, or buds in the ears; one mesh. numpy, m, head space."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from scenes.head.adornment import HeadphonesSpec
from scenes.head.headwear import CENTER
from scenes.head.solids import Solid, joined, mirrored, relief, spread, tube
from synth.models import MorphableModel

CUP, SIDES, BAND, STEM, CABLE = 12, 24, 41, 8, 16  # stations of a cup, points around, along a band, a stem, a cable
CELL = 0.002  # m, of the head's relief from the side
GAP = 0.0015  # m
BAND_GAP, SOFT = 0.007, 4  # m between the skin and the band, where hair is; steps in which the band gets rounder
EAR_ROOM = 0.004  # m between an ear and the outside of its cup
TILT = 0.10  # of the cups, their front edge inwards


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """What of a model headphones are fitted to, found once on the mean."""

    wings: tuple[np.ndarray, np.ndarray]  # int [n] vertices of the right and the left ear
    canals: tuple[tuple[np.ndarray, np.ndarray], ...]  # of each ear: int [3] vertices and weights [3]
    beside: tuple[np.ndarray, np.ndarray]  # int32 [T, 3] triangles of the head's sides without ears
    head: np.ndarray  # int32 [T, 3] triangles of the head


def prepare_ears(model: MorphableModel, triangles: np.ndarray, part: np.ndarray) -> Ears:
    """The ears of a model with triangles [T, 3] of classes [T]."""
    mean, center = model.mean.astype(np.float64), model.mean[triangles].mean(axis=1)
    outer = part != 9
    beside = [outer & ~np.isin(part, (7, 8)) & (s * center[:, 0] > 0.02) & (center[:, 2] > -0.16) for s in (-1, 1)]
    beside = [triangles[b & (center[:, 2] < 0.06) & (np.abs(center[:, 1] - 0.07) < 0.08)] for b in beside]
    ears = [triangles[part == k] for k in (7, 8)]
    canals = (_canal(mean * [-1, 1, 1], ears[0]), _canal(mean, ears[1]))
    wings = (np.unique(ears[0]), np.unique(ears[1]))
    return Ears(
        wings=wings, canals=canals, beside=(beside[0], beside[1]), head=triangles[outer & (center[:, 2] > -0.14)]
    )


def _canal(mean: np.ndarray, ear: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The deepest place of a left ear that is seen from beside, within its lower front."""
    points = mean[np.unique(ear)]
    low, high = points.min(axis=0), points.max(axis=0)
    y, z = np.meshgrid(np.linspace(0.25, 0.6, 15), np.linspace(0.3, 0.62, 15))
    y, z = low[1] + y.ravel() * (high[1] - low[1]), low[2] + z.ravel() * (high[2] - low[2])
    a, b, c = np.moveaxis(mean[ear][:, :, 1:], 1, 0)
    turn = lambda p, q, r: (q - p)[..., 0] * (r - p)[..., 1] - (q - p)[..., 1] * (r - p)[..., 0]
    at = np.stack([y, z], axis=-1)[:, None]
    sides = np.stack([turn(b, c, at), turn(c, a, at), turn(a, b, at)], axis=-1)
    total = sides.sum(axis=-1, keepdims=True)
    weights = sides / np.where(np.abs(total) > 1e-18, total, np.inf)
    inside = (weights >= 0).all(axis=-1) & (np.abs(total[..., 0]) > 1e-18)
    x = np.where(inside, np.einsum("ntc,tc->nt", weights, mean[ear][..., 0]), -np.inf)
    outermost, which = x.max(axis=1), x.argmax(axis=1)
    place = np.where(np.isfinite(outermost), outermost, np.inf).argmin()
    return ear[which[place]], weights[place, which[place]].copy()  # not a view that keeps all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Cups:
    """Where cups and a band press on hair."""

    centers: np.ndarray  # [2, 2] (y, z) of the right and left cup, m
    half: np.ndarray  # [2] half axes in y and z
    inner: np.ndarray  # [2] x of the cushions, both positive
    angle: np.ndarray  # [BAND] rad from the top to the left
    radius: np.ndarray  # [BAND] m of the band's inside, from CENTER
    width: float  # half the band's, m


@dataclass(frozen=True, slots=True, kw_only=True)
class Headphones:
    """Headphones on a head: their mesh, and what hair they press; None: none."""

    solid: Solid
    cups: Cups | None


@lru_cache(maxsize=1)
def template() -> Solid:
    """Some headphones, for their triangles."""
    zero = np.zeros(3)
    one = [_nothing(zero, n) for n in (CUP, STEM, CABLE)]
    return joined([mirrored(joined(one)), joined(one), _nothing(zero, BAND)])


def accents() -> np.ndarray:
    """float64 [V]: 1 where a vertex has the accent's colour."""
    cup = np.repeat(np.r_[np.ones(5), np.zeros(CUP - 5)], SIDES)
    one = np.r_[cup, 1, 0, np.zeros(STEM * SIDES + 2), np.zeros(CABLE * SIDES + 2)]
    return np.r_[one, one, np.zeros(BAND * SIDES + 2)]


def _nothing(place: np.ndarray, stations: int) -> Solid:
    return tube(np.tile(place, (stations, 1)), np.tile([0, 0, 1.0], (stations, 1)), 0, 0, SIDES)


def fit_headphones(spec: HeadphonesSpec, ears: Ears, vertices: np.ndarray) -> Headphones:
    """Headphones on a head with vertices [V, 3]."""
    vertices = vertices.astype(np.float64)
    if spec.kind != "over_ear":
        buds = [_bud(spec, ears, vertices, k, s) for k, s in enumerate((-1, 1))]
        return Headphones(solid=joined([mirrored(buds[0]), buds[1], _nothing(CENTER, BAND)]), cups=None)
    placed = [_cup(spec, ears, vertices, k, s) for k, s in enumerate((-1, 1))]
    centers, inner, depth = (np.array([p[j] for p in placed]) for j in (1, 2, 3))
    half = spec.radius * np.array([1, spec.tall])
    angle, radius = _arc(spec, vertices, ears.head, centers, inner + 0.5 * depth)
    band = _band(spec, angle, radius, centers[:, 0].mean())
    cups = Cups(centers=centers, half=half, inner=inner, angle=angle, radius=radius, width=spec.band)
    return Headphones(solid=joined([mirrored(placed[0][0]), placed[1][0], band]), cups=cups)


def _cup(
    spec: HeadphonesSpec, ears: Ears, vertices: np.ndarray, k: int, side: int
) -> tuple[Solid, np.ndarray, float, float]:
    """A left cup, its middle (y, z), the x of its cushion, and its depth; a right one's are mirrored."""
    own = vertices * [side, 1, 1]
    ear = own[ears.wings[k]]
    middle = 0.5 * (ear[:, 1:].min(axis=0) + ear[:, 1:].max(axis=0)) + [0.002, -0.002]
    turn = 2 * np.pi * np.arange(SIDES) / SIDES
    ring = np.stack([np.cos(turn), np.sin(turn) * spec.tall], axis=-1)
    flat = spread(own, ears.beside[k])
    beside = relief(flat[:, [1, 2]], flat[:, 0], CELL, filled=2)
    slope = -TILT * (middle[0] - (middle[0] + spec.radius * ring[:, 0]))
    reach = beside.at(middle + 0.9 * spec.radius * ring) - slope
    inner = float(np.where(np.isfinite(reach), reach, -1).max()) + GAP
    depth = max(float((ear[:, 0] + TILT * (middle[0] - ear[:, 1])).max()) + EAR_ROOM - inner, 0.018) + spec.depth
    # From the cushion's inside, which is closed, over its bulge and the seam to the shell.
    x = np.array([0.004, 0.0, 0.002, 0.008, 0.013, 0.0145, 0.016, depth - 0.007, depth - 0.002, depth, depth, depth])
    r = np.array([0.62, 0.84, 0.97, 1.0, 0.95, 0.88, 0.93, 0.93, 0.82, 0.66, 0.6, 0.3])
    x[-2:] -= 0.0012
    path = np.stack([inner + x, np.full(CUP, middle[0]), np.full(CUP, middle[1])], axis=-1)
    cup = tube(path + np.arange(CUP)[:, None] * [1e-6, 0, 0], np.tile([0, 1.0, 0], (CUP, 1)), r * spec.radius,
               r * spec.radius * spec.tall, SIDES)  # fmt: skip
    points = cup[0].copy()
    points[:, 0] += TILT * (points[:, 1] - middle[0])
    rest = [_nothing(path[3], STEM), _nothing(path[3], CABLE)]
    return joined([(points, cup[1]), *rest]), middle, inner, depth


def _arc(
    spec: HeadphonesSpec, vertices: np.ndarray, head: np.ndarray, centers: np.ndarray, aside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The band's angles [BAND] (rad, from above to the left) and its inside's radii around CENTER (m)."""
    ends = np.stack([np.array([-1, 1]) * aside, centers[:, 1] + 0.03 - CENTER[2]], axis=-1)
    skin = spread(vertices, head)
    skin = skin[np.abs(skin[:, 1] - centers[:, 0].mean()) < spec.band + 0.5 * CELL][:, [0, 2]] - CENTER[[0, 2]]
    turn, reach = np.arctan2(skin[:, 0], skin[:, 1]), np.hypot(*skin.T)
    first, last = np.arctan2(ends[:, 0], ends[:, 1])
    angle = np.linspace(first, last, BAND)
    above = (turn > first) & (turn < last)
    under = skin[above] * (1 + BAND_GAP / reach[above])[:, None]
    radius = _hull(np.concatenate([under, ends]), angle)
    top, wide = radius[BAND // 2], np.hypot(*ends.T)
    slack = (angle / np.abs(angle).max()) ** 2 * (np.interp(angle, [first, last], wide) - top)
    radius = np.maximum(radius, top + slack)
    for _ in range(SOFT):  # a band bends evenly
        radius[1:-1] = np.maximum(radius[1:-1], 0.5 * (radius[2:] + radius[:-2]))
    return angle, radius


def _hull(points: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Radii [n] (m) of the convex hull of points [N, 2] around the origin, at angles [n] (rad) from the second axis.

    Of each half plane that holds all points, the border is met at its distance over the cosine of the angle between.
    """
    normal = np.linspace(angle[0], angle[-1], 4 * len(angle))
    support = (points @ np.stack([np.sin(normal), np.cos(normal)])).max(axis=0)
    cosine = np.cos(angle[:, None] - normal)
    return np.min(np.where(cosine > 0.05, support / np.maximum(cosine, 0.05), np.inf), axis=1)


def _band(spec: HeadphonesSpec, angle: np.ndarray, radius: np.ndarray, y: float) -> Solid:
    """A flat band, narrower at its ends."""
    thick, top = 0.0035, np.cos(angle / np.abs(angle).max() * np.pi / 2)
    outward = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], axis=-1)
    half = thick * (0.7 + 0.5 * top)
    path = CENTER * [1, 0, 1] + (radius + half)[:, None] * outward + [0, y, 0]
    width = 0.004 + (spec.band - 0.004) * top**0.5
    across = np.tile([0, 1.0, 0], (BAND, 1))
    return tube(path, across, width, half, SIDES, power=3.0)


def _bud(spec: HeadphonesSpec, ears: Ears, vertices: np.ndarray, k: int, side: int) -> Solid:
    """A left bud, with its stem or its cable."""
    own = vertices * [side, 1, 1]
    corners, weights = ears.canals[k]
    canal = weights @ own[corners]
    r = spec.radius
    t = np.linspace(-1, 1, CUP)
    path = canal + np.stack([0.35 * r + r * t, -0.1 * r * t, 0 * t], axis=-1)
    width = r * np.sqrt(np.maximum(1 - t**2, 0.01)) * (0.72 + 0.28 * t)
    bud = tube(path, np.tile([0, 1.0, 0], (CUP, 1)), width, width, SIDES)
    low = canal + np.array([0.8 * r, -0.25 * r, -0.2 * r])
    stem, cable = _nothing(canal, STEM), _nothing(canal, CABLE)
    if spec.kind == "earbud":
        s = np.linspace(0, 1, STEM)[:, None]
        stem = tube(low + s * np.array([0.003, -0.007, -0.027]), np.tile([0, 1.0, 0], (STEM, 1)), _round(STEM, 0.0027),
                    _round(STEM, 0.0027), SIDES)  # fmt: skip
    elif spec.cable:
        cable = _cable(low, own, ears.beside[k])
    return joined([bud, stem, cable])


def _round(count: int, radius: float) -> np.ndarray:
    """Radii of a stick with round ends."""
    return radius * np.r_[0.5, np.ones(count - 2), 0.5]


def _cable(start: np.ndarray, own: np.ndarray, beside: np.ndarray) -> Solid:
    """Down from a left bud, beside the neck, into the clothes."""
    s = np.linspace(0, 1, CABLE)
    path = start + np.stack([0.006 * np.sin(np.pi * s), -0.03 * s**1.5, -0.14 * s], axis=-1)
    flat = spread(own, beside)
    clear = relief(flat[:, [1, 2]], flat[:, 0], 0.004, filled=2).at(path[:, 1:])
    path[:, 0] = np.maximum(path[:, 0], np.where(np.isfinite(clear) & (s > 0.3), clear + GAP, 0))
    return tube(path, np.tile([1.0, 0, 0.01], (CABLE, 1)), 0.0011, 0.0011, SIDES)


def press(strands: np.ndarray, cups: Cups) -> np.ndarray:
    """Strands [S, P, 3] (m, head space) under the band and the cups, and near them."""
    x, y, z = np.moveaxis(strands, -1, 0)
    out = strands.copy()
    for k, side in enumerate((-1, 1)):
        flat = np.hypot((y - cups.centers[k, 0]) / cups.half[0], (z - cups.centers[k, 1]) / cups.half[1])
        most = cups.inner[k] - 0.001 + TILT * (y - cups.centers[k, 0]) + 1.6 * cups.half[0] * np.maximum(flat - 1.0, 0)
        near = (side * x > most) & (flat < 1.5)
        out[..., 0] = np.where(near, side * most, out[..., 0])
    offset = out - CENTER * [1, 0, 1]
    angle, radius = np.arctan2(offset[..., 0], offset[..., 2]), np.hypot(offset[..., 0], offset[..., 2])
    aside = np.maximum(np.abs(y - cups.centers[:, 0].mean()) - cups.width - 0.002, 0)
    most = np.interp(angle, cups.angle, cups.radius) - 0.0008 + 0.45 * aside + 8 * aside**2  # soft: no trench
    under = (np.abs(aside) < 0.09) & (angle > cups.angle[0]) & (angle < cups.angle[-1])
    share = np.where(under, np.minimum(1, most / np.maximum(radius, 1e-9)), 1)
    out[..., 0], out[..., 2] = offset[..., 0] * share, CENTER[2] + offset[..., 2] * share
    return out
