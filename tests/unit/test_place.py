"""Laws of how light and background are drawn, ten thousand at a time."""

from collections import Counter

import numpy as np
import pytest

from scenes.head.lamps import blackbody, hued
from scenes.head.light import LUMA, METERED, Environment, incident_light, metered_exposure
from scenes.head.place import BackgroundSpec, LightSpec, sample_background, sample_light
from scenes.head.place_config import BACKGROUNDS, DIMS, LIGHTS, MAX_LAMPS, STUDIOS, BackgroundConfig, LightConfig
from synth.camera import Camera, intrinsics, look_at
from synth.compose import compose_config
from synth.geometry import normalize, rotation_z
from synth.labels.light import area_lamp_sh, environment_directions, irradiance, lamp_tiles, sun_sh
from synth.rng import Streams
from synth.spec import from_json, to_json

CAMERA = np.array([0.2, -0.9, 0.1])


def lights(count: int, config: LightConfig | None = None) -> list[LightSpec]:
    return [sample_light(config or LightConfig(), CAMERA, Streams(7, k)) for k in range(count)]


def test_kinds_of_light_come_as_often_as_their_weights_say():
    config = LightConfig()
    drawn = Counter(light.kind for light in lights(4000, config))
    total = sum(config.kinds.values())
    for kind in LIGHTS:
        assert drawn[kind] / 4000 == pytest.approx(config.kinds[kind] / total, abs=0.02)


@pytest.mark.parametrize("kind", LIGHTS)
def test_a_kind_that_alone_has_weight_is_the_only_one(kind):
    assert {light.kind for light in lights(40, LightConfig(kinds={kind: 2.0}))} == {kind}


def test_every_setup_is_drawn_and_fits_the_lamps_that_there_are():
    drawn = lights(3000, LightConfig(kinds={"studio": 1.0, "dim": 1.0}))
    assert {light.setup for light in drawn} == {*STUDIOS, *DIMS}
    for light in drawn:
        assert 1 <= len(light.lamps) <= MAX_LAMPS
        assert sum(lamp.shape == "ring" for lamp in light.lamps) <= 1
        for lamp in light.lamps:
            assert 0.2 < np.linalg.norm(lamp.place) < 4
            np.testing.assert_allclose(np.mean(lamp.color), 1, rtol=1e-6)
            assert min(lamp.color) >= 0


def off_the_camera(azimuths: list[float]) -> np.ndarray:
    """rad, in [0, pi]"""
    away = np.array(azimuths) - np.arctan2(CAMERA[0], -CAMERA[1])
    return np.abs((away + np.pi) % (2 * np.pi) - np.pi)


def azimuths_of_lamps(drawn: list[LightSpec]) -> list[float]:
    return [float(np.arctan2(lamp.place[0], -lamp.place[1])) for light in drawn for lamp in light.lamps]


def near_the_camera(azimuths: list[float], config: LightConfig) -> float:
    """Share within two sigmas of where the camera is."""
    return float((off_the_camera(azimuths) < 2 * np.deg2rad(config.facing_sigma_deg)).mean())


def expected_near_the_camera(config: LightConfig) -> float:
    return config.facing * 0.9545 + (1 - config.facing) * 2 * config.facing_sigma_deg / 180


def test_light_mostly_comes_from_where_the_camera_is():
    config = LightConfig(kinds={"environment": 1.0})
    drawn = lights(4000, config)
    for azimuths in ([light.azimuth for light in drawn], azimuths_of_lamps(drawn)):
        assert near_the_camera(azimuths, config) == pytest.approx(expected_near_the_camera(config), abs=0.02)


@pytest.mark.parametrize("setup", ["bulb", "window"])
def test_dim_light_mostly_comes_from_where_the_camera_is_and_is_no_harder_than_a_room_leaves_it(setup):
    config = LightConfig(kinds={"dim": 1.0}, dims={setup: 1.0})
    drawn = lights(2000, config)
    assert near_the_camera(azimuths_of_lamps(drawn), config) == pytest.approx(
        expected_near_the_camera(config), abs=0.02
    )
    ratios = [lamp.ratio for light in drawn for lamp in light.lamps]
    assert config.dim_ratio[0] <= min(ratios)
    assert max(ratios) <= config.dim_ratio[1]


def test_a_window_and_a_warm_lamp_are_on_either_side_of_where_light_faces():
    drawn = lights(2000, LightConfig(kinds={"mixed": 1.0}, facing=1.0, facing_sigma_deg=0.0))
    for light in drawn:
        window, warm = light.lamps
        middle = rotation_z(-np.arctan2(CAMERA[0], -CAMERA[1]))
        sides = [(middle @ np.array(lamp.place))[0] for lamp in (window, warm)]
        assert sides[0] * sides[1] < 0
    from_window = off_the_camera([azimuths_of_lamps([light])[0] for light in drawn])
    assert from_window.min() >= 0.2
    assert from_window.max() <= 1.2


def test_hard_light_is_of_hard_studios_alone():
    light = compose_config(["+experiment=faces_demo", "light=hard"]).scene.light
    assert light.facing == 0
    assert {name for name, weight in light.studios.items() if weight} == {"rembrandt", "split", "rim", "under"}


def test_light_that_does_not_face_has_any_direction():
    drawn = lights(4000, LightConfig(kinds={"environment": 1.0}, facing=0.0))
    counts, _ = np.histogram(off_the_camera([light.azimuth for light in drawn]), 4, (0, np.pi))
    np.testing.assert_allclose(counts, 1000, atol=110)


