"""Hands and things before a face: the specs, and how they are drawn. No bpy.

A hand is the left one where `left` is true; everything else is mirrored with it.
"""

from dataclasses import dataclass

import numpy as np

from scenes.head.occluder_config import HAND_POSES, OCCLUDER_KINDS
from synth.models.arm import FINGERS
from synth.rng import between, log_between

Triple = tuple[float, float, float]
Angles = tuple[float, float, float, float]  # rad: at the three joints of a finger, and sideways

BENDS = {  # deg: thumb, index, middle, ring, little finger
    "flat": ((0, 0, 0, 0), (-8, 0, 0, 0), (-8, 0, 0, 0), (-8, 0, 0, 0), (-8, 2, 0, 0)),
    "easy": ((5, 5, 5, 0), (15, 20, 10, 2), (20, 22, 12, 0), (24, 25, 14, 0), (26, 26, 15, 2)),
    "hollow": ((10, 0, 5, 0), (22, 18, 10, -2), (22, 18, 10, 0), (22, 18, 10, 0), (24, 20, 10, -2)),
    "fist": ((25, 30, 35, -8), (78, 92, 60, 0), (82, 95, 62, 0), (84, 95, 62, 0), (86, 92, 60, 0)),
    "point": ((25, 25, 25, -6), (4, 8, 5, 0), (76, 90, 60, 0), (80, 92, 60, 0), (82, 90, 60, 0)),
    "peace": ((30, 35, 30, -8), (0, 4, 2, 9), (0, 4, 2, 0), (78, 92, 60, 0), (80, 90, 60, 0)),
    "spread": ((0, 0, 0, 12), (-8, 0, 0, 9), (-8, 0, 0, 0), (-8, 0, 0, 8), (-8, 2, 0, 14)),
    "grip": ((28, 12, 15, 0), (48, 52, 30, 0), (52, 54, 32, 0), (54, 56, 34, 0), (56, 58, 36, 0)),
    "clench": ((30, 25, 25, -4), (62, 80, 48, 0), (66, 82, 50, 0), (68, 84, 50, 0), (70, 82, 50, 0)),
    "clasp": ((24, 0, 8, 4), (4, 48, 32, 2), (6, 52, 34, 0), (8, 54, 34, 0), (12, 54, 34, 0)),
    "pinch": ((38, 12, 15, 0), (46, 32, 12, 0), (52, 36, 15, 0), (60, 42, 20, 0), (66, 46, 24, 0)),
}
BENDS_OF = {  # of a pose of the hand, and of the hand that holds a thing
    "cheek": ("flat", "easy", "hollow"),
    "mouth": ("flat", "hollow"),
    "chin": ("fist", "easy", "point"),
    "eye": ("flat", "hollow"),
    "forehead": ("flat", "easy"),
    "stop": ("spread", "flat"),
    "peace": ("peace",),
    "beside": ("spread", "easy", "point", "flat"),
    "call": ("clasp",),
    "selfie": ("clasp",),
    "cup": ("grip",),
    "microphone": ("clench",),
    "paper": ("pinch",),
    "ball": ("grip",),
}
SIZES = {  # m, from and to: width, height and depth of things, as in scenes.head.props
    "phone": ((0.066, 0.080), (0.138, 0.165), (0.0075, 0.011)),
    "cup": ((0.066, 0.092), (0.080, 0.125), (0.003, 0.005)),
    "microphone": ((0.046, 0.056), (0.18, 0.24), (0.02, 0.028)),
    "paper": ((0.10, 0.22), (0.14, 0.30), (0.0004, 0.0006)),
    "ball": ((0.035, 0.085), (0.035, 0.085), (0.0, 0.0)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingSpec:
    """What a hand holds."""

    kind: str
    size: Triple  # m, see scenes.head.props
    bend: float
    color: Triple  # linear reflectance
    second: Triple
    roughness: float
    second_roughness: float
    metal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OccluderSpec:
    """A hand before the face, and what it holds. Lengths in m, angles in rad."""

    kind: str  # one of OCCLUDER_KINDS
    pose: str  # one of HAND_POSES, or how a thing is held: call, selfie, or the kind of the thing
    left: bool
    scale: float  # of the hand
    bends: tuple[Angles, Angles, Angles, Angles, Angles]  # thumb to little finger
    turn: Triple  # about the hand's own axes, besides what the pose says
    shift: Triple  # along the head's axes, x away from the middle
    away: float  # from the face; 0 touches it
    sleeve: float  # how far it goes, 0: to the shoulder, 1: to the wrist
    nails: Triple | None  # colour of varnish
    thing: ThingSpec | None


def sample_occluder(
    chance: float, kinds: dict[str, float], hand_poses: dict[str, float], rng: np.random.Generator
) -> OccluderSpec | None:
    """What is before the face of one record, or None; by the weights of kinds, and of a bare hand's poses."""
    there, kind = rng.random() < chance, _chosen(kinds, OCCLUDER_KINDS, rng)
    pose = _chosen(hand_poses, HAND_POSES, rng)
    u = rng.random(8)
    held = ("call" if u[7] < 0.6 else "selfie") if kind == "phone" else kind
    pose = pose if kind == "hand" else held
    bends = BENDS_OF[pose][int(u[0] * len(BENDS_OF[pose]))]
    distant = pose in ("stop", "peace", "beside", "paper", "selfie", "microphone")
    varnish = np.array([(0.35, 0.01, 0.02), (0.02, 0.02, 0.025), (0.7, 0.4, 0.42), (0.75, 0.72, 0.7)])[int(4 * u[1])]
    spec = OccluderSpec(
        kind=kind,
        pose=pose,
        left=bool(u[2] < 0.5),
        scale=float(0.88 + 0.14 * u[3]),
        bends=_bent(bends, rng),
        turn=_triple(np.deg2rad([7, 9, 9]) * rng.standard_normal(3)),
        shift=_triple([0.008, 0.006, 0.010] * rng.standard_normal(3)),
        away=log_between(rng, [0.02, 0.14]) if distant else 0.0,
        sleeve=float(0.25 + 0.2 * u[4] if u[5] < 0.4 else 0.75 + 0.2 * u[4]),
        nails=_triple(varnish) if u[6] < 0.12 else None,
        thing=_thing(kind, rng) if kind != "hand" else None,
    )
    return spec if there else None


def _bent(name: str, rng: np.random.Generator) -> tuple[Angles, Angles, Angles, Angles, Angles]:
    """A hand's angles with what two hands differ in: all fingers somewhat more or less, and each by itself."""
    rest = np.deg2rad(np.array(BENDS[name], np.float64))
    more = rest * (1 + 0.12 * rng.standard_normal()) + np.deg2rad([3, 4, 3, 1.5]) * rng.standard_normal((5, 4))
    more[:, 1:3] = np.maximum(more[:, 1:3], 0)
    thumb, index, middle, ring, little = ((float(a), float(b), float(c), float(d)) for a, b, c, d in more)
    assert len(more) == len(FINGERS)
    return thumb, index, middle, ring, little


def _thing(kind: str, rng: np.random.Generator) -> ThingSpec:
    width, height, depth = (between(rng, [low, high]) for low, high in SIZES[kind])
    dye, u = rng.random(3) ** 1.5 * rng.uniform(0.1, 0.8), rng.random(4)
    dark, white, steel = np.full(3, 0.012 + 0.02 * u[0]), np.full(3, 0.6 + 0.2 * u[0]), np.full(3, 0.5)
    color, other, metal = {
        "phone": (dark if u[1] < 0.4 else (white if u[1] < 0.55 else dye), np.full(3, 0.004), False),
        "cup": (white if u[1] < 0.4 else dye, white if u[1] < 0.4 else dye, u[2] < 0.1),
        "microphone": (dark, steel * (0.3 + u[0]) if u[1] < 0.6 else dye * 0.5, True),
        "paper": (white if u[1] < 0.6 else dye + 0.1, white, False),
        "ball": (np.minimum(dye + 0.1, 0.8), dye, False),
    }[kind]
    glossy = {"phone": 0.25, "cup": 0.15, "microphone": 0.4, "paper": 0.7, "ball": 0.4}[kind]
    return ThingSpec(
        kind=kind,
        size=(width, width if kind == "ball" and u[3] < 0.6 else height, depth),
        bend=float(rng.random() if kind != "paper" else 0.25 * rng.random()),
        color=_triple(color),
        second=_triple(other),
        roughness=float(np.clip(glossy + 0.2 * (u[0] - 0.5), 0.05, 1)),
        second_roughness=0.05 if kind == "phone" else 0.35,
        metal=bool(metal),
    )


def _chosen(weights: dict[str, float], names: tuple[str, ...], rng: np.random.Generator) -> str:
    shares = np.array([weights.get(name, 0.0) for name in names])
    return names[rng.choice(len(names), p=shares / shares.sum())]


def _triple(values) -> Triple:
    a, b, c = (float(v) for v in values)
    return a, b, c
