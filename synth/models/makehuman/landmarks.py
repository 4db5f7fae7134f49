"""The 68 points of iBUG/Multi-PIE on the mesh: where each lies, and its triangle and weights.

Points are placed on the base mesh, which is symmetric, for the subject's right half and the midline;
the left half is the mirror image, point by point. Three ways to say where:
a number is a vertex of hm08; FRONT (x, z) is the first surface that a viewer in front sees there;
NEAR (x, y, z) is the closest point of the skin. Metres, base mesh in head space.
"""

import numpy as np

from synth.models.makehuman.crop import Cut
from synth.models.surface import closest_points

# The opposite of each point: jaw, brows, nose, eyes, outer and inner lips.
MIRROR = [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1)]
MIRROR += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
MIRROR += [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]

VERTICES = {
    **{36: 6779, 37: 4848, 39: 4870, 40: 4862, 41: 4860},  # right eye: the front edge of the lids, where the slit ends
    **{48: 422, 49: 5351, 51: 466, 57: 492, 58: 486},  # border between skin and red
    **{60: 438, 61: 472, 62: 474, 66: 493, 67: 487},  # where the lips meet
}
FRONT = {
    **{
        17: (-0.0580, 0.0118),
        18: (-0.0480, 0.0198),
        19: (-0.0357, 0.0228),
        20: (-0.0232, 0.0221),
        21: (-0.0113, 0.0179),
    },
    **{27: (0.0, 0.0036), 28: (0.0, -0.0073), 29: (0.0, -0.0189), 30: (0.0, -0.0313)},
    **{31: (-0.0124, -0.0447), 32: (-0.0054, -0.0475), 33: (0.0, -0.0492), 50: (-0.0066, -0.0577)},
    **{38: (-0.0252, 0.0042), 59: (-0.0149, -0.0755)},
}
NEAR = {
    **{0: (-0.0748, 0.060, 0.0052), 1: (-0.0725, 0.0575, -0.0165), 2: (-0.0708, 0.0570, -0.0331)},
    **{3: (-0.0672, 0.0560, -0.0575), 4: (-0.0572, 0.0405, -0.0713), 5: (-0.0429, 0.0206, -0.0790)},
    **{6: (-0.0300, 0.0030, -0.0900), 7: (-0.0174, -0.0085, -0.1031), 8: (0.0, -0.0150, -0.1080)},
}


def place_landmarks(cut: Cut, points: np.ndarray, mirror: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int32 [68, 3] vertices of the cut and float32 [68, 3] weights, for its base positions [V, 3]."""
    faces = cut.faces[cut.group == "body"]
    triangles = np.concatenate([faces[:, (0, 1, 2)], faces[:, (0, 2, 3)]])
    skin = triangles[points[triangles][:, :, 0].max(axis=1) < 1e-4]  # the right half
    held, weights = np.zeros((68, 3), dtype=np.int32), np.zeros((68, 3), dtype=np.float32)
    for k, vertex in VERTICES.items():
        held[k], weights[k] = np.searchsorted(cut.vertices, _triangle_at(cut, vertex)), (1, 0, 0)
    for k, spot in FRONT.items():
        held[k], weights[k] = _seen_from_front(np.array(spot), points, skin)
    for k, spot in NEAR.items():
        row, weights[k] = closest_points(np.array(spot), points[skin])
        held[k] = skin[row]
    other_side = np.searchsorted(cut.vertices, mirror[cut.vertices])
    for k in range(68):
        if not weights[k].any():
            held[k], weights[k] = other_side[held[MIRROR[k]]], weights[MIRROR[k]]
    return held, weights


def _triangle_at(cut: Cut, vertex: int) -> np.ndarray:
    """int32 [3], base numbers: a triangle that begins with this vertex."""
    faces = cut.vertices[cut.faces]
    face = faces[np.flatnonzero((faces == vertex).any(axis=1))[0]]
    return np.roll(face, -int(np.flatnonzero(face == vertex)[0]))[:3]


def _seen_from_front(spot: np.ndarray, points: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The triangle [3] nearest to the viewer that covers (x, z), and the weights [3] there."""
    corners = points[triangles]
    a, b, c = np.moveaxis(corners[:, :, (0, 2)], 1, 0)
    area = _cross(b - a, c - a)
    area[area == 0] = np.nan  # seen from the side: covers nothing
    weights = np.stack([_cross(b - spot, c - spot), _cross(c - spot, a - spot), _cross(a - spot, b - spot)], 1)
    weights /= area[:, None]
    covers = (weights >= -1e-6).all(axis=1)
    depth = np.full(len(triangles), np.inf)
    depth[covers] = (weights[covers] * corners[covers, :, 1]).sum(axis=1)
    row = int(np.argmin(depth))
    weight = np.clip(weights[row], 0, 1)
    return triangles[row], (weight / weight.sum()).astype(np.float32)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
