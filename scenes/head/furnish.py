"""Draws rooms and skies: all of the chance in them, no bpy."""

import numpy as np

from scenes.head.lamps import Triple, blackbody, hued, triple
from scenes.head.patterns import PATTERNS
from scenes.head.place_config import LightConfig
from scenes.head.room import BoxSpec, BulbSpec, OpeningSpec, RoomSpec, SurfaceSpec
from scenes.head.sky import SkySpec
from synth.rng import between, log_between

GROUNDS = ((0.09, 0.12, 0.05), (0.2, 0.2, 0.2), (0.32, 0.26, 0.18), (0.11, 0.1, 0.095), (0.8, 0.82, 0.85))
GROUND_WEIGHTS = (0.35, 0.3, 0.15, 0.15, 0.05)  # grass, pavement, sand, asphalt, snow
SCALES = {"bricks": 0.075, "tiles": 0.2, "boards": 0.14, "panels": 0.6, "paper": 0.2, "stripes": 0.12, "weave": 0.06}
ROOMS = ("day", "office", "mixed", "night", "cove")  # by a window, by ceiling lamps, by both, by few lamps, by none


def sample_sky(config: LightConfig, rng: np.random.Generator) -> SkySpec:
    """A sky of any hour and weather. The same numbers are drawn whatever the weather."""
    low, high = np.sin(np.deg2rad(config.sun_elevation_deg))
    u = rng.random(6)
    elevation = np.arcsin(low + (high - low) * u[0] ** 1.3)  # low suns somewhat more often than the hours have them
    hidden = float(np.clip(0.35 + 0.9 * u[3], 0, 1)) if u[2] < config.overcast else 0.0
    color = np.array(GROUNDS[rng.choice(len(GROUNDS), p=GROUND_WEIGHTS)])
    color = color * rng.uniform(0.6, 1.3) * rng.uniform(0.92, 1.08, 3)
    return SkySpec(
        elevation=float(elevation),
        turbidity=log_between(rng, config.turbidity),
        clouds=float(0.1 + 0.8 * u[5]) if u[4] < config.clouds else 0.0,
        overcast=hidden,
        ground=triple(np.minimum(color, 0.9)),
        skyline=log_between(rng, [0.05, 0.6]),
        buildings=bool(rng.random() < 0.45),
        seed=int(rng.integers(2**31)),
    )


def sample_room(mode: str, rng: np.random.Generator) -> RoomSpec:
    """A room of ROOMS with the head in it, furnished. Light of a window is 1."""
    size = np.array([rng.uniform(3.0, 8.0), rng.uniform(3.0, 8.0), rng.uniform(2.4, 3.3)])
    room = (size[:2] / 2 - 0.9) * rng.uniform(-1, 1, 2)
    head = np.array([*room, rng.uniform(1.1, 1.7)])
    plain = triple(np.clip(rng.uniform(0.45, 0.85) * np.array(hued(rng.random(), rng.uniform(0, 0.15))), 0.02, 0.9))
    if mode == "cove":
        return _cove(size, head, rng)
    bold = triple(np.clip(rng.uniform(0.05, 0.7) * np.array(hued(rng.random(), rng.uniform(0, 0.6))), 0.02, 0.9))
    windows, pictures = _openings(mode, size, rng)
    return RoomSpec(
        size=triple(size),
        head=triple(head),
        walls=_cover(plain, rng, ("plain", "plaster", "panels", "paper", "stripes", "concrete")),
        accent=_cover(bold, rng, tuple(name for name in PATTERNS if name != "weave")),
        accent_wall=int(rng.integers(5)),  # 4 is none
        floor=_cover(triple(rng.uniform(0.08, 0.45) * np.array([1.15, 0.95, 0.8])), rng, ("boards", "tiles", "weave")),
        ceiling=triple(np.array([0.8, 0.8, 0.79]) * rng.uniform(0.7, 1.05)),
        windows=windows,
        pictures=pictures,
        bulbs=_bulbs(mode, size, head, rng),
        boxes=_furniture(size, head, rng),
        glow=0.004,
    )


def _cove(size: np.ndarray, head: np.ndarray, rng: np.random.Generator) -> RoomSpec:
    """A studio of one colour, from black to white, that its lamps alone light."""
    gray = triple(log_between(rng, [0.03, 0.8]) * np.array(hued(rng.random(), rng.uniform(0, 0.1))))
    cover = SurfaceSpec(pattern="plain", color=gray, second=gray, scale=1.0, seed=0)
    empty = {"windows": (), "pictures": (), "bulbs": (), "boxes": ()}
    high, at = triple(size * [1, 1, 1.3]), triple(head)
    return RoomSpec(
        size=high, head=at, walls=cover, accent=cover, accent_wall=4, floor=cover, ceiling=gray, glow=1.0, **empty
    )


