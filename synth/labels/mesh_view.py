"""A mesh seen by a camera, in numpy: maps of other parameters than those that were rendered."""

import numpy as np

from synth.camera import project
from synth.geometry import interpolate

ROUNDING_PX = 1e-6  # boxes are wider by this, lest a centre on an edge be in no box


def rasterize(
    p_camera: np.ndarray, triangles: np.ndarray, K: np.ndarray, hw: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first triangle that the ray through each pixel's centre meets, from either side.

    p_camera: vertices [V, 3], m, camera space. triangles: [T, 3]. Returns the triangle's number int32 [H, W], -1
    where there is none; its weights float64 [H, W, 3], there 0; and depth float64 [H, W], m, there inf.
    Triangles that reach behind the camera are left out. A second for a million pixels of all triangles' boxes.
    """
    number, weights = np.full(hw, -1, np.int32), np.zeros((*hw, 3))
    depth = np.full(hw, np.inf)
    which, rows, cols = _candidates(p_camera, triangles, K, hw)
    shares = _shares(p_camera[triangles].astype(np.float64), which, K, rows, cols)
    hit = (shares >= 0).all(axis=-1) & (shares.sum(axis=-1) > 0)
    which, rows, cols, shares = which[hit], rows[hit], cols[hit], shares[hit]
    order = np.lexsort((1 / shares.sum(axis=-1), rows * hw[1] + cols))
    _, first = np.unique((rows * hw[1] + cols)[order], return_index=True)
    seen = order[first]  # the nearest of each pixel
    total = shares[seen].sum(axis=-1)
    at = rows[seen], cols[seen]
    number[at], weights[at], depth[at] = which[seen], shares[seen] / total[:, None], 1 / total
    return number, weights, depth


def map_of(values: np.ndarray, triangles: np.ndarray, number: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Values at the vertices [V, k] as a map float64 [H, W, k], from what `rasterize` returns; -1 where nothing is."""
    out = np.full((*number.shape, values.shape[-1]), -1.0)
    seen = number >= 0
    out[seen] = interpolate(values[triangles[number[seen]]], weights[seen])
    return out


def _candidates(p_camera, triangles, K, hw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of a triangle and a pixel [M, each] whose centre lies in the box of the triangle's projection."""
    front = np.flatnonzero((p_camera[triangles][..., 2] > 0).all(axis=-1))
    flat = project(K, p_camera[triangles[front]])
    limit = np.array(hw[::-1])
    low = np.clip(np.ceil(flat.min(axis=1) - 0.5 - ROUNDING_PX), 0, limit).astype(np.int64)
    high = np.clip(np.floor(flat.max(axis=1) - 0.5 + ROUNDING_PX), -1, limit - 1).astype(np.int64)
    size = np.maximum(high - low + 1, 0)
    count = size.prod(axis=1)
    owner = np.repeat(np.arange(len(front)), count)
    k = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return front[owner], low[owner, 1] + k // size[owner, 0], low[owner, 0] + k % size[owner, 0]


def _shares(corners: np.ndarray, which: np.ndarray, K: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """[M, 3] s with s @ corners = (x, y, 1), the direction through the pixel: s / sum(s) are weights, 1 / sum(s) depth.

    Neighbours give their common edge the same number with the other sign, to the last bit: no ray slips between.
    """
    a, b, c = np.moveaxis(corners, 1, 0)
    normals = np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)], axis=1)  # [T, 3, 3]
    volume = np.einsum("tk,tk->t", a, normals[:, 0])
    per_volume = 1 / np.where(volume != 0, volume, np.inf)  # a triangle seen edge-on is not seen
    x, y = (cols + 0.5 - K[0, 2]) / K[0, 0], (rows + 0.5 - K[1, 2]) / K[1, 1]
    chosen = normals[which]
    sides = chosen[..., 0] * x[:, None] + chosen[..., 1] * y[:, None] + chosen[..., 2]
    return sides * per_volume[which, None]
