"""The eyeball as one opaque surface: a sphere with the cornea's bulge, in units of its radius.

Eye space: the gaze is -y, +z is up, the origin is the eyeball's centre. The iris lies in a plane behind the
cornea; the shader finds it along the refracted ray, so that depth and normal have one meaning: the cornea's.
"""

from dataclasses import dataclass

import numpy as np

from synth.geometry import normalize

LIMBUS = 0.40  # radius of the iris's rim over the eyeball's: 6 mm over MakeHuman's large 15.4 mm
CORNEA = 0.53  # radius of curvature over the eyeball's: 7.8 mm, and a little more
_RIM = np.sqrt(1 - LIMBUS**2)  # how far in front of the centre the cornea begins
CORNEA_CENTER = _RIM - np.sqrt(CORNEA**2 - LIMBUS**2)
IRIS_PLANE = _RIM - 0.05


@dataclass(frozen=True, slots=True)
class Eyes:
    """Where the eyeballs are and look, head space, the right one first."""

    centers: np.ndarray  # [2, 3] m
    radii: np.ndarray  # [2] m
    directions: np.ndarray  # [2, 3] unit


def eyeball_mesh(rings: int = 40, segments: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Points float64 [V, 3] (eye space, radii) and triangles int32 [T, 3], counter-clockwise from outside."""
    angle = np.linspace(0, np.pi, rings + 1)[1:-1] ** 1.3 / np.pi**0.3  # finer rings in front
    turn = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    direction = np.stack(
        [
            np.sin(angle)[:, None] * np.cos(turn),
            np.broadcast_to(-np.cos(angle)[:, None], (rings - 1, segments)),
            np.sin(angle)[:, None] * np.sin(turn),
        ],
        axis=-1,
    ).reshape(-1, 3)
    direction = np.concatenate([direction, [[0, -1, 0], [0, 1, 0]]])
    return direction * _reach(direction)[:, None], _ring_triangles(rings - 1, segments)


def _reach(direction: np.ndarray) -> np.ndarray:
    """Radius [N] of the eyeball along unit directions [N, 3]: the cornea's sphere where that is farther out."""
    forward = -direction[:, 1]
    inside = CORNEA**2 - CORNEA_CENTER**2 * (1 - forward**2)
    cornea = CORNEA_CENTER * forward + np.sqrt(np.maximum(inside, 0))
    return np.maximum(np.where(forward > 0, cornea, 0), 1)


def _ring_triangles(rings: int, segments: int) -> np.ndarray:
    """Triangles of `rings` closed rings and two poles, front pole first after them."""
    index = np.arange(rings * segments).reshape(rings, segments)
    a, b = index, np.roll(index, -1, axis=1)
    front, back = rings * segments, rings * segments + 1
    quads = [np.stack([a[:-1], b[1:], b[:-1]], -1), np.stack([a[:-1], a[1:], b[1:]], -1)]
    caps = [
        np.stack([np.full(segments, front), a[0], b[0]], -1),
        np.stack([np.full(segments, back), b[-1], a[-1]], -1),
    ]
    return np.concatenate([t.reshape(-1, 3) for t in (*quads, *caps)]).astype(np.int32)


def eye_rotation(direction: np.ndarray) -> np.ndarray:
    """Rotation [3, 3], eye space to head space, of an eye that looks along a unit `direction` (head space)."""
    forward = normalize(np.asarray(direction, np.float64))
    right = normalize(np.cross(-forward, [0.0, 0.0, 1.0]))
    return np.stack([right, -forward, np.cross(right, -forward)], axis=-1)
