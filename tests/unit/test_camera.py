"""The camera's convention, pinned by known points at known pixels."""

import numpy as np

from synth.camera import Camera, distance_from_depth, intrinsics, look_at, pixel_centers, project

HW = (4, 6)


def camera(roll: float = 0.0, offset: tuple[float, float] = (0, 0)) -> Camera:
    """Ten metres south of the origin, looking north at it; 1 m is 1 px there."""
    return Camera(intrinsics(10.0, HW, offset), look_at(np.array([0.0, -10, 0]), np.zeros(3), roll), HW)


def test_the_point_on_the_axis_lies_in_the_middle_of_the_image():
    np.testing.assert_allclose(camera().project(np.zeros(3)), [3, 2], atol=1e-12)


def test_right_is_plus_u_and_up_is_minus_v():
    np.testing.assert_allclose(camera().project(np.array([1.0, 0, 0.5])), [4, 1.5], atol=1e-12)


def test_the_principal_point_moves_the_image_with_it():
    np.testing.assert_allclose(camera(offset=(0.5, -0.25)).project(np.zeros(3)), [6, 0.5], atol=1e-12)


def test_positive_roll_turns_the_content_clockwise():
    u, v = camera(roll=np.pi / 2).project(np.array([1.0, 0, 0])) - [3, 2]
    np.testing.assert_allclose([u, v], [0, 1], atol=1e-12)


def test_the_centre_of_the_first_pixel_is_a_half():
    np.testing.assert_array_equal(pixel_centers(HW)[0, 0], [0.5, 0.5])
    np.testing.assert_array_equal(pixel_centers(HW)[3, 5], [5.5, 3.5])


def test_unprojecting_a_depth_and_projecting_it_again_is_the_pixel_centre(rng):
    view = camera(roll=0.4, offset=(0.1, 0.05))
    points = view.unproject(rng.uniform(1, 20, HW))
    np.testing.assert_allclose(view.project(points), pixel_centers(HW), atol=1e-9)


def test_unprojecting_nothing_is_not_finite():
    assert not np.isfinite(camera().unproject(np.full(HW, np.inf))).all(axis=-1).any()


def test_distance_is_the_length_of_the_ray_to_a_depth(rng):
    view = camera(offset=(0.2, 0.1))
    depth = rng.uniform(1, 20, HW)
    length = np.linalg.norm(view.unproject(depth) - [0, -10, 0], axis=-1)
    np.testing.assert_allclose(distance_from_depth(depth, view.K), length)


def test_rays_and_projection_agree():
    view = camera(roll=1.0)
    np.testing.assert_allclose(project(view.K, 7.0 * view.rays()), pixel_centers(HW), atol=1e-9)
