"""A picture to check a model by: its neutral mean from the front and the side, shaded, parts coloured, landmarks
dotted.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from synth.geometry import normalize, vertex_normals
from synth.models.morphable import MorphableModel

SIDE = 640  # px of each view
MARGIN = 1.06
LIGHT = normalize(np.array([-0.35, -0.8, 0.5]))  # head space
GREY = (0.72, 0.72, 0.70)
COLORS = {  # by segmentation class
    **{1: (0.87, 0.72, 0.62), 2: (0.95, 0.60, 0.35), 7: (0.55, 0.70, 0.90), 8: (0.35, 0.50, 0.85)},
    **{9: (0.55, 0.12, 0.18), 10: (0.85, 0.30, 0.40), 11: (0.75, 0.15, 0.45), 12: (0.60, 0.75, 0.50)},
}
EYE = (0.97, 0.97, 0.97)
BACKGROUND, DOT, TEXT = (32, 34, 38), (20, 220, 90), (235, 235, 235)
VIEWS = {
    "front": ((0, 2), 1),
    "the subject's right": ((1, 2), 0),
}  # axes to the right and up, axis away from the viewer


def write_picture(model: MorphableModel, path: Path) -> None:
    """Write the picture (PNG), with the model's name and what it lacks."""
    sheet = Image.new("RGB", (2 * SIDE, SIDE), BACKGROUND)
    for k, (axes, away) in enumerate(VIEWS.values()):
        sheet.paste(Image.fromarray(_view(model, axes, away)), (k * SIDE, 0))
    draw = ImageDraw.Draw(sheet)
    for k, title in enumerate(VIEWS):
        draw.text((k * SIDE + 8, 8), title, fill=TEXT)
    counts = f"{len(model.mean)} vertices, {len(model.identity)} identity, {len(model.expression)} expression"
    draw.text((8, SIDE - 32), f"{model.name}: {counts}", fill=TEXT)
    draw.text((8, SIDE - 18), f"lacks {', '.join(model.lacks)}"[:200] if model.lacks else "lacks nothing", fill=TEXT)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def _view(model: MorphableModel, axes: tuple[int, int], away: int) -> np.ndarray:
    """uint8 [SIDE, SIDE, 3]: one view along an axis, orthographic."""
    place, scale = _framing(model.mean, axes)
    points, triangles, colors = _surfaces(model)
    flat = np.concatenate([place(points), points[:, away : away + 1] * scale], axis=1)
    image = _raster(flat, triangles, colors)
    known = model.landmark_weights.sum(axis=1) > 0
    for x, y in place(model.landmarks(model.mean)[known]).astype(int):
        image[max(y - 2, 0) : max(y + 2, 0), max(x - 2, 0) : max(x + 2, 0)] = DOT
    return image


def _framing(mean: np.ndarray, axes: tuple[int, int]):
    """A function from points [n, 3] to pixels [n, 2], and its scale (px/m); the same scale in both views."""
    low, high = mean.min(axis=0), mean.max(axis=0)
    scale = SIDE / (MARGIN * float((high - low).max()))
    middle = ((low + high) / 2)[list(axes)]
    return lambda points: (points[:, list(axes)] - middle) * (scale, -scale) + SIDE / 2, scale


def _surfaces(model: MorphableModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points [n, 3], triangles [t, 3] and shaded colours [t, 3] of the skin and of eyes, as spheres."""
    parts = [
        _shaded(model.mean, model.triangles(), np.array([COLORS.get(int(p), GREY) for p in model.triangle_part()]))
    ]
    for center, radius in zip(model.eyeballs.center, model.eyeballs.radius, strict=True):
        if radius > 1e-3:
            ball, faces = _sphere()
            parts.append(_shaded(center + radius * ball, faces, np.tile(EYE, (len(faces), 1))))
    shift = np.cumsum([0, *(len(points) for points, _, _ in parts[:-1])])
    points, triangles, colors = zip(*parts, strict=True)
    numbered = [faces + first for faces, first in zip(triangles, shift, strict=True)]
    return np.concatenate(points), np.concatenate(numbered), np.concatenate(colors)


def _shaded(points: np.ndarray, triangles: np.ndarray, colors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    normals = vertex_normals(points.astype(np.float64), triangles)[triangles].mean(axis=1)
    light = 0.28 + 0.72 * np.clip(normals @ LIGHT, 0, 1)
    return points.astype(np.float64), triangles, colors * light[:, None]


def _sphere(rings: int = 12, segments: int = 24) -> tuple[np.ndarray, np.ndarray]:
    angle, turn = np.meshgrid(
        np.linspace(0.01, np.pi - 0.01, rings), np.linspace(0, 2 * np.pi, segments), indexing="ij"
    )
    points = np.stack([np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn), np.cos(angle)], axis=-1).reshape(
        -1, 3
    )
    number = np.arange(rings * segments).reshape(rings, segments)
    a, b, c, d = number[:-1, :-1].ravel(), number[1:, :-1].ravel(), number[1:, 1:].ravel(), number[:-1, 1:].ravel()
    return points, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def _raster(points: np.ndarray, triangles: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """uint8 [SIDE, SIDE, 3]: flat-coloured triangles of points (x, y, depth) in px, the nearest in each pixel.

    Samples are spread over each triangle, at most half a pixel apart: without the tests of a scanline, and whole.
    """
    depth, image = np.full((SIDE, SIDE), np.inf), np.tile(np.array(BACKGROUND, np.uint8), (SIDE, SIDE, 1))
    corners = points[triangles]
    size = np.ptp(corners[:, :, :2], axis=1).max(axis=1)
    steps = np.clip(np.ceil(2 * size).astype(int), 1, 2 * SIDE)
    for count in np.unique(steps):
        chosen = np.flatnonzero(steps == count)
        weights = _spread(int(count))
        for some in np.array_split(chosen, max(len(chosen) * len(weights) // 2_000_000, 1)):
            places = np.einsum("sk,tkc->tsc", weights, corners[some]).reshape(-1, 3)
            _nearest(depth, image, places, np.repeat(colors[some], len(weights), axis=0))
    return image


def _spread(count: int) -> np.ndarray:
    """float64 [n, 3]: barycentric weights on a grid of `count` steps."""
    i, j = np.meshgrid(np.arange(count + 1), np.arange(count + 1), indexing="ij")
    inside = i + j <= count
    return np.stack([i[inside], j[inside], (count - i - j)[inside]], axis=1) / count


def _nearest(depth: np.ndarray, image: np.ndarray, places: np.ndarray, colors: np.ndarray) -> None:
    x, y = np.floor(places[:, 0]).astype(int), np.floor(places[:, 1]).astype(int)
    seen = (x >= 0) & (x < SIDE) & (y >= 0) & (y < SIDE)
    x, y, z, colors = x[seen], y[seen], places[seen, 2], colors[seen]
    order = np.argsort(-z, kind="stable")  # far first: the last to write a pixel is the nearest
    x, y, z, colors = x[order], y[order], z[order], colors[order]
    nearer = z < depth[y, x]
    x, y, z, colors = x[nearer], y[nearer], z[nearer], colors[nearer]
    depth[y, x] = z
    image[y, x] = np.clip(255 * colors, 0, 255).astype(np.uint8)
