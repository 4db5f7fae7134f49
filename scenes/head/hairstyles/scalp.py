"""Where hair of the head grows: roots, and how thick it is at each place by the hairline. m, head space, at rest."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scenes.head.hair import Roots, place_roots
from scenes.head.hairstyles.spec import HairSpec
from synth.models import MorphableModel

WHORL = np.array([0.006, 0.142, 0.088], np.float32)  # m, where hair turns around, on the mean head
TOP = 0.1065  # m, z of the mean head's crown
AXIS_Y = 0.07  # m, of the upright axis that the hairline goes around
# m that the mean hairline is below the edge of the model's scalp, over the angle (deg) from the face: 63 mm over the
# eyes in the middle, as trichion is over nasion (Farkas, Anthropometry of the Head and Face, 1994: 67 mm of men, 63 of
# women), a recess at the temples, and straight down before the ear, where sideburns are.
DROP = [(0, 0.015), (15, 0.0155), (27, 0.015), (38, 0.009), (48, 0.007), (58, 0.008), (66, 0.008), (70, 0.045)]
FRONT_DEG, BURN_DEG = 72.0, (62.0, 84.0)  # the hairline of forehead and temples ends; sideburns are within
EAR_DEG = 100.0  # up to here is an ear, and what grows below it belongs to the sideburns
BAND = 0.018  # m before the mean hairline where hair may grow, too
LOWEST_BURN, INSIDE = -0.05, 0.055  # m, z of sideburns, and x, below which is the inside of the mouth
SPARSE = 0.2  # of the mask: less than that grows nothing
GUIDES = 300
BALD_TINT = 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Places on the mean head."""

    points: np.ndarray  # [N, 3] m
    depth: np.ndarray  # float32 [N] m behind the mean hairline of forehead and temples, below 0 before it

    def pick(self, chosen: np.ndarray) -> "Places":
        """Some of them, by indices [n]."""
        return Places(points=self.points[chosen], depth=self.depth[chosen])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalp:
    """What follows from the model once."""

    roots: Roots
    rooted: Places  # of the roots
    vertices: Places
    mask: np.ndarray  # float64 [V] where anybody's hair may grow


def prepare_scalp(model: MorphableModel, triangles: np.ndarray, strands: int) -> Scalp:
    """The scalp of a model with triangles [T, 3], with `strands` roots."""
    own, points = np.clip(model.regions["scalp"].astype(np.float64), 0, 1), model.mean.astype(np.float64)
    line = _hairline(points, triangles, own)
    over = points[:, 2] - line(angle(points))
    ahead = angle(points) < FRONT_DEG
    edge = contour(points, triangles[ahead[triangles].all(axis=1)], over)

    def places(at: np.ndarray) -> Places:
        side = np.where((at[:, 2] > line(angle(at))) | (angle(at) > FRONT_DEG), 1, -1)
        return Places(points=at, depth=(side * distance(at, edge)).astype(np.float32))

    vertices = places(points)
    ears = np.clip(model.regions["ears"], 0, 1) if "ears" in model.regions else 0.0
    band = ahead & (vertices.depth > -BAND) & (points[:, 2] > 0) | _is_burn(points) & (points[:, 2] > LOWEST_BURN)
    mask = np.maximum(own, band * (1 - ears))
    roots = place_roots(model.mean, triangles, mask, strands, min(GUIDES, strands))
    roots = roots.pick(np.flatnonzero(roots.at(mask[:, None])[:, 0] >= SPARSE))  # a hair for itself is seen
    return Scalp(roots=roots, rooted=places(roots.rest), vertices=vertices, mask=mask)


def angle(points: np.ndarray) -> np.ndarray:
    """Degrees [N] around the head's axis: 0 is the face, 180 the back of the head, on both sides."""
    return np.degrees(np.arctan2(np.abs(points[:, 0]), AXIS_Y - points[:, 1]))


def _is_burn(points: np.ndarray) -> np.ndarray:
    return is_before(BURN_DEG[1], points)


def is_before(last: float, points: np.ndarray) -> np.ndarray:
    """Bool [N]: low beside the face, from where sideburns begin to an angle (deg)."""
    beside = (angle(points) > BURN_DEG[0]) & (angle(points) < last)
    return beside & (points[:, 2] < 0.02) & (np.abs(points[:, 0]) > INSIDE)


