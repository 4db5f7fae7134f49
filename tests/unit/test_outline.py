"""The jaw line as photographs show it, on the built-in model."""

from itertools import pairwise

import numpy as np
import pytest

from synth.camera import Camera, intrinsics
from synth.geometry import head_rotation, rigid, transform
from synth.labels.raster import first_triangle
from synth.models import load_model
from synth.models.outline import outline_of
from synth.models.surface import closest_points
from synth.passes import JAW

HW, FOCAL_PX, DISTANCE = (400, 400), 1600.0, 2.0  # 1.25 mm a pixel
K = intrinsics(FOCAL_PX, HW, (0.0, 0.0))
MIRRORED = np.arange(JAW)[::-1]


@pytest.fixture(scope="module")
def model():
    return load_model("makehuman").subdivided(1)


@pytest.fixture(scope="module")
def outline(model):
    return outline_of(model)


def pose(yaw_deg: float, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> np.ndarray:
    """[4, 4] head to camera"""
    return rigid(head_rotation(*np.deg2rad([yaw_deg, pitch_deg, roll_deg])), np.array([0, 0, DISTANCE]))


def seen(points: np.ndarray, head_to_camera: np.ndarray) -> np.ndarray:
    return Camera(K, head_to_camera, HW).project(points)


def test_a_curve_begins_at_its_landmark(model, outline):
    corners, weights = outline.corners[outline.first], outline.weights[outline.first]
    points = (model.mean.astype(np.float64)[corners] * weights[..., None]).sum(axis=1)
    np.testing.assert_allclose(points, model.landmarks(model.mean)[:JAW], atol=1e-6)


def test_from_the_front_the_points_of_the_jaw_stay_in_the_image(model, outline):
    jaw, marks = outline.points(model.mean, pose(0)), model.landmarks(model.mean)[:JAW].astype(np.float64)
    away = np.linalg.norm(seen(jaw, pose(0)) - seen(marks, pose(0)), axis=1) * DISTANCE / FOCAL_PX
    assert away.max() < 0.0025  # m; the cheek stands before the jaw at points 3 and 13


@pytest.mark.parametrize("yaw", [-40, -15, 0, 25, 60, 110])
def test_points_lie_on_the_mesh_and_never_farther_in_than_their_landmarks(model, outline, yaw):
    jaw, marks = outline.points(model.mean, pose(yaw, 10)), model.landmarks(model.mean)[:JAW]
    surface = model.mean[model.triangles()].astype(np.float64)
    for point in jaw:
        row, weights = closest_points(point, surface)
        assert np.linalg.norm(weights @ surface[row] - point) < 1e-6
    flat = seen(jaw, pose(yaw, 10)) - seen(marks.astype(np.float64), pose(yaw, 10))
    across = flat[:, 0] * np.sign(np.cos(np.deg2rad(yaw)))
    assert (across[:6] < 0.2).all()  # of the right cheek: none moves to the middle of the face
    assert (across[-6:] > -0.2).all()


@pytest.mark.parametrize("yaw", [-35, 35])
def test_of_a_turned_head_the_hidden_jaw_is_on_the_edge_of_the_cheek(model, outline, yaw):
    far = [2, 3, 4] if yaw < 0 else [12, 13, 14]
    skin = first_triangle(model.mean, model.triangles(), Camera(K, pose(yaw), HW))
    away = np.array([np.sign(yaw), 0.0]) * 2
    points = seen(outline.points(model.mean, pose(yaw)), pose(yaw))[far]
    marks = seen(model.landmarks(model.mean).astype(np.float64), pose(yaw))[far]
    depth = transform(pose(yaw), model.mean[model.triangles()].mean(axis=1))[:, 2]
    for point, mark in zip(points, marks, strict=True):
        (u_out, v_out), (u_in, v_in) = (np.floor(p).astype(int) for p in (point + away, point - away))
        assert skin[v_in, u_in] >= 0
        assert skin[v_out, u_out] < 0 or depth[skin[v_out, u_out]] > depth[skin[v_in, u_in]] + 0.02
        assert np.linalg.norm(point - mark) > 4  # px: and the landmark itself is hidden behind it


@pytest.mark.parametrize("yaw", [0, 25])
def test_in_the_image_points_are_evenly_spaced_from_ear_to_chin_to_ear(model, outline, yaw):
    camera, jaw = Camera(K, pose(yaw), HW), outline.points(model.mean, pose(yaw))
    points, line = outline.seen(model.mean, camera, np.eye(4)), camera.project(jaw)
    np.testing.assert_array_equal(points[[0, 8, 16]], line[[0, 8, 16]])
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    for half in (steps[:8], steps[8:]):
        assert np.ptp(half) < 0.05 * half.mean()  # a chord over a bend is shorter than the line
    fine = np.concatenate([np.linspace(a, b, 1000) for a, b in pairwise(line)])
    assert np.linalg.norm(points[:, None] - fine, axis=-1).min(axis=1).max() < 0.02


def test_a_mirrored_view_has_the_mirrored_outline(model, outline):
    flip = np.array([-1.0, 1, 1])
    left, right = outline.points(model.mean, pose(30, 10)), outline.points(model.mean, pose(-30, 10))
    assert np.linalg.norm(left[MIRRORED] * flip - right, axis=1).max() < 0.003


def test_a_tilt_in_the_image_moves_nothing_on_the_head(model, outline):
    np.testing.assert_allclose(
        outline.points(model.mean, pose(20, 5, 40)), outline.points(model.mean, pose(20, 5)), atol=1e-9
    )
