"""Lamps around a head: single ones over an environment, and the setups of photographers, of dim rooms and of flashes.

Places are in head space: the face looks along -y, the subject's left is +x. All draws, no bpy.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scenes.head.place_config import LightConfig
from synth.rng import between, log_between

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LampSpec:
    """A flat lamp that faces the head."""

    place: Triple  # m, head space
    size: float  # m, its width
    ratio: float  # irradiance at the head over that of the environment's mean radiance
    color: Triple  # linear RGB, mean 1
    shape: str = "square"  # of synth.labels.light.LAMP_SHAPES
    aspect: float = 1.0  # height over width of a square one


def sample_azimuth(config: LightConfig, camera: np.ndarray, rng: np.random.Generator) -> float:
    """Where light comes from, rad from in front of the face towards the subject's left; camera [3] m, head space."""
    chance, aside, anywhere = rng.random(), rng.standard_normal(), rng.uniform(-np.pi, np.pi)
    to_camera = np.arctan2(camera[0], -camera[1])
    return float(to_camera + np.deg2rad(config.facing_sigma_deg) * aside if chance < config.facing else anywhere)


def sample_lamp(config: LightConfig, camera: np.ndarray, rng: np.random.Generator) -> LampSpec:
    """One lamp, not from far below."""
    azimuth, elevation, distance = sample_azimuth(config, camera, rng), rng.uniform(-0.3, 1.2), rng.uniform(0.9, 2.5)
    size, ratio = log_between(rng, [0.1, 1.0]), log_between(rng, config.lamp_ratio)
    return _lamp(azimuth, elevation, distance, size, ratio, blackbody(between(rng, config.lamp_kelvin)))


def sample_studio(name: str, config: LightConfig, camera: np.ndarray, rng: np.random.Generator) -> tuple[LampSpec, ...]:
    """A setup of LightConfig.studios for a camera at a place [3] (m, head space)."""
    ratio, side = log_between(rng, config.studio_ratio), rng.choice([-1.0, 1.0])
    return tuple(_STUDIOS[name](ratio, side, camera, rng))


def sample_dim(name: str, config: LightConfig, camera: np.ndarray, rng: np.random.Generator) -> tuple[LampSpec, ...]:
    """The lamps of one of LightConfig.dims, for a camera at a place [3] (m, head space)."""
    ratio, side = log_between(rng, config.dim_ratio), rng.choice([-1.0, 1.0])
    return tuple(_DIMS[name](ratio, side, sample_azimuth(config, camera, rng), rng))


def sample_flash(config: LightConfig, camera: np.ndarray, rng: np.random.Generator) -> tuple[LampSpec, ...]:
    """A flash on the camera, a hand's width above or beside its lens at most."""
    right = np.cross(camera, [0.0, 0.0, 1.0])
    right /= max(np.linalg.norm(right), 1e-9)
    upwards = np.cross(right, camera / np.linalg.norm(camera))
    place = camera + rng.uniform(-0.06, 0.06) * right + rng.uniform(0.01, 0.14) * upwards
    size, ratio = log_between(rng, [0.01, 0.07]), log_between(rng, config.studio_ratio)
    color = _white(between(rng, [5000.0, 6200.0]), 5500.0)
    return (LampSpec(place=triple(place), size=size, ratio=ratio, color=color, aspect=rng.uniform(0.5, 1.0)),)


def sample_mixed(config: LightConfig, camera: np.ndarray, rng: np.random.Generator) -> tuple[LampSpec, LampSpec]:
    """A window on one side and a warm lamp on the other, to a camera at a place [3] (m, head space) that is balanced
    for neither."""
    side, balance = rng.choice([-1.0, 1.0]), between(rng, [3800.0, 5200.0])
    middle = sample_azimuth(config, camera, rng)
    window = _window(rng, middle + side * rng.uniform(0.2, 1.2), log_between(rng, [0.5, 4.0]), balance)
    return window, _tungsten(rng, middle - side * rng.uniform(0.2, 2.2), log_between(rng, [0.5, 4.0]), balance)


def _window(rng: np.random.Generator, azimuth: float, ratio: float, balance: float) -> LampSpec:
    """Daylight from a window, seen by a camera that is balanced for `balance` (K)."""
    return _lamp(
        azimuth,
        rng.uniform(0.0, 0.35),
        rng.uniform(0.9, 2.2),
        rng.uniform(0.7, 1.6),
        ratio,
        _white(between(rng, [5800.0, 9500.0]), balance),
        aspect=rng.uniform(0.8, 1.6),
    )


def _tungsten(rng: np.random.Generator, azimuth: float, ratio: float, balance: float) -> LampSpec:
    """A warm lamp of a living room."""
    elevation = rng.uniform(-0.1, 1.0)
    color = _white(between(rng, [2500.0, 3200.0]), balance)
    return _lamp(azimuth, elevation, rng.uniform(0.7, 2.0), log_between(rng, [0.08, 0.4]), ratio, color, "disk")


