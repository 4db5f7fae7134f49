"""Hair that falls or stands: every strand walks from its root, combed, weighed down and kept out of the head."""

from dataclasses import dataclass

import numpy as np

from scenes.head.hair import UP, HeadField, Pushed, Roots
from scenes.head.hairstyles.scalp import TOP, WHORL, frontness, smooth
from scenes.head.hairstyles.spec import HairSpec
from synth.geometry import dot, normalize

X, Y = np.eye(3, dtype=np.float32)[:2]
NECK, TURNED = (0.0, 0.07), 0.07  # m: the neck's axis (x, y), and how long the ends are that turn in to it
BESIDE_NECK = (0.07, 0.095)  # m from its axis: what is nearer does not turn, and what is further does in full
RISE = np.array([0, 0, 0.25], np.float32)  # of what turns, per metre


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How a family grows."""

    points: int  # per strand
    steps: int = 24  # that falling hair walks, at most; it is drawn with its points
    comb: str  # which way along the skin: see `combed`
    lift: float = 0.2  # of the root away from the skin; 0 lies flat, 1 stands
    weight: float = 3.0  # turn towards the ground per m
    firm: float = 40.0  # turn towards the comb per m
    reach: float = 0.06  # m from the root, over which the comb loses its hold
    hug: float = 0.5  # how far hair follows the head's curve, in [0, 1]
    tousle: float = 0.0  # disorder of whole locks
    falls: bool = False  # is cut at a height, and kept beside the face
    tuck: float = 0.0  # m that ends turn in to the neck, at most
    share: float = 1.0  # of the strands, which are as much thicker
    bases: bool = False  # these are the nearest to where braids begin
    ringlets: bool = False  # large locks that wind as one, and soon
    tip: float = 0.35  # radius at the end over that at the root


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """Roots that grow, on the posed head."""

    roots: Roots
    depth: np.ndarray  # [S] m behind the hairline
    place: np.ndarray  # [S, 3] m
    normal: np.ndarray  # [S, 3]

    def pick(self, chosen: np.ndarray) -> "Grown":
        """Some of them, by increasing indices [n]."""
        return Grown(
            roots=self.roots.pick(chosen),
            depth=self.depth[chosen],
            place=self.place[chosen],
            normal=self.normal[chosen],
        )


def walk(spec: HairSpec, family: Family, grown: Grown, field: HeadField) -> np.ndarray:
    """Strands [S, P, 3] (m, head space)."""
    rest, numbers, lock = grown.roots.rest, grown.roots.numbers, grown.roots.lock
    bangs = (spec.fringe > 0) & (rest[:, 1] < 0.048) & (np.abs(rest[:, 0]) < 0.052) & (rest[:, 2] > 0.055)
    length = _length(spec, family, grown, bangs)
    count = min(family.points, family.steps)
    step = (length / (count - 1))[:, None]
    wild = spec.frizz * (numbers[:, :3] - 0.5)
    lean = family.tousle * (numbers[lock, 3:6] - 0.5)
    layer = 0.2 + 0.3 * numbers[:, 6] + 0.5 * np.clip((rest[:, 2] + 0.03) / 0.12, 0, 1)
    forward = falls_forward(spec, grown)
    comb = combed(spec, family, grown.place, grown.normal, grown, bangs)
    heading = normalize(family.lift * grown.normal + (1 - family.lift) * (comb + lean) + 0.3 * wild)
    fall = 1 - np.exp(-np.where(bangs, 16.0, family.weight).astype(np.float32)[:, None] * step)
    place, away, strands = grown.place, grown.normal, [grown.place]
    for k in range(1, count):
        way = k * step
        hold = 1 - np.exp(-family.firm * step * np.exp(-way / family.reach))
        heading = heading + hold * (combed(spec, family, place, away, grown, bangs) + lean - heading)
        heading = normalize(heading - fall * (UP + heading) + 0.05 * wild)
        gap = 0.0012 + spec.volume * layer * np.minimum(way[:, 0] / 0.04, 1)
        place, heading, on = stepped(field, place, heading, step, gap, forward)
        height, away = on.height, on.outward
        if family.falls:
            heading = normalize(heading + 1.2 * _guard(place, rest, spec, bangs))
        if family.hug > 0:
            off = family.hug * np.clip((height - gap) / 0.008, 0, 1) * smooth(place[:, 2], -0.05, 0.01)
            outward = dot(heading, away)
            heading = normalize(heading - (off * (np.maximum(outward, 0) + 0.25))[:, None] * away)
        strands.append(place)
    grid = np.stack(strands, axis=1)
    ends = cut(grid, ends_at(spec, grown.roots), ~bangs) if family.falls else np.full(len(grid), count - 1)
    if count == family.points and not family.falls:
        return grid
    return at_steps(grid, ends[:, None] * np.linspace(0, 1, family.points, dtype=np.float32))


def _length(spec: HairSpec, family: Family, grown: Grown, bangs: np.ndarray) -> np.ndarray:
    """Length [S] of each strand: shorter at faded sides; of falling hair enough to reach the cut."""
    rest, numbers = grown.roots.rest, grown.roots.numbers
    if family.falls:
        length = 1.03 * spec.length + 0.05 - 0.8 * (TOP - rest[:, 2])
    else:
        sides = spec.fade + (1 - spec.fade) * smooth(rest[:, 2], 0.02, 0.07)
        length = spec.length * sides * (0.8 + 0.2 * numbers[:, 3])
    length = np.where(bangs, spec.fringe + grown.depth + 0.006 * numbers[:, 3], np.maximum(length, 0.001))
    edge = 0.1 + 0.9 * smooth(grown.depth, -0.006, 0.014)  # the first hairs of the hairline are short
    return np.where(
        first_hairs(grown) & ~bangs, np.minimum(length, 0.025) * edge, length if family.falls else length * edge
    )


def first_hairs(grown: Grown) -> np.ndarray:
    """Bool [S]: which strands are the short ones of the hairline, all of them before it and fewer and fewer behind."""
    return grown.roots.numbers[:, 4] > smooth(grown.depth, -0.004, 0.007)


def combed(
    spec: HairSpec, family: Family, place: np.ndarray, outward: np.ndarray, grown: Grown, bangs: np.ndarray
) -> np.ndarray:
    """Which way [S, 3], unit, hair goes by the comb alone, at a place [S, 3] where the skin faces `outward` [S, 3]."""
    root = grown.roots.rest[grown.roots.lock]  # whole locks go to one side of the parting
    front, aside = frontness(place)[:, None], root[:, :1] - spec.parting
    side, back = np.tanh(aside / 0.004), 0.9 * np.exp(-((aside / 0.012) ** 2))  # at a parting also back, to cover skin
    column = lambda x, y, z: np.concatenate([v + 0 * front for v in (x, y, z)], axis=1)
    top = smooth(place[:, 2:], 0.03, 0.08)
    if family.comb == "out":
        return normalize(place - np.array([0.0, 0.08, 0.0], np.float32))
    if family.comb == "whorl":
        wish = normalize(place - WHORL) + front * top * column(0.5 * side, -0.9, 0.1) - 0.4 * UP * (1 - top)
    elif family.comb == "back":
        wish = column(0.35 * float(np.sign(spec.parting)) * top, 1.0, -0.5 * (1 - top))
    elif family.comb == "part":
        wish = column(side, 0.15 + back + 0.6 * front * spec.sweep, 0.0) * top + (1 - top) * column(0.0, 0.45, -1.0)
    else:  # falls beside the face
        side = side * (1 - 0.85 * smooth(place[:, 1:2], 0.09, 0.135))  # behind, straight down
        wish = column(side, 0.2 + back * top + (0.8 + 0.8 * spec.sweep) * front, 0.2 * front - 0.35)
    wish = np.where(bangs[:, None], column(0.35 * np.tanh(place[:, :1] / 0.02), -1.0, -0.3), wish)
    return normalize(wish - dot(wish, outward)[:, None] * outward)


def stepped(
    field: HeadField, place: np.ndarray, heading: np.ndarray, step: np.ndarray, gap: np.ndarray, forward: np.ndarray
) -> tuple[np.ndarray, np.ndarray, Pushed]:
    """Places and headings [S, 3] one step [S, 1] (m) on, around the head and over the shoulders."""
    on = field.push_out(place + step * heading, gap)
    heading = normalize(heading - np.minimum(dot(heading, on.wall), 0)[:, None] * on.wall)
    lies = np.flatnonzero(on.lies)
    heading[lies] = _draped(place[lies, 0], heading[lies], on.wall[lies], forward[lies])
    return place + _limited(on.points - place, np.maximum(1.3 * step, 0.012)), heading, on


def _limited(vectors: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Vectors [S, 3] of at most a length [S, 1] (m): a steep shoulder must not lift hair in one step."""
    return vectors * np.minimum(1, most / np.maximum(np.sqrt(dot(vectors, vectors)), 1e-9)[:, None])


