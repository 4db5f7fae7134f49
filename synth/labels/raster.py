"""What each pixel centre's ray meets first, in numpy: for what lies behind other things."""

import numpy as np

from synth.camera import Camera
from synth.geometry import transform
from synth.labels.mesh_view import rasterize


def first_triangle(points: np.ndarray, triangles: np.ndarray, camera: Camera) -> np.ndarray:
    """int32 [H, W]: the triangle [T, 3] of world-space points [V, 3] that each pixel centre meets first, -1: none."""
    p_camera = transform(camera.world_to_camera, points.astype(np.float64))
    return rasterize(p_camera, triangles, camera.K, camera.hw)[0]
