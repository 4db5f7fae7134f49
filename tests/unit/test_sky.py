"""Laws of skies and rooms as light: where it comes from, what colour it has, how much there is of it."""

from dataclasses import replace

import numpy as np
import pytest

from scenes.head.furnish import ROOMS, sample_room, sample_sky
from scenes.head.light import LUMA, room_environment, sky_environment
from scenes.head.noise import fractal, hashed, value_noise
from scenes.head.place_config import LightConfig
from scenes.head.room import Room
from scenes.head.sky import Sky, SkySpec
from synth.geometry import normalize
from synth.labels.light import environment_directions, irradiance

CLEAR = SkySpec(
    elevation=np.deg2rad(40),
    turbidity=2.5,
    clouds=0.0,
    overcast=0.0,
    ground=(0.2, 0.2, 0.2),
    skyline=0.05,
    buildings=False,
    seed=1,
)
KLX = 133.0  # illuminance of the sun in space


def at(elevation_deg: float, **changes) -> Sky:
    return Sky(replace(CLEAR, elevation=float(np.deg2rad(elevation_deg)), **changes))


def along(sky: Sky, *direction: float) -> np.ndarray:
    return sky.radiance(normalize(np.array(direction, float))[None])[0]


def on_the_ground(sky: Sky) -> float:
    """Klx on a level surface, of the sky without the sun."""
    upper = environment_directions((64, 128))[:32]
    edges = np.sin(np.pi / 64 * np.arange(32, -1, -1))
    area = (edges[:-1] - edges[1:])[:, None, None] * 2 * np.pi / 128
    return float(KLX * ((sky.radiance(upper) * upper[..., 2:] * area).sum(axis=(0, 1)) @ LUMA))


def test_a_clear_day_is_as_bright_as_daylight_is():
    """Kittler, Kocifaj, Darula, Daylight Science (2012): 60 to 110 klx of the sun, 8 to 25 klx of a clear sky."""
    for elevation in (30, 50, 70):
        sky = at(elevation)
        assert 60 < KLX * sky.sun @ LUMA < 115
        assert 8 < on_the_ground(sky) < 30


def test_the_sun_reddens_and_fades_as_it_sinks():
    suns = [at(elevation).sun for elevation in (60, 30, 12, 5, 2)]
    assert (np.diff([sun @ LUMA for sun in suns]) < 0).all()
    assert (np.diff([sun[2] / sun[0] for sun in suns]) < 0).all()


def test_haze_takes_light_from_the_sun_and_color_from_the_sky():
    clear, hazy = at(40, turbidity=1.5), at(40, turbidity=7.0)
    assert hazy.sun @ LUMA < 0.7 * clear.sun @ LUMA
    blue = lambda sky: along(sky, -0.3, 0.2, 1)[2] / along(sky, -0.3, 0.2, 1)[0]
    assert blue(clear) > 1.3 * blue(hazy) > 1.3


def test_the_sky_is_brighter_around_the_sun_and_bluer_away_from_it():
    sky = at(40)
    near, far = along(sky, 0.9, 0.15, 0.9), along(sky, -0.9, 0.15, 0.9)
    assert near @ LUMA > 2 * far @ LUMA
    assert far[2] / far[0] > near[2] / near[0]


def test_an_overcast_sky_has_no_sun_and_is_three_times_as_bright_above_as_at_the_horizon():
    sky = at(40, overcast=1.0, skyline=0.0)
    assert not sky.sun.any()
    ratio = along(sky, 0, 0, 1) / along(sky, 0, 1, 0.012)
    np.testing.assert_allclose(ratio, 3, rtol=0.05)  # CIE S 011: (1 + 2 sin e) / 3


def test_a_cloud_before_the_sun_takes_its_light():
    suns = [at(40, clouds=0.6, seed=seed).sun @ LUMA for seed in range(30)]
    assert min(suns) < 0.2 * max(suns)


def test_a_sun_that_shines_is_not_behind_the_skyline(rng):
    skies = [Sky(sample_sky(LightConfig(), rng)) for _ in range(120)]
    shining = [sky for sky in skies if (sky.sun @ LUMA) > 0.02]
    assert len(shining) > 40
    assert max(float(sky._ground(sky.direction[None])[1].max()) for sky in shining) < 0.01


def test_a_sky_is_a_function_of_its_spec():
    np.testing.assert_array_equal(at(20, clouds=0.5).image(), at(20, clouds=0.5).image())


def test_drawn_skies_are_finite_and_light_from_above(rng):
    for _ in range(60):
        environment = sky_environment(Sky(sample_sky(LightConfig(), rng)))
        assert np.isfinite(environment.light).all()
        assert environment.light.min() >= 0
        up, down = irradiance(environment.sh, np.array([[0, 0, 1.0], [0, 0, -1.0]])) @ LUMA
        assert up > down > 0


def test_the_image_that_lights_has_a_mean_luminance_of_one_without_the_sun():
    environment = sky_environment(at(40))
    height = environment.light.shape[0]
    edges = np.cos(np.pi * np.arange(height + 1) / height)
    weight = (edges[:-1] - edges[1:])[:, None] / 2 / environment.light.shape[1]
    assert environment.strength * (weight * (environment.light @ LUMA)).sum() == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("mode", ROOMS)
def test_drawn_rooms_hold_their_head_and_light_it(mode, rng):
    for _ in range(20):
        spec = sample_room(mode, rng)
        low, high = np.array([-spec.size[0] / 2, -spec.size[1] / 2, 0]), np.array([0.5, 0.5, 1]) * spec.size
        assert (np.array(spec.head) > low + 0.5).all()
        assert (np.array(spec.head)[:2] < high[:2] - 0.5).all()
        environment = room_environment(Room(spec))
        assert np.isfinite(environment.light).all()
        assert environment.light.min() >= 0
        assert environment.strength < 1e4


def test_a_cove_is_of_one_colour_down_to_its_foot(rng):
    for _ in range(20):
        image = Room(sample_room("cove", rng)).image()
        assert (image.max(axis=(0, 1)) < 4 * image.min(axis=(0, 1))).all()


def test_a_window_lights_from_where_it_is(rng):
    spec = sample_room("day", rng)
    for wall, towards in enumerate(([-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0])):
        window = replace(spec.windows[0], wall=wall, along=0.0, color=(3.0, 3.0, 3.0))
        bare = replace(spec, windows=(window,), pictures=(), bulbs=(), boxes=(), head=(0.0, 0.0, 1.4))
        sh = room_environment(Room(bare)).sh
        lit, dark = irradiance(sh, np.array([towards, np.negative(towards)], float)) @ LUMA
        assert lit > 1.3 * dark


def test_noise_is_smooth_between_values_that_are_spread_evenly():
    cells = np.stack(np.mgrid[:200, :200], axis=-1).astype(float)
    values = value_noise(cells, 5)
    np.testing.assert_allclose(np.histogram(values, 10, (0, 1))[0] / values.size, 0.1, atol=0.01)
    steps = np.abs(np.diff(value_noise(cells[:1] * 0 + np.linspace(0, 9, 2001)[:200, None], 5)))
    assert steps.max() < 0.02
    assert ((fractal(cells * 0.37, 3) >= 0) & (fractal(cells * 0.37, 3) <= 1)).all()


def test_neighbouring_cells_and_seeds_have_nothing_in_common():
    k = np.arange(5000)
    drawn = np.stack([hashed(seed, k) for seed in (0, 1, 2, 1 << 30)] + [hashed(0, k + 1), hashed(0, k, k)])
    assert np.abs(np.corrcoef(drawn) - np.eye(6)).max() < 0.06