def _cover(color: Triple, rng: np.random.Generator, names: tuple[str, ...]) -> SurfaceSpec:
    name = str(rng.choice(names))
    other = np.clip(np.array(color) * np.exp(rng.uniform(0.3, 0.9) * rng.choice([-1, 1])), 0.01, 0.9)
    scale = SCALES.get(name, 0.5) * rng.uniform(0.7, 1.5)
    return SurfaceSpec(pattern=name, color=color, second=triple(other), scale=scale, seed=int(rng.integers(2**31)))


def _openings(mode: str, size, rng) -> tuple[tuple[OpeningSpec, ...], tuple[OpeningSpec, ...]]:
    """Windows and pictures, each in a slot of its own along its wall."""
    day = {"day": 1.0, "office": 0.35, "mixed": 1.0, "night": 0.004}[mode]
    count = {"day": (1, 4), "office": (0, 3), "mixed": (1, 3), "night": (0, 3)}[mode]
    slots = rng.permutation([(wall, along) for wall in range(4) for along in (-0.28, 0.28)])
    windows, pictures = [], []
    many = int(rng.integers(*count))
    sky = np.array(hued(0.6, rng.uniform(0.0, 0.35 if mode != "day" else 0.15)))
    for k, (wall, along) in enumerate(slots[: many + int(rng.integers(0, 6))]):
        length = size[1 - int(wall) // 2]
        wide = rng.uniform(0.6, min(1.9, 0.48 * length)) if k < many else rng.uniform(0.3, 0.9)
        high = rng.uniform(0.9, 1.5) if k < many else rng.uniform(0.3, 0.8)
        color = day * sky * rng.uniform(0.8, 1.2) if k < many else rng.uniform(0.1, 0.8, 3)
        opening = OpeningSpec(
            wall=int(wall),
            along=float(along * length),
            height=float(rng.uniform(1.35, 1.65)),
            hw=(float(high), float(wide)),
            color=triple(color),
        )
        (windows if k < many else pictures).append(opening)
    return tuple(windows), tuple(pictures)


def _bulbs(mode: str, size, head, rng) -> tuple[BulbSpec, ...]:
    balance = {"day": 5600.0, "office": 4300.0, "mixed": 4600.0, "night": 3300.0}[mode]
    count = {"day": (0, 1), "office": (2, 6), "mixed": (1, 4), "night": (1, 4)}[mode]
    strength = {"day": 1.0, "office": 12.0, "mixed": 14.0, "night": 6.0}[mode]
    out = []
    for _ in range(int(rng.integers(*count))):
        kelvin = between(rng, [3600.0, 5000.0] if mode == "office" else [2400.0, 3200.0])
        color = strength * rng.uniform(0.5, 1.5) * np.array(blackbody(kelvin)) / np.maximum(blackbody(balance), 0.05)
        hangs = mode == "office" or rng.random() < 0.4
        place = np.array([*(size[:2] / 2 - 0.35) * rng.uniform(-1, 1, 2), rng.uniform(1.0, 1.7)])
        place[2] = size[2] - rng.uniform(0.12, 0.5) if hangs else place[2]
        away = place - head
        place += away / max(np.linalg.norm(away), 1e-6) * max(0.0, 0.8 - np.linalg.norm(away))
        out.append(BulbSpec(place=triple(place), radius=rng.uniform(0.06, 0.2), color=triple(color)))
    return tuple(out)


def _furniture(size, head, rng) -> tuple[BoxSpec, ...]:
    """Along the walls, and nowhere near the head."""
    out = []
    for _ in range(int(rng.integers(2, 8))):
        tall = rng.random() < 0.4
        box = np.array(
            [rng.uniform(0.5, 1.8), rng.uniform(0.35, 0.7), rng.uniform(1.3, 2.2) if tall else rng.uniform(0.4, 1.0)]
        )
        wall, along = int(rng.integers(4)), rng.uniform(-0.4, 0.4)
        if wall < 2:
            box[:2] = box[1::-1]
        place = np.array([0.0, 0.0, box[2] / 2])
        axis, sign = wall // 2, 1.0 if wall % 2 else -1.0
        place[axis], place[1 - axis] = sign * (size[axis] - box[axis]) / 2, along * size[1 - axis]
        color = rng.uniform(0.05, 0.5) * np.array(hued(rng.choice([0.08, rng.random()]), rng.uniform(0.1, 0.6)))
        if (np.abs(place - head)[:2] > box[:2] / 2 + 0.45).any():
            out.append(BoxSpec(place=triple(place), size=triple(box), color=triple(np.clip(color, 0.01, 0.9))))
    return tuple(out)
