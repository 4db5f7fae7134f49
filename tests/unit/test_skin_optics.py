"""Skin from its pigments, and people's skin on the built-in model."""

import numpy as np
import pytest

from synth.models import load_model
from synth.models.makehuman.layout import islands, laid_out
from synth.models.skin.optics import BLOOD_RANGE, MELANIN_RANGE, RGB_OF_BANDS, skin_color
from synth.models.skin.people import draw_people, places_of, reflectance
from synth.models.skin.tone import lab, tone_bounds, typology_angle

MEASURED = ((71, 14), (66, 16.5), (57, 19.5), (46, 19), (40, 17), (31, 12.5))  # L*, b* of faces, light to dark


@pytest.fixture(scope="module")
def places():
    model = load_model("makehuman")
    return places_of(model.mean, model.regions)


def color(melanin=0.02, blood=0.011, oxygen=0.75, pheomelanin=0.2, yellow=0.0):
    return skin_color(
        *(np.asarray(value, float) for value in np.broadcast_arrays(melanin, blood, oxygen, pheomelanin, yellow))
    )


def test_a_perfect_reflector_is_white():
    np.testing.assert_allclose(np.ones(len(RGB_OF_BANDS)) @ RGB_OF_BANDS, 1, atol=1e-12)


def test_colour_follows_the_measured_path_from_light_to_dark():
    found = lab(color(melanin=np.geomspace(*MELANIN_RANGE, 200)))
    for lightness, b in MEASURED:
        nearest = found[np.abs(found[:, 0] - lightness).argmin()]
        assert nearest[2] == pytest.approx(b, abs=2)


def test_more_melanin_is_darker_and_more_blood_redder():
    assert (np.diff(color(melanin=np.geomspace(*MELANIN_RANGE, 30)), axis=0) < 0).all()
    red = lab(color(blood=np.linspace(*BLOOD_RANGE, 30)))[:, 1]
    assert (np.diff(red) > 0).all()


def test_people_have_the_typology_angle_that_is_asked_for(places):
    angle = np.array([58.0, 48, 35, 20, 0, -20, -45])
    people = draw_people(places, angle, np.full(7, 0.4), np.zeros(7), np.random.default_rng(3))
    mean = reflectance(people, places).transpose(0, 2, 1) @ places.tone
    np.testing.assert_allclose(typology_angle(mean)[1:], angle[1:], atol=3)
    assert typology_angle(mean)[0] > 53  # the lightest want little blood, too


def test_lips_are_redder_and_eyelids_darker_than_the_forehead(places):
    model = load_model("makehuman")
    people = draw_people(places, np.full(20, 40.0), np.full(20, 0.5), np.zeros(20), np.random.default_rng(4))
    mean = lab(reflectance(people, places).mean(axis=0))
    at = {name: mean[model.regions[name] > 0.9].mean(axis=0) for name in ("lips", "eyelids", "forehead", "cheeks")}
    assert at["lips"][1] > at["cheeks"][1] > at["forehead"][1]
    assert at["eyelids"][0] < at["forehead"][0]


def test_the_basis_describes_the_skin_of_people_it_was_not_made_of(places):
    model = load_model("makehuman")
    skin = model.regions["inner_mouth"] < 0.01
    angle = np.repeat([float(np.mean(bounds)) for bounds in tone_bounds().values()], 6)
    count = len(angle)
    wanted = reflectance(
        draw_people(places, angle, np.full(count, 0.5), np.zeros(count), np.random.default_rng(9)), places
    )
    basis = model.albedo_basis[:, skin].reshape(len(model.albedo_basis), -1).astype(float)
    off = (wanted[:, skin] - model.albedo_mean[skin]).reshape(count, -1)
    found = np.linalg.lstsq(basis.T, off.T, rcond=None)[0].T
    again = model.albedo_mean[skin] + (found @ basis).reshape(count, -1, 3)
    error = np.linalg.norm(lab(again) - lab(wanted[:, skin]), axis=-1)
    assert error.mean() < 1.0  # a difference that eyes just see
    assert np.quantile(error, 0.99) < 3.0


def test_the_layout_of_the_texture_folds_nothing_over():
    model = load_model("makehuman")
    edges = model.triangle_uv()[:, 1:] - model.triangle_uv()[:, :1]
    assert (edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0] > 0).all()


def test_islands_stay_apart_when_they_are_laid_out():
    model = load_model("makehuman")
    again = laid_out(model.uv, model.part)
    assert islands(again).max() == islands(model.uv).max() > 1
    assert 0 <= again.min() <= again.max() <= 1
