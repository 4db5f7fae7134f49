"""The sensor model's laws: what each effect does, what none of them does, and that nothing moves the image."""

from dataclasses import fields, replace

import numpy as np
import pytest

from synth.labels.photo import photograph, srgb_from_linear
from synth.labels.sensor import (
    LUMA,
    RESPONSE,
    SATURATION,
    bayer,
    blurred,
    counted,
    demosaiced,
    developed,
    jpeg,
    lens,
    photosites,
    sensed,
    tone,
)
from synth.passes import PASSES, as_stored
from synth.rng import Streams
from synth.sensor import EffectConfig, JpegConfig, JpegSpec, NoiseConfig, NoiseSpec, SensorConfig, SensorSpec
from synth.sensor import sample_sensor as draw

HW = (40, 56)
NEUTRAL = SensorSpec(seed=1)
NOISE = NoiseSpec(full_well_e=9000.0, read_noise_e=4.0, gain=2.0, bits=14)
EFFECTS = {  # one camera for each effect
    "vignetting": replace(NEUTRAL, vignetting=0.4),
    "aberration": replace(NEUTRAL, aberration=(0.02, -0.03)),
    "softness": replace(NEUTRAL, softness=1.0),
    "shrink": replace(NEUTRAL, shrink=0.5),
    "exposure_ev": replace(NEUTRAL, exposure_ev=-1.0),
    "noise": replace(NEUTRAL, noise=NOISE),
    "white_balance": replace(NEUTRAL, white_balance=(1.2, 1.0, 0.8)),
    "mosaic": replace(NEUTRAL, mosaic=True),
    "monochrome": replace(NEUTRAL, monochrome=True),
    "saturation": replace(NEUTRAL, saturation=0.5),
    "gamma": replace(NEUTRAL, gamma=1.2),
    "contrast": replace(NEUTRAL, contrast=0.5),
    "noise_reduction": replace(NEUTRAL, noise_reduction=1.5),
    "sharpening": replace(NEUTRAL, sharpening=0.5),
    "jpeg": replace(NEUTRAL, jpeg=JpegSpec(quality=60, subsampled=True)),
}
ALL = replace(
    NEUTRAL,
    **{name: getattr(spec, name) for name, spec in EFFECTS.items() if name != "monochrome"},
)


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """Smooth coloured light [H, W, 3] with a bright edge."""
    rng = np.random.default_rng(3)
    light = blurred(rng.gamma(1.0, 0.5, (*HW, 3)).astype(np.float32), 1.5)
    light[:, 30:] *= 1.8
    return light


def flat(value: float | tuple, hw=HW) -> np.ndarray:
    return np.broadcast_to(np.float32(value), (*hw, 3)).copy()


def clean(radiance: np.ndarray, exposure: float = 1.0) -> np.ndarray:
    return as_stored(PASSES["image"], photograph(radiance, exposure))


def test_a_neutral_sensor_is_the_film_curve_byte_for_byte(scene):
    np.testing.assert_array_equal(sensed(scene, 1.3, NEUTRAL), clean(scene, 1.3))


@pytest.mark.parametrize("hw", [(1, 1), (4, 4), (7, 30), (30, 7)])
def test_a_picture_below_eight_pixels_has_no_more_photosites_than_pixels(hw, rng):
    light = rng.uniform(0, 1, (*hw, 3)).astype(np.float32)
    np.testing.assert_array_equal(sensed(light, 1.0, NEUTRAL), clean(light, 1.0))
    assert sensed(light, 1.0, ALL).shape == (*hw, 3)


def test_no_picture_shrinks_below_eight_photosites_or_grows(rng):
    light = rng.uniform(0, 1, (4, 4, 3)).astype(np.float32)
    np.testing.assert_array_equal(sensed(light, 1.0, EFFECTS["shrink"]), clean(light, 1.0))


def test_every_effect_has_a_camera_here():
    assert set(EFFECTS) == {field.name for field in fields(SensorSpec)} - {"seed"}


@pytest.mark.parametrize("name", EFFECTS)
def test_every_effect_is_seen(name, scene):
    assert (sensed(scene, 1.0, EFFECTS[name]) != clean(scene)).mean() > 0.05


@pytest.mark.parametrize("spec", [*EFFECTS.values(), ALL], ids=[*EFFECTS, "all"])
def test_the_photograph_is_a_function_of_the_spec(spec, scene):
    first = sensed(scene, 1.0, spec)
    assert (first.dtype, first.shape) == (np.dtype(np.uint8), scene.shape)
    np.testing.assert_array_equal(first, sensed(scene.copy(), 1.0, spec))


