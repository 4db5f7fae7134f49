"""Earrings, headphones and make-up: they sit where they belong, and are as frequent as the config says."""

from dataclasses import fields

import numpy as np
import pytest
from scipy.spatial import cKDTree

from scenes.head import headphones, jewellery
from scenes.head.adornment import EarringSpec, HeadphonesSpec, sample_earrings, sample_headphones
from scenes.head.attire_config import EARRING_KINDS, HEADPHONE_KINDS, ClothesConfig, MakeupConfig
from scenes.head.config import WearConfig
from scenes.head.makeup import MakeupSpec, made_up, prepare_mirror, sample_makeup
from scenes.head.worn import sample_wear
from synth.geometry import vertex_normals
from synth.models import load_model
from synth.rng import Streams, rng
from synth.spec import from_json, to_json

DRAWS = 25  # of each kind


@pytest.fixture(scope="module")
def model():
    return load_model("makehuman").subdivided(1)


@pytest.fixture(scope="module")
def lobes(model):
    return jewellery.prepare_lobes(model, model.triangles(), model.triangle_part(), 1.0)


@pytest.fixture(scope="module")
def ears(model):
    return headphones.prepare_ears(model, model.triangles(), model.triangle_part())


def posed(model, k: int) -> np.ndarray:
    chance = np.random.default_rng(k)
    expression = np.where(chance.random(len(model.expression)) < 0.08, 0.5, 0)
    return model.vertices(np.clip(chance.normal(size=len(model.identity)), -2.5, 2.5), expression)


def pair(kind: str, k: int) -> EarringSpec:
    spec = sample_earrings(1.0, 1.0, {kind: 1.0}, 0.0, 0.0, rng(0, k, "earrings"))
    assert spec is not None
    return spec


def phones(kind: str, k: int) -> HeadphonesSpec:
    spec = sample_headphones(1.0, {kind: 1.0}, rng(0, k, "headphones"))
    assert spec is not None
    return spec


