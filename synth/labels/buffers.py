"""What Blender rendered of a shot, as arrays."""

from dataclasses import dataclass, field

import numpy as np

# What coverage counts apart, besides everything: each sample of a pixel is of one of them at most.
COVERAGE_PARTS = ("hair", "brows_and_lashes", "beard", "glasses", "headwear", "facewear")


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffers:
    """What Blender rendered: image and coverage over all samples, the others at exact pixel centres."""

    image: np.ndarray  # float32 [H, W, 3] linear radiance, denoised
    coverage: np.ndarray  # float32 [H, W, 7] in [0, 1]: of all labelled surfaces, then of each of COVERAGE_PARTS
    depth: np.ndarray  # float32 [H, W] m along the optical axis; 0 where nothing is
    object_index: np.ndarray  # int32 [H, W] pass index; 0 where nothing is
    surface: np.ndarray  # float32 [H, W, 3] triangle number, barycentric weights of its corners 0 and 1
    normal: np.ndarray  # float32 [H, W, 3] smooth normal, world space
    albedo: np.ndarray  # float32 [H, W, 3] linear reflectance
    intrinsic: dict[str, np.ndarray] = field(default_factory=dict)  # of image, if asked for: albedo, shading, specular


def hits(surface: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangle numbers [N] and barycentric weights [N, 3] from the surface buffer's pixels [N, 3]."""
    a, b = surface[:, 1].astype(np.float64), surface[:, 2].astype(np.float64)
    return np.rint(surface[:, 0]).astype(np.int64), np.stack([a, b, 1 - a - b], axis=-1)
