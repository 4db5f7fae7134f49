"""What a camera makes of the light that its lens lets in: ranges in a config, and what is drawn of them for a record.

`synth.labels.sensor` applies a drawn sensor to a linear image. A SensorSpec with nothing but its seed does nothing.
"""

from dataclasses import dataclass, field

import numpy as np

from synth.config import require, require_range
from synth.rng import between, log_between


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseSpec:
    """Electrons that one pixel of the image counts. A picture that was reduced n-fold has n^2 as many as its camera's.

    Photosites of 1 to 6 um hold some 4,000 to 80,000 electrons and are read with 1 to 10, at high gain fewer (sensor
    figures of Clark, clarkvision.com, and the noise model of EMVA Standard 1288).
    """

    full_well_e: float  # that a photosite holds
    read_noise_e: float  # standard deviation
    gain: float  # ISO over base ISO: the converter is full at full_well_e / gain
    bits: int  # of the converter


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegSpec:
    """A JPEG file of the picture, and back."""

    quality: int
    subsampled: bool  # colour at half the resolution, 4:2:0


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSpec:
    """One camera and its processing. Every default is neutral: without it the picture is what the film curve makes."""

    seed: int  # of the noise
    vignetting: float = 0.0  # part of the light that is lost where the image is farthest from the optical axis
    aberration: tuple[float, float] = (0.0, 0.0)  # magnification of red and of blue over green's, less 1
    softness: float = 0.0  # px, standard deviation of the lens's blur
    shrink: float = 1.0  # sides of the picture as taken over those of the image that it is enlarged to
    exposure_ev: float = 0.0  # stops over what was meant
    noise: NoiseSpec | None = None
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)  # errors, as gains of red, green and blue
    mosaic: bool = False  # a Bayer mosaic at the picture's resolution, interpolated
    monochrome: bool = False
    saturation: float = 1.0  # of colour; 0 is grey
    gamma: float = 1.0  # exponent of the code values: above 1 is darker
    contrast: float = 0.0  # of an S-shaped tone curve, in [-1, 1]
    noise_reduction: float = 0.0  # px, deviation of the blur of colour differences; luminance is blurred a third of it
    sharpening: float = 0.0  # of an unsharp mask of 1 px
    jpeg: JpegSpec | None = None


@dataclass(kw_only=True, slots=True)
class EffectConfig:
    """How often an effect is there, and how strong it then is: uniform in [from, to]."""

    probability: float = 0.0
    strength: list[float] = field(default_factory=lambda: [0.0, 0.0])


@dataclass(kw_only=True, slots=True)
class NoiseConfig:
    """Shot noise, read noise and quantisation; each range is log-uniform."""

    probability: float = 0.0
    full_well_e: list[float] = field(default_factory=lambda: [4000.0, 60000.0])
    read_noise_e: list[float] = field(default_factory=lambda: [1.0, 10.0])
    gain: list[float] = field(default_factory=lambda: [1.0, 16.0])
    bits: int = 12


@dataclass(kw_only=True, slots=True)
class JpegConfig:
    """JPEG files: quality uniform in [from, to], and how often their colour is subsampled."""

    probability: float = 0.0
    quality: list[int] = field(default_factory=lambda: [60, 95])
    subsampled: float = 0.8  # probability


def _effect(low: float, high: float) -> EffectConfig:
    return EffectConfig(strength=[low, high])


@dataclass(kw_only=True, slots=True)
class SensorConfig:
    """Cameras, effect by effect, in the order of their work. The default has none of them."""

    vignetting: EffectConfig = field(default_factory=lambda: _effect(0.1, 0.5))
    aberration: EffectConfig = field(default_factory=lambda: _effect(0.0005, 0.004))
    softness: EffectConfig = field(default_factory=lambda: _effect(0.3, 1.0))
    shrink: EffectConfig = field(default_factory=lambda: _effect(0.25, 0.6))
    exposure_ev: EffectConfig = field(default_factory=lambda: _effect(-1.0, 1.0))
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    white_balance: EffectConfig = field(default_factory=lambda: _effect(0.0, 0.15))
    mosaic: float = 0.0  # probability
    monochrome: float = 0.0  # probability
    saturation: EffectConfig = field(default_factory=lambda: _effect(0.6, 1.3))
    gamma: EffectConfig = field(default_factory=lambda: _effect(0.85, 1.2))
    contrast: EffectConfig = field(default_factory=lambda: _effect(-0.3, 0.6))
    noise_reduction: EffectConfig = field(default_factory=lambda: _effect(0.5, 2.0))
    sharpening: EffectConfig = field(default_factory=lambda: _effect(0.2, 0.8))
    jpeg: JpegConfig = field(default_factory=JpegConfig)

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            effect = getattr(self, name)
            _require_probability(f"{name}.probability", effect.probability)
            require_range(f"{KEY}.{name}.strength", effect.strength, low, high)
        for name, value in (
            ("mosaic", self.mosaic),
            ("monochrome", self.monochrome),
            ("noise.probability", self.noise.probability),
            ("jpeg.probability", self.jpeg.probability),
            ("jpeg.subsampled", self.jpeg.subsampled),
        ):
            _require_probability(name, value)
        require_range(f"{KEY}.noise.full_well_e", self.noise.full_well_e, 100, 1e9)
        require_range(f"{KEY}.noise.read_noise_e", self.noise.read_noise_e, 0.01, 1e4)
        require_range(f"{KEY}.noise.gain", self.noise.gain, 1, 1e4)
        require(4 <= self.noise.bits <= 16, f"{KEY}.noise.bits", self.noise.bits, "must be from 4 to 16")
        require_range(f"{KEY}.jpeg.quality", [float(q) for q in self.jpeg.quality], 1, 100)


