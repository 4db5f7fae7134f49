"""Intrinsic images that multiply and add up to the image."""

import numpy as np

MOST = 2.0  # how far shading is scaled up where the image is brighter than its parts


def balanced(
    image: np.ndarray, albedo: np.ndarray, shading: np.ndarray, specular: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """shading and specular [..., 3], 0 or more, changed so that image = albedo * shading + specular [..., 3].

    Each was denoised alone, so their sum misses the denoised image by some percent. Both are scaled by
    what is missing, channel by channel; what shading cannot take (MOST) is left to specular.
    """
    image = np.maximum(image, 0).astype(np.float64)
    parts = albedo * shading + specular
    scale = np.minimum(np.divide(image, parts, out=np.zeros_like(image), where=parts > 0), MOST)
    shading = scale * shading
    return shading, np.maximum(image - albedo * shading, 0)