def test_the_linear_light_stays_as_it_is(scene):
    before = scene.copy()
    sensed(scene, 1.0, ALL)
    np.testing.assert_array_equal(scene, before)


def test_another_seed_is_other_noise_of_the_same_kind():
    light = flat(0.3, (200, 200))
    one, two = (photosites(light, replace(EFFECTS["noise"], seed=seed)) for seed in (1, 2))
    assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.02
    assert one.std() == pytest.approx(two.std(), rel=0.02)


@pytest.mark.parametrize("level", [0.0, 0.02, 0.1, 0.4, 0.9])
def test_the_variance_is_read_noise_squared_plus_gain_times_signal(level):
    light = flat(level, (256, 256))
    out = counted(light, RESPONSE, NOISE, np.random.default_rng(5)).astype(np.float64)
    k = SATURATION / (NOISE.full_well_e / NOISE.gain * RESPONSE)  # units of light per electron
    step = NOISE.full_well_e / NOISE.gain / (2**NOISE.bits - 1)
    expected = k**2 * (NOISE.read_noise_e**2 + step**2 / 12) + k * level
    np.testing.assert_allclose(out.var(axis=(0, 1)), expected, rtol=0.03)
    np.testing.assert_allclose(out.mean(axis=(0, 1)), level, atol=5 * np.sqrt(expected.max()) / 256)


def test_more_gain_is_more_noise():
    noise = [photosites(flat(0.2, (64, 64)), replace(NEUTRAL, noise=replace(NOISE, gain=g))).std() for g in (1, 4, 16)]
    assert noise[0] < noise[1] < noise[2]
    assert noise[1] / noise[0] == pytest.approx(2, rel=0.1)  # shot noise goes with the root


def test_a_full_converter_cuts_the_light():
    out = counted(flat(9.0), RESPONSE, NOISE, np.random.default_rng(0))
    np.testing.assert_allclose(out, np.broadcast_to(SATURATION / RESPONSE, out.shape), rtol=1e-5)


def test_few_bits_are_few_levels():
    ramp = np.repeat(np.linspace(0, 1, 500, dtype=np.float32)[None, :, None], 3, axis=-1)
    coarse = replace(NOISE, bits=4, full_well_e=1e9, read_noise_e=0.01)
    assert len(np.unique(counted(ramp, RESPONSE, coarse, np.random.default_rng(0))[..., 1])) == 16 // 2  # half a range


def test_blur_keeps_the_light():
    rng = np.random.default_rng(0)
    light = rng.gamma(0.3, 1.0, (*HW, 3)).astype(np.float32)
    for sigma in (0.3, 1.0, 4.0):
        out = blurred(light, sigma)
        np.testing.assert_allclose(out.sum(axis=(0, 1), dtype=float), light.sum(axis=(0, 1), dtype=float), rtol=1e-5)
        assert out.var() < light.var()


def test_blur_has_the_width_that_it_says():
    point = np.zeros((41, 41, 1), np.float32)
    point[20, 20] = 1
    profile = blurred(point, 2.0)[20, :, 0]
    assert (profile * (np.arange(41) - 20) ** 2).sum() / profile.sum() == pytest.approx(4.0, rel=0.03)


def test_vignetting_is_the_law_of_cos4_and_reaches_its_loss_in_the_farthest_corner():
    center = np.array([30.0, 18.0])
    out = lens(flat(1.0), replace(NEUTRAL, vignetting=0.4), center)[..., 0]
    u, v = np.meshgrid(np.arange(HW[1]) + 0.5 - center[0], np.arange(HW[0]) + 0.5 - center[1])
    tan = np.hypot(u, v) * np.sqrt(0.6**-0.5 - 1) / np.hypot(30, 22)
    np.testing.assert_allclose(out, np.cos(np.arctan(tan)) ** 4, rtol=1e-5)
    assert 0.6 < out.min() < 0.63


def test_aberration_leaves_green_and_the_axis_where_they_are_and_moves_red_outward():
    hw, center = (81, 101), np.array([50.5, 40.5])
    points = np.zeros((*hw, 3), np.float32)
    points[40, 50] = points[40, 90] = points[10, 50] = 1
    out = lens(blurred(points, 2.0), replace(NEUTRAL, aberration=(0.05, -0.05)), center)
    place = lambda channel, rows, cols: np.add(
        _centroid(out[rows, cols, channel]), (rows.start + 0.5, cols.start + 0.5)
    )
    near, right, top = np.s_[30:51, 40:61], np.s_[30:51, 78:101], np.s_[0:20, 40:61]
    np.testing.assert_array_equal(out[..., 1], blurred(points, 2.0)[..., 1])
    for channel, factor in ((0, 1.05), (2, 0.95)):
        np.testing.assert_allclose(place(channel, *near), [40.5, 50.5], atol=0.01)
        np.testing.assert_allclose(place(channel, *right), [40.5, 50.5 + 40 * factor], atol=0.05)
        np.testing.assert_allclose(place(channel, *top), [40.5 - 30 * factor, 50.5], atol=0.05)


