"""The albedo of a linear model: the principal components of many people's skin."""

from dataclasses import dataclass

import numpy as np

from synth.models.skin.people import Places, draw_people, reflectance
from synth.models.skin.tone import DARKEST, LIGHTEST

MUCOSA = np.array([0.42, 0.13, 0.12])
INSIDE_SPREAD = 0.08  # of the brightness of a mouth's inside
BATCH = 100  # people drawn at a time, for the sake of memory


@dataclass(kw_only=True, slots=True)
class Albedo:
    """K components of the reflectance of V vertices."""

    mean: np.ndarray  # float64 [V, 3]
    basis: np.ndarray  # float64 [K, V, 3] per standard deviation
    explained: np.ndarray  # float64 [K], share of the total variance


def albedo_components(
    places: Places,
    inner_mouth: np.ndarray,
    weight: np.ndarray,
    count: int,
    draws: int,
    rng: np.random.Generator,
) -> Albedo:
    """The first `count` components of `draws` people's albedo, whose tones are even on the typology angle.

    inner_mouth: float [V], mask of the mouth's inside. weight: float [V], of each vertex, in the metric of
    the components.
    """
    batches = [_draw(places, inner_mouth, BATCH, rng) for _ in range(draws // BATCH)]
    albedo = np.concatenate(batches).reshape(len(batches) * BATCH, -1)
    mean = albedo.mean(axis=0)
    albedo -= mean
    seen = albedo * np.repeat(np.sqrt(weight), 3).astype(np.float32)
    value, vector = np.linalg.eigh((seen @ seen.T).astype(np.float64) / len(seen))
    value, vector = value[::-1], vector[:, ::-1][:, :count]
    basis = vector.T @ albedo / np.sqrt(len(albedo))
    basis *= np.sign(basis.sum(axis=1, keepdims=True))  # a positive coefficient is lighter
    shape = (len(weight), 3)
    return Albedo(mean=mean.reshape(shape), basis=basis.reshape(count, *shape), explained=value[:count] / value.sum())


def _draw(places: Places, inner_mouth: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """float32 [N, V, 3]: linear reflectance of N people."""
    angle, age = rng.uniform(DARKEST, LIGHTEST, count), rng.uniform(0, 1, count)
    shadow = np.maximum(rng.normal(0, 0.25, count), 0)
    skin = reflectance(draw_people(places, angle, age, shadow, rng), places)
    inside = MUCOSA * rng.normal(1, INSIDE_SPREAD, (count, 1, 1))
    mouth = inner_mouth[:, None]
    return (skin * (1 - mouth) + inside * mouth).astype(np.float32)
