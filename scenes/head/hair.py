"""Strands of hair, brows and lashes, grown in numpy in head space. Without chance: a strand's own
peculiarities come from a low-discrepancy sequence over its number, the style from the spec.
"""

from dataclasses import dataclass

import numpy as np

from scenes.head.sample import HairSpec
from synth.geometry import interpolate, normalize

SKULL_CENTER = np.array([0.0, 0.085, 0.02])  # m, head space: the head is star-shaped around it
NECK_Z = -0.13  # m: above is the head, which strands go around; below are shoulders, which they lie on
UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """Where strands grow: fixed places on the model's triangles, and each strand's own numbers in [0, 1)."""

    corners: np.ndarray  # int32 [S, 3] vertices
    weights: np.ndarray  # float64 [S, 3] barycentric
    numbers: np.ndarray  # float64 [S, 4]
    guide: np.ndarray  # int32 [S] the strand that it clumps with

    def at(self, vertices: np.ndarray) -> np.ndarray:
        """Values float64 [S, 3] at the roots, of an array over vertices [V, 3]."""
        return interpolate(vertices[self.corners].astype(np.float64), self.weights)

    def first(self, count: int) -> "Roots":
        """The first `count` roots: evenly thinned, because their order is a low-discrepancy one."""
        part = slice(0, count)
        return Roots(
            corners=self.corners[part],
            weights=self.weights[part],
            numbers=self.numbers[part],
            guide=np.minimum(self.guide[part], max(count - 1, 0)),
        )


