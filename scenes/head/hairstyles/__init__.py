"""Hair of the head by families: from a spec to strands. numpy, head space, m; without chance."""

from dataclasses import dataclass

import numpy as np

from scenes.head.hair import NECK_Z, HeadField
from scenes.head.hairstyles.braids import hanging, rows
from scenes.head.hairstyles.company import gathered
from scenes.head.hairstyles.face import off_the_face
from scenes.head.hairstyles.grow import Family, Grown, clumped, curled, frizzed, tucked, walk
from scenes.head.hairstyles.scalp import Scalp, behind, cover
from scenes.head.hairstyles.spec import HairSpec
from scenes.head.hairstyles.tied import tied
from synth.geometry import lengths, normalize

FAMILIES = {
    "buzz": Family(points=3, comb="whorl", lift=0.6, firm=10.0, weight=0.0, hug=0.0),
    "crop": Family(points=6, comb="whorl", lift=0.4, tousle=0.5, weight=3.0, hug=0.2),
    "short": Family(points=9, comb="whorl", lift=0.45, tousle=0.9, weight=5.0, hug=0.3),
    "swept": Family(points=12, comb="back", lift=0.5, tousle=0.2, weight=4.0, reach=0.15),
    "side_part": Family(points=12, comb="part", lift=0.4, tousle=0.2, weight=8.0, reach=0.15),
    "middle_part": Family(points=14, comb="part", lift=0.35, tousle=0.25, weight=16.0),
    "fringe": Family(points=22, comb="fall", lift=0.25, weight=30.0, falls=True, tip=0.5),
    "bob": Family(points=20, comb="fall", lift=0.25, weight=30.0, falls=True, tip=0.6, tuck=0.032),
    "long_straight": Family(points=24, comb="fall", weight=30.0, falls=True, tip=0.45),
    "long_wavy": Family(points=32, comb="fall", lift=0.25, weight=26.0, falls=True, tip=0.45),
    "curls": Family(
        points=72, comb="fall", lift=0.4, weight=22.0, tousle=0.4, falls=True, share=0.5, ringlets=True, tip=0.5
    ),
    "coils": Family(points=40, comb="out", lift=0.9, weight=8.0, tousle=0.6, firm=6.0, hug=0.0, share=0.75),
    "afro": Family(points=24, comb="out", lift=0.95, weight=0.0, tousle=0.3, firm=10.0, hug=0.0),
    "braids": Family(points=30, comb="fall", lift=0.05, weight=28.0, share=0.55, bases=True, tip=0.7),
    "cornrows": Family(points=110, comb="rows", share=0.5, bases=True, tip=0.8),
    "bun": Family(points=30, comb="tied", tip=0.6),
    "ponytail": Family(points=30, comb="tied", tip=0.45),
    "receding": Family(points=7, comb="whorl", lift=0.3, tousle=0.3, weight=5.0, hug=0.3),
}
BRAID_POINTS = 110
WIDE = 1e-3  # m: a strand that is wider, as a few hundred are for a scalp, need not be as long
TORN = 0.02  # m from point to point that no strand has of itself, unless all of its steps are long
RADIUS, AT = 2.4e-4, 9000  # m of a root on a scalp with that many; fewer are thicker by as much


@dataclass(frozen=True, slots=True, kw_only=True)
class Strands:
    """Hair to draw."""

    points: np.ndarray  # float32 [S, P, 3] m, head space; [0, 2, 3] when bald
    radius: np.ndarray  # float64 [P] m along each strand


def grow_hair(spec: HairSpec, scalp: Scalp, vertices: np.ndarray, normals: np.ndarray, field: HeadField) -> Strands:
    """The hair of a head with vertices and normals [V, 3] (head space)."""
    family = FAMILIES.get(spec.style)
    if family is None:
        return Strands(points=np.zeros((0, 2, 3), np.float32), radius=np.zeros(2))
    grown, thick = _rooted(spec, family, scalp, vertices, normals)
    strands = off_the_face(spec, scalp, _shaped(spec, family, grown, field), vertices, field)
    taper = 1 - (1 - family.tip) * np.linspace(0, 1, strands.shape[1]) ** 2
    radius = RADIUS * AT * thick / len(scalp.roots.corners) * taper
    steps = lengths(np.diff(strands, axis=1))
    kept = steps.sum(axis=1) > 2 * min(radius[0], WIDE)  # what is wider than long is no hair, but a speck
    torn = steps.max(axis=1, initial=0) > np.maximum(TORN, 3 * np.median(steps, axis=1))  # out over a hood's edge
    return Strands(points=strands[kept & ~torn], radius=radius)


def _rooted(spec: HairSpec, family: Family, scalp: Scalp, vertices, normals) -> tuple[Grown, float]:
    """The roots that grow, and how much thicker they are for their being fewer."""
    count = max(int((1.0 if family.bases else family.share) * len(scalp.roots.corners)), 1)
    grows = np.flatnonzero(cover(spec, scalp.rooted)[:count] > scalp.roots.numbers[:count, 5])
    roots = scalp.roots.pick(grows)
    place, normal = roots.at(vertices), normalize(roots.at(normals))
    return Grown(roots=roots, depth=behind(spec, scalp.rooted)[grows], place=place, normal=normal), 1 / family.share


def _shaped(spec: HairSpec, family: Family, grown: Grown, field: HeadField) -> np.ndarray:
    if not len(grown.place):
        return np.zeros((0, 2, 3), np.float32)
    if spec.style == "cornrows":
        return rows(spec, family, BRAID_POINTS, grown, field)
    if spec.style == "braids":
        return hanging(spec, family, BRAID_POINTS, grown, field)
    if family.comb == "tied":
        strands = tied(spec, family.points, grown, field)
    else:
        strands = clumped(walk(spec, family, grown, field), grown.roots, spec.clump, family.ringlets)
        strands = tucked(strands, family.tuck * (0.5 + 0.5 * spec.sweep), grown.roots)
    strands = frizzed(curled(strands, spec, grown.roots, family.ringlets), spec, grown.roots)
    if family.comb not in ("tied", "out"):
        strands = gathered(strands, field)
    return _kept_out(strands, grown.place, field)


def _kept_out(strands: np.ndarray, place: np.ndarray, field: HeadField) -> np.ndarray:
    """What curls and clumps have moved into the head comes out of it again; the roots [S, 3] stay."""
    rest = strands.reshape(-1, 3)
    head = np.flatnonzero(rest[:, 2] > NECK_Z)
    height, outward = field.around(rest.take(head, axis=0))
    sunk = height < 0.0008
    rest[head[sunk]] += (0.0008 - height[sunk])[:, None] * outward[sunk]
    low = np.flatnonzero(field.low(rest))
    touch, short, leaving = field.shoulders.pressed(rest.take(low, axis=0), 0.0008)
    rest[low[touch]] += short[:, None] * leaving
    out = rest.reshape(strands.shape)
    out[:, 0] = place
    return out
