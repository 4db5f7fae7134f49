"""synth: labelled training data for vision, drawn by a config and rendered by Blender's path tracer.

Importing it loads neither bpy nor ray nor h5py nor hydra: each has one door (see README, architecture).
"""

__version__ = "0.1.0"


def __getattr__(name: str):
    """`synth.open_dataset`, loaded when it is asked for, because it brings h5py along."""
    if name == "open_dataset":
        from synth.storage.reader import open_dataset

        return open_dataset
    raise AttributeError(f"module 'synth' has no attribute {name!r}")
