"""Linear morphable models: what they are, where they come from, and their file format. No Blender here."""

from typing import TYPE_CHECKING

from synth.models.library import list_models, load_model
from synth.models.morphable import Eyeballs, LinearMesh, MorphableModel
from synth.models.rig import Rig
from synth.models.schema import checksum
from synth.models.surface import locate

if TYPE_CHECKING:
    from synth.models.file import read_model, save_model

__all__ = [
    "Eyeballs",
    "LinearMesh",
    "MorphableModel",
    "Rig",
    "checksum",
    "list_models",
    "load_model",
    "locate",
    "read_model",
    "save_model",
]


def __getattr__(name: str) -> object:
    """`read_model` and `save_model` on first use: they load h5py, and importing this package does not."""
    if name in ("read_model", "save_model"):
        from synth.models import file

        return getattr(file, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