def _lamp(
    azimuth: float,
    elevation: float,
    distance: float,
    size: float,
    ratio: float,
    color: Triple,
    shape: str = "square",
    aspect: float = 1.0,
) -> LampSpec:
    """azimuth: from in front of the face towards the subject's left, rad."""
    flat = distance * np.cos(elevation)
    place = triple([flat * np.sin(azimuth), -flat * np.cos(azimuth), distance * np.sin(elevation)])
    return LampSpec(place=place, size=size, ratio=ratio, color=color, shape=shape, aspect=aspect)


def _softbox(rng, azimuth: float, elevation: float, ratio: float, color: Triple | None = None) -> LampSpec:
    color = color or _white(between(rng, [5000.0, 6200.0]), 5500.0)
    size, aspect = rng.uniform(0.5, 1.3), float(rng.choice([0.65, 1.0, 1.5]))
    return _lamp(azimuth, elevation, rng.uniform(0.9, 1.8), size, ratio, color, "square", aspect)


def _soft(ratio, side, camera, rng) -> list[LampSpec]:
    key = _softbox(rng, side * rng.uniform(0.3, 1.0), rng.uniform(0.2, 0.8), ratio)
    fill = _softbox(rng, -side * rng.uniform(0.4, 1.2), rng.uniform(-0.1, 0.4), ratio * rng.uniform(0.1, 0.6))
    return [key, fill]


def _butterfly(ratio, side, camera, rng) -> list[LampSpec]:
    white = _white(between(rng, [5000.0, 6200.0]), 5500.0)
    size, distance = rng.uniform(0.45, 0.75), rng.uniform(0.8, 1.3)
    key = _lamp(side * rng.uniform(0.0, 0.15), rng.uniform(0.6, 0.95), distance, size, ratio, white, "disk")
    return [key, _softbox(rng, 0.0, -rng.uniform(0.4, 0.8), ratio * rng.uniform(0.1, 0.5))]


def _rembrandt(ratio, side, camera, rng) -> list[LampSpec]:
    key = _softbox(rng, side * rng.uniform(0.7, 1.05), rng.uniform(0.6, 0.9), ratio)
    return [key, _softbox(rng, -side * rng.uniform(0.5, 1.2), 0.1, ratio * rng.uniform(0.03, 0.2))]


def _split(ratio, side, camera, rng) -> list[LampSpec]:
    return [_softbox(rng, side * rng.uniform(1.3, 1.75), rng.uniform(0.0, 0.4), ratio)]


def _strips(rng, ratio: float) -> list[LampSpec]:
    """Two narrow boxes behind the head, which draw its rim."""
    white = _white(between(rng, [5000.0, 7000.0]), 5500.0)
    size, aspect, distance = rng.uniform(0.18, 0.35), rng.uniform(3.0, 5.0), rng.uniform(1.0, 1.8)
    at = lambda s: _lamp(s * rng.uniform(2.2, 2.8), rng.uniform(0.1, 0.6), distance, size, ratio, white, aspect=aspect)
    return [at(-1.0), at(1.0)]


def _rim(ratio, side, camera, rng) -> list[LampSpec]:
    key = _softbox(rng, side * rng.uniform(0.0, 0.8), rng.uniform(0.1, 0.7), ratio * rng.uniform(0.1, 0.5))
    return [key, *_strips(rng, ratio)]


def _gels(ratio, side, camera, rng) -> list[LampSpec]:
    hue = rng.random()
    first, second = hued(hue, rng.uniform(0.5, 0.95)), hued(hue + rng.uniform(0.25, 0.6), rng.uniform(0.5, 0.95))
    lamps = [
        _softbox(rng, side * rng.uniform(0.7, 1.6), rng.uniform(0.0, 0.6), ratio, first),
        _softbox(rng, -side * rng.uniform(0.7, 1.9), rng.uniform(0.0, 0.6), ratio * rng.uniform(0.3, 1.2), second),
    ]
    front = _softbox(rng, 0.0, rng.uniform(0.2, 0.6), ratio * rng.uniform(0.1, 0.6))
    return [*lamps, front] if rng.random() < 0.5 else lamps


def _ring(ratio, side, camera, rng) -> list[LampSpec]:
    """Around the lens; a far camera looks through one that stands closer to the face."""
    distance = float(np.linalg.norm(camera))
    near = min(distance, rng.uniform(0.5, 1.2))
    color = _white(between(rng, [4000.0, 6500.0]), 5500.0)
    place = triple(camera * near / distance)
    return [LampSpec(place=place, size=rng.uniform(0.25, 0.45), ratio=ratio, color=color, shape="ring")]


def _high_key(ratio, side, camera, rng) -> list[LampSpec]:
    around = ((0.8, 0.4, 1.0), (-0.8, 0.4, 0.9), (0.0, 0.9, 0.6), (2.4, 0.3, 0.8), (-2.4, 0.3, 0.8))
    return [_softbox(rng, a + rng.uniform(-0.2, 0.2), e, share * ratio) for a, e, share in around]


