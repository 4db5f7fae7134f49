"""What people grow on their faces and put on: its specs, and how they are drawn."""

from dataclasses import dataclass

import numpy as np

from scenes.head.adornment import EarringSpec, HeadphonesSpec, sample_earrings, sample_headphones
from scenes.head.attire import DYES, OFTEN, ClothesSpec, sample_clothes
from scenes.head.attire_config import ClothesConfig, MakeupConfig
from scenes.head.config import BEARD_STYLES, FACEWEAR_KINDS, GLASSES_SHAPES, HEADWEAR_KINDS, BeardConfig, WearConfig
from scenes.head.makeup import MakeupSpec, sample_makeup
from scenes.head.occluders import OccluderSpec, sample_occluder
from synth.rng import Streams

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeardSpec:
    """A beard. Lengths in m, amounts in [0, 1]."""

    style: str
    length: float  # at the chin; elsewhere the style's share of it
    density: float
    curl: float
    wild: float  # how far strands leave their neighbours
    cheek: float  # m, how far the cheek's line is below the highest one
    neck: float  # m, how far the beard goes on below the jaw
    width: float  # m, half the width of the chin's part; of a strap along the jaw, its own
    droop: float  # m, how far a moustache goes on below the mouth's corners
    melanin: float
    redness: float
    grey: float


BEARD_LENGTH = {  # m
    "stubble": (0.0006, 0.0028),
    "short_full": (0.004, 0.016),
    "long_full": (0.03, 0.11),
    "goatee": (0.004, 0.03),
    "moustache": (0.005, 0.013),
    "circle": (0.003, 0.014),
    "chin_strap": (0.002, 0.010),
    "mutton_chops": (0.005, 0.022),
    "soul_patch": (0.003, 0.010),
    "van_dyke": (0.005, 0.035),
}


def sample_beard(
    config: BeardConfig,
    male: float,
    old: float,
    child: float,
    pigment: tuple[float, float, float],
    rng: np.random.Generator,
) -> BeardSpec | None:
    """A beard, or None. male, old, child: what the shape says, about 0 to 1; pigment: melanin, redness, grey of the
    hair. The same numbers are drawn whether it comes to a beard or not.
    """
    wears = rng.random() < (config.men if male > 0.5 else config.women) and child < config.child_below
    weights = np.array([config.styles.get(style, 0.0) for style in BEARD_STYLES])
    style = BEARD_STYLES[rng.choice(len(BEARD_STYLES), p=weights / weights.sum())]
    low, high = BEARD_LENGTH[style]
    u = rng.random(11)
    greys = u[0] < np.clip(1.6 * (old - 0.35), 0.03, 0.95)
    beard = BeardSpec(
        style=style,
        length=float(low * (high / low) ** u[1]),
        density=float(0.45 + 0.55 * u[2]),
        curl=float(u[3] ** 2),
        wild=float(0.2 + 0.8 * u[4]),
        cheek=float(0.014 * u[5]),
        neck=float(0.004 + 0.03 * u[6]),
        width=float(0.4 + 0.6 * u[7]) * (0.014 if style == "chin_strap" else 0.028),
        droop=float(0.03 * u[8] ** 2),
        melanin=float(np.clip(pigment[0] + 0.1 * (u[9] - 0.4), 0, 1)),
        redness=float(np.clip(pigment[1] + 0.25 * u[9], 0, 1)),
        grey=max(float(pigment[2]), float(0.2 + 0.8 * u[10]) if greys else 0.0),
    )
    return beard if wears else None


