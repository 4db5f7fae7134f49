"""What Cycles rendered, read from its own buffers as it ends: no file in between, and no copy of a copy."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import bpy
import numpy as np

from synth.blender.heap import give_back

Passes = dict[str, np.ndarray]  # float32 [H, W, C], C at most 3, by Blender's name of the pass, top row first


@contextmanager
def rendered_passes(names: Collection[str]) -> Iterator[Passes]:
    """On leaving, the dictionary holds these passes of what Cycles rendered within, of those that it has."""
    engine, passes = bpy.types.RenderEngine.bl_rna_get_subclass_py("CYCLES"), Passes()
    render = engine.render

    def render_and_read(self, depsgraph: bpy.types.Depsgraph) -> None:
        give_back()  # what the build has freed, what Cycles has taken over from Blender, and what it had before
        render(self, depsgraph)
        passes.update(_read(self.get_result(), names))

    engine.render = render_and_read
    try:
        yield passes
    finally:
        engine.render = render


def _read(result: bpy.types.RenderResult, names: Collection[str]) -> Passes:
    """Of the only view layer; Blender's rows run upwards."""
    width, height = result.resolution_x, result.resolution_y
    found = {}
    for each in (each for each in result.layers[0].passes if each.name in names):
        pixels = np.empty(height * width * each.channels, np.float32)
        each.rect.foreach_get(pixels)
        found[each.name] = np.ascontiguousarray(pixels.reshape(height, width, each.channels)[::-1, :, :3])
    return found
