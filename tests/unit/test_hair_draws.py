"""Who wears what hair: families by sex, age and skin, colour, dye, and the specs of it."""

from dataclasses import replace

import numpy as np
import pytest

from scenes.head.config import HAIR_STYLES, HairConfig
from scenes.head.hairstyles.pigment import hair_color, hair_pigments, strand_pigments
from scenes.head.hairstyles.spec import HairSpec, sample_brows, sample_hair, style_weights
from synth.rng import rng
from synth.spec import from_json, to_json


def of_family(style: str, k: int) -> HairSpec:
    return sample_hair(HairConfig(styles={style: 1.0}), 0.5, 0.4, 0.0, 0.4, rng(0, k, "hair"))


def test_the_table_of_the_default_config_is_followed():
    config = HairConfig(women={"bob": 1.0}, men={"buzz": 1.0}, old={"buzz": 0.0}, dark={"bob": 2.0})
    share = lambda style, *who: style_weights(config, *who)[HAIR_STYLES.index(style)]
    assert share("bob", 0.0, 0.0, 0.0, 0.0) == 1
    assert share("buzz", 1.0, 0.0, 0.0, 0.0) == 1
    assert share("bob", 0.5, 0.0, 0.0, 1.0) == pytest.approx(2 / 3)
    assert share("bob", 0.5, 1.0, 0.0, 0.0) == 1


def test_a_family_that_is_asked_for_alone_is_worn_by_all():
    config = HairConfig(styles={"receding": 1.0}, women={"bob": 1.0}, men={"buzz": 1.0})
    assert {sample_hair(config, 0.1 * k, 0, 0, 0, rng(0, k, "hair")).style for k in range(11)} == {"receding"}


def test_the_family_moves_no_other_number():
    one, other = (of_family(style, 3) for style in ("bob", "long_straight"))
    assert (one.melanin, one.redness, one.parting, one.sweep, one.frizz) == (
        other.melanin, other.redness, other.parting, other.sweep, other.frizz,
    )  # fmt: skip


def test_the_old_are_grey_and_the_dark_have_dark_hair():
    draw = lambda old, dark, k: sample_hair(HairConfig(), 0.5, old, 0.0, dark, rng(1, k, "hair"))
    grey = [np.mean([draw(old, 0.3, k).grey > 0 for k in range(300)]) for old in (0.1, 0.9)]
    assert grey[0] < 0.06
    assert grey[1] > 0.7
    assert min(draw(0.2, 1.0, k).melanin for k in range(300)) > 0.9
    assert np.ptp([draw(0.2, 0.0, k).melanin for k in range(300)]) > 0.8


def test_hair_is_dyed_as_often_as_the_config_says_and_brows_are_not():
    specs = [sample_hair(HairConfig(dyed=0.3), 0.2, 0.3, 0.0, 0.3, rng(2, k, "hair")) for k in range(600)]
    assert np.mean([spec.dye is not None for spec in specs]) == pytest.approx(0.3, abs=0.06)
    spec = next(spec for spec in specs if spec.dye is not None)
    assert hair_pigments(spec).tip == spec.dye
    assert strand_pigments(spec, None)["brows"] == strand_pigments(replace(spec, dye=None), None)["brows"]


def test_more_melanin_is_darker_and_pheomelanin_is_redder():
    colors = np.array([hair_color(melanin, 0.0) for melanin in (0.05, 0.2, 0.5, 0.9)])
    assert (np.diff(colors.sum(axis=1)) < 0).all()
    red, brown = np.array(hair_color(0.4, 1.0)), np.array(hair_color(0.4, 0.0))
    assert red[0] / red[1] > brown[0] / brown[1]


def test_specs_survive_as_json():
    for spec in (of_family("cornrows", 4), sample_brows(0.2, rng(0, 1, "brows"))):
        assert from_json(type(spec), to_json(spec)) == spec


@pytest.mark.parametrize("name", ["styles", "women", "old"])
def test_an_unknown_family_is_named_with_its_key(name):
    with pytest.raises(ValueError, match=rf"scene\.hair\.{name} must be among bald, .*sideways"):
        replace(HairConfig(), **{name: {"sideways": 1.0}})
