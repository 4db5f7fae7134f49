"""Beards: where they grow, that they stay off the skin's inside, and who has one."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from scenes.head import beards, hair
from scenes.head.config import BEARD_STYLES, BeardConfig
from scenes.head.worn import BEARD_LENGTH, BeardSpec, sample_beard
from synth.geometry import vertex_normals
from synth.models import load_model
from synth.rng import rng
from synth.spec import from_json, to_json


@pytest.fixture(scope="module")
def model():
    return load_model("makehuman")


@pytest.fixture(scope="module")
def prepared(model):
    return beards.prepare_beards(model, model.triangles(), strands=3000)


def drawn(style: str, seed: int = 0) -> BeardSpec:
    spec = sample_beard(
        BeardConfig(men=1.0, styles={style: 1.0}), 1.0, 0.3, 0.0, (0.8, 0.1, 0.0), rng(seed, 0, "beard")
    )
    assert spec is not None
    return spec


def posed(model, seed: int) -> tuple[np.ndarray, np.ndarray, hair.HeadField]:
    chance = np.random.default_rng(seed)
    expression = np.where(chance.random(len(model.expression)) < 0.1, 0.5, 0.0)
    vertices = model.vertices(chance.normal(size=len(model.identity)), expression)
    outside = np.unique(model.triangles()[model.triangle_part() != 9])
    return vertices, vertex_normals(vertices, model.triangles()), hair.HeadField(vertices[outside])


@pytest.mark.parametrize("style", BEARD_STYLES)
def test_every_style_grows_a_number_of_strands_from_the_skin(model, prepared, style):
    for seed in range(4):
        vertices, normals, field = posed(model, seed)
        strands = beards.grow_beard(drawn(style, seed), prepared, vertices, normals, field)
        assert 8 < len(strands) <= 3000
        assert np.isfinite(strands).all()
        distance, _ = cKDTree(prepared.roots.at(vertices)).query(strands[:, 0])
        assert distance.max() < 1e-9


@pytest.mark.parametrize("style", BEARD_STYLES)
def test_strands_do_not_go_back_into_the_skin(model, prepared, style):
    inside = []
    for seed in range(4):
        vertices, normals, field = posed(model, seed)
        skin = np.unique(model.triangles()[model.triangle_part() != 9])
        strands = beards.grow_beard(drawn(style, seed), prepared, vertices, normals, field)
        points = strands[:, 1:].reshape(-1, 3)
        distance, near = cKDTree(vertices[skin]).query(points)
        height = np.einsum("nk,nk->n", points - vertices[skin][near], normals[skin][near])
        inside.append((height < -0.0015) & (distance < 0.01))
    assert np.concatenate(inside).mean() < 0.01


@pytest.mark.parametrize("style", ["long_full", "goatee", "van_dyke"])
def test_a_long_beard_falls_and_does_not_jump_up_to_the_lips(model, prepared, style):
    for seed in range(12):
        vertices, normals, field = posed(model, seed)
        strands = beards.grow_beard(drawn(style, seed), prepared, vertices, normals, field)
        assert np.diff(strands[..., 2], axis=1).max() < 0.02


@pytest.mark.parametrize("style", BEARD_STYLES)
def test_nothing_grows_on_lips_nose_or_forehead(model, prepared, style):
    field = beards.beard_field(drawn(style), prepared.marks, prepared.vertices)
    assert field.min() >= 0
    assert field.max() <= 1
    bare = (model.regions["lips"] > 0.9) | (model.regions["nose"] > 0.9) | (model.mean[:, 2] > 0.0)
    assert field[bare].max() == 0


def test_a_beard_is_as_long_as_it_was_drawn(model, prepared):
    vertices, normals, field = posed(model, 0)
    for style, (low, high) in BEARD_LENGTH.items():
        spec = replace(drawn(style), length=high, curl=0.0)
        strands = beards.grow_beard(spec, prepared, vertices, normals, field)
        length = np.linalg.norm(np.diff(strands, axis=1), axis=-1).sum(axis=1)
        assert 0.3 * min(high, 0.011) < np.median(length) < 1.3 * high, (style, low, high)


def test_a_longer_denser_beard_moves_no_other_number():
    one, other = drawn("goatee", 3), drawn("circle", 3)
    assert (one.density, one.curl, one.wild, one.neck) == (other.density, other.curl, other.wild, other.neck)


def test_only_men_who_are_no_children_have_beards():
    config, pigment = BeardConfig(men=1.0), (0.8, 0.1, 0.0)
    draw = lambda male, child, k: sample_beard(config, male, 0.3, child, pigment, rng(0, k, "beard"))
    assert all(draw(0.4, 0.0, k) is None for k in range(100))
    assert all(draw(0.9, 0.5, k) is None for k in range(100))
    assert all(draw(0.9, 0.0, k) is not None for k in range(100))


def test_the_old_are_grey_more_often():
    config = BeardConfig(men=1.0)
    share = lambda old: np.mean(
        [sample_beard(config, 1, old, 0, (0.8, 0.1, 0.0), rng(1, k, "beard")).grey > 0 for k in range(300)]
    )
    assert share(0.1) < 0.1
    assert share(0.9) > 0.7


def test_a_beard_survives_as_json():
    spec = drawn("van_dyke")
    assert from_json(BeardSpec, to_json(spec)) == spec


def test_an_unknown_style_is_named():
    with pytest.raises(ValueError, match=r"scene\.beard\.styles.*sideways"):
        BeardConfig(styles={"sideways": 1.0})


def test_the_shape_tells_men_from_women_as_often_as_both_were_drawn(model):
    chance = np.random.default_rng(5)
    male = [model.trait("male", a) for a in chance.normal(size=(500, len(model.identity)))]
    assert 0.4 < np.mean(np.array(male) > 0.5) < 0.6
    assert model.trait("height", np.zeros(len(model.identity))) is None
