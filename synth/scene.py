"""Scenes: a scene is a folder `scenes/NAME` with config.py, sample.py and build.py, found on sys.path.

    config.py   Config (a dataclass with a `name`), CLASSES, LANDMARKS, PASSES (what it can label)
    sample.py   Spec (a dataclass), sample(config, streams) -> Spec: all of the chance, no bpy
    build.py    prepare(config) -> stage, once per process; build(stage, spec) -> Shot: bpy, no chance

`scenes` is a namespace package: a user's own `scenes/mine` beside their configs joins those of synth.
This is the one function that imports them; the engine names no scene.
"""

import importlib
import importlib.util
import pkgutil
from types import ModuleType


def load_scene(name: str, part: str) -> ModuleType:
    """The module scenes.NAME.PART, part being "config", "sample" or "build". ValueError names the scenes there are."""
    if importlib.util.find_spec("scenes") is None or name not in scene_names():
        raise ValueError(f"scene.name must be one of {', '.join(scene_names()) or 'none found'}, got {name!r}")
    return importlib.import_module(f"scenes.{name}.{part}")


def scene_names() -> list[str]:
    """Names of all scenes on sys.path, sorted."""
    try:
        import scenes
    except ImportError:
        return []
    return sorted(m.name for m in pkgutil.iter_modules(scenes.__path__) if m.ispkg)
