"""Hands and things before a face as objects of Blender that are made once and rewritten, each with its material."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scenes.head import materials
from scenes.head.dress import FACEWEAR, GLASSES, HEADPHONES, HEADWEAR, Posed, Worn
from scenes.head.grips import ACROSS, ROUND, place_occluder
from scenes.head.model import size
from scenes.head.occluders import OccluderSpec
from scenes.head.props import PROPS, prop, second
from scenes.head.sample import PersonSpec
from scenes.head.solids import tube
from scenes.head.worn import WearSpec
from synth.blender.materials import attribute, math, new_material, node, surface_output
from synth.blender.mesh import add_mesh, move_vertices, put_away, set_attribute, show
from synth.geometry import inverse_rigid, transform, vertex_normals
from synth.labels.shot import Surface
from synth.models import MorphableModel
from synth.models.arm import FINGERS, Arm, load_arm

HAND, SLEEVE, THING = range(40, 43)  # pass indices, after those of what grows and is worn
IGNORE, CLOTHING = 255, 15
CLASS = {HAND: IGNORE, SLEEVE: CLOTHING, THING: IGNORE}
ON_HEAD = (GLASSES, HEADWEAR, FACEWEAR, HEADPHONES)  # what a hand is held before, besides the skin
SIDES = ("left", "right")
SECOND, GLOSS = "second", "gloss"  # point attributes: of a thing, its second colour; of a hand, its nails
NAIL = 0.011  # m


@dataclass(slots=True)
class Hands:
    """The objects by name, and the arm that they are made from."""

    arm: Arm
    objects: dict[str, Any]
    triangles: dict[str, np.ndarray]  # int32 [T, 3] of each
    model: MorphableModel  # of the head
    size: float  # of its heads, see scenes.head.model.size
    palm: np.ndarray  # [V] how much of the palm a point of the arm is, 0 to 1
    nails: np.ndarray  # [V] and of a nail


def prepare_hands(scene: Any, model: MorphableModel) -> Hands:
    """Makes all objects in a scene of Blender's, none of them seen yet."""
    arm = load_arm()
    rest = arm.posed({}, arm.heads[1], arm.heads[0])
    meshes = {f"hand_{side}": (rest, _facing(arm.triangles, side)) for side in SIDES}
    path = np.linspace([0, 0, 0], [0, 0, 1.0], ACROSS)
    points, triangles = tube(path, np.tile([1.0, 0, 0], (ACROSS, 1)), 0.05, 0.05, ROUND)
    meshes |= {f"sleeve_{side}": (points, _facing(triangles, side)) for side in SIDES}
    meshes |= {kind: prop(kind, (0.08, 0.1, 0.01), 0.5) for kind in PROPS}
    indices = {name: _index(name) for name in meshes}
    objects = {name: add_mesh(scene, name, *mesh, indices[name]) for name, mesh in meshes.items()}
    looks = {HAND: _hand_material(), SLEEVE: _sleeve_material(), THING: _thing_material()}  # one of each is seen
    for name, thing in objects.items():
        put_away(thing)
        thing.data.materials.append(looks[indices[name]])
        if name in PROPS:
            set_attribute(thing.data, SECOND, second(name), "POINT")
        set_attribute(thing.data, materials.REST, meshes[name][0], "POINT")
    palm, nails = _palm(arm, rest), _nails(arm, rest)
    for side in SIDES:
        set_attribute(objects[f"hand_{side}"].data, GLOSS, nails, "POINT")
    triangles = {name: solid[1] for name, solid in meshes.items()}
    parts = {"palm": palm, "nails": nails}
    return Hands(arm=arm, objects=objects, triangles=triangles, model=model, size=size(model), **parts)


def _facing(triangles: np.ndarray, side: str) -> np.ndarray:
    return triangles if side == "left" else triangles[:, ::-1]


def _index(name: str) -> int:
    return THING if name in PROPS else HAND if name.startswith("hand") else SLEEVE


def _palm(arm: Arm, rest: np.ndarray) -> np.ndarray:
    normals = vertex_normals(rest, arm.triangles)
    return np.clip(0.2 - 1.4 * normals[:, 2], 0, 1) * np.clip((rest[:, 1] + 0.01) / 0.03, 0, 1)


def _nails(arm: Arm, rest: np.ndarray) -> np.ndarray:
    """On the back of the last half joint of each finger; the thumb's is turned aside."""
    normals, out = vertex_normals(rest, arm.triangles), np.zeros(len(rest))
    for n, finger in enumerate(FINGERS):
        bone = arm.heads[BONE[finger]]
        along = (arm.tips[n] - bone) / np.linalg.norm(arm.tips[n] - bone)
        back = np.cross(arm.axes[BONE[finger]], along)
        place = rest - arm.tips[n]
        reach, height = place @ along, -(place @ back)
        aside = np.abs(place @ arm.axes[BONE[finger]])
        inside = (
            (reach > -NAIL) & (reach < 0.004) & (aside < 0.0055) & (height > 0) & (np.abs(place).max(axis=1) < 0.02)
        )
        out = np.maximum(out, inside * np.clip(-1.6 * (normals @ back) - 0.5, 0, 1))
    return out


