"""Materials as node trees, written tersely, each with the outputs that labels are read from."""

import warnings
from typing import Any

import bpy

from synth.blender.mesh import TRIANGLE

AOVS = ("surface", "normal", "albedo")  # what every labelled material writes: see `label_outputs`
COVERAGE = "coverage"  # averaged over a pixel's samples: the soft coverage of everything, of hair, of brows and lashes


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
    hair: bool = False,
    brows_and_lashes: bool = False,
) -> None:
    """Ends a material: its shader to the surface, and the labels' outputs.

    albedo: its diffuse reflectance. hair, brows_and_lashes: whether it counts in these soft coverages too.
    """
    tree = material.node_tree
    tree.links.new(shader, tree.nodes["Material Output"].inputs["Surface"])
    label_outputs(tree, albedo)
    covers = node(tree, "CombineXYZ", {0: 1.0, 1: float(hair), 2: float(brows_and_lashes)})
    node(tree, "OutputAOV", {"Color": covers.outputs[0]}, aov_name=COVERAGE)


def label_outputs(tree: bpy.types.NodeTree, albedo: bpy.types.NodeSocket) -> None:
    """Writes triangle number and barycentric weights, smooth world normal (no bump) and albedo, for every surface.

    Cycles' Parametric (a, b) weighs the triangle's corners 0 and 1; corner 2 gets 1 - a - b (measured).
    """
    geometry = node(tree, "NewGeometry")
    parametric = node(tree, "SeparateXYZ", {0: geometry.outputs["Parametric"]})
    triangle = attribute(tree, TRIANGLE).outputs["Fac"]
    surface = node(tree, "CombineXYZ", {0: triangle, 1: parametric.outputs[0], 2: parametric.outputs[1]})
    for name, socket in zip(AOVS, (surface.outputs[0], geometry.outputs["Normal"], albedo), strict=True):
        node(tree, "OutputAOV", {"Color": socket}, aov_name=name)


def diffuse_material(name: str, color: tuple[float, float, float]) -> bpy.types.Material:
    """A plain Lambertian surface of linear RGB reflectance."""
    material = new_material(name)
    tree = material.node_tree
    rgb = node(tree, "RGB", name="Color").outputs[0]
    rgb.default_value = (*color, 1)
    surface_output(material, node(tree, "BsdfDiffuse", {"Color": rgb}).outputs[0], rgb)
    return material
