"""Puts on what a record wears: clothes, glasses, headwear and so on as meshes that are made once and rewritten."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scenes.head import clothes, facewear, garments, glasses, headphones, headwear, jewellery, materials, neckwear
from scenes.head.attire import ClothSpec
from scenes.head.cloth_material import ON_CLOTH, cloth_material, set_cloth
from scenes.head.eyes import Eyes
from scenes.head.model import size
from scenes.head.solids import Solid
from scenes.head.worn import GlassesSpec, WearSpec
from synth.blender.materials import thin_lens_material
from synth.blender.mesh import add_mesh, move_vertices, put_away, set_attribute, show
from synth.geometry import transform, vertex_normals
from synth.labels.shot import Surface
from synth.models import MorphableModel

GLASSES, DARK_LENSES, HEADWEAR, FACEWEAR = range(10, 14)  # pass indices, after build's and growth's
GARMENT, JACKET, NECKWEAR, EARRINGS, HEADPHONES = range(20, 25)
PIECES = {"garment": GARMENT, "jacket": JACKET, "neckwear": NECKWEAR}
CLEAR_LENSES = 0  # no label knows of them
CLASS = {GLASSES: 16, DARK_LENSES: 16, HEADWEAR: 17, FACEWEAR: 18, EARRINGS: 18, HEADPHONES: 17}
CLASS |= dict.fromkeys(PIECES.values(), 15)
MOUTH_INTERIOR = 9
AT_A_TIME = 1000  # strands
HEM = 0.006  # m, of a mask


@dataclass(slots=True)
class Wardrobe:
    """Every thing as an object, by pass index, and what of the model they are fitted to."""

    objects: dict[int, Any]
    seat: glasses.Seat | None  # None: the model has no ears and nose to fit anything to
    skin: np.ndarray  # int32 [T, 3] triangles of the outer skin
    body: clothes.Body | None
    lobes: jewellery.Lobes | None
    ears: headphones.Ears | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posed:
    """A head to dress, in head space."""

    vertices: np.ndarray  # [V, 3] m
    normals: np.ndarray  # [V, 3]
    landmarks: np.ndarray  # [68, 3] m
    eyes: Eyes
    garment: np.ndarray | None  # [G, 3] m, of the model's own


@dataclass(slots=True)
class Worn:
    """What is put on: its labelled surfaces, and what hair and beard must stay under."""

    surfaces: dict[int, Surface] = field(default_factory=dict)
    put_on: set[int] = field(default_factory=set)  # pass indices, with CLEAR_LENSES
    shell: headwear.Shell | None = None
    sheet: facewear.Sheet | None = None
    cups: headphones.Cups | None = None
    cloth: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))  # [N, 3] m, head space: hair lies on it

    def hair(self, strands: np.ndarray) -> np.ndarray:
        """Strands [S, P, 3] (m, head space) of the head under the headwear or the headphones.

        Some at a time: seven times their memory is on the way.
        """
        if self.shell is None and self.cups is None:
            return strands
        parts = np.array_split(strands, max(len(strands) // AT_A_TIME, 1))
        return np.concatenate([self._pressed(part).astype(strands.dtype) for part in parts])

    def _pressed(self, strands: np.ndarray) -> np.ndarray:
        strands = strands if self.shell is None else headwear.press(strands, self.shell)
        return strands if self.cups is None else headphones.press(strands, self.cups)

    def beard(self, strands: np.ndarray) -> np.ndarray:
        """Strands [S, P, 3] (m, head space) of the beard under the facewear."""
        return strands if self.sheet is None else facewear.press(strands, self.sheet).astype(strands.dtype)


def prepare_wardrobe(
    scene: Any, model: MorphableModel, triangles: np.ndarray, part: np.ndarray, missing: tuple[str, ...] = ()
) -> Wardrobe:
    """Makes all objects, in a scene of Blender's, for a model with triangles [T, 3] of classes [T].

    missing: what the model has no place for, see scenes.head.model.without.
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
    for name, index in PIECES.items():
        points, faces = neckwear.template() if name == "neckwear" else garments.template()
        objects[index] = add_mesh(scene, name, points, faces, index)
        objects[index].data.materials.append(cloth_material(name))
    for index, name, solid, other, look in (
        (EARRINGS, "earrings", jewellery.template(), jewellery.stones(), "facewear"),
        (HEADPHONES, "headphones", headphones.template(), headphones.accents(), "headwear"),
    ):
        objects[index] = add_mesh(scene, name, *solid, index)
        set_attribute(objects[index].data, materials.OTHER, other, "POINT")
        objects[index].data.materials.append(materials.jewel_material(name, look))
    return Wardrobe(
        objects=objects,
        seat=None if "glasses" in missing else glasses.prepare_seat(model, triangles),
        skin=triangles[part != MOUTH_INTERIOR],
        body=None if "clothes" in missing else clothes.prepare_body(model),
        lobes=None if "earrings" in missing else jewellery.prepare_lobes(model, triangles, part, size(model)),
        ears=None if "headphones" in missing else headphones.prepare_ears(model, triangles, part),
    )


