"""The prior over expressions: few units at a time, left and right together, jaw and lips in agreement.

Units have ARKit's names without side: "mouthSmile" is mouthSmileLeft and mouthSmileRight, or a model's
own spelling of these (mouthSmile_L). A unit that a model lacks is left out. Of a model with few of these names, some
blend shapes move, whatever they are; of one whose expressions are standard deviations, all do.
"""

import re
from functools import cache

import numpy as np

from scenes.head.config import ExpressionConfig
from scenes.head.normal import truncated_normal
from synth.models import MorphableModel

Ranges = dict[str, tuple[float, float]]  # unit: (from, to)

MOUTHS: dict[str, tuple[float, Ranges]] = {  # name: (weight, ranges)
    "smile": (7, {"mouthSmile": (0.25, 0.9), "cheekSquint": (0.0, 0.6), "mouthDimple": (0.0, 0.3)}),
    "laugh": (
        4.5,
        {"mouthSmile": (0.5, 0.9), "jawOpen": (0.08, 0.4), "cheekSquint": (0.3, 0.8), "mouthUpperUp": (0.2, 0.6)},
    ),
    "open": (2, {"jawOpen": (0.08, 0.6)}),
    "vowel": (2, {"jawOpen": (0.05, 0.25), "mouthFunnel": (0.1, 0.6)}),
    "consonant": (2, {"jawOpen": (0.03, 0.12), "mouthLowerDown": (0.1, 0.6), "mouthUpperUp": (0.0, 0.3)}),
    "pucker": (1, {"mouthPucker": (0.25, 0.9)}),
    "frown": (1, {"mouthFrown": (0.2, 0.8), "mouthShrugLower": (0.0, 0.5)}),
    "press": (1, {"mouthPress": (0.2, 0.8), "mouthRollLower": (0.0, 0.3)}),
    "stretch": (0.5, {"mouthStretch": (0.2, 0.7), "jawOpen": (0.0, 0.2)}),
    "sneer": (0.3, {"noseSneer": (0.3, 0.8), "mouthUpperUp": (0.1, 0.5)}),
    "puff": (0.3, {"cheekPuff": (0.2, 0.7)}),
    "aside": (0.2, {"mouthLeft": (0.1, 0.6)}),
    "aside_other": (0.2, {"mouthRight": (0.1, 0.6)}),
}
BROWS: dict[str, tuple[float, Ranges]] = {
    "rest": (5, {}),
    "raise": (2.5, {"browInnerUp": (0.2, 0.8), "browOuterUp": (0.2, 0.8)}),
    "worry": (1, {"browInnerUp": (0.3, 0.9), "browDown": (0.0, 0.3)}),
    "lower": (1.2, {"browDown": (0.2, 0.9)}),
    "one": (0.15, {"browOuterUpLeft": (0.3, 0.9)}),
    "other": (0.15, {"browOuterUpRight": (0.3, 0.9)}),
}
LIDS: dict[str, tuple[float, Ranges]] = {
    "rest": (6, {}),
    "squint": (2, {"eyeSquint": (0.1, 0.7)}),
    "wide": (1, {"eyeWide": (0.1, 0.7)}),
    "droop": (1, {"eyeBlink": (0.05, 0.3)}),
}
UNITS = sorted({unit for group in (MOUTHS, BROWS, LIDS) for _, ranges in group.values() for unit in ranges})
UNITS += ["eyeBlink"]
ASYMMETRY = 0.06  # by which one side and the other stray from what is drawn, in the mean over people; most do less
LOOK_FULL_DEG = {"Up": 15.0, "Down": 20.0, "In": 40.0, "Out": 40.0}  # eye rotation at which a look unit's weight is 1
WIDE_UP = 0.5  # of eyeWide at a full look up: its own unit raises the upper lid by a third of the iris's way


FEW = 4  # of ARKit's units: a model with fewer has other names
MOST = 0.7  # weight of a blend shape of which nothing is known


def sample_expression(config: ExpressionConfig, model: MorphableModel, rng: np.random.Generator) -> dict[str, float]:
    """Weights in [0, 1] of the units that move, or standard deviations, by the model's own names. Gaze is added by
    `look`.
    """
    names = model.expression_names
    if model.expression_unit != "weight":
        return _statistical(config, names, rng)
    if sum(bool(sides_of(unit, names)) for unit in UNITS) < FEW:
        return _some(config, names, rng)
    return _acted(config, names, rng)


