"""The light of a head as numbers: radiance from everywhere, the exposure that a camera would meter, the background.

The environment is scaled so that its mean luminance over the sphere is 1; lamps are measured against that.
"""

from dataclasses import dataclass, field

import numpy as np

from scenes.head.sample import BackgroundSpec, LampSpec, LightSpec
from synth.camera import Camera
from synth.geometry import normalize, transform
from synth.labels.light import (
    area_lamp_sh,
    environment_radiance,
    environment_sh,
    irradiance,
    rotated_sh,
)

LUMA = np.array([0.2126, 0.7152, 0.0722])  # ITU-R BT.709-6
METERED = 0.8  # image_linear of a white Lambertian surface at exposure_ev 0, on average over the head


@dataclass(slots=True)
class Environment:
    """An equirectangular image float32 [H, W, 3], linear: as it is seen, as it lights, and what follows from it."""

    seen: np.ndarray
    light: np.ndarray  # the same, maybe of lower resolution
    strength: float = field(init=False)  # that brings its mean luminance to 1
    sh: np.ndarray = field(init=False)  # [9, 3] world space, at that strength

    def __post_init__(self) -> None:
        sh = environment_sh(self.light)
        self.strength = float(1 / (sh[0] @ LUMA / np.sqrt(4 * np.pi)))
        self.sh = self.strength * sh


def lamp_watts(lamp: LampSpec) -> tuple[float, float, float]:
    """RGB power (W) that gives the lamp's ratio of irradiance: E = P / (pi d^2) at a distance d on its axis."""
    square = float(np.dot(lamp.place, lamp.place))
    r, g, b = (np.pi**2 * square * lamp.ratio * c for c in lamp.color)
    return r, g, b


def incident_light(spec: LightSpec, environment: Environment, head_to_world: np.ndarray, camera: Camera) -> np.ndarray:
    """Radiance [9, 3] at the head's origin, camera space, before exposure."""
    sh = environment.sh.copy()
    for lamp in spec.lamps:
        place = transform(head_to_world, np.array(lamp.place))
        sh += area_lamp_sh(place, np.zeros(3), lamp.size, np.array(lamp_watts(lamp)), at=np.zeros(3))
    return rotated_sh(sh, camera.world_to_camera[:3, :3])


def metered_exposure(sh: np.ndarray, exposure_ev: float, albedo: np.ndarray) -> float:
    """The gain that brings what faces the camera to METERED, a little more for dark skin, as photographers do.

    sh [9, 3] camera space; albedo [V, 3] of the skin.
    """
    normals = normalize(np.array([[0, 0, -1], [0.8, 0, -1], [-0.8, 0, -1], [0, 0.8, -1], [0, -0.8, -1.0]]))
    white = float(np.maximum(irradiance(sh, normals) @ LUMA / np.pi, 0.02).mean())
    tone = float(np.clip(albedo @ LUMA, 0.03, 1).mean()) / 0.35
    return METERED * 2.0**exposure_ev / white * tone**-0.25


def seen_background(spec: BackgroundSpec, environment: Environment, camera: Camera, exposure: float) -> np.ndarray:
    """Radiance float32 [H, W, 3] behind the head."""
    if spec.kind == "gradient":
        return (_smooth_colors(np.array(spec.colors).reshape(3, 3, 3), camera.hw) / exposure).astype(np.float32)
    image = environment.strength * environment_radiance(environment.seen, camera.world_rays())
    return blurred(image.astype(np.float32), spec.blur * camera.hw[1])


def _smooth_colors(grid: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    """A colour field [H, W, 3] through a grid [3, 3, 3], with quadratic Bernstein weights."""
    weights = []
    for length in hw:
        t = (np.arange(length) + 0.5) / length
        weights.append(np.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2], axis=-1))
    return np.einsum("hi,wj,ijc->hwc", weights[0], weights[1], grid)


def blurred(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """A Gaussian-like blur (three box filters) of an image [H, W, C]; the border repeats."""
    radius = round(sigma_px)  # three boxes of width 2 r + 1 have a variance of r (r + 1)
    if radius < 1:
        return image
    for axis in (0, 1):
        for _ in range(3):
            pad = [(radius + 1, radius) if k == axis else (0, 0) for k in range(image.ndim)]
            total = np.cumsum(np.pad(image, pad, mode="edge"), axis=axis, dtype=np.float64)
            width = 2 * radius + 1
            upper, lower = (
                np.take(total, range(width, total.shape[axis]), axis),
                np.take(total, range(total.shape[axis] - width), axis),
            )
            image = ((upper - lower) / width).astype(np.float32)
    return image
