"""Laws of completing a model from the built-in one: a part of that, as somebody else's, gets its own back."""

from dataclasses import replace

import numpy as np
import pytest

from synth.geometry import rigid, rotation_x, transform
from synth.models import load_model
from synth.models.bare import bare_model, lacks
from synth.models.correspondence import main_piece, placed
from synth.models.schema import arrays, check, texts
from synth.models.transfer import complete
from synth.models.unwrap import cylinder_map

Y_UP = rotation_x(-np.pi / 2)  # head space to y up, the face towards z
MILLIMETRE = 1e-3


@pytest.fixture(scope="module")
def reference():
    return load_model("makehuman")


@pytest.fixture(scope="module")
def person(reference):
    """Coefficients of somebody who is not the mean."""
    return np.random.default_rng(0).normal(size=len(reference.identity)).astype(np.float32)


@pytest.fixture(scope="module")
def face(reference):
    """Faces of the built-in model in front of the ears, without the mouth's inside: bool [F]."""
    corners = reference.mean[reference.faces]
    return (corners[:, :, 1].max(axis=1) < 0.05) & (corners[:, :, 2].min(axis=1) > -0.12) & (reference.part != 9)


def stranger(reference, person, keep):
    """A bare model of these faces of the reference, with the person as its mean, elsewhere and with y up; and the
    reference's numbers of its vertices."""
    used, faces = np.unique(reference.faces[keep], return_inverse=True)
    vertices = reference.vertices(person, np.zeros(len(reference.expression), np.float32))[used]
    model = bare_model(
        transform(rigid(Y_UP, np.array([0.1, 1.5, 0.3])), vertices),
        reference.identity[:10, used] @ Y_UP.T,
        faces.reshape(-1, 4),
        name="stranger",
        licence="none",
        source="a test",
        expression=reference.expression[:, used] @ Y_UP.T,
        expression_names=reference.expression_names,
    )
    return model, used


@pytest.fixture(scope="module")
def bare(reference, person, face):
    model, used = stranger(reference, person, face)
    own_uv = np.random.default_rng(1).uniform(0, 1, (len(model.faces), 4, 2)).astype(np.float32)
    return replace(model, uv=own_uv, regions={"cheeks": np.full(len(used), 0.25, np.float32)}), used


@pytest.fixture(scope="module")
def completed(reference, bare):
    return complete(bare[0], reference)


@pytest.fixture(scope="module")
def truth(reference, person, bare):
    """The person's own vertices [Vr, 3], with the origin between the true eyes."""
    vertices = reference.vertices(person, np.zeros(len(reference.expression), np.float32))
    return vertices - reference.eyeballs.centers(person).mean(axis=0)


def test_a_bare_model_is_turned_to_head_space_and_keeps_its_shape(completed, truth, bare):
    assert np.linalg.norm(completed[0].mean - truth[bare[1]], axis=1).max() < 1.5 * MILLIMETRE
    between = lambda points: np.linalg.norm(np.diff(points, axis=0), axis=1)
    np.testing.assert_allclose(between(completed[0].mean), between(bare[0].mean), atol=1e-6)


def test_bases_turn_with_the_mean(completed, reference, bare):
    np.testing.assert_allclose(completed[0].identity, reference.identity[:10, bare[1]], atol=1e-6)


def test_a_completed_face_lacks_but_a_garment(completed, reference):
    assert lacks(completed[0], reference) == ("garment",)


def test_a_completed_model_is_sound(completed):
    check(arrays(completed[0]), texts(completed[0]))


def test_a_completed_model_subdivides(completed):
    fine = completed[0].subdivided(1)
    np.testing.assert_array_equal(fine.faces.max() + 1, len(fine.mean))
    assert all(len(fine.paths[name]) == 2 * len(path) - 1 for name, path in completed[0].paths.items())


def test_inner_landmarks_come_back_to_their_places(completed, reference, truth):
    off = np.linalg.norm(completed[0].landmarks(completed[0].mean) - reference.landmarks(truth), axis=1)[17:]
    assert off.mean() < 2 * MILLIMETRE
    assert off.max() < 6 * MILLIMETRE


def test_parts_come_back(completed, reference, face):
    assert (completed[0].part == reference.part[face]).mean() > 0.95


@pytest.mark.parametrize("name", ["lips", "beard", "eyelids", "forehead", "scalp"])
def test_a_region_comes_back(completed, reference, bare, name):
    there, own = completed[0].regions[name], reference.regions[name][bare[1]]
    assert np.abs(there - own).sum() < 0.45 * own.sum()


