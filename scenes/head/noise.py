"""Unevenness without chance: noise that is a function of a place and of a seed that was drawn. numpy."""

from collections.abc import Iterator
from functools import reduce
from math import prod

import numpy as np

_MIX = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)  # multipliers of MurmurHash3's last step (Austin Appleby)


def hashed(seed: int, *cells: np.ndarray) -> np.ndarray:
    """Float32 in [0, 1) of whole numbers `cells` (arrays of one shape), as if drawn for each; the same everywhere."""
    value = _mixed(np.full((1,) * np.ndim(cells[0]), seed & 0xFFFFFFFF, np.uint32))
    for cell in cells:
        value = _mixed(value ^ np.asarray(cell).astype(np.int64).astype(np.uint32))
    return _fraction(value)


def _mixed(value: np.ndarray) -> np.ndarray:
    value = value + np.uint32(0x9E3779B9)
    for shift, factor in zip((16, 13), _MIX, strict=True):
        value ^= value >> np.uint32(shift)
        value *= factor
    value ^= value >> np.uint32(16)
    return value


def _fraction(value: np.ndarray) -> np.ndarray:
    return (value >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def value_noise(points: np.ndarray, seed: int) -> np.ndarray:
    """Float32 [...] in [0, 1] at points [..., D]: smooth between values drawn for whole coordinates."""
    dimensions, total = points.shape[-1], np.zeros(points[..., 0].size, np.float32)
    place = np.ascontiguousarray(np.moveaxis(points, -1, 0)).reshape(dimensions, -1)
    cell = np.floor(place)
    along = (place - cell).astype(np.float32)
    along = along * along * (3 - 2 * along)
    sides = (1 - along, along)
    for corner, drawn in zip(np.ndindex(*(2,) * dimensions), _at_corners(cell.astype(np.int64), seed), strict=True):
        weight = reduce(np.multiply, [sides[k][axis] for axis, k in enumerate(corner)])
        total += weight * drawn
    return total.reshape(points.shape[:-1])


def _at_corners(cell: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """`hashed` [N] of the corners of cells int64 [D, N], the last axis fastest: by a table where cells are few."""
    low = cell.min(axis=1, initial=0)
    extent = [int(n) for n in cell.max(axis=1, initial=0) - low + 2]
    if prod(extent) > cell.shape[1]:
        yield from map(_fraction, _mixed_at(_mixed(np.full(1, seed & 0xFFFFFFFF, np.uint32)), cell))
        return
    table = hashed(seed, *(np.indices(extent).reshape(len(extent), -1) + low[:, None]))
    steps = [prod(extent[axis + 1 :]) for axis in range(len(extent))]
    first = reduce(np.add, [(cell[axis] - low[axis]) * step for axis, step in enumerate(steps)])
    for corner in np.ndindex(*(2,) * len(extent)):
        yield table[first + sum(k * step for k, step in zip(corner, steps, strict=True))]


def _mixed_at(value: np.ndarray, cell: np.ndarray) -> Iterator[np.ndarray]:
    """What `hashed` mixes for each corner, from what the axes before have given."""
    if not len(cell):
        yield value
        return
    for k in (0, 1):
        yield from _mixed_at(_mixed(value ^ (cell[0] + k).astype(np.uint32)), cell[1:])


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
