"""The lines of a face: where skin folds with age and with what the face does, as curves on the canonical head.

A group lies in a region and has coordinates of its own in millimetres: s along its lines and t across them. A line is
the graph t = c(s). Places are those of MakeHuman's mean; X is the distance from the middle plane, of either side.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Field = np.ndarray
Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Lines that fold together.

    coordinates: (x, y, z) in mm, x mirrored to the subject's left where `sides`, to s and t.
    curves: the lines' points (s, t). at_rest, folded: depth (mm) at full age, and under full weight of the units.
    units: what folds them, by ARKit's names without side.
    """

    name: str
    box: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]  # mm: x, y and z, from and to
    coordinates: Callable[[Field, Field, Field], tuple[Field, Field]]
    curves: tuple[Curve, ...]
    width: float  # mm: at half of it the depth is down to 1 / e
    at_rest: float
    folded: float
    units: dict[str, float]
    sides: bool = True  # one set of lines on each side, folded by that side's units
    ridge: float = 0.0  # height of the skin beyond the line, over its depth
    jitter: float = 1.0  # mm: of each line across


def _front(x: Field, y: Field, z: Field) -> tuple[Field, Field]:
    return x, z


def _upright(x: Field, y: Field, z: Field) -> tuple[Field, Field]:
    return z, x


def _from_canthus(x: Field, y: Field, z: Field) -> tuple[Field, Field]:
    """Away from the eye's outer corner, around the temple, and the angle times that."""
    along = np.hypot(np.maximum(x - 41.0, 0.0), 0.85 * np.maximum(y + 10.0, 0.0))
    return along, z + 2.0


def _fan(degrees: float, start: float, end: float) -> Curve:
    slope = np.tan(np.radians(degrees))
    reach = np.linspace(start, end, 4)
    return tuple((float(r), float(slope * r - 0.008 * r * r)) for r in reach)


def _brow_line(z: float, half: float) -> Curve:
    """Over the forehead, a little lower in the middle and at the ends."""
    x = np.linspace(-half, half, 9)
    return tuple((float(a), float(z + 1.6 * np.sin(np.pi * abs(a) / 46) - 3.0 * (a / 46) ** 2)) for a in x)


