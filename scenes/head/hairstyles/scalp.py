"""Where hair of the head grows: roots, and how thick it is at each place by the hairline. m, head space, at rest."""

from dataclasses import dataclass

import numpy as np

from scenes.head.hair import Roots, place_roots
from scenes.head.hairstyles.spec import HairSpec
from synth.models import MorphableModel

WHORL = np.array([0.006, 0.142, 0.088])  # m, where hair turns around, on the mean head
TOP = 0.1065  # m, z of the mean head's crown
GUIDES = 300
BALD_TINT = 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Places on the mean head."""

    points: np.ndarray  # float64 [N, 3] m
    depth: np.ndarray  # float64 [N] m behind the hairline of forehead and temples


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalp:
    """What follows from the model once."""

    roots: Roots
    rooted: Places  # of the roots
    vertices: Places
    mask: np.ndarray  # float64 [V] the model's own scalp


def prepare_scalp(model: MorphableModel, triangles: np.ndarray, strands: int) -> Scalp:
    """The scalp of a model with triangles [T, 3], with `strands` roots."""
    mask, points = np.clip(model.regions["scalp"].astype(np.float64), 0, 1), model.mean.astype(np.float64)
    roots = place_roots(model.mean, triangles, mask, strands, min(GUIDES, strands))
    edge = points[(mask > 0.02) & (mask < 0.6) & (points[:, 1] < 0.048) & (points[:, 2] > 0.005)]
    places = lambda at: Places(points=at, depth=_distance(at, edge))
    return Scalp(roots=roots, rooted=places(roots.rest), vertices=places(points), mask=mask)


def _distance(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """From each point [N, 3] to the nearest of others [M, 3], [N]; 1 where there are none."""
    if not len(others):
        return np.ones(len(points))
    chunks = np.array_split(points, max(len(points) // 1000, 1))
    return np.concatenate([np.linalg.norm(c[:, None] - others, axis=-1).min(axis=1) for c in chunks])


def smooth(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 at `low`, 1 at `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def frontness(points: np.ndarray) -> np.ndarray:
    """0 behind the ears to 1 at the hairline over the brow, [N]."""
    return np.clip((0.06 - points[..., 1]) / 0.06, 0, 1)


def cover(spec: HairSpec, places: Places) -> np.ndarray:
    """Float64 [N] in [0, 1]: how much of the full number of strands grows at each place."""
    if spec.style == "bald":
        return np.zeros(len(places.points))
    x, _, z = places.points.T
    temple = np.exp(-(((np.abs(x) - 0.042) / 0.016) ** 2))  # recedes first
    gone = spec.hairline * (0.012 + 0.03 * temple) + 0.09 * max(spec.hairline - 0.45, 0) * smooth(z, 0.02, 0.06)
    line = smooth(places.depth - gone, -0.002, 0.007)
    thin = 0.06 * np.clip(1.8 * (spec.hairline - 0.35), 0, 1.3)
    crown = smooth(np.linalg.norm(places.points - WHORL, axis=-1), 0.5 * thin, thin + 0.004) if thin > 0 else 1.0
    return spec.density * line * crown


def tint(spec: HairSpec, scalp: Scalp) -> np.ndarray:
    """Float64 [V] in [0, 1]: how far hair colours the skin between its roots."""
    if spec.style == "bald":
        return BALD_TINT * scalp.mask
    most = {"buzz": 0.6, "cornrows": 0.35, "braids": 0.65}.get(spec.style, 0.75)
    stubble = 0.1 * scalp.mask if spec.style == "receding" else 0.0
    return np.maximum(most * scalp.mask * np.minimum(cover(spec, scalp.vertices) / max(spec.density, 1e-6), 1), stubble)