@pytest.mark.parametrize("name", ["right_brow", "left_brow"])
def test_brows_come_back_to_their_places(completed, reference, bare, name):
    """As near as landmarks do: it is eight vertices' worth of mask, on skin whose shape hardly says how high."""
    there, own = completed[0].regions[name], reference.regions[name][bare[1]]
    middle = lambda mask: mask @ completed[0].mean / mask.sum()
    assert np.linalg.norm(middle(there) - middle(own)) < 2 * MILLIMETRE
    assert 0.8 < there.sum() / own.sum() < 1.25


def test_eyes_come_back(completed, reference, person):
    own = reference.eyeballs.centers(person)
    assert np.linalg.norm(np.diff(completed[0].eyeballs.center - own, axis=0)) < 3 * MILLIMETRE
    np.testing.assert_allclose(completed[0].eyeballs.radius, reference.eyeballs.radii(person), rtol=0.1)
    assert np.linalg.norm(completed[0].eyeballs.center.mean(axis=0)) < 1e-6


def test_lashes_grow_along_edges_from_the_inner_to_the_outer_corner(completed):
    model = completed[0]
    edges = np.sort(np.stack([model.faces, np.roll(model.faces, -1, axis=1)], -1).reshape(-1, 2), axis=1)
    known = set(map(tuple, edges.tolist()))
    for name, path in model.paths.items():
        assert all(tuple(sorted(edge)) in known for edge in zip(path[:-1].tolist(), path[1:].tolist(), strict=True))
        side = -1 if name.startswith("right") else 1
        assert side * (model.mean[path[-1], 0] - model.mean[path[0], 0]) > 0.015


def test_skin_has_the_reference_s_colours(completed, reference, bare):
    own = reference.albedo_mean[bare[1]]
    assert np.abs(completed[0].albedo_mean - own).mean() < 0.01
    assert completed[0].albedo_basis.shape == (len(reference.albedo_basis), len(bare[1]), 3)


def test_residuals_are_metres_for_each_thing(completed):
    residual = completed[1]
    assert {"rigid fit", "surface fit", "landmarks", "parts", "albedo", "eyeballs", "regions/lips"} <= set(residual)
    assert all(0 <= value < 0.01 for value in residual.values())
    assert residual["surface fit"] < 0.5 * MILLIMETRE


def test_what_a_model_has_stays_as_it_is(completed, bare):
    own, (model, residual) = bare[0], completed
    np.testing.assert_array_equal(model.uv, own.uv)
    np.testing.assert_array_equal(model.regions["cheeks"], own.regions["cheeks"])
    np.testing.assert_array_equal(model.faces, own.faces)
    assert not {"uv", "regions/cheeks"} & set(residual)


def test_landmarks_place_a_model(completed, bare, reference):
    known = np.arange(68) % 3 == 0
    model = replace(
        bare[0],
        landmark_triangles=completed[0].landmark_triangles,
        landmark_weights=completed[0].landmark_weights * known[:, None],
    )
    to_reference, off = placed(model, reference, main_piece(model))
    there = transform(to_reference, model.landmarks(model.mean)[known])
    assert np.linalg.norm(there - reference.landmarks(reference.mean)[known], axis=1)[6:].max() < 8 * MILLIMETRE
    assert off < 2 * MILLIMETRE


def test_a_whole_model_comes_back_itself(reference):
    model, residual = complete(reference, reference)
    assert model is reference
    assert residual == {}


def test_a_model_in_millimetres_is_refused(bare, reference):
    with pytest.raises(ValueError, match="metres"):
        complete(replace(bare[0], mean=1000 * bare[0].mean), reference)


def test_a_cylinder_map_is_in_the_unit_square_and_has_its_seam_behind(reference):
    uv = cylinder_map(reference.mean, reference.faces, reference.part, 0.07)
    assert uv.min() >= 0
    assert uv.max() <= 1
    width = np.ptp(uv[..., 0], axis=1)
    assert width[reference.mean[reference.faces][..., 1].max(axis=1) < 0.06].max() < 0.2
    corner = np.full((len(reference.mean), 2), np.nan)
    front = reference.mean[reference.faces][..., 1].max(axis=1) < 0.05
    corner[reference.faces[front & (reference.part != 9)]] = uv[front & (reference.part != 9)]
    np.testing.assert_allclose(
        corner[reference.faces[front & (reference.part != 9)]], uv[front & (reference.part != 9)], atol=1e-6
    )