@pytest.mark.parametrize("kind", EARRING_KINDS)
def test_earrings_hang_on_the_lobes(model, lobes, kind):
    for k in range(DRAWS):
        spec, vertices = pair(kind, k), posed(model, k)
        points, triangles = jewellery.fit_earrings(spec, lobes, vertices)
        np.testing.assert_array_equal(triangles, jewellery.template()[1])
        assert np.isfinite(points).all()
        for side, (name, half) in enumerate(
            (("right", points[: len(points) // 2]), ("left", points[len(points) // 2 :]))
        ):
            if spec.ears not in ("both", name):
                continue
            lobe = lobes.sides[side]
            places = [lobe.weights[j] @ vertices[lobe.corners[j]] for j in (0, 1)]
            middle = np.mean(places, axis=0)
            assert cKDTree(half).query(middle)[0] < 0.005 + spec.thickness
            assert half[:, 2].max() < middle[2] + 0.012


@pytest.mark.parametrize("kind", ["hoop", "drop"])
def test_what_hangs_from_an_ear_stays_out_of_the_jaw(model, lobes, kind):
    skin = model.triangles()[np.isin(model.triangle_part(), (1, 12))]
    used = np.unique(skin)
    for k in range(DRAWS):
        vertices, spec = posed(model, k), pair(kind, k)
        points = jewellery.fit_earrings(spec, lobes, vertices)[0]
        tip = min(vertices[lobe.corners[0]][:, 2].min() for lobe in lobes.sides)
        low = points[points[:, 2] < tip - 0.006]
        distance, near = cKDTree(vertices[used]).query(low)
        height = np.einsum("nk,nk->n", low - vertices[used][near], vertex_normals(vertices, skin)[used][near])
        assert np.where(distance < 0.01, height, 0).min(initial=0) > -0.002


def test_cups_lie_on_the_head_and_hold_the_ears(model, ears):
    outer = np.unique(model.triangles()[~np.isin(model.triangle_part(), (7, 8, 9))])
    for k in range(DRAWS):
        vertices = posed(model, k)
        fitted = headphones.fit_headphones(phones("over_ear", k), ears, vertices)
        points, cups = fitted.solid[0], fitted.cups
        np.testing.assert_array_equal(fitted.solid[1], headphones.template()[1])
        assert np.isfinite(points).all()
        assert cups is not None
        distance = cKDTree(points).query(vertices[outer])[0]
        for side in (-1, 1):
            beside = (side * vertices[outer, 0] > 0.04) & (vertices[outer, 2] < 0.06)
            assert distance[beside].min() < 0.006  # a cushion touches the head
            ear = vertices[ears.wings[(side + 1) // 2]]
            mine = points[(side * points[:, 0] > 0.02) & (np.abs(points[:, 2] - ear[:, 2].mean()) < 0.03)]
            assert np.abs(ear[:, 0]).max() < np.abs(mine[:, 0]).max()


def test_the_band_stays_off_the_skull(model, ears):
    skin = model.triangles()[model.triangle_part() != 9]
    outer = np.unique(skin)
    for k in range(DRAWS):
        vertices = posed(model, k)
        points = headphones.fit_headphones(phones("over_ear", k), ears, vertices).solid[0]
        band = points[-(headphones.BAND * headphones.SIDES + 2) :]
        top = band[np.abs(band[:, 0]) < 0.03]
        normals = vertex_normals(vertices, skin)[outer]
        near = cKDTree(vertices[outer]).query(top)[1]
        height = np.einsum("nk,nk->n", top - vertices[outer][near], normals[near])
        assert 0.001 < height.min() < 0.02


@pytest.mark.parametrize("kind", ["in_ear", "earbud"])
def test_buds_sit_in_the_ears(model, ears, kind):
    for k in range(DRAWS):
        vertices = posed(model, k)
        fitted = headphones.fit_headphones(phones(kind, k), ears, vertices)
        assert fitted.cups is None
        for corners, weights in ears.canals:
            assert cKDTree(fitted.solid[0]).query(weights @ vertices[corners])[0] < 0.008


def test_hair_is_pressed_under_cups_and_band(model, ears):
    vertices = posed(model, 3)
    cups = headphones.fit_headphones(phones("over_ear", 3), ears, vertices).cups
    assert cups is not None
    strands = np.random.default_rng(0).uniform(-0.15, 0.15, (500, 4, 3)) + np.array([0, 0.07, 0.02])
    pressed = headphones.press(strands, cups)
    assert np.isfinite(pressed).all()
    for k, side in enumerate((-1, 1)):
        flat = (pressed[..., 1:] - cups.centers[k]) / cups.half
        under = (np.linalg.norm(flat, axis=-1) < 0.95) & (side * pressed[..., 0] > 0)
        most = cups.inner[k] + headphones.TILT * (pressed[..., 1] - cups.centers[k, 0])
        assert (side * pressed[..., 0] <= most + 1e-9)[under].all()
    np.testing.assert_array_equal(pressed[..., 1], strands[..., 1])


def test_things_on_ears_are_as_frequent_as_the_config_says_and_survive_as_json():
    earrings = [sample_earrings(0.4, 0.1, {"stud": 3.0, "hoop": 1.0}, 0.0, 0.0, rng(1, k, "e")) for k in range(2000)]
    worn = [spec for spec in earrings if spec]
    assert len(worn) / 2000 == pytest.approx(0.4, abs=0.03)
    assert np.mean([spec.kind == "stud" for spec in worn]) == pytest.approx(0.75, abs=0.05)
    assert from_json(EarringSpec, to_json(worn[0])) == worn[0]
    heard = [sample_headphones(0.2, dict.fromkeys(HEADPHONE_KINDS, 1.0), rng(1, k, "h")) for k in range(2000)]
    heard = [spec for spec in heard if spec]
    assert len(heard) / 2000 == pytest.approx(0.2, abs=0.03)
    assert {spec.kind for spec in heard} == set(HEADPHONE_KINDS)
    assert from_json(HeadphonesSpec, to_json(heard[0])) == heard[0]


def wear(k: int, **chances) -> object:
    config = WearConfig(**chances)
    return sample_wear(
        config, ClothesConfig(), MakeupConfig(women=chances.get("glasses", 1.0)), 0.0, 0.0, Streams(0, k)
    )


def test_nothing_is_worn_whose_probability_is_0():
    none = dict.fromkeys(("glasses", "headwear", "facewear", "earrings_women", "headphones", "occluder"), 0.0)
    for k in range(100):
        found = wear(k, **none)
        assert [slot.name for slot in fields(found) if getattr(found, slot.name) is not None] == ["clothes"]


def test_nothing_is_worn_on_ears_that_are_covered():
    for k in range(300):
        found = wear(k, headwear=0.6, headphones=0.8, earrings_women=1.0)
        hidden = found.headwear is not None and found.headwear.kind in ("headscarf", "helmet")
        cups = found.headphones is not None and found.headphones.kind == "over_ear"
        assert not (hidden and (found.headphones or found.earrings))
        assert not (cups and (found.headwear or found.earrings))


def test_what_is_drawn_for_one_thing_does_not_move_another():
    many, few = wear(5, headwear=0.0, headphones=0.0), wear(5, headwear=0.0, headphones=0.0, earrings_women=0.0)
    assert (many.clothes, many.glasses, many.makeup) == (few.clothes, few.glasses, few.makeup)


@pytest.fixture(scope="module")
def mirror(model):
    return prepare_mirror(model)


def painted(k: int = 0, **only: float) -> MakeupSpec:
    spec = sample_makeup(MakeupConfig(women=1.0), 0.0, 0.0, rng(0, k, "makeup"))
    assert spec is not None
    amounts = dict.fromkeys(("lips", "shadow", "liner", "blush", "brows"), 0.0) | only
    return type(spec)(**{slot.name: getattr(spec, slot.name) for slot in fields(spec)} | amounts)


@pytest.mark.parametrize(
    ("part", "points"),
    [("lips", (51, 57)), ("shadow", (37, 44)), ("liner", (37, 44)), ("blush", ()), ("brows", (19, 24))],
)
def test_make_up_changes_its_own_part_of_the_face(model, mirror, part, points):
    albedo = model.albedo_mean
    change = np.abs(made_up(painted(**{part: 0.8}), mirror, albedo) - albedo).sum(axis=1)
    assert 0.0005 < (change > 0.02).mean() < 0.1
    landmarks = model.landmarks(model.mean)
    changed = cKDTree(model.mean[change > 0.02])
    assert all(changed.query(landmarks[k])[0] < 0.008 for k in points)
    assert changed.query(landmarks[8])[0] > 0.01  # the chin is as it was
    left, right = change[model.mean[:, 0] > 0.002].sum(), change[model.mean[:, 0] < -0.002].sum()
    assert left == pytest.approx(right, rel=0.25)


def test_make_up_stays_a_reflectance(model, mirror):
    for k in range(40):
        spec = sample_makeup(MakeupConfig(women=1.0), 0.0, 0.0, rng(0, k, "makeup"))
        painted_skin = made_up(spec, mirror, model.albedo_mean)
        assert painted_skin.dtype == np.float32
        assert ((painted_skin >= 0) & (painted_skin <= 1)).all()
    assert made_up(None, mirror, model.albedo_mean) is model.albedo_mean


def test_the_defaults_are_digifaces():
    config = MakeupConfig()
    assert 0.5 * (config.women + config.men) == pytest.approx(0.15)
    assert ClothesConfig().worn == 1.0
    draws = [sample_makeup(config, float(k % 2), 0.0, rng(2, k, "makeup")) for k in range(3000)]
    assert np.mean([spec is not None for spec in draws]) == pytest.approx(0.15, abs=0.03)
    assert not any(sample_makeup(MakeupConfig(women=1.0), 0.0, 1.0, rng(2, k, "makeup")) for k in range(50))
