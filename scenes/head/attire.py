"""What people wear below the chin: its specs, and how they are drawn."""

from dataclasses import dataclass, replace

import numpy as np

from scenes.head.attire_config import CLOTHES_KINDS, CLOTHS, PATTERNS, ClothesConfig

Triple = tuple[float, float, float]

CLOTHS_OF = {  # what each garment is made of, and how often
    "crew_neck": {"jersey": 5, "knit": 2, "fleece": 1},
    "v_neck": {"jersey": 3, "knit": 3, "satin": 0.5},
    "scoop": {"jersey": 4, "knit": 1, "satin": 1},
    "tank": {"jersey": 4, "satin": 1},
    "shirt": {"woven": 6, "denim": 1, "satin": 0.7},
    "polo": {"jersey": 3, "knit": 1},
    "henley": {"jersey": 3, "knit": 1},
    "turtleneck": {"knit": 3, "jersey": 2},
    "hoodie": {"fleece": 3, "jersey": 2},
    "cardigan": {"knit": 4, "fleece": 1},
    "jacket": {"denim": 1.5, "leather": 2, "woven": 1.5, "fleece": 1},
    "blazer": {"woven": 6, "satin": 0.3},
}
PATTERNS_OF = {  # what is printed on, woven or knitted into each cloth, and how often
    "jersey": {"plain": 5, "stripes": 1.5, "print": 1.2, "dots": 0.4, "heather": 1.5},
    "knit": {"plain": 4, "stripes": 1.2, "heather": 2, "dots": 0.2},
    "woven": {"plain": 4, "stripes": 1.5, "checks": 2, "dots": 0.6, "print": 0.7, "heather": 0.7},
    "denim": {"plain": 1},
    "leather": {"plain": 1},
    "satin": {"plain": 4, "dots": 0.6, "print": 1, "stripes": 0.4},
    "fleece": {"plain": 4, "heather": 2},
}
UNDER = {"cardigan": ("crew_neck", "shirt", "v_neck"), "jacket": ("crew_neck", "shirt", "turtleneck", "v_neck")}
UNDER["blazer"] = ("shirt", "shirt", "shirt", "crew_neck", "turtleneck")
OPEN = tuple(UNDER)  # what is worn over something else
DYES = np.array(  # linear reflectance: blacks and greys, white, blues, reds, greens, earths, and the rest
    [
        (0.012, 0.012, 0.014), (0.03, 0.03, 0.034), (0.1, 0.1, 0.105), (0.3, 0.3, 0.3), (0.72, 0.71, 0.69),
        (0.66, 0.61, 0.52), (0.012, 0.02, 0.06), (0.03, 0.07, 0.24), (0.11, 0.24, 0.5), (0.38, 0.52, 0.66),
        (0.3, 0.02, 0.025), (0.09, 0.012, 0.02), (0.5, 0.2, 0.24), (0.02, 0.07, 0.035), (0.07, 0.075, 0.03),
        (0.24, 0.34, 0.22), (0.42, 0.28, 0.15), (0.13, 0.065, 0.03), (0.56, 0.33, 0.06), (0.02, 0.16, 0.17),
        (0.13, 0.05, 0.2), (0.55, 0.14, 0.05),
    ]
)  # fmt: skip
OFTEN = np.array([5, 3, 2, 2, 5, 2, 4, 2.5, 2, 2, 1.5, 1.5, 1.2, 1.2, 1.5, 1, 1.5, 1.2, 0.8, 0.8, 0.7, 0.6])
DENIMS = np.array([(0.02, 0.04, 0.10), (0.055, 0.10, 0.20), (0.16, 0.24, 0.36), (0.015, 0.016, 0.02)])
LEATHERS = np.array([(0.008, 0.008, 0.009), (0.04, 0.018, 0.01), (0.16, 0.07, 0.03), (0.05, 0.012, 0.012)])
BUTTONS = np.array([(0.6, 0.58, 0.52), (0.02, 0.02, 0.02), (0.1, 0.05, 0.03), (0.4, 0.38, 0.34)])


@dataclass(frozen=True, slots=True, kw_only=True)
class ClothSpec:
    """A cloth and what is on it."""

    cloth: str
    pattern: str
    colors: tuple[Triple, Triple, Triple]  # linear reflectance: of the ground, and of what is on it
    repeat: float  # m, after which the pattern begins again
    form: float  # in [0, 1): which of its forms a pattern has
    across: bool  # stripes go around the body, not down it
    seed: int  # of the threads' unevenness and a print's motifs
    fold: float  # m, depth of the folds
    crease: float  # in [0, 1): where they are
    trim: Triple  # of buttons, zips, cords


