"""What skin does with light. Node trees only; bpy itself stays behind synth.blender."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scenes.head.materials import ALBEDO, ENAMEL
from scenes.head.skin import SkinSpec
from synth.blender.materials import attribute, math, new_material, node, surface_output
from synth.models.skin.optics import NM, SCATTERING, THICKNESS, dermis_absorption, melanin_absorption

GLOSS = "gloss"  # point attribute: roughness, specular level, weight of a wet film
IMAGE, RADIUS = "Skin", "Radius"  # nodes whose contents a record sets
HARD = 0.9  # share of a tooth's colour that comes from where light meets it: enamel is denser than skin
MM = 0.001
BANDS = ((590, 680), (520, 580), (430, 490))  # nm, of red, green and blue
DEPTH = 3.0  # mm of skin that scattered light comes back from; melanin is in THICKNESS of it


def skin_material(texture: Any):
    """Subsurface skin in the colours of ALBEDO times the texture's, its relief (mm) in the texture's alpha.

    The bump is of the very map that the fine labels are read from: the same cubic B-spline over its texels.
    """
    material = new_material("skin")
    tree = material.node_tree
    detail = node(tree, "TexImage", name=IMAGE, image=texture, interpolation="Cubic", extension="EXTEND")
    gloss = node(tree, "SeparateXYZ", {0: attribute(tree, GLOSS).outputs["Vector"]})
    color = node(tree, "VectorMath", {0: attribute(tree, ALBEDO).outputs["Color"], 1: detail.outputs["Color"]})
    color.operation = "MULTIPLY"
    height = math(tree, "MULTIPLY", detail.outputs["Alpha"], MM)
    bump = node(tree, "Bump", {"Strength": 1.0, "Distance": 1.0, "Height": height})
    shader = node(
        tree,
        "BsdfPrincipled",
        {
            "Base Color": color.outputs[0],
            "Roughness": gloss.outputs[0],
            "Subsurface Weight": math(tree, "MULTIPLY_ADD", attribute(tree, ENAMEL).outputs["Fac"], -HARD, 1.0),
            "Subsurface Radius": node(tree, "CombineXYZ", name=RADIUS).outputs[0],
            "Subsurface Scale": MM,
            "Specular IOR Level": gloss.outputs[1],
            "Coat Weight": gloss.outputs[2],
            "Coat Roughness": 0.24,
            "Coat Normal": bump.outputs[0],
            "Normal": bump.outputs[0],
        },
        subsurface_method="RANDOM_WALK",
    )
    surface_output(material, shader.outputs[0], color.outputs[0])
    return material


def set_radius(material: Any, spec: SkinSpec) -> None:
    """The way that light goes under this skin before it comes out."""
    sockets = material.node_tree.nodes[RADIUS].inputs
    for socket, radius in zip(sockets, scattering_radii(spec), strict=True):
        socket.default_value = radius


def scattering_radii(spec: SkinSpec) -> tuple[float, float, float]:
    """mm, of red, green and blue: diffusion lengths 1 / sqrt(3 mu_a (mu_a + mu_s')).

    Blood shortens those of green and blue, so that light bleeds red; melanin shortens all, those of red most.
    """
    amount = lambda value: np.array(float(value))
    absorbed = dermis_absorption(amount(spec.blood), amount(spec.oxygen), amount(0.03))
    melanin = melanin_absorption(amount(spec.melanin), amount(spec.pheomelanin))
    absorbed = absorbed + THICKNESS / DEPTH * melanin
    length = 1 / np.sqrt(3 * absorbed * (absorbed + SCATTERING))
    red, green, blue = (float(length[(low <= NM) & (high >= NM)].mean()) for low, high in BANDS)
    return red, green, blue


@dataclass(frozen=True, slots=True, kw_only=True)
class Shine:
    """Where the skin of a model may shine, once: float64 [V] in [0, 1] each."""

    oily: np.ndarray  # forehead, nose and chin
    wet: np.ndarray  # where sweat stands: forehead, nose, upper lip and temples
    cheeks: np.ndarray
    neck: np.ndarray
    lips: np.ndarray
    inside: np.ndarray  # of the mouth


def prepare_shine(regions: dict[str, np.ndarray], canonical: np.ndarray) -> Shine:
    """The places of a model with vertices [V, 3] (m, canonical head)."""
    none = np.zeros(len(canonical))
    region = lambda name: np.asarray(regions.get(name, none), np.float64)
    bump = lambda x, y, z, r: np.exp(
        -((np.abs(canonical * [1, 0, 0]) + canonical * [0, 1, 1] - [x, y, z]) ** 2).sum(1) / r**2
    )
    middle = np.exp(-((canonical[:, 0] / 0.03) ** 2))
    oily = np.clip(
        0.9 * region("nose") + region("forehead") * (0.35 + 0.5 * middle) + 0.6 * bump(0, -0.02, -0.088, 0.015), 0, 1
    )
    oily = np.clip(oily + 0.35 * region("eyelids") + 0.3 * bump(0.04, -0.005, -0.028, 0.016), 0, 1)
    wet = np.clip(
        region("forehead") + 0.7 * region("nose") + bump(0, -0.03, -0.055, 0.012) + bump(0.06, 0.02, 0.01, 0.025), 0, 1
    )
    return Shine(
        oily=oily,
        wet=wet,
        cheeks=region("cheeks"),
        neck=region("neck"),
        lips=region("lips"),
        inside=region("inner_mouth"),
    )


def gloss(at: Shine, spec: SkinSpec) -> np.ndarray:
    """float32 [V, 3]: roughness, specular level and weight of a wet film.

    Oil comes from forehead, nose and chin; cheeks are dry; lips and the mouth's inside are wet.
    """
    oily, wet, lips, inside = at.oily, at.wet, at.lips, at.inside
    shine = spec.oil * oily
    roughness = spec.roughness + 0.05 * at.cheeks - 0.04 * oily - 0.09 * shine - 0.08 * spec.sweat * wet
    level = 0.34 + 0.05 * oily + 0.07 * shine - 0.05 * at.neck
    film = 0.08 * shine**2 + 0.45 * spec.sweat * wet
    roughness = roughness * (1 - lips) + (spec.roughness - 0.1) * lips
    film = film * (1 - lips) + 0.22 * lips
    out = np.empty((len(oily), 3), np.float32)
    out[:, 0] = np.clip(roughness * (1 - inside) + 0.3 * inside, 0.12, 0.9)
    out[:, 1] = np.clip(level, 0.1, 0.7)
    out[:, 2] = np.clip(film * (1 - inside) + 0.5 * inside, 0.0, 1.0)
    return out
