"""Soft masks over the skin, and the paths that lashes grow on.

Outlines are in metres on the base mesh in head space, drawn for the subject's right half and
mirrored: FRONT is (x, z) as seen by a viewer in front, SIDE is (y, z) as seen from the subject's right.
"""

import numpy as np

from synth.models.makehuman import parts
from synth.models.makehuman.crop import Cut
from synth.models.makehuman.plane import smooth_step, soft_polygon
from synth.models.makehuman.topology import edge_loop, enclosed

BROW_FRONT = [(-0.0115, 0.0115), (-0.0115, 0.0174), (-0.0236, 0.0208), (-0.0364, 0.0213), (-0.0478, 0.0196)]
BROW_FRONT += [(-0.0572, 0.0110), (-0.0555, 0.0095), (-0.0473, 0.0154), (-0.0363, 0.0159), (-0.0240, 0.0150)]
FOREHEAD_FRONT = [(0.01, 0.02), (-0.02, 0.026), (-0.05, 0.022), (-0.058, 0.04), (-0.05, 0.062), (0.01, 0.075)]
CHEEK_CENTER, CHEEK_RADIUS = (-0.043, -0.034), 0.022  # FRONT
# The hairline's height (m, SIDE's z) over the azimuth around the head's axis (degrees, 0 is the face):
# forehead, recess at the temple, sideburn, over the ear, behind it, nape.
HAIRLINE = [(0, 0.077), (15, 0.079), (27, 0.081), (38, 0.066), (48, 0.052), (58, 0.036), (66, 0.012), (72, -0.008)]
HAIRLINE += [(80, -0.012), (86, 0.026), (98, 0.034), (112, 0.01), (124, -0.035), (145, -0.062), (180, -0.068)]
HEAD_AXIS_Y = 0.07
# Beard: below this line from the sideburn past the mouth's corner to the nose, and above the neck's.
BEARD_SIDE = [(0.062, -0.012), (0.05, -0.02), (0.035, -0.052), (0.005, -0.058), (-0.012, -0.058), (-0.026, -0.0535)]
BEARD_SIDE += [(-0.05, -0.047), (-0.06, -0.125), (0.0, -0.121), (0.04, -0.112), (0.062, -0.09), (0.068, -0.05)]


def region_masks(cut: Cut, points: np.ndarray, part: np.ndarray, mirror: np.ndarray) -> dict[str, np.ndarray]:
    """Name to float32 [V] in [0, 1], for base positions [V, 3], parts [F] and hm08's mirror table."""
    front = np.stack([-np.abs(points[:, 0]), points[:, 2]], axis=1)
    skin = _outer_skin(cut, part, mirror)
    lips = _touching(cut, np.isin(part, (parts.TOP_LIP, parts.BOTTOM_LIP)))
    ears = _touching(cut, np.isin(part, (parts.RIGHT_EAR, parts.LEFT_EAR)))
    brow = soft_polygon(front, np.array(BROW_FRONT), 0.003) * skin * (points[:, 1] < 0.02)
    beard = soft_polygon(points[:, 1:], np.array(BEARD_SIDE), 0.008) * skin * (1 - lips) * (1 - ears)
    masks = {
        "scalp": _scalp(points) * skin * (1 - ears),
        "right_brow": brow * (points[:, 0] < 0),
        "left_brow": brow * (points[:, 0] > 0),
        "beard": beard * (1 - _touching(cut, part == parts.NOSE)),
        "lips": lips,
        "cheeks": np.exp(-(((front - CHEEK_CENTER) / CHEEK_RADIUS) ** 2).sum(axis=1)) * skin * (points[:, 1] < 0.06),
        "nose": _touching(cut, part == parts.NOSE),
        "eyelids": _eyelids(cut, points),
        "ears": ears,
        "inner_mouth": _touching(cut, part == parts.MOUTH),
        "forehead": soft_polygon(front, np.array(FOREHEAD_FRONT), 0.016) * skin * (points[:, 1] < 0.05),
        "neck": _touching(cut, part == parts.NECK),
    }
    return {name: mask.astype(np.float32) for name, mask in masks.items()}


def lash_paths(cut: Cut, mirror: np.ndarray, points: np.ndarray) -> dict[str, np.ndarray]:
    """Name to int32 [n]: the front edge of each lid, from the inner to the outer corner."""
    loop = edge_loop(cut.vertices[cut.faces], *parts.LID_MARGIN)
    x = points[np.searchsorted(cut.vertices, loop), 0]
    loop = np.roll(loop, -int(np.argmax(x)))  # the inner corner of the right eye first
    outer = int(np.argmin(np.roll(x, -int(np.argmax(x)))))
    halves = [loop[: outer + 1], np.r_[loop[:1], loop[: outer - 1 : -1]]]
    height = [points[np.searchsorted(cut.vertices, half), 2].mean() for half in halves]
    upper, lower = (halves[i] for i in np.argsort(height)[::-1])
    paths = {"right_upper_lash": upper, "right_lower_lash": lower}
    paths |= {name.replace("right", "left"): mirror[path] for name, path in paths.items()}
    return {name: np.searchsorted(cut.vertices, path).astype(np.int32) for name, path in paths.items()}


def _scalp(points: np.ndarray) -> np.ndarray:
    """Where head hair grows: above the hairline around the head's axis."""
    x, y, z = points.T
    azimuth = np.degrees(np.arctan2(np.abs(x), HEAD_AXIS_Y - y))
    return smooth_step(z - np.interp(azimuth, *np.transpose(HAIRLINE)), -0.004, 0.006)


def _outer_skin(cut: Cut, part: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """1 on the skin that is seen, 0 in the mouth and in the eye sockets."""
    faces = cut.vertices[cut.faces]
    rim = edge_loop(faces, *parts.LID_RIM)
    right = enclosed(faces, rim, inside=parts.SOCKET_VERTEX)
    left = enclosed(faces, mirror[rim], inside=int(mirror[parts.SOCKET_VERTEX]))
    return 1 - _touching(cut, right | left | (part == parts.MOUTH))


def _eyelids(cut: Cut, points: np.ndarray) -> np.ndarray:
    """1 on the lids, fading around them."""
    loop = np.searchsorted(cut.vertices, edge_loop(cut.vertices[cut.faces], *parts.LID_CREASE))
    right = np.concatenate([-np.abs(points[:, :1]), points[:, 1:]], axis=1)
    distance = np.linalg.norm(right[:, None] - points[loop], axis=-1).min(axis=1)
    return 1 - smooth_step(distance, 0.002, 0.009)


def _touching(cut: Cut, is_in: np.ndarray) -> np.ndarray:
    """float64 [V]: the share of each vertex's faces that are in the set bool [F]; 0 for no faces."""
    count = len(cut.vertices)
    corners = cut.faces.ravel()
    return np.bincount(corners, np.repeat(is_in, 4), count) / np.maximum(np.bincount(corners, minlength=count), 1)