@dataclass(frozen=True, slots=True, kw_only=True)
class GarmentSpec:
    """One garment. m."""

    kind: str
    width: float  # how much wider the neckline is than the neck's base
    depth: float  # how much lower it is in front
    collar: float  # height of the collar, or width of the band
    point: float  # length of a collar's points, width of lapels
    spread: float  # in [0, 1]: how far the points go aside
    loose: float  # how far it stands off the body below
    contrast: bool  # the collar has the trim's colour
    cloth: ClothSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class NeckwearSpec:
    """A scarf or a tie. m."""

    kind: str
    width: float  # of a scarf's loop, of a tie's knot
    thickness: float
    low: float  # how much lower a scarf hangs in front
    twist: float  # in [0, 1)
    tails: bool
    cloth: ClothSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ClothesSpec:
    """What is worn on shoulders and chest."""

    kind: str
    garments: tuple[GarmentSpec, ...]  # one or two, from the inside out
    neckwear: NeckwearSpec | None


def sample_clothes(config: ClothesConfig, rng: np.random.Generator) -> ClothesSpec | None:
    """Clothes, or None. The same numbers are drawn whether it comes to any or not."""
    worn = rng.random() < config.worn
    kind = _chosen(CLOTHES_KINDS, config.kinds, rng.random())
    u = rng.random(4)
    tops = [sample_garment(config, name, rng) for name in CLOTHES_KINDS]
    beneath = UNDER.get(kind, (kind,))
    beneath = tuple(name for name in beneath if config.kinds.get(name, 0.0) > 0) or beneath
    inner = beneath[int(u[0] * len(beneath))]
    names = (inner, kind) if kind in OPEN else (kind,)
    garments = tuple(tops[CLOTHES_KINDS.index(name)] for name in names)
    scarf, tie = sample_neckwear(config, "scarf", rng), sample_neckwear(config, "tie", rng)
    neckwear = scarf if u[1] < config.scarf and kind != "hoodie" else None
    if neckwear is None and garments[0].kind == "shirt" and u[2] < config.tie:
        neckwear, garments = tie, (replace(garments[0], depth=min(garments[0].depth, BUTTONED)), *garments[1:])
    return ClothesSpec(kind=kind, garments=garments, neckwear=neckwear) if worn else None


CLOSED = 0.012  # m: a shirt that is less open is buttoned up
BUTTONED = 0.004  # m that it is open under a tie


def sample_garment(config: ClothesConfig, kind: str, rng: np.random.Generator) -> GarmentSpec:
    """One garment of a kind."""
    u = rng.random(8)
    between = lambda k, low, high: float(low + (high - low) * u[k])
    buttoned = u[0] < 0.35
    depth = {
        "crew_neck": between(1, -0.012, 0.012),
        "v_neck": between(1, 0.045, 0.11),
        "scoop": between(1, 0.03, 0.075),
        "tank": between(1, 0.04, 0.085),
        "shirt": 0.004 if buttoned else between(1, 0.035, 0.11),
        "polo": between(1, 0.03, 0.08),
        "henley": between(1, 0.02, 0.07),
        "turtleneck": -0.005,
        "hoodie": between(1, 0.012, 0.04),
        "cardigan": between(1, 0.14, 0.24),
        "jacket": between(1, 0.04, 0.22),
        "blazer": between(1, 0.15, 0.24),
    }[kind]
    collar = {"turtleneck": (0.045, 0.062), "shirt": (0.026, 0.034), "polo": (0.022, 0.028), "henley": (0.012, 0.022)}
    collar |= {"hoodie": (0.035, 0.055), "jacket": (0.03, 0.045), "blazer": (0.02, 0.028), "scoop": (0.006, 0.012)}
    collar |= {"tank": (0.008, 0.014)}
    return GarmentSpec(
        kind=kind,
        width={"scoop": between(2, 0.02, 0.05), "tank": between(2, 0.025, 0.045)}.get(kind, between(2, -0.006, 0.014)),
        depth=depth,
        collar=between(3, *collar.get(kind, (0.013, 0.026))),
        point=between(4, 0.065, 0.095) if kind == "blazer" else between(4, 0.045, 0.075),
        spread=between(5, 0.0, 1.0),
        loose=between(6, 0.004, 0.016) if kind in OPEN or kind == "hoodie" else between(6, 0.0015, 0.011),
        contrast=bool(u[7] < {"crew_neck": 0.15, "polo": 0.25, "v_neck": 0.1}.get(kind, 0.0)),
        cloth=sample_cloth(config, CLOTHS_OF[kind], kind, rng),
    )