@dataclass(frozen=True, slots=True, kw_only=True)
class GlassesSpec:
    """Glasses, measured as opticians do: each lens in its box, and the bridge between the boxes. m, rad."""

    shape: str
    span: float  # of both boxes and the bridge, over the face's width from ear to ear
    aspect: float  # height over width of a box
    bridge: float
    rim: float  # half the thickness seen from in front
    depth: float  # half the thickness seen from the side
    brow: float  # how much thicker the rim is above, as a share of it
    bridge_height: float  # of the bridge over the lens's middle, in half heights
    arch: float  # how far the bridge rises between the rims
    hinge: float  # height of the temples over the lens's middle, in half heights
    temple_width: float  # half the thickness, seen from above
    temple_height: float  # half the thickness, seen from the side
    tilt: float  # lower edge towards the cheeks
    wrap: float  # outer edges towards the temples
    drop: float  # of the lenses' middles below the eyes'
    curvature: float  # radius of the lenses' surface
    metal: bool
    color: Triple  # of the frame, linear RGB
    roughness: float
    dark: bool  # the lenses hide what is behind them: labelled as glasses
    tint: Triple  # share of the light that the lenses let through
    reflect: float  # of an uncoated lens's reflection


def sample_glasses(config: WearConfig, rng: np.random.Generator) -> GlassesSpec | None:
    """Glasses, or None. The same numbers are drawn whether it comes to glasses or not."""
    wears, dark = rng.random() < config.glasses, bool(rng.random() < config.dark_lenses)
    weights = np.array([config.glasses_shapes.get(shape, 0.0) for shape in GLASSES_SHAPES])
    shape = GLASSES_SHAPES[rng.choice(len(GLASSES_SHAPES), p=weights / weights.sum())]
    u = [float(v) for v in rng.random(20)]
    metal = shape in ("rimless", "aviator") or (shape not in ("cat_eye", "browline") and u[0] < 0.4)
    low, high = ASPECT[shape]
    rim = 0.0003 if shape == "rimless" else (0.0006 + 0.0006 * u[3] if metal else 0.0012 + 0.0016 * u[3])
    dye = np.array(u[5:8]) ** 1.5
    if metal:
        color = np.array([(0.75, 0.74, 0.72), (0.8, 0.6, 0.32), (0.03, 0.03, 0.03), (0.55, 0.38, 0.3)][int(4 * u[4])])
    else:
        color = np.array([(0.012, 0.012, 0.013), (0.05, 0.022, 0.01), (0.25, 0.2, 0.16)][int(3 * u[4] ** 1.4)])
        color = dye * 0.7 if u[8] < 0.25 else color
    through = 0.03 + 0.2 * u[9] if dark else 0.86 + 0.12 * u[9]
    hue = 1 + (0.35 if dark else 0.03) * (2 * np.array(u[10:13]) - 1)
    spec = GlassesSpec(
        shape=shape,
        span=(0.80 + 0.12 * u[2]) * (0.94 if shape == "round" else 1.0),
        aspect=low + (high - low) * u[13],
        bridge=0.017 + 0.007 * u[1],
        rim=rim,
        depth=0.0004 if shape == "rimless" else (0.0007 if metal else 0.0014 + 0.0006 * u[3]),
        brow={"browline": 1.6, "cat_eye": 0.5, "square": 0.3}.get(shape, 0.0),
        bridge_height=0.2 + 0.35 * u[14],
        arch=0.0008 + 0.0025 * u[15],
        hinge=0.3 + 0.4 * u[16],
        temple_width=0.0006 if metal else 0.0013,
        temple_height=0.0009 + 0.0005 * u[3] if metal else 0.0022 + 0.0022 * u[3],
        tilt=float(np.deg2rad(4 + 7 * u[17])),
        wrap=float(np.deg2rad(2 + 5 * u[17])),
        drop=0.0005 + 0.004 * u[18],
        curvature=0.10 + 0.06 * u[19],
        metal=metal,
        color=_triple(color),
        roughness=0.15 + 0.3 * u[8],
        dark=dark,
        tint=_triple(np.clip(through * hue, 0.01, 0.99)),
        reflect=0.6 + 0.9 * u[11] if dark else 0.3 + 0.6 * u[11],
    )
    return spec if wears else None


ASPECT = {  # height over width of a lens's box
    "round": (0.90, 0.98),
    "oval": (0.64, 0.76),
    "rectangular": (0.52, 0.66),
    "square": (0.72, 0.84),
    "cat_eye": (0.62, 0.76),
    "aviator": (0.80, 0.90),
    "rimless": (0.56, 0.72),
    "browline": (0.70, 0.80),
}