def low_discrepancy(count: int, dimensions: int) -> np.ndarray:
    """Float64 [count, dimensions] in [0, 1): the additive recurrence of Roberts' generalised golden ratios."""
    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (dimensions + 1))
    steps = ratio ** -np.arange(1, dimensions + 1)
    return (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1


def place_roots(vertices: np.ndarray, triangles: np.ndarray, density: np.ndarray, count: int, guides: int) -> Roots:
    """`count` roots spread over a mesh [V, 3] in proportion to area times `density` [V]; none where it is 0."""
    a, b, c = (vertices[triangles[:, k]].astype(np.float64) for k in range(3))
    weight = np.linalg.norm(np.cross(b - a, c - a), axis=-1) * density[triangles].mean(axis=1)
    cumulative = np.cumsum(weight)
    u = low_discrepancy(count, 7)
    chosen = np.minimum(np.searchsorted(cumulative, u[:, 0] * cumulative[-1]), len(triangles) - 1)
    flip = u[:, 1] + u[:, 2] > 1
    s, t = np.where(flip, 1 - u[:, 1], u[:, 1]), np.where(flip, 1 - u[:, 2], u[:, 2])
    corners, weights = triangles[chosen], np.stack([1 - s - t, s, t], axis=-1)
    places = interpolate(vertices[corners].astype(np.float64), weights)
    return Roots(corners=corners, weights=weights, numbers=u[:, 3:], guide=_nearest(places, min(guides, count)))


def _nearest(places: np.ndarray, guides: int) -> np.ndarray:
    """For each place [S, 3] the nearest of the first `guides`, int32 [S]."""
    chunks = np.array_split(places, max(len(places) // 1000, 1))
    squares = (((chunk[:, None] - places[None, :guides]) ** 2).sum(-1) for chunk in chunks)
    return np.concatenate([square.argmin(axis=1) for square in squares]).astype(np.int32)


class HeadField:
    """A head to go around: the skull's radius by direction, and the shoulders' height by place."""

    GRID = (48, 96)
    FLOOR = (40, 0.4)  # cells per side, half extent in m

    def __init__(self, vertices: np.ndarray) -> None:
        """From skin vertices [V, 3] (m, head space), without the inside of the mouth."""
        above = vertices[vertices[:, 2] > NECK_Z] - SKULL_CENTER
        row, col, radius = self._polar(above)
        grid = np.zeros(self.GRID)
        np.maximum.at(grid, (row.astype(int), col.astype(int) % self.GRID[1]), radius)
        self._radius = _filled(grid)
        cells, extent = self.FLOOR
        below = vertices[vertices[:, 2] <= NECK_Z]
        cell = np.clip(((below[:, :2] + extent) / (2 * extent) * cells).astype(int), 0, cells - 1)
        self._floor = np.full((cells, cells), -10.0)
        np.maximum.at(self._floor, (cell[:, 0], cell[:, 1]), below[:, 2])

    def _polar(self, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row and column (float, cells) and radius (m) of offsets [N, 3] from the skull's centre."""
        radius = np.linalg.norm(offset, axis=-1)
        row = np.arccos(np.clip(offset[:, 2] / np.maximum(radius, 1e-9), -1, 1)) / np.pi * (self.GRID[0] - 1e-6)
        col = (np.arctan2(offset[:, 1], offset[:, 0]) / (2 * np.pi) + 0.5) * self.GRID[1]
        return row, col, radius

    def push_out(self, points: np.ndarray, gap: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points [S, 3] moved to at least `gap` [S] (m) off the skin, and unit normals there, 0 where untouched."""
        row, col, radius = self._polar(points - SKULL_CENTER)
        inside = radius < (least := self._lookup(row, col) + gap)
        outward = normalize(points - SKULL_CENTER)
        moved = np.where(inside[:, None], SKULL_CENTER + outward * least[:, None], points)
        cells, extent = self.FLOOR
        cell = np.clip(((moved[:, :2] + extent) / (2 * extent) * cells).astype(int), 0, cells - 1)
        floor = self._floor[cell[:, 0], cell[:, 1]] + 2 * gap
        sunk = (moved[:, 2] < floor) & ~inside
        moved[sunk, 2] = floor[sunk]
        return moved, np.where(inside[:, None], outward, 0) + np.where(sunk[:, None], UP, 0)

    def _lookup(self, row: np.ndarray, col: np.ndarray) -> np.ndarray:
        r, c = np.clip(row - 0.5, 0, self.GRID[0] - 1.001), col - 0.5
        r0, c0 = np.floor(r).astype(int), np.floor(c).astype(int)
        fr, fc = r - r0, c - c0
        c0, c1 = c0 % self.GRID[1], (c0 + 1) % self.GRID[1]
        grid = self._radius
        top = grid[r0, c0] * (1 - fc) + grid[r0, c1] * fc
        return top * (1 - fr) + (grid[r0 + 1, c0] * (1 - fc) + grid[r0 + 1, c1] * fc) * fr


def _filled(grid: np.ndarray) -> np.ndarray:
    """Empty (0) cells take the greatest of their neighbours; then every cell does, to stay outside."""
    for step in range(4):
        wrapped = np.pad(grid, ((1, 1), (0, 0)), mode="edge")
        neighbours = np.max(
            [np.roll(wrapped[k : k + len(grid)], shift, 1) for k in range(3) for shift in (-1, 0, 1)], 0
        )
        grid = np.where(grid == 0, neighbours, grid) if step < 3 else 0.5 * (grid + neighbours)
    return grid


@dataclass(frozen=True, slots=True)
class Growth:
    """How a style grows."""

    points: int  # per strand
    lift: float  # of the root away from the skin; 0 lies flat, 1 stands
    gravity: float  # turn towards the ground per step
    volume: float  # m that the hair stands off the skin
    clump: float  # pull of the tips towards their guide
    curl: float = 0.0  # m, radius of the curls
    turns: float = 0.0  # of a curl along a strand


GROWTH = {
    "buzz": Growth(3, 0.75, 0.0, 0.0, 0.0),
    "short": Growth(6, 0.45, 0.05, 0.012, 0.25),
    "swept": Growth(8, 0.40, 0.06, 0.018, 0.35),
    "bob": Growth(14, 0.20, 0.50, 0.016, 0.35),
    "long": Growth(20, 0.20, 0.50, 0.016, 0.45),
    "wavy": Growth(22, 0.22, 0.45, 0.020, 0.55, curl=0.007, turns=3.0),
    "curly": Growth(18, 0.80, 0.08, 0.030, 0.45, curl=0.009, turns=3.0),
}


def grow_hair(spec: HairSpec, roots: Roots, vertices: np.ndarray, normals: np.ndarray, field: HeadField) -> np.ndarray:
    """Strands float64 [S, P, 3] (m, head space) on a head with vertices and normals [V, 3]; [0, 2, 3] when bald."""
    if spec.style == "bald":
        return np.zeros((0, 2, 3))
    growth = GROWTH[spec.style]
    root, normal = roots.at(vertices), normalize(roots.at(normals))
    comb = _comb(spec, root, normal)
    wild = spec.frizz * (roots.numbers[:, :3] - 0.5)
    heading = normalize(growth.lift * normal + (1 - growth.lift) * comb + 0.35 * wild)
    length = spec.length * (0.75 + 0.25 * roots.numbers[:, 3]) * _fringe(spec, root)
    step = length / (growth.points - 1)
    gap = 0.0015 + growth.volume * roots.numbers[:, 0]
    over_shoulder = np.stack([0 * gap, np.where(roots.numbers[roots.guide, 2] < 0.6, -0.9, 0.7), 0 * gap], axis=-1)
    strands = [root]
    for k in range(1, growth.points):
        t = k / (growth.points - 1)
        heading = normalize(heading - growth.gravity * UP + 0.12 * (1 - t) * comb + 0.05 * wild)
        place, wall = field.push_out(strands[-1] + step[:, None] * heading, gap * min(3 * t, 1))
        heading = normalize(heading - np.minimum((heading * wall).sum(-1, keepdims=True), 0) * wall)
        heading = normalize(heading + wall[:, 2:] * (wall[:, 2:] > 0.999) * over_shoulder)  # to the chest or the back
        strands.append(place)
    strands = np.stack(strands, axis=1)
    return _curled(_clumped(strands, roots, growth.clump), roots, growth, spec.wave)


def _fringe(spec: HairSpec, root: np.ndarray) -> np.ndarray:
    """Share [S] of its length that a strand has: those over the brow are cut short, unless combed aside."""
    if spec.style in ("bob", "long", "wavy"):
        return np.ones(len(root))
    return 1 - 0.6 * _frontness(root)


def _frontness(root: np.ndarray) -> np.ndarray:
    """0 behind the ears to 1 at the hairline over the brow, [S]."""
    return np.clip((0.055 - root[:, 1]) / 0.07, 0, 1)


def _comb(spec: HairSpec, root: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Unit directions [S, 3] along the skin in which the style is combed."""
    side = np.tanh((root[:, :1] - spec.parting) / 0.015)
    if spec.style in ("bob", "long", "wavy"):
        front = _frontness(root)[:, None]  # hair over the brow goes aside and back, off the face
        wish = np.concatenate([side, 0.25 + 1.0 * front, -0.3 + 0.0 * front], axis=1)
    elif spec.style == "swept":
        wish = np.concatenate([0.5 + 0.0 * side, 0.9 + 0.0 * side, 0.2 + 0.0 * side], axis=1)
    else:
        crown = np.array([0.2 * spec.parting, 0.13, 0.125])
        front = _frontness(root)[:, None]  # and there up and back
        away = normalize(root - crown) - 0.2 * UP
        wish = away * (1 - front) + front * (np.array([0.0, 0.5, 0.9]) + 0.6 * side * np.array([1.0, 0, 0]))
    flat = wish - (wish * normal).sum(-1, keepdims=True) * normal
    return normalize(flat)


def _clumped(strands: np.ndarray, roots: Roots, amount: float) -> np.ndarray:
    """Strands drawn towards their guides, the tips most."""
    pull = amount * np.linspace(0, 1, strands.shape[1])[:, None] ** 1.5
    guides = strands[roots.guide]
    return strands + pull * (guides - strands)


def _curled(strands: np.ndarray, roots: Roots, growth: Growth, wave: float) -> np.ndarray:
    """Strands wound around their own path; the strands of one clump turn together."""
    if growth.curl == 0:
        return strands
    along = normalize(np.gradient(strands, axis=1))
    aside = normalize(np.cross(along, UP + 1e-3))
    third = np.cross(along, aside)
    t = np.linspace(0, 1, strands.shape[1])
    phase = roots.numbers[roots.guide, 1, None] + 0.15 * roots.numbers[:, 2, None]
    angle = 2 * np.pi * (growth.turns * t + phase)
    radius = growth.curl * wave * np.minimum(4 * t, 1)
    return strands + (radius * np.cos(angle))[..., None] * aside + (radius * np.sin(angle))[..., None] * third


def grow_brows(roots: Roots, vertices: np.ndarray, normals: np.ndarray, side: int) -> np.ndarray:
    """Brow hairs float64 [S, 4, 3]; side is -1 for the right brow and 1 for the left."""
    root, normal = roots.at(vertices), normalize(roots.at(normals))
    outward = side * root[:, 0]
    s = ((outward - outward.min()) / max(np.ptp(outward), 1e-6))[:, None]  # 0 at the nose, 1 at the temple
    wish = np.concatenate([side * (0.35 + s), np.zeros_like(s), 0.9 - 1.3 * s], axis=1)
    wish += 0.25 * (roots.numbers[:, :3] - 0.5)
    flat = normalize(wish - (wish * normal).sum(-1, keepdims=True) * normal)
    length = (0.0045 + 0.003 * roots.numbers[:, 3:]) * (1 - 0.35 * s)
    t = np.linspace(0, 1, 4)[:, None]
    lift = normal[:, None] * (0.0008 * t - 0.0005 * t * t)
    return root[:, None] + length[:, None] * t * flat[:, None] + lift


def grow_lashes(margin: np.ndarray, eye: np.ndarray, count: int, length: float, upward: float) -> np.ndarray:
    """Lashes float64 [count, 5, 3] along a lid's margin [n, 3] (m), away from the eyeball's centre, curled `upward`."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(margin, axis=0), axis=-1))])
    s = (0.06 + 0.92 * (np.arange(count) + 0.5) / count) * along[-1]
    root = np.stack([np.interp(s, along, margin[:, k]) for k in range(3)], axis=-1)
    numbers = low_discrepancy(count, 3) - 0.5
    outward = normalize(normalize(root - eye) + 0.3 * numbers)
    fan = 0.55 * np.linspace(-1, 1, count)[:, None] * normalize(margin[-1] - margin[0])
    heading = normalize(outward + fan)
    reach = (
        length * (0.8 + 0.4 * numbers[:, :1]) * (0.65 + 0.35 * np.sin(np.pi * np.linspace(0.15, 0.95, count)))[:, None]
    )
    t = np.linspace(0, 1, 5)[:, None]
    return root[:, None] + reach[:, None] * (t * heading[:, None] + upward * t * t * UP)