def sample_neckwear(config: ClothesConfig, kind: str, rng: np.random.Generator) -> NeckwearSpec:
    """A scarf or a tie."""
    u = [float(v) for v in rng.random(5)]
    scarf = kind == "scarf"
    cloths = {"knit": 3.0, "woven": 2.0, "satin": 1.0} if scarf else {"satin": 3.0, "woven": 1.0, "knit": 0.4}
    return NeckwearSpec(
        kind=kind,
        width=0.075 + 0.035 * u[0] if scarf else 0.026 + 0.012 * u[0],
        thickness=0.016 + 0.016 * u[1] if scarf else 0.009 + 0.003 * u[1],
        low=0.015 + 0.04 * u[2],
        twist=u[3],
        tails=u[4] < 0.6,
        cloth=sample_cloth(config, cloths, kind, rng),
    )


def sample_cloth(config: ClothesConfig, cloths: dict[str, float], kind: str, rng: np.random.Generator) -> ClothSpec:
    """A cloth among `cloths` (weights, times those of the config), for a kind of garment."""
    u = [float(v) for v in rng.random(12)]
    cloth = _chosen(CLOTHS, {name: w * config.cloths.get(name, 0.0) for name, w in cloths.items()}, u[0], cloths)
    patterns = PATTERNS_OF[cloth]
    patterns = {name: w * config.patterns.get(name, 0.0) for name, w in patterns.items()}
    pattern = _chosen(PATTERNS, patterns, u[1], {"plain": 1.0})
    if kind == "blazer" and pattern in ("dots", "print"):
        pattern = "plain"
    colors = _colors(cloth, u[2:6], kind)
    deep = {"jersey": 1.0, "knit": 1.1, "woven": 0.9, "denim": 0.9, "leather": 0.8, "satin": 1.2, "fleece": 1.2}
    return ClothSpec(
        cloth=cloth,
        pattern=pattern,
        colors=colors,
        repeat=0.06 + 0.1 * u[6],
        form=u[7],
        across=u[8] < (0.3 if cloth == "woven" else 0.9),
        seed=int(2**31 * u[9]),
        fold=deep[cloth] * (0.002 + 0.005 * u[10]),
        crease=u[11],
        trim=_triple(BUTTONS[int(4 * u[5])] if kind != "polo" else DYES[int(len(DYES) * u[5])]),
    )


def _colors(cloth: str, u: list[float], kind: str) -> tuple[Triple, Triple, Triple]:
    """Three colours; the second stands out from the first."""
    table, often = {"denim": (DENIMS, np.ones(4)), "leather": (LEATHERS, np.ones(4))}.get(cloth, (DYES, OFTEN))
    if kind == "blazer":
        often = OFTEN * np.where(DYES.max(axis=1) < 0.45, 1.0, 0.12)
    elif kind == "shirt" and cloth == "woven":
        often = OFTEN * np.where(DYES.min(axis=1) > 0.3, 3.0, 0.7)
    share = np.cumsum(often / often.sum())
    first, *others = (table[min(int(np.searchsorted(share, v)), len(table) - 1)] for v in (u[0], u[1], u[2]))
    first = first * (0.75 + 0.5 * u[3])
    if np.abs(others[0] - first).max() < 0.08:
        others[0] = first * 0.25 if first.max() > 0.2 else np.array([0.6, 0.58, 0.54])
    return _triple(np.minimum(first, 0.85)), _triple(others[0]), _triple(others[1])


def _chosen(
    names: tuple[str, ...], weights: dict[str, float], u: float, instead: dict[str, float] | None = None
) -> str:
    """A name by its weight; by those of `instead` if all are 0."""
    if instead is not None and not any(weights.get(name, 0.0) > 0 for name in names):
        weights = instead
    share = np.cumsum([weights.get(name, 0.0) for name in names])
    return names[min(int(np.searchsorted(share, u * share[-1], side="right")), len(names) - 1)]


def _triple(values) -> Triple:
    a, b, c = (float(v) for v in values)
    return a, b, c
