"""The garment: bound to the skin below it, so that it stays outside whoever wears it."""

import numpy as np

from synth.geometry import vertex_normals
from synth.models.surface import closest_points

CLEARANCE = 0.004  # m: the garment's least distance from the skin of the mean


def bind(garment: np.ndarray, skin: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices [G, 3] (m) lifted off the skin [V, 3], and what each is bound to: vertices [G, 3], weights [G, 3].

    A garment vertex that moves with its point of the skin keeps its distance, up to the skin's bending.
    """
    normals = vertex_normals(skin, triangles)
    lifted = np.empty(garment.shape)
    held, weights = np.empty(garment.shape, dtype=np.int32), np.empty(garment.shape)
    for k, point in enumerate(garment):
        row, weights[k] = closest_points(point, skin[triangles])
        held[k] = triangles[row]
        foot, normal = weights[k] @ skin[held[k]], weights[k] @ normals[held[k]]
        normal /= np.linalg.norm(normal)
        height = (point - foot) @ normal
        lifted[k] = point + max(CLEARANCE - height, 0) * normal
    return lifted, held, weights
