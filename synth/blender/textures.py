"""Images that a material looks up in texture coordinates, made once and rewritten for each record."""

import bpy
import numpy as np


def add_texture(name: str, size: int) -> bpy.types.Image:
    """A square image of four float channels that are data, not colours; `set_texture` fills it."""
    image = bpy.data.images.new(name, size, size, alpha=True, float_buffer=True, is_data=True)
    image.alpha_mode = "CHANNEL_PACKED"
    image.use_half_precision = False
    return image


def set_texture(image: bpy.types.Image, values: np.ndarray) -> None:
    """Fills it with float32 [size, size, 4]; row 0 is v = 1."""
    image.pixels.foreach_set(np.ascontiguousarray(values[::-1]).ravel())
    image.update_tag()  # or a persistent session shows the texture of the shot before