def _under(ratio, side, camera, rng) -> list[LampSpec]:
    return [_softbox(rng, side * rng.uniform(0.0, 0.4), -rng.uniform(0.6, 1.0), ratio)]


_STUDIOS: dict[str, Callable[..., list[LampSpec]]] = {
    "soft": _soft,
    "butterfly": _butterfly,
    "rembrandt": _rembrandt,
    "split": _split,
    "rim": _rim,
    "gels": _gels,
    "ring": _ring,
    "high_key": _high_key,
    "under": _under,
}


def _candle(ratio, side, azimuth, rng) -> list[LampSpec]:
    color = _white(between(rng, [1800.0, 2100.0]), between(rng, [2600.0, 4000.0]))
    return [
        _lamp(side * rng.uniform(0.0, 1.2), -rng.uniform(0.1, 0.6), rng.uniform(0.35, 0.8), 0.03, ratio, color, "disk")
    ]


def _screen(ratio, side, azimuth, rng) -> list[LampSpec]:
    color = _white(between(rng, [6000.0, 10000.0]), between(rng, [4500.0, 6500.0]))
    return [
        _lamp(
            side * rng.uniform(0.0, 0.5),
            -rng.uniform(0.0, 0.7),
            rng.uniform(0.3, 0.7),
            log_between(rng, [0.07, 0.6]),
            ratio,
            color,
            aspect=float(rng.choice([0.56, 1.8])),
        )
    ]


def _bulb(ratio, side, azimuth, rng) -> list[LampSpec]:
    color = _white(between(rng, [2200.0, 3200.0]), between(rng, [3000.0, 4500.0]))
    elevation = rng.uniform(0.3, 1.1)
    return [_lamp(azimuth, elevation, rng.uniform(0.8, 2.5), log_between(rng, [0.05, 0.2]), ratio, color, "disk")]


def _street(ratio, side, azimuth, rng) -> list[LampSpec]:
    """Shop windows, signs and lanterns, one of them stronger."""
    shares = ratio * np.array([1.0, *rng.uniform(0.1, 0.7, int(rng.integers(1, 4)))])
    lamps = []
    for toward, share in zip([azimuth, *rng.uniform(-np.pi, np.pi, len(shares) - 1)], shares, strict=True):
        colored = rng.random() < 0.5
        color = hued(rng.random(), rng.uniform(0.4, 0.9)) if colored else _white(between(rng, [2200.0, 5000.0]), 3800.0)
        lamps.append(
            _lamp(
                float(toward), rng.uniform(-0.1, 0.9), rng.uniform(1.0, 3.0), rng.uniform(0.1, 0.9), float(share), color
            )
        )
    return lamps


_DIMS: dict[str, Callable[..., list[LampSpec]]] = {
    "candle": _candle,
    "screen": _screen,
    "bulb": _bulb,
    "street": _street,
    "window": lambda ratio, side, azimuth, rng: [_window(rng, azimuth, ratio, between(rng, [5000.0, 7500.0]))],
}


def hued(hue: float, saturation: float) -> Triple:
    """Linear RGB of mean 1, of a hue in turns: 0 is red, 1/3 green, 2/3 blue."""
    rgb = np.clip(np.abs((hue + np.array([0.0, 2 / 3, 1 / 3])) % 1 * 6 - 3) - 1, 0, 1)
    rgb = 1 - saturation * (1 - rgb)
    return triple(rgb / rgb.mean())


def _white(kelvin: float, balance: float) -> Triple:
    """A black body's colour to a camera whose white is another's."""
    rgb = np.array(blackbody(kelvin)) / np.maximum(blackbody(balance), 0.05)
    return triple(rgb / rgb.mean())


def blackbody(kelvin: float) -> Triple:
    """Linear sRGB of a black body of 1000 to 40000 K, scaled to a mean of 1; negative parts of its gamut are cut.

    Planck's law through the analytic CIE 1931 colour matching functions of Wyman, Sloan and Shirley (2013).
    """
    nm = np.arange(380.0, 781.0, 5.0)
    power = nm**-5 / np.expm1(1.438776877e7 / (nm * kelvin))
    lobe = lambda mean, below, above: np.exp(-0.5 * ((nm - mean) / np.where(nm < mean, below, above)) ** 2)
    x = 1.056 * lobe(599.8, 37.9, 31.0) + 0.362 * lobe(442.0, 16.0, 26.7) - 0.065 * lobe(501.1, 20.4, 26.2)
    y = 0.821 * lobe(568.8, 46.9, 40.5) + 0.286 * lobe(530.9, 16.3, 31.1)
    z = 1.217 * lobe(437.0, 11.8, 36.0) + 0.681 * lobe(459.0, 26.0, 13.8)
    rgb_from_xyz = np.array(  # IEC 61966-2-1
        [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
    )
    rgb = np.maximum(rgb_from_xyz @ (np.stack([x, y, z]) @ power), 0)
    return triple(rgb / rgb.mean())


def triple(values) -> Triple:
    """Three numbers as plain floats."""
    a, b, c = (float(v) for v in values)
    return a, b, c
