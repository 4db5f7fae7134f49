"""A headscarf's cloth below the crown: from under the chin around the neck and out over the shoulders. m, head space.

It lies on what is worn, as a membrane between a ring around the neck and an edge on the shoulders.
"""

import numpy as np

from scenes.head.cut import ramp
from scenes.head.model import at_throat
from scenes.head.solids import relief, spread
from scenes.head.torso import grid_normals
from scenes.head.worn import HeadwearSpec

WRAP = 16  # rows from the neck outwards
BEHIND = 0.031  # m from the throat to the neck's axis
EDGE = (0.092, 0.138, 0.155)  # m from the axis to the edge: before, at the sides, behind
NECK_CELL, BODY_CELL = 0.05, 0.008  # rad, and m: of the reliefs that it lies on
BESIDE_CHIN = (0.02, -0.165)  # m: what is before and above is a face, which no cloth lies on
FOLD = 0.0065  # m, of a fold's width over 2 pi
HEM, TAUT = 30, 24  # steps towards a hem without dents, and towards the membrane


def creases(spec: HeadwearSpec, elevation: np.ndarray, azimuth: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Metres [R, A], 0 and more, of folds along the edge beside the face: of cloth at elevations (rad) [R, A], the last
    row its edge, azimuths [A] and a radius (m) [R, A].
    """
    aside = np.abs(np.angle(np.exp(1j * (azimuth + np.pi / 2))))
    way = (elevation - elevation[-1]) * radius
    share = ramp((aside - 0.35) / 0.5) * ramp((2.6 - aside) / 0.8) * ramp(way / 0.008) * np.exp(-way / 0.07)
    waves = np.sin(way / FOLD + 1.6 * np.sin(azimuth + 2 * np.pi * spec.crease) + 2.0 * np.sin(2.3 * aside))
    return 0.004 * share * (0.5 + 0.5 * waves) ** 2


def draped(
    spec: HeadwearSpec,
    azimuth: np.ndarray,
    rim: np.ndarray,
    vertices: np.ndarray,
    triangles: np.ndarray,
    cloth: np.ndarray,
) -> np.ndarray:
    """Points [2 WRAP, A, 3], outside and then inside, at azimuths [A], from under the chin and behind from the edge
    [A, 3] of what is on the head, on a body with vertices [V, 3], triangles [T, 3] of skin, and points [N, 3] of cloth.
    """
    front = np.clip(-np.sin(azimuth), 0, 1)
    axis = _axis(vertices[np.unique(triangles)])
    aside, behind = np.abs(np.cos(azimuth)), np.clip(np.sin(azimuth), 0, 1)
    around = np.stack([np.cos(azimuth), np.sin(azimuth)], axis=-1)
    high = spec.chin * front - 0.078 * (1 - front)
    begin = _neck(azimuth, high, axis, vertices, triangles) + 0.002 + 0.003 * (1 - front) + spec.thickness
    first = np.concatenate([axis + begin[:, None] * around, high[:, None]], axis=-1)
    share = ramp((np.abs(np.angle(np.exp(1j * (azimuth + np.pi / 2)))) - 0.95) / 0.3)[:, None]
    first = first + share * (rim - 0.002 * _outward(azimuth) - first)
    edge = EDGE[0] * front**2 + EDGE[1] * aside**2 + EDGE[2] * behind**2
    t = np.linspace(0, 1, WRAP)[:, None]
    flat = first[:, :2] + t[..., None] ** 1.2 * (axis + edge[:, None] * around - first[:, :2])
    least = _body(flat, vertices, triangles, cloth) + spec.thickness + 0.003
    raised = np.maximum(least[:3].max(axis=0) - first[:, 2], 0)  # a hood or a shoulder may be higher than the edge
    top = first[:, 2] + share[:, 0] * raised
    z = _taut(np.maximum(least, top - 0.4 * t), least, top)
    outer = np.concatenate([flat, z[..., None]], axis=-1)
    outer += (_folds(spec, azimuth, t) * ramp(t / 0.25))[..., None] * grid_normals(outer)
    return np.concatenate([outer, (outer - spec.thickness * grid_normals(outer))[::-1]])


def _folds(spec: HeadwearSpec, azimuth: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Metres [W, A] of folds around the neck that hang lower in front."""
    swag = t / 0.3 + 0.4 * np.cos(azimuth + np.pi / 2) + 0.2 * np.sin(3 * azimuth + 2 * np.pi * spec.crease)
    return 0.006 * (0.5 + 0.5 * np.sin(2 * np.pi * (swag + spec.crease))) ** 2


def _outward(azimuth: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(azimuth), np.sin(azimuth), 0 * azimuth], axis=-1)


def _axis(skin: np.ndarray) -> np.ndarray:
    """(x, y) (m) of the neck's axis, behind the throat of skin at points [N, 3], wherever the neck has turned it."""
    return np.array([0.0, skin[at_throat(skin), 1].min() + BEHIND])


def _neck(
    azimuth: np.ndarray, high: np.ndarray, axis: np.ndarray, vertices: np.ndarray, triangles: np.ndarray
) -> np.ndarray:
    """Radius [A] of the skin around the neck's axis [2] at azimuths and heights [A], smooth."""
    neck = spread(vertices, triangles[(np.abs(vertices[triangles, 2] + 0.14) < 0.11).all(axis=1)])
    flat = neck[:, :2] - axis
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
    """Heights [W, A], at least `least`, that dent less and less, from heights [A] to a hem on the body."""
    hem = np.where(least[-1] > -0.9, least[-1], z[-1])
    for _ in range(HEM):
        hem = np.maximum(hem, 0.5 * hem + 0.25 * (np.roll(hem, 1) + np.roll(hem, -1)))
    for _ in range(TAUT):
        ahead = np.concatenate([first[None], z[:-1]])
        after = np.concatenate([z[1:], z[-1:]])
        mean = 0.25 * (ahead + after + np.roll(z, 1, axis=1) + np.roll(z, -1, axis=1))
        z = np.maximum(least, 0.4 * z + 0.6 * mean)
        z[0], z[-1] = first, hem
    return z
