"""From linear light to the photograph: exposure, a film-like shoulder, the sRGB curve, 8 bits."""

import numpy as np

SHOULDER = 0.75  # linear up to here; above, highlights roll off towards 1 instead of clipping


def photograph(radiance: np.ndarray, exposure: float) -> np.ndarray:
    """sRGB code values float32 [H, W, 3] in [0, 255] of linear radiance [H, W, 3]."""
    return 255 * srgb_from_linear(shoulder(exposure * radiance))


def shoulder(linear: np.ndarray) -> np.ndarray:
    """Compresses [SHOULDER, inf) into [SHOULDER, 1), with a continuous slope."""
    x = np.maximum(linear, 0)
    over = np.maximum(x - SHOULDER, 0) / (1 - SHOULDER)
    return np.minimum(x, SHOULDER) + (1 - SHOULDER) * (1 - np.exp(-over))


def srgb_from_linear(linear: np.ndarray) -> np.ndarray:
    """The transfer curve of IEC 61966-2-1, [0, 1] to [0, 1]."""
    x = np.clip(linear, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(np.maximum(x, 0.0031308), 1 / 2.4) - 0.055)
