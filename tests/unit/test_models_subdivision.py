"""Laws of Catmull-Clark subdivision as a linear operator."""

import numpy as np
import pytest

from synth.models.subdivision import refine
from synth.models.surface import closest_points

CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float32)
CUBE_FACES = np.array(
    [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]], dtype=np.int32
)
MIXED_FACES = np.array([[0, 1, 2, 3], [1, 4, 2, 2]], dtype=np.int32)  # an open quad and a triangle


def refined(points: np.ndarray, faces: np.ndarray, levels: int) -> tuple[np.ndarray, np.ndarray]:
    for _ in range(levels):
        step = refine(faces, len(points))
        points, faces = step(points), step.faces
    return points, faces


def test_a_cube_has_the_published_points_after_one_step():
    points, _ = refined(CUBE, CUBE_FACES, 1)
    np.testing.assert_allclose(np.abs(points[:8]), 5 / 9, rtol=1e-6)  # vertices
    np.testing.assert_allclose(np.sort(np.abs(points[8:20]), axis=1), [[0, 0.75, 0.75]] * 12, atol=1e-6)  # edges
    np.testing.assert_allclose(np.sort(np.abs(points[20:]), axis=1), [[0, 0, 1]] * 6, atol=1e-6)  # faces


def test_steps_converge_geometrically():
    vertex = [refined(CUBE, CUBE_FACES, levels)[0][0] for levels in range(6)]
    moves = np.linalg.norm(np.diff(vertex, axis=0), axis=1)
    assert (moves[1:] < 0.5 * moves[:-1]).all()


def test_a_closed_mesh_stays_closed_and_keeps_eulers_number():
    points, faces = refined(CUBE, CUBE_FACES, 3)
    edges = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    assert (count == 2).all()
    assert len(points) - len(unique) + len(faces) == 2


@pytest.mark.parametrize("faces", [CUBE_FACES, MIXED_FACES], ids=["closed", "open with a triangle"])
def test_subdivision_commutes_with_affine_maps(faces):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(faces.max() + 1, 3)).astype(np.float32)
    matrix, shift = rng.normal(size=(3, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)
    step = refine(faces, len(points))
    np.testing.assert_allclose(step(points @ matrix + shift), step(points) @ matrix + shift, atol=1e-5)


def test_a_triangle_has_three_children_and_a_quad_four():
    step = refine(MIXED_FACES, 5)
    assert np.bincount(step.parent).tolist() == [4, 3]


def test_orientation_is_kept():
    points, faces = refined(CUBE, CUBE_FACES, 2)
    a, b, c, d = np.moveaxis(points[faces], 1, 0)
    coarse = CUBE[CUBE_FACES]
    normal = np.cross(coarse[:, 2] - coarse[:, 0], coarse[:, 3] - coarse[:, 1])
    outwards = np.sign((normal * coarse.mean(axis=1)).sum(axis=1))[0]
    assert (outwards * (np.cross(c - a, d - b) * (a + c)).sum(axis=1) > 0).all()


def test_boundary_stays_on_its_straight_edge():
    square = np.array([[0, 0], [1, 0], [2, 0], [0, 1], [1, 1], [2, 1]], dtype=np.float32)
    points, _ = refined(square, np.array([[0, 1, 4, 3], [1, 2, 5, 4]], dtype=np.int32), 1)
    assert points[1].tolist() == [1, 0]


def test_uv_of_a_child_is_bilinear_in_its_parent():
    uv = np.array([[[0, 0], [1, 0], [1, 1], [0, 1]], [[0, 0], [1, 0], [0, 1], [0, 1]]], dtype=np.float32)
    children = refine(MIXED_FACES, 5).corners(uv)
    np.testing.assert_allclose(children[0], [[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]])
    np.testing.assert_allclose(children[4], [[0, 0], [0.5, 0], [1 / 3, 1 / 3], [0, 0.5]], rtol=1e-6)


def test_the_closest_point_beats_every_sampled_point_of_the_surface():
    rng = np.random.default_rng(1)
    corners = rng.normal(size=(20, 3, 3))
    weights = rng.dirichlet(np.ones(3), 500)
    sampled = np.einsum("nw,twx->tnx", weights, corners).reshape(-1, 3)
    for point in rng.normal(size=(20, 3)):
        row, weight = closest_points(point, corners)
        found = np.linalg.norm(weight @ corners[row] - point)
        assert found <= np.linalg.norm(sampled - point, axis=1).min() + 1e-6
