"""Patterns of walls, floors and papers, as a share of a second colour at places of a plane. numpy."""

import numpy as np

from scenes.head.noise import fractal, hashed, smoothstep

PATTERNS = (
    "plain",
    "plaster",
    "stripes",
    "bricks",
    "tiles",
    "boards",
    "panels",
    "paper",
    "concrete",
    "marble",
    "weave",
)


def pattern(name: str, points: np.ndarray, seed: int) -> np.ndarray:
    """Float [N] in [0, 1] at points [N, 2] in sizes of the pattern."""
    return np.clip(_PATTERNS[name](points, seed), 0, 1)


def _plaster(points: np.ndarray, seed: int) -> np.ndarray:
    return 0.35 * fractal(3 * points, seed, octaves=4)


def _stripes(points: np.ndarray, seed: int) -> np.ndarray:
    return ((points[:, 0] % 1) < 0.3 + 0.4 * hashed(seed, np.zeros(1))[0]).astype(float)


def _cells(points: np.ndarray, seed: int, shift: float, aspect: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a wall of blocks: distance to a joint (in heights of a block) and each block's own number in [0, 1)."""
    row = np.floor(points[:, 1])
    across = points[:, 0] / aspect + shift * (row % 2)
    column = np.floor(across)
    aside = np.minimum(across - column, column + 1 - across) * aspect
    above = np.minimum(points[:, 1] - row, row + 1 - points[:, 1])
    return np.minimum(aside, above), hashed(seed, column, row), row


def _bricks(points: np.ndarray, seed: int) -> np.ndarray:
    joint, own, _ = _cells(points, seed, 0.5, 3.0)
    return np.where(joint < 0.07, 1.0, 0.35 * own + 0.25 * fractal(5 * points, seed, octaves=2))


def _tiles(points: np.ndarray, seed: int) -> np.ndarray:
    joint, own, _ = _cells(points, seed, 0.0, 1.0)
    return np.where(joint < 0.03, 1.0, 0.12 * own)


def _boards(points: np.ndarray, seed: int) -> np.ndarray:
    row = np.floor(points[:, 1])
    slid = np.stack([points[:, 0] / 8 + 10 * hashed(seed, row), points[:, 1] - row], axis=-1)
    joint, own, _ = _cells(np.stack([points[:, 0] / 8 + hashed(seed + 1, row), points[:, 1]], axis=-1), seed, 0.0, 1.0)
    grain = fractal(np.stack([4 * slid[:, 0], 9 * slid[:, 1] + 40 * own], axis=-1), seed, octaves=3)
    return np.where(joint < 0.02, 1.0, 0.5 * own + 0.5 * grain - 0.1)


def _panels(points: np.ndarray, seed: int) -> np.ndarray:
    joint, _, _ = _cells(points, seed, 0.0, 0.8)
    return np.where(np.abs(joint - 0.12) < 0.02, 0.8, 0.06 * fractal(2 * points, seed, octaves=3))


def _paper(points: np.ndarray, seed: int) -> np.ndarray:
    """Ornaments, staggered."""
    row = np.floor(points[:, 1])
    place = np.stack([points[:, 0] + 0.5 * (row % 2), points[:, 1]], axis=-1) % 1 - 0.5
    angle, radius = np.arctan2(place[:, 1], place[:, 0]), np.linalg.norm(place, axis=-1)
    lobes = 3 + int(5 * hashed(seed, np.zeros(1))[0])
    return smoothstep(-0.03, 0.03, 0.3 + 0.1 * np.cos(lobes * angle) - radius)


def _concrete(points: np.ndarray, seed: int) -> np.ndarray:
    joint, _, _ = _cells(points, seed, 0.0, 1.6)
    return np.where(joint < 0.01, 1.0, 0.9 * fractal(4 * points, seed, octaves=6, gain=0.6) ** 1.5)


def _marble(points: np.ndarray, seed: int) -> np.ndarray:
    bent = points[:, 0] + 0.6 * points[:, 1] + 2.5 * fractal(1.5 * points, seed, octaves=4)
    return (0.5 + 0.5 * np.sin(5 * bent)) ** 4 + 0.2 * fractal(6 * points, seed + 9, octaves=3)


def _weave(points: np.ndarray, seed: int) -> np.ndarray:
    threads = np.sin(14 * np.pi * points)
    return 0.4 + 0.3 * threads[:, 0] * threads[:, 1] + 0.3 * (fractal(8 * points, seed, octaves=2) - 0.5)


_PATTERNS = {
    "plain": lambda points, seed: 0.0 * points[:, 0],
    "plaster": _plaster,
    "stripes": _stripes,
    "bricks": _bricks,
    "tiles": _tiles,
    "boards": _boards,
    "panels": _panels,
    "paper": _paper,
    "concrete": _concrete,
    "marble": _marble,
    "weave": _weave,
}
