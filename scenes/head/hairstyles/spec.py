"""What is drawn of hair: its spec, and how it is drawn by sex, age and skin tone. Lengths in m, amounts in [0, 1]."""

from dataclasses import dataclass

import numpy as np

from scenes.head.config import HAIR_STYLES, HairConfig

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class HairSpec:
    """Hair of the head. Lengths in m, amounts in [0, 1]."""

    style: str
    length: float  # of a strand; of hair that falls, from the crown down to the ends; of a bun, its width
    density: float  # share of the full number of strands
    volume: float  # m that the outer layer stands off the skin
    clump: float  # how far tips go to those of their lock
    curl: float  # m, radius of waves, curls and coils
    pitch: float  # m of hair to one turn of them
    frizz: float  # how far strands leave their neighbours
    hairline: float  # how far it is receded: 0 not at all, 1 to a wreath
    forehead: float  # m that the hairline over the face is above the mean's
    peak: float  # m that it comes down in the middle
    sideburn: float  # m that hair before the ears reaches below the eyes
    parting: float  # m, where the parting is, to the subject's left
    fringe: float  # m, of the hair that falls over the forehead beyond the hairline; 0 is none
    fade: float  # length at the sides, as a share; of hair that falls, beside the face
    sweep: float  # of hair beside the face: 0 falls, 1 goes back
    tie: float  # height of a bun or ponytail: 0 at the nape, 1 at the crown
    sections: int  # braids, or rows of them; 0 is none
    melanin: float  # 0 is white, 1 is black
    redness: float
    grey: float  # share of white strands
    dye: Triple | None  # linear RGB; None is the natural colour
    outgrowth: float  # share of a strand that has grown since it was dyed


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowSpec:
    """Brows and lashes. Lengths in m."""

    thickness: float  # share of the model's brow, from below to above, that is grown over
    tail: float  # share of its length
    arch: float  # m that its outer third is raised
    length: float  # of a brow's hairs
    wild: float  # amount of disorder, in [0, 1]
    lash_length: float
    lash_density: float  # share of the full number
    lash_curl: float  # upward turn of the upper lashes


RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "bald": {"length": (0.0, 0.0), "density": (0.0, 0.0)},
    "buzz": {"length": (0.002, 0.009), "fade": (0.4, 1.0)},
    "crop": {"length": (0.014, 0.035), "fade": (0.2, 0.6), "volume": (0.004, 0.012), "clump": (0.1, 0.35)},
    "short": {"length": (0.028, 0.065), "fade": (0.35, 0.9), "volume": (0.008, 0.02), "clump": (0.2, 0.55)},
    "swept": {"length": (0.05, 0.11), "fade": (0.2, 0.7), "volume": (0.008, 0.028), "clump": (0.3, 0.7)},
    "side_part": {"length": (0.06, 0.12), "fade": (0.25, 0.7), "volume": (0.006, 0.02), "clump": (0.2, 0.6)},
    "middle_part": {"length": (0.11, 0.20), "fade": (0.5, 1.0), "volume": (0.008, 0.022), "clump": (0.3, 0.7)},
    "fringe": {"length": (0.17, 0.50), "fringe": (0.028, 0.058), "volume": (0.008, 0.02)},
    "bob": {"length": (0.17, 0.26), "fade": (0.92, 1.08), "volume": (0.010, 0.026)},
    "long_straight": {"length": (0.30, 0.55), "fade": (0.8, 1.0), "volume": (0.006, 0.02), "clump": (0.3, 0.7)},
    "long_wavy": {"length": (0.28, 0.52), "fade": (0.8, 1.0), "volume": (0.012, 0.03), "clump": (0.4, 0.8)},
    "curls": {
        "length": (0.13, 0.40),
        "fade": (0.8, 1.0),
        "volume": (0.020, 0.045),
        "clump": (0.6, 0.9),
        "frizz": (0.3, 1.0),
    },
    "coils": {"length": (0.05, 0.13), "volume": (0.0, 0.02), "clump": (0.6, 0.95), "frizz": (0.4, 1.0)},
    "afro": {"length": (0.025, 0.10), "clump": (0.1, 0.4), "frizz": (0.6, 1.0)},
    "braids": {"length": (0.22, 0.50), "sections": (130, 230), "volume": (0.004, 0.012), "frizz": (0.0, 0.3)},
    "cornrows": {"length": (0.02, 0.25), "sections": (12, 20), "frizz": (0.0, 0.3)},
    "bun": {"length": (0.045, 0.085), "volume": (0.002, 0.012), "tie": (0.1, 1.0)},
    "ponytail": {"length": (0.12, 0.45), "volume": (0.002, 0.012), "tie": (0.0, 0.9)},
    "receding": {"length": (0.006, 0.05), "hairline": (0.35, 1.0), "fade": (0.4, 1.0), "volume": (0.002, 0.01)},
}
COMMON = {"density": (0.75, 1.0), "clump": (0.2, 0.6), "frizz": (0.05, 0.5), "hairline": (0.0, 0.2), "fade": (1.0, 1.0)}
TIED = ("bun", "ponytail")
CURL = {  # radius and m of hair to a turn
    "long_wavy": ((0.004, 0.011), (0.05, 0.11)),
    "curls": ((0.004, 0.009), (0.022, 0.045)),
    "coils": ((0.0022, 0.0045), (0.009, 0.018)),
    "afro": ((0.0015, 0.003), (0.008, 0.014)),
}
DYES = {  # linear RGB
    "bleached": (0.62, 0.46, 0.26),
    "copper": (0.30, 0.075, 0.018),
    "burgundy": (0.10, 0.008, 0.014),
    "black": (0.006, 0.005, 0.006),
    "pink": (0.65, 0.14, 0.30),
    "purple": (0.18, 0.05, 0.34),
    "blue": (0.03, 0.10, 0.42),
    "teal": (0.02, 0.25, 0.26),
    "red": (0.42, 0.015, 0.015),
    "silver": (0.52, 0.52, 0.54),
}


