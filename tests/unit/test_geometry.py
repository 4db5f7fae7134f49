"""Laws of rotations, head poses and barycentric interpolation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.geometry import (
    facing,
    head_rotation,
    interpolate,
    inverse_rigid,
    normalize,
    rigid,
    transform,
    vertex_normals,
    yaw_pitch_roll,
)

angle = st.floats(-1.5, 1.5)
face_direction = np.array([0.0, -1.0, 0.0])  # head space


@given(angle, angle, angle)
def test_yaw_pitch_roll_is_the_inverse_of_head_rotation(yaw, pitch, roll):
    np.testing.assert_allclose(yaw_pitch_roll(head_rotation(yaw, pitch, roll)), [yaw, pitch, roll], atol=1e-9)


@given(angle, angle, angle)
def test_a_head_rotation_is_proper(yaw, pitch, roll):
    r = head_rotation(yaw, pitch, roll)
    np.testing.assert_allclose(r @ r.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(r) > 0


def test_a_head_at_rest_looks_into_the_camera_the_right_way_up():
    np.testing.assert_allclose(head_rotation(0, 0, 0) @ face_direction, [0, 0, -1], atol=1e-15)
    np.testing.assert_allclose(head_rotation(0, 0, 0) @ [0, 0, 1], [0, -1, 0], atol=1e-15)


@pytest.mark.parametrize(
    ("pose", "axis", "sign"), [((0.3, 0, 0), 0, 1), ((0, 0.3, 0), 1, -1)], ids=["yaw to the right", "pitch up"]
)
def test_positive_angles_turn_the_face_as_documented(pose, axis, sign):
    assert sign * (head_rotation(*pose) @ face_direction)[axis] > 0.29


def test_positive_roll_tilts_the_crown_to_the_images_right():
    assert (head_rotation(0, 0, 0.3) @ [0, 0, 1])[0] > 0.29


def test_inverse_rigid_undoes_a_rigid_transform(rng):
    a_to_b = rigid(head_rotation(*rng.uniform(-1, 1, 3)), rng.normal(size=3))
    points = rng.normal(size=(5, 3))
    np.testing.assert_allclose(transform(inverse_rigid(a_to_b), transform(a_to_b, points)), points, atol=1e-12)


def test_normalize_leaves_zero_alone():
    np.testing.assert_array_equal(normalize(np.array([[0.0, 0, 0], [0, 3, 4]])), [[0, 0, 0], [0, 0.6, 0.8]])


def test_interpolation_reproduces_linear_functions(rng):
    corners = rng.normal(size=(10, 3, 2))
    weights = rng.dirichlet(np.ones(3), 10)
    expected = 2 * np.einsum("nck,nc->nk", corners, weights) + 1
    np.testing.assert_allclose(interpolate(2 * corners + 1, weights), expected, atol=1e-12)


def test_vertex_normals_of_a_sphere_are_its_directions():
    from scenes.head.eyes import eyeball_mesh
    from synth.models.eyeball import eye_shape

    points, triangles = eyeball_mesh(eye_shape(0.0154))
    sphere = normalize(points)
    assert (np.einsum("vk,vk->v", vertex_normals(sphere, triangles), sphere) > 0.999).all()


def test_facing_looks_along_its_direction_with_up_above(rng):
    for direction in rng.normal(size=(20, 3)):
        right, up, backward = facing(direction).T
        np.testing.assert_allclose(-backward, normalize(direction))
        assert up[2] > 0
        assert abs(right[2]) < 1e-12
        np.testing.assert_allclose(np.cross(right, up), backward, atol=1e-12)