BONE = {finger: 4 + 3 * n + 2 for n, finger in enumerate(FINGERS)}  # in BONES: the last of each finger


def hold(
    hands: Hands, wear: WearSpec, person: PersonSpec, posed: Posed, worn: Worn, head_to_world: np.ndarray
) -> dict[int, Surface]:
    """Rewrites the objects to what is before the face, and puts the others away. Labelled surfaces by pass index."""
    spec = wear.occluder
    held = {} if spec is None else _held(hands, spec, wear, person, posed, worn, head_to_world)
    for name, thing in hands.objects.items():
        if name not in held:
            put_away(thing)
    return {_index(name): surface for name, surface in held.items()}


def _held(
    hands: Hands,
    spec: OccluderSpec,
    wear: WearSpec,
    person: PersonSpec,
    posed: Posed,
    worn: Worn,
    head_to_world: np.ndarray,
) -> dict[str, Surface]:
    """By the objects' names."""
    to_head = inverse_rigid(head_to_world)
    before = [transform(to_head, worn.surfaces[k].points) for k in ON_HEAD if k in worn.surfaces]
    held = place_occluder(spec, np.concatenate([posed.vertices, *before]), posed.landmarks, hands.arm, hands.size)
    skin, sleeve_color = skin_tone(hands.model, np.array(person.albedo, np.float32)), _sleeve_color(wear)
    side = "left" if spec.left else "right"
    hand, sleeve = f"hand_{side}", f"sleeve_{side}"
    surfaces = {hand: _shown(hands, hand, held.arm, head_to_world)}
    set_attribute(hands.objects[hand].data, materials.ALBEDO, _hand_albedo(hands, skin, spec.nails), "POINT")
    _set(hands.objects[hand].data, {"Roughness": person.skin.roughness, "Varnish": float(spec.nails is not None)})
    if sleeve_color is not None:
        surfaces[sleeve] = _shown(hands, sleeve, held.sleeve[0], head_to_world)
        _set(hands.objects[sleeve].data, {"Color": (*sleeve_color, 1)})
    if held.thing is not None and spec.thing is not None:
        thing = spec.thing
        surfaces[thing.kind] = _shown(hands, thing.kind, held.thing[0], head_to_world)
        look = {"Color": (*thing.color, 1), "Second": (*thing.second, 1), "Metal": float(thing.metal)}
        look |= {"Roughness": thing.roughness, "Second roughness": thing.second_roughness}
        _set(hands.objects[thing.kind].data, look)
    return surfaces


def skin_tone(model: MorphableModel, albedo: np.ndarray) -> np.ndarray:
    """Mean reflectance [3] of the cheeks, or without such a region of all skin."""
    weights = model.regions.get("cheeks", np.ones(len(model.mean)))
    return np.clip(np.average(model.albedo(albedo).astype(np.float64), axis=0, weights=weights), 0.01, 0.9)


def _sleeve_color(wear: WearSpec) -> np.ndarray | None:
    """Of the garment worn last; None where it has no sleeves, or there is none."""
    garments = wear.clothes.garments if wear.clothes else ()
    sleeves = [garment for garment in garments if garment.kind != "tank"]
    return np.array(sleeves[-1].cloth.colors[0]) if sleeves else None


def _shown(hands: Hands, name: str, points: np.ndarray, head_to_world: np.ndarray) -> Surface:
    thing, triangles, points = hands.objects[name], hands.triangles[name], transform(head_to_world, points)
    show(thing)
    move_vertices(thing.data, points, vertex_normals(points, triangles))
    segmentation = np.full(len(triangles), CLASS[_index(name)], np.uint8)
    return Surface(points=points, triangles=triangles, segmentation=segmentation)


def _set(mesh: Any, values: dict[str, Any]) -> None:
    nodes = mesh.materials[0].node_tree.nodes
    for name, value in values.items():
        nodes[name].outputs[0].default_value = value


def _hand_albedo(hands: Hands, skin: np.ndarray, varnish: tuple[float, float, float] | None) -> np.ndarray:
    """Reflectance [V, 3]: palms have little melanin, whatever the skin, and nails show the blood below."""
    palm = np.maximum(skin * [1.05, 1.0, 0.98], 0.45 * skin + 0.55 * np.array([0.46, 0.27, 0.20]))
    share = 0.8 * hands.palm[:, None]
    out = skin * (1 - share) + palm * share
    nail = np.array(varnish) if varnish else np.minimum(0.7 * palm + np.array([0.14, 0.09, 0.08]), 0.8)
    return out * (1 - hands.nails[:, None]) + nail * hands.nails[:, None]


