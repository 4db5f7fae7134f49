"""A headscarf's cloth below the crown: from under the chin around the neck and out over the shoulders. m, head space.

It lies on what is worn, as a membrane between a ring around the neck and an edge on the shoulders.
"""

import numpy as np

from scenes.head.solids import relief, spread
from scenes.head.worn import HeadwearSpec

WRAP = 16  # rows from the neck outwards
NECK_AXIS = np.array([0.0, 0.065])  # m, (x, y)
EDGE = (0.088, 0.125, 0.115)  # m from the axis to the edge: before, at the sides, behind
NECK_CELL, BODY_CELL = 0.05, 0.008  # rad, and m: of the reliefs that it lies on
BESIDE_CHIN = (0.02, -0.165)  # m: what is before and above is a face, which no cloth lies on
TAUT = 24  # steps towards the membrane


def draped(
    spec: HeadwearSpec, azimuth: np.ndarray, vertices: np.ndarray, triangles: np.ndarray, cloth: np.ndarray
) -> np.ndarray:
    """Points [2 WRAP, A, 3], outside and then inside, at azimuths [A], on a body with vertices [V, 3], triangles [T, 3]
    of skin, and points [N, 3] of what it wears.
    """
    front = np.clip(-np.sin(azimuth), 0, 1)
    high = spec.chin * front - 0.078 * (1 - front)
    t = np.linspace(0, 1, WRAP)[:, None]
    begin = _neck(azimuth, high, vertices, triangles) + 0.002 + 0.003 * (1 - front) + spec.thickness
    aside, behind = np.abs(np.cos(azimuth)), np.clip(np.sin(azimuth), 0, 1)
    edge = EDGE[0] * front**2 + EDGE[1] * aside**2 + EDGE[2] * behind**2
    radius = begin + t**1.2 * (edge - begin)
    flat = np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth)], axis=-1) + NECK_AXIS
    least = _body(flat, vertices, triangles, cloth) + spec.thickness + 0.003
    z = _taut(np.maximum(least, high - 0.4 * t), least, high)
    z = z + 0.006 * np.sin(7 * azimuth + 5 * t + 2.0 * np.sin(3 * azimuth)) ** 2 * np.sin(np.pi * t)
    outer = np.concatenate([flat, z[..., None]], axis=-1)
    inner = outer - spec.thickness * np.array([0, 0, 1.0]) - (1 - t[..., None]) * spec.thickness * _outward(azimuth)
    return np.concatenate([outer, inner[::-1]])


def _outward(azimuth: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(azimuth), np.sin(azimuth), 0 * azimuth], axis=-1)


def _neck(azimuth: np.ndarray, high: np.ndarray, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Radius [A] of the skin around the neck's axis at azimuths and heights [A], smooth."""
    neck = spread(vertices, triangles[(np.abs(vertices[triangles, 2] + 0.14) < 0.11).all(axis=1)])
    flat = neck[:, :2] - NECK_AXIS
    turn, reach = np.arctan2(flat[:, 1], flat[:, 0]), np.linalg.norm(flat, axis=-1)
    near = np.abs(turn) > np.pi - 0.3
    turn = np.r_[turn, turn[near] - 2 * np.pi * np.sign(turn[near])]
    around = relief(
        np.stack([turn, 8 * np.r_[neck[:, 2], neck[near, 2]]], axis=-1), np.r_[reach, reach[near]], NECK_CELL
    )
    radius = around.at(np.stack([np.angle(np.exp(1j * azimuth)), 8 * high], axis=-1))
    radius = np.minimum(np.where(np.isfinite(radius), radius, 0.06), 0.068)
    for _ in range(6):
        radius = 0.5 * radius + 0.25 * (np.roll(radius, 1) + np.roll(radius, -1))
    return radius


def _body(flat: np.ndarray, vertices: np.ndarray, triangles: np.ndarray, cloth: np.ndarray) -> np.ndarray:
    """Height [W, A] (m) of shoulders and clothes at (x, y) [W, A, 2]; -1 where there are none."""
    skin = spread(vertices, triangles[(vertices[triangles, 2] < -0.11).all(axis=1)])
    skin = skin[(skin[:, 1] > BESIDE_CHIN[0]) | (skin[:, 2] < BESIDE_CHIN[1])]
    points = np.concatenate([skin, cloth[cloth[:, 2] < -0.09]])
    height = relief(points[:, :2], points[:, 2], BODY_CELL, filled=2).at(flat.reshape(-1, 2))
    return np.maximum(height, -1.0).reshape(flat.shape[:2])


def _taut(z: np.ndarray, least: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Heights [W, A], at least `least`, that dent less and less; the first row at heights [A]."""
    for _ in range(TAUT):
        ahead = np.concatenate([first[None], z[:-1]])
        after = np.concatenate([z[1:], 2 * z[-1:] - z[-2:-1]])
        mean = 0.25 * (ahead + after + np.roll(z, 1, axis=1) + np.roll(z, -1, axis=1))
        z = np.maximum(least, 0.4 * z + 0.6 * mean)
        z[0] = first
    return z