GROUPS = (
    Group(
        name="forehead",
        box=((-52, 52), (-60, 22), (19, 72)),
        coordinates=_front,
        curves=tuple(_brow_line(z, half) for z, half in ((25, 40), (32, 46), (39.5, 48), (47, 44), (55, 36))),
        width=0.85,
        at_rest=0.42,
        folded=0.75,
        units={"browInnerUp": 0.6, "browOuterUp": 0.6},
        sides=False,
        jitter=1.6,
    ),
    Group(
        name="glabella",
        box=((0, 20), (-60, 0), (-1, 31)),
        coordinates=_upright,
        curves=(
            ((1, 4.0), (9, 4.6), (17, 6.2), (25, 8.0)),
            ((6, 9.5), (14, 10.8), (22, 13.5)),
        ),
        width=0.9,
        at_rest=0.38,
        folded=0.8,
        units={"browDown": 1.0, "eyeSquint": 0.2},
        jitter=0.8,
    ),
    Group(
        name="nasion",
        box=((-13, 13), (-60, -8), (-12, 10)),
        coordinates=_front,
        curves=(((-9, 0.5), (0, -0.8), (9, 0.5)), ((-8, -4.0), (0, -5.2), (8, -4.0))),
        width=0.8,
        at_rest=0.2,
        folded=0.5,
        units={"browDown": 0.6, "noseSneer": 0.7},
        sides=False,
    ),
    Group(
        name="crows_feet",
        box=((40, 74), (-16, 30), (-34, 26)),
        coordinates=_from_canthus,
        curves=(_fan(34, 4, 20), _fan(17, 3, 26), _fan(2, 3, 27), _fan(-14, 3, 24), _fan(-31, 4, 22)),
        width=0.75,
        at_rest=0.36,
        folded=0.6,
        units={"cheekSquint": 0.9, "mouthSmile": 0.45, "eyeSquint": 0.8, "eyeBlink": 0.15},
        jitter=1.1,
    ),
    Group(
        name="under_eye",
        box=((14, 46), (-40, 2), (-26, -8)),
        coordinates=_front,
        curves=(
            ((17, -9.8), (24, -11.6), (32, -11.4), (41, -6.5)),
            ((18, -13.4), (25, -15.6), (33, -15.2), (43, -9.8)),
            ((22, -18.2), (29, -19.6), (37, -18.0)),
        ),
        width=0.7,
        at_rest=0.2,
        folded=0.35,
        units={"eyeSquint": 0.9, "cheekSquint": 0.8, "mouthSmile": 0.3},
        jitter=0.7,
    ),
    Group(
        name="tear_trough",
        box=((10, 42), (-42, 2), (-34, -5)),
        coordinates=_front,
        curves=(((12, -8.0), (17, -13.0), (24, -19.0), (33, -23.0), (39, -23.5)),),
        width=2.6,
        at_rest=0.5,
        folded=0.2,
        units={"mouthSmile": 0.5, "cheekSquint": 0.5},
        jitter=0.8,
    ),
    Group(
        name="nasolabial",
        box=((10, 46), (-60, 2), (-84, -34)),
        coordinates=_upright,
        curves=(((-76, 32.0), (-70, 30.5), (-62, 27.5), (-54, 24.0), (-46, 20.5), (-39, 17.5)),),
        width=1.5,
        at_rest=0.85,
        folded=0.8,
        units={"mouthSmile": 0.8, "noseSneer": 0.6, "mouthUpperUp": 0.6, "cheekSquint": 0.3},
        ridge=0.45,
        jitter=0.9,
    ),
    Group(
        name="marionette",
        box=((14, 40), (-60, 4), (-106, -70)),
        coordinates=_upright,
        curves=(((-100, 24.5), (-92, 27.0), (-84, 28.0), (-76, 26.5), (-72, 25.5)),),
        width=1.3,
        at_rest=0.6,
        folded=0.5,
        units={"mouthFrown": 0.9, "mouthStretch": 0.5, "mouthShrugLower": 0.3},
        ridge=0.3,
        jitter=0.9,
    ),
    Group(
        name="cheek",
        box=((26, 54), (-44, 14), (-92, -46)),
        coordinates=_upright,
        curves=(((-82, 37.5), (-74, 38.5), (-64, 36.5), (-56, 33.5)), ((-76, 45.0), (-66, 45.0), (-57, 42.0))),
        width=1.6,
        at_rest=0.2,
        folded=0.35,
        units={"mouthSmile": 0.7, "mouthDimple": 0.7},
        jitter=1.5,
    ),
    Group(
        name="nose",
        box=((4, 18), (-60, -14), (-30, 2)),
        coordinates=_front,
        curves=(((5, -3.5), (9, -6.5), (14, -11)), ((6, -8.5), (10, -12), (15, -17)), ((7, -14), (11, -18))),
        width=0.7,
        at_rest=0.06,
        folded=0.45,
        units={"noseSneer": 1.0, "mouthUpperUp": 0.2},
        jitter=0.6,
    ),
    Group(
        name="upper_lip",
        box=((-24, 24), (-60, -12), (-64, -48)),
        coordinates=_upright,
        curves=tuple(((-62.5, x), (-56, 1.03 * x), (-51, 1.08 * x)) for x in np.arange(-18, 19, 3.0).tolist()),
        width=0.55,
        at_rest=0.16,
        folded=0.25,
        units={"mouthPucker": 0.9, "mouthFunnel": 0.5, "mouthPress": 0.3},
        sides=False,
        jitter=0.7,
    ),
    Group(
        name="chin",
        box=((-22, 22), (-60, 6), (-100, -80)),
        coordinates=_front,
        curves=(((-16, -88.5), (-8, -87.0), (0, -86.6), (8, -87.0), (16, -88.5)),),
        width=1.6,
        at_rest=0.4,
        folded=0.5,
        units={"mouthShrugLower": 0.8, "mouthFrown": 0.3, "mouthPress": 0.3, "mouthRollLower": 0.3},
        sides=False,
    ),
    Group(
        name="neck",
        box=((-62, 62), (-30, 66), (-200, -122)),
        coordinates=_front,
        curves=(
            ((-58, -132), (-30, -144), (0, -149), (30, -144), (58, -132)),
            ((-58, -156), (-30, -166), (0, -170), (30, -166), (58, -156)),
            ((-50, -184), (0, -191), (50, -184)),
        ),
        width=1.5,
        at_rest=0.65,
        folded=0.3,
        units={"jawOpen": 0.3},
        sides=False,
        jitter=3.5,
    ),
)
BY_SIDE = ("Right", "Left")
