"""Draws a photograph of shapes on a plane."""

from dataclasses import dataclass

import numpy as np

from scenes.shapes.config import Config as ShapesConfig
from synth.config import Config
from synth.rng import Streams, between

PLANE_EDGE = 4.0  # m; what is beyond shows the sky


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeSpec:
    """One shape that stands on the plane z = 0."""

    kind: str  # "sphere" or "box"
    center: tuple[float, float, float]  # m
    size: float  # m, radius or half edge
    yaw: float  # rad, about +z
    color: tuple[float, float, float]  # linear reflectance


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """Everything drawn for one record."""

    shapes: tuple[ShapeSpec, ...]
    plane_color: tuple[float, float, float]
    eye: tuple[float, float, float]  # m, the camera's place; it looks at the origin
    roll: float  # rad
    focal_mm: float  # for a 36 mm wide sensor
    principal_offset: tuple[float, float]  # of the principal point from the middle, in image widths
    sky: tuple[float, float, float]  # radiance
    lamp_place: tuple[float, float, float]  # m
    lamp_watts: float
    lamp_size: float  # m
    hw: tuple[int, int]
    cycles_seed: int


def sample(config: Config, streams: Streams) -> Spec:
    """The spec of one record."""
    scene: ShapesConfig = config.scene
    return Spec(
        shapes=_sample_shapes(scene, streams.of_identity("shapes")),
        plane_color=_color(streams.of_identity("plane")),
        hw=(config.render.hw[0], config.render.hw[1]),
        cycles_seed=streams.cycles_seed(),
        **_sample_camera(scene, streams.of_record("camera")),
        **_sample_light(scene, streams.of_record("light")),
    )


def _sample_shapes(scene: ShapesConfig, rng: np.random.Generator) -> tuple[ShapeSpec, ...]:
    count = rng.integers(scene.num_shapes[0], scene.num_shapes[1], endpoint=True)
    return tuple(_sample_shape(scene, rng) for _ in range(count))


def _sample_shape(scene: ShapesConfig, rng: np.random.Generator) -> ShapeSpec:
    size = between(rng, scene.size)
    x, y = rng.uniform(-2.5 * scene.size[1], 2.5 * scene.size[1], 2)
    return ShapeSpec(
        kind=("sphere", "box")[rng.integers(2)],
        center=(float(x), float(y), size),
        size=size,
        yaw=rng.uniform(0, 2 * np.pi),
        color=_color(rng),
    )


def _color(rng: np.random.Generator) -> tuple[float, float, float]:
    r, g, b = rng.uniform(0.1, 0.9, 3)
    return float(r), float(g), float(b)


def _sample_camera(scene: ShapesConfig, rng: np.random.Generator) -> dict:
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.deg2rad(between(rng, scene.elevation_deg))
    return {
        "eye": _spherical(between(rng, scene.distance), azimuth, elevation),
        "roll": rng.normal(0, 0.1),
        "focal_mm": between(rng, scene.focal_mm),
        "principal_offset": (rng.uniform(-0.05, 0.05), rng.uniform(-0.05, 0.05)),
    }


def _sample_light(scene: ShapesConfig, rng: np.random.Generator) -> dict:
    strength = between(rng, scene.light_strength)
    tint = rng.uniform(0.8, 1.0, 3) * strength
    return {
        "sky": (float(tint[0]), float(tint[1]), float(tint[2])),
        "lamp_place": _spherical(rng.uniform(1, 2), rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.4)),
        "lamp_watts": between(rng, scene.lamp_power),
        "lamp_size": rng.uniform(0.1, 0.6),
    }


def _spherical(distance: float, azimuth: float, elevation: float) -> tuple[float, float, float]:
    """A point (m) at an azimuth from +x and an elevation (rad)."""
    flat = distance * np.cos(elevation)
    return float(flat * np.cos(azimuth)), float(flat * np.sin(azimuth)), float(distance * np.sin(elevation))
