"""Unevenness without chance: noise that is a function of a place and of a seed that was drawn. numpy."""

import numpy as np

_MIX = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)  # multipliers of MurmurHash3's last step (Austin Appleby)


def hashed(seed: int, *cells: np.ndarray) -> np.ndarray:
    """Float32 in [0, 1) of whole numbers `cells` (arrays of one shape), as if drawn for each; the same everywhere."""
    value = _mixed(np.full(np.shape(cells[0]), seed & 0xFFFFFFFF, np.uint32))
    for cell in cells:
        value = _mixed(value ^ np.asarray(cell).astype(np.int64).astype(np.uint32))
    return (value >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def _mixed(value: np.ndarray) -> np.ndarray:
    value = value + np.uint32(0x9E3779B9)
    for shift, factor in zip((16, 13), _MIX, strict=True):
        value = (value ^ (value >> np.uint32(shift))) * factor
    return value ^ (value >> np.uint32(16))


def value_noise(points: np.ndarray, seed: int) -> np.ndarray:
    """Float32 [...] in [0, 1] at points [..., D]: smooth between values drawn for whole coordinates."""
    cell = np.floor(points)
    along = (points - cell).astype(np.float32)
    along = along * along * (3 - 2 * along)
    cell = cell.astype(np.int64)
    total = np.zeros(points.shape[:-1], np.float32)
    for corner in np.ndindex(*(2,) * points.shape[-1]):
        weight = np.prod([t if k else 1 - t for k, t in zip(corner, np.moveaxis(along, -1, 0), strict=True)], axis=0)
        total += weight * hashed(seed, *np.moveaxis(cell + np.array(corner), -1, 0))
    return total


def fractal(points: np.ndarray, seed: int, octaves: int = 4, gain: float = 0.5) -> np.ndarray:
    """Float32 [...] in [0, 1] at points [..., D]: noise over noise of half the size and `gain` times the height."""
    total, height, most = np.zeros(points.shape[:-1], np.float32), 1.0, 0.0
    for octave in range(octaves):
        total += height * value_noise(points * 2**octave + 17.3 * octave, seed + octave)
        most += height
        height *= gain
    return total / np.float32(most)


def smoothstep(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """0 below low, 1 above high (low < high), smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
