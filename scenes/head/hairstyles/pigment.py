"""Colour of strands: pigments by melanin, grey, dyes, and the material that shows them. bpy stays behind synth."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scenes.head.hairstyles.spec import HairSpec, Triple
from scenes.head.worn import BeardSpec
from synth.blender.materials import math, new_material, node, surface_output
from synth.labels.buffers import COVERAGE_PARTS

WHITE_HAIR = (0.55, 0.53, 0.50)  # linear RGB


@dataclass(frozen=True, slots=True, kw_only=True)
class Pigments:
    """Colours of strands, linear RGB."""

    root: Triple
    tip: Triple
    outgrowth: float = 0.0  # share of a strand that has the root's colour
    grey: float = 0.0  # share of white strands


def hair_color(melanin: float, redness: float) -> Triple:
    """Linear RGB of hair by pigment: melanin from 0 (white) to 1 (black), redness the share of pheomelanin.

    Absorption of eumelanin and pheomelanin after d'Eon et al. 2011; colour by Chiang et al. 2016, eq. 9,
    at an azimuthal roughness of 0.4.
    """
    quantity = -np.log(max(1 - melanin, 1e-4))
    eumelanin, pheomelanin = quantity * (1 - redness), quantity * redness
    absorption = eumelanin * np.array([0.506, 0.841, 1.653]) + pheomelanin * np.array([0.343, 0.733, 1.924])
    b = 0.4
    scale = 5.969 - 0.215 * b + 2.532 * b**2 - 10.73 * b**3 + 5.574 * b**4 + 0.245 * b**5
    r, g, bl = np.maximum(0.9 * np.exp(-np.sqrt(absorption) * scale), 0.004)
    return float(r), float(g), float(bl)


def hair_pigments(spec: HairSpec) -> Pigments:
    """Of the head's hair: its pigment, or a dye with the pigment at the roots."""
    natural = hair_color(spec.melanin, spec.redness)
    if spec.dye is None:
        return Pigments(root=natural, tip=natural, grey=spec.grey)
    return Pigments(root=natural if spec.outgrowth > 0.03 else spec.dye, tip=spec.dye, outgrowth=spec.outgrowth)


def strand_pigments(hair: HairSpec, beard: BeardSpec | None) -> dict[str, Pigments]:
    """By the names of the materials: brows are darker than the hair, and less grey; lashes are dark."""
    r, g, b = hair_color(hair.melanin, hair.redness)
    brow = (min(0.6 * r, 0.2), min(0.6 * g, 0.15), min(0.6 * b, 0.1))
    lash = (min(0.2 * r, 0.012), min(0.2 * g, 0.010), min(0.2 * b, 0.008))
    brows, found = Pigments(root=brow, tip=brow, grey=0.5 * hair.grey**2), {"hair": hair_pigments(hair)}
    found |= {"brows": brows, "lashes": Pigments(root=lash, tip=lash)}
    if beard is not None:
        color = hair_color(beard.melanin, beard.redness)
        found["beard"] = Pigments(root=color, tip=color, grey=beard.grey)
    return found


def set_pigments(material: Any, pigments: Pigments) -> None:
    """Writes pigments to a `hair_material`."""
    nodes = material.node_tree.nodes
    nodes["Root"].outputs[0].default_value = (*pigments.root, 1)
    nodes["Color"].outputs[0].default_value = (*pigments.tip, 1)
    nodes["Outgrowth"].outputs[0].default_value = pigments.outgrowth
    nodes["Grey"].outputs[0].default_value = pigments.grey


def hair_material(name: str):
    """Strands by the nodes of `set_pigments`, each a little lighter or darker than the next, some of them white."""
    material = new_material(name)
    tree = material.node_tree
    color = _color(tree)
    shader = node(
        tree,
        "BsdfHairPrincipled",
        {"Color": color, "Roughness": 0.35, "Radial Roughness": 0.4},
        model="CHIANG",
        parametrization="COLOR",
    )
    surface_output(material, shader.outputs[0], color, part=name if name in COVERAGE_PARTS else "brows_and_lashes")
    return material


def _color(tree: Any) -> Any:
    root, tip = (node(tree, "RGB", name=key).outputs[0] for key in ("Root", "Color"))
    outgrowth, grey = (node(tree, "Value", name=key).outputs[0] for key in ("Outgrowth", "Grey"))
    strand = node(tree, "HairInfo")
    own = strand.outputs["Random"]
    past = math(tree, "MULTIPLY", math(tree, "SUBTRACT", strand.outputs["Intercept"], outgrowth), 12.0)
    gain = math(tree, "MULTIPLY_ADD", math(tree, "FRACT", math(tree, "MULTIPLY", own, 61.7)), 0.7, 0.65)
    pigmented = node(tree, "VectorMath", {0: _mix(tree, past, root, tip), 1: gain}, operation="MULTIPLY").outputs[0]
    white = math(tree, "MULTIPLY_ADD", math(tree, "SUBTRACT", grey, own), 5.0, grey)  # the others fade a little, too
    pale = node(tree, "RGB")
    pale.outputs[0].default_value = (*WHITE_HAIR, 1)
    return _mix(tree, white, pigmented, pale.outputs[0])


def _mix(tree: Any, factor: Any, a: Any, b: Any) -> Any:
    """a where factor is 0 or less, b where it is 1 or more."""
    made = node(tree, "Mix", data_type="RGBA", clamp_factor=True)
    for key, socket in (("Factor", factor), (6, a), (7, b)):
        tree.links.new(socket, made.inputs[key])
    return made.outputs[2]
