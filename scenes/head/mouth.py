"""A person's teeth and gums: how bright and yellow, how brown the gums. numpy; the model's own are the mean."""

from dataclasses import dataclass

import numpy as np

from scenes.head.lamps import Triple, triple
from scenes.head.noise import value_noise
from synth.models import MorphableModel

# With age teeth get darker, yellower and redder (674 people of 16 to 89 years, Ajou University's repository,
# 201003/17697); how much here is by eye.
BRIGHT, AGED = 0.07, -0.12  # logarithm of the reflectance: deviation, and what full age adds
YELLOW, YELLOWED = 0.07, 0.12  # what blue loses, at a deviation and at full age; green loses a quarter of it
APART, TOOTH = 0.03, 0.006  # deviation of the logarithm from tooth to tooth, and m that are one tooth
BROWN = np.array([0.5, 0.42, 0.3])  # share of the light that gums with much melanin keep of what others reflect
SEEDS = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class MouthSpec:
    """Of a person. Colours are factors on the model's reflectance."""

    teeth: Triple
    gums: Triple  # of the gums, the tongue and all else inside
    seed: int  # of how one tooth differs from the next


def sample_mouth(age: float, dark: float, rng: np.random.Generator) -> MouthSpec:
    """age: 0 young to 1 old; dark: of the skin, 0 to 1. Gums of dark skin are often brown."""
    bright, yellow, brown, warm = (
        rng.standard_normal(),
        abs(rng.standard_normal()),
        rng.beta(1.5, 2.0),
        rng.uniform(-1, 1),
    )
    lost = YELLOW * (yellow - 0.8) + YELLOWED * (age - 0.4)
    teeth = np.exp(BRIGHT * bright + AGED * (age - 0.4) - lost * np.array([0.0, 0.25, 1.0]))
    gums = (1 - (1 - BROWN) * brown * dark) * np.exp(0.08 * warm * np.array([0.5, 1.0, 0.9]))
    return MouthSpec(teeth=triple(teeth), gums=triple(gums), seed=int(rng.integers(SEEDS)))


def coloured(spec: MouthSpec, model: MorphableModel, albedo: np.ndarray) -> np.ndarray:
    """Reflectance float32 [V, 3] of skin and mouth, with this person's teeth. A model without either stays as it is."""
    none = np.zeros(len(albedo), np.float32)
    teeth = model.regions.get("teeth", none)[:, None]
    gums = model.regions.get("inner_mouth", none)[:, None] * (1 - teeth)
    each = np.exp(APART * (value_noise(model.mean[:, :2] / TOOTH, spec.seed) - 0.5) / 0.2)[:, None]
    factor = 1 + teeth * (each * np.array(spec.teeth) - 1) + gums * (np.array(spec.gums) - 1)
    return np.clip(albedo * factor, 0.01, 0.9).astype(np.float32)
