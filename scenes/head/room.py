"""A room around a head: walls, windows, lamps, pictures and furniture, each with the light that falls on it.

Arrays only. Light goes from windows and lamps straight to a surface, and what is reflected more often is the same
everywhere; nothing in the room throws a shadow. Radiance is relative: the environment is normalised as a whole.
"""

from dataclasses import dataclass

import numpy as np

from scenes.head.noise import fractal, hashed, smoothstep
from scenes.head.patterns import pattern
from scenes.head.sky import LIGHT_HW
from synth.labels.light import environment_directions

Triple = tuple[float, float, float]
BARS = 0.022  # m, half the width of a window's bars
INWARD = np.repeat(np.eye(3), 2, axis=0) * np.tile([1.0, -1.0], 3)[:, None]  # normals of walls, floor and ceiling


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningSpec:
    """A window, or a picture that is lit like its wall. wall: 0 and 1 at -x and +x, 2 and 3 at -y and +y."""

    wall: int
    along: float  # m, its middle along the wall, from the room's middle
    height: float  # m, of its middle over the floor
    hw: tuple[float, float]  # m
    color: Triple  # of a window its radiance, of a picture its reflectance


@dataclass(frozen=True, slots=True, kw_only=True)
class BulbSpec:
    """A round lamp."""

    place: Triple  # m, from the middle of the floor
    radius: float  # m
    color: Triple  # radiance


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxSpec:
    """A piece of furniture."""

    place: Triple  # m, its middle, from the middle of the floor
    size: Triple  # m
    color: Triple


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceSpec:
    """What covers a wall or the floor. pattern: of scenes.head.patterns."""

    pattern: str
    color: Triple
    second: Triple
    scale: float  # m
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSpec:
    """A room with the head somewhere in it; its axes are those of world space."""

    size: Triple  # m, along x and y, and its height
    head: Triple  # m, the head's place from the middle of the floor
    walls: SurfaceSpec
    accent: SurfaceSpec  # of the wall `accent_wall`
    accent_wall: int
    floor: SurfaceSpec
    ceiling: Triple
    windows: tuple[OpeningSpec, ...]
    pictures: tuple[OpeningSpec, ...]
    bulbs: tuple[BulbSpec, ...]
    boxes: tuple[BoxSpec, ...]
    glow: float  # radiance of surfaces of reflectance 1 without any window or lamp


