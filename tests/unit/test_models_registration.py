"""Laws of fitting one surface to another."""

import numpy as np
import pytest
import trimesh

from synth.geometry import normalize, rigid, rotation_x, rotation_y, rotation_z, transform, vertex_normals
from synth.models.alignment import align, axis_turns
from synth.models.proximity import Surface, boundary_of
from synth.models.registration import Landmarks, nicp, similarity
from synth.models.surface import closest_points

SIZE = 0.1  # m


@pytest.fixture(scope="module")
def body() -> tuple[np.ndarray, np.ndarray]:
    """A bumpy ellipsoid without symmetries: vertices [642, 3] (m), triangles."""
    ball = trimesh.creation.icosphere(subdivisions=3)
    points = np.asarray(ball.vertices)
    x, y, z = points.T
    nose = 0.35 * np.exp(-((normalize(points) - normalize(np.array([0.2, -1.0, 0.1]))) ** 2).sum(axis=1) / 0.1)
    radius = 1 + 0.12 * np.sin(2.3 * x + 0.4) * np.cos(1.7 * y) + 0.1 * z * x + nose
    return SIZE * points * radius[:, None] * (0.8, 0.9, 1.2), np.asarray(ball.faces)


def bent(points: np.ndarray, amount: float) -> np.ndarray:
    """A smooth deformation, `amount` (m) large."""
    x, y, z = points.T / SIZE
    return points + amount * np.stack([np.sin(1.5 * z + y), 0.7 * np.cos(1.3 * x), 0.6 * np.sin(1.1 * y + 0.3)], -1)


def rms(values: np.ndarray) -> float:
    assert np.isfinite(values).all()
    return float(np.sqrt((values**2).sum(axis=-1).mean()))


MOTION = rigid(rotation_z(0.4) @ rotation_x(-1.1) @ rotation_y(2.0), np.array([0.3, -0.2, 1.4]))


def test_a_similarity_is_recovered(body):
    wanted = MOTION.copy()
    wanted[:3, :3] *= 1.7
    np.testing.assert_allclose(similarity(body[0], transform(wanted, body[0])), wanted, atol=1e-12)


def test_without_scale_a_similarity_is_a_rotation_and_never_a_reflection(body):
    mirrored = body[0] * (-1, 1, 1)
    rotation = similarity(body[0], mirrored, scale=False)[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) > 0


def test_points_of_weight_zero_have_no_say_in_a_similarity(body):
    there, weights = transform(MOTION, body[0]), np.ones(len(body[0]))
    there[:100] += 5
    weights[:100] = 0
    np.testing.assert_allclose(similarity(body[0], there, weights), MOTION, atol=1e-12)


@pytest.mark.parametrize("points", [np.zeros((5, 3)), np.linspace(0, 1, 5)[:, None] * [1.0, 2, 3], np.eye(3)[:2]])
def test_points_that_fix_no_rotation_are_refused(points):
    with pytest.raises(ValueError, match="landmarks"):
        similarity(points, points)


def test_many_closest_points_are_those_of_one_at_a_time(body, rng):
    points = rng.normal(0, 1.5 * SIZE, (60, 3))
    feet = Surface(*body).closest(points)
    corners = body[0][body[1]]
    for point, distance in zip(points, feet.distance, strict=True):
        row, weights = closest_points(point, corners)
        assert distance == pytest.approx(np.linalg.norm(weights @ corners[row] - point), abs=1e-7)


def test_closest_points_are_certain_among_triangles_of_very_different_sizes(rng):
    vertices = np.concatenate([rng.normal(0, 0.01, (60, 3)), rng.normal(0, 3, (9, 3))])
    triangles = np.arange(69).reshape(-1, 3)
    points = rng.normal(0, 1, (40, 3))
    feet = Surface(vertices, triangles).closest(points)
    for point, distance in zip(points, feet.distance, strict=True):
        row, weights = closest_points(point, vertices[triangles])
        assert distance == pytest.approx(np.linalg.norm(weights @ vertices[triangles][row] - point), abs=1e-6)


