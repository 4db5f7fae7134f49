"""Scenes: a scene is a folder `scenes/NAME` with config.py, sample.py and build.py, found on sys.path.

    config.py   Config (a dataclass with a `name`), CLASSES, LANDMARKS, PASSES (what it can label); maybe FOLDERS:
                {config key that names a folder of the user's files: how these end}
    sample.py   Spec (a dataclass), sample(config, streams) -> Spec: all of the chance, no bpy
    build.py    prepare(config) -> stage, once per process; build(stage, spec) -> Shot: bpy, no chance
    model.py    of a scene with a morphable model: passes(config) -> {name: Pass}, what can be labelled with this
                config's model; model_row(config) -> what dataset.json says of it. Both without bpy

`scenes` is a namespace package: a user's own `scenes/mine` beside their configs joins those of synth.
This is the one function that imports them; the engine names no scene.
"""

import importlib
import importlib.util
import pkgutil
from types import ModuleType
from typing import Any

from synth.config import Config, record_keys
from synth.folders import folder_row
from synth.passes import PASSES, Pass


def load_scene(name: str, part: str) -> ModuleType:
    """The module scenes.NAME.PART, part being "config", "sample" or "build". ValueError names the scenes there are."""
    if importlib.util.find_spec("scenes") is None or name not in scene_names():
        raise ValueError(f"scene.name must be one of {', '.join(scene_names()) or 'none found'}, got {name!r}")
    return importlib.import_module(f"scenes.{name}.{part}")


def offered_passes(config: Config) -> dict[str, Pass]:
    """The passes that records of this config may have, by name. ValueError if its model is not fit for the scene."""
    if _has_model(config.scene.name):
        return load_scene(config.scene.name, "model").passes(config)
    return {name: PASSES[name] for name in load_scene(config.scene.name, "config").PASSES}


def model_row(config: Config) -> dict[str, Any] | None:
    """What dataset.json says of the scene's model; None if it has none. ValueError as of `offered_passes`."""
    return load_scene(config.scene.name, "model").model_row(config) if _has_model(config.scene.name) else None


def folder_rows(config: Config) -> dict[str, dict[str, Any]]:
    """{config key: what dataset.json says of the user's files there}. ValueError if one of the folders is not there."""
    known, keys = getattr(load_scene(config.scene.name, "config"), "FOLDERS", {}), record_keys(config)
    return {key: folder_row(keys[key], suffixes, key) for key, suffixes in known.items() if keys[key]}


def _has_model(name: str) -> bool:
    package = importlib.import_module(load_scene(name, "config").__name__.rpartition(".")[0])
    return any(module.name == "model" for module in pkgutil.iter_modules(package.__path__))


def scene_names() -> list[str]:
    """Names of all scenes on sys.path, sorted."""
    try:
        import scenes
    except ImportError:
        return []
    return sorted(m.name for m in pkgutil.iter_modules(scenes.__path__) if m.ispkg)
