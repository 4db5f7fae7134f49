"""Colour that is finer than the model's vertices: unevenness, freckles, moles, age spots, blemishes, veins.

All of it is pigment or blood that the skin has more of at a place, so that its colour follows from the skin's own:
on dark skin a freckle hardly shows, and a mole is black. A function of the spec without further chance.
"""

from dataclasses import dataclass

import numpy as np

from scenes.head.atlas import Atlas
from scenes.head.relief import Ground, noises, pore_density, scattered
from scenes.head.skin import SkinSpec
from synth.models import MorphableModel
from synth.models.skin.optics import BLOOD_RANGE, MELANIN_RANGE, skin_color

MELANIN_WAVES = np.array([0.2, 0.4, 0.6, 0.7, 0.6], np.float32)  # shares of the wavelengths of relief.SCALES
BLOOD_SCALES = (0.009, 0.004, 0.0018)  # m: wavelengths of blood's
MELANIN_UNEVEN, BLOOD_UNEVEN = 0.15, 0.22  # deviation of the amounts' logarithms
PORE_DARK = 1.3  # logarithm per mm: a pore is darker than the skin around it
FRECKLES = (400, 4000)  # at least and at most
MOLE_MELANIN, SPOT_MELANIN, FRECKLE_MELANIN = 0.3, 0.022, 0.014  # volume fraction of the epidermis that they add
BLEMISH_BLOOD = 0.02  # volume fraction of the dermis that they add
FLUSH_SEED = 31  # of what is the same for everyone
STEPS = 17  # of the tables of colour by amount
VEIN = np.array([-0.085, -0.045, -0.008])  # logarithm of what a vein leaves: red is absorbed deep, blue comes back
RAISED = 0.35  # mm: of a large mole, over the skin
SWOLLEN = 0.22  # mm: of a pimple


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """Where marks may be, once for a model: weights of the atlas's outer triangles [S], by area."""

    ground: Ground
    freckles: np.ndarray
    moles: np.ndarray
    age_spots: np.ndarray
    blemishes: np.ndarray
    veins: np.ndarray
    even: np.ndarray  # float32 [T]: 1 on skin, 0 on lips
    flush: np.ndarray  # float32 [len(BLOOD_SCALES), T] of mean 0 and deviation 1: blood's unevenness


def make_canvas(model: MorphableModel, ground: Ground) -> Canvas:
    """The canvas of a model, as fine as it is rendered."""
    atlas = ground.atlas
    at, none = atlas.canonical, np.zeros(len(model.mean))
    region = lambda name: model.regions.get(name, none).astype(np.float64)
    bare = np.clip(1 - region("lips") - region("eyelids") - 0.9 * region("scalp"), 0, 1)
    bump = lambda x, y, z, r: np.exp(-((np.abs(at) * [1, 0, 0] + at * [0, 1, 1] - [x, y, z]) ** 2).sum(axis=1) / r**2)
    corners = atlas.points[atlas.corners]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    weigh = lambda density: area * density[atlas.corners].mean(axis=1)
    front = np.clip((0.07 - at[:, 1]) / 0.05, 0, 1)
    sunny = region("cheeks") + region("nose") + 0.6 * region("forehead")
    return Canvas(
        ground=ground,
        freckles=weigh(bare * (0.12 + sunny + 0.25 * front)),
        moles=weigh(bare * (0.6 + 0.4 * front)),
        age_spots=weigh(bare * (0.1 + region("forehead") + bump(0.06, 0.02, 0.01, 0.03) + 0.7 * region("cheeks"))),
        blemishes=weigh(
            bare * (0.05 + 0.5 * region("forehead") + pore_density(model, at) + 0.5 * region("beard") * front)
        ),
        veins=weigh(bare * (bump(0.062, 0.015, 0.022, 0.014) + 0.6 * bump(0.035, -0.01, -0.018, 0.01))),
        even=1 - ground.lips,
        flush=noises(atlas, BLOOD_SCALES, FLUSH_SEED),
    )


def paint(canvas: Canvas, spec: SkinSpec) -> tuple[np.ndarray, np.ndarray]:
    """What the skin's colour is multiplied by, float32 [T, 3], and the height of marks over it, float32 [T] (m)."""
    rng = np.random.default_rng((spec.seed, 2))
    ground = canvas.ground
    color = _uneven(canvas, spec, rng)
    melanin, height = np.zeros((2, len(color)), np.float32)
    _freckles(canvas, spec, rng, melanin)
    _spots(canvas, spec, rng, melanin)
    _moles(canvas, spec, rng, melanin, height)
    blood = _blemishes(canvas, spec, rng, height)
    _veins(canvas, spec, rng, color)
    marked, flushed = np.flatnonzero(melanin > 1e-5), np.flatnonzero(blood > 1e-5)
    color[marked] += _logarithms(spec, melanin[marked], "melanin")
    color[flushed] += _logarithms(spec, blood[flushed], "blood")
    return np.exp(color), 1e-3 * height * ground.atlas.smooth


