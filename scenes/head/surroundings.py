"""Lights a scene as a record's light says: the world, the sun and the lamps, made once and rewritten."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from scenes.head.lamps import LampSpec
from scenes.head.light import Environment, lamp_watts, room_environment, sky_environment
from scenes.head.place import LightSpec
from scenes.head.place_config import FOLDERS, MAX_LAMPS, LightConfig
from scenes.head.room import Room
from scenes.head.sky import LIGHT_HW, Sky
from synth.blender.images import read_rgb, world_images
from synth.blender.lights import (
    LIGHT_WIDTH,
    add_area_lamp,
    add_ring_lamp,
    add_sun,
    add_world_image,
    light_image,
    make_world,
    paint_world_image,
    set_area_lamp,
    set_sun,
    set_world,
    switch_off,
)
from synth.folders import listed
from synth.geometry import transform

SEEN_WIDTH = 2048  # px of the user's environments, at most, as they are seen
LUMINOUS = 1e-12  # an image darker than this lights nothing


@dataclass(slots=True)
class Surroundings:
    """Blender's world and lamps, and the environments that do not change."""

    world: Any
    lamps: list[Any]
    ring: Any
    sun: Any
    fixed: dict[str, Path]  # Blender's HDRIs, by name
    drawn: Any  # the image of skies and rooms
    read: Any  # the image of environments that come from files
    held: Path | None  # the one that `read` shows
    folder: str


def prepare_surroundings(scene: Any, config: LightConfig) -> Surroundings:
    """Makes everything once. ValueError if an environment or the user's folder is not there."""
    if config.folder:
        key = "scene.light.folder"
        listed(config.folder, FOLDERS[key], key)
    used = any(config.kinds.get(kind, 0) > 0 for kind in ("environment", "flash"))
    paths = world_images()
    return Surroundings(
        world=make_world(scene),
        lamps=[add_area_lamp(scene, f"lamp_{k}") for k in range(MAX_LAMPS)],
        ring=add_ring_lamp(scene, "ring"),
        sun=add_sun(scene, "sun"),
        fixed={name: _fixed(name, paths) for name in config.environments if used},
        drawn=add_world_image("drawn", np.zeros((*LIGHT_HW, 3), np.float32)),
        read=add_world_image("read", np.zeros((LIGHT_WIDTH // 2, LIGHT_WIDTH, 3), np.float32)),
        held=None,
        folder=config.folder,
    )


def _fixed(name: str, paths: dict[str, Path]) -> Path:
    if name not in paths:
        raise ValueError(
            f"scene.light.environments names {name!r}, whose image is not in Blender's studiolights/world, which has "
            f"{', '.join(paths) or 'none'}; install bpy again, or name others"
        )
    return paths[name]


def surround(stage: Surroundings, spec: LightSpec) -> Environment:
    """Rewrites world and sun to the spec; returns what the environment is."""
    image, environment = _environment(stage, spec)
    set_world(stage.world, image, (1, 1, 1), environment.strength)
    sun = environment.sun
    if sun is None or not sun.irradiance.any():
        switch_off(stage.sun)
    else:
        set_sun(stage.sun, sun.direction, environment.strength * sun.irradiance)
    return environment


def _environment(stage: Surroundings, spec: LightSpec) -> tuple[Any, Environment]:
    if spec.sky is None and spec.room is None:
        name = spec.environment or ""
        own = spec.kind == "folder"
        path = Path(stage.folder) / name if own else stage.fixed[name]
        environment = read_environment(path) if own else _blenders(path)
        if stage.held != path:
            paint_world_image(stage.read, environment.light)
            stage.held = path
        return stage.read, environment
    environment = sky_environment(Sky(spec.sky)) if spec.sky else room_environment(Room(spec.room))  # type: ignore[arg-type]
    paint_world_image(stage.drawn, environment.light)
    return stage.drawn, environment


@lru_cache(maxsize=1)  # all eight would be 60 MB of each worker's memory, and one takes 0.04 s to read
def _blenders(path: Path) -> Environment:
    seen = read_rgb(path)
    return Environment(seen, light_image(seen))


@lru_cache(maxsize=4)
def read_environment(path: Path) -> Environment:
    """A user's equirectangular image. ValueError with the file if it cannot be read, or lights nothing."""
    key = f"scene.light.folder: {path}"
    try:
        seen = read_rgb(path)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"{key} cannot be read as an RGB image ({error}); mend it, or take it out") from None
    height, width = seen.shape[:2]
    if width != 2 * height or height < 16:
        raise ValueError(f"{key} must be twice as wide as high, got {width} x {height}; take it out of the folder")
    if np.isnan(seen).any():
        raise ValueError(f"{key} holds values that are not numbers; mend it, or take it out of the folder")
    factor = -(-width // SEEN_WIDTH)
    seen = np.clip(seen, 0, np.float32(65504))  # a sun of infinite brightness is that of a half float
    light = light_image(seen)
    if light.max() <= LUMINOUS:
        raise ValueError(f"{key} is black and lights nothing; take it out of the folder")
    return Environment(seen[::factor, ::factor], light)


def place_lamps(stage: Surroundings, lamps: tuple[LampSpec, ...], head_to_world: np.ndarray) -> None:
    """Rewrites the lamps; those that are not used are off."""
    free = iter(stage.lamps)
    used = []
    for lamp in lamps:
        used.append(stage.ring if lamp.shape == "ring" else next(free))
        place = transform(head_to_world, np.array(lamp.place))
        set_area_lamp(used[-1], place, np.zeros(3), lamp.size, lamp_watts(lamp), lamp.shape, lamp.aspect)
    for lamp in (*stage.lamps, stage.ring):
        if lamp not in used:
            switch_off(lamp)