def _centroid(image: np.ndarray) -> np.ndarray:
    """(row, column) in samples."""
    rows, cols = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(image * rows).sum(), (image * cols).sum()]) / image.sum()


@pytest.mark.parametrize("name", [name for name in EFFECTS if name != "vignetting"])
def test_no_effect_moves_the_image(name):
    light = np.zeros((64, 96, 3), np.float32)
    light[30:34, 50:54] = 3.0
    light = blurred(light, 4.0) + 0.02
    spec = EFFECTS[name]
    if name == "noise":
        spec = replace(spec, noise=replace(NOISE, full_well_e=1e7))
    place = lambda seen: _centroid(np.maximum(seen[14:50, 32:72, 1] - 1.2 * np.median(seen), 0))
    np.testing.assert_allclose(place(sensed(light, 1.0, spec)), place(clean(light)), atol=0.1)


def test_grey_stays_grey_but_for_the_errors_of_white_balance():
    gains = np.array([1.2, 1.0, 0.8], np.float32)
    out = photosites(flat(0.25), replace(NEUTRAL, white_balance=(1.2, 1.0, 0.8), mosaic=True))
    np.testing.assert_allclose(out, flat(tuple(0.25 * gains)), rtol=1e-6)
    balanced = photosites(flat(0.25, (200, 200)), replace(NEUTRAL, noise=NOISE, mosaic=True))
    np.testing.assert_allclose(balanced.mean(axis=(0, 1)), 0.25, rtol=2e-3)


