"""The skin of drawn people: tones, marks and relief."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import head_config

from scenes.head.atlas import make_atlas
from scenes.head.marks import make_canvas, paint
from scenes.head.model import model_of
from scenes.head.relief import heights, make_ground
from scenes.head.sample import sample
from scenes.head.skin import sample_angle, tone_of
from scenes.head.skin_config import TONES, SkinConfig
from scenes.head.skin_material import gloss, prepare_shine, scattering_radii
from synth.derived import skin_albedo, tone_codes, typology_angle
from synth.rng import Streams, rng

COUNT = 600


@pytest.fixture(scope="module")
def drawn():
    config = head_config()
    return [sample(config, Streams(0, k)).person for k in range(COUNT)]


@pytest.fixture(scope="module")
def canvas():
    model = model_of("makehuman").subdivided(0)
    return make_canvas(model, make_ground(model, make_atlas(model, 512)))


@pytest.fixture(scope="module")
def names():
    return model_of("makehuman").expression_names


def test_the_classes_of_the_typology_angle_are_drawn_alike(drawn):
    coefficients = np.array([person.albedo for person in drawn])
    codes = tone_codes(typology_angle(skin_albedo(model_of("makehuman"), coefficients)))
    share = np.bincount(codes, minlength=6) / COUNT
    assert share == pytest.approx(np.full(6, 1 / 6), abs=0.06)


def test_classes_without_weight_are_not_drawn():
    config = SkinConfig(tones={"tan": 1.0, "dark": 3.0})
    found = [tone_of(sample_angle(config, rng(0, k, "t"))) for k in range(200)]
    assert set(found) == {"tan", "dark"}
    assert 0.6 < found.count("dark") / 200 < 0.9


def test_the_same_person_is_drawn_again_to_the_bit(drawn):
    assert sample(head_config(), Streams(0, 5)).person == drawn[5]


def test_marks_do_not_move_the_tone():
    freckled = head_config()
    freckled.scene.skin = SkinConfig(freckles=dict.fromkeys(TONES, 1.0), sweat=1.0)
    for k in range(5):
        a, b = sample(head_config(), Streams(0, k)).person, sample(freckled, Streams(0, k)).person
        assert b.skin.freckles > 0
        assert (a.albedo, a.hair, a.iris, a.skin.seed) == (b.albedo, b.hair, b.iris, b.skin.seed)


def test_freckles_are_of_light_and_age_spots_of_old_skin(drawn):
    melanin = np.array([person.skin.melanin for person in drawn])
    freckled = np.array([person.skin.freckles > 0 for person in drawn])
    assert freckled[melanin < 0.02].mean() > 3 * freckled[melanin > 0.06].mean()
    wrinkles, spots = np.array([(person.skin.wrinkles, person.skin.age_spots) for person in drawn]).T
    assert spots[wrinkles > 0.6].mean() > 2
    assert spots[wrinkles < 0.2].mean() < 0.2


def test_a_map_is_a_function_of_the_spec(canvas, drawn, names):
    spec = replace(drawn[0].skin, freckles=0.5, moles=5, blemishes=4, veins=0.6)
    first, second = (paint(canvas, spec) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(heights(canvas.ground, spec, {}, names), heights(canvas.ground, spec, {}, names))
    assert (paint(canvas, replace(spec, seed=spec.seed + 1))[0] != first[0]).any()


def test_luminance_of_plain_skin_strays_by_five_to_ten_per_cent_and_its_mean_stays(canvas, drawn):
    plain = [replace(p.skin, freckles=0.0, moles=0, age_spots=0, blemishes=0, veins=0.0) for p in drawn[:12]]
    place = np.abs(canvas.ground.atlas.place)
    cheek = (place[:, 0] > 0.025) & (place[:, 1] < 0.04) & (np.abs(place[:, 2] - 0.035) < 0.02)
    light = np.array([np.log(paint(canvas, spec)[0][cheek] @ [0.2126, 0.7152, 0.0722]) for spec in plain])
    assert 0.05 < np.median(light.std(axis=1)) < 0.10
    assert np.abs(light.mean(axis=1)).max() < 0.02


def test_lines_are_deeper_with_age_and_none_without(canvas, drawn, names):
    spec = replace(drawn[0].skin, pores=0.0, seed=4)
    depth = [-heights(canvas.ground, replace(spec, wrinkles=age), {}, names).min() for age in (0.0, 0.3, 0.9)]
    assert depth[0] < 2e-4 < depth[2]
    assert depth[0] <= depth[1] < depth[2]


@pytest.mark.parametrize(
    ("units", "place", "side"),
    [
        (("browInnerUp", "browOuterUpLeft", "browOuterUpRight"), (0.0, 0.04), 0),
        (("browDownLeft",), (0.006, 0.012), 1),
        (("eyeSquintRight", "cheekSquintRight"), (-0.056, -0.002), -1),
        (("noseSneerLeft",), (0.01, -0.009), 1),
        (("mouthSmileLeft",), (0.026, -0.058), 1),
    ],
)
def test_what_the_face_does_folds_the_skin_there_and_not_on_the_other_side(canvas, drawn, names, units, place, side):
    spec = replace(drawn[0].skin, wrinkles=0.4, pores=0.0, seed=3)
    rest = heights(canvas.ground, spec, {}, names)
    change = np.abs(heights(canvas.ground, spec, dict.fromkeys(units, 1.0), names) - rest)
    at = canvas.ground.atlas.place
    near = np.hypot(at[:, 0] - place[0], at[:, 2] - place[1]) < 0.012
    near &= at[:, 1] < 0.03
    assert change[near].max() > 5e-5
    if side:
        assert change[side * at[:, 0] < -0.015].max() == 0  # at the midline the sides share their folds


@pytest.mark.parametrize("times", [0.0, 0.5, 3.0])
def test_lines_and_pores_are_as_many_times_as_deep_as_the_config_says(canvas, names, times):
    usual, other = head_config(), head_config()
    other.scene.skin = SkinConfig(wrinkles=times, pores=times)
    a, b = (sample(config, Streams(0, 3)).person.skin for config in (usual, other))
    assert replace(b, pores=a.pores, depth=a.depth) == a
    smiling = dict.fromkeys(("mouthSmileLeft", "mouthSmileRight"), 1.0)
    found, wanted = (heights(canvas.ground, spec, smiling, names) for spec in (b, a))
    assert np.abs(wanted).max() > 1e-4
    assert np.abs(found - times * wanted).max() < 2e-6  # lines that would be too shallow are left out


def test_relief_vanishes_at_the_seams_of_the_map(canvas, drawn, names):
    spec = replace(drawn[0].skin, wrinkles=1.0, pores=1.5)
    found = heights(canvas.ground, spec, {}, names)
    assert np.abs(found[canvas.ground.atlas.smooth < 0.02]).max() < 2e-5
    assert 2e-4 < np.abs(found).max() < 5e-3


def test_light_goes_less_far_in_dark_skin_and_furthest_in_red(drawn):
    pale, dark = (scattering_radii(replace(drawn[0].skin, melanin=m, blood=0.01)) for m in (0.005, 0.3))
    assert pale[0] > pale[1] > pale[2]
    assert all(a > b for a, b in zip(pale, dark, strict=True))
    flushed = scattering_radii(replace(drawn[0].skin, melanin=0.005, blood=0.03))
    assert flushed[0] / flushed[1] > pale[0] / pale[1]


def test_oil_and_sweat_shine_where_glands_are(drawn):
    model, spec = model_of("makehuman"), replace(drawn[0].skin, oil=0.0, sweat=0.0)
    shine = prepare_shine(model.regions, model.mean)
    dry = gloss(shine, spec)
    oily, wet = (gloss(shine, replace(spec, **{name: 1.0})) for name in ("oil", "sweat"))
    nose, neck = model.regions["nose"] > 0.9, model.regions["neck"] > 0.9
    assert (oily[nose, 0] < dry[nose, 0]).all()
    assert (wet[nose, 2] > dry[nose, 2] + 0.1).all()
    np.testing.assert_allclose(oily[neck], dry[neck], atol=0.02)


def test_a_mole_hardly_shows_on_dark_skin(canvas, drawn):
    spec = replace(drawn[0].skin, freckles=0.0, age_spots=0, blemishes=0, veins=0.0, moles=30, seed=2)
    pale, dark = (paint(canvas, replace(spec, melanin=m))[0].min() for m in (0.01, 0.3))
    assert pale < 0.6 < dark


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"tones": {"pale": 1.0}}, "scene.skin.tones must be among"),
        ({"tones": {"tan": 0.0}}, "scene.skin.tones must be weights"),
        ({"freckles": {"tan": 2.0}}, "scene.skin.freckles must be 0 to 1"),
        ({"sweat": 1.5}, "scene.skin.sweat must be a probability"),
        ({"oil": [0.5, 2.0]}, "scene.skin.oil must be"),
        ({"wrinkles": -1.0}, "scene.skin.wrinkles must be from 0 to 3"),
        ({"texels": 3}, "scene.skin.texels must be 0"),
    ],
)
def test_a_bad_key_is_named(kwargs, words):
    with pytest.raises(ValueError, match=words):
        SkinConfig(**kwargs)
