"""The fine level against other evaluations of the same law."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from synth.camera import Camera, intrinsics, look_at, pixel_directions
from synth.geometry import normalize, transform
from synth.labels.buffers import Buffers
from synth.labels.mesh_view import rasterize
from synth.labels.relief import fine_maps, fine_points, spline
from synth.labels.shot import Shot, Surface

HW, SIZE = (40, 56), 24


def ball(relief):
    """A ball of 0.1 m as a grid in longitude and latitude, whose texture is one to one."""
    u, v = np.meshgrid(np.linspace(0, 1, 33), np.linspace(0.03, 0.97, 25))
    angle, height = 2 * np.pi * u, np.pi * (v - 0.5)
    normals = np.stack([np.cos(angle) * np.cos(height), np.sin(angle) * np.cos(height), np.sin(height)], -1).reshape(
        -1, 3
    )
    number = np.arange(33 * 25).reshape(25, 33)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]
    triangles = np.concatenate([np.stack(q, -1).reshape(-1, 3) for q in ((a, b, c), (a, c, d))]).astype(np.int32)
    uv = np.stack([u, v], -1).reshape(-1, 2)[triangles]
    return Surface(
        points=0.1 * normals, triangles=triangles, uv=uv, normals=normals, relief=relief,
        segmentation=np.ones(len(triangles), np.uint8),
    )  # fmt: skip


def seen(surface):
    """A shot of it, and what a render would say of the smooth mesh."""
    camera = Camera(intrinsics(70.0, HW, (0.02, -0.03)), look_at(np.array([0.5, -0.1, 0.15]), np.zeros(3), 0.2), HW)
    p_camera = transform(camera.world_to_camera, surface.points)
    number, weights, depth = rasterize(p_camera, surface.triangles, camera.K, HW)
    shown = np.stack([number, weights[..., 0], weights[..., 1]], -1).astype(np.float32)
    none = np.zeros((*HW, 3), np.float32)
    buffers = Buffers(
        image=none, coverage=none, depth=depth, object_index=(number >= 0).astype(np.int32), surface=shown, normal=none,
        albedo=none,
    )  # fmt: skip
    return Shot(camera=camera, surfaces={1: surface}, background=none), buffers, depth


@pytest.fixture(scope="module")
def relief():
    return (1e-3 * np.random.default_rng(1).normal(size=(SIZE, SIZE))).astype(np.float32)


def test_the_spline_is_scipys(relief):
    uv = np.random.default_rng(2).random((500, 2))
    at = [(1 - uv[:, 1]) * SIZE - 0.5, uv[:, 0] * SIZE - 0.5]
    expected = map_coordinates(relief.astype(float), at, order=3, prefilter=False, mode="nearest")
    np.testing.assert_allclose(spline(relief, uv)[0], expected, atol=1e-12)


def test_its_slope_is_its_change(relief):
    uv, step = 0.1 + 0.8 * np.random.default_rng(3).random((200, 2)), 1e-6
    for k in range(2):
        away = step * np.eye(2)[k]
        change = (spline(relief, uv + away)[0] - spline(relief, uv - away)[0]) / (2 * step)
        np.testing.assert_allclose(spline(relief, uv)[1][:, k], change, atol=1e-6)


def test_the_change_of_the_fine_surface_is_that_of_its_points(relief):
    surface, chance, step = ball(relief), np.random.default_rng(4), 1e-6
    triangle = chance.integers(len(surface.triangles), size=100)
    weights = chance.dirichlet(np.ones(3), 100)
    for k in (1, 2):
        away = step * (np.eye(3)[k] - np.eye(3)[0])
        change = (
            fine_points(surface, triangle, weights + away)[0] - fine_points(surface, triangle, weights - away)[0]
        ) / (2 * step)
        np.testing.assert_allclose(fine_points(surface, triangle, weights)[1][:, k - 1], change, atol=1e-7)


def test_without_relief_the_fine_level_is_the_mesh():
    shot, buffers, depth = seen(ball(np.zeros((SIZE, SIZE), np.float32)))
    fine, _ = fine_maps(shot, buffers, depth, np.zeros((*HW, 3)))
    np.testing.assert_allclose(fine, depth, rtol=1e-9)


def test_an_even_relief_is_a_larger_ball():
    surface = ball(np.full((SIZE, SIZE), 0.004, np.float32))
    shot, buffers, depth = seen(surface)
    fine, normal = fine_maps(shot, buffers, depth, np.zeros((*HW, 3)))
    there = np.isfinite(depth)
    rays, to_world = pixel_directions(shot.camera.K, HW)[there], np.linalg.inv(shot.camera.world_to_camera)
    coarse, points = (transform(to_world, rays * at[there][:, None]) for at in (depth, fine))
    flat = 0.1 - np.linalg.norm(coarse, axis=-1).min()  # the mesh is flat between vertices
    np.testing.assert_allclose(np.linalg.norm(points, axis=-1), 0.104, atol=1.1 * flat)
    outward = normalize(points) @ shot.camera.world_to_camera[:3, :3].T
    assert np.median((outward * normal[there]).sum(-1)) > 0.998  # 3.6 degrees, of a mesh of facets


def test_points_of_the_fine_level_lie_on_their_rays_and_on_the_surface(relief):
    """Against the same law on a mesh ten times as dense, in which another route finds the first triangle."""
    surface = ball(relief)
    shot, buffers, depth = seen(surface)
    fine, normal = fine_maps(shot, buffers, depth, np.zeros((*HW, 3)))
    grid = np.array([(i, j) for i in range(11) for j in range(11 - i)])
    nodes = np.concatenate([10 - grid.sum(1, keepdims=True), grid], axis=1) / 10
    place = {tuple(g): k for k, g in enumerate(grid.tolist())}
    up = [(place[i, j], place[i + 1, j], place[i, j + 1]) for i, j in place if i + j < 10]
    down = [(place[i + 1, j], place[i + 1, j + 1], place[i, j + 1]) for i, j in place if i + j < 9]
    corners = surface.triangles
    points = np.einsum("kc,tcx->tkx", nodes, surface.points[corners])
    normals = normalize(np.einsum("kc,tcx->tkx", nodes, surface.normals[corners]))
    uv = np.einsum("kc,tcx->tkx", nodes, surface.uv)
    at = [(1 - uv[..., 1]) * SIZE - 0.5, uv[..., 0] * SIZE - 0.5]
    h = map_coordinates(relief.astype(float), at, order=3, prefilter=False, mode="nearest")
    dense = transform(shot.camera.world_to_camera, (points + h[..., None] * normals).reshape(-1, 3))
    small = (np.array(up + down) + len(nodes) * np.arange(len(corners))[:, None, None]).reshape(-1, 3)
    number, _, expected = rasterize(dense, small, shot.camera.K, HW)
    both = np.isfinite(depth) & np.isfinite(expected)
    error = np.abs(fine[both] - expected[both])
    assert np.median(error) < 2e-6
    assert (error < 5e-5).mean() > 0.985  # the rest: outlines, where one mesh is met and the other passed by
    a, b, c = np.moveaxis(dense[small[number[both]]], 1, 0)
    flat = normalize(np.cross(b - a, c - a))
    assert np.median(np.abs(np.cross(flat, normal[both])).sum(-1)) < 0.03


def test_where_something_else_is_seen_the_coarse_level_stands(relief):
    shot, buffers, depth = seen(ball(relief))
    buffers.object_index[:, :28] *= 2
    coarse = np.random.default_rng(5).normal(size=(*HW, 3))
    fine, normal = fine_maps(shot, buffers, depth, coarse)
    np.testing.assert_array_equal(fine[:, :28], depth[:, :28])
    np.testing.assert_array_equal(normal[:, :28], coarse[:, :28])
    assert (fine[:, 28:] != depth[:, 28:]).any()
