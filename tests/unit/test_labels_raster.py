"""The raster sees what each pixel centre's ray meets first."""

import numpy as np

from synth.camera import Camera, intrinsics, look_at
from synth.labels.raster import first_triangle

HW = (24, 36)


def camera(roll: float = 0.3) -> Camera:
    return Camera(intrinsics(40.0, HW, (0.05, -0.1)), look_at(np.array([0.1, -3.0, 0.2]), np.zeros(3), roll), HW)


def by_rays(points: np.ndarray, triangles: np.ndarray, view: Camera) -> np.ndarray:
    """Every ray against every triangle: the solution of eye + t ray = a + v (b - a) + w (c - a)."""
    place = np.linalg.inv(view.world_to_camera)
    rays = view.rays().reshape(-1, 3) @ place[:3, :3].T
    a, b, c = np.moveaxis(points[triangles], 1, 0)
    system = np.stack(
        [np.broadcast_to(rays[:, None], (len(rays), len(a), 3)), *np.broadcast_arrays(a - b, a - c, rays[:, None])[:2]],
        -1,
    )
    t, v, w = np.moveaxis(
        np.linalg.solve(system, np.broadcast_to(a - place[:3, 3], system.shape[:3])[..., None])[..., 0], -1, 0
    )
    depth = np.where((t > 0) & (v >= 0) & (w >= 0) & (v + w <= 1), t, np.inf)
    return np.where(np.isfinite(depth.min(axis=1)), depth.argmin(axis=1), -1).reshape(view.hw)


def test_it_sees_what_the_rays_meet_first(rng):
    points = rng.uniform(-1, 1, (90, 3))
    triangles = rng.permutation(90).reshape(30, 3)
    seen = first_triangle(points, triangles, camera())
    np.testing.assert_array_equal(seen, by_rays(points, triangles, camera()))
    assert len(np.unique(seen)) > 10


def test_a_closed_surface_has_no_hole_along_its_edges():
    grid = np.stack(np.meshgrid(np.linspace(-9, 9, 37), [0.0], np.linspace(-9, 9, 37), indexing="ij"), -1).reshape(
        -1, 3
    )
    corner = (np.arange(36)[:, None] * 37 + np.arange(36)).reshape(-1, 1)
    triangles = np.concatenate([corner + np.array(c) for c in ([0, 1, 38], [0, 38, 37])])
    assert (first_triangle(grid, triangles, camera(roll=0.0)) >= 0).all()


def test_what_lies_behind_the_camera_is_not_seen():
    behind = np.array([[-9.0, -4, -9], [9, -4, -9], [0, -4, 9]])
    assert (first_triangle(behind, np.array([[0, 1, 2]]), camera()) == -1).all()


def test_an_empty_view_sees_nothing():
    aside = np.array([[50.0, 0, 0], [51, 0, 0], [50, 0, 1]])
    assert (first_triangle(aside, np.array([[0, 1, 2]]), camera()) == -1).all()
