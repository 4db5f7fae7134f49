"""Small images that repeat over a surface, as data blocks that are made once and rewritten."""

import bpy
import numpy as np


def add_tile(name: str, size: int) -> bpy.types.Image:
    """A square image of linear values and a fourth channel that is no opacity; `set_tile` fills it."""
    image = bpy.data.images.new(f"tile_{name}", size, size, alpha=True, float_buffer=True)
    image.colorspace_settings.name = "Linear Rec.709"
    image.alpha_mode = "CHANNEL_PACKED"
    return image


def set_tile(name: str, values: np.ndarray) -> None:
    """Rewrites it: float32 [size, size, 4], rows from below."""
    image = bpy.data.images[f"tile_{name}"]
    image.pixels.foreach_set(np.ascontiguousarray(values, np.float32).ravel())
    image.update_tag()  # or a persistent session shows the one before