def _statistical(config: ExpressionConfig, names: tuple[str, ...], rng: np.random.Generator) -> dict[str, float]:
    """Standard deviations of every coefficient, normal within the bound."""
    neutral, values = rng.random() < config.neutral, truncated_normal(rng, 1.0, config.bound, len(names))
    scale = 0.0 if neutral else config.strength * config.sigma
    return {name: float(scale * value) for name, value in zip(names, values, strict=True) if scale * value}


def _some(config: ExpressionConfig, names: tuple[str, ...], rng: np.random.Generator) -> dict[str, float]:
    """Weights of a few units."""
    neutral, count = rng.random() < config.neutral, int(rng.integers(config.units[0], config.units[1], endpoint=True))
    order, values = rng.permutation(len(names))[:count], rng.uniform(0, MOST, count)
    moving = {} if neutral else {names[k]: float(config.strength * v) for k, v in zip(order, values, strict=False)}
    return {name: weight for name, weight in moving.items() if weight > 0}


def _acted(config: ExpressionConfig, names: tuple[str, ...], rng: np.random.Generator) -> dict[str, float]:
    """Weights of ARKit's units."""
    neutral, blink = rng.random() < config.neutral, rng.random() < config.blink
    groups = [LIDS] if neutral else [MOUTHS, BROWS, LIDS]
    drawn = {
        name: (value, rng.standard_normal())
        for group in groups
        for unit, value in _choose(group, rng).items()
        for name in sides_of(unit, names)
    }
    uneven = ASYMMETRY * min(rng.standard_exponential(), 4.0)  # of the whole face
    weights = {name: value * (1 + uneven * stray) for name, (value, stray) in drawn.items()}
    if blink:
        closed = rng.uniform(0.9, 1.0)
        weights = {name: w for name, w in weights.items() if not name.startswith(("eyeWide", "eyeSquint"))}
        weights |= dict.fromkeys(sides_of("eyeBlink", names), closed)
    return {name: float(np.clip(config.strength * w, 0, 1)) for name, w in weights.items() if w > 0}


def look(weights: dict[str, float], names: tuple[str, ...], yaw: float, pitch: float) -> dict[str, float]:
    """The weights with the lids following a gaze of `yaw` to the subject's left and `pitch` up (rad, head space)."""
    units = {"Up": max(pitch, 0.0), "Down": max(-pitch, 0.0)}
    out, closed = dict(weights), max((weights.get(name, 0.0) for name in sides_of("eyeBlink", names)), default=0.0)
    for direction, angle in units.items():
        weight = (1 - closed) * min(angle / np.deg2rad(LOOK_FULL_DEG[direction]), 1.0)
        out |= _look_units(f"eyeLook{direction}", weight, names)
        if direction == "Up" and weight > 0:
            out |= {name: max(out.get(name, 0.0), WIDE_UP * weight) for name in sides_of("eyeWide", names)}
    for side, outward in (("Left", yaw), ("Right", -yaw)):
        direction = "Out" if outward > 0 else "In"
        weight = abs(outward) / np.deg2rad(LOOK_FULL_DEG[direction])
        out |= _look_units(f"eyeLook{direction}{side}", weight, names)
    return out


def _look_units(unit: str, weight: float, names: tuple[str, ...]) -> dict[str, float]:
    return {name: float(min(weight, 1.0)) for name in sides_of(unit, names)} if weight > 0 else {}


def _choose(group: dict[str, tuple[float, Ranges]], rng: np.random.Generator) -> dict[str, float]:
    """One of the group by its weight, with a value from each of its ranges."""
    weights = np.array([weight for weight, _ in group.values()])
    ranges = list(group.values())[rng.choice(len(group), p=weights / weights.sum())][1]
    return {unit: rng.uniform(*bounds) for unit, bounds in ranges.items()}


@cache
def sides_of(unit: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The model's names of a unit: itself, or its left and right form."""
    wanted = {_plain(unit + side) for side in ("", "Left", "Right")}
    return tuple(name for name in names if _plain(name) in wanted)


@cache
def _plain(name: str) -> str:
    """A spelling that models agree on: mouthSmileLeft, mouthSmile_L and MouthSmile_Left are one."""
    return re.sub(r"(left|l)$", "-l", re.sub(r"(right|r)$", "-r", re.sub(r"_(?=l|r)", "", name.lower())))
