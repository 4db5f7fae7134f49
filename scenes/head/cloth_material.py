"""What cloth does with light: a tile of colours and relief (scenes.head.cloth) by metres on it. Node trees only."""

from typing import Any

from scenes.head import cloth
from scenes.head.attire import ClothSpec
from synth.blender.materials import attribute, math, new_material, node, surface_output
from synth.blender.tiles import add_tile, set_tile

ON_CLOTH = "cloth"  # point attribute: metres across and along, and 1 where it is trim
RELIEF = 0.0016  # m, of all of a tile's relief
VALUES = ("Roughness", "Sheen", "Specular", "Coat", "Relief")


def cloth_material(name: str):
    """Cloth and its trim. The nodes that `set_cloth` sets: the tile, "Repeat", VALUES, and "Trim".

    Its trace of subsurface light is there for the bytes: into a mesh without any, a persistent session now and
    then bakes the object's matrix and now and then does not, and normals are one rounding apart.
    """
    material = new_material(name)
    tree = material.node_tree
    place = node(tree, "SeparateXYZ", {0: attribute(tree, ON_CLOTH).outputs["Vector"]}).outputs
    repeat, trim = node(tree, "Value", name="Repeat").outputs[0], node(tree, "RGB", name="Trim").outputs[0]
    roughness, sheen, specular, coat, strength = (node(tree, "Value", name=key).outputs[0] for key in VALUES)
    at = node(tree, "CombineXYZ", {k: math(tree, "DIVIDE", place[k], repeat) for k in (0, 1)}).outputs[0]
    texture = node(tree, "TexImage", {"Vector": at}, image=add_tile(name, cloth.SIZE), extension="REPEAT")
    mixed = node(tree, "Mix", {0: place[2], 6: texture.outputs["Color"], 7: trim}, data_type="RGBA").outputs[2]
    relief = math(tree, "MULTIPLY", texture.outputs["Alpha"], math(tree, "SUBTRACT", 1.0, place[2]))
    bump = node(tree, "Bump", {"Strength": strength, "Distance": RELIEF, "Height": relief})
    inputs: dict[str | int, Any] = {"Base Color": mixed, "Subsurface Weight": 0.05, "Subsurface Scale": 0.001}
    inputs |= {"Roughness": math(tree, "MULTIPLY_ADD", place[2], math(tree, "SUBTRACT", 0.35, roughness), roughness)}
    inputs |= {"Sheen Weight": sheen, "Specular IOR Level": specular, "Coat Weight": coat, "Coat Roughness": 0.3}
    shader = node(tree, "BsdfPrincipled", inputs | {"Normal": bump.outputs[0]})
    surface_output(material, shader.outputs[0], mixed)
    return material


def set_cloth(material, spec: ClothSpec) -> None:
    """Makes it the cloth of the spec."""
    nodes = material.node_tree.nodes
    set_tile(material.name, cloth.tile(spec))
    nodes["Repeat"].outputs[0].default_value = spec.repeat
    nodes["Trim"].outputs[0].default_value = (*spec.trim, 1)
    for name, value in zip(VALUES, cloth.FINISH[spec.cloth], strict=True):
        nodes[name].outputs[0].default_value = value
