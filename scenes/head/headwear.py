"""Headwear as a shell over a head: beanie, cap, brimmed hat, helmet and headscarf are one mesh of fixed topology.

Its crown is a star-shaped surface around a point in the skull, from the top down to a rim, outside of the skin
everywhere; then comes a brim, which may have no width, and the inside back to the top. A headscarf goes on over the
shoulders. Hair is pressed under the crown.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from scenes.head.headscarf import WRAP, creases, draped
from scenes.head.solids import Relief, Solid, grid_triangles, joined, relief, spread
from scenes.head.worn import HeadwearSpec
from synth.geometry import lengths, normalize

AROUND, CROWN, BRIM = 72, 24, 6  # points around; rows of the crown and of the brim
CENTER = np.array([0.0, 0.08, 0.02])  # m, head space: in the skull
CELL_RAD = 0.03  # of the skull's relief, some 3 mm: wider than the spread points are apart
BELOW_SKULL, NECK = -0.05, 0.09  # m: z below which only what is so near to the axis is a neck, and no shoulder
GAP = 0.0012  # m between skin and the inside
FAR = 1.0  # m: where no mark is
PANELS = 6  # of a cap
PRESSED = 0.10  # m that hair may stand off more PRESSED_RAD below the rim, and less between
PRESSED_RAD = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Headwear on a head: its mesh, and what hair must stay under."""

    solid: Solid
    rim: np.ndarray  # [AROUND] elevation of the rim, rad
    inner: np.ndarray  # [CROWN, AROUND] radius of the inside (m), from the top to the rim
    covers_hair: bool  # all of it
    marks: np.ndarray  # [V, 3] m from the rim up, from the nearest seam and from the top; FAR where there is none


def fit_headwear(
    spec: HeadwearSpec, vertices: np.ndarray, triangles: np.ndarray, cloth: np.ndarray | None = None
) -> Shell:
    """Headwear on a head with vertices [V, 3] (m, head space) and the triangles [T, 3] of its outer skin.

    cloth: points [N, 3] of clothes, which a headscarf lies on.
    """
    reach = np.hypot(vertices[:, 0], vertices[:, 1] - CENTER[1])
    above = (vertices[:, 2] > -0.14) & ((vertices[:, 2] > BELOW_SKULL) | (reach < NECK))
    head = triangles[above[triangles].all(axis=1)]
    skull = skull_relief(spread(vertices, head))
    azimuth = -np.pi / 2 + 2 * np.pi * np.arange(AROUND) / AROUND  # from the front, over the subject's left
    rim = _rim(spec, azimuth, skull)
    share = np.linspace(0, 1, CROWN)[:, None] ** 0.8
    elevation = np.pi / 2 + share * (rim - np.pi / 2)
    skin = _reach(skull, elevation, azimuth) + GAP
    outer = _crown(spec, elevation, azimuth, np.maximum(skin + spec.thickness, 0))
    inner = np.maximum(skin, outer - spec.thickness)
    if spec.cuff > 0:
        height = (elevation - rim) * skin
        outer = outer + spec.cuff * np.clip((0.04 - height) / 0.003, 0, 1) * np.clip(height / 0.002 + 0.4, 0, 1)
    rows = [_around(outer, elevation, azimuth), *_brims(spec, outer[-1], inner[-1], rim, azimuth)]
    rows.append(_around(inner, elevation, azimuth)[::-1])
    points = np.concatenate(rows).reshape(-1, 3)
    crown = points, _closed(2 * (CROWN + BRIM))
    return Shell(
        solid=joined([crown, _wrap(spec, azimuth, rows[0][-1], vertices, triangles, cloth)]),
        rim=rim,
        inner=inner,
        covers_hair=spec.kind == "headscarf",
        marks=_marks(spec, outer, elevation, azimuth),
    )


@lru_cache(maxsize=1)
def template() -> Solid:
    """Some headwear, for its triangles, with points on a cylinder as texture coordinates (m)."""
    turn = 2 * np.pi * np.arange(AROUND) / AROUND
    ring = 0.1 * np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=-1)
    tall = lambda rows: (ring + 0.006 * np.arange(rows)[:, None, None] * [0, 0, -1.0]).reshape(-1, 3)
    solids = [(tall(n), _closed(n)) for n in (2 * (CROWN + BRIM), 2 * WRAP)]
    return joined(solids)