def _triple(values) -> Triple:
    a, b, c = (float(v) for v in values)
    return a, b, c


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadwearSpec:
    """A shell over the head. m; heights are z in head space, of the mean head's size."""

    kind: str
    front: float  # height of the rim over the forehead
    side: float  # over the ears
    back: float
    thickness: float
    height: float  # of the crown over the head's top
    power: float  # of the crown's superellipsoid: 2 is round, 6 a cylinder
    slouch: float  # how far cloth hangs over behind, as a share of the radius
    cuff: float  # thickness of a turned-up rim
    brim: float  # width
    brim_angle: float  # rad, half of what the brim goes around; pi or more is all
    brim_drop: float  # how far its edge hangs down, over its width
    chin: float  # of a headscarf: height of the cloth under the chin
    crease: float  # in [0, 1): where its folds are
    band: float  # height of a ribbon around the crown
    color: Triple
    trim: Triple  # of the ribbon, and of a cap's visor
    hard: bool  # plastic, not cloth
    knit: float  # how coarse the cloth is, 0 to 1


def sample_headwear(config: WearConfig, rng: np.random.Generator) -> HeadwearSpec | None:
    """Headwear, or None. The same numbers are drawn whether it comes to any or not."""
    wears = rng.random() < config.headwear
    weights = np.array([config.headwear_kinds.get(kind, 0.0) for kind in HEADWEAR_KINDS])
    kind = HEADWEAR_KINDS[rng.choice(len(HEADWEAR_KINDS), p=weights / weights.sum())]
    u = [float(v) for v in rng.random(12)]
    between = lambda k, low, high: low + (high - low) * u[k]
    color = np.array(u[8:11]) ** 1.6 * between(11, 0.15, 0.8) if kind == "helmet" else _dyed(u[8], u[9], kind == "hat")
    other = color * 0.25 if u[11] < 0.4 else _dyed(u[10], u[9])
    thickness = {"beanie": 0.005, "cap": 0.0018, "hat": 0.0028, "helmet": 0.014, "headscarf": 0.0022}[kind]
    height = {"beanie": (0.003, 0.024), "cap": (0.004, 0.016), "hat": (0.02, 0.055), "helmet": (0.006, 0.014)}
    low, high = height.get(kind, (0.0, 0.001))
    spec = HeadwearSpec(
        kind=kind,
        front=between(0, 0.033, 0.052) if kind == "beanie" else between(0, 0.042, 0.058),
        side=between(1, 0.018, 0.03),
        back=-0.068 if kind == "headscarf" else between(2, -0.03, 0.01),
        thickness=thickness,
        height=between(3, low, high),
        power={"beanie": 2.2, "cap": 2.5, "hat": 5.0, "helmet": 2.2, "headscarf": 2.0}[kind],
        slouch=between(4, 0.0, 0.25) if kind == "beanie" else 0.0,
        cuff=between(5, 0.003, 0.0055) if kind == "beanie" and u[6] < 0.6 else 0.0,
        brim={"cap": between(5, 0.055, 0.075), "hat": between(5, 0.035, 0.085), "helmet": 0.02}.get(kind, 0.0),
        brim_angle={"cap": 1.15, "helmet": 1.2}.get(kind, 100.0),
        brim_drop=between(6, 0.1, 0.4) if kind == "cap" else between(6, -0.15, 0.3),
        chin=-0.112,
        crease=u[5],
        band=between(7, 0.018, 0.036) if kind == "hat" and u[11] < 0.85 else 0.0,
        color=_triple(color),
        trim=_triple(other if kind == "hat" or (kind == "cap" and u[11] > 0.7) else color),
        hard=kind == "helmet",
        knit={"beanie": 1.0, "helmet": 0.0}.get(kind, 0.3),
    )
    return spec if wears else None


