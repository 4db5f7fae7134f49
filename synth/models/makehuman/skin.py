"""Albedo: a small optical model of skin, drawn over all human tones, and its principal components.

Melanin in the epidermis filters light, the dermis reflects it after blood has absorbed some, and a
little comes back from the surface layers whatever the tone. The three bands' constants were fitted to
typical skin: sRGB (0.85, 0.65, 0.55) light, (0.60, 0.42, 0.30) medium, (0.30, 0.20, 0.15) dark.
"""

from dataclasses import dataclass

import numpy as np

SURFACE = 0.015  # reflected before any pigment
DERMIS = np.array([0.78, 0.65, 0.43])  # reflectance without melanin and blood, linear RGB
MELANIN = np.array([1.0, 1.2, 1.35])  # absorption per unit of melanin
BLOOD = np.array([0.1, 1.0, 0.8])  # per unit of blood
STUBBLE = np.array([1.0, 0.9, 0.75])  # per unit of cut hair under the skin, bluish in the light
TEETH = np.array([0.62, 0.56, 0.45])
MUCOSA = np.array([0.42, 0.13, 0.12])
LIGHTEST_MELANIN = 0.06
DARKEST_SHARE = 0.06  # of green light that the darkest skin's melanin lets through, relative to the lightest's
# Beta distribution of the tones between the darkest (0) and the lightest (1). The ends are 2.45 standard deviations
# from the middle, so that standard normal coefficients seldom leave the human range; even tones would put them at 1.7.
TONES = (2.5, 2.5)
MELANIN_WAVES, BLOOD_WAVES = 0.03, 0.03  # standard deviations of the mottling
BATCH = 250  # people drawn at a time, for the sake of memory
NUM_MOTTLES = 12
MOTTLE_WAVES = (25.0, 110.0)  # rad/m
# Mean and standard deviation over people of what a region adds: blood, then melanin as a factor.
BLOOD_ADDED = {
    "lips": (0.7, 0.12),
    "cheeks": (0.16, 0.06),
    "nose": (0.14, 0.06),
    "ears": (0.14, 0.05),
    "eyelids": (0.1, 0.04),
    "forehead": (-0.02, 0.03),
    "neck": (-0.04, 0.03),
}
MELANIN_ADDED = {
    "lips": (0.12, 0.08),
    "eyelids": (0.16, 0.06),
    "forehead": (0.03, 0.03),
    "cheeks": (-0.03, 0.03),
    "neck": (0.05, 0.04),
    "nose": (0.02, 0.02),
}


@dataclass(kw_only=True, slots=True)
class Albedo:
    """K components of the reflectance of V vertices."""

    mean: np.ndarray  # float64 [V, 3]
    basis: np.ndarray  # float64 [K, V, 3] per standard deviation
    explained: np.ndarray  # float64 [K], share of the total variance


def skin_color(melanin: np.ndarray, blood: np.ndarray, stubble: np.ndarray) -> np.ndarray:
    """Linear RGB [..., 3] of skin with these amounts [...]."""
    absorbed = melanin[..., None] * MELANIN + blood[..., None] * BLOOD + stubble[..., None] * STUBBLE
    return SURFACE + DERMIS * np.exp(-absorbed)


def albedo_components(
    points: np.ndarray,
    regions: dict[str, np.ndarray],
    is_tooth: np.ndarray,
    count: int,
    draws: int,
    rng: np.random.Generator,
) -> Albedo:
    """The first `count` components of `draws` people's albedo, at vertices [V, 3] (m)."""
    mottles = _mottles(points, rng)
    batches = [draw_albedo(regions, mottles, is_tooth, BATCH, rng) for _ in range(draws // BATCH)]
    albedo = np.concatenate(batches).reshape(len(batches) * BATCH, -1)
    mean = albedo.mean(axis=0)
    albedo -= mean
    value, vector = np.linalg.eigh(albedo @ albedo.T / len(albedo))
    value, vector = value[::-1], vector[:, ::-1][:, :count]
    basis = vector.T @ albedo / np.sqrt(len(albedo))
    basis *= np.sign(basis.sum(axis=1, keepdims=True))  # a positive coefficient is lighter
    shape = points.shape
    return Albedo(mean=mean.reshape(shape), basis=basis.reshape(count, *shape), explained=value[:count] / value.sum())


def draw_albedo(
    regions: dict[str, np.ndarray], mottles: np.ndarray, is_tooth: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """float64 [N, V, 3]: linear reflectance of N people, from very light to very dark, see TONES."""
    share = DARKEST_SHARE + (1 - DARKEST_SHARE) * rng.beta(*TONES, (count, 1))
    melanin = LIGHTEST_MELANIN - np.log(share) / MELANIN[1]
    melanin = melanin * (1 + _added(regions, MELANIN_ADDED, count, rng) + _waves(mottles, MELANIN_WAVES, count, rng))
    blood = rng.uniform(0.3, 0.55, (count, 1)) + _added(regions, BLOOD_ADDED, count, rng)
    blood = np.maximum(blood + _waves(mottles, BLOOD_WAVES, count, rng), 0.05)
    beard = np.maximum(rng.normal(0, 0.2, (count, 1)), 0) * regions["beard"]
    skin = skin_color(melanin, blood, beard)
    inside = np.where(is_tooth[:, None], TEETH, MUCOSA) * rng.normal(1, 0.08, (count, 1, 1))
    mouth = regions["inner_mouth"][:, None]
    return skin * (1 - mouth) + inside * mouth


def _added(
    regions: dict[str, np.ndarray], table: dict[str, tuple[float, float]], count: int, rng: np.random.Generator
) -> np.ndarray:
    """float64 [N, V]: what the regions add, each by its own normal amount per person."""
    masks = np.stack([regions[name] for name in table])
    mean, sd = np.transpose(list(table.values()))
    return rng.normal(mean, sd, (count, len(table))) @ masks


def _waves(mottles: np.ndarray, sd: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """float64 [N, V]: smooth variation over the skin with this standard deviation."""
    return rng.normal(0, sd / np.sqrt(len(mottles)), (count, len(mottles))) @ mottles


def _mottles(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """float64 [NUM_MOTTLES, V]: fields of mean square 1, each a sum of waves in random directions."""
    direction = rng.normal(size=(NUM_MOTTLES, 6, 3))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    waves = direction * rng.uniform(*MOTTLE_WAVES, (NUM_MOTTLES, 6, 1))
    phase = rng.uniform(0, 2 * np.pi, (NUM_MOTTLES, 6, 1))
    return np.cos(waves @ points.T + phase).sum(axis=1) / np.sqrt(3)