def style_weights(config: HairConfig, male: float, old: float, child: float, dark: float) -> np.ndarray:
    """Probabilities [len(HAIR_STYLES)]. Where a person's are all 0, `styles` alone counts."""
    row = lambda table, default: np.array([table.get(style, default) for style in HAIR_STYLES], np.float64)
    chosen = row(config.styles, 0.0)
    share = float(np.clip(2 * male - 0.5, 0, 1))
    weights = chosen * ((1 - share) * row(config.women, 0.0) + share * row(config.men, 0.0))
    for table, amount in ((config.old, old), (config.child, child), (config.dark, dark)):
        weights *= row(table, 1.0) ** float(np.clip(amount, 0, 1))
    weights = weights if weights.sum() > 0 else chosen
    return weights / weights.sum()


def sample_hair(
    config: HairConfig, male: float, old: float, child: float, dark: float, rng: np.random.Generator
) -> HairSpec:
    """A family by its weight, and its continuous parameters. dark: of the skin, 0 to 1; the darker, the darker and
    curlier the hair. The same numbers are drawn for every family.
    """
    style = HAIR_STYLES[rng.choice(len(HAIR_STYLES), p=style_weights(config, male, old, child, dark))]
    u = dict(zip(NUMBERS, rng.random(len(NUMBERS)).tolist(), strict=True))
    ranges = COMMON | RANGES[style]

    def within(name: str) -> float:
        low, high = ranges.get(name, (0.0, 0.0))
        return low + (high - low) * u[name]

    curl, pitch = _curl(style, dark, u)
    straight = np.clip(1.4 * u["parting"] - 0.2, 0, 1)
    return HairSpec(
        style=style,
        length=within("length"),
        density=within("density") * (1 - 0.25 * float(np.clip(old, 0, 1)) * u["thinning"]),
        volume=within("volume"),
        clump=within("clump"),
        curl=curl,
        pitch=pitch,
        frizz=within("frizz"),
        hairline=min(within("hairline") + 0.5 * float(np.clip(male * old, 0, 1)) * u["thinning"] ** 2, 1.0),
        forehead=0.002 + 0.010 * (u["forehead"] + u["brow"] - 1) + 0.004 * float(male - 0.5),
        peak=0.006 * u["peak"] ** 3,
        sideburn=-0.004
        + float(np.clip(male * (1 - child), 0, 1) * (style not in TIED)) * (0.006 + 0.03 * u["sideburn"]),
        parting=(0.006 if style in ("middle_part", "braids") else 0.04) * float(2 * straight - 1),
        fringe=within("fringe"),
        fade=within("fade"),
        sweep=u["sweep"],
        tie=within("tie"),
        sections=int(within("sections")),
        outgrowth=0.25 * u["outgrowth"] ** 2,
        **_colour(config, old, dark, u),
    )


NUMBERS: tuple[str, ...] = (
    "length",
    "density",
    "volume",
    "clump",
    "curl",
    "pitch",
    "frizz",
    "hairline",
    "parting",
    "fringe",
    "fade",
)
NUMBERS += ("sweep", "tie", "sections", "thinning", "melanin", "redness", "greys", "grey", "dyed", "dye", "outgrowth")
NUMBERS += ("wavy", "forehead", "brow", "peak", "sideburn")


def _curl(style: str, dark: float, u: dict[str, float]) -> tuple[float, float]:
    """Radius and pitch (m) of waves: the family's own, or now and then a natural wave."""
    if style in CURL:
        (low, high), (near, far) = CURL[style]
        return low + (high - low) * u["curl"], near + (far - near) * u["pitch"]
    if style in ("bald", "buzz", "braids", "cornrows") or u["wavy"] > 0.35 + 0.6 * dark:
        return 0.0, 0.05
    return 0.001 + 0.003 * u["curl"], 0.018 + 0.04 * u["pitch"] * (1 - 0.6 * dark)


def _colour(config: HairConfig, old: float, dark: float, u: dict[str, float]) -> dict:
    """Pigment from blond to black, red now and then, grey by age, dyed as often as the config says."""
    light = (1 - u["melanin"]) ** 1.6 * (1 - min(1.2 * dark, 1.0))  # 0 is black
    greys = u["greys"] < np.clip(1.6 * (old - 0.35), 0.02, 0.95)
    names = sorted(DYES)
    return {
        "melanin": float(1 - 0.93 * light) if light > 0.02 else 0.98,
        "redness": float(u["redness"] ** 5),
        "grey": float(0.1 + 0.9 * u["grey"]) if greys else 0.0,
        "dye": DYES[names[int(len(names) * u["dye"])]] if u["dyed"] < config.dyed else None,
    }


def sample_brows(male: float, rng: np.random.Generator) -> BrowSpec:
    """Brows and lashes; women's are thinner and their lashes longer."""
    u = rng.random(8)
    man = float(np.clip(male, 0, 1))
    return BrowSpec(
        thickness=float(0.45 + 0.25 * man + 0.3 * u[0]),
        tail=float(0.8 + 0.2 * u[1]),
        arch=float(0.003 * u[2] * (1 - 0.6 * man)),
        length=float(0.0035 + 0.0025 * u[3] + 0.0015 * man * u[4]),
        wild=float(u[4] ** 2),
        lash_length=float(0.006 + 0.003 * u[5] + 0.0015 * (1 - man)),
        lash_density=float(0.55 + 0.45 * u[6]),
        lash_curl=float(0.3 + 0.4 * u[7]),
    )
