"""The relief of a skin: a map of heights over the smooth mesh, in the model's texture coordinates.

Lines of age and expression (creases.py), the fissures of lips, pores and unevenness. A function of the spec and of what
the face does, without further chance: what `seed` stands for is spread out here. Finer than a texel nothing is drawn.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scenes.head.atlas import Atlas
from scenes.head.creases import BY_SIDE, GROUPS, Group
from scenes.head.expression import sides_of
from scenes.head.noise import smoothstep, value_noise
from scenes.head.skin import SkinSpec
from synth.models import MorphableModel

SCALES = (0.014, 0.007, 0.0034, 0.0017, 0.0009)  # m: wavelengths of the unevenness
ROUGH = (0.0, 0.055, 0.04, 0.026, 0.016)  # mm: its height at `pores` 1, by wavelength
RESOLVED = 2.0  # texels that a wavelength must have
NARROWEST = 1.1  # texels: half of a line's width
PORE_DENSITY, PORE_DEPTH = 0.45e6, 0.07  # per m2, mm
PORE_TEXEL = 0.0006  # m: with larger texels pores are too small to be drawn
FISSURE = 1.5  # mm between the fissures of lips
FISSURE_DEPTH = 0.13  # mm
LEAST = 4e-3  # mm: shallower lines are not drawn
YOUNG = 0.4  # of a fold's depth where skin is young
ROUNDING = 1e-3  # mm
SEED = 7  # of what is the same for everyone


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a fold on the texels [n] that it may reach wherever it is drawn."""

    row: np.ndarray  # int64 [n] of the fold's texels
    along: np.ndarray  # float64 [n] in (0, 1), from its one end to the other
    across: np.ndarray  # float32 [n] mm


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """A group of lines on one side, on the texels where it may be."""

    group: Group
    side: int  # -1 right, 1 left, 0 both
    position: np.ndarray  # int64 [t] in the atlas
    x: np.ndarray  # float32 [t] mm, to the subject's left
    width: float  # mm, of its lines
    reach: float  # mm, to either side of a line
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the relief of every skin of a model is made from."""

    atlas: Atlas
    folds: tuple[Fold, ...]
    waves: np.ndarray  # float32 [len(SCALES), T] of mean 0 and deviation 1; 0 where a texel is too large
    pores: np.ndarray  # float32 [T] mm at `pores` 1
    lips: np.ndarray  # float32 [T] mask in [0, 1]


def make_ground(model: MorphableModel, atlas: Atlas) -> Ground:
    """The ground of a model, as fine as it is rendered."""
    return Ground(
        atlas=atlas,
        folds=tuple(fold for group in GROUPS for fold in _folds(group, atlas)),
        waves=noises(atlas, SCALES, SEED),
        pores=_pores(model, atlas),
        lips=atlas.lips,
    )


def heights(ground: Ground, spec: SkinSpec, expression: dict[str, float], names: tuple[str, ...]) -> np.ndarray:
    """float32 [T] m: of the texels of the atlas over the smooth skin, out of it is positive.

    expression: weights by the model's own names, those of ARKit; what other names do folds nothing.
    """
    rng = np.random.default_rng((spec.seed, 1))
    out = spec.pores * (ground.pores + np.einsum("k,kt->t", np.array(ROUGH * _signs(rng), np.float32), ground.waves))
    out += _fissures(ground, spec, rng)
    for fold in ground.folds:
        _crease(out, fold, spec, _folded(fold.group, expression, names), rng)
    return (1e-3 * ground.atlas.smooth * out).astype(np.float32)


def _signs(rng: np.random.Generator) -> np.ndarray:
    return rng.choice([-1.0, 1.0], len(SCALES)) * rng.uniform(0.6, 1.3, len(SCALES))


def _folded(group: Group, expression: dict[str, float], names: tuple[str, ...]) -> tuple[float, float]:
    """How far the units fold the right and the left side, 0 to 1."""
    by_side = []
    for side in BY_SIDE:
        total = 0.0
        for unit, share in group.units.items():
            found = sides_of(unit + side, names) or sides_of(unit, names)
            total += share * max((expression.get(name, 0.0) for name in found), default=0.0)
        by_side.append(float(np.clip(total, 0.0, 1.2)))
    return by_side[0], by_side[1]


def _crease(out: np.ndarray, fold: Fold, spec: SkinSpec, folded: tuple[float, float], rng: np.random.Generator) -> None:
    """Adds the lines of a fold to heights [T] (mm). Takes as many numbers from `rng` whatever is drawn."""
    group = fold.group
    right, left = folded
    if fold.side:
        act = np.float32(left if fold.side > 0 else right)
    else:
        share = smoothstep(-14.0, 14.0, fold.x)
        act = right + (left - right) * share
    deep = group.at_rest * spec.wrinkles**1.3
    deep = deep + group.folded * spec.lines * act * (YOUNG + (1 - YOUNG) * spec.wrinkles)
    deep = spec.depth * deep
    seen, narrow = np.max(deep, initial=0.0) >= LEAST, np.asarray(deep * (group.width / fold.width), np.float32)
    for line in fold.lines:
        numbers = rng.random(9)
        if seen:
            _draw(out, fold, line, narrow, numbers)


def _draw(out: np.ndarray, fold: Fold, line: Line, deep: np.ndarray, u: np.ndarray) -> None:
    """Adds one line of depth `deep` (mm, a number or [t]); u: nine numbers in [0, 1)."""
    group, width = fold.group, fold.width
    across = line.across - np.float32(group.jitter * (2 * u[0] - 1))
    near = np.flatnonzero(np.abs(across) < fold.reach)
    s, row = line.along[near], line.row[near]
    wiggle = sum(np.sin(2 * np.pi * (f * s + phase)) / f for f, phase in ((1.3, u[1]), (2.9, u[2]), (5.3, u[3])))
    d = (across[near] - 0.35 * group.jitter * wiggle) / width
    valley = np.exp(-d * d) - 0.28 * np.exp(-(((np.abs(d) - 2.0) / 0.9) ** 2))
    if group.ridge:
        valley = valley - group.ridge * np.exp(-(((d - 3.4) / 2.0) ** 2))
    ends = smoothstep(0.0, 0.16 + 0.2 * u[4], s) * smoothstep(0.0, 0.16 + 0.2 * u[5], 1 - s)
    uneven = 0.8 + 0.35 * np.sin(2 * np.pi * ((1 + 2 * u[6]) * s + u[7]))
    amount = (deep[row] if deep.ndim else deep) * (0.45 + 0.75 * u[8])
    out[fold.position[row]] -= (amount * ends * uneven * valley).astype(np.float32)


def _folds(group: Group, atlas: Atlas) -> Iterator[Fold]:
    place = 1e3 * atlas.place
    for side in (-1, 1) if group.sides else (0,):
        x = place[:, 0] * (side or 1)
        inside = np.ones(len(x), bool)
        for values, (low, high) in zip((x, place[:, 1], place[:, 2]), group.box, strict=True):
            inside &= (values > low) & (values < high)
        position = np.flatnonzero(inside)
        if not len(position):
            continue
        s, t = group.coordinates(x[position], place[position, 1], place[position, 2])
        width = max(group.width, NARROWEST * float(1e3 * np.median(atlas.width[position])))
        reach = (8 if group.ridge else 4) * width
        curves = (_smooth(np.array(curve)) for curve in group.curves)
        lines = tuple(_line(curve, s, t, reach + group.jitter) for curve in curves)
        x = place[position, 0]
        yield Fold(group=group, side=side, position=position, x=x, width=width, reach=reach, lines=lines)


def _line(curve: np.ndarray, s: np.ndarray, t: np.ndarray, reach: float) -> Line:
    """The line along a curve [n, 2] (mm, s rising) on texels at s and t [t] (mm), so far to either side (mm)."""
    across = t - np.interp(s, curve[:, 0], curve[:, 1]).astype(np.float32)
    start, end = curve[0, 0], curve[-1, 0]
    row = np.flatnonzero((np.abs(across) < reach + ROUNDING) & (s > start) & (s < end))
    return Line(row=row, along=(s[row] - start) / (end - start), across=across[row])


def _smooth(curve: np.ndarray) -> np.ndarray:
    """float64 [4 n - 3, 2]: a Catmull-Rom spline through points [n, 2]."""
    p = np.concatenate([2 * curve[:1] - curve[1:2], curve, 2 * curve[-1:] - curve[-2:-1]])
    u = np.arange(4)[:, None, None] / 4
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    spans = 0.5 * (2 * b + (c - a) * u + (2 * a - 5 * b + 4 * c - d) * u**2 + (3 * b - a - 3 * c + d) * u**3)
    return np.concatenate([spans.swapaxes(0, 1).reshape(-1, 2), curve[-1:]])


def noises(atlas: Atlas, scales: tuple[float, ...], seed: int) -> np.ndarray:
    """float32 [K, T]: noise of these wavelengths (m), of mean 0 and deviation 1; 0 where texels are too large."""
    out = np.zeros((len(scales), len(atlas.texel)), np.float32)
    for k, scale in enumerate(scales):
        fine = np.flatnonzero(atlas.width < scale / RESOLVED)
        if len(fine):
            noise = value_noise(atlas.place[fine] / scale, seed + k) - 0.5
            fades = smoothstep(1.0, 1.4, scale / (RESOLVED * atlas.width[fine]))
            out[k, fine] = noise / max(float(noise.std()), 1e-6) * fades
    return out


def _pores(model: MorphableModel, atlas: Atlas) -> np.ndarray:
    """float32 [T] mm: dents where sebaceous glands are many, on nose, cheeks, forehead and chin."""
    out = np.zeros(len(atlas.texel), np.float32)
    density = pore_density(model, atlas.canonical)[atlas.corners].mean(axis=1)
    corners = atlas.points[atlas.corners]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    count = int(PORE_DENSITY * (area * density).sum())
    if np.median(atlas.width[atlas.place[:, 1] < 0]) > PORE_TEXEL or not count:
        return out
    rng = np.random.default_rng(SEED)
    triangle, weights = scattered(area * density, count, rng)
    reach = 2.2 * rng.uniform(0.00018, 0.0004, count)
    position, place, distance = atlas.near(triangle, weights, np.maximum(reach, 1.8 * PORE_TEXEL))
    radius = np.maximum(reach[place] / 2.2, 0.8 * atlas.width[position])
    depth = PORE_DEPTH * rng.uniform(0.4, 1.2, count)[place] * (reach[place] / 2.2 / radius)
    np.add.at(out, position, (-depth * np.exp(-((distance / radius) ** 2))).astype(np.float32))
    return out


def pore_density(model: MorphableModel, canonical: np.ndarray) -> np.ndarray:
    """float64 [V] in [0, 1] at vertices [V, 3] of the canonical head (m)."""
    region = lambda name: model.regions.get(name, np.zeros(len(canonical))).astype(np.float64)
    chin = np.exp(-((canonical - [0, -0.02, -0.09]) ** 2).sum(axis=1) / 0.018**2)
    inner_cheek = np.exp(-((np.abs(canonical) - [0.026, 0.0, 0.035]) ** 2 * [1, 0, 1]).sum(axis=1) / 0.016**2)
    inner_cheek *= (canonical[:, 1] < 0.02) & (canonical[:, 2] < 0)
    found = np.max(
        [region("nose"), 0.5 * region("cheeks"), 0.45 * region("forehead"), 0.7 * chin, 0.9 * inner_cheek], axis=0
    )
    return found * (1 - region("lips")) * (1 - region("eyelids"))


def scattered(weight: np.ndarray, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """`count` random places: rows [N] of triangles by their weight [S], and barycentric weights [N, 3]."""
    total = np.cumsum(weight)
    triangle = np.minimum(np.searchsorted(total, rng.random(count) * total[-1]), len(weight) - 1)
    s, t = rng.random(count), rng.random(count)
    s, t = np.where(s + t > 1, 1 - s, s), np.where(s + t > 1, 1 - t, t)
    return triangle, np.stack([1 - s - t, s, t], axis=-1)


def _fissures(ground: Ground, spec: SkinSpec, rng: np.random.Generator) -> np.ndarray:
    """float32 [T] mm: the furrows of lips, deeper with age; none where texels are too large."""
    phase = rng.random()
    out = np.zeros(len(ground.lips), np.float32)
    at = np.flatnonzero(ground.lips > 0.02)
    if not len(at):
        return out
    place, wave = 1e3 * ground.atlas.place[at], ground.waves[2, at]
    turn = place[:, 0] / FISSURE + phase + 0.25 * wave
    furrow = (0.5 + 0.5 * np.cos(2 * np.pi * turn)) ** 3
    seen = np.clip(1.6 - 1e3 * ground.atlas.width[at] / (0.35 * FISSURE), 0, 1)
    out[at] = -FISSURE_DEPTH * spec.depth * (0.7 + 0.6 * spec.wrinkles) * ground.lips[at] * furrow * seen
    return out
