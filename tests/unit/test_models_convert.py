"""Laws of saying the identity of one model in the coefficients of another."""

from dataclasses import replace

import numpy as np
import pytest

from synth.geometry import rigid, rotation_x, rotation_z, transform
from synth.models import bridge, load_model
from synth.models.bare import bare_model
from synth.models.makehuman.parts import MOUTH


@pytest.fixture(scope="module")
def model():
    return load_model("makehuman")


@pytest.fixture(scope="module")
def coefficients(model):
    return np.random.default_rng(5).normal(size=len(model.identity)).astype(np.float32)


def test_a_model_converted_to_itself_gives_its_own_coefficients(model, coefficients):
    found, off = bridge(model, model)(coefficients)
    np.testing.assert_allclose(found, coefficients, atol=0.02)
    assert off < 1e-5


def test_the_mean_is_the_mean(model):
    found, off = bridge(model, model)(np.zeros(len(model.identity)))
    np.testing.assert_allclose(found, 0, atol=1e-9)
    assert off < 1e-12


def test_a_model_with_other_axes_of_identity_shows_the_same_face(model, coefficients):
    count = len(model.identity)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(count, count)))[0]
    other = replace(model, identity=np.einsum("jk,kvx->jvx", turn, model.identity).astype(np.float32))
    found, off = bridge(model, other)(coefficients)
    np.testing.assert_allclose(found, turn @ coefficients, atol=0.03)
    assert off < 1e-5


def test_how_the_head_is_held_is_no_identity(model, coefficients):
    tilt = rigid(rotation_x(0.01) @ rotation_z(0.008), np.array([0.0, 0.01, 0.003]))
    other = replace(model, mean=transform(tilt, model.mean).astype(np.float32))
    found, off = bridge(model, other)(coefficients)
    np.testing.assert_allclose(found, coefficients, atol=0.15)
    assert off < 3e-4


def test_what_a_smaller_model_cannot_show_is_the_residual(model, coefficients):
    small = replace(
        model,
        identity=model.identity[:5],
        identity_names=model.identity_names[:5],
        eyeballs=replace(
            model.eyeballs,
            center_identity=model.eyeballs.center_identity[:5],
            radius_identity=model.eyeballs.radius_identity[:5],
        ),
    )
    only = coefficients * (np.arange(len(coefficients)) < 5)
    convert = bridge(model, small)
    assert convert(only)[1] < 1e-5
    assert convert(coefficients)[1] > 1e-3


def test_a_subdivided_model_is_converted_as_well(model, coefficients):
    found, off = bridge(model.subdivided(1), model.subdivided(1))(coefficients)
    np.testing.assert_allclose(found, coefficients, atol=0.02)
    assert off < 1e-5


def test_coefficients_of_the_wrong_number_are_refused(model):
    with pytest.raises(ValueError, match=f"takes {len(model.identity)}"):
        bridge(model, model)(np.zeros(7))


@pytest.fixture(scope="module")
def mask(model):
    """Vertices [n] of a face without mouth and back of the head, and the bridge from a model of it alone."""
    corners = model.mean[model.faces]
    keep = (corners[:, :, 1].max(axis=1) < 0.05) & (corners[:, :, 2].min(axis=1) > -0.12) & (model.part != MOUTH)
    used, faces = np.unique(model.faces[keep], return_inverse=True)
    other = bare_model(
        model.mean[used], model.identity[:, used], faces.reshape(-1, 4), name="mask", licence="", source="a test"
    )
    return used, bridge(other, model)


def test_a_face_of_another_topology_keeps_its_shape(model, mask):
    used, convert = mask
    asked = np.zeros(len(model.identity), np.float32)
    asked[:3] = 1.5, -1.0, 0.7
    found, off = convert(asked)
    assert off < 3e-4
    shown = np.einsum("k,kvx->vx", found - asked, model.identity[:, used].astype(np.float64))
    assert np.sqrt(((shown - shown.mean(axis=0)) ** 2).sum(axis=1).mean()) < 1.5e-3


def test_what_the_places_in_common_do_not_show_stays_at_the_mean(model, mask, coefficients):
    used, convert = mask
    hidden = np.flatnonzero(~model.identity[:, used].any(axis=(1, 2)))
    assert len(hidden) > 0
    np.testing.assert_array_equal(convert(coefficients)[0][hidden], 0)