class Room:
    """A room that can be looked at from the head's place."""

    def __init__(self, spec: RoomSpec) -> None:
        self.spec = spec
        self._half = np.array([spec.size[0] / 2, spec.size[1] / 2])
        self._sources = [_window_source(spec, window) for window in spec.windows] + [
            _bulb_source(b) for b in spec.bulbs
        ]
        surface = 2 * spec.size[0] * spec.size[1] + 2 * (spec.size[0] + spec.size[1]) * spec.size[2]
        share = np.array(spec.walls.color) * 0.5 + np.array(spec.floor.color) * 0.25 + np.array(spec.ceiling) * 0.25
        flux = np.sum([source.flux for source in self._sources], axis=0) if self._sources else np.zeros(3)
        self._around = flux / surface * share / (1 - np.minimum(share, 0.85)) + np.pi * spec.glow  # irradiance

    def image(self) -> np.ndarray:
        """Float32 [H, W, 3], equirectangular."""
        return self.radiance(environment_directions(LIGHT_HW)).astype(np.float32)

    def radiance(self, directions: np.ndarray) -> np.ndarray:
        """[..., 3] along unit world directions [..., 3] from the head's place."""
        flat = directions.reshape(-1, 3)
        ways = np.ascontiguousarray(flat.T)  # [3, N]: what is done axis by axis is much quicker
        distance, normal, color = self._shell(ways)
        emitted = np.zeros_like(color)
        for box in self.spec.boxes:
            self._box(box, ways, distance, normal, color)
        for window in self.spec.windows:
            self._window(window, ways, distance, color, emitted)
        for picture in self.spec.pictures:
            self._picture(picture, ways, distance, color)
        for bulb in self.spec.bulbs:
            self._bulb(bulb, flat, distance, color, emitted)
        points = np.array(self.spec.head)[:, None] + distance * ways
        out = emitted + color / np.pi * self._irradiance(points, normal.T)
        return out.reshape(directions.shape)

    def _shell(self, ways: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distance [N], normal [N, 3] and reflectance [N, 3] of floor, ceiling and walls."""
        spec, head = self.spec, np.array(self.spec.head)
        low, high = np.array([*-self._half, 0.0]), np.array([*self._half, spec.size[2]])
        positive = ways > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(positive, (high - head)[:, None], (low - head)[:, None]) / ways
        reach[~np.isfinite(reach)] = np.inf
        axis, distance = reach.argmin(axis=0), reach.min(axis=0)
        side = np.where(axis == 0, positive[0], np.where(axis == 1, positive[1], positive[2]))
        points, wall = head[:, None] + distance * ways, 2 * axis + side
        color = np.empty(ways.T.shape)
        for number in range(4):
            mine = np.flatnonzero(wall == number)
            cover = spec.accent if number == spec.accent_wall else spec.walls
            color[mine] = _covered(cover, points[[1 - number // 2, 2]][:, mine].T)
        down = np.flatnonzero(wall == 4)
        color[down], color[wall == 5] = _covered(spec.floor, points[:2, down].T), spec.ceiling
        if spec.walls != spec.floor:  # a cove has one cover, and no edge
            color[(axis < 2) & (points[2] < 0.09)] = 0.75  # skirting
        corner = np.minimum(points[2], spec.size[2] - points[2])
        corner[axis == 2] = np.inf
        for k in (0, 1):
            corner = np.minimum(corner, np.where(axis == k, np.inf, self._half[k] - np.abs(points[k])))
        color *= (1 - 0.35 * np.exp(-corner.clip(0) / 0.12))[:, None]
        return distance, INWARD[wall], color

    def _box(self, box: BoxSpec, ways, distance, normal, color) -> None:
        low = np.array(box.place) - np.array(box.size) / 2 - np.array(self.spec.head)
        with np.errstate(divide="ignore", invalid="ignore"):
            near, far = low[:, None] / ways, (low + np.array(box.size))[:, None] / ways
        near, far = np.minimum(near, far), np.maximum(near, far)
        enter = near.max(axis=0)
        hit = np.flatnonzero((enter < far.min(axis=0)) & (enter > 0) & (enter < distance))
        axis, way, distance[hit] = near[:, hit].argmax(axis=0), ways[:, hit], enter[hit]
        normal[hit] = -np.eye(3)[axis] * np.sign(way[axis, np.arange(len(hit))])[:, None]
        points = enter[hit] * way - low[:, None]
        grain = 0.85 + 0.3 * fractal(np.stack([4 * points.sum(axis=0), 60 * points[2]], axis=-1), 3, octaves=2)
        shelf = np.where(np.abs(points[2] % 0.35 - 0.02) < 0.012, 0.6, 1.0)
        color[hit] = np.array(box.color) * (grain * shelf)[:, None]

    def _on_wall(self, opening: OpeningSpec, ways, distance) -> tuple[np.ndarray, np.ndarray]:
        """Which rays [n] meet an opening's rectangle first, and where in it, from -1 to 1 [n, 2]."""
        axis, sign = opening.wall // 2, 1.0 if opening.wall % 2 else -1.0
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = (sign * self._half[axis] - self.spec.head[axis]) / ways[axis]
        hit = np.flatnonzero(np.isfinite(reach) & (reach > 0) & (reach < distance + 1e-6))
        along, height = (self.spec.head[k] + reach[hit] * ways[k, hit] for k in (1 - axis, 2))
        place = np.stack([along - opening.along, height - opening.height], axis=-1)
        inside = place / (np.array(opening.hw[::-1]) / 2)
        meets = (np.abs(inside) < 1).all(axis=1)
        return hit[meets], inside[meets]

    def _window(self, window: OpeningSpec, ways, distance, color, emitted) -> None:
        hit, inside = self._on_wall(window, ways, distance)
        place = inside * np.array(window.hw[::-1]) / 2
        edge = np.array(window.hw[::-1]) / 2 - np.abs(place)
        frame = (edge < 2 * BARS).any(axis=1) | (np.abs(place[:, 0]) < BARS) | (np.abs(place[:, 1] - 0.1) < BARS)
        lean = np.arcsin(np.clip(ways[2, hit], -1, 1))
        trees = 0.25 + 0.3 * fractal(9 * ways[:2, hit].T, 41, octaves=3)
        outside = np.where(lean > trees * 0.5, 1.0 + 0.3 * lean, 0.35 + 0.5 * trees)[:, None]
        tint = np.where((lean > trees * 0.5)[:, None], [1.0, 1.0, 1.05], [0.85, 1.0, 0.7])
        shown = np.array(window.color) * outside * tint
        color[hit] = np.where(frame[:, None], 0.7, 0.0)
        emitted[hit] = np.where(frame[:, None], 0.06 * np.array(window.color), shown)

    def _picture(self, picture: OpeningSpec, ways, distance, color) -> None:
        hit, inside = self._on_wall(picture, ways, distance)
        frame = (np.abs(inside) > 0.88).any(axis=1)
        seed = int(1000 * picture.along) + 77 * picture.wall
        paint = 0.5 + fractal(2.2 * inside + 9, seed, octaves=3)
        tone = np.array(picture.color) * (paint[:, None] + 0.5 * (fractal(inside + 31, seed + 5, 2)[:, None] - 0.5))
        color[hit] = np.where(frame[:, None], 0.03 + 0.5 * float(hashed(seed, np.zeros(1))[0]), np.clip(tone, 0, 0.9))

    def _bulb(self, bulb: BulbSpec, flat, distance, color, emitted) -> None:
        to = np.array(bulb.place) - np.array(self.spec.head)
        along = flat @ to
        aside = np.sqrt(np.maximum((to**2).sum() - along**2, 0))
        edge = smoothstep(0.0, 0.12, 1 - aside / bulb.radius)
        hit = (along > 0) & (along < distance) & (edge > 0)
        color[hit] *= 1 - edge[hit, None]
        emitted[hit] = emitted[hit] * (1 - edge[hit, None]) + edge[hit, None] * np.array(bulb.color)

    def _irradiance(self, points: np.ndarray, normal: np.ndarray) -> np.ndarray:
        """[N, 3] at points [3, N] (m) of surfaces with normals [3, N]."""
        total = np.repeat(self._around[:, None], points.shape[1], axis=1)
        for source in self._sources:
            to = source.place[:, None] - points
            square = (to**2).sum(axis=0) + 0.25 * source.area
            towards = to / np.sqrt(square)
            gain = np.maximum((towards * normal).sum(axis=0), 0) * source.area / square
            if source.normal is not None:
                gain = gain * np.maximum(-(towards * source.normal[:, None]).sum(axis=0), 0)
            total += gain * source.radiance[:, None]
        return total.T


@dataclass(frozen=True, slots=True)
class _Source:
    place: np.ndarray
    normal: np.ndarray | None  # None: the same to all sides
    area: float  # as it is seen from in front
    radiance: np.ndarray

    @property
    def flux(self) -> np.ndarray:
        return (np.pi if self.normal is not None else 4 * np.pi) * self.area * self.radiance


def _window_source(spec: RoomSpec, window: OpeningSpec) -> _Source:
    axis, sign = window.wall // 2, 1.0 if window.wall % 2 else -1.0
    place = np.array([0.0, 0.0, window.height])
    place[axis], place[1 - axis] = sign * spec.size[axis] / 2, window.along
    return _Source(place, -sign * np.eye(3)[axis], window.hw[0] * window.hw[1], 0.8 * np.array(window.color))


def _bulb_source(bulb: BulbSpec) -> _Source:
    return _Source(np.array(bulb.place), None, float(np.pi * bulb.radius**2), np.array(bulb.color))


def _covered(cover: SurfaceSpec, points: np.ndarray) -> np.ndarray:
    """Reflectance [N, 3] at points [N, 2] (m) of a wall or floor."""
    share = pattern(cover.pattern, points / cover.scale, cover.seed)[:, None]
    return np.array(cover.color) * (1 - share) + np.array(cover.second) * share
