"""The torch module against numpy: the same numbers, and derivatives."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from synth.models.bare import bare_model
from synth.models.rig import Rig

torch = pytest.importorskip("torch")

from synth.models.torch import TorchModel, rotation_matrices  # noqa: E402

EXACT = 1e-5  # m


@pytest.fixture(scope="module")
def model():
    """Random numbers of a head's size: 300 vertices, 7 identity, 5 expression and 3 albedo coefficients, 4 joints."""
    rng = np.random.default_rng(1)
    draw = lambda *shape, scale=0.1: rng.normal(0, scale, shape).astype(np.float32)
    faces = rng.integers(0, 300, (200, 4))
    names = tuple("abcde")
    plain = bare_model(
        draw(300, 3), draw(7, 300, 3, scale=0.005), faces, name="x", licence="", source="a test",
        expression=draw(5, 300, 3, scale=0.01), expression_names=names,
    )  # fmt: skip
    weights = rng.dirichlet(np.ones(4), 300).astype(np.float32)
    rig = Rig(
        joint_names=("root", "neck", "jaw", "eye"),
        parents=np.array([-1, 0, 1, 1], np.int32),
        joints=draw(4, 3),
        joints_identity=draw(7, 4, 3, scale=0.003),
        joints_expression=draw(5, 4, 3, scale=0.001),
        weights=weights,
        correctives=draw(36, 300, 3, scale=0.002),
    )
    return replace(
        plain,
        albedo_mean=rng.uniform(0.1, 0.9, (300, 3)).astype(np.float32),
        albedo_basis=draw(3, 300, 3),
        landmark_triangles=rng.integers(0, 300, (68, 3)).astype(np.int32),
        landmark_weights=rng.dirichlet(np.ones(3), 68).astype(np.float32),
        rig=rig,
    )


@pytest.fixture(scope="module")
def params():
    rng = np.random.default_rng(2)
    draw = lambda *shape: rng.normal(size=shape).astype(np.float32)
    return draw(6, 7), rng.uniform(0, 1, (6, 5)).astype(np.float32), draw(6, 3), 0.5 * draw(6, 4, 3)


def tensors(*arrays):
    return [torch.from_numpy(array) for array in arrays]


def test_vertices_are_those_of_numpy(model, params):
    got = TorchModel(model)(*tensors(*params[:2])).numpy()
    for k in range(6):
        np.testing.assert_allclose(got[k], model.vertices(params[0][k], params[1][k]), atol=EXACT, rtol=0)


def test_posed_vertices_are_those_of_numpy(model, params):
    got = TorchModel(model)(*tensors(params[0], params[1], params[3])).numpy()
    for k in range(6):
        np.testing.assert_allclose(got[k], model.posed(params[0][k], params[1][k], params[3][k]), atol=EXACT, rtol=0)


def test_albedo_is_that_of_numpy(model, params):
    got = TorchModel(model).albedo(*tensors(params[2])).numpy()
    for k in range(6):
        np.testing.assert_allclose(got[k], model.albedo(params[2][k]), atol=EXACT, rtol=0)


def test_landmarks_are_those_of_numpy(model, params):
    module = TorchModel(model)
    vertices = module(*tensors(*params[:2]))
    np.testing.assert_allclose(module.landmarks(vertices)[2].numpy(), model.landmarks(vertices[2].numpy()), atol=EXACT)


def test_the_pose_of_zeros_is_the_rest_pose(model, params):
    module = TorchModel(model)
    inputs = tensors(*params[:2])
    np.testing.assert_allclose(module(*inputs, torch.zeros(6, 4, 3)), module(*inputs), atol=EXACT)


def test_derivatives_are_finite_differences(model, params):
    module = TorchModel(model).double()
    inputs = [tensor[:1].double().requires_grad_() for tensor in tensors(params[0], params[1], params[3])]
    assert torch.autograd.gradcheck(lambda *x: module(*x)[:, :20], inputs)


def test_derivatives_are_finite_at_the_rest_pose():
    vectors = torch.zeros(2, 3, requires_grad=True)
    rotation_matrices(vectors)[:, 0, 1].sum().backward()
    np.testing.assert_allclose(vectors.grad, [[0, 0, -1]] * 2)


def test_coefficients_are_found_again_from_vertices(model, params):
    module = TorchModel(model)
    wanted = module(*tensors(*params[:2])).detach()
    found = torch.zeros(6, 7, requires_grad=True)
    optimiser = torch.optim.LBFGS([found], line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        value = 1e4 * ((module(found, torch.from_numpy(params[1])) - wanted) ** 2).sum()
        value.backward()
        return value

    optimiser.step(loss)
    np.testing.assert_allclose(found.detach(), params[0], atol=1e-3)


def test_a_pose_needs_joints(model, params):
    with pytest.raises(ValueError, match="no joints"):
        TorchModel(replace(model, rig=None))(*tensors(params[0], params[1], params[3]))


def test_only_who_asks_for_it_loads_the_module(model):
    assert "synth.models.torch" in sys.modules
    TorchModel(replace(model, rig=None)).to(torch.float64)
