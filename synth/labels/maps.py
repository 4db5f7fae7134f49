"""From the buffers of the two renders and the built geometry to the passes of a record."""

from dataclasses import dataclass

import numpy as np

from synth.geometry import interpolate, normalize, transform
from synth.labels.photo import photograph
from synth.labels.shot import Shot, Surface
from synth.labels.visibility import visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffers:
    """What Blender rendered: image and coverage over all samples, the others at exact pixel centres."""

    image: np.ndarray  # float32 [H, W, 3] linear radiance, denoised
    coverage: np.ndarray  # float32 [H, W] of all labelled surfaces, in [0, 1]
    depth: np.ndarray  # float32 [H, W] m along the optical axis; 1e10 where nothing is
    object_index: np.ndarray  # int32 [H, W] pass index; 0 where nothing is
    surface: np.ndarray  # float32 [H, W, 3] triangle number, barycentric weights of its corners 0 and 1
    normal: np.ndarray  # float32 [H, W, 3] smooth normal, world space
    albedo: np.ndarray  # float32 [H, W, 3] linear reflectance


def label(shot: Shot, buffers: Buffers) -> dict[str, np.ndarray]:
    """Every pass that the shot's geometry has, by name, not yet in the dtype of the pass table."""
    seen = buffers.object_index > 0
    depth = np.where(seen, buffers.depth, np.inf)
    fields = {
        "image": photograph(buffers.image, shot.exposure),
        "alpha": 255 * buffers.coverage,
        "depth": depth,
        "normal": _camera_normal(buffers.normal, shot.camera.world_to_camera, seen),
        "albedo": np.where(seen[..., None], np.clip(buffers.albedo, 0, 1), 0),
        "camera/K": shot.camera.K,
        "camera/world_to_camera": shot.camera.world_to_camera,
    }
    return fields | _surface_maps(shot.surfaces, buffers) | _landmarks(shot) | shot.fields


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
        triangle, weights = _hits(buffers.surface[mask])
        segmentation[mask] = surface.segmentation[triangle]
        if surface.uv is not None:
            uv[mask] = np.clip(interpolate(surface.uv[triangle], weights), 0, 1)
        if surface.pncc is not None:
            pncc[mask] = np.clip(interpolate(surface.pncc[surface.triangles[triangle]], weights), 0, 1)
    return {"segmentation": segmentation, "uv": uv, "pncc": pncc}


def _hits(surface: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangle numbers [N] and barycentric weights [N, 3] from the surface buffer's pixels [N, 3]."""
    a, b = surface[:, 1].astype(np.float64), surface[:, 2].astype(np.float64)
    return np.rint(surface[:, 0]).astype(np.int64), np.stack([a, b, 1 - a - b], axis=-1)


def _landmarks(shot: Shot) -> dict[str, np.ndarray]:
    if shot.landmarks is None:
        return {}
    points_3d = transform(shot.camera.world_to_camera, shot.landmarks)
    return {
        "landmarks/points_3d": points_3d,
        "landmarks/points_2d": shot.camera.project(shot.landmarks),
        "landmarks/visible": visible(points_3d, shot),
    }
