"""From the buffers of the two renders and the built geometry to the passes of a record."""

from collections.abc import Collection

import numpy as np

from synth.geometry import interpolate, normalize, transform
from synth.labels.buffers import Buffers, hits
from synth.labels.extras import EXTRAS
from synth.labels.photo import photograph
from synth.labels.relief import fine_maps
from synth.labels.sensor import sensed
from synth.labels.shot import Shot, Surface
from synth.labels.visibility import visible


def label(shot: Shot, buffers: Buffers, names: Collection[str]) -> dict[str, np.ndarray]:
    """The passes `names` that the shot's geometry has, not yet in the dtype of the pass table; others may be there."""
    seen = buffers.object_index > 0
    depth = np.where(seen, buffers.depth, np.inf)
    fields = {
        "image": _image(shot, buffers),
        "alpha": 255 * buffers.coverage[..., 0],
        "depth": depth,
        "normal": _camera_normal(buffers.normal, shot.camera.world_to_camera, seen),
        "albedo": np.where(seen[..., None], np.clip(buffers.albedo, 0, 1), 0),
        "camera/K": shot.camera.K,
        "camera/world_to_camera": shot.camera.world_to_camera,
    }
    if "depth_fine" in names or "normal_fine" in names:
        fields["depth_fine"], fields["normal_fine"] = fine_maps(shot, buffers, depth, fields["normal"])
    fields |= _surface_maps(shot.surfaces, buffers) | _landmarks(shot) | shot.fields
    return fields | {name: extra(shot, buffers, fields) for name, extra in EXTRAS.items() if name in names}


def _image(shot: Shot, buffers: Buffers) -> np.ndarray:
    if shot.sensor is None:
        return photograph(buffers.image, shot.exposure)
    return sensed(buffers.image, shot.exposure, shot.sensor, center=shot.camera.K[:2, 2])


def _camera_normal(normal: np.ndarray, world_to_camera: np.ndarray, seen: np.ndarray) -> np.ndarray:
    return np.where(seen[..., None], normalize(normal @ world_to_camera[:3, :3].T), 0)


def _surface_maps(surfaces: dict[int, Surface], buffers: Buffers) -> dict[str, np.ndarray]:
    """segmentation [H, W], uv [H, W, 2], pncc [H, W, 3], looked up at each pixel's triangle."""
    hw = buffers.object_index.shape
    segmentation = np.zeros(hw, np.uint8)
    uv, pncc = np.full((*hw, 2), -1.0), np.full((*hw, 3), -1.0)
    for index, surface in surfaces.items():
        mask = buffers.object_index == index
        if not mask.any():
            continue
        if surface.triangles is None:
            segmentation[mask] = surface.segmentation[0]
            continue
        triangle, weights = hits(buffers.surface[mask])
        segmentation[mask] = surface.segmentation[triangle]
        if surface.uv is not None:
            uv[mask] = np.clip(interpolate(surface.uv[triangle], weights), 0, 1)
        if surface.pncc is not None:
            pncc[mask] = np.clip(interpolate(surface.pncc[surface.triangles[triangle]], weights), 0, 1)
    return {"segmentation": segmentation, "uv": uv, "pncc": pncc}


def _landmarks(shot: Shot) -> dict[str, np.ndarray]:
    if shot.landmarks is None:
        return {}
    points_3d = transform(shot.camera.world_to_camera, shot.landmarks)
    return {
        "landmarks/points_3d": points_3d,
        "landmarks/points_2d": shot.camera.project(shot.landmarks),
        "landmarks/visible": visible(points_3d, shot),
    }
