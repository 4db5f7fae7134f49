"""The extras of the pass table: computed when output.passes asks for them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from synth.camera import distance_from_depth, pixel_directions
from synth.geometry import normalize
from synth.labels.buffers import COVERAGE_PARTS, Buffers, hits
from synth.labels.intrinsic import balanced
from synth.labels.raster import first_triangle
from synth.labels.shot import Shot
from synth.labels.visibility import visible

Fields = dict[str, np.ndarray]


def _position(shot: Shot, buffers: Buffers, fields: Fields) -> np.ndarray:
    seen = buffers.object_index > 0
    depth = np.where(seen, fields["depth"], 0)
    return depth[..., None] * pixel_directions(shot.camera.K, shot.camera.hw)


def _normal_world(shot: Shot, buffers: Buffers, fields: Fields) -> np.ndarray:
    return np.where((buffers.object_index > 0)[..., None], normalize(buffers.normal), 0)


def _model_hits(shot: Shot, buffers: Buffers) -> tuple[np.ndarray, np.ndarray]:
    """Triangle numbers int64 [H, W], -1, and weights [H, W, 3], 0, where the model's mesh is seen."""
    hw = buffers.object_index.shape
    triangle, weights = np.full(hw, -1), np.zeros((*hw, 3))
    for index, surface in shot.surfaces.items():
        if surface.pncc is not None:
            mask = buffers.object_index == index
            triangle[mask], weights[mask] = hits(buffers.surface[mask])
    return triangle, weights


def _visible_without_hair(shot: Shot, buffers: Buffers, fields: Fields) -> np.ndarray:
    meshes = {index: surface for index, surface in shot.surfaces.items() if surface.triangles is not None}
    return visible(fields["landmarks/points_3d"], replace(shot, surfaces=meshes))


def _face_box(shot: Shot, buffers: Buffers, fields: Fields) -> np.ndarray:
    return _box(fields["landmarks/points_2d"][:68])


def _head_box(shot: Shot, buffers: Buffers, fields: Fields) -> np.ndarray:
    points = []
    for surface in shot.surfaces.values():
        head = ~np.isin(surface.segmentation, NOT_HEAD)
        if surface.triangles is None and head[0]:
            points.append(surface.points)
        elif surface.triangles is not None:
            points.append(surface.points[np.unique(surface.triangles[head])])
    return _box(shot.camera.project(np.concatenate(points)))


def _box(points_2d: np.ndarray) -> np.ndarray:
    return np.concatenate([points_2d.min(axis=0), points_2d.max(axis=0)])


def _class_pixels(shot: Shot, buffers: Buffers, fields: Fields) -> np.ndarray:
    return np.bincount(fields["segmentation"].ravel(), minlength=256)


def _displacement(shot: Shot, buffers: Buffers, fields: Fields) -> np.ndarray:
    return next(surface.relief for surface in shot.surfaces.values() if surface.relief is not None)


def _half(linear: np.ndarray) -> np.ndarray:
    """Clipped to the range of float16."""
    return np.clip(linear, 0, 65504)


def _balanced(buffers: Buffers) -> tuple[np.ndarray, np.ndarray]:
    """Shading and specular that fit the image and the albedo as it is stored."""
    found = buffers.intrinsic
    return balanced(buffers.image, found["albedo"].astype(np.float16), found["shading"], found["specular"])


def _coverage(channel: int) -> Callable[[Shot, Buffers, Fields], np.ndarray]:
    return lambda shot, buffers, fields: 255 * buffers.coverage[..., channel]


def _segmentation_bare(shot: Shot, buffers: Buffers, fields: Fields) -> np.ndarray:
    """Where a bare surface is seen, the render says so; behind other things, a raster of the bare ones alone."""
    bare = {index: shot.surfaces[index] for index in shot.bare if shot.surfaces[index].triangles is not None}
    firsts = np.cumsum([0, *(len(surface.points) for surface in bare.values())])
    triangles = [
        surface.triangles + first
        for surface, first in zip(bare.values(), firsts, strict=False)
        if surface.triangles is not None
    ]
    points = np.concatenate([surface.points for surface in bare.values()])
    seen = first_triangle(points, np.concatenate(triangles), shot.camera)
    classes = np.concatenate([*(surface.segmentation for surface in bare.values()), [0]])  # the last: for -1
    itself = np.isin(buffers.object_index, (0, *shot.bare))
    return np.where(itself, fields["segmentation"], classes[seen])


NOT_HEAD = (12, 15, 16, 17, 18, 255)  # neck, clothing, what is worn and what is held, of the classes of faces

EXTRAS: dict[str, Callable[[Shot, Buffers, Fields], np.ndarray]] = {  # passes that are computed when asked for
    "image_linear": lambda shot, buffers, fields: _half(shot.exposure * buffers.image),
    **{f"coverage/{part}": _coverage(1 + k) for k, part in enumerate(COVERAGE_PARTS)},
    "intrinsic/albedo": lambda shot, buffers, fields: buffers.intrinsic["albedo"],
    "intrinsic/shading": lambda shot, buffers, fields: _half(shot.exposure * _balanced(buffers)[0]),
    "intrinsic/specular": lambda shot, buffers, fields: _half(shot.exposure * _balanced(buffers)[1]),
    "distance": lambda shot, buffers, fields: distance_from_depth(fields["depth"], shot.camera.K),
    "position": _position,
    "normal_world": _normal_world,
    "displacement": _displacement,
    "triangle": lambda shot, buffers, fields: _model_hits(shot, buffers)[0],
    "barycentric": lambda shot, buffers, fields: _model_hits(shot, buffers)[1],
    "segmentation_bare": _segmentation_bare,
    "landmarks/visible_without_hair": _visible_without_hair,
    "boxes/face": _face_box,
    "boxes/head": _head_box,
    "class_pixels": _class_pixels,
}
