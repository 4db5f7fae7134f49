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
        distance, normal, color = self._shell(flat)
        emitted = np.zeros_like(color)
        for box in self.spec.boxes:
            self._box(box, flat, distance, normal, color)
        for window in self.spec.windows:
            self._window(window, flat, distance, color, emitted)
        for picture in self.spec.pictures:
            self._picture(picture, flat, distance, color)
        for bulb in self.spec.bulbs:
            self._bulb(bulb, flat, distance, color, emitted)
        points = np.array(self.spec.head) + distance[:, None] * flat
        out = emitted + color / np.pi * self._irradiance(points, normal)
        return out.reshape(directions.shape)

    def _shell(self, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distance [N], normal [N, 3] and reflectance [N, 3] of floor, ceiling and walls."""
        spec, head = self.spec, np.array(self.spec.head)
        low, high = np.array([*-self._half, 0.0]), np.array([*self._half, spec.size[2]])
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(flat > 0, high - head, low - head) / flat
        reach = np.where(np.isfinite(reach), reach, np.inf)
        axis = reach.argmin(axis=1)
        distance, side = reach.min(axis=1), flat[np.arange(len(flat)), axis] > 0
        normal = -np.eye(3)[axis] * np.where(side, 1.0, -1.0)[:, None]
        points, color = head + distance[:, None] * flat, np.empty_like(flat)
        wall = 2 * axis + side
        for number in range(4):
            mine = wall == number
            cover = spec.accent if number == spec.accent_wall else spec.walls
            color[mine] = _covered(cover, points[mine][:, [1 - number // 2, 2]])
        down, up = (axis == 2) & ~side, (axis == 2) & side
        color[down], color[up] = _covered(spec.floor, points[down][:, :2]), spec.ceiling
        skirting = (axis < 2) & (points[:, 2] < 0.09)
        color[skirting] = 0.75
        corner = np.minimum(points[:, 2], spec.size[2] - points[:, 2])
        corner = np.where(axis < 2, corner, np.inf)
        sides = (self._half - np.abs(points[:, :2])) + np.where(np.eye(3)[axis][:, :2] > 0, np.inf, 0)
        color *= (1 - 0.35 * np.exp(-np.minimum(corner, sides.min(axis=1)).clip(0) / 0.12))[:, None]
        return distance, normal, color

    def _box(self, box: BoxSpec, flat, distance, normal, color) -> None:
        low = np.array(box.place) - np.array(box.size) / 2 - np.array(self.spec.head)
        with np.errstate(divide="ignore", invalid="ignore"):
            near, far = low / flat, (low + np.array(box.size)) / flat
        near, far = np.minimum(near, far), np.maximum(near, far)
        axis = near.argmax(axis=1)
        enter = near[np.arange(len(flat)), axis]
        hit = (enter < far.min(axis=1)) & (enter > 0) & (enter < distance)
        distance[hit] = enter[hit]
        normal[hit] = -np.eye(3)[axis[hit]] * np.sign(flat[hit, axis[hit]])[:, None]
        points = enter[hit, None] * flat[hit] - low
        grain = 0.85 + 0.3 * fractal(np.stack([4 * points.sum(axis=1), 60 * points[:, 2]], axis=-1), 3, octaves=2)
        shelf = np.where(np.abs(points[:, 2] % 0.35 - 0.02) < 0.012, 0.6, 1.0)
        color[hit] = np.array(box.color) * (grain * shelf)[:, None]

    def _on_wall(self, opening: OpeningSpec, flat, distance) -> tuple[np.ndarray, np.ndarray]:
        """Where rays meet an opening's rectangle first [N], and where in it, from -1 to 1 [N, 2]."""
        axis, sign = opening.wall // 2, 1.0 if opening.wall % 2 else -1.0
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = (sign * self._half[axis] - self.spec.head[axis]) / flat[:, axis]
        reach = np.where(np.isfinite(reach), reach, -1.0)
        points = np.array(self.spec.head) + reach[:, None] * flat
        place = np.stack([points[:, 1 - axis] - opening.along, points[:, 2] - opening.height], axis=-1)
        inside = place / (np.array(opening.hw[::-1]) / 2)
        return (reach > 0) & (reach < distance + 1e-6) & (np.abs(inside) < 1).all(axis=1), inside

    def _window(self, window: OpeningSpec, flat, distance, color, emitted) -> None:
        hit, inside = self._on_wall(window, flat, distance)
        place = inside[hit] * np.array(window.hw[::-1]) / 2
        edge = np.array(window.hw[::-1]) / 2 - np.abs(place)
        frame = (edge < 2 * BARS).any(axis=1) | (np.abs(place[:, 0]) < BARS) | (np.abs(place[:, 1] - 0.1) < BARS)
        lean = np.arcsin(np.clip(flat[hit, 2], -1, 1))
        trees = 0.25 + 0.3 * fractal(np.stack([9 * flat[hit, 0], 9 * flat[hit, 1]], axis=-1), 41, octaves=3)
        outside = np.where(lean > trees * 0.5, 1.0 + 0.3 * lean, 0.35 + 0.5 * trees)[:, None]
        tint = np.where((lean > trees * 0.5)[:, None], [1.0, 1.0, 1.05], [0.85, 1.0, 0.7])
        shown = np.array(window.color) * outside * tint
        color[hit] = np.where(frame[:, None], 0.7, 0.0)
        emitted[hit] = np.where(frame[:, None], 0.06 * np.array(window.color), shown)

    def _picture(self, picture: OpeningSpec, flat, distance, color) -> None:
        hit, inside = self._on_wall(picture, flat, distance)
        frame = (np.abs(inside[hit]) > 0.88).any(axis=1)
        seed = int(1000 * picture.along) + 77 * picture.wall
        paint = 0.5 + fractal(2.2 * inside[hit] + 9, seed, octaves=3)
        tone = np.array(picture.color) * (
            paint[:, None] + 0.5 * (fractal(inside[hit] + 31, seed + 5, 2)[:, None] - 0.5)
        )
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
        total = np.broadcast_to(self._around, points.shape).copy()
        for source in self._sources:
            to = source.place - points
            square = (to**2).sum(axis=1) + 0.25 * source.area
            towards = to / np.sqrt(square)[:, None]
            gain = np.maximum((towards * normal).sum(axis=1), 0) * source.area / square
            if source.normal is not None:
                gain = gain * np.maximum(-(towards @ source.normal), 0)
            total += gain[:, None] * source.radiance
        return total


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