def test_a_point_between_two_sheets_falls_on_the_one_that_faces_as_it_does():
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float)
    sheets = Surface(
        np.concatenate([square, square + np.array([0, 0, 0.1])]), np.array([[0, 1, 2], [0, 2, 3], [4, 6, 5], [4, 7, 6]])
    )
    feet = sheets.closest(np.array([[0.5, 0.4, 0.06]]), facing=np.array([[0.0, 0, 1]]), turn=1.0)
    np.testing.assert_allclose(feet.points[0], [0.5, 0.4, 0], atol=1e-12)


def test_nicp_leaves_a_template_on_itself(body):
    fit = nicp(*body, Surface(*body))
    assert rms(fit.vertices - body[0]) < 1e-9
    assert fit.matched.all()


def test_nicp_after_the_rigid_fit_of_a_moved_template_leaves_nothing(body):
    there = transform(MOTION, body[0])
    fit = nicp(transform(similarity(body[0], there), body[0]), body[1], Surface(there, body[1]))
    assert rms(fit.vertices - there) < 1e-9


@pytest.fixture(scope="module")
def deformed(body):
    """A known deformation with some landmarks, and the template laid onto it."""
    there = bent(body[0], 0.006)
    chosen = body[1][np.linspace(0, len(body[1]) - 1, 24).astype(int)]
    points = there[chosen].mean(axis=1)
    landmarks = Landmarks(triangles=chosen, weights=np.full((24, 3), 1 / 3), points=points)
    return there, landmarks, nicp(*body, Surface(there, body[1]), landmarks)


def test_nicp_recovers_a_known_deformation(body, deformed):
    there, _, fit = deformed
    assert rms(fit.vertices - there) < 0.2 * rms(body[0] - there)


def test_nicp_lays_the_template_onto_the_surface(body, deformed):
    assert deformed[2].distance.max() < 1e-3


def test_nicp_brings_landmarks_to_their_places(deformed):
    _, landmarks, fit = deformed
    assert rms(fit.vertices[landmarks.triangles].mean(axis=1) - landmarks.points) < 5e-4


def test_nicp_leaves_alone_what_lies_beyond_the_end_of_the_surface(body):
    points, triangles = body
    half = triangles[points[triangles][:, :, 2].min(axis=1) > 0]
    fit = nicp(points, triangles, Surface(points, half))
    assert rms(fit.vertices - points) < 1e-6
    assert not fit.matched[points[:, 2] < -0.01].any()


def test_nicp_takes_no_counterpart_that_faces_the_other_way(body):
    points, triangles = body
    fit = nicp(points, triangles, Surface(points * 1.05, triangles[:, ::-1]))
    assert not fit.matched.any()


def test_a_vertex_without_weight_pulls_nothing(body):
    there = body[0].copy()
    wrong = np.zeros(len(there), bool)
    wrong[np.argsort(there[:, 1])[:40]] = True
    there[wrong, 1] -= 0.05
    with_say = nicp(*body, Surface(there, body[1])).vertices
    without = nicp(*body, Surface(there, body[1]), weights=1.0 - wrong).vertices
    assert rms((without - body[0])[wrong]) < 0.5 * rms((with_say - body[0])[wrong])


def test_a_boundary_is_where_edges_have_one_triangle(body):
    assert not boundary_of(body[1], len(body[0])).any()
    assert boundary_of(body[1][1:], len(body[0])).sum() == 3


def test_the_axis_turns_are_the_24_rotations_of_a_cube():
    turns = np.array(axis_turns())
    assert len(np.unique(turns, axis=0)) == 24
    np.testing.assert_array_equal(np.linalg.det(turns).round(), 1)


def test_alignment_without_landmarks_finds_a_turned_part(body):
    points, triangles = body
    part = triangles[points[triangles][:, :, 1].max(axis=1) < 0.03]
    used = np.unique(part)
    turn = rotation_x(np.pi / 2) @ rotation_z(0.2)
    there = points @ turn.T + (1, 2, 3)
    found, _ = align(there[used], vertex_normals(there, part)[used], Surface(*body), (points.mean(axis=0),))
    assert rms(transform(found, there) - points) < 3e-3
