"""The light of a head as numbers: radiance from everywhere, and the exposure that a camera would meter.

The environment is scaled so that its mean luminance over the sphere is 1; lamps are measured against that.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from scenes.head.lamps import LampSpec
from scenes.head.place import LightSpec
from scenes.head.room import Room
from scenes.head.sky import Sky
from synth.camera import Camera
from synth.geometry import normalize, transform
from synth.labels.light import (
    area_lamp_sh,
    environment_radiance,
    environment_sh,
    irradiance,
    rotated_sh,
    sun_sh,
)

LUMA = np.array([0.2126, 0.7152, 0.0722])  # ITU-R BT.709-6
METERED = 0.8  # image_linear of a white Lambertian surface at exposure_ev 0, on average over the head


@dataclass(frozen=True, slots=True)
class Sun:
    """direction [3], unit, world space; irradiance [3] on a surface that faces it, at the environment's strength 1."""

    direction: np.ndarray
    irradiance: np.ndarray


@dataclass(slots=True)
class Environment:
    """What is around: as it is seen, as it lights, and what follows from it.

    seen: an equirectangular image float32 [H, W, 3], linear, or a function of unit world directions [..., 3].
    light: the same as an image, maybe of lower resolution, without the sun, which is apart.
    """

    seen: np.ndarray | Callable[[np.ndarray], np.ndarray]
    light: np.ndarray
    sun: Sun | None = None
    strength: float = field(init=False)  # that brings the image's mean luminance to 1
    sh: np.ndarray = field(init=False)  # [9, 3] world space, at that strength, with the sun

    def __post_init__(self) -> None:
        sh = environment_sh(self.light)
        self.strength = float(1 / max(float(sh[0] @ LUMA) / np.sqrt(4 * np.pi), 1e-12))
        self.sh = self.strength * (sh if self.sun is None else sh + sun_sh(self.sun.direction, self.sun.irradiance))

    def turn(self, azimuth: float) -> float:
        """The head's rotation about the world's vertical (rad) that has the brightest side at an azimuth, from in front
        of the face towards its left. To a microradian: the sums behind it end in other bits on other machines."""
        y, x = self.sh[[1, 3]] @ LUMA
        return round(float(np.arctan2(y, x)) + np.pi / 2 - azimuth, 6)

    def radiance(self, directions: np.ndarray) -> np.ndarray:
        """[..., 3] along unit world directions [..., 3], at strength 1."""
        return self.seen(directions) if callable(self.seen) else environment_radiance(self.seen, directions)


def sky_environment(sky: Sky) -> Environment:
    """A sky, with its sun apart."""
    return Environment(sky.radiance, sky.image(), Sun(sky.direction, sky.sun))


def room_environment(room: Room) -> Environment:
    """A room as it lights the head in it."""
    return Environment(room.radiance, room.image())


def lamp_watts(lamp: LampSpec) -> tuple[float, float, float]:
    """RGB power (W) that gives the lamp's ratio of irradiance: E = P / (pi d^2) at a distance d on its axis."""
    square = float(np.dot(lamp.place, lamp.place))
    r, g, b = (np.pi**2 * square * lamp.ratio * c for c in lamp.color)
    return r, g, b


def incident_light(spec: LightSpec, environment: Environment, head_to_world: np.ndarray, camera: Camera) -> np.ndarray:
    """Radiance [9, 3] at the head's origin, camera space, before exposure."""
    sh, middle = environment.sh.copy(), np.zeros(3)
    for lamp in spec.lamps:
        place, watts = transform(head_to_world, np.array(lamp.place)), np.array(lamp_watts(lamp))
        sh += area_lamp_sh(place, middle, lamp.size, watts, at=middle, shape=lamp.shape, aspect=lamp.aspect)
    return rotated_sh(sh, camera.world_to_camera[:3, :3])


def metered_exposure(sh: np.ndarray, exposure_ev: float, albedo: np.ndarray) -> float:
    """The gain that brings what faces the camera to METERED, a little more for dark skin, as photographers do.

    sh [9, 3] camera space; albedo [V, 3] of the skin.
    """
    normals = normalize(np.array([[0, 0, -1], [0.8, 0, -1], [-0.8, 0, -1], [0, 0.8, -1], [0, -0.8, -1.0]]))
    white = float(np.maximum(irradiance(sh, normals) @ LUMA / np.pi, 0.02).mean())
    tone = float(np.clip(albedo @ LUMA, 0.03, 1).mean()) / 0.35
    return METERED * 2.0**exposure_ev / white * tone**-0.25
