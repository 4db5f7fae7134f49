"""synth: labelled training data for vision, drawn by a config and rendered by Blender's path tracer.

Importing it loads neither bpy nor ray nor h5py nor hydra: each has one door (see README, architecture).
"""

__version__ = "0.1.0"
