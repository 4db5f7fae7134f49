"""Which points are hidden, whatever is left out because it could hide none."""

import numpy as np
import pytest

from synth.camera import Camera
from synth.labels import visibility
from synth.labels.shot import Shot, Surface
from synth.labels.visibility import visible

CAMERA = Camera(np.array([[300.0, 0, 64], [0, 300, 48], [0, 0, 1]]), np.eye(4), (96, 128))
COUNT = 12  # points of a strand


def seen_past(surface: Surface, points: np.ndarray) -> np.ndarray:
    """Which camera-space points are seen in a shot with nothing but this."""
    return visible(points, Shot(camera=CAMERA, surfaces={1: surface}, background=np.zeros((96, 128, 3), np.float32)))


def locks(rng: np.random.Generator, strands: int) -> Surface:
    """Strands that wind through the view, and some behind the camera."""
    roots = rng.uniform([-0.2, -0.2, -0.2], [0.2, 0.2, 0.9], (strands, 1, 3))
    paths = roots + rng.normal(0, 0.02, (strands, COUNT, 3)).cumsum(axis=1)
    points = paths.reshape(-1, 3).astype(np.float32)
    radius = np.linspace(3e-3, 1e-3, COUNT)
    return Surface(points=points, segmentation=np.array([13], np.uint8), strand_points=COUNT, radius=radius)


@pytest.mark.parametrize("seed", range(4))
def test_no_strand_that_hides_a_point_is_left_out(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    hair = locks(rng, 400)
    points = rng.uniform([-0.03, -0.02, 1], [0.05, 0.03, 1.1], (200, 3))
    found = seen_past(hair, points)
    monkeypatch.setattr(visibility, "_overlap", lambda strands, *_: np.ones(len(strands), bool))
    pairs = lambda points, low, _: np.divmod(np.arange(len(points) * low.shape[1]), low.shape[1])
    monkeypatch.setattr(visibility, "_covering", pairs)
    assert found.tolist() == seen_past(hair, points).tolist()
    assert 10 < found.sum() < 190


@pytest.mark.parametrize("at_once", [1, COUNT, 100 * COUNT + 5])
def test_strands_hide_the_same_points_however_few_are_tested_together(at_once, monkeypatch):
    rng = np.random.default_rng(3)
    hair = locks(rng, 400)
    points = rng.uniform([-0.03, -0.02, 1], [0.05, 0.03, 1.1], (200, 3))
    found = seen_past(hair, points)
    monkeypatch.setattr(visibility, "AT_ONCE", at_once)
    assert found.tolist() == seen_past(hair, points).tolist()
    assert 10 < found.sum() < 190


def test_strands_that_can_hide_no_point_are_left_out():
    down = np.stack([np.zeros(COUNT), np.linspace(-0.1, 0.1, COUNT), np.full(COUNT, 0.8)], axis=-1)
    aside = np.linspace(-0.2, 0.2, 41)
    paths = down + aside[:, None, None] * np.array([1.0, 0, 0])
    point = visibility.project(CAMERA.K, np.array([[0.0, 0, 1]]))
    paths = paths.astype(np.float32)
    kept = aside[visibility._overlap(paths, visibility._projected(paths, CAMERA), 1e-3, CAMERA, point)]
    assert 0 in kept
    assert np.abs(kept).max() < 0.03


def test_triangles_hide_what_lies_behind_them_though_a_corner_is_behind_the_camera():
    corners = np.array(
        [[-1, -1, 0.5], [1, -1, 0.5], [0, 2, 0.5], [-1, -1, 0.4], [1, -1, 0.4], [0, 2, -0.4]], np.float32
    )
    ahead, tilted, behind = np.array([[0, 1, 2]]), np.array([[3, 4, 5]]), np.array([[5, 5, 5]])
    points = np.array([[0.0, 0, 1], [0, 0, 0.45], [0, 0, 0.1]])
    for triangles, expected in ((ahead, [0, 1, 1]), (tilted, [0, 0, 1]), (behind, [1, 1, 1])):
        wall = Surface(points=corners, segmentation=np.ones(1, np.uint8), triangles=triangles.astype(np.int32))
        assert seen_past(wall, points).tolist() == expected


def test_no_triangle_that_hides_a_point_is_left_out_though_corners_are_behind_the_camera(rng, monkeypatch):
    corners = rng.uniform([-0.2, -0.2, -0.1], [0.2, 0.2, 0.1], (40, 1, 3)) + rng.normal(0, 0.15, (40, 3, 3))
    wall = Surface(
        points=corners.reshape(-1, 3), segmentation=np.ones(1, np.uint8), triangles=np.arange(120).reshape(40, 3)
    )
    points = rng.uniform([-0.03, -0.02, 0.1], [0.05, 0.03, 1.1], (200, 3))
    found = seen_past(wall, points)
    pairs = lambda points, low, _: np.divmod(np.arange(len(points) * low.shape[1]), low.shape[1])
    monkeypatch.setattr(visibility, "_covering", pairs)
    assert found.tolist() == seen_past(wall, points).tolist()
    assert 10 < found.sum() < 190


def test_nobody_asks_after_no_points():
    assert seen_past(locks(np.random.default_rng(0), 5), np.empty((0, 3))).shape == (0,)


@pytest.mark.parametrize("seed", range(20))
def test_no_sight_line_slips_through_the_vertex_that_many_triangles_share(seed):
    """As of an eyeball that looks into the camera: the pupil's sight line goes through its front pole."""
    rng = np.random.default_rng(seed)
    pole = np.append(rng.uniform(-0.1, 0.1, 2), rng.uniform(0.4, 0.9))
    angle = np.arange(24) * np.pi / 12
    rim = pole + np.stack([0.01 * np.cos(angle), 0.01 * np.sin(angle), np.full(24, 0.002)], axis=-1)
    fan = np.stack([np.zeros(24, int), 1 + np.arange(24), 1 + (np.arange(24) + 1) % 24], axis=-1).astype(np.int32)
    corners = np.concatenate([pole[None], rim]).astype(np.float32)
    behind = corners[0].astype(np.float64) * rng.uniform(1.01, 1.3, (50, 1))
    assert not seen_past(Surface(points=corners, segmentation=np.ones(1, np.uint8), triangles=fan), behind).any()