KEY = "scene.sensor"
LIMITS = {  # of strength
    "vignetting": (0, 0.95),
    "aberration": (0, 0.05),
    "softness": (0, 20),
    "shrink": (0.05, 1),
    "exposure_ev": (-6, 6),
    "white_balance": (0, 1),
    "saturation": (0, 3),
    "gamma": (0.3, 3),
    "contrast": (-1, 1),
    "noise_reduction": (0, 20),
    "sharpening": (0, 3),
}


def _require_probability(name: str, value: float) -> None:
    require(0 <= value <= 1, f"{KEY}.{name}", value, "must be a probability in [0, 1]")


def sample_sensor(config: SensorConfig, rng: np.random.Generator) -> SensorSpec:
    """A camera. Every effect takes its numbers whether it is there or not: switching one on leaves the others alone."""
    seed = int(rng.integers(2**31))

    def drawn(effect: EffectConfig, neutral: float) -> float:
        there, strength = rng.random() < effect.probability, between(rng, effect.strength)
        return strength if there else neutral

    return SensorSpec(
        seed=seed,
        vignetting=drawn(config.vignetting, 0.0),
        aberration=_sample_aberration(drawn(config.aberration, 0.0), rng),
        softness=drawn(config.softness, 0.0),
        shrink=drawn(config.shrink, 1.0),
        exposure_ev=drawn(config.exposure_ev, 0.0),
        noise=_sample_noise(config.noise, rng),
        white_balance=_sample_white_balance(drawn(config.white_balance, 0.0), rng),
        mosaic=bool(rng.random() < config.mosaic),
        monochrome=bool(rng.random() < config.monochrome),
        saturation=drawn(config.saturation, 1.0),
        gamma=drawn(config.gamma, 1.0),
        contrast=drawn(config.contrast, 0.0),
        noise_reduction=drawn(config.noise_reduction, 0.0),
        sharpening=drawn(config.sharpening, 0.0),
        jpeg=_sample_jpeg(config.jpeg, rng),
    )


def _sample_aberration(strength: float, rng: np.random.Generator) -> tuple[float, float]:
    """Red and blue leave green to opposite sides, as behind a lens corrected for one colour; blue goes farther."""
    sign, ratio = float(rng.choice([-1.0, 1.0])), rng.uniform(0.2, 1.0)
    return (sign * strength * ratio, -sign * strength) if strength else (0.0, 0.0)


def _sample_noise(config: NoiseConfig, rng: np.random.Generator) -> NoiseSpec | None:
    there = rng.random() < config.probability
    full_well_e, read_noise_e = log_between(rng, config.full_well_e), log_between(rng, config.read_noise_e)
    gain = log_between(rng, config.gain)
    if not there:
        return None
    return NoiseSpec(full_well_e=full_well_e, read_noise_e=read_noise_e, gain=gain, bits=config.bits)


def _sample_white_balance(strength: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """Gains that turn grey to the warm or the cool side, and less to green or magenta; luminance stays about."""
    warm, green = strength * rng.uniform(-1, 1), 0.35 * strength * rng.uniform(-1, 1)
    if not strength:
        return 1.0, 1.0, 1.0
    r, g, b = np.exp([warm - green / 2, green / 2, -warm - green / 2])
    return float(r), float(g), float(b)


def _sample_jpeg(config: JpegConfig, rng: np.random.Generator) -> JpegSpec | None:
    there, subsampled = rng.random() < config.probability, rng.random() < config.subsampled
    quality = int(rng.integers(config.quality[0], config.quality[1], endpoint=True))
    return JpegSpec(quality=quality, subsampled=bool(subsampled)) if there else None
