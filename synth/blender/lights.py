"""Lights: a world of one constant or equirectangular image, and area lamps. Nothing of them is seen directly."""

import warnings
from pathlib import Path

import bpy
import mathutils
import numpy as np

from synth.geometry import facing, rigid

# Cycles builds the map that aims rays at bright pixels anew whenever the world changes: 256 takes 0.1 s, its
# automatic choice over 1 s, and the noise of Blender's own low-resolution HDRIs is the same.
IMPORTANCE_MAP = 256


def make_world(scene: bpy.types.Scene) -> bpy.types.World:
    """The scene's world: Background lit by a constant or, once `set_world` names one, an image."""
    world = bpy.data.worlds.new("world")
    scene.world = world
    with warnings.catch_warnings():  # needed by 5.2, gone in 6.0
        warnings.simplefilter("ignore", DeprecationWarning)
        world.use_nodes = True
    world.node_tree.nodes.new("ShaderNodeTexEnvironment")
    world.cycles.sampling_method = "MANUAL"
    world.cycles.sample_map_resolution = IMPORTANCE_MAP
    return world


def set_world(world: bpy.types.World, image: Path | None, color: tuple[float, float, float], strength: float) -> None:
    """Lights the scene by an equirectangular image (linear), or by a constant colour where image is None."""
    tree = world.node_tree
    background, texture = tree.nodes["Background"], tree.nodes["Environment Texture"]
    socket = background.inputs["Color"]
    if image is None:
        for link in list(socket.links):
            tree.links.remove(link)
        socket.default_value = (*color, 1)
    else:
        texture.image = bpy.data.images.load(str(image), check_existing=True)
        if not socket.is_linked:
            tree.links.new(texture.outputs["Color"], socket)
    background.inputs["Strength"].default_value = strength


def add_area_lamp(scene: bpy.types.Scene, name: str) -> bpy.types.Object:
    """A square area lamp, off until `set_area_lamp` gives it power. Invisible to the camera, seen in reflections."""
    lamp = bpy.data.objects.new(name, bpy.data.lights.new(name, "AREA"))
    lamp.visible_camera = False
    lamp.hide_render = True
    scene.collection.objects.link(lamp)
    return lamp


def set_area_lamp(
    lamp: bpy.types.Object, place: np.ndarray, target: np.ndarray, size: float, watts: tuple[float, float, float]
) -> None:
    """Puts a square lamp of edge `size` (m) at `place` (world, m), facing `target`, with RGB power `watts`."""
    light = lamp.data
    peak = max(max(watts), 1e-12)
    light.color, light.energy = tuple(w / peak for w in watts), peak
    light.shape, light.size = "SQUARE", size
    lamp.matrix_world = mathutils.Matrix(rigid(facing(np.asarray(target, float) - place), place))
    lamp.hide_render = False


def switch_off(lamp: bpy.types.Object) -> None:
    """Takes the lamp out of the render."""
    lamp.hide_render = True
