"""The segmentation class of every face, from the base mesh's own loops, masks and proportions.

Numbers such as 466 are vertices of hm08. Coordinates are those of the base mesh in head space.
"""

import numpy as np
from PIL import Image

from synth.models.makehuman.crop import INNER_GROUPS, Cut
from synth.models.makehuman.data import data_folder
from synth.models.makehuman.plane import signed_distance
from synth.models.makehuman.topology import edge_loop, enclosed

SKIN, NOSE, RIGHT_EAR, LEFT_EAR, MOUTH, TOP_LIP, BOTTOM_LIP, NECK, CLOTHING = 1, 2, 7, 8, 9, 10, 11, 12, 15

LIP_BORDER = (455, 454)  # an edge of the loop between skin and red
LIP_MEETING = (474, 473)  # of the loop where the closed lips touch
LIP_INSIDE = (523, 517)  # of the next loop inwards, behind it
LIP_CORNER_HEIGHT = -0.0675  # m: z of the mouth's corners
MOUTH_VERTEX = 540  # behind the lower lip
LID_MARGIN = (4848, 4847)  # of the front edge of the right eye's lids
LID_RIM = (1055, 1056)  # of their back edge, on the eyeball
SOCKET_VERTEX = 1081  # behind it
LID_CREASE = (89, 90)  # of the loop around the lids
# Outline of the right half of the nose seen from the front: (x, z) in metres.
NOSE_OUTLINE = [(0.003, 0.002), (-0.006, 0.0), (-0.0085, -0.0143), (-0.0125, -0.0225), (-0.0168, -0.0286)]
NOSE_OUTLINE += [(-0.0184, -0.034), (-0.0184, -0.0395), (-0.016, -0.0455), (-0.009, -0.0478), (0.003, -0.0498)]
NOSE_BACK = -0.008  # m: the nostrils end in front of this y
# Where the neck begins, seen from the side: (y, z) in metres, from the chin to the back of the head.
NECK_LINE = [
    (-0.03, -0.118),
    (0.0, -0.114),
    (0.035, -0.108),
    (0.055, -0.092),
    (0.07, -0.07),
    (0.1, -0.06),
    (0.2, -0.06),
]


def part_of_faces(cut: Cut, points: np.ndarray) -> np.ndarray:
    """uint8 [F] for the head's cut and its vertices' base positions [V, 3] in head space."""
    center = points[cut.faces].mean(axis=1)
    is_body = cut.group == "body"
    part = np.full(len(cut.faces), SKIN, dtype=np.uint8)
    part[is_body & (center[:, 2] < np.interp(center[:, 1], *np.transpose(NECK_LINE)))] = NECK
    part[_is_nose(center)] = NOSE
    is_ear = _mask(cut, "mpfb_ears.jpg") > 0.5
    part[is_ear] = np.where(center[is_ear, 0] < 0, RIGHT_EAR, LEFT_EAR)
    faces = cut.vertices[cut.faces]
    part[enclosed(faces, edge_loop(faces, *LIP_BORDER), inside=LIP_MEETING[0])] = TOP_LIP
    part[(part == TOP_LIP) & (center[:, 2] < LIP_CORNER_HEIGHT)] = BOTTOM_LIP
    part[enclosed(faces, edge_loop(faces, *LIP_INSIDE), inside=MOUTH_VERTEX)] = MOUTH
    part[np.isin(cut.group, INNER_GROUPS)] = MOUTH
    return part


def _is_nose(center: np.ndarray) -> np.ndarray:
    """bool [F]: inside the outline seen from the front, nostrils included."""
    right = np.stack([-np.abs(center[:, 0]), center[:, 2]], axis=1)
    return (signed_distance(right, np.array(NOSE_OUTLINE)) > 0) & (center[:, 1] < NOSE_BACK)


def _mask(cut: Cut, name: str) -> np.ndarray:
    """float64 [F] in [0, 1]: one of MakeHuman's texture masks at the centre of each face; 0 off the body."""
    image = np.asarray(Image.open(data_folder() / "mpfb2" / "textures" / name).convert("L")) / 255
    u, v = cut.uv.mean(axis=1).T
    rows = np.minimum(((1 - v) * image.shape[0]).astype(int), image.shape[0] - 1)
    columns = np.minimum((u * image.shape[1]).astype(int), image.shape[1] - 1)
    return np.where(cut.group == "body", image[rows, columns], 0)