def _hairline(points: np.ndarray, triangles: np.ndarray, own: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Height (m) of the mean hairline by the angle (deg): below the edge of the model's scalp [V]."""
    edge = contour(points, triangles, own - 0.5).reshape(-1, 3)
    edge = edge[(edge[:, 1] < AXIS_Y) & (edge[:, 2] > LOWEST_BURN)]
    if not len(edge):
        return lambda at: np.full(len(at), -np.inf)
    knots, around = np.arange(0.0, 91.0, 5.0), angle(edge)
    near = np.exp(-(((knots[:, None] - around) / 4.0) ** 2)) + 1e-12 / (1 + np.abs(knots[:, None] - around)) ** 8
    heights = (near @ edge[:, 2]) / near.sum(axis=1)
    return lambda at: np.interp(at, knots, heights) - np.interp(at, *np.transpose(DROP))


def contour(points: np.ndarray, triangles: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Segments [M, 2, 3] on a mesh [V, 3], [T, 3] along which a field [V] is 0."""
    above = field[triangles] > 0
    cut = triangles[above.any(axis=1) & ~above.all(axis=1)]
    corner, value = points[cut], field[cut]
    alone = np.where((value > 0).sum(axis=1) == 1, (value > 0).argmax(axis=1), (value <= 0).argmax(axis=1))
    row, ends = np.arange(len(cut)), []
    for k in (1, 2):
        other = (alone + k) % 3
        t = value[row, alone] / (value[row, alone] - value[row, other])
        ends.append(corner[row, alone] + t[:, None] * (corner[row, other] - corner[row, alone]))
    return np.stack(ends, axis=1)


def distance(points: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """From each point [N, 3] to the nearest of the segments [M, 2, 3], [N]; 1 where there are none."""
    if not len(segments):
        return np.ones(len(points))
    start, way = segments[:, 0], segments[:, 1] - segments[:, 0]
    square = np.maximum((way**2).sum(axis=1), 1e-18)
    nearest = np.full(len(points), np.inf)
    for a, w, s in zip(start, way, square, strict=True):
        t = np.clip((points - a) @ w / s, 0, 1)
        nearest = np.minimum(nearest, ((points - a - t[:, None] * w) ** 2).sum(axis=1))
    return np.sqrt(nearest)


def smooth(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 at `low`, 1 at `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def frontness(points: np.ndarray) -> np.ndarray:
    """0 behind the ears to 1 at the hairline over the brow, [N]."""
    return np.clip((0.06 - points[..., 1]) / 0.06, 0, 1)


def behind(spec: HairSpec, places: Places) -> np.ndarray:
    """Metres [N] behind the person's own hairline of forehead and temples, recessed as it may be."""
    x, _, z = places.points.T
    top = smooth(z, 0.03, 0.07)
    temple = np.exp(-(((np.abs(x) - 0.042) / 0.016) ** 2))  # recedes first
    own = spec.forehead * (0.3 + 0.7 * top) - spec.peak * np.exp(-((x / 0.012) ** 2)) * top
    gone = spec.hairline * (0.008 + top * (0.010 + 0.034 * temple)) + 0.11 * max(spec.hairline - 0.45, 0) * top
    return places.depth - own - gone


def cover(spec: HairSpec, places: Places) -> np.ndarray:
    """[N] in [0, 1]: how much of the full number of strands grows at each place."""
    if spec.style == "bald":
        return np.zeros(len(places.points))
    z = places.points[:, 2]
    top = spec.hairline * smooth(z, 0.03, 0.07)
    soft = 0.006 + 0.02 * spec.hairline  # m; what recedes thins first
    line = smooth(behind(spec, places), -soft, soft + 0.006) * (1 - 0.4 * top)
    burn = np.where(is_before(EAR_DEG, places.points), smooth(z + spec.sideburn, -0.006, 0.014), 1)
    thin = 0.06 * np.clip(1.8 * (spec.hairline - 0.35), 0, 1.3)
    crown = smooth(np.linalg.norm(places.points - WHORL, axis=-1), 0.3 * thin, thin + 0.02) if thin > 0 else 1.0
    return spec.density * line * burn * crown


def tint(spec: HairSpec, scalp: Scalp) -> np.ndarray:
    """Float64 [V] in [0, 1]: how far hair colours the skin between its roots."""
    if spec.style == "bald":
        return BALD_TINT * scalp.mask * smooth(behind(spec, scalp.vertices), -0.004, 0.008)
    most = 0.35 if spec.style == "cornrows" else 0.8
    stubble = 0.1 * smooth(scalp.vertices.depth, 0, 0.02) if spec.style == "receding" else 0.0
    grown = np.minimum(cover(spec, scalp.vertices) / max(spec.density, 1e-6), 1)
    return scalp.mask * np.maximum(most * grown, stubble)
