"""Materials as node trees, written tersely, each with the outputs that labels are read from."""

import warnings
from itertools import batched
from typing import Any

import bpy

from synth.blender.mesh import TRIANGLE, is_shown
from synth.labels.buffers import COVERAGE_PARTS

IN_PHOTOGRAPH = "In photograph"  # the node that says, by its object's alpha, whether the image is rendered or labels
# What every labelled material writes, in either render, by name of the pass: see `surface_output`. Each render has all
# of them: Cycles compiles every material anew for a render that has others than the one before, 0.02 s of either.
MIXED = ("aov_0", "aov_1", "aov_2")  # three channels each
PLACE = ("aov_depth", "aov_index")  # one channel each


def new_material(name: str) -> bpy.types.Material:
    """A material with nothing but its output node."""
    material = bpy.data.materials.new(name)
    with warnings.catch_warnings():  # needed by 5.2, gone in 6.0
        warnings.simplefilter("ignore", DeprecationWarning)
        material.use_nodes = True
    material.node_tree.nodes.clear()
    material.node_tree.nodes.new("ShaderNodeOutputMaterial")
    return material


def node(tree: bpy.types.NodeTree, kind: str, inputs: dict[str | int, Any] | None = None, **settings: Any):
    """A node `ShaderNode{kind}` with its properties set and its inputs linked (sockets) or set (values)."""
    made = tree.nodes.new("ShaderNode" + kind)
    for key, value in settings.items():
        setattr(made, key, value)
    for key, value in (inputs or {}).items():
        if isinstance(value, bpy.types.NodeSocket):
            tree.links.new(value, made.inputs[key])
        else:
            made.inputs[key].default_value = value
    return made


def attribute(tree: bpy.types.NodeTree, name: str) -> bpy.types.Node:
    """The node that reads a geometry attribute: outputs Color, Vector and Fac."""
    return node(tree, "Attribute", attribute_name=name)


def math(tree: bpy.types.NodeTree, operation: str, *values: Any) -> bpy.types.NodeSocket:
    """The output of a Math node; operands are sockets or numbers."""
    return node(tree, "Math", dict(enumerate(values)), operation=operation).outputs[0]


def surface_output(
    material: bpy.types.Material,
    shader: bpy.types.NodeSocket,
    albedo: bpy.types.NodeSocket,
    part: str | None = None,
) -> None:
    """Ends a material: its shader to the surface, and the labels' outputs.

    albedo: its diffuse reflectance. part: which of COVERAGE_PARTS it is, if any.

    Labels, by MIXED: triangle number and barycentric weights; smooth world normal (no bump); albedo. Cycles' Parametric
    (a, b) weighs the triangle's corners 0 and 1; corner 2 gets 1 - a - b (measured). By PLACE: depth (m along the
    optical axis) and pass index.
    Where the photograph is rendered, MIXED are instead, averaged over a pixel's samples, the soft coverage of
    everything and of each of COVERAGE_PARTS, and nothing. Either is times 1 and the other times 0, so both are exact.
    """
    tree = material.node_tree
    tree.links.new(shader, tree.nodes["Material Output"].inputs["Surface"])
    info, geometry = node(tree, "ObjectInfo", name=IN_PHOTOGRAPH), node(tree, "NewGeometry")
    parametric = node(tree, "SeparateXYZ", {0: geometry.outputs["Parametric"]}).outputs
    triangle = attribute(tree, TRIANGLE).outputs["Fac"]
    surface = node(tree, "CombineXYZ", {0: triangle, 1: parametric[0], 2: parametric[1]}).outputs[0]
    labels = (surface, geometry.outputs["Normal"], albedo)
    covers = [1.0, *(float(name == part) for name in COVERAGE_PARTS), 0.0, 0.0]
    shown = info.outputs["Alpha"]
    labelled = math(tree, "SUBTRACT", 1.0, shown)
    for name, label, covered in zip(MIXED, labels, batched(covers, 3, strict=True), strict=True):
        color = node(tree, "VectorMath", {0: label, 1: labelled, 2: (0, 0, 0)}, operation="MULTIPLY_ADD")
        if any(covered):
            part_of = node(tree, "VectorMath", {0: covered, "Scale": shown}, operation="SCALE").outputs[0]
            tree.links.new(part_of, color.inputs[2])
        node(tree, "OutputAOV", {"Color": color.outputs[0]}, aov_name=name)
    places = (node(tree, "CameraData").outputs["View Z Depth"], info.outputs["Object Index"])
    for name, value in zip(PLACE, places, strict=True):
        node(tree, "OutputAOV", {"Value": value}, aov_name=name)