def _logarithms(spec: SkinSpec, added: np.ndarray, pigment: str) -> np.ndarray:
    """float32 [N, 3]: logarithms of what an added volume fraction [N] of a pigment leaves of the skin's colour."""
    most = {"melanin": MELANIN_RANGE[1] - spec.melanin, "blood": BLOOD_RANGE[1] - spec.blood}[pigment]
    steps = np.linspace(0, 1, STEPS) ** 2 * max(most, 1e-6)
    table = np.log(_color(spec, **{pigment: steps}))
    return np.stack([np.interp(added, steps, column - column[0]) for column in table.T], axis=-1).astype(np.float32)


def _color(spec: SkinSpec, melanin: np.ndarray | float = 0.0, blood: np.ndarray | float = 0.0) -> np.ndarray:
    """Reflectance [..., 3] with these volume fractions added."""
    amounts = np.broadcast_arrays(spec.melanin + melanin, spec.blood + blood, spec.oxygen, spec.pheomelanin, 0.03)
    return skin_color(*amounts)


def _uneven(canvas: Canvas, spec: SkinSpec, rng: np.random.Generator) -> np.ndarray:
    """float32 [T, 3]: logarithms of the colour's unevenness at millimetres, and of pores."""
    ground = canvas.ground
    weigh = lambda count: (rng.choice([-1.0, 1.0], count) * rng.uniform(0.6, 1.4, count)).astype(np.float32)
    shares = MELANIN_WAVES * weigh(len(MELANIN_WAVES)) / np.linalg.norm(MELANIN_WAVES)
    melanin = MELANIN_UNEVEN * (0.8 + 0.6 * spec.wrinkles) * np.einsum("k,kt->t", shares, ground.waves)
    shares = weigh(len(BLOOD_SCALES)) / np.sqrt(len(BLOOD_SCALES))
    blood = BLOOD_UNEVEN * np.einsum("k,kt->t", shares, canvas.flush)
    base, step = np.log(_color(spec)), 0.1
    slopes = np.log([_color(spec, melanin=step * spec.melanin), _color(spec, blood=step * spec.blood)]) - base
    amounts = canvas.even[:, None] * np.stack([melanin, blood], axis=-1)
    dark = np.float32(PORE_DARK * spec.pores) * ground.pores
    return (amounts @ (slopes / step)).astype(np.float32) + dark[:, None]