def test_a_mosaic_keeps_what_each_photosite_saw_and_gives_back_smooth_colours():
    v, u = np.mgrid[: HW[0], : HW[1]].astype(np.float32)
    light = np.stack([0.2 + 0.004 * u, 0.5 - 0.002 * v, 0.3 + 0.001 * u + 0.002 * v], axis=-1)
    filters = bayer(HW)
    mosaic = np.take_along_axis(light, filters[..., None], -1)[..., 0]
    out = demosaiced(mosaic)
    np.testing.assert_array_equal(np.take_along_axis(out, filters[..., None], -1)[..., 0], mosaic)
    grey = np.repeat((0.2 + 0.004 * u + 0.003 * v)[..., None], 3, axis=-1)
    again = demosaiced(np.take_along_axis(grey, filters[..., None], -1)[..., 0])
    np.testing.assert_allclose(again[3:-3, 3:-3], grey[3:-3, 3:-3], atol=1e-6)  # linear light is interpolated exactly
    assert sorted(np.unique(filters, return_counts=True)[1]) == [HW[0] * HW[1] // 4] * 2 + [HW[0] * HW[1] // 2]


def test_demosaicing_costs_sharpness(scene):
    edges = lambda image: np.abs(np.diff(image.astype(float), axis=1)).max(axis=1).mean()
    fine = scene.copy()
    fine[:, ::4] += 0.5
    assert edges(sensed(fine, 0.5, EFFECTS["mosaic"])) < edges(clean(fine, 0.5))


def test_a_monochrome_picture_is_grey_in_every_pixel_and_its_grey_is_luminance(scene):
    spec = replace(ALL, monochrome=True)
    out = sensed(scene, 1.0, spec)
    np.testing.assert_array_equal(out, np.repeat(out[..., :1], 3, axis=-1))
    plain = developed(flat((0.4, 0.2, 0.1)), replace(NEUTRAL, monochrome=True))
    np.testing.assert_allclose(plain, srgb_from_linear(LUMA @ [0.4, 0.2, 0.1]), rtol=1e-5)


def test_no_saturation_is_the_grey_of_the_same_luminance():
    grey = developed(flat((0.4, 0.2, 0.1)), replace(NEUTRAL, saturation=0.0))
    np.testing.assert_allclose(grey, srgb_from_linear(LUMA @ [0.4, 0.2, 0.1]), rtol=1e-4)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("contrast", [-1.0, -0.4, 0.0, 0.7, 1.0])
def test_tone_curves_rise_and_keep_black_and_white(gamma, contrast):
    out = tone(np.linspace(0, 1, 1001), gamma, contrast)
    assert (np.diff(out) > -1e-9).all()
    np.testing.assert_allclose(out[[0, -1]], [0, 1], atol=1e-7)


def test_noise_reduction_takes_more_noise_from_colour_than_from_luminance():
    noisy, smooth = (sensed(flat(0.2), 1.0, replace(EFFECTS["noise"], noise_reduction=s)).astype(float) for s in (0, 2))
    colour = lambda image: (image[..., 0] - image[..., 1]).std()
    luminance = lambda image: (image @ LUMA).std()
    assert colour(smooth) < 0.3 * colour(noisy)
    assert 0.3 * luminance(noisy) < luminance(smooth) < 0.9 * luminance(noisy)


def test_an_exposure_error_is_a_gain(scene):
    np.testing.assert_array_equal(sensed(scene, 1.0, replace(NEUTRAL, exposure_ev=1.0)), clean(scene, 2.0))


def test_a_picture_that_was_small_has_its_mean_and_little_detail(scene):
    out, plain = sensed(scene, 0.5, replace(NEUTRAL, shrink=0.25)).astype(float), clean(scene, 0.5).astype(float)
    assert out.mean() == pytest.approx(plain.mean(), rel=0.02)
    assert np.abs(np.diff(out, axis=0)).mean() < 0.8 * np.abs(np.diff(plain, axis=0)).mean()


def test_a_worse_jpeg_is_farther_from_its_picture(scene):
    picture = clean(scene)
    error = [
        np.abs(jpeg(picture, JpegSpec(quality=q, subsampled=True)) - picture.astype(float)).mean() for q in (10, 50, 95)
    ]
    assert error[0] > error[1] > error[2]


ON = SensorConfig(
    **{name: replace(getattr(SensorConfig(), name), probability=1.0) for name, spec in EFFECTS.items()
       if isinstance(getattr(SensorConfig(), name), EffectConfig | NoiseConfig | JpegConfig)},
    mosaic=1.0,
    monochrome=1.0,
)  # fmt: skip


def test_a_default_config_draws_nothing():
    assert all(draw(SensorConfig(), Streams(0, k).of_record("sensor")).__class__ is SensorSpec for k in range(3))
    spec = draw(SensorConfig(), Streams(0, 1).of_record("sensor"))
    assert spec == SensorSpec(seed=spec.seed)


def test_a_certain_effect_is_always_drawn_within_its_range():
    for k in range(200):
        spec = draw(ON, Streams(0, k).of_record("sensor"))
        for name in EFFECTS:
            assert getattr(spec, name) != getattr(NEUTRAL, name)
            effect = getattr(ON, name)
            if isinstance(effect, EffectConfig) and name not in ("aberration", "white_balance"):
                assert effect.strength[0] <= getattr(spec, name) <= effect.strength[1]
        assert spec.noise is not None
        assert spec.jpeg is not None
        assert ON.noise.gain[0] <= spec.noise.gain <= ON.noise.gain[1]
        assert ON.jpeg.quality[0] <= spec.jpeg.quality <= ON.jpeg.quality[1]


@pytest.mark.parametrize("name", EFFECTS)
def test_switching_an_effect_on_leaves_the_others_as_they_were_drawn(name):
    off = replace(ON, **{name: getattr(SensorConfig(), name)})
    for k in range(20):
        with_it, without = (draw(config, Streams(2, k).of_record("sensor")) for config in (ON, off))
        assert getattr(without, name) == getattr(NEUTRAL, name)
        assert replace(without, **{name: getattr(with_it, name)}) == with_it


def test_an_effect_is_there_as_often_as_its_probability():
    config = replace(SensorConfig(), softness=EffectConfig(probability=0.3, strength=[0.5, 1.0]), mosaic=0.6)
    specs = [draw(config, Streams(4, k).of_record("sensor")) for k in range(3000)]
    assert np.mean([spec.softness > 0 for spec in specs]) == pytest.approx(0.3, abs=0.03)
    assert np.mean([spec.mosaic for spec in specs]) == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"softness": EffectConfig(probability=1.5)}, r"scene\.sensor\.softness\.probability"),
        ({"gamma": EffectConfig(strength=[0.0, 1.0])}, r"scene\.sensor\.gamma\.strength"),
        ({"mosaic": -0.1}, r"scene\.sensor\.mosaic"),
        ({"noise": NoiseConfig(gain=[0.5, 2.0])}, r"scene\.sensor\.noise\.gain"),
        ({"noise": NoiseConfig(bits=2)}, r"scene\.sensor\.noise\.bits"),
        ({"jpeg": JpegConfig(quality=[0, 50])}, r"scene\.sensor\.jpeg\.quality"),
    ],
)
def test_a_range_that_no_camera_has_is_refused_with_its_key(changes, key):
    with pytest.raises(ValueError, match=key):
        SensorConfig(**changes)
