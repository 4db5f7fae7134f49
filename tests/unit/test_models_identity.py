"""Laws of the drawn heads and their principal components."""

import numpy as np
import pytest

from synth.models.makehuman.data import data_folder
from synth.models.makehuman.identity import _mirrored, draw_heads, principal_components


@pytest.fixture(scope="module")
def components_and_shapes():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(400, 30)) * np.linspace(1, 0.1, 30)
    targets = rng.normal(size=(30, 60)).astype(np.float32)
    return principal_components(weights, targets, 20), weights, targets


def test_training_heads_have_coefficients_of_zero_mean_and_unit_covariance(components_and_shapes):
    scores = components_and_shapes[0].scores
    np.testing.assert_allclose(scores.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(scores.T @ scores / len(scores), np.eye(20), atol=1e-9)


def test_the_explained_share_is_what_reconstruction_keeps(components_and_shapes):
    components, weights, targets = components_and_shapes
    shapes = (weights - components.mean_weights) @ targets
    left = shapes - components.scores @ (components.basis_weights @ targets)
    assert 1 - (left**2).sum() / (shapes**2).sum() == pytest.approx(components.explained.sum(), abs=1e-6)


def test_components_are_orthogonal_and_descend(components_and_shapes):
    components, _, targets = components_and_shapes
    basis = components.basis_weights @ targets
    gram = basis @ basis.T
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-4 * gram[0, 0])
    assert (np.diff(components.explained) <= 0).all()


@pytest.mark.parametrize("children", [False, True])
def test_shares_of_the_macro_targets_sum_to_one_of_each_kind(children):
    draws = draw_heads(data_folder() / "mpfb2" / "targets", 100, children, np.random.default_rng(0))
    universal = np.array([p.name.startswith("universal") for p in draws.paths])
    macro = np.array([p.parent.name == "macrodetails" for p in draws.paths])
    np.testing.assert_allclose(draws.weights[:, universal].sum(axis=1), 1)
    np.testing.assert_allclose(draws.weights[:, macro & ~universal].sum(axis=1), 1)


def test_mirroring_targets_twice_is_no_change():
    draws = draw_heads(data_folder() / "mpfb2" / "targets", 1, False, np.random.default_rng(0))
    swap = _mirrored(draws.paths)
    assert np.array_equal(swap[swap], np.arange(len(swap)))
    assert (swap != np.arange(len(swap))).sum() > 100


def test_weights_stay_within_the_sliders_of_makehuman():
    draws = draw_heads(data_folder() / "mpfb2" / "targets", 500, False, np.random.default_rng(0))
    local = np.array([p.parent.name != "macrodetails" for p in draws.paths])
    assert draws.weights.min() >= 0
    assert draws.weights[:, local].max() <= 1
    assert (draws.weights[:, local] > 0.8).mean() < 0.01