def _marks(spec: HeadwearSpec, outer: np.ndarray, elevation: np.ndarray, azimuth: np.ndarray) -> np.ndarray:
    """What Shell.marks says. A cap's visor is below its rim."""
    out = np.full((2 * (CROWN + BRIM + WRAP), AROUND, 3), FAR)
    panel = 2 * np.pi / PANELS
    beside = np.abs((azimuth + np.pi / 2 + panel / 2) % panel - panel / 2) * outer * np.cos(elevation)
    out[:CROWN, :, 0] = (elevation - elevation[-1]) * outer
    out[:CROWN, :, 2] = (np.pi / 2 - elevation) * outer
    if spec.kind == "cap":
        out[:CROWN, :, 1] = beside
        out[CROWN : CROWN + 2 * BRIM, :, 0] = -FAR
    return out.reshape(-1, 3)


def _closed(rows: int) -> np.ndarray:
    """Triangles of rows of AROUND points, from above and the front over the left, back to where they began."""
    return grid_triangles(rows, AROUND, closed_rows=True)[:, ::-1]


def skull_relief(points: np.ndarray) -> Relief:
    """The skin's radius around CENTER over azimuth and elevation (rad), from points [N, 3] of it; it wraps around."""
    azimuth, elevation, radius = _polar(points)
    near = np.abs(azimuth) > np.pi - 0.2
    around = np.concatenate([azimuth, azimuth[near] - 2 * np.pi * np.sign(azimuth[near])])
    flat = np.stack([around, np.r_[elevation, elevation[near]]], axis=-1)
    return relief(flat, np.r_[radius, radius[near]], CELL_RAD, filled=30)


