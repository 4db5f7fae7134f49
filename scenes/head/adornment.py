"""Earrings and headphones: their specs, and how they are drawn."""

from dataclasses import dataclass

import numpy as np

from scenes.head.attire_config import EARRING_KINDS, HEADPHONE_KINDS

Triple = tuple[float, float, float]
METALS = np.array([(0.83, 0.58, 0.24), (0.75, 0.74, 0.72), (0.78, 0.46, 0.34), (0.04, 0.04, 0.045)])
GEMS = np.array([(0.8, 0.8, 0.82), (0.02, 0.02, 0.02), (0.35, 0.02, 0.04), (0.02, 0.08, 0.35), (0.02, 0.25, 0.15)])
PEARLS = np.array([(0.78, 0.73, 0.66), (0.7, 0.62, 0.58), (0.25, 0.24, 0.26)])
COLORS = np.array([(0.012, 0.012, 0.013), (0.03, 0.03, 0.033), (0.7, 0.7, 0.69), (0.35, 0.33, 0.3), (0.02, 0.03, 0.09)])
ACCENTS = np.array([(0.55, 0.55, 0.55), (0.02, 0.02, 0.02), (0.5, 0.02, 0.02), (0.6, 0.45, 0.25), (0.05, 0.3, 0.35)])


@dataclass(frozen=True, slots=True, kw_only=True)
class EarringSpec:
    """A pair of earrings, or one. m."""

    kind: str
    ears: str  # "both", "right" or "left"
    size: float  # radius of a stud, a hoop or a pendant
    thickness: float  # radius of a hoop's wire
    length: float  # from the lobe to a pendant's middle
    form: float  # in [0, 1): height over width of a pendant, flatness of a stud
    metal: Triple  # linear reflectance
    stone: Triple
    jewelled: bool  # the stud or pendant is the stone, not metal


def sample_earrings(
    women: float, men: float, kinds: dict[str, float], male: float, child: float, rng: np.random.Generator
) -> EarringSpec | None:
    """Earrings, or None. women, men: probabilities. The same numbers are drawn whether it comes to any or not."""
    wears = rng.random() < (men if male > 0.5 else women) * (0.4 if child > 0.5 else 1.0)
    weights = np.array([kinds.get(kind, 0.0) for kind in EARRING_KINDS])
    kind = EARRING_KINDS[rng.choice(len(EARRING_KINDS), p=weights / weights.sum())]
    u = [float(v) for v in rng.random(9)]
    if male > 0.5:
        ears = "both" if u[0] < 0.35 else ("left" if u[0] < 0.8 else "right")
    else:
        ears = "both" if u[0] < 0.96 else "left"
    most = 0.6 if male > 0.5 else 1.0
    size = {"stud": 0.0016 + 0.0028 * u[1] ** 2, "pearl": 0.003 + 0.0025 * u[1], "drop": 0.0025 + 0.006 * u[1] ** 2}
    size["hoop"] = 0.0055 + 0.022 * most * u[1] ** 1.6
    stones = PEARLS if kind == "pearl" else GEMS
    spec = EarringSpec(
        kind=kind,
        ears=ears,
        size=size[kind],
        thickness=0.0005 + 0.0012 * u[2] ** 2 + 0.02 * size["hoop"] * (kind == "hoop"),
        length=0.010 + 0.035 * most * u[3] ** 1.5,
        form=u[4],
        metal=_triple(METALS[int(4 * u[5] ** 1.3)]),
        stone=_triple(stones[int(len(stones) * u[6])] * (0.8 + 0.2 * u[7])),
        jewelled=kind == "pearl" or u[8] < 0.55,
    )
    return spec if wears else None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadphonesSpec:
    """Headphones. m."""

    kind: str
    radius: float  # of a cup, half its width; of a bud
    tall: float  # height over width of a cup
    depth: float  # of a cup beyond the ear
    band: float  # half the width of the band
    cable: bool
    color: Triple
    accent: Triple  # of the cushions and the band's inside, of a bud's tip
    metal: bool
    roughness: float


def sample_headphones(probability: float, kinds: dict[str, float], rng: np.random.Generator) -> HeadphonesSpec | None:
    """Headphones, or None. The same numbers are drawn whether it comes to any or not."""
    wears = rng.random() < probability
    weights = np.array([kinds.get(kind, 0.0) for kind in HEADPHONE_KINDS])
    kind = HEADPHONE_KINDS[rng.choice(len(HEADPHONE_KINDS), p=weights / weights.sum())]
    u = [float(v) for v in rng.random(10)]
    color = COLORS[int(5 * u[0])] if u[1] < 0.85 else np.array(u[2:5]) ** 1.5 * 0.6
    color = np.array([0.72, 0.72, 0.71]) if kind == "earbud" and u[1] < 0.75 else color
    spec = HeadphonesSpec(
        kind=kind,
        radius=0.034 + 0.005 * u[5] if kind == "over_ear" else 0.0062 + 0.0016 * u[5],
        tall=1.1 + 0.2 * u[6],
        depth=0.008 + 0.012 * u[7],
        band=0.010 + 0.012 * u[8],
        cable=kind == "in_ear" and u[6] < 0.7,
        color=_triple(color),
        accent=_triple(ACCENTS[int(5 * u[9])] if kind == "over_ear" else ACCENTS[int(2 * u[9])]),
        metal=kind != "earbud" and u[4] < 0.2,
        roughness=0.2 + 0.4 * u[3],
    )
    return spec if wears else None


def _triple(values) -> Triple:
    a, b, c = (float(v) for v in values)
    return a, b, c
