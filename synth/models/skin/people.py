"""What varies between people's skin: how much pigment and blood, and where on the face. In numpy, of N people at once.

Amounts vary by region and smoothly in between, as factors on a person's own: melanin and blood have logarithms that
add up. The same drawing makes the components of the built-in model and the skin of every record.
"""

from dataclasses import dataclass

import numpy as np

from synth.models.skin.optics import BLOOD_RANGE, MELANIN_RANGE, OXYGEN_RANGE, skin_color
from synth.models.skin.tone import typology_angle

# By region: mean and standard deviation over people of the logarithm of the factor on melanin and on blood, and of the
# oxygenation's shift. Lips have a thin cover over dense vessels, cheeks, nose and ears are well supplied, the skin
# around the eyes is thin over venous blood and darkens with age, the neck lies in the shade.
REGIONS = {
    "lips": ((-0.25, 0.3), (1.4, 0.15), (0.08, 0.03)),
    "cheeks": ((-0.03, 0.06), (0.48, 0.22), (0.04, 0.02)),
    "nose": ((0.05, 0.08), (0.5, 0.24), (0.02, 0.03)),
    "ears": ((-0.05, 0.1), (0.5, 0.22), (0.04, 0.03)),
    "eyelids": ((0.18, 0.13), (0.3, 0.18), (-0.15, 0.07)),
    "forehead": ((0.06, 0.08), (-0.08, 0.12), (0.0, 0.02)),
    "neck": ((-0.08, 0.14), (-0.25, 0.14), (-0.02, 0.03)),
    "scalp": ((-0.15, 0.14), (-0.1, 0.12), (0.0, 0.03)),
    "beard": ((0.04, 0.06), (0.06, 0.1), (-0.02, 0.03)),
}
BLOOD, BLOOD_SPREAD = 0.0105, 0.22  # median volume fraction of a dermis, deviation of its logarithm
OXYGEN, OXYGEN_SPREAD = 0.75, 0.05
YELLOW = 0.04  # 1/mm: mean absorption of carotenoids and bilirubin at their peak
AGED = {"eyelids": 0.25, "cheeks": 0.04, "nose": 0.05}  # logarithm of melanin's factor that full age adds
WAVES, WAVELENGTHS = 24, (0.02, 0.2)  # smooth fields of unevenness, m
MELANIN_WAVES, BLOOD_WAVES = 0.1, 0.16  # standard deviation of the logarithms that they add
SHADOW = np.array([1.0, 0.9, 0.75])  # absorption per unit of cut hair under the skin: bluish
TONE_PLACES = 150  # vertices of cheeks and forehead at which the tone is measured while it is looked for
SEED = 20260101  # of the fields, which are the same for everyone


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Places of a head where skin is looked at, P of them."""

    regions: np.ndarray  # float64 [len(REGIONS), P] masks in [0, 1]
    waves: np.ndarray  # float64 [WAVES, P] smooth fields of mean square 1
    beard: np.ndarray  # float64 [P] mask in [0, 1]
    tone: np.ndarray  # float64 [P] weights that sum to 1: where skin tone is measured

    def at(self, chosen: np.ndarray) -> "Places":
        """Some of the places, by their numbers."""
        tone = self.tone[chosen]
        return Places(
            regions=self.regions[:, chosen],
            waves=self.waves[:, chosen],
            beard=self.beard[chosen],
            tone=tone / max(tone.sum(), 1e-9),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Complexions of N people. Volume fractions, logarithms of factors by region and by field."""

    melanin: np.ndarray  # [N] of the epidermis
    pheomelanin: np.ndarray  # [N] share of the melanin
    blood: np.ndarray  # [N] of the dermis
    oxygen: np.ndarray  # [N]
    yellow: np.ndarray  # [N] 1/mm
    melanin_regions: np.ndarray  # [N, len(REGIONS)]
    blood_regions: np.ndarray  # [N, len(REGIONS)]
    oxygen_regions: np.ndarray  # [N, len(REGIONS)]
    melanin_waves: np.ndarray  # [N, WAVES]
    blood_waves: np.ndarray  # [N, WAVES]
    shadow: np.ndarray  # [N] of a shaved beard, from 0


