"""Where a head is and which way it looks, without landmarks: many first guesses, and the one that fits best."""

from itertools import permutations, product

import numpy as np

from synth.geometry import normalize, rigid, transform
from synth.models.proximity import Surface
from synth.models.registration import similarity

FAR = 0.02  # m: what is further from its counterpart is not compared
SCALES = (0.8, 1.25)  # of a head in metres, to the reference
SAMPLES, TRIALS, FINALISTS = 250, 6, 6
POLISH = 60  # steps


def align(
    points: np.ndarray, normals: np.ndarray, surface: Surface, anchors: tuple[np.ndarray, ...]
) -> tuple[np.ndarray, float]:
    """Similarity float64 [4, 4] that lays points [N, 3] (m) with normals [N, 3] on a head's surface, and how far off.

    Every turn of the axes is tried from every start: the points' middle on each of `anchors` [3], and their top,
    front and middle on those of the surface.
    """
    few = np.linspace(0, len(points) - 1, min(SAMPLES, len(points))).astype(int)
    found = []
    for turn in axis_turns():
        turned = points @ turn.T
        moves = [anchor - turned.mean(axis=0) for anchor in anchors]
        moves += [_corner(surface.vertices[surface.triangles.ravel()]) - _corner(turned)]
        for move in moves:
            found.append(icp(points[few], normals[few], surface, rigid(turn, move), TRIALS, (1.0, 1.0)))
    found = sorted(found, key=lambda pair: pair[1])[:FINALISTS]
    more = [icp(points[few], normals[few], surface, start, POLISH // 2, (1.0, 1.0)) for start, _ in found]
    best = min(more, key=lambda pair: pair[1])[0]
    return icp(points, normals, surface, best, POLISH // 2, SCALES, most=64)


def axis_turns() -> list[np.ndarray]:
    """The 24 rotations [3, 3] that take axes to axes."""
    signed = (
        np.eye(3)[list(order)] * signs for order in permutations(range(3)) for signs in product((1, -1), repeat=3)
    )
    return [turn for turn in signed if np.linalg.det(turn) > 0]


def nearest_turn(rotation: np.ndarray, within: float) -> np.ndarray:
    """The axis turn [3, 3] nearest to a rotation [3, 3], or the rotation itself where none is `within` (radians)."""
    best = max(axis_turns(), key=lambda turn: float((turn * rotation).sum()))
    angle = np.arccos(np.clip(((best * rotation).sum() - 1) / 2, -1, 1))
    return best if angle <= within else rotation


def _corner(points: np.ndarray) -> np.ndarray:
    """[3]: the middle from side to side, the front and the top of points in head space."""
    low, high = points.min(axis=0), points.max(axis=0)
    return np.array([(low[0] + high[0]) / 2, low[1], high[2]])


def icp(
    points: np.ndarray,
    normals: np.ndarray,
    surface: Surface,
    start: np.ndarray,
    steps: int,
    scale: tuple[float, float],
    most: int = 1,
) -> tuple[np.ndarray, float]:
    """float64 [4, 4] that lays points [N, 3] with unit normals [N, 3] on a surface, from a first guess [4, 4], and how
    far off they are: the mean distance (m, FAR at most) with what normals that disagree add to it.

    The scale stays within these bounds: a shrinking set of points is close to any surface.
    """
    current, center = start, points.mean(axis=0)
    for _ in range(steps):
        moved, turned = transform(current, points), normalize(normals @ current[:3, :3].T)
        feet = surface.closest(moved, turned, turn=FAR, most=most)
        weights = 1 / (1 + (feet.distance / (FAR / 2)) ** 2)  # Cauchy's: what is far off has little say
        current = _within(similarity(points, feet.points, weights), scale, center)
    moved, turned = transform(current, points), normalize(normals @ current[:3, :3].T)
    feet = surface.closest(moved, turned, turn=FAR, most=most)
    agreement = (surface.normals[feet.triangle] * turned).sum(axis=1)
    return current, float((np.minimum(feet.distance, FAR) + FAR / 2 * (1 - agreement)).mean())


def _within(matrix: np.ndarray, scale: tuple[float, float], center: np.ndarray) -> np.ndarray:
    """The same [4, 4] with its scale brought within bounds, keeping where `center` [3] goes."""
    size = np.cbrt(np.linalg.det(matrix[:3, :3]))
    linear = matrix[:3, :3] * (np.clip(size, *scale) / size)
    return rigid(linear, transform(matrix, center[None])[0] - linear @ center)