def _dyed(which: float, how: float, felt: bool = False) -> np.ndarray:
    """A cloth's reflectance [3], by numbers in [0, 1): which dye, and how strong; of felt seldom a bright one."""
    often = OFTEN * np.where(np.ptp(DYES, axis=1) < 0.15, 1.0, 0.3) if felt else OFTEN
    share = np.cumsum(often / often.sum())
    return np.minimum(DYES[min(int(np.searchsorted(share, which)), len(DYES) - 1)] * (0.75 + 0.5 * how), 0.85)


@dataclass(frozen=True, slots=True, kw_only=True)
class FacewearSpec:
    """A mask over nose, mouth and chin. m."""

    kind: str
    nose: float  # where its upper edge crosses the nose: 0 at the second point of its bridge, 1 at the third
    side: float  # height of its edges beside the face
    thickness: float
    pleats: float  # depth of the folds across
    ridge: float  # how far the fold down the middle stands out
    cord: float  # radius of the loops
    color: Triple


def sample_facewear(config: WearConfig, rng: np.random.Generator) -> FacewearSpec | None:
    """A mask, or None. The same numbers are drawn whether it comes to one or not."""
    wears = rng.random() < config.facewear
    weights = np.array([config.facewear_kinds.get(kind, 0.0) for kind in FACEWEAR_KINDS])
    kind = FACEWEAR_KINDS[rng.choice(len(FACEWEAR_KINDS), p=weights / weights.sum())]
    u = [float(v) for v in rng.random(8)]
    dye = _dyed(u[5], u[6])
    surgical = np.array([(0.30, 0.55, 0.68), (0.75, 0.75, 0.74), (0.35, 0.6, 0.5), (0.03, 0.03, 0.035)][int(4 * u[4])])
    spec = FacewearSpec(
        kind=kind,
        nose=u[0],
        side=0.045 + 0.015 * u[1],
        thickness=0.0012 if kind == "surgical" else 0.002,
        pleats=0.0022 + 0.0012 * u[2] if kind == "surgical" else 0.0,
        ridge=0.004 + 0.008 * u[3] if kind == "respirator" else 0.0,
        cord=0.001 + 0.0006 * u[2],
        color=_triple({"surgical": surgical, "cloth": dye, "respirator": np.array([0.78, 0.78, 0.76])}[kind]),
    )
    return spec if wears else None


@dataclass(frozen=True, slots=True, kw_only=True)
class WearSpec:
    """What one view wears; None is nothing."""

    glasses: GlassesSpec | None
    headwear: HeadwearSpec | None
    facewear: FacewearSpec | None
    clothes: ClothesSpec | None
    earrings: EarringSpec | None
    headphones: HeadphonesSpec | None
    makeup: MakeupSpec | None
    occluder: OccluderSpec | None


def sample_wear(
    config: WearConfig, clothes: ClothesConfig, makeup: MakeupConfig, male: float, child: float, streams: Streams
) -> WearSpec:
    """What one record wears. male, child: what the shape says, about 0 to 1.

    Over the ears there is either headwear or headphones, and no earring below a headscarf, a helmet or a cup.
    """
    headwear = sample_headwear(config, streams.of_record("headwear"))
    women, men, kinds = config.earrings_women, config.earrings_men, config.earring_kinds
    earrings = sample_earrings(women, men, kinds, male, child, streams.of_record("earrings"))
    headphones = sample_headphones(config.headphones, config.headphone_kinds, streams.of_record("headphones"))
    covered = headwear is not None and headwear.kind in ("headscarf", "helmet")
    if headphones and (covered or (headwear and headphones.kind == "over_ear")):
        headphones = None
    covered = covered or (headphones is not None and headphones.kind == "over_ear")
    return WearSpec(
        glasses=sample_glasses(config, streams.of_record("glasses")),
        headwear=headwear,
        facewear=sample_facewear(config, streams.of_record("facewear")),
        clothes=sample_clothes(clothes, streams.of_record("clothes")),
        earrings=None if covered else earrings,
        headphones=headphones,
        makeup=sample_makeup(makeup, male, child, streams.of_record("makeup")),
        occluder=sample_occluder(
            config.occluder, config.occluder_kinds, config.hand_poses, streams.of_record("occluder")
        ),
    )
