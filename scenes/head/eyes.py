"""Where eyes are and look, and the mesh of an eyeball, in eye space (synth.models.eyeball).

An eye sees along its visual axis, through the fovea, and its pupil is on its optical axis, which lies further out and
further down by the angle kappa. With optical axes that met at what is looked at, people would squint.
"""

from dataclasses import dataclass

import numpy as np

from scenes.head.normal import truncated_normal
from synth.geometry import normalize
from synth.models.eyeball import EyeShape

KAPPA_DEG = (5.0, 1.5)  # towards the nose and up, Guestrin and Eizenman (2006)
KAPPA_SIGMA_DEG = (1.3, 0.8)  # between people; the first of Hashemi et al. (2010)


@dataclass(frozen=True, slots=True)
class Eyes:
    """Where the eyeballs are and look, head space, the right one first."""

    centers: np.ndarray  # [2, 3] m
    radii: np.ndarray  # [2] m
    directions: np.ndarray  # [2, 3] unit, their optical axes


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
    return direction * shape.reach(-direction[:, 1])[:, None], _ring_triangles(rings - 1, segments)


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


def sample_kappa(rng: np.random.Generator) -> tuple[float, float]:
    """How far a person's visual axes are from the optical ones, towards the nose and up, rad."""
    nasal, up = np.deg2rad(KAPPA_DEG) + np.deg2rad(KAPPA_SIGMA_DEG) * truncated_normal(rng, 1.0, 2.0, 2)
    return float(nasal), float(up)


def optical_axes(centers: np.ndarray, target: np.ndarray, kappa: tuple[float, float]) -> np.ndarray:
    """Unit directions [2, 3] of the right and the left eye, at `centers` [2, 3], that look at `target` [3] (m, head
    space): the directions to it, turned by kappa (`sample_kappa`) away from the nose and down."""
    nasal, up = kappa
    axis = np.array([np.sin(nasal) * np.cos(up), -np.cos(nasal) * np.cos(up), -np.sin(up)])  # of a left eye, eye space
    right, left = (eye_rotation(way) for way in np.asarray(target, np.float64) - centers)
    return np.stack([right @ (axis * [-1, 1, 1]), left @ axis])


def eye_rotation(direction: np.ndarray) -> np.ndarray:
    """Rotation [3, 3], eye space to head space, of an eye that looks along a unit `direction` (head space)."""
    forward = normalize(np.asarray(direction, np.float64))
    right = normalize(np.cross(-forward, [0.0, 0.0, 1.0]))
    return np.stack([right, -forward, np.cross(right, -forward)], axis=-1)