def _hand_material() -> Any:
    """Skin as of a head, its nails glossier. Nodes "Roughness" and "Varnish" hold what `hold` sets."""
    material = new_material("hand")
    tree = material.node_tree
    albedo, rest = attribute(tree, materials.ALBEDO).outputs["Color"], attribute(tree, materials.REST).outputs["Vector"]
    blotches = node(tree, "TexNoise", {"Vector": rest, "Scale": 90.0, "Detail": 4.0, "Roughness": 0.6}).outputs[
        "Factor"
    ]
    color = node(
        tree, "VectorMath", {0: albedo, 1: math(tree, "MULTIPLY_ADD", blotches, 0.36, 0.82)}, operation="MULTIPLY"
    )
    roughness, gloss = node(tree, "Value", name="Roughness").outputs[0], attribute(tree, GLOSS).outputs["Fac"]
    varnish = node(tree, "Value", name="Varnish").outputs[0]
    lines = node(tree, "TexVoronoi", {"Vector": rest, "Scale": 520.0}).outputs["Distance"]
    fine = node(tree, "TexNoise", {"Vector": rest, "Scale": 260.0, "Detail": 3.0}).outputs["Factor"]
    bump = node(tree, "Bump", {"Strength": 0.35, "Distance": 0.0006, "Height": math(tree, "ADD", lines, fine)})
    inputs: dict[str | int, Any] = {
        "Base Color": color.outputs[0],
        "Roughness": math(tree, "SUBTRACT", roughness, math(tree, "MULTIPLY", gloss, 0.15)),
        "Subsurface Weight": math(tree, "SUBTRACT", 1.0, math(tree, "MULTIPLY", gloss, varnish)),
        "Subsurface Radius": (1.0, 0.5, 0.33),
        "Subsurface Scale": 0.0016,
        "Specular IOR Level": 0.36,
        "Coat Weight": math(tree, "MULTIPLY", gloss, math(tree, "MULTIPLY_ADD", varnish, 0.7, 0.3)),
        "Coat Roughness": 0.1,
        "Normal": bump.outputs[0],
    }
    shader = node(tree, "BsdfPrincipled", inputs, subsurface_method="RANDOM_WALK")
    surface_output(material, shader.outputs[0], color.outputs[0])
    return material


def _sleeve_material() -> Any:
    """Cloth, its colour in the node "Color"; a trace of subsurface, as in `materials.cloth_material`."""
    material = new_material("sleeve")
    tree = material.node_tree
    color = node(tree, "RGB", name="Color").outputs[0]
    folds = node(tree, "TexNoise", {"Vector": attribute(tree, materials.REST).outputs["Vector"], "Scale": 14.0})
    bump = node(tree, "Bump", {"Strength": 0.6, "Distance": 0.01, "Height": folds.outputs["Factor"]})
    inputs: dict[str | int, Any] = {
        "Base Color": color,
        "Roughness": 0.9,
        "Sheen Weight": 0.3,
        "Normal": bump.outputs[0],
    }
    inputs |= {"Subsurface Weight": 0.05, "Subsurface Scale": 0.001}
    surface_output(material, node(tree, "BsdfPrincipled", inputs).outputs[0], color)
    return material


def _thing_material() -> Any:
    """Two colours and roughnesses by SECOND, the second metal by the node "Metal"; a trace of subsurface."""
    material = new_material("thing")
    tree = material.node_tree
    share = attribute(tree, SECOND).outputs["Fac"]
    first, other = (node(tree, "RGB", name=key).outputs[0] for key in ("Color", "Second"))
    mixed = node(tree, "Mix", {0: share, 6: first, 7: other}, data_type="RGBA").outputs[2]
    rough, smooth = (node(tree, "Value", name=key).outputs[0] for key in ("Roughness", "Second roughness"))
    blend = math(
        tree,
        "ADD",
        math(tree, "MULTIPLY", rough, math(tree, "SUBTRACT", 1.0, share)),
        math(tree, "MULTIPLY", smooth, share),
    )
    metal = math(tree, "MULTIPLY", share, node(tree, "Value", name="Metal").outputs[0])
    inputs: dict[str | int, Any] = {"Base Color": mixed, "Roughness": blend, "Metallic": metal}
    inputs |= {"Subsurface Weight": 0.05, "Subsurface Scale": 0.001}
    surface_output(material, node(tree, "BsdfPrincipled", inputs).outputs[0], mixed)
    return material
