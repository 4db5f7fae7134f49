"""Hair that falls or stands: every strand walks from its root, combed, weighed down and kept out of the head."""

from dataclasses import dataclass

import numpy as np

from scenes.head.hair import UP, HeadField, Roots
from scenes.head.hairstyles.scalp import TOP, WHORL, frontness, smooth
from scenes.head.hairstyles.spec import HairSpec
from synth.geometry import normalize

X = np.array([1.0, 0.0, 0.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How a family grows."""

    points: int  # per strand
    comb: str  # which way along the skin: see `combed`
    lift: float = 0.2  # of the root away from the skin; 0 lies flat, 1 stands
    weight: float = 3.0  # turn towards the ground per m
    firm: float = 40.0  # turn towards the comb per m
    reach: float = 0.06  # m from the root, over which the comb loses its hold
    hug: float = 0.5  # how far hair follows the head's curve, in [0, 1]
    tousle: float = 0.0  # disorder of whole locks
    falls: bool = False  # is cut at a height, and kept beside the face
    share: float = 1.0  # of the strands, which are as much thicker
    tip: float = 0.35  # radius at the end over that at the root


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """Roots that grow, on the posed head."""

    roots: Roots
    depth: np.ndarray  # [S] m behind the hairline
    place: np.ndarray  # [S, 3] m
    normal: np.ndarray  # [S, 3]


def walk(spec: HairSpec, family: Family, grown: Grown, field: HeadField) -> np.ndarray:
    """Strands [S, P, 3] (m, head space)."""
    rest, numbers, lock = grown.roots.rest, grown.roots.numbers, grown.roots.lock
    bangs = (spec.fringe > 0) & (rest[:, 1] < 0.048) & (np.abs(rest[:, 0]) < 0.052) & (rest[:, 2] > 0.055)
    length = _length(spec, family, grown, bangs)
    step = (length / (family.points - 1))[:, None]
    wild = spec.frizz * (numbers[:, :3] - 0.5)
    lean = family.tousle * (numbers[lock, 3:6] - 0.5)
    layer = 0.2 + 0.3 * numbers[:, 6] + 0.5 * np.clip((rest[:, 2] + 0.03) / 0.12, 0, 1)
    forward = numbers[grown.roots.guide, 2] < 0.6  # of hair that lies on the shoulders
    comb = combed(spec, family, grown.place, grown.normal, grown, bangs)
    heading = normalize(family.lift * grown.normal + (1 - family.lift) * (comb + lean) + 0.3 * wild)
    fall = 1 - np.exp(-np.where(bangs, 16.0, family.weight)[:, None] * step)
    place, away, strands = grown.place, grown.normal, [grown.place]
    for k in range(1, family.points):
        way = k * step
        hold = 1 - np.exp(-family.firm * step * np.exp(-way / family.reach))
        heading = heading + hold * (combed(spec, family, place, away, grown, bangs) + lean - heading)
        heading = normalize(heading - fall * (UP + heading) + 0.05 * wild)
        gap = 0.0012 + spec.volume * layer * np.minimum(way[:, 0] / 0.04, 1)
        before = place
        place, wall = field.push_out(place + step * heading, gap)
        place = before + limited(place - before, np.maximum(1.3 * step, 0.012))
        heading = normalize(heading - np.minimum((heading * wall).sum(-1, keepdims=True), 0) * wall)
        heading = normalize(heading + (wall[:, 2:] > 0.999) * _off_shoulder(place, forward))
        height, away = field.around(place)
        if family.falls:
            heading = normalize(heading + 1.2 * _guard(place, rest, spec, bangs))
        if family.hug > 0:
            off = family.hug * np.clip((height - gap) / 0.008, 0, 1) * smooth(place[:, 2], -0.05, 0.01)
            outward = (heading * away).sum(-1)
            heading = normalize(heading - (off * (np.maximum(outward, 0) + 0.25))[:, None] * away)
        strands.append(place)
    grid = np.stack(strands, axis=1)
    return cut(grid, TOP - spec.length, spec, numbers, ~bangs) if family.falls else grid


def _length(spec: HairSpec, family: Family, grown: Grown, bangs: np.ndarray) -> np.ndarray:
    """Length [S] of each strand: shorter at faded sides; of falling hair enough to reach the cut."""
    rest, numbers = grown.roots.rest, grown.roots.numbers
    if family.falls:
        length = spec.length * 1.1 + 0.05 - 0.5 * (TOP - rest[:, 2])
    else:
        sides = spec.fade + (1 - spec.fade) * smooth(rest[:, 2], 0.02, 0.07)
        length = spec.length * sides * (0.8 + 0.2 * numbers[:, 3])
    length = np.where(bangs, spec.fringe + grown.depth + 0.006 * numbers[:, 3], np.maximum(length, 0.001))
    edge = smooth(grown.depth, -0.004, 0.008)  # the first hairs of the hairline are short
    return length if family.falls else length * (0.45 + 0.55 * edge)


def combed(
    spec: HairSpec, family: Family, place: np.ndarray, outward: np.ndarray, grown: Grown, bangs: np.ndarray
) -> np.ndarray:
    """Which way [S, 3], unit, hair goes by the comb alone, at a place [S, 3] where the skin faces `outward` [S, 3]."""
    root = grown.roots.rest
    front, side = frontness(place)[:, None], np.tanh((root[:, :1] - spec.parting) / 0.01)
    column = lambda x, y, z: np.concatenate([v + 0 * front for v in (x, y, z)], axis=1)
    top = smooth(place[:, 2:], 0.03, 0.08)
    if family.comb == "out":
        return normalize(place - np.array([0.0, 0.08, 0.0]))
    if family.comb == "whorl":
        wish = normalize(place - WHORL) + front * top * column(0.5 * side, -0.9, 0.1) - 0.4 * UP * (1 - top)
    elif family.comb == "back":
        wish = column(0.35 * np.sign(spec.parting) * top, 1.0, -0.5 * (1 - top))
    elif family.comb == "part":
        wish = column(side, 0.15 + 0.6 * front * spec.sweep, 0.0) * top + (1 - top) * column(0.0, 0.45, -1.0)
    else:  # falls beside the face
        side = side * (1 - 0.85 * smooth(place[:, 1:2], 0.09, 0.135))  # behind, straight down
        wish = column(side, 0.2 + (0.4 + 0.8 * spec.sweep) * front, -0.35)
    wish = np.where(bangs[:, None], column(0.35 * np.tanh(place[:, :1] / 0.02), -1.0, -0.3), wish)
    return normalize(wish - (wish * outward).sum(-1, keepdims=True) * outward)


def limited(vectors: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Vectors [S, 3] of at most a length [S, 1] (m): a steep shoulder must not lift hair in one step."""
    return vectors * np.minimum(1, most / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))


def _off_shoulder(place: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """To the chest or the back [S, 3], never through the neck."""
    x, y, _ = place.T
    ahead = np.where((y < 0.0) | (forward & (y < 0.055) & (np.abs(x) > 0.05)), -0.9, 0.7)
    return np.stack([0.3 * np.sign(x), ahead, 0 * x], axis=-1)


def _guard(place: np.ndarray, root: np.ndarray, spec: HairSpec, bangs: np.ndarray) -> np.ndarray:
    """Sideways [S, 3], for hair in front of the face."""
    x, y, z = place.T
    inside = smooth(-y, -0.045, -0.005) * smooth(-z, -0.09, -0.06) * smooth(-np.abs(x), -0.072, -0.05) * ~bangs
    side = np.tanh((x + 0.5 * (root[:, 0] - spec.parting)) / 0.008)
    return (3.0 * inside)[:, None] * np.stack([side, 0.9 + 0 * side, 0 * side], axis=-1)


def cut(strands: np.ndarray, height: float, spec: HairSpec, numbers: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Strands [S, P, 3] ended where they first pass a height (z, m), a little higher or lower each."""
    ragged = 0.004 + 0.12 * spec.length * (0.3 + 0.7 * spec.frizz)
    ends = height + ragged * numbers[:, 7] ** 2
    below = strands[:, :, 2] < ends[:, None]
    below[:, :2] = False
    last = strands.shape[1] - 1
    first = np.where(below.any(axis=1), below.argmax(axis=1), last)
    row = np.arange(len(strands))
    a, b = strands[row, first - 1, 2], strands[row, first, 2]
    over = np.clip((a - ends) / np.maximum(a - b, 1e-6), 0, 1)
    end = np.where(below.any(axis=1) & which, first - 1 + over, last)
    return at_steps(strands, end[:, None] * np.linspace(0, 1, strands.shape[1]))


def at_steps(strands: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Points [S, n, 3] at fractional indices [S, n] along strands [S, P, 3]."""
    left = np.minimum(steps.astype(int), strands.shape[1] - 2)
    row = np.arange(len(strands))[:, None]
    w = (steps - left)[..., None]
    return strands[row, left] * (1 - w) + strands[row, left + 1] * w


def clumped(strands: np.ndarray, roots: Roots, amount: float) -> np.ndarray:
    """Strands drawn to their locks', and these to larger ones': tips most, and none across a parting."""
    t = np.linspace(0, 1, strands.shape[1])[:, None]
    for guide, share in ((roots.guide, 0.55), (roots.lock, 0.85)):
        aim = strands[guide]
        apart = np.linalg.norm((aim - strands)[:, 1::3], axis=-1).max(axis=1)
        near = np.linalg.norm(aim[:, 0] - strands[:, 0], axis=-1)
        pull = amount * share * np.clip(2 - apart / (2.5 * near + 0.012), 0, 1)
        strands = strands + pull[:, None, None] * t**1.2 * (aim - strands)
    return strands


def curled(strands: np.ndarray, spec: HairSpec, roots: Roots) -> np.ndarray:
    """Strands wound around their own path; those of a lock turn together."""
    if spec.curl == 0:
        return strands
    steps = np.linalg.norm(np.diff(strands, axis=1), axis=-1)
    way = np.concatenate([np.zeros((len(strands), 1)), np.cumsum(steps, axis=1)], axis=1)
    along = normalize(np.gradient(strands, axis=1))
    aside = normalize(np.cross(along, UP + 1e-3))
    third = np.cross(along, aside)
    own = roots.numbers[roots.lock]
    pitch = spec.pitch * (0.75 + 0.5 * own[:, :1])
    angle = 2 * np.pi * (way / pitch + own[:, 1:2] + (0.1 + 0.25 * spec.frizz) * roots.numbers[:, 2:3])
    radius = spec.curl * (0.6 + 0.6 * own[:, 4:5]) * np.minimum(way / (0.8 * pitch), 1)
    return strands + (radius * np.cos(angle))[..., None] * aside + (radius * np.sin(angle))[..., None] * third


def frizzed(strands: np.ndarray, spec: HairSpec, roots: Roots) -> np.ndarray:
    """Strands that leave their neighbours by smooth waves of their own, a few of them far."""
    steps = np.linalg.norm(strands[:, -1] - strands[:, 0], axis=-1)
    t = np.linspace(0, 1, strands.shape[1])
    n = roots.numbers
    far = np.where(n[:, 7] < 0.01 + 0.04 * spec.frizz, 3.0, 1.0)
    size = far * spec.frizz * np.minimum(0.05 * steps, 0.003)
    wave = np.sin(2 * np.pi * ((0.7 + 2 * n[:, 5:6]) * t + n[:, 4:5])) - np.sin(2 * np.pi * n[:, 4:5])
    other = np.sin(2 * np.pi * ((0.6 + 2 * n[:, 3:4]) * t + n[:, 6:7])) - np.sin(2 * np.pi * n[:, 6:7])
    one, two = normalize(n[:, 0:3] - 0.5), normalize(n[:, 2:5] - 0.5)
    return strands + size[:, None, None] * (wave[..., None] * one[:, None] + other[..., None] * two[:, None])
