"""Lights: a world of one constant or equirectangular image, and area lamps. Nothing of them is seen directly."""

import warnings

import bpy
import mathutils
import numpy as np

from synth.geometry import facing, rigid

# Cycles aims rays by a map of the environment's brightness. With a map of the image's own resolution, or less, it
# misses the texels around a sun: 8 to 49 % noise on a white sphere at 64 samples under Blender's HDRIs. With a map
# twice as wide as the image it is 3 %, and at these sizes the map is made in 0.05 s (a 2,048 wide one takes 0.45 s).
LIGHT_WIDTH = 512  # of an environment as it lights: a texel is 0.7 degrees, about the sun
IMPORTANCE_MAP = 2 * LIGHT_WIDTH


def make_world(scene: bpy.types.Scene) -> bpy.types.World:
    """The scene's world: Background lit by a constant or, once `set_world` gives it one, an image."""
    world = bpy.data.worlds.new("world")
    scene.world = world
    with warnings.catch_warnings():  # needed by 5.2, gone in 6.0
        warnings.simplefilter("ignore", DeprecationWarning)
        world.use_nodes = True
    world.node_tree.nodes.new("ShaderNodeTexEnvironment")
    world.cycles.sampling_method = "MANUAL"
    world.cycles.sample_map_resolution = IMPORTANCE_MAP
    return world


def light_image(environment: np.ndarray) -> np.ndarray:
    """An equirectangular image [H, W, 3] averaged down to LIGHT_WIDTH, or as it is if that does not divide it."""
    height, width = environment.shape[:2]
    factor = width // LIGHT_WIDTH
    if factor < 2 or width % LIGHT_WIDTH or height % factor:
        return environment
    return environment.reshape(height // factor, factor, width // factor, factor, 3).mean(axis=(1, 3))


def add_world_image(name: str, pixels: np.ndarray) -> bpy.types.Image:
    """A linear float image for `set_world` from pixels float32 [H, W, 3], top row first."""
    height, width = pixels.shape[:2]
    image = bpy.data.images.new(name, width, height, float_buffer=True)
    image.colorspace_settings.name = "Linear Rec.709"
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = pixels[::-1]
    image.pixels.foreach_set(rgba.ravel())
    return image


def set_world(
    world: bpy.types.World, image: bpy.types.Image | None, color: tuple[float, float, float], strength: float
) -> None:
    """Lights the scene by an equirectangular image, or by a constant colour where image is None."""
    tree = world.node_tree
    background, texture = tree.nodes["Background"], tree.nodes["Environment Texture"]
    socket = background.inputs["Color"]
    if image is None:
        for link in list(socket.links):
            tree.links.remove(link)
        socket.default_value = (*color, 1)
    else:
        if texture.image != image:
            texture.image = image
        if not socket.is_linked:
            tree.links.new(texture.outputs["Color"], socket)
    if background.inputs["Strength"].default_value != strength:
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
