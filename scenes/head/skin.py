"""A person's skin as it is drawn: its tone, even on the typology angle, its marks and its gloss.

The tone asks for an amount of melanin; with the blood, the regions and all else that is drawn of a person that is an
albedo, whose coefficients on the model's own basis are what records hold.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from scenes.head.skin_config import TONES, SkinConfig
from synth.models import MorphableModel
from synth.models.skin.people import People, Places, draw_people, places_of, reflectance
from synth.models.skin.tone import tone_bounds
from synth.rng import Streams, between

FITTED = 900  # vertices by which coefficients are found
INSIDE = 0.08  # deviation of the brightness of the mouth's inside
BOUND = 6.0  # standard deviations: a coefficient beyond is cut off
COEFFICIENT_GRID, PIGMENT_GRID = 2.0**-12, 1e-6  # what is drawn is rounded to, so that machines agree
SEEDS = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class SkinSpec:
    """What the skin of a person has beside its albedo coefficients. Marks and lines are where `seed` puts them."""

    melanin: float  # volume fraction of the epidermis
    pheomelanin: float  # share of it
    blood: float  # volume fraction of the dermis
    oxygen: float  # share of the blood that is oxygenated
    freckles: float  # 0 none to 1 covered
    moles: int
    age_spots: int
    blemishes: int  # pimples and what they leave
    veins: float  # 0 hidden to 1 plain
    wrinkles: float  # 0 smooth to 1 deeply lined at rest
    lines: float  # depth of lines that an expression folds, 1 is usual
    pores: float  # depth of pores and fine unevenness, 1 is usual
    roughness: float  # of the dry surface
    oil: float  # 0 matt to 1 shining: forehead, nose and chin
    sweat: float  # 0 dry to 1 wet
    seed: int
    depth: float = 1.0  # times that of all lines and of the furrows of lips


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How coefficients follow from reflectances at some vertices of a model."""

    places: Places
    mean: np.ndarray  # float64 [P, 3]
    inside: np.ndarray  # float64 [P] share that is the mouth's inside
    inverse: np.ndarray  # float64 [Ka, 3 P] of the basis
    bound: float  # standard deviations


def sample_skin(
    config: SkinConfig, model: MorphableModel, male: float, old: float, child: float, bound: float, streams: Streams
) -> tuple[SkinSpec, tuple[float, ...], float]:
    """The skin of a person of these shares, its albedo coefficients [Ka], and its typology angle (degrees).

    bound: of coefficients of a model that came with an albedo of its own, standard deviations.
    """
    rng, age = streams.of_identity("albedo"), float(np.clip(old - child, 0, 1))
    angle = sample_angle(config, rng)
    shadow = max(0.28 * rng.standard_normal(), 0.0) * float(np.clip(2 * male - 0.8, 0, 1)) * (child < 0.25)
    fit = fit_of(model, bound)
    person = draw_people(fit.places, np.array([angle]), np.array([age]), np.array([shadow]), rng)
    coefficients = _coefficients(fit, person, 1 + INSIDE * rng.standard_normal())
    spec = _marked(config, person, tone_of(angle), age, child, streams.of_identity("skin"))
    return spec, tuple(coefficients.tolist()), angle


def sample_angle(config: SkinConfig, rng: np.random.Generator) -> float:
    """Typology angle (degrees): a class by its weight, and evenly within it."""
    weights = np.array([config.tones.get(name, 0.0) for name in TONES])
    low, high = list(tone_bounds().values())[rng.choice(len(TONES), p=weights / weights.sum())]
    return between(rng, [low, high])


def tone_of(angle: float) -> str:
    """The class of a typology angle (degrees), one of TONES."""
    return next(
        name for name, (low, _) in zip(TONES, tone_bounds().values(), strict=True) if angle > low or name == TONES[-1]
    )


@lru_cache(maxsize=2)
def fit_of(model: MorphableModel, bound: float) -> Fit:
    """The fit of a model as it is loaded: to vertices spread evenly over their numbers, and all that tell the tone."""
    places = places_of(model.mean, model.regions)
    inside = model.regions.get("inner_mouth", np.zeros(len(model.mean))).astype(np.float64)
    tell = np.flatnonzero(places.tone > 0)
    chosen = np.unique(np.concatenate([np.arange(0, len(inside), max(len(inside) // FITTED, 1)), tell]))
    basis = model.albedo_basis[:, chosen].astype(np.float64).reshape(len(model.albedo_basis), 3 * len(chosen))
    own = bool(model.source_sha256) and "albedo" not in model.supplied
    return Fit(
        places=places.at(chosen),
        mean=model.albedo_mean[chosen].astype(np.float64),
        inside=inside[chosen],
        inverse=np.linalg.pinv(basis.T),
        bound=bound if own else BOUND,
    )


def _coefficients(fit: Fit, person: People, inside: float) -> np.ndarray:
    """float64 [Ka]: the nearest to the person's skin; the mouth's inside is the model's, `inside` times as bright."""
    wanted = reflectance(person, fit.places)[0]
    share = fit.inside[:, None]
    wanted = wanted * (1 - share) + fit.mean * inside * share
    found = fit.inverse @ (wanted - fit.mean).ravel()
    return np.clip(np.round(found / COEFFICIENT_GRID) * COEFFICIENT_GRID, -fit.bound, fit.bound)


def _marked(
    config: SkinConfig, person: People, tone: str, age: float, child: float, rng: np.random.Generator
) -> SkinSpec:
    """Marks by tone and age; a child has few."""
    young, grown = float(np.clip(1 - 1.6 * age, 0, 1)), float(np.clip(1 - 0.8 * child, 0.1, 1))
    draw = rng.random(6)
    spots = config.age_spots.get(tone, 0.0) * float(np.clip((age - 0.3) / 0.7, 0, 1)) ** 1.5
    blemished = draw[2] < config.blemishes * (0.25 + 0.75 * young) * grown
    return SkinSpec(
        melanin=_plain(person.melanin),
        pheomelanin=_plain(person.pheomelanin),
        blood=_plain(person.blood),
        oxygen=_plain(person.oxygen),
        freckles=float(rng.beta(1.4, 2.0)) * (draw[0] < config.freckles.get(tone, 0.0)) * (1 - 0.4 * age),
        moles=int(rng.poisson(config.moles.get(tone, 0.0) * rng.gamma(1.5, 1 / 1.5) * grown)),
        age_spots=int(rng.poisson(spots * rng.gamma(1.5, 1 / 1.5))),
        blemishes=int(rng.integers(1, 14)) if blemished else 0,
        veins=rng.uniform(0.3, 1.0) * (draw[1] < config.veins.get(tone, 0.0)),
        wrinkles=float(np.clip(age * rng.uniform(0.75, 1.25) + rng.uniform(0.0, 0.08), 0, 1)),
        lines=rng.uniform(0.6, 1.3),
        pores=rng.uniform(0.4, 1.5) * (0.7 + 0.5 * age) * grown * config.pores,
        roughness=rng.uniform(0.4, 0.54),
        oil=between(rng, config.oil),
        sweat=rng.uniform(0.3, 1.0) * (draw[3] < config.sweat),
        seed=int(rng.integers(SEEDS)),
        depth=config.wrinkles,
    )


def _plain(amount: np.ndarray) -> float:
    return round(float(amount[0]) / PIGMENT_GRID) * PIGMENT_GRID
