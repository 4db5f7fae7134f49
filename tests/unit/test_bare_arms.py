"""Arms without sleeves go on where the model's end: in its skin, outside out, down and out of the picture."""

from dataclasses import replace

import numpy as np
import pytest

from scenes.head.attire import sample_clothes
from scenes.head.attire_config import ClothesConfig
from scenes.head.bare_arms import NECK, ROWS, are_bare, fit_arms, prepare_arms, seamless
from synth.geometry import vertex_normals
from synth.models import load_model
from synth.rng import rng


@pytest.fixture(scope="module")
def model():
    return load_model("makehuman").subdivided(1)


@pytest.fixture(scope="module")
def arms(model):
    found = prepare_arms(model)
    assert found is not None
    return found


@pytest.fixture(scope="module", params=range(3))
def body(request, model):
    identity = np.random.default_rng(request.param).normal(size=len(model.identity)) * (request.param > 0)
    return model.vertices(identity.astype(np.float32), np.zeros(len(model.expression), np.float32))


def rings(arms, values: np.ndarray) -> list[np.ndarray]:
    """Values [ROWS, n, ...] of both tubes."""
    first = ROWS * len(arms.loops[0])
    return [part.reshape(ROWS, -1, *values.shape[1:]) for part in (values[:first], values[first:])]


def test_arms_begin_where_the_skin_ends_and_go_down_in_small_steps(arms, body):
    for loop, points in zip(arms.loops, rings(arms, fit_arms(arms, body)), strict=True):
        np.testing.assert_allclose(points[0], body[loop], atol=1e-6)
        middle = points.mean(axis=1)
        steps = np.linalg.norm(np.diff(middle, axis=0), axis=1)
        assert (steps < 0.012).all()
        assert middle[-1, 2] < middle[0, 2] - 0.2
        way = np.diff(middle, axis=0) / steps[:, None]
        assert np.rad2deg(np.arccos(np.clip((way[1:] * way[:-1]).sum(axis=1), -1, 1))).max() < 8
        radius = np.linalg.norm(points - middle[:, None], axis=-1).mean(axis=1)
        assert (np.abs(np.diff(radius)) < 0.1 * radius[1:]).all()


def test_one_arm_is_on_each_side(arms, body):
    right, left = sorted(rings(arms, fit_arms(arms, body)), key=lambda points: points[..., 0].mean())
    assert right[..., 0].max() < -0.1
    assert left[..., 0].min() > 0.1


def test_arms_face_outwards_and_their_shading_goes_on_from_the_skin(arms, model, body):
    points = fit_arms(arms, body)
    skin = vertex_normals(body, model.triangles())
    normals = seamless(arms, vertex_normals(points, arms.triangles), skin)
    for loop, own, places in zip(arms.loops, rings(arms, normals), rings(arms, points), strict=True):
        outward = places - places.mean(axis=1, keepdims=True)
        assert ((outward * own).sum(axis=-1) > 0).mean() > 0.99
        np.testing.assert_allclose(own[0], skin[loop], atol=1e-6)


def test_the_skin_of_arms_is_that_before_them(arms, model):
    uv, triangles = model.triangle_uv()[model.triangle_part() == NECK], model.triangles()[model.triangle_part() == NECK]
    middles = uv.mean(axis=1)
    ends = np.concatenate([model.mean[loop] for loop in arms.loops])
    for place in arms.uv.reshape(-1, 2)[::37]:
        near = model.mean[triangles[np.linalg.norm(middles - place, axis=1).argmin()]].mean(axis=0)
        assert np.linalg.norm(ends - near, axis=1).min() < 0.05


def test_a_model_whose_skin_does_not_end_at_arms_has_none(model):
    assert prepare_arms(replace(model, part=np.zeros_like(model.part))) is None


def test_arms_are_bare_without_sleeves_and_not_under_a_jacket():
    worn = lambda kind: sample_clothes(ClothesConfig(worn=1.0, kinds={kind: 1.0}), rng(0, 0, "clothes"))
    assert are_bare(None)
    assert are_bare(worn("tank"))
    assert not any(are_bare(worn(kind)) for kind in ("crew_neck", "jacket", "cardigan"))
