"""Glasses that sit on a head: frames as a mesh of fixed topology, fitted to nose, face and ears; and their lenses.

A frame is drawn as boxing dimensions, as opticians do, put in front of the eyes, and pushed towards the face until
something touches. Pads, as clear as the lenses, reach the nose's flanks from there, and temples go over the ears'
roots and down behind them.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from scenes.head.eyes import Eyes
from scenes.head.solids import Relief, Solid, grid_triangles, joined, mirrored, relief, spread, tube
from scenes.head.worn import GlassesSpec
from synth.geometry import normalize
from synth.models import MorphableModel

GAP = 5e-4  # m between the skin and what lies on it
LASHES = 0.012  # m from the cornea to a lens at least: lashes are up to 12 mm, and curl; opticians say 12 to 14 mm
AROUND_PUPIL, LEAST = 0.009, 0.85  # m, half the width of what is seen through most; of LASHES there
AROUND, RINGS, SECTION = 48, 6, 12  # points around a lens, rings of a lens, sides of a rim
BRIDGE, TEMPLE, TAIL, LENGTH, ARM = 11, 16, 5, 7, 5  # points along a bridge, a temple, behind the ear, a pad, its arm
FLAT = 8.0  # power of the section of plastic, which is cut out of sheets: flat, with a narrow bevel
NASAL_CUT = 0.2  # of the lower inner corner, where the nose widens
PAD = (0.0042, 0.0026, 0.0011)  # m, half axes of a nose pad
STUB = 0.5  # share of the way to its pad that plastic goes
CELL = 0.0007  # m, of the reliefs
BESIDE_LOOP = 0.002  # m above and below a temple within which it passes outside of a mask's loop
FRONT, BESIDE = 0.045, 0.045  # m: y up to which a face has a front, |x| from which it has sides
TAIL_BACK = np.array([0.001, 0.0025, 0.004, 0.0055, 0.007])  # m, a temple's way down behind the ear
TAIL_DOWN = np.array([0.003, 0.008, 0.014, 0.020, 0.026])


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """What of a model glasses touch, found once on the mean."""

    face: np.ndarray  # int32 [T, 3] triangles in front
    sides: tuple[np.ndarray, np.ndarray]  # int32 [T, 3] right and left, without ears
    nose: tuple[np.ndarray, np.ndarray]  # int [n] vertices of the nose's right and left flank
    ears: tuple[np.ndarray, np.ndarray]  # int [n] vertices of the right and left ear
    roots: tuple[np.ndarray, np.ndarray]  # int [n] vertices where an ear leaves the head


def prepare_seat(model: MorphableModel, triangles: np.ndarray) -> Seat:
    """The seat on a model with triangles [T, 3]."""
    mean, ears, nose = model.mean.astype(np.float64), model.regions["ears"], model.regions["nose"]
    center = mean[triangles].mean(axis=1)
    outer = triangles[(model.regions["inner_mouth"][triangles] < 0.5).all(axis=1)]
    center = mean[outer].mean(axis=1)
    face = outer[(center[:, 1] < FRONT) & (center[:, 2] > -0.075) & (center[:, 2] < 0.05)]
    beside = (np.abs(center[:, 0]) > BESIDE) & (np.abs(center[:, 2] + 0.01) < 0.055) & (center[:, 1] < 0.12)
    beside &= (ears[outer] < 0.3).all(axis=1)
    sides, flanks, wings, roots = [], [], [], []
    for s in (-1, 1):
        mine = s * mean[:, 0]
        sides.append(outer[beside & (s * center[:, 0] > 0)])
        high = (mean[:, 2] < -0.006) & (mean[:, 2] > -0.03)
        flanks.append(np.flatnonzero((nose > 0.5) & (mine > 0.004) & high))
        wings.append(np.flatnonzero((ears > 0.3) & (mine > 0)))
        roots.append(np.flatnonzero((ears > 0.2) & (ears < 0.8) & (mine > 0)))
    return Seat(face=face, sides=tuple(sides), nose=tuple(flanks), ears=tuple(wings), roots=tuple(roots))


def outline(shape: str, count: int = AROUND) -> np.ndarray:
    """A lens's outline [count, 2] within [-1, 1], outwards from the nose and up, counter-clockwise from the temple."""
    t = 2 * np.pi * np.arange(count) / count
    power = {"round": 2.0, "oval": 2.2, "rectangular": 4.5, "square": 3.4, "cat_eye": 2.8, "aviator": 2.5}
    power |= {"rimless": 3.2, "browline": 3.0}
    bend = 2 / power[shape]
    a, b = np.sign(np.cos(t)) * np.abs(np.cos(t)) ** bend, np.sign(np.sin(t)) * np.abs(np.sin(t)) ** bend
    if shape in ("square", "browline", "rectangular", "rimless"):
        a = a * (1 + 0.05 * b)
    elif shape == "cat_eye":
        b = b + 0.28 * np.clip(a, 0, 1) ** 3 * (b > -0.3) * (b + 0.3)
        a = a * (1 + 0.08 * b)
    elif shape == "aviator":
        a = a * (1 + 0.10 * b) - 0.10 * np.clip(-b, 0, 1)
        b = np.where(b > 0, 0.85 * b, b)
    a = np.where(a < 0, a * (1 - NASAL_CUT * np.clip(-b, 0, 1)), a)
    return np.stack([a / np.abs(a).max(), b / np.abs(b).max()], axis=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """Where a lens's own coordinates (outwards, up, forward) are in head space, for the left eye."""

    center: np.ndarray  # [3]
    axes: np.ndarray  # [3, 3] rows: outwards, up, forward
    radius: float  # m, of the lens's curvature

    def __call__(self, flat: np.ndarray, forward: float = 0.0) -> np.ndarray:
        """Points [..., 2] on the lens's curved surface, moved `forward`, in head space [..., 3]."""
        sag = forward - (flat**2).sum(-1, keepdims=True) / (2 * self.radius)
        return self.center + np.concatenate([flat, sag], axis=-1) @ self.axes


@lru_cache(maxsize=1)
def template() -> tuple[Solid, Solid]:
    """Some frame and lenses, for their triangles; on no head."""
    zero = np.zeros((1, 3))
    plane = Plane(center=np.array([0.03, 0, 0]), axes=np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]), radius=0.1)
    ring = np.zeros((AROUND, 3))
    rod = lambda count: tube(np.zeros((count, 3)), zero, 0, 0, SECTION)
    frame, glass = [rod(BRIDGE)], []
    for s in (-1, 1):
        part = joined([tube(ring, zero, 0, 0, SECTION, closed=True), rod(ARM), rod(TEMPLE)])
        clear = joined([_lens(plane, outline("round")), rod(LENGTH)])
        frame.append(part if s > 0 else mirrored(part))
        glass.append(clear if s > 0 else mirrored(clear))
    return joined(frame), joined(glass)


