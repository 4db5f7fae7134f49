"""Lights: a world of one constant or equirectangular image, and area lamps. Nothing of them is seen directly."""

import warnings
from typing import Literal

import bpy
import mathutils
import numpy as np

from synth.blender.materials import math, node
from synth.geometry import facing, rigid
from synth.labels.light import RING_HOLE

# Cycles aims rays by a map of the environment's brightness. With a map of the image's own resolution, or less, it
# misses the texels around a sun: 8 to 49 % noise on a white sphere at 64 samples under Blender's HDRIs. With a map
# twice as wide as the image it is 3 %, and at these sizes the map is made in 0.05 s (a 2,048 wide one takes 0.45 s).
LIGHT_WIDTH = 512  # of an environment as it lights: a texel is 0.7 degrees, about the sun
IMPORTANCE_MAP = 2  # its width over the image's
SUN_ANGLE = 0.0093  # rad, the sun's diameter


def make_world(scene: bpy.types.Scene) -> bpy.types.World:
    """The scene's world: Background lit by a constant or, once `set_world` gives it one, an image."""
    world = bpy.data.worlds.new("world")
    scene.world = world
    with warnings.catch_warnings():  # needed by 5.2, gone in 6.0
        warnings.simplefilter("ignore", DeprecationWarning)
        world.use_nodes = True
    world.node_tree.nodes.new("ShaderNodeTexEnvironment")
    world.cycles.sampling_method = "MANUAL"
    world.cycles.sample_map_resolution = IMPORTANCE_MAP * LIGHT_WIDTH
    return world


