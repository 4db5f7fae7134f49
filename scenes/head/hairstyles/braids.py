"""Braids of three bundles: hanging from sections of the scalp, or lying in rows over it."""

import numpy as np

from scenes.head.hair import SKULL_CENTER, UP, HeadField, nearest
from scenes.head.hairstyles.company import gathered
from scenes.head.hairstyles.grow import Family, Grown, X, at_steps, first_hairs, stepped, walk
from scenes.head.hairstyles.scalp import EAR_DEG, is_before, smooth
from scenes.head.hairstyles.spec import HairSpec
from scenes.head.hairstyles.tied import settled
from synth.geometry import lengths, normalize

FRONT, BACK = np.array([[0.0, -0.02, 0.055], [0.0, 0.15, -0.055]], np.float32)  # m, where rows would meet
ROW_POINTS = 40
AT_A_TIME = 500  # strands


def hanging(spec: HairSpec, family: Family, points: int, grown: Grown, field: HeadField) -> np.ndarray:
    """Strands [S, points, 3] (m) in braids that fall, one to each of the spec's sections."""
    grown = _long_enough(grown)
    count = min(spec.sections, len(grown.place))
    rest = grown.roots.rest
    grown = grown.pick(_nearest_share(lengths(rest - rest[nearest(rest, count)]), family.share))
    section, lead = nearest(grown.roots.rest, count), grown.pick(np.arange(count))
    paths = gathered(walk(spec, family, lead, field), field)
    size = 0.0044 * (90 / spec.sections) ** 0.5
    finer = at_steps(paths, np.linspace(0, paths.shape[1] - 1, points, dtype=np.float32)[None].repeat(count, 0))
    way = _way(finer)[section]
    return _braided(finer[section], way, np.full(len(section), size, np.float32), grown, 0.012, 1.0)


def _long_enough(grown: Grown) -> Grown:
    """Without the hairline's first hairs and sideburns: too short to be braided."""
    return grown.pick(np.flatnonzero(~first_hairs(grown) & ~is_before(EAR_DEG, grown.roots.rest)))


def _nearest_share(far: np.ndarray, share: float) -> np.ndarray:
    """Indices of the share of roots that are least far [S] from where their braids begin: the rest would be splayed."""
    return np.flatnonzero(far <= np.quantile(far, share))


