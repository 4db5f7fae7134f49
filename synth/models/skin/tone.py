"""Skin tone as dermatology measures it: the individual typology angle of a reflectance, and its classes."""

import numpy as np

from synth.models.skin.optics import XYZ_FROM_RGB

WHITE = XYZ_FROM_RGB.sum(axis=1)  # D65
TONES = (  # name and least angle (degrees): Del Bino and Bernerd, British Journal of Dermatology 169 (2013)
    ("very light", 55.0),
    ("light", 41.0),
    ("intermediate", 28.0),
    ("tan", 10.0),
    ("brown", -30.0),
    ("dark", -np.inf),
)
LIGHTEST, DARKEST = 62.0, -56.0  # degrees: what the pigments of people reach


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB [..., 3] under D65 of reflectances [..., 3], linear RGB. NaN stays NaN."""
    t = np.asarray(rgb, np.float64) @ XYZ_FROM_RGB.T / WHITE
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def typology_angle(rgb: np.ndarray) -> np.ndarray:
    """Individual typology angle (degrees) of reflectances [..., 3], linear RGB: arctan((L* - 50) / b*), CIELAB, D65.

    Chardon, Cretois and Hourseau, International Journal of Cosmetic Science 13 (1991). NaN stays NaN.
    """
    lightness, _, b = np.moveaxis(lab(rgb), -1, 0)
    return np.rad2deg(np.arctan2(lightness - 50, b))


def tone_codes(angle: np.ndarray) -> np.ndarray:
    """int16 positions in TONES of typology angles (degrees); -1 where the angle is NaN."""
    bounds = np.array([bound for _, bound in TONES[:-1]])
    return np.where(np.isnan(angle), -1, (np.asarray(angle)[..., None] <= bounds).sum(axis=-1)).astype(np.int16)


def tone_bounds() -> dict[str, tuple[float, float]]:
    """{name: least and greatest angle (degrees)} of the classes, within what people have."""
    highs = (LIGHTEST, *(bound for _, bound in TONES[:-1]))
    return {name: (max(low, DARKEST), high) for (name, low), high in zip(TONES, highs, strict=True)}
