"""Models that lack something: no record fails, and what would hang on it is not drawn."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import head_config

from scenes.head.config import WearConfig
from scenes.head.headwear import fit_headwear
from scenes.head.model import model_of, model_row, passes
from scenes.head.params import params_of
from scenes.head.sample import sample
from synth.config import Config
from synth.models import MorphableModel, load_model, save_model
from synth.rng import Streams

MODEL = load_model("makehuman")
SCARVES = WearConfig(headwear=1.0, headwear_kinds={"headscarf": 1.0})


def config_of(model: MorphableModel, path, **scene) -> Config:
    save_model(model, path)
    config = head_config(**scene)
    config.model = str(path)
    return config


def without_basis(name: str) -> MorphableModel:
    """One that has no identities: one shape for all; or no expressions."""
    garment = MODEL.garment
    assert garment is not None
    if name == "expression":
        worn = replace(garment, expression=garment.expression[:0])
        return replace(MODEL, name="stiff", expression=MODEL.expression[:0], expression_names=(), garment=worn)
    eyes, worn = MODEL.eyeballs, replace(garment, identity=garment.identity[:0])
    eyes = replace(eyes, center_identity=eyes.center_identity[:0], radius_identity=eyes.radius_identity[:0])
    traits = {trait: weights[:1] for trait, weights in MODEL.traits.items()}
    more = {"identity_names": (), "eyeballs": eyes, "traits": traits, "garment": worn}
    return replace(MODEL, name="twins", identity=MODEL.identity[:0], **more)


def coefficients(model: MorphableModel, expression: dict[str, float]) -> np.ndarray:
    return np.array([expression.get(name, 0.0) for name in model.expression_names], np.float32)


def cut(model: MorphableModel, height: float) -> MorphableModel:
    """Without the faces that reach below a height (m, head space)."""
    kept = (model.mean[model.faces][..., 2] > height).all(axis=1)
    return replace(model, name="cut", faces=model.faces[kept], uv=model.uv[kept], part=model.part[kept])


@pytest.fixture
def colourless(tmp_path) -> Config:
    """Of a model with one albedo, as imports have that know a mean alone."""
    none = np.zeros((0, *MODEL.mean.shape), np.float32)
    return config_of(replace(MODEL, name="plain", albedo_basis=none), tmp_path / "plain.h5")


def test_people_of_a_model_without_an_albedo_basis_have_its_mean_albedo(colourless):
    person = sample(colourless, Streams(0, 0)).person
    assert person.albedo == ()
    albedo = model_of(colourless.model).subdivided(1).albedo(np.array(person.albedo, np.float32))
    np.testing.assert_array_equal(albedo, MODEL.subdivided(1).albedo(np.zeros(len(MODEL.albedo_basis), np.float32)))


def test_coefficients_of_no_basis_are_no_pass(colourless):
    assert set(passes(head_config())) - set(passes(colourless)) == {"params/albedo"}


@pytest.mark.parametrize("name", ["identity", "expression"])
def test_people_of_a_model_without_a_basis_have_its_mean_and_no_such_pass(tmp_path, name):
    config = config_of(without_basis(name), tmp_path / "plain.h5")
    assert set(passes(head_config())) - set(passes(config)) == {f"params/{name}"}
    model = model_of(config.model)
    spec = sample(config, Streams(0, 0))
    params, _ = params_of(model, spec)
    del params[f"params/{name}"]
    assert f"params/{name}" not in model.shaping_passes
    moved = model.vertices(np.array(spec.person.identity, np.float32), coefficients(model, spec.expression))
    there = np.linalg.norm(model.rebuilt(params) - moved, axis=-1)
    assert np.median(there) == 0  # but for the lids, which lie on the eyeballs
    assert there.max() < 4e-3


@pytest.mark.parametrize("height", [-0.13, -0.14, -0.15])
def test_a_head_without_a_neck_wears_no_headscarf_but_other_headwear(tmp_path, height):
    config = config_of(cut(MODEL, height), tmp_path / "cut.h5", wear=SCARVES)
    assert model_row(config)["done_without"] == ["headscarf"]
    assert all(sample(config, Streams(0, k)).wear.headwear is None for k in range(5))
    config.scene.wear = replace(SCARVES, headwear_kinds={"beanie": 1.0})
    assert all(sample(config, Streams(0, k)).wear.headwear for k in range(5))


@pytest.mark.parametrize("height", [-0.18, -1.0])
def test_a_headscarf_lies_around_every_neck_that_it_is_drawn_for(tmp_path, height):
    config = config_of(cut(MODEL, height), tmp_path / "cut.h5", wear=SCARVES)
    fine = model_of(config.model).subdivided(1)
    skin = fine.triangles()[fine.triangle_part() != 9]
    for k in range(12):
        spec = sample(config, Streams(0, k))
        assert spec.wear.headwear is not None
        vertices = fine.vertices(np.array(spec.person.identity), np.zeros(len(fine.expression)))
        assert np.isfinite(fit_headwear(spec.wear.headwear, vertices.astype(float), skin).solid[0]).all()
