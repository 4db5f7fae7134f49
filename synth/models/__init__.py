"""Linear morphable models: what they are, where they come from, and their file format. No Blender here."""

from importlib import import_module
from typing import TYPE_CHECKING

from synth.models.library import list_models, load_model
from synth.models.morphable import Eyeballs, LinearMesh, MorphableModel
from synth.models.rig import Rig
from synth.models.schema import checksum
from synth.models.surface import locate

if TYPE_CHECKING:
    from synth.models.convert import Bridge, bridge
    from synth.models.file import read_model, save_model

__all__ = [
    "Bridge",
    "Eyeballs",
    "LinearMesh",
    "MorphableModel",
    "Rig",
    "bridge",
    "checksum",
    "list_models",
    "load_model",
    "locate",
    "read_model",
    "save_model",
]


# Loaded on first use: their modules load h5py and scipy, and importing this package does not.
LATE = {"Bridge": "convert", "bridge": "convert", "read_model": "file", "save_model": "file"}


def __getattr__(name: str) -> object:
    if name in LATE:
        return getattr(import_module(f"synth.models.{LATE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