def light_image(environment: np.ndarray) -> np.ndarray:
    """An equirectangular image [H, W, 3] as [LIGHT_WIDTH / 2, LIGHT_WIDTH, 3]: larger ones are averaged down."""
    for axis, length in enumerate((LIGHT_WIDTH // 2, LIGHT_WIDTH)):
        edges = np.arange(length) * environment.shape[axis] // length
        if environment.shape[axis] == 2 * length:  # Blender's
            first, second = (environment[(slice(None),) * axis + (slice(k, None, 2),)] for k in (0, 1))
            environment = (first + second) / np.float32(2)
        elif environment.shape[axis] > length:
            count = np.diff([*edges, environment.shape[axis]])
            total = np.add.reduceat(environment, edges, axis=axis)
            environment = total / np.expand_dims(count, tuple({0, 1, 2} - {axis})).astype(np.float32)
        else:
            environment = np.take(environment, edges, axis=axis)
    return environment


def add_world_image(name: str, pixels: np.ndarray) -> bpy.types.Image:
    """A linear float image for `set_world` from pixels float32 [H, W, 3], top row first."""
    height, width = pixels.shape[:2]
    image = bpy.data.images.new(name, width, height, float_buffer=True)
    image.colorspace_settings.name = "Linear Rec.709"
    paint_world_image(image, pixels)
    return image


def paint_world_image(image: bpy.types.Image, pixels: np.ndarray) -> None:
    """Rewrites an image of `add_world_image`. Cycles then makes the map anew by which it aims rays."""
    rgba = np.ones((*pixels.shape[:2], 4), np.float32)
    rgba[..., :3] = pixels[::-1]
    image.pixels.foreach_set(rgba.ravel())
    image.update_tag()  # or a persistent session lights with the image from before
    for world in bpy.data.worlds:
        world.update_tag()


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
            world.cycles.sample_map_resolution = IMPORTANCE_MAP * image.size[0]
        if not socket.is_linked:
            tree.links.new(texture.outputs["Color"], socket)
    if background.inputs["Strength"].default_value != strength:
        background.inputs["Strength"].default_value = strength
    world.update_tag()  # or a persistent session now and then keeps the importance map, and its size, from before


def add_area_lamp(scene: bpy.types.Scene, name: str) -> bpy.types.Object:
    """A flat lamp, off until `set_area_lamp` gives it power. Invisible to the camera, seen in reflections."""
    return _add_lamp(scene, name, "AREA")


def add_ring_lamp(scene: bpy.types.Scene, name: str) -> bpy.types.Object:
    """The same as an annulus, for the shape "ring" alone."""
    lamp = _add_lamp(scene, name, "AREA")
    with warnings.catch_warnings():  # needed by 5.2, gone in 6.0
        warnings.simplefilter("ignore", DeprecationWarning)
        lamp.data.use_nodes = True
    tree = lamp.data.node_tree
    place = node(tree, "VectorMath", {0: node(tree, "NewGeometry").outputs["Parametric"], 1: (0.5, 0.5, 0.0)})
    place.operation = "SUBTRACT"
    radius = node(tree, "VectorMath", {0: place.outputs[0]}, operation="LENGTH").outputs["Value"]
    lit = math(
        tree, "MULTIPLY", math(tree, "LESS_THAN", radius, 0.5), math(tree, "GREATER_THAN", radius, 0.5 * RING_HOLE)
    )
    tree.links.new(lit, tree.nodes["Emission"].inputs["Strength"])
    return lamp


def _add_lamp(scene: bpy.types.Scene, name: str, kind: Literal["AREA", "SUN"]) -> bpy.types.Object:
    lamp = bpy.data.objects.new(name, bpy.data.lights.new(name, kind))
    lamp.visible_camera = False
    lamp.data.energy = 0
    scene.collection.objects.link(lamp)
    return lamp


def set_area_lamp(
    lamp: bpy.types.Object,
    place: np.ndarray,
    target: np.ndarray,
    size: float,
    watts: tuple[float, float, float],
    shape: str = "square",
    aspect: float = 1.0,
) -> None:
    """Puts a lamp at `place` (world, m), facing `target`, with RGB power `watts`.

    size, shape and aspect as in `synth.labels.light.lamp_tiles`; a ring is a lamp of `add_ring_lamp`.
    """
    light, peak = lamp.data, max(max(watts), 1e-12)
    lit = np.pi / 4 * (1 - RING_HOLE**2) if shape == "ring" else 1.0  # the power is the whole square's, most of it dark
    light.color, light.energy = tuple(w / peak for w in watts), peak / lit
    light.shape = "DISK" if shape == "disk" else "RECTANGLE"
    light.size, light.size_y = size, size * aspect
    lamp.matrix_world = mathutils.Matrix(rigid(facing(np.asarray(target, float) - place), place))


def add_sun(scene: bpy.types.Scene, name: str) -> bpy.types.Object:
    """The sun, off until `set_sun` gives it light."""
    lamp = _add_lamp(scene, name, "SUN")
    lamp.data.angle = SUN_ANGLE
    return lamp


def set_sun(lamp: bpy.types.Object, direction: np.ndarray, irradiance: np.ndarray) -> None:
    """Puts the sun in the unit direction [3] (world); irradiance [3], linear RGB, on a surface that faces it."""
    peak = max(float(np.max(irradiance)), 1e-12)
    lamp.data.color, lamp.data.energy = tuple(float(e) / peak for e in irradiance), peak
    lamp.matrix_world = mathutils.Matrix(rigid(facing(-np.asarray(direction, float)), np.zeros(3)))


def switch_off(lamp: bpy.types.Object) -> None:
    """Takes the lamp out of the light. It is not hidden: a persistent Cycles session makes a lamp that comes back anew,
    and keeps some of the one before, 3 kB a record.
    """
    lamp.data.energy = 0


def several_lights(scene: bpy.types.Scene) -> bool:
    """Whether there is more than one to choose from, of lamps and a world that is an image (a constant is no light)."""
    lamps = sum(thing.type == "LIGHT" and thing.data.energy > 0 for thing in scene.objects)
    pictured = scene.world is not None and scene.world.node_tree.nodes["Background"].inputs["Color"].is_linked
    return lamps + pictured > 1