def thin_lens_material(name: str, clear: bool) -> bpy.types.Material:
    """A sheet of glass that light passes straight: it tints and reflects, and bends nothing.

    The nodes "Tint" (RGB, what is let through) and "Reflect" (of bare glass's Fresnel reflection) hold what a scene
    sets. A clear one is not there for labels: all of them see what is behind it, and what it reflects counts in the
    coverage of everything alone. A dark one is a labelled surface like any other, and hides what is behind it.
    """
    material = new_material(name)
    tree = material.node_tree
    tint, amount = node(tree, "RGB", name="Tint").outputs[0], node(tree, "Value", name="Reflect").outputs[0]
    amount.default_value = 1.0  # what reflects nothing is no metal, see below
    geometry = node(tree, "NewGeometry")
    across = node(tree, "VectorMath", {0: geometry.outputs["Normal"], 1: geometry.outputs["Incoming"]})
    across.operation = "DOT_PRODUCT"
    grazing = math(tree, "POWER", math(tree, "SUBTRACT", 1.0, math(tree, "ABSOLUTE", across.outputs["Value"])), 5.0)
    both_sides = math(tree, "MULTIPLY_ADD", grazing, 0.92, 0.08)  # Schlick's approximation, twice
    share = math(tree, "MINIMUM", math(tree, "MULTIPLY", both_sides, amount), 0.45)  # below pass_alpha_threshold
    color = tint
    if (
        clear
    ):  # colourless for labels, too: Cycles ends paths of little light by chance, and takes dark glass for a wall
        shown = node(tree, "ObjectInfo", name=IN_PHOTOGRAPH).outputs["Alpha"]
        share = math(tree, "MULTIPLY", share, shown)
        hidden = math(tree, "SUBTRACT", 1.0, shown)
        color = node(tree, "VectorMath", {0: tint, 1: shown, 2: hidden}, operation="MULTIPLY_ADD").outputs[0]
    through = node(tree, "BsdfTransparent", {"Color": color}).outputs[0]
    # A metal's subsurface weight does nothing, but keeps Cycles from baking the object's matrix (mesh.move_vertices).
    polished = {"Base Color": (1, 1, 1, 1), "Metallic": 1.0, "Roughness": 0.03, "Subsurface Weight": 0.05}
    mirror = node(tree, "BsdfPrincipled", {**polished}).outputs[0]
    shader = node(tree, "MixShader", {0: share, 1: through, 2: mirror}).outputs[0]
    if not clear:
        dark = node(tree, "VectorMath", {0: tint, 1: (0.1, 0.1, 0.1)}, operation="MULTIPLY").outputs[0]
        surface_output(material, shader, dark, part="glasses")
        return material
    tree.links.new(shader, tree.nodes["Material Output"].inputs["Surface"])
    node(tree, "OutputAOV", {"Color": node(tree, "CombineXYZ", {0: share}).outputs[0]}, aov_name=MIXED[0])
    return material


def take_photograph(scene: bpy.types.Scene, taken: bool) -> None:
    """Makes the scene's materials write the coverage, and clear lenses reflect, as in the photograph; or write the
    labels, for which clear lenses are not there.

    The objects' alpha says so: a material that changes makes Cycles build the tree of the whole scene anew.
    """
    for thing in scene.objects:
        materials = (slot.material for slot in thing.material_slots) if is_shown(thing) else ()
        reads = any(material and IN_PHOTOGRAPH in material.node_tree.nodes for material in materials)
        if reads and thing.color[3] != taken:  # what is set again is synced again
            thing.color[3] = float(taken)


def diffuse_material(name: str, color: tuple[float, float, float]) -> bpy.types.Material:
    """A plain Lambertian surface of linear RGB reflectance."""
    material = new_material(name)
    tree = material.node_tree
    rgb = node(tree, "RGB", name="Color").outputs[0]
    rgb.default_value = (*color, 1)
    surface_output(material, node(tree, "BsdfDiffuse", {"Color": rgb}).outputs[0], rgb)
    return material
