"""Puts on what a record wears: glasses, headwear and facewear as meshes that are made once and rewritten."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scenes.head import facewear, glasses, headwear, materials
from scenes.head.eyes import Eyes
from scenes.head.solids import Solid
from scenes.head.worn import GlassesSpec, WearSpec
from synth.blender.materials import thin_lens_material
from synth.blender.mesh import add_mesh, move_vertices, set_attribute
from synth.geometry import transform, vertex_normals
from synth.labels.shot import Surface
from synth.models import MorphableModel

GLASSES, DARK_LENSES, HEADWEAR, FACEWEAR = range(10, 14)  # pass indices, after build's
CLEAR_LENSES = 0  # no label knows of them
CLASS = {GLASSES: 16, DARK_LENSES: 16, HEADWEAR: 17, FACEWEAR: 18}
MOUTH_INTERIOR = 9


@dataclass(slots=True)
class Wardrobe:
    """Every thing as an object, by pass index, and what of the model they are fitted to."""

    objects: dict[int, Any]
    seat: glasses.Seat | None  # None: the model has no ears and nose to fit anything to
    skin: np.ndarray  # int32 [T, 3] triangles of the outer skin


@dataclass(frozen=True, slots=True, kw_only=True)
class Posed:
    """A head to dress, in head space."""

    vertices: np.ndarray  # [V, 3] m
    normals: np.ndarray  # [V, 3]
    landmarks: np.ndarray  # [68, 3] m
    eyes: Eyes


@dataclass(slots=True)
class Worn:
    """What is put on: its labelled surfaces, and what hair and beard must stay under."""

    surfaces: dict[int, Surface]
    shell: headwear.Shell | None = None
    sheet: facewear.Sheet | None = None

    def hair(self, strands: np.ndarray) -> np.ndarray:
        """Strands [S, P, 3] (m, head space) of the head under the headwear."""
        return strands if self.shell is None else headwear.press(strands, self.shell)

    def beard(self, strands: np.ndarray) -> np.ndarray:
        """Strands [S, P, 3] (m, head space) of the beard under the facewear."""
        return strands if self.sheet is None else facewear.press(strands, self.sheet)


def prepare_wardrobe(
    scene: Any, model: MorphableModel, triangles: np.ndarray, part: np.ndarray, fits: bool = True
) -> Wardrobe:
    """Makes all objects, in a scene of Blender's, for a model with triangles [T, 3] of classes [T].

    fits: whether the model has the regions that glasses and masks are fitted to.
    """
    frame, lenses = glasses.template()
    objects = {GLASSES: add_mesh(scene, "glasses", *frame, GLASSES)}
    objects[GLASSES].data.materials.append(materials.frame_material())
    for index, name in ((DARK_LENSES, "dark_lenses"), (CLEAR_LENSES, "clear_lenses")):
        objects[index] = add_mesh(scene, name, *lenses, index)
        objects[index].data.materials.append(thin_lens_material(name, clear=index == CLEAR_LENSES))
    for index, name, solid in (
        (HEADWEAR, "headwear", headwear.template()),
        (FACEWEAR, "facewear", facewear.template()),
    ):
        objects[index] = add_mesh(scene, name, *solid, index)
        set_attribute(objects[index].data, materials.REST, solid[0], "POINT")
        objects[index].data.materials.append(materials.headwear_material(name, name))
    seat = glasses.prepare_seat(model, triangles) if fits else None
    return Wardrobe(objects=objects, seat=seat, skin=triangles[part != MOUTH_INTERIOR])


def dress(wardrobe: Wardrobe, wear: WearSpec, posed: Posed, head_to_world: np.ndarray) -> Worn:
    """Rewrites the objects to what is worn, and hides the others."""
    worn = Worn({})
    for thing in wardrobe.objects.values():
        thing.hide_render = True
    if wear.glasses is not None and wardrobe.seat is not None:
        _put_on_glasses(wardrobe, wardrobe.seat, wear.glasses, posed, head_to_world, worn)
    if wear.headwear is not None:
        hat = wear.headwear
        worn.shell = headwear.fit_headwear(hat, posed.vertices, wardrobe.skin)
        look = {"Roughness": 0.35 if hat.hard else 0.9, "Coat": float(hat.hard), "Knit": hat.knit}
        _put_on(wardrobe, HEADWEAR, worn.shell.solid, {"Color": (*hat.color, 1)} | look, head_to_world, worn)
    if wear.facewear is not None and wardrobe.seat is not None:
        mask, seat = wear.facewear, wardrobe.seat
        below = wardrobe.skin[(posed.vertices[wardrobe.skin, 2] < 0.02).all(axis=1)]
        worn.sheet = facewear.fit_facewear(mask, posed.vertices, below, posed.landmarks, seat.roots, seat.sides)
        look = {"Color": (*mask.color, 1), "Roughness": 0.85, "Coat": 0.0, "Knit": 0.08}
        _put_on(wardrobe, FACEWEAR, worn.sheet.solid, look, head_to_world, worn)
    return worn


def _put_on_glasses(
    wardrobe: Wardrobe, seat: glasses.Seat, spec: GlassesSpec, posed: Posed, head_to_world: np.ndarray, worn: Worn
) -> None:
    width = float(np.linalg.norm(posed.landmarks[16] - posed.landmarks[0]))
    frame, lenses = glasses.fit_glasses(spec, seat, posed.vertices, posed.normals, posed.eyes, width)
    look = {"Color": (*spec.color, 1), "Metallic": float(spec.metal), "Roughness": spec.roughness}
    _put_on(wardrobe, GLASSES, frame, look, head_to_world, worn)
    glass = {"Tint": (*spec.tint, 1), "Reflect": spec.reflect}
    _put_on(wardrobe, DARK_LENSES if spec.dark else CLEAR_LENSES, lenses, glass, head_to_world, worn)


def _put_on(
    wardrobe: Wardrobe, index: int, solid: Solid, look: dict[str, Any], head_to_world: np.ndarray, worn: Worn
) -> None:
    """One thing, in world space, with the values of its material's nodes."""
    thing, (points, triangles) = wardrobe.objects[index], solid
    thing.hide_render = False
    points = transform(head_to_world, points)
    move_vertices(thing.data, points, vertex_normals(points, triangles))
    nodes = thing.data.materials[0].node_tree.nodes
    for name, value in look.items():
        nodes[name].outputs[0].default_value = value
    if index != CLEAR_LENSES:
        segmentation = np.full(len(triangles), CLASS[index], np.uint8)
        worn.surfaces[index] = Surface(points=points, triangles=triangles, segmentation=segmentation)