def _polar(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    offset = points - CENTER
    radius = lengths(offset)
    elevation = np.arcsin(np.clip(offset[..., 2] / np.maximum(radius, 1e-9), -1, 1))
    return np.arctan2(offset[..., 1], offset[..., 0]), elevation, radius


def _around(radius: np.ndarray, elevation: np.ndarray, azimuth: np.ndarray) -> np.ndarray:
    """Points [..., 3] at a radius in a direction."""
    flat = radius * np.cos(elevation)
    x, y = np.broadcast_arrays(np.cos(azimuth), np.sin(azimuth))
    return CENTER + np.stack([flat * x, flat * y, radius * np.sin(elevation)], axis=-1)


def _reach(skull: Relief, elevation: np.ndarray, azimuth: np.ndarray) -> np.ndarray:
    """The skin's radius in directions of any shape."""
    wrapped = np.angle(np.exp(1j * azimuth))
    both = np.broadcast_arrays(wrapped, np.minimum(elevation, np.pi / 2 - 0.06))
    return skull.at(np.stack([b.ravel() for b in both], axis=-1)).reshape(both[0].shape)


def _rim(spec: HeadwearSpec, azimuth: np.ndarray, skull: Relief) -> np.ndarray:
    """Elevation [AROUND] at which the skin passes the rim's height, from above."""
    elevation = np.linspace(1.2, -1.1, 150)[:, None]
    points = _around(_reach(skull, elevation + 0 * azimuth, azimuth), elevation, azimuth)
    front = np.clip((0.075 - points[..., 1]) / 0.11, -1, 1)  # 1 at the forehead, 0 over the ears, -1 behind
    height = spec.side + np.where(front > 0, spec.front - spec.side, spec.side - spec.back) * front
    if spec.kind == "headscarf":  # the face stays free; beside it the cloth goes down to the neck
        aside = np.abs(np.angle(np.exp(1j * (azimuth + np.pi / 2))))
        t = np.clip((aside - 0.62) / 0.5, 0, 1)
        height = spec.front + (spec.back - spec.front) * t * t * (3 - 2 * t)
    below = points[..., 2] < height
    first = np.where(below.any(axis=0), below.argmax(axis=0), len(elevation) - 1)
    rim = elevation[first, 0]
    for _ in range(10):
        rim = 0.5 * rim + 0.25 * (np.roll(rim, 1) + np.roll(rim, -1))
    return rim


def _crown(spec: HeadwearSpec, elevation: np.ndarray, azimuth: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Radius [CROWN, AROUND] of the outside: a superellipsoid over the rim, or cloth, at least `least`, smooth."""
    flat = (least * np.cos(elevation))[-CROWN // 2 :].max(axis=0)
    top = least[0].max() + spec.height
    up = np.maximum(np.sin(elevation), 0)
    wish = ((np.cos(elevation) / flat) ** spec.power + (up / top) ** spec.power) ** (-1 / spec.power)
    back = np.clip(np.sin(azimuth), 0, 1)
    wish = wish * (1 + spec.slouch * back * np.clip(up, 0, 1) ** 2)
    beside_face = np.abs(np.angle(np.exp(1j * (azimuth + np.pi / 2)))) < 1.5
    scarf = spec.kind == "headscarf"  # taut from where the head is widest to the neck
    radius = least if scarf else np.maximum(least, wish)
    for _ in range(40 if scarf else 8):
        padded = np.concatenate([radius[:1], radius, radius[-1:]])
        mean = 0.25 * (padded[2:] + padded[:-2] + np.roll(radius, 1, axis=1) + np.roll(radius, -1, axis=1))
        radius = np.maximum(least, 0.5 * radius + 0.5 * mean)
        radius[0] = radius[0].mean()
        if scarf:  # its edge lies on the face
            radius[-1, beside_face] = least[-1, beside_face]
    return radius + creases(spec, elevation, azimuth, radius) if scarf else radius


def _brims(spec: HeadwearSpec, outer: np.ndarray, inner: np.ndarray, rim: np.ndarray, azimuth: np.ndarray):
    """Rows of the brim, from the crown out above [BRIM, AROUND, 3] and back in below."""
    top, bottom = _around(outer, rim, azimuth), _around(inner, rim, azimuth)
    aside = np.abs(np.angle(np.exp(1j * (azimuth + np.pi / 2))))
    width = spec.brim * np.clip(1 - (aside / spec.brim_angle) ** 2, 0, 1) ** 0.5
    outward = np.stack([np.cos(azimuth), np.sin(azimuth), 0 * azimuth], axis=-1)
    if spec.brim_angle < np.pi:  # a visor points forward
        outward = normalize(0.4 * outward + np.array([0, -0.6, 0]))
    t = np.linspace(0, 1, BRIM)[:, None, None]
    way = width[:, None] * (t * outward - np.array([0, 0, 1.0]) * t * t * spec.brim_drop)
    if spec.brim_angle < np.pi:  # and bends down to both sides
        way = way - np.array([0, 0, 1.0]) * t * width[:, None] * 0.35 * (aside[:, None] / spec.brim_angle) ** 2
    thick = np.where(width > 0.002, min(spec.thickness, 0.0025), 0.0)[:, None]
    below = top + way - np.array([0, 0, 1.0]) * thick
    below = np.where((t > 0) & (width[:, None] > 0.002), below, bottom + way)
    return top + way, below[::-1]


def _wrap(
    spec: HeadwearSpec,
    azimuth: np.ndarray,
    rim: np.ndarray,
    vertices: np.ndarray,
    triangles: np.ndarray,
    cloth: np.ndarray | None,
) -> Solid:
    """A headscarf's cloth from its rim [A, 3] and the chin over the shoulders; for others a point in the skull."""
    index = _closed(2 * WRAP)
    if spec.kind != "headscarf":
        return np.tile(CENTER, (2 * WRAP * AROUND, 1)), index
    worn = np.zeros((0, 3)) if cloth is None else cloth
    return draped(spec, azimuth, rim, vertices, triangles, worn).reshape(-1, 3), index


def press(strands: np.ndarray, shell: Shell) -> np.ndarray:
    """Strands [S, P, 3] (m, head space) under the crown, and near it below the rim; none under a headscarf."""
    if shell.covers_hair:
        return strands[:0]
    azimuth, elevation, radius = _polar(strands)
    turn = (azimuth + np.pi / 2) / (2 * np.pi) * AROUND
    left = np.floor(turn).astype(int)
    w = turn - left
    left, right = left % AROUND, (left + 1) % AROUND
    rim = (1 - w) * shell.rim[left] + w * shell.rim[right]
    row = np.clip((np.pi / 2 - elevation) / (np.pi / 2 - rim), 0, 1) ** (1 / 0.8) * (CROWN - 1)
    upper = np.minimum(np.floor(row).astype(int), CROWN - 2)
    cell = [shell.inner[upper + i, k] for i in (0, 1) for k in (left, right)]
    most = np.min(cell, axis=0) - 4e-4
    below = np.clip((rim - elevation) / PRESSED_RAD, 0, 1)
    pressed = np.minimum(1, (most + PRESSED * below**1.3) / np.maximum(radius, 1e-9))
    free = np.clip(2 * below - 1, 0, 1)
    free = free * free * (3 - 2 * free)  # little by little, or hair on the back is torn where it is let go
    return CENTER + (strands - CENTER) * (pressed + (1 - pressed) * free)[..., None]