def dress(wardrobe: Wardrobe, wear: WearSpec, posed: Posed, head_to_world: np.ndarray) -> Worn:
    """Rewrites the objects to what is worn, and puts the others away."""
    worn = Worn()
    _put_on_clothes(wardrobe, wear, posed, head_to_world, worn)
    _put_on_ears(wardrobe, wear, posed, head_to_world, worn)
    if wear.headwear is not None:
        hat = wear.headwear
        worn.shell = headwear.fit_headwear(hat, posed.vertices, wardrobe.skin, worn.cloth)
        look = {"Roughness": 0.35 if hat.hard else 0.9, "Coat": float(hat.hard), "Knit": hat.knit, "Band": hat.band}
        look |= {"Color": (*hat.color, 1), "Trim": (*hat.trim, 1)}
        set_attribute(wardrobe.objects[HEADWEAR].data, materials.MARKS, worn.shell.marks, "POINT")
        _put_on(wardrobe, HEADWEAR, worn.shell.solid, look, head_to_world, worn)
    if wear.facewear is not None and wardrobe.seat is not None:
        mask, seat = wear.facewear, wardrobe.seat
        below = wardrobe.skin[(posed.vertices[wardrobe.skin, 2] < 0.02).all(axis=1)]
        worn.sheet = facewear.fit_facewear(mask, posed.vertices, below, posed.landmarks, seat.roots, seat.sides)
        look = {"Color": (*mask.color, 1), "Roughness": 0.85, "Coat": 0.0, "Knit": 0.08, "Band": HEM}
        look |= {"Trim": (*(0.85 * np.array(mask.color)), 1)}
        set_attribute(wardrobe.objects[FACEWEAR].data, materials.MARKS, worn.sheet.marks, "POINT")
        _put_on(wardrobe, FACEWEAR, worn.sheet.solid, look, head_to_world, worn)
    if wear.glasses is not None and wardrobe.seat is not None:
        _put_on_glasses(wardrobe, wardrobe.seat, wear.glasses, posed, head_to_world, worn)
    for index, thing in wardrobe.objects.items():
        if index not in worn.put_on:
            put_away(thing)
    return worn


