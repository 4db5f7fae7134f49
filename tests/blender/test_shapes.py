"""Labels of the shapes scene against closed forms, ray by ray, from what a record itself says."""

import numpy as np
import pytest
from conftest import shapes_config

from scenes.shapes.config import CLASSES
from scenes.shapes.sample import PLANE_EDGE, ShapeSpec, Spec
from synth.camera import Camera
from synth.geometry import inverse_rigid, rotation_z
from synth.pipeline import Pipeline
from synth.record import violations
from synth.spec import from_json

HW = (48, 72)  # not square; every record is rolled and has its principal point off the centre


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(shapes_config(HW, elevation_deg=[8.0, 60.0]))


@pytest.fixture(scope="module", params=range(6))
def record(pipeline, request):
    return pipeline.record(request.param)


def trace(record) -> dict[str, np.ndarray]:
    """depth, camera-space normal, uv, segmentation and second-nearest gap of each pixel's ray, in closed form."""
    spec = from_json(Spec, record["meta/spec"].item())
    camera = Camera(record["camera/K"], record["camera/world_to_camera"], HW)
    camera_to_world = inverse_rigid(camera.world_to_camera)
    eye, rays = camera_to_world[:3, 3], camera.world_rays().reshape(-1, 3)
    hits = [_plane(eye, rays), *(_shape(shape, eye, rays) for shape in spec.shapes)]
    distance = np.stack([h[0] for h in hits])
    nearest = distance.argmin(axis=0)
    pick = lambda k: np.stack([h[k] for h in hits])[nearest, np.arange(len(rays))]
    seen = np.isfinite(distance.min(axis=0))
    points = eye + np.where(seen, distance.min(axis=0), 1.0)[:, None] * rays
    depth = np.where(seen, (points @ camera.world_to_camera[:3, :3].T + camera.world_to_camera[:3, 3])[:, 2], np.inf)
    normal = np.where(seen[:, None], pick(1) @ camera.world_to_camera[:3, :3].T, 0)
    kinds = np.array([2, *({"sphere": 1, "box": 3}[shape.kind] for shape in spec.shapes)])
    maps = {
        "depth": depth,
        "normal": normal,
        "uv": np.where(seen[:, None], pick(2), -1),
        "segmentation": np.where(seen, kinds[nearest], 0),
        "owner": np.where(seen, nearest, -1),
    }
    return {name: values.reshape(*HW, *values.shape[1:]) for name, values in maps.items()}


def _plane(eye, rays):
    with np.errstate(divide="ignore"):
        t = -eye[2] / rays[:, 2]
    points = eye + np.where(np.isfinite(t), t, 0)[:, None] * rays
    ok = (t > 0) & (np.abs(points[:, :2]) <= PLANE_EDGE / 2).all(axis=-1)
    uv = points[:, :2] / PLANE_EDGE + 0.5
    return np.where(ok, t, np.inf), np.broadcast_to([0.0, 0, 1], rays.shape), uv


def _shape(shape: ShapeSpec, eye, rays):
    turn = rotation_z(shape.yaw)
    origin, direction = (eye - shape.center) @ turn / shape.size, rays @ turn  # unit shape's space; t is in sizes
    t, normal, uv = (_unit_sphere if shape.kind == "sphere" else _unit_box)(origin, direction)
    return t * shape.size, normal @ turn.T, uv


def _unit_sphere(origin, direction):
    b = direction @ origin
    discriminant = b * b - (origin @ origin - 1)
    t = -b - np.sqrt(np.maximum(discriminant, 0))
    n = origin + t[:, None] * direction
    uv = np.stack([np.arctan2(n[:, 1], n[:, 0]) / (2 * np.pi) % 1, 1 - np.arccos(np.clip(n[:, 2], -1, 1)) / np.pi], -1)
    return np.where((discriminant > 0) & (t > 0), t, np.inf), n, uv


def _unit_box(origin, direction):
    with np.errstate(divide="ignore"):
        near = (-np.sign(direction) - origin) / direction
        far = (np.sign(direction) - origin) / direction
    axis = near.argmax(axis=-1)
    t = near.max(axis=-1)
    normal = np.zeros_like(direction)
    normal[np.arange(len(axis)), axis] = -np.sign(direction[np.arange(len(axis)), axis])
    return np.where((t < far.min(axis=-1)) & (t > 0), t, np.inf), normal, np.full((len(axis), 2), np.nan)


def inside(owner: np.ndarray) -> np.ndarray:
    """Pixels whose four neighbours show the same object: a ray at a silhouette may go either way by rounding."""
    padded = np.pad(owner, 1, mode="edge")
    same = [padded[1 + i : 1 + i + owner.shape[0], 1 + j : 1 + j + owner.shape[1]] == owner for i, j in NEIGHBOURS]
    return np.logical_and.reduce(same)


NEIGHBOURS = ((0, 1), (1, 0), (0, -1), (-1, 0))


def test_segmentation_is_what_the_ray_meets(record):
    truth = trace(record)
    clear = inside(truth["owner"])
    np.testing.assert_array_equal(record["segmentation"][clear], truth["segmentation"][clear])
    assert (record["segmentation"] != truth["segmentation"]).mean() < 0.002


def test_depth_is_the_planar_depth_at_the_pixel_centre(record):
    truth = trace(record)
    clear = inside(truth["owner"]) & (truth["segmentation"] > 0)
    cosine = np.maximum(
        -truth["normal"][..., 2], 1e-3
    )  # a sphere's chords are 2e-5 m deep; grazing rays go 1 / cosine further
    limit = np.where(truth["segmentation"] == 1, 3e-5, 1e-6) * np.maximum(truth["depth"], 1) / cosine
    np.testing.assert_array_less(np.abs(record["depth"] - truth["depth"])[clear], limit[clear])


def test_normals_are_those_of_the_surface_in_camera_space(record):
    truth = trace(record)
    clear = inside(truth["owner"]) & (truth["segmentation"] > 0)
    miss = np.linalg.norm(record["normal"][clear].astype(float) - truth["normal"][clear], axis=-1)
    assert np.rad2deg(miss).max() < 0.2  # half floats: 0.03 degrees at worst; a crease at a sphere's seam: 0.7


def test_uv_is_the_closed_form_of_spheres_and_plane(record):
    truth = trace(record)
    seam = np.abs(truth["uv"][..., 0] - 0.5) > 0.49
    pole = np.abs(truth["uv"][..., 1] - 0.5) > 0.48
    sphere = (truth["segmentation"] == 1) & ~seam & ~pole
    clear = inside(truth["owner"]) & (sphere | (truth["segmentation"] == 2))
    np.testing.assert_allclose(record["uv"][clear], truth["uv"][clear], atol=2e-3)


def test_a_record_keeps_all_invariants(record):
    assert violations(record, CLASSES) == []


def test_a_record_is_the_same_again_after_others(pipeline):
    first = pipeline.record(0)
    pipeline.record(3)
    again = pipeline.record(0)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name], err_msg=name)


def test_albedo_is_the_drawn_reflectance(record):
    spec = from_json(Spec, record["meta/spec"].item())
    on_plane = record["segmentation"] == 2
    assert on_plane.any()
    np.testing.assert_allclose(
        record["albedo"][on_plane], np.broadcast_to(spec.plane_color, (on_plane.sum(), 3)), atol=1e-3
    )