def only(pads: bool, glass: Solid) -> Solid:
    """Of lenses with pads the ones or the others; what is left out shrinks to a point of them."""
    lens, pad = RINGS * AROUND + 1, LENGTH * SECTION + 2
    kept = np.tile(np.repeat([not pads, pads], [lens, pad]), 2)
    return np.where(kept[:, None], glass[0], glass[0][kept.argmax()]), glass[1]


def fit_glasses(
    spec: GlassesSpec,
    seat: Seat,
    vertices: np.ndarray,
    normals: np.ndarray,
    eyes: Eyes,
    face_width: float,
    over: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[Solid, Solid]:
    """Frame, and lenses with pads, on a head: vertices, normals [V, 3] and the face's width from ear to ear (m), head
    space.

    over: points [N, 3], close to one another, of a mask and of its loops, that the frame lies on; where it covers the
    skin vertices and normals are its own. The lenses are sheets. Their triangles, and the frame's, are the same for
    every spec and head.
    """
    vertices = vertices.astype(np.float64)
    mask, loops = over or (np.zeros((0, 3)), np.zeros((0, 3)))
    skin = np.concatenate([spread(vertices, seat.face), mask[mask[:, 1] < FRONT]])
    face = relief(skin[:, [0, 2]], -skin[:, 1], CELL)
    width = (spec.span * face_width - spec.bridge) / 2
    flat = outline(spec.shape) * [width / 2, spec.aspect * width / 2]
    plane = _placed(spec, flat, face, eyes)
    frame, glass = [_bridge(spec, plane, flat, face)], []
    for k, s in enumerate((-1, 1)):
        own, own_normals = vertices * [s, 1, 1], normals * [s, 1, 1]
        pad, arm = _pad(spec, plane, flat, own[seat.nose[k]], own_normals[seat.nose[k]])
        beside, loop = spread(own, seat.sides[k]), loops[s * loops[:, 0] > 0] * [s, 1, 1]
        side = relief(beside[:, [1, 2]], beside[:, 0], CELL)
        temple = _temple(spec, plane, flat, own[seat.roots[k]], own[seat.ears[k]], side, loop)
        part, clear = joined([_rim(spec, plane, flat), arm, temple]), joined([_lens(plane, flat), pad])
        frame.append(part if s > 0 else mirrored(part))
        glass.append(clear if s > 0 else mirrored(clear))
    return joined(frame), joined(glass)


def _placed(spec: GlassesSpec, flat: np.ndarray, face: Relief, eyes: Eyes) -> Plane:
    """The left lens, as near to the face as nothing but GAP allows."""
    tilt, wrap = spec.tilt, spec.wrap
    out = np.array([np.cos(wrap), np.sin(wrap), 0])
    up = np.array([0, -np.sin(tilt), np.cos(tilt)])
    forward = normalize(np.cross(out, up)) * -1
    up = np.cross(out, forward)
    axes = np.stack([out, up if up[2] > 0 else -up, forward if forward[1] < 0 else -forward])
    middle = eyes.centers.mean(axis=0)
    center = np.array([flat[:, 0].max() + spec.bridge / 2, 0.0, middle[2] - spec.drop])
    plane = Plane(center=center, axes=axes, radius=spec.curvature)
    edge = [plane(flat * (1 + k * spec.rim / flat[:, 0].max()), -spec.depth) for k in (-0.9, 0.0, 1.15)]
    edge = np.concatenate([*edge, plane(0.55 * flat)])
    both = np.concatenate([edge, edge * [-1, 1, 1]])
    room = -face.at(both[:, [0, 2]]) - GAP - both[:, 1]
    y = min(room.min(), _before_lashes(plane, flat, eyes))
    return Plane(center=center + np.array([0, y, 0]), axes=axes, radius=spec.curvature)


def _before_lashes(plane: Plane, flat: np.ndarray, eyes: Eyes) -> float:
    """How far back (m of y) lenses may go: LASHES before a cornea in their middle, little less around the pupils."""
    front = eyes.centers[:, 1] - 1.08 * eyes.radii
    room = [front.min() - LASHES - plane(np.zeros(2))[1]]
    lens = plane(np.concatenate([flat * k / RINGS for k in range(RINGS + 1)]))
    for k, s in enumerate((-1, 1)):
        eye = np.abs((lens * [s, 1, 1] - eyes.centers[k])[:, [0, 2]]).max(axis=1) < AROUND_PUPIL
        room.append(front[k] - LEAST * LASHES - lens[eye, 1].max(initial=-np.inf))
    return float(min(room))


def _rim(spec: GlassesSpec, plane: Plane, flat: np.ndarray) -> Solid:
    """Around the left lens; thicker above where the shape says so."""
    thick = spec.rim * (1 + spec.brow * np.clip(0.75 * flat[:, 1] / flat[:, 1].max() + 0.1, 0, 1))
    outward = plane(flat * 1.01) - plane(flat)
    power = 2.0 if spec.metal else FLAT
    return tube(plane(flat), outward, thick, np.full(len(flat), spec.depth), SECTION, closed=True, power=power)


def _lens(plane: Plane, flat: np.ndarray) -> Solid:
    """A sheet of rings around a centre."""
    rings = np.concatenate([plane(flat * (k + 1) / RINGS) for k in range(RINGS)])
    inner = np.arange(AROUND)
    hub = np.stack([np.full(AROUND, RINGS * AROUND), inner, (inner + 1) % AROUND], axis=-1)
    triangles = np.concatenate([grid_triangles(RINGS, AROUND)[:, ::-1], hub])
    return np.concatenate([rings, plane(np.zeros((1, 2)))]), triangles.astype(np.int32)


def _bridge(spec: GlassesSpec, plane: Plane, flat: np.ndarray, face: Relief) -> Solid:
    """From rim to rim over the nose, touching nothing."""
    rise = spec.bridge_height * flat[:, 1].max()
    inner = flat[flat[:, 0] < 0]
    start = plane(inner[np.abs(inner[:, 1] - rise).argmin()][None])[0]
    x = start[0] * np.linspace(-1, 1, BRIDGE)
    arch = 1 - (x / start[0]) ** 2
    z = start[2] + spec.arch * arch
    half = spec.rim * (np.ones(BRIDGE) if spec.metal else 2.4 - 1.1 * arch)  # plastic widens into the rims
    around = np.stack([x, z], axis=-1)
    clear = [-face.at(around + np.stack([0 * half, k * half], axis=-1)) for k in (-1, 0, 1)]
    clear = np.min(clear, axis=0) - GAP - spec.depth
    y = np.minimum(start[1] - 0.4 * spec.arch * arch, clear)
    y[[0, -1]] = start[1]
    y[1:-1] = np.minimum(y[1:-1], 0.5 * y[1:-1] + 0.25 * (y[:-2] + y[2:]))  # smoother, and no nearer to the skin
    path = np.stack([x, y, z], axis=-1)
    power = 2.0 if spec.metal else FLAT
    return tube(path, np.tile([0, 0, 1.0], (BRIDGE, 1)), half, spec.depth, SECTION, power=power)


def _pad(
    spec: GlassesSpec, plane: Plane, flat: np.ndarray, nose: np.ndarray, normals: np.ndarray
) -> tuple[Solid, Solid]:
    """A pad on the left flank of the nose (points, normals [n, 3]), and what holds it: a wire, of plastic a stub."""
    low = np.array([-0.86, -0.30]) * flat.max(axis=0)
    hold = plane(flat[((flat - low) ** 2).sum(-1).argmin()][None], -spec.depth / 2)[0]
    near = np.linalg.norm(nose - hold - np.array([-0.003, 0.004, 0]), axis=-1)
    near = np.argsort(near)[:5]
    foot, normal = nose[near].mean(axis=0), normalize(normals[near].mean(axis=0))
    lift = ((nose[np.linalg.norm(nose - foot, axis=-1) < 0.006] - foot) @ normal).max(initial=0.0)
    center = foot + normal * (lift + PAD[2] + GAP)
    tall = normalize(np.array([0.25, 0.1, 1.0]) - normal * (normal @ [0.25, 0.1, 1.0]))
    t = np.linspace(-0.96, 0.96, LENGTH)
    width = np.sqrt(1 - t**2)
    pad = tube(
        center + t[:, None] * PAD[0] * tall, np.tile(normal, (LENGTH, 1)), PAD[2] * width, PAD[1] * width, SECTION
    )
    bow = np.linspace(0, 1 if spec.metal else STUB, ARM)[:, None]
    path = hold + bow * (center + 0.5 * PAD[2] * normal - hold) + 4 * bow * (1 - bow) * [0.0004, -0.0006, 0]
    thick = np.full(ARM, 4.5e-4) if spec.metal else 1.3e-3 * np.linspace(1, 0.4, ARM)
    return pad, tube(path, np.tile([0, 0, 1.0], (ARM, 1)), thick, thick, SECTION)


def _temple(
    spec: GlassesSpec,
    plane: Plane,
    flat: np.ndarray,
    border: np.ndarray,
    ear: np.ndarray,
    side: Relief,
    loop: np.ndarray,
) -> Solid:
    """From the left lens's outer edge back over the ear's root (border [n, 3], ear [m, 3]) and down behind it, outside
    of a mask's loop [l, 3].
    """
    rise = spec.hinge * flat[:, 1].max()
    outer = flat[flat[:, 0] > 0]
    hinge = plane(outer[np.abs(outer[:, 1] - rise).argmin()][None])[0]
    half = np.array([spec.temple_width, spec.temple_height])
    top, back = border[border[:, 2].argmax()], border[:, 1].max() + 0.003
    over = _ear_top(ear, top, back, half)
    y = hinge[1] + (back - hinge[1]) * np.linspace(0, 1, TEMPLE - TAIL)
    share = np.minimum((y - y[0]) / (top[1] - 0.012 - y[0]), 1)
    z = hinge[2] + share * (over - hinge[2])
    y, z = np.r_[y, back + TAIL_BACK], np.r_[z, over - TAIL_DOWN]
    low = half[1] * np.r_[np.ones(TEMPLE - TAIL), np.full(TAIL, 0.45)]
    near = [
        side.at(np.stack([y + i * low, z + k * low], axis=-1)) for i, k in ((-1, 0), (1, 0), (0, -1), (0, 0), (0, 1))
    ]
    clear = np.max(near, axis=0) + half[0] + GAP
    start = hinge[0] + spec.rim + half[0]
    reach = top[0] + 0.3 * half[0]
    x = np.maximum(start + np.r_[share, np.ones(TAIL)] * (reach - start), np.where(np.isfinite(clear), clear, 0))
    x[TEMPLE - TAIL :] = np.where(np.isfinite(clear), clear, reach)[TEMPLE - TAIL :]
    x = np.maximum(x, _past(loop, y, z, low) + half[0] + GAP)
    x[0] = hinge[0] + 0.3 * spec.rim
    power = 2.0 if spec.metal else FLAT
    return tube(np.stack([x, y, z], axis=-1), np.tile([1.0, 0, 0], (TEMPLE, 1)), half[0], low, SECTION, power=power)


def _past(loop: np.ndarray, y: np.ndarray, z: np.ndarray, low: np.ndarray) -> np.ndarray:
    """x [P] (m) beyond a loop [l, 3] of a way (y, z) [P] of half height `low` [P], between its points, too."""
    out, k = np.full(len(y), -np.inf), np.searchsorted(y, loop[:, 1])
    near = (k > 0) & (k < len(y))
    near &= np.abs(loop[:, 2] - np.interp(loop[:, 1], y, z)) < np.interp(loop[:, 1], y, low) + BESIDE_LOOP
    for end in (k[near] - 1, k[near]):
        np.maximum.at(out, end, loop[near, 0])
    return out


def _ear_top(ear: np.ndarray, top: np.ndarray, back: float, half: np.ndarray) -> float:
    """The height (m) at which a temple's middle passes over the left ear's root without cutting the ear [m, 3]."""
    under = (ear[:, 0] < top[0] + 2 * half[0] + 0.001) & (ear[:, 1] > top[1] - 0.016) & (ear[:, 1] < back)
    return float(ear[under, 2].max(initial=top[2]) + half[1] + GAP)