def places_of(points: np.ndarray, regions: dict[str, np.ndarray]) -> Places:
    """Every vertex [V, 3] (m, head space) of a model with these masks [V]; regions that it lacks are nowhere."""
    none = np.zeros(len(points))
    masks = np.stack([regions.get(name, none) for name in REGIONS]).astype(np.float64)
    tone = masks[list(REGIONS).index("cheeks")] + masks[list(REGIONS).index("forehead")]
    tone = tone if tone.any() else np.ones(len(points))
    beard = np.asarray(regions.get("beard", none), np.float64)
    return Places(regions=masks, waves=_waves(points), beard=beard, tone=tone / tone.sum())


def _waves(points: np.ndarray) -> np.ndarray:
    """float64 [WAVES, V]: each a sum of six waves in directions of its own."""
    rng = np.random.default_rng(SEED)
    direction = rng.normal(size=(WAVES, 6, 3))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    shortest, longest = np.log(WAVELENGTHS)
    length = np.exp(rng.uniform(shortest, longest, (WAVES, 6, 1)))
    phase = rng.uniform(0, 2 * np.pi, (WAVES, 6, 1))
    return np.cos(2 * np.pi * direction / length @ points.T.astype(np.float64) + phase).sum(axis=1) / np.sqrt(3)


def draw_people(
    places: Places, angle: np.ndarray, age: np.ndarray, shadow: np.ndarray, rng: np.random.Generator
) -> People:
    """People with these typology angles [N] (degrees), as far as pigments reach them.

    age [N] from 0 (young) to 1; shadow [N] of shaved beards. Melanin is what the angle asks for, all else is drawn.
    """
    count, known = len(angle), np.array([REGIONS[name] for name in REGIONS])  # [R, 3, 2]
    drawn = known[..., 0] + known[..., 1] * rng.standard_normal((count, *known.shape[:2]))
    aged = np.array([AGED.get(name, 0.0) for name in REGIONS])
    uneven = (0.6 + 0.8 * age)[:, None] / np.sqrt(WAVES)
    people = People(
        melanin=np.zeros(count),
        pheomelanin=np.where(angle > 35, rng.beta(1.5, 3.5, count), rng.beta(2.0, 10.0, count)),
        blood=BLOOD * np.exp(BLOOD_SPREAD * rng.standard_normal(count)),
        oxygen=OXYGEN + OXYGEN_SPREAD * rng.standard_normal(count),
        yellow=YELLOW * rng.gamma(2.0, 0.5, count),
        melanin_regions=drawn[..., 0] + age[:, None] * aged,
        blood_regions=drawn[..., 1],
        oxygen_regions=drawn[..., 2],
        melanin_waves=MELANIN_WAVES * uneven * rng.standard_normal((count, WAVES)),
        blood_waves=BLOOD_WAVES * uneven * rng.standard_normal((count, WAVES)),
        shadow=shadow,
    )
    there = np.flatnonzero(places.tone > 0.02 * places.tone.max())
    measured = places.at(there[:: -(-len(there) // TONE_PLACES)])
    people.melanin[:] = _melanin_of(people, measured, angle)
    return people


def _melanin_of(people: People, places: Places, angle: np.ndarray) -> np.ndarray:
    """[N]: the melanin at which the mean colour of the places has this typology angle, by bisection."""
    low, high = (np.full(len(angle), np.log(bound)) for bound in MELANIN_RANGE)
    for _ in range(12):  # to a thousandth
        people.melanin[:] = np.exp((low + high) / 2)
        lighter = typology_angle(reflectance(people, places, shadow=False).transpose(0, 2, 1) @ places.tone) > angle
        low, high = np.where(lighter, np.log(people.melanin), low), np.where(lighter, high, np.log(people.melanin))
    return np.exp((low + high) / 2)


def reflectance(people: People, places: Places, shadow: bool = True) -> np.ndarray:
    """Diffuse reflectance float64 [N, P, 3], linear RGB, with or without the shadow of shaved beards."""
    melanin = np.log(people.melanin)[:, None] + people.melanin_regions @ places.regions
    blood = np.log(people.blood)[:, None] + people.blood_regions @ places.regions
    oxygen = people.oxygen[:, None] + people.oxygen_regions @ places.regions
    color = skin_color(
        np.clip(np.exp(melanin + people.melanin_waves @ places.waves), *MELANIN_RANGE),
        np.clip(np.exp(blood + people.blood_waves @ places.waves), *BLOOD_RANGE),
        np.clip(oxygen, *OXYGEN_RANGE),
        people.pheomelanin[:, None],
        people.yellow[:, None],
    )
    if not shadow:
        return color
    return color * np.exp(-(people.shadow[:, None] * places.beard)[..., None] * SHADOW)
