"""The eyeball as one opaque surface: a sphere with the cornea's bulge, in units of its radius.

Eye space: the gaze is -y, +z is up, the origin is the eyeball's centre. The iris lies in a plane behind the
cornea; the shader finds it along the refracted ray, so that depth and normal have one meaning: the cornea's.
"""

from dataclasses import dataclass

import numpy as np

from synth.geometry import normalize

LIMBUS_M = 0.00614  # m: radius of the iris's rim, 6 mm and a little more
CORNEA_M = 0.00814  # m: radius of the cornea's curvature, 7.8 mm and a little more
BEHIND = 0.05  # radii, from the limbus back to the iris


@dataclass(frozen=True, slots=True)
class EyeShape:
    """The front of an eyeball, in its radii: models have eyeballs from 12 to 16 mm, irises are of one size."""

    limbus: float  # radius of the iris's rim
    cornea: float  # radius of curvature

    @property
    def rim(self) -> float:
        """How far in front of the centre the cornea begins."""
        return float(np.sqrt(1 - self.limbus**2))

    @property
    def cornea_center(self) -> float:
        return float(self.rim - np.sqrt(self.cornea**2 - self.limbus**2))

    @property
    def iris_plane(self) -> float:
        return self.rim - BEHIND


def eye_shape(radius: float) -> EyeShape:
    """Of a model whose mean eyeball has this radius (m); in hundredths."""
    limbus = min(round(LIMBUS_M / radius, 2), 0.7)
    return EyeShape(limbus=limbus, cornea=max(min(round(CORNEA_M / radius, 2), 0.9), limbus + 0.05))


@dataclass(frozen=True, slots=True)
class Eyes:
    """Where the eyeballs are and look, head space, the right one first."""

    centers: np.ndarray  # [2, 3] m
    radii: np.ndarray  # [2] m
    directions: np.ndarray  # [2, 3] unit


def eyeball_mesh(shape: EyeShape, rings: int = 40, segments: int = 64) -> tuple[np.ndarray, np.ndarray]:
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
    return direction * _reach(shape, direction)[:, None], _ring_triangles(rings - 1, segments)


def _reach(shape: EyeShape, direction: np.ndarray) -> np.ndarray:
    """Radius [N] of the eyeball along unit directions [N, 3]: the cornea's sphere where that is farther out."""
    forward = -direction[:, 1]
    center = shape.cornea_center
    inside = shape.cornea**2 - center**2 * (1 - forward**2)
    cornea = center * forward + np.sqrt(np.maximum(inside, 0))
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