def _blots(
    canvas: Canvas, triangle: np.ndarray, weights: np.ndarray, radius: np.ndarray, ragged: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Texels of blots: positions [M], which blot [M], distance over radius [M], and how much a texel shows [M].

    ragged: by how much the outline strays, over the radius. What is smaller than a texel is paler instead.
    """
    atlas = canvas.ground.atlas
    least = 0.6 * float(np.median(atlas.width))
    position, blot, distance = atlas.near(triangle, weights, 1.9 * np.maximum(radius, least))
    seen = np.maximum(radius[blot], 0.6 * atlas.width[position])
    stray = 1 + ragged * (canvas.ground.waves[2, position] * 0.6 + canvas.ground.waves[3, position] * 0.4)
    return position, blot, distance / seen * np.maximum(stray, 0.3), (radius[blot] / seen) ** 2


def _soft(distance: np.ndarray, edge: float) -> np.ndarray:
    """1 inside, 0 beyond 1 + edge, smooth between."""
    t = np.clip((1 + edge - distance) / (2 * edge), 0, 1)
    return t * t * (3 - 2 * t)


def _freckles(canvas: Canvas, spec: SkinSpec, rng: np.random.Generator, melanin: np.ndarray) -> None:
    if not spec.freckles:
        return
    count = int(FRECKLES[0] + (FRECKLES[1] - FRECKLES[0]) * spec.freckles)
    triangle, weights = scattered(canvas.freckles, count, rng)
    radius = 0.00048 * np.exp(0.38 * rng.standard_normal(count))
    strength = FRECKLE_MELANIN * rng.gamma(2.0, 0.5, count) * (0.6 + 0.6 * spec.freckles)
    position, blot, distance, share = _blots(canvas, triangle, weights, radius, 0.35)
    np.add.at(melanin, position, (strength[blot] * share * _soft(distance, 0.6)).astype(np.float32))


def _spots(canvas: Canvas, spec: SkinSpec, rng: np.random.Generator, melanin: np.ndarray) -> None:
    if not spec.age_spots:
        return
    triangle, weights = scattered(canvas.age_spots, spec.age_spots, rng)
    radius = 0.0021 * np.exp(0.5 * rng.standard_normal(spec.age_spots))
    strength = (SPOT_MELANIN + 0.4 * spec.melanin) * rng.uniform(0.4, 1.2, spec.age_spots)
    position, blot, distance, share = _blots(canvas, triangle, weights, radius, 0.3)
    np.add.at(melanin, position, (strength[blot] * share * _soft(distance, 0.6)).astype(np.float32))


def _moles(canvas: Canvas, spec: SkinSpec, rng: np.random.Generator, melanin: np.ndarray, height: np.ndarray) -> None:
    if not spec.moles:
        return
    triangle, weights = scattered(canvas.moles, spec.moles, rng)
    radius = np.clip(0.00085 * np.exp(0.5 * rng.standard_normal(spec.moles)), 0.0004, 0.0035)
    strength = MOLE_MELANIN * rng.uniform(0.12, 1.0, spec.moles)
    raised = RAISED * (rng.random(spec.moles) < 0.4) * np.clip(radius / 0.002, 0.3, 1.5)
    position, blot, distance, share = _blots(canvas, triangle, weights, radius, 0.12)
    np.maximum.at(melanin, position, (strength[blot] * share * _soft(distance, 0.25)).astype(np.float32))
    np.maximum.at(height, position, (raised[blot] * share * np.exp(-((distance / 0.85) ** 2))).astype(np.float32))


def _blemishes(canvas: Canvas, spec: SkinSpec, rng: np.random.Generator, height: np.ndarray) -> np.ndarray:
    """float32 [T]: the volume fraction of blood that they add."""
    blood = np.zeros(len(height), np.float32)
    if not spec.blemishes:
        return blood
    triangle, weights = scattered(canvas.blemishes, spec.blemishes, rng)
    radius = 0.0015 * np.exp(0.35 * rng.standard_normal(spec.blemishes))
    fresh = rng.random(spec.blemishes) < 0.5
    strength = BLEMISH_BLOOD * rng.uniform(0.25, 1.0, spec.blemishes)
    position, blot, distance, share = _blots(canvas, triangle, weights, radius, 0.3)
    np.add.at(blood, position, (strength[blot] * share * _soft(distance, 0.75)).astype(np.float32))
    swollen = SWOLLEN * fresh * rng.uniform(0.3, 1.0, spec.blemishes)
    np.maximum.at(height, position, (swollen[blot] * share * np.exp(-((distance / 0.9) ** 2))).astype(np.float32))
    return blood


def _veins(canvas: Canvas, spec: SkinSpec, rng: np.random.Generator, color: np.ndarray) -> None:
    """Adds to logarithms of the colour [T, 3] what branching veins under thin skin take from it."""
    if not spec.veins or not canvas.veins.any():
        return
    atlas = canvas.ground.atlas
    dark = np.zeros(len(color), np.float32)
    start, weights = scattered(canvas.veins, 12, rng)
    for k in range(len(start)):
        path = _path(atlas, start[k], weights[k], rng)
        thick, strong = 0.001 * rng.uniform(0.7, 1.4), rng.uniform(0.4, 1.0)
        for position in path:
            near = _within(atlas, position, 2.5 * thick)
            away = np.linalg.norm(atlas.place[near] - atlas.place[position], axis=-1) / thick
            dark[near] = np.maximum(dark[near], strong * np.exp(-away * away).astype(np.float32))
    color += spec.veins * dark[:, None] * np.float32(VEIN)


def _path(atlas: Atlas, triangle: int, weights: np.ndarray, rng: np.random.Generator) -> list[int]:
    """Positions in the atlas along a way that wanders through the map from a place, a millimetre or so apart."""
    flat = weights @ atlas.corner_uv[triangle]
    at, turn = np.array([(1 - flat[1]), flat[0]]) * atlas.size - 0.5, rng.uniform(0, 2 * np.pi)
    found = []
    for bend in 0.45 * rng.standard_normal(26):
        cell = np.clip(np.rint(at), 0, atlas.size - 1).astype(int)
        position = int(atlas.owner[cell[0] * atlas.size + cell[1]])
        if position < 0:
            break
        found.append(position)
        turn += bend
        at = at + 0.0009 / atlas.width[position] * np.array([np.sin(turn), np.cos(turn)])
    return found


def _within(atlas: Atlas, position: int, reach: float) -> np.ndarray:
    """Positions of the texels around one, within a square of this half side (m)."""
    side = int(np.ceil(reach / atlas.width[position]))
    row, column = divmod(int(atlas.texel[position]), atlas.size)
    rows = np.arange(max(row - side, 0), min(row + side + 1, atlas.size))
    columns = np.arange(max(column - side, 0), min(column + side + 1, atlas.size))
    owner = atlas.owner[(rows[:, None] * atlas.size + columns).ravel()]
    return owner[owner >= 0]