def _draped(x: np.ndarray, heading: np.ndarray, facing: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """Headings [S, 3] of hair at x [S] (m) on shoulders that face so [S, 3]: over them to the chest or the back, and
    hardly outwards, because it hangs from the head and does not slide; what goes back goes to the neck.
    """
    flat = facing[:, 2] ** 2
    ahead = flat * np.tanh((facing[:, 1] + 0.35 - 0.7 * forward.astype(np.float32)) / 0.1)
    aside = -0.5 * np.sign(x) * smooth(np.abs(x), 0.06, 0.1) * ~forward
    wish = heading * np.array([0.25, 1.0, 1.0], np.float32) + ahead[:, None] * Y + aside[:, None] * X
    return normalize(wish - dot(wish, facing)[:, None] * facing)


def falls_forward(spec: HairSpec, grown: Grown) -> np.ndarray:
    """Bool [S]: which locks lie before the shoulder where they could lie behind it as well."""
    beside = (grown.roots.rest[:, 1] < 0.075) & (np.abs(grown.roots.rest[:, 0]) > 0.02)
    return beside & (grown.roots.numbers[grown.roots.guide, 2] < 0.95 - 0.8 * spec.sweep)


def _guard(place: np.ndarray, root: np.ndarray, spec: HairSpec, bangs: np.ndarray) -> np.ndarray:
    """Sideways [S, 3], for hair in front of the face."""
    x, y, z = place.T
    inside = smooth(-y, -0.045, -0.005) * smooth(-z, -0.09, -0.06) * smooth(-np.abs(x), -0.072, -0.05) * ~bangs
    side = np.tanh((x + 0.5 * (root[:, 0] - spec.parting)) / 0.008)
    return (3.0 * inside)[:, None] * np.stack([side, 0.9 + 0 * side, 0 * side], axis=-1)


def ends_at(spec: HairSpec, roots: Roots) -> np.ndarray:
    """Height [S] (z, m) at which falling hair ends: cut by locks and not in one plane, higher or lower beside the face
    by the style's fade, and some strands, which have grown since, are shorter.
    """
    n, ragged = roots.numbers, 0.007 + 0.06 * spec.length * (0.5 + spec.frizz)
    own = n[:, 7] + n[:, 0] - 1 + 2.5 * n[:, 5] ** 6
    locks = 0.6 * (n[roots.lock, 0] + n[roots.guide, 7] - 1)
    beside = smooth(0.09 - roots.rest[:, 1], 0.0, 0.08)
    return TOP - spec.length + ragged * (own + locks) + (1 - spec.fade) * spec.length * beside


def cut(strands: np.ndarray, ends: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Fractional indices [S] where strands [S, P, 3] first pass heights [S] (z, m); their ends where they do not, or
    are not of `which` [S].
    """
    below = strands[:, :, 2] < ends[:, None]
    below[:, :2] = False
    last = strands.shape[1] - 1
    first = np.where(below.any(axis=1), below.argmax(axis=1), last)
    row = np.arange(len(strands))
    a, b = strands[row, first - 1, 2], strands[row, first, 2]
    over = np.clip((a - ends) / np.maximum(a - b, 1e-6), 0, 1)
    return np.where(below.any(axis=1) & which, first - 1 + over, last)


def at_steps(strands: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Points [S, n, k] at fractional indices [S, n] along strands [S, P, k]."""
    count, points, columns = strands.shape
    left = np.minimum(steps.astype(np.intp), points - 2)
    w = (steps - left).astype(strands.dtype)[..., None]
    flat, at = strands.reshape(-1, columns), left + points * np.arange(count)[:, None]
    near = flat.take(at, axis=0)
    return near + w * (flat.take(at + 1, axis=0) - near)


def clumped(strands: np.ndarray, roots: Roots, amount: float, ringlets: bool) -> np.ndarray:
    """Strands drawn to their locks', and these to larger ones': tips most, and none across a parting; ringlets soon."""
    power, large = (0.4, 1.1) if ringlets else (1.2, 0.55)
    t = np.linspace(0, 1, strands.shape[1], dtype=np.float32)[:, None] ** power
    for guide, share in ((roots.guide, large), (roots.lock, 0.85)):
        aim = strands[guide]
        way = aim - strands
        apart = np.sqrt(dot(way[:, 1::3], way[:, 1::3]).max(axis=1))
        near = np.linalg.norm(way[:, 0], axis=-1)
        pull = min(amount * share, 0.9) * np.clip(2 - apart / (2.5 * near + 0.012), 0, 1)
        strands = strands + (pull[:, None, None] * t) * way
    return strands


def tucked(strands: np.ndarray, amount: float, roots: Roots) -> np.ndarray:
    """Strands whose ends below the jaw turn in to the neck by up to an amount (m), as a bob's do, each lock as far as
    it likes; what turns rises as well.
    """
    if not amount:
        return strands
    steps = np.linalg.norm(np.diff(strands, axis=1), axis=-1)
    left = np.concatenate([np.cumsum(steps[:, ::-1], axis=1)[:, ::-1], np.zeros((len(strands), 1), np.float32)], axis=1)
    inward = np.array([*NECK, 0], np.float32) - strands * np.array([1, 1, 0], np.float32)
    far = np.maximum(np.sqrt(dot(inward, inward)), 1e-6)
    turn = np.clip(1 - left / TURNED, 0, 1) ** 2 * smooth(-strands[..., 2], 0.0, 0.06) * smooth(far, *BESIDE_NECK)
    turn *= (0.55 + 0.45 * roots.numbers[roots.lock, 1] + 0.3 * (roots.numbers[roots.guide, 6] - 0.5))[:, None]
    return strands + (amount * turn)[..., None] * (inward / far[..., None] + RISE)


def curled(strands: np.ndarray, spec: HairSpec, roots: Roots, ringlets: bool) -> np.ndarray:
    """Strands wound around their own path; those of a lock, or of a ringlet, turn together."""
    if spec.curl == 0:
        return strands
    paths = np.ascontiguousarray(np.moveaxis(strands, -1, 0))
    steps = np.diff(paths, axis=2)
    way = np.zeros(paths.shape[1:], np.float32)
    np.cumsum(np.sqrt((steps**2).sum(axis=0)), axis=1, out=way[:, 1:])
    aside, third = _frames(np.concatenate([steps[..., :1], steps[..., 1:] + steps[..., :-1], steps[..., -1:]], axis=2))
    n = roots.numbers
    own = n[roots.guide if ringlets else roots.lock]
    pitch = spec.pitch * (0.75 + 0.5 * own[:, :1])
    angle = 2 * np.pi * (way / pitch + own[:, 1:2] + (0.1 + (0.1 if ringlets else 0.25) * spec.frizz) * n[:, 2:3])
    radius = spec.curl * (0.6 + 0.6 * own[:, 4:5]) * np.minimum(way / (0.8 * pitch), 1)
    return np.moveaxis(paths + radius * np.cos(angle) * aside + radius * np.sin(angle) * third, 0, -1)


def _frames(along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit directions [3, S, P] across directions [3, S, P], and across each other."""
    x, y, z = along / np.maximum(np.sqrt((along**2).sum(axis=0)), 1e-9)
    e = 1e-3  # beside the upright, which most hair follows
    aside = np.stack([y * (1 + e) - z * e, z * e - x * (1 + e), (x - y) * e])
    aside /= np.maximum(np.sqrt((aside**2).sum(axis=0)), 1e-9)
    a, b, c = aside
    return aside, np.stack([y * c - z * b, z * a - x * c, x * b - y * a])


def frizzed(strands: np.ndarray, spec: HairSpec, roots: Roots) -> np.ndarray:
    """Strands that leave their neighbours by smooth waves of their own, a few of them far."""
    steps = np.linalg.norm(strands[:, -1] - strands[:, 0], axis=-1)
    t, n = np.linspace(0, 1, strands.shape[1], dtype=np.float32), roots.numbers
    far = 1 + 2 * (n[:, 7] < 0.01 + 0.04 * spec.frizz).astype(np.float32)
    size = (far * spec.frizz * np.minimum(0.05 * steps, 0.003))[:, None]
    one, two = normalize(n[:, 0:3] - 0.5), normalize(n[:, 2:5] - 0.5)
    wave = size * (np.sin(2 * np.pi * ((0.7 + 2 * n[:, 5:6]) * t + n[:, 4:5])) - np.sin(2 * np.pi * n[:, 4:5]))
    other = size * (np.sin(2 * np.pi * ((0.6 + 2 * n[:, 3:4]) * t + n[:, 6:7])) - np.sin(2 * np.pi * n[:, 6:7]))
    out = np.empty(strands.shape, np.result_type(strands, wave))
    for k in range(3):
        out[..., k] = strands[..., k] + wave * one[:, k : k + 1] + other * two[:, k : k + 1]
    return out
