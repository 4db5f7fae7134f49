"""Texture coordinates of the head: MakeHuman's islands, of which the face is small, laid out anew.

The head's island is turned upright, drawn out in the middle, where the face is, and gets most of the square; below it
are the shoulders and what is inside. A texel of a face is then a third as wide as in MakeHuman's own layout of a whole
body. Maps stay one to one.
"""

import numpy as np

from synth.models.makehuman import parts

DRAWN_OUT = 3.0  # per unit of MakeHuman's: at a distance r from the nose a length shrinks to 1 / (1 + DRAWN_OUT r)
HEAD_BOX = (0.004, 0.3, 0.996, 0.996)  # u0, v0, u1, v1
SHOULDERS_BOX = (0.004, 0.004, 0.6, 0.296)
REST_BOX = (0.604, 0.004, 0.996, 0.296)  # for all other islands, side by side
REST_COLUMNS = 3
GAP = 0.004


def laid_out(uv: np.ndarray, part: np.ndarray) -> np.ndarray:
    """float32 [F, 4, 2] in [0, 1] of MakeHuman's own uv [F, 4, 2], for faces of these classes [F]."""
    island = islands(uv)
    head = int(island[part == parts.NOSE][0])
    others = [k for k in range(island.max() + 1) if k != head]
    shoulders = max(others, key=lambda k: (np.count_nonzero((island == k) & (part == parts.NECK)), -k))
    out = uv.astype(np.float64)
    face = out[island == head]
    middle = out[part == parts.NOSE].mean(axis=(0, 1))
    out[island == head] = _fitted(_drawn_out(face - middle), HEAD_BOX)
    out[island == shoulders] = _fitted(out[island == shoulders], SHOULDERS_BOX)
    rest = [k for k in others if k != shoulders]
    for cell, k in zip(_cells(len(rest)), rest, strict=True):
        out[island == k] = _fitted(out[island == k], cell)
    return out.astype(np.float32)


def islands(uv: np.ndarray) -> np.ndarray:
    """int [F]: faces whose corners share texture coordinates are of one island; numbered in the order of faces."""
    _, corner = np.unique(uv.reshape(-1, 2), axis=0, return_inverse=True)
    corner = corner.reshape(uv.shape[:2])
    label = np.arange(corner.max() + 1)
    while True:
        least = label[corner].min(axis=1)
        lower = label.copy()
        np.minimum.at(lower, corner, least[:, None])
        lower = lower[lower]
        if (lower == label).all():
            break
        label = lower
    return np.unique(label[corner[:, 0]], return_inverse=True)[1]


def _drawn_out(offset: np.ndarray) -> np.ndarray:
    """Offsets [..., 2] from the nose, turned upright: MakeHuman's heads lie with the crown towards u = 0."""
    upright = np.stack([offset[..., 1], -offset[..., 0]], axis=-1)
    return upright / (1 + DRAWN_OUT * np.linalg.norm(upright, axis=-1, keepdims=True))


def _fitted(points: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """Points [..., 2], scaled alike in both directions, in the middle of a box."""
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    start, end = np.array(box[:2]), np.array(box[2:])
    scale = ((end - start) / (high - low)).min()
    return (start + end) / 2 + scale * (points - (low + high) / 2)


def _cells(count: int) -> list[tuple[float, float, float, float]]:
    """Boxes within REST_BOX, row by row."""
    rows = max(-(-count // REST_COLUMNS), 1)
    u0, v0, u1, v1 = REST_BOX
    wide, tall = (u1 - u0) / REST_COLUMNS, (v1 - v0) / rows
    return [
        (u0 + c * wide + GAP, v0 + r * tall + GAP, u0 + (c + 1) * wide - GAP, v0 + (r + 1) * tall - GAP)
        for r in range(rows)
        for c in range(REST_COLUMNS)
    ][:count]