def _put_on_glasses(
    wardrobe: Wardrobe, seat: glasses.Seat, spec: GlassesSpec, posed: Posed, head_to_world: np.ndarray, worn: Worn
) -> None:
    width = float(np.linalg.norm(posed.landmarks[16] - posed.landmarks[0]))
    face, normals, over = posed.vertices, posed.normals, None
    if worn.sheet is not None:
        face, over = facewear.lifted(face, worn.sheet), facewear.outside(worn.sheet)
        normals = vertex_normals(face, wardrobe.skin)
    frame, glass = glasses.fit_glasses(spec, seat, face, normals, posed.eyes, width, over)
    look = {"Color": (*spec.color, 1), "Metallic": float(spec.metal), "Roughness": spec.roughness}
    _put_on(wardrobe, GLASSES, frame, look, head_to_world, worn)
    look = {"Tint": (*spec.tint, 1), "Reflect": spec.reflect}
    if spec.dark:  # pads are as clear as of other glasses
        _put_on(wardrobe, DARK_LENSES, glasses.only(False, glass), look, head_to_world, worn)
        glass, look = glasses.only(True, glass), {"Tint": (0.9, 0.9, 0.9, 1), "Reflect": 0.6}
    _put_on(wardrobe, CLEAR_LENSES, glass, look, head_to_world, worn)


def _put_on_clothes(wardrobe: Wardrobe, wear: WearSpec, posed: Posed, head_to_world: np.ndarray, worn: Worn) -> None:
    if wear.clothes is None or wardrobe.body is None or posed.garment is None:
        return
    pieces = clothes.fit_clothes(wear.clothes, wardrobe.body, posed.vertices, posed.garment)
    cloths: list[ClothSpec] = [garment.cloth for garment in wear.clothes.garments]
    looks = dict(zip(PIECES, cloths, strict=False))
    if wear.clothes.neckwear is not None:
        looks["neckwear"] = wear.clothes.neckwear.cloth
    for name, piece in pieces.items():
        mesh = wardrobe.objects[PIECES[name]].data
        set_attribute(mesh, ON_CLOTH, piece.cloth, "POINT")
        set_cloth(mesh.materials[0], looks[name])
        _put_on(wardrobe, PIECES[name], piece.solid, {}, head_to_world, worn)
    worn.cloth = np.concatenate([piece.solid[0] for piece in pieces.values()])


def _put_on_ears(wardrobe: Wardrobe, wear: WearSpec, posed: Posed, head_to_world: np.ndarray, worn: Worn) -> None:
    """Earrings and headphones."""
    if wear.earrings is not None and wardrobe.lobes is not None:
        spec = wear.earrings
        pearl, stone = spec.kind == "pearl", float(not spec.jewelled)
        look = {"Color": (*spec.metal, 1), "Metallic": 1.0, "Roughness": 0.18, "Other Metallic": stone}
        look |= {"Other Color": (*(spec.stone if spec.jewelled else spec.metal), 1)}
        look |= {"Other Roughness": 0.3 if pearl else 0.12}
        solid = jewellery.fit_earrings(spec, wardrobe.lobes, posed.vertices)
        _put_on(wardrobe, EARRINGS, solid, look, head_to_world, worn)
    if wear.headphones is not None and wardrobe.ears is not None:
        spec = wear.headphones
        look = {"Color": (*spec.color, 1), "Metallic": float(spec.metal), "Roughness": spec.roughness}
        look |= {"Other Color": (*spec.accent, 1), "Other Metallic": 0.0, "Other Roughness": 0.7}
        fitted = headphones.fit_headphones(spec, wardrobe.ears, posed.vertices)
        worn.cups = fitted.cups
        _put_on(wardrobe, HEADPHONES, fitted.solid, look, head_to_world, worn)


def _put_on(
    wardrobe: Wardrobe, index: int, solid: Solid, look: dict[str, Any], head_to_world: np.ndarray, worn: Worn
) -> None:
    """One thing, in world space, with the values of its material's nodes."""
    thing, (points, triangles) = wardrobe.objects[index], solid
    show(thing)
    worn.put_on.add(index)
    points = transform(head_to_world, points)
    move_vertices(thing.data, points, vertex_normals(points, triangles))
    nodes = thing.data.materials[0].node_tree.nodes
    for name, value in look.items():
        nodes[name].outputs[0].default_value = value
    if index != CLEAR_LENSES:
        segmentation = np.full(len(triangles), CLASS[index], np.uint8)
        worn.surfaces[index] = Surface(points=points, triangles=triangles, segmentation=segmentation)
