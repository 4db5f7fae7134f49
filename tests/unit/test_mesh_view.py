"""Laws of the rasteriser: rays through pixel centres, the nearest triangle, nothing behind the camera."""

import numpy as np
import pytest

from synth.camera import distance_from_depth, pixel_centers, pixel_directions, project
from synth.geometry import interpolate
from synth.labels.mesh_view import map_of, rasterize

HW = (19, 31)  # not square
K = np.array([[33.0, 0, 14.2], [0, 35.0, 11.1], [0, 0, 1]])  # off-centre


def soup(count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Triangles that pierce and hide each other, in front of the camera and behind it."""
    rng = np.random.default_rng(0)
    middle = rng.uniform([-0.4, -0.3, 0.5], [0.4, 0.3, 2], (count, 1, 3))
    points = (middle + rng.normal(0, 0.15, (count, 3, 3))).reshape(-1, 3)
    return points, np.arange(3 * count, dtype=np.int32).reshape(-1, 3)


def test_the_point_of_a_pixel_projects_to_its_centre():
    points, triangles = soup()
    number, weights, depth = rasterize(points, triangles, K, HW)
    seen = number >= 0
    found = interpolate(points[triangles[number[seen]]], weights[seen])
    np.testing.assert_allclose(project(K, found), pixel_centers(HW)[seen], atol=1e-9)
    np.testing.assert_allclose(found[:, 2], depth[seen], atol=1e-12)
    assert 0.3 < seen.mean() < 1


def test_every_pixel_has_the_first_triangle_of_its_ray():
    points, triangles = soup()
    number, _, depth = rasterize(points, triangles, K, HW)
    directions = pixel_directions(K, HW).reshape(-1, 3)
    nearest = np.full(len(directions), np.inf)
    for a, b, c in points[triangles]:
        if min(a[2], b[2], c[2]) <= 0:
            continue
        for k, share in enumerate(np.linalg.solve(np.stack([a, b, c], 1), directions.T).T):
            if (share >= 0).all():
                nearest[k] = min(nearest[k], 1 / share.sum())
    np.testing.assert_allclose(depth.ravel(), nearest, rtol=1e-9)
    assert ((number < 0) == np.isinf(depth)).all()


def test_a_sphere_has_the_depth_of_a_sphere():
    trimesh = pytest.importorskip("trimesh")
    ball = trimesh.creation.icosphere(subdivisions=5, radius=0.2)
    center = np.array([0.02, -0.03, 1.0])
    _, _, depth = rasterize(ball.vertices + center, ball.faces, K, HW)
    rays = pixel_directions(K, HW)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    along = rays @ center
    half = np.sqrt(np.maximum(0.2**2 - (center @ center - along**2), 0))
    middle = half > 0.05  # away from the outline, which is a polygon
    np.testing.assert_allclose(distance_from_depth(depth, K)[middle], (along - half)[middle], atol=3e-4)
    assert middle.sum() > 50


def test_nothing_is_seen_of_what_reaches_behind_the_camera_or_lies_beside_or_edge_on():
    behind = np.array([[0, 0, -1.0], [1, 0, -1], [0, 1, -1]])
    for points in (
        behind,
        behind + np.array([[0, 0, 0], [0, 0, 3], [0, 0, 3]]),
        behind * [1, 1, -1] + [9, 0, 0],
        np.outer([1, 2, 3], [0, 0, 1.0]),
    ):
        number, weights, depth = rasterize(points, np.array([[0, 1, 2]]), K, HW)
        assert (number == -1).all()
        assert not weights.any()
        assert np.isinf(depth).all()


def test_a_map_interpolates_with_perspective_and_is_minus_one_elsewhere():
    points = np.array([[-1, -1, 1.0], [1, -1, 3], [-1, 1, 2]])
    triangles = np.array([[0, 1, 2]])
    number, weights, depth = rasterize(points, triangles, K, HW)
    z = map_of(points[:, 2:], triangles, number, weights)[..., 0]
    np.testing.assert_allclose(z, np.where(np.isinf(depth), -1, depth), atol=1e-12)