def rows(spec: HairSpec, family: Family, points: int, grown: Grown, field: HeadField) -> np.ndarray:
    """Strands [S, points, 3] (m) in braids along the scalp from front to nape, and on beyond by the spec's length."""
    grown = _long_enough(grown)
    axis = normalize(BACK - FRONT)
    across, middle = X, 0.5 * (FRONT + BACK)
    upward = np.cross(across, axis)
    flat = grown.place - middle
    turn = np.arctan2(flat @ across, flat @ upward)
    spacing = 2 * 1.75 / spec.sections
    along = np.arccos(np.clip(normalize(flat) @ -axis, -1, 1))  # 0 at the front
    row = np.clip(np.round(turn / spacing), -(spec.sections // 2), spec.sections // 2).astype(int)
    drawn = _nearest_share(np.abs(turn - row * spacing) * np.sin(along), family.share)
    grown, along = grown.pick(drawn), along[drawn]
    used, lane = np.unique(row[drawn], return_inverse=True)
    paths, begin = _rows((used * spacing).astype(np.float32), spec, middle, axis, across, upward, field)
    first = np.clip((along - begin[0]) / (begin[1] - begin[0]), 0, 0.97) * (ROW_POINTS - 1)
    t = np.linspace(0, 1, points, dtype=np.float32)
    steps = first[:, None] + t * (paths.shape[1] - 1.001 - first[:, None])
    lines, way = paths[lane], _way(paths)[lane]
    width = 0.038 * spacing * (0.35 + 0.65 * np.abs(np.sin(along)))  # of 0.05: skin is seen between rows
    return _braided(at_steps(lines, steps), at_steps(way[..., None], steps)[..., 0], width, grown, 0.008, 0.6)


def _rows(turns: np.ndarray, spec: HairSpec, middle, axis, across, upward, field: HeadField):
    """Lines [R, n, 3] over the head at angles [R] around the axis, and the angles along it where they begin and end."""
    begin = (0.25, 2.75)
    along = np.linspace(*begin, ROW_POINTS, dtype=np.float32)[None, :, None]
    side = np.sin(turns)[:, None, None] * across + np.cos(turns)[:, None, None] * upward
    ways = -np.cos(along) * axis + np.sin(along) * side
    start = (middle + 0.1 * ways).reshape(-1, 3)
    skin = settled(start, np.full(len(start), 0.0016, np.float32), field).reshape(ways.shape)
    free = max(int(spec.length / 0.01), 2)
    heading = normalize(skin[:, -1] - skin[:, -3])
    place, tail = skin[:, -1], []
    step, behind = np.full((len(place), 1), spec.length / free, np.float32), np.zeros(len(place), bool)
    for _ in range(free):
        heading = normalize(heading - 0.35 * UP)
        place, heading, _ = stepped(field, place, heading, step, np.full(len(place), 0.005, np.float32), behind)
        tail.append(place)
    return np.concatenate([skin, np.stack(tail, axis=1)], axis=1), begin


def _way(paths: np.ndarray) -> np.ndarray:
    """Length (m) along paths [G, P, 3] up to each point, [G, P]."""
    steps = np.linalg.norm(np.diff(paths, axis=1), axis=-1)
    return np.concatenate([np.zeros((len(paths), 1), np.float32), np.cumsum(steps, axis=1)], axis=1)


def _braided(
    paths: np.ndarray, way: np.ndarray, size: np.ndarray, grown: Grown, gather: float, high: float
) -> np.ndarray:
    """Strands [S, P, 3] of a bundle each, on paths [S, P, 3] with lengths `way` [S, P]; half width `size` [S] (m), and
    as a share of that how high; gathered over a length (m). Some at a time: ten times their memory is on the way.
    """
    braided = np.empty_like(paths)
    for part in np.array_split(np.arange(len(paths)), max(len(paths) // AT_A_TIME, 1)):
        braided[part] = _some_braided(paths[part], way[part], size[part], grown.pick(part), gather, high)
    return braided


def _some_braided(
    paths: np.ndarray, way: np.ndarray, size: np.ndarray, grown: Grown, gather: float, high: float
) -> np.ndarray:
    n = grown.roots.numbers
    along = normalize(np.gradient(paths, axis=1))
    outward = normalize((paths - SKULL_CENTER) * (1 - UP) + 1e-6)
    outward = normalize(np.where(paths[..., 2:] > 0.0, paths - SKULL_CENTER, outward))
    aside = normalize(np.cross(along, outward))
    third = np.cross(aside, along)
    size = size[:, None]
    phase = 2 * np.pi * (np.floor(3 * n[:, :1]) / 3 + way / (5.0 * size))
    ring, spin = 0.45 * np.sqrt(n[:, 1:2]), 2 * np.pi * (n[:, 2:3] + 0.3 * way / size / 5)
    left = size * (0.62 * np.sin(phase) + ring * np.cos(spin))
    deep = high * size * (0.4 * np.sin(2 * phase) + ring * np.sin(spin) + 0.6)
    start = 0.5 + 0.5 * smooth(way - way[:, :1], 0.0, 0.05)  # close to the skin
    left, deep = start * left, start * deep
    braid = paths + left[..., None] * aside + deep[..., None] * third
    ease = smooth(way - way[:, :1], 0.0, gather)[..., None]
    thin = 1 - 0.35 * smooth(np.linspace(0, 1, paths.shape[1], dtype=np.float32)[:, None], 0.7, 1.0)
    braid = paths + thin * (braid - paths)
    return grown.place[:, None] * (1 - ease) + braid * ease
