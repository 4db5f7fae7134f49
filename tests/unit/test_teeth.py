"""Teeth, gums and tongue of the built-in model, and a person's own colours of them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from conftest import head_config

from scenes.head.model import model_of
from scenes.head.mouth import coloured, sample_mouth
from scenes.head.sample import sample
from synth.labels.mesh_view import rasterize
from synth.models.makehuman.crowding import COMPONENTS, crowded
from synth.models.makehuman.dentition import ROWS, TEETH, TOOTH_ROWS, ribbon
from synth.models.morphable import fine_level
from synth.rng import Streams, rng

LUMA = np.array([0.2126, 0.7152, 0.0722])  # ITU-R BT.709-6
JAWS = ("upper", "lower")
PEOPLE, MOUTH_INTERIOR = 20, 9
K = np.array([[1500, 0, 45.0], [0, 1500, 45.0], [0, 0, 1.0]])  # 1.5 px a millimetre, a metre away
HW = (90, 90)


@pytest.fixture(scope="module")
def model():
    return model_of("makehuman")


def along(jaw: str, values: np.ndarray) -> np.ndarray:
    """The row of a ribbon in the middle of the crowns."""
    return values.reshape(ROWS, -1, *values.shape[1:])[(TOOTH_ROWS.start + TOOTH_ROWS.stop) // 2 - 2]


def minima(values: np.ndarray) -> int:
    return int(((values[1:-1] < values[:-2]) & (values[1:-1] < values[2:])).sum())


@pytest.mark.parametrize("jaw", JAWS)
def test_brightness_along_a_jaw_has_as_many_minima_as_there_are_gaps(jaw):
    made = ribbon(jaw, np.zeros(3))
    assert minima(along(jaw, made.color) @ LUMA) == 2 * len(TEETH[jaw]) - 1


@pytest.mark.parametrize("jaw", JAWS)
def test_teeth_stand_out_between_their_contacts(jaw):
    points = 1e3 * along(jaw, ribbon(jaw, np.zeros(3)).points)
    line = (points[:-2] + points[2:]) / 2 - points[1:-1]
    tangent = points[2:, :2] - points[:-2, :2]
    outward = np.stack([tangent[:, 1], -tangent[:, 0]], -1) / np.linalg.norm(tangent, axis=1, keepdims=True)
    assert ((line[:, :2] * outward).sum(axis=1) > 0.5).sum() == 2 * len(TEETH[jaw]) - 1  # mm


@pytest.mark.parametrize("jaw", JAWS)
def test_the_gum_line_is_an_arch_over_every_tooth(jaw):
    made = ribbon(jaw, np.zeros(3))
    up = 1 if jaw == "upper" else -1
    neck = up * made.points.reshape(ROWS, -1, 3)[TOOTH_ROWS.start, :, 2]
    bright = along(jaw, made.color) @ LUMA
    contact = np.flatnonzero((bright[1:-1] < bright[:-2]) & (bright[1:-1] < bright[2:])) + 1
    for start, end in pairwise(contact):
        assert neck[start + 1 : end].max() > max(neck[start], neck[end]) + 0.001


def test_components_of_teeth_move_teeth_and_gums_alone(model):
    moved = np.abs(model.identity[-COMPONENTS:]).max(axis=(0, 2)) > 0
    assert moved.sum() > 1000
    assert (model.regions["inner_mouth"][moved] > 0).all()
    coefficients = np.zeros(len(model.identity), np.float32)
    coefficients[-COMPONENTS:] = 2.5
    np.testing.assert_array_equal(model.eyeballs.centers(coefficients), model.eyeballs.center)
    assert model.trait("old", coefficients) == model.trait("old", 0 * coefficients)


@pytest.mark.parametrize("jaw", JAWS)
def test_front_teeth_turn_each_by_itself(jaw):
    people = rng(3, 0, "people").standard_normal((400, COMPONENTS))
    straight, moved = ribbon(jaw, np.zeros(3)).points, np.einsum("pk,knx->pnx", people, crowded(jaw))
    assert 1e3 * np.linalg.norm(moved, axis=-1).max() < 4
    face = (straight + moved).reshape(len(people), ROWS, -1, 3)[:, TOOTH_ROWS.start + 2, :, :2]
    middle = face.shape[1] // 2  # the contact of the first two; a front tooth has six columns
    across = np.stack([face[:, middle + 6 * k + 5] - face[:, middle + 6 * k + 1] for k in (-3, -2, -1, 0, 1, 2)])
    angle = np.rad2deg(np.arctan2(across[..., 1], across[..., 0]))
    assert (angle.std(axis=1) > [3, 3, 0.5, 0.5, 3, 3]).all()  # the middle two least
    assert (angle.std(axis=1) < 12).all()
    assert np.abs(np.corrcoef(angle) - np.eye(6)).max() < 0.95


def test_gums_are_pink_and_teeth_are_not(model):
    teeth, inside = model.regions["teeth"] > 0.5, model.regions["inner_mouth"] > 0.99
    redness = model.albedo_mean[:, 0] / model.albedo_mean[:, 1]
    assert redness[teeth].max() < 1.6 < 2 < redness[inside & ~teeth].min()


def test_no_tooth_stands_through_lips_or_skin(model):
    config, tri, part = head_config(), model.triangles(), model.triangle_part()
    ribbons = np.isin(tri, np.flatnonzero(model.regions["teeth"] > 0.5)).any(axis=1)
    for k in range(PEOPLE):
        spec = sample(config, Streams(3, k))
        weights = np.array([spec.expression.get(name, 0.0) for name in model.expression_names], np.float32)
        x, y, z = (
            model.vertices(np.array(spec.person.identity, np.float32), weights) - model.landmarks(model.mean)[62]
        ).T
        points = np.stack([x, -z, y + 1], axis=-1).astype(np.float64)
        every, other = rasterize(points, tri, K, HW)[0], rasterize(points, tri[~ribbons], K, HW)[0]
        hidden = (every >= 0) & ribbons[every] & (other >= 0) & (part[~ribbons][other] != MOUTH_INTERIOR)
        assert hidden.sum() <= 2, f"person {k}"


def test_the_mouth_of_a_person_is_a_function_of_its_spec(model):
    spec = sample_mouth(0.4, 0.5, rng(1, 2, "mouth"))
    plain = model.albedo_mean
    np.testing.assert_array_equal(coloured(spec, model, plain), coloured(spec, model, plain))
    other = coloured(replace(spec, seed=spec.seed + 1), model, plain)
    changed = (other != coloured(spec, model, plain)).any(axis=1)
    assert changed.any()
    assert (model.regions["teeth"][changed] > 0).all()


def test_skin_keeps_its_colour(model):
    spec = sample_mouth(0.4, 1.0, rng(1, 2, "mouth"))
    outside = model.regions["inner_mouth"] == 0
    np.testing.assert_array_equal(coloured(spec, model, model.albedo_mean)[outside], model.albedo_mean[outside])


def test_teeth_get_darker_and_yellower_with_age():
    young, old = (
        np.array([sample_mouth(age, 0.3, rng(0, k, "m")).teeth for k in range(200)]).mean(0) for age in (0.0, 1.0)
    )
    assert (old < young).all()
    assert old[2] / old[0] < 0.95 * young[2] / young[0]


def test_brown_gums_are_of_dark_skin():
    pale, dark = (np.array([sample_mouth(0.4, skin, rng(0, k, "m")).gums for k in range(200)]) for skin in (0.0, 1.0))
    assert pale[:, 0].min() > 0.85
    assert dark[:, 0].mean() < 0.85


def test_teeth_leave_the_mesh_small_enough_to_be_rendered_finer(model):
    assert fine_level(len(model.mean)) == 1