@pytest.mark.parametrize("azimuth", [-2.0, 0.0, 0.3, 3.0])
def test_the_brightest_side_of_an_environment_is_where_the_spec_has_it(azimuth, rng):
    lit = environment_directions((32, 64)) @ normalize(rng.normal(size=3))
    environment = Environment(light := np.repeat(np.clip(lit, 0, None)[..., None] ** 8, 3, axis=-1), light)
    to_world = rotation_z(environment.turn(azimuth))
    around = np.linspace(-np.pi, np.pi, 721)
    directions = np.stack([np.sin(around), -np.cos(around), np.zeros_like(around)], axis=1)
    found = around[irradiance(environment.sh, directions @ to_world.T).sum(axis=-1).argmax()]
    assert abs((found - azimuth + np.pi) % (2 * np.pi) - np.pi) < 0.02


def test_a_flash_is_at_the_camera_and_a_ring_around_its_lens():
    for light in lights(50, LightConfig(kinds={"flash": 1.0})):
        assert np.linalg.norm(np.array(light.lamps[0].place) - CAMERA) < 0.17
    rings = lights(50, LightConfig(kinds={"studio": 1.0}, studios={"ring": 1.0}))
    towards = [np.array(light.lamps[0].place) / np.linalg.norm(light.lamps[0].place) for light in rings]
    np.testing.assert_allclose(towards, np.tile(CAMERA / np.linalg.norm(CAMERA), (50, 1)), atol=1e-9)


def test_backgrounds_come_as_often_as_their_weights_say_and_seldom_twice():
    config = BackgroundConfig()
    drawn = [sample_background(config, Streams(3, k)) for k in range(3000)]
    counted, total = Counter(background.kind for background in drawn), sum(config.kinds.values())
    for kind in BACKGROUNDS:
        assert counted[kind] / 3000 == pytest.approx(config.kinds[kind] / total, abs=0.025)
    assert len({to_json(background) for background in drawn}) == len(drawn)


def test_a_spec_of_light_and_background_is_rebuilt_from_its_json():
    for k in range(200):
        light, background = lights(1)[0], sample_background(BackgroundConfig(), Streams(k, k))
        assert from_json(LightSpec, to_json(light)) == light
        assert from_json(BackgroundSpec, to_json(background)) == background


def test_the_light_does_not_depend_on_the_background_or_the_other_way_round():
    streams = Streams(5, 11)
    first = sample_light(LightConfig(), CAMERA, streams)
    sample_background(BackgroundConfig(kinds={"room": 1.0}), streams)
    assert sample_light(LightConfig(), CAMERA, streams) == first


def test_what_the_camera_sees_of_a_white_sphere_is_as_bright_as_metered_whatever_the_light(rng):
    camera = Camera(intrinsics(300.0, (64, 64)), look_at(CAMERA, np.zeros(3)), (64, 64))
    gray = Environment(np.ones((8, 16, 3), np.float32), np.ones((8, 16, 3), np.float32))
    seen = normalize(rng.normal(size=(4000, 3)))
    seen = seen[seen[:, 2] < -0.6]  # of a sphere's face, camera space
    for light in lights(300):
        sh = incident_light(light, gray, np.eye(4), camera)
        exposure = metered_exposure(sh, 0.0, np.full((1, 3), 0.35))
        shown = exposure * np.maximum(irradiance(sh, seen) @ LUMA, 0).mean() / np.pi
        assert 0.7 * METERED < shown < 1.2 * METERED


@pytest.mark.parametrize("shape", ["square", "disk", "ring"])
def test_lamps_of_all_shapes_have_the_irradiance_of_their_power(shape):
    place, watts = np.array([0.0, -3.0, 0.0]), np.array([10.0, 20, 30])
    sh = area_lamp_sh(place, np.zeros(3), 0.05, watts, at=np.zeros(3), shape=shape)
    np.testing.assert_allclose(sh[0] * np.sqrt(4 * np.pi), watts / (np.pi * 9), rtol=1e-3)


def test_tiles_have_the_area_of_their_lamp():
    assert lamp_tiles("square", 0.5, 2.0)[1].sum() == pytest.approx(0.5)
    assert lamp_tiles("disk", 0.5)[1].sum() == pytest.approx(np.pi / 16)
    centers, areas = lamp_tiles("ring", 1.0)
    assert areas.sum() == pytest.approx(np.pi / 4 * (1 - 0.72**2))
    assert (np.linalg.norm(centers, axis=1) > 0.36).all()


def test_a_sun_has_its_irradiance_on_what_faces_it():
    sh = sun_sh(normalize(np.array([1.0, 2, 3])), np.array([1.0, 2, 3]))
    np.testing.assert_allclose(sh[0] * np.sqrt(4 * np.pi), [1, 2, 3])


def test_colors_of_light_are_those_of_their_temperature_and_hue():
    assert blackbody(2000)[0] > 2 * blackbody(2000)[2]
    assert blackbody(12000)[2] > 1.2 * blackbody(12000)[0]
    assert np.argmax(hued(0.0, 0.8)) == 0
    assert np.argmax(hued(1 / 3, 0.8)) == 1
    assert np.argmax(hued(2 / 3, 0.8)) == 2
