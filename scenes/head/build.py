"""Builds a drawn photograph of a face in Blender: one head, two eyes, strands and a garment, rewritten each time."""

from dataclasses import dataclass
from pathlib import Path

import bpy
import mathutils
import numpy as np

from scenes.head import beards, hair, materials
from scenes.head.config import MAX_LAMPS
from scenes.head.config import Config as HeadConfig
from scenes.head.dress import Posed, Wardrobe, Worn, dress, prepare_wardrobe
from scenes.head.eyes import IRIS_PLANE, Eyes, eye_rotation, eyeball_mesh
from scenes.head.light import Environment, incident_light, lamp_watts, metered_exposure, seen_background
from scenes.head.sample import LightSpec, PersonSpec, Spec, model_of
from synth.blender.images import read_rgb, world_images
from synth.blender.lights import (
    add_area_lamp,
    add_world_image,
    light_image,
    make_world,
    set_area_lamp,
    set_world,
    switch_off,
)
from synth.blender.mesh import add_mesh, add_strands, move_vertices, set_attribute, set_strands, set_uv
from synth.camera import Camera, intrinsics
from synth.config import Config
from synth.geometry import head_rotation, inverse_rigid, normalize, rigid, rotation_z, transform, vertex_normals
from synth.labels.shot import Shot, Surface
from synth.models import MorphableModel

SKIN, RIGHT_EYE, LEFT_EYE, GARMENT, HAIR, RIGHT_BROW, LEFT_BROW, LASHES, BEARD = range(1, 10)  # pass indices
CLASS = {RIGHT_EYE: 3, LEFT_EYE: 4, GARMENT: 15, HAIR: 13, RIGHT_BROW: 5, LEFT_BROW: 6, LASHES: 1, BEARD: 14}
MOUTH_INTERIOR = 9
STRAND_RADIUS = {HAIR: 2.4e-4, RIGHT_BROW: 9e-5, LEFT_BROW: 9e-5, LASHES: 8e-5}  # m; HAIR's is at 9,000 strands
STRAND_RADIUS[BEARD] = beards.RADIUS
SCALP_TINT = {"bald": 0.06, "buzz": 0.6}  # how far hair colours the scalp between strands; other styles 0.75
BROW_STRANDS, LASH_STRANDS = 420, {"upper": 75, "lower": 45}


@dataclass(slots=True)
class Stage:
    """The model at the rendered resolution, what follows from it once, and the data blocks that `build` rewrites."""

    model: MorphableModel
    triangles: np.ndarray  # int32 [T, 3]
    uv: np.ndarray  # float32 [T, 3, 2]
    part: np.ndarray  # uint8 [T]
    pncc: np.ndarray  # float32 [V, 3]
    outside: np.ndarray  # int [n] vertices of the skin, without the mouth's inside
    roots: dict[int, hair.Roots]  # of hair and brows, by pass index
    beards: beards.Beards
    wardrobe: Wardrobe
    eyeball: tuple[np.ndarray, np.ndarray]
    objects: dict[int, bpy.types.Object]
    world: bpy.types.World
    lamps: list[bpy.types.Object]
    environments: dict[str, tuple[bpy.types.Image, Environment]]


def prepare(config: Config) -> Stage:
    """Loads the model and makes every data block once, in the empty scene of this process."""
    head: HeadConfig = config.scene
    scene = bpy.context.scene
    model = model_of(config.model).subdivided(head.subdivision)
    triangles, part, eyeball = model.triangles(), model.triangle_part(), eyeball_mesh()
    return Stage(
        model=model,
        triangles=triangles,
        uv=model.triangle_uv(),
        part=part,
        pncc=model.pncc(),
        outside=np.unique(triangles[part != MOUTH_INTERIOR]),
        roots=_roots(model, triangles, head.hair.strands),
        beards=beards.prepare_beards(model, triangles),
        wardrobe=prepare_wardrobe(scene, model, triangles, part),
        eyeball=eyeball,
        objects=_objects(scene, model, triangles, eyeball),
        world=make_world(scene),
        lamps=[add_area_lamp(scene, f"lamp_{k}") for k in range(MAX_LAMPS)],
        environments={name: _environment(name, world_images()) for name in head.light.environments},
    )


def _environment(name: str, paths: dict[str, Path]) -> tuple[bpy.types.Image, Environment]:
    if name not in paths:
        raise ValueError(
            f"scene.light.environments names {name!r}, whose image is not in Blender's studiolights/world, which has "
            f"{', '.join(paths) or 'none'}; install bpy again, or name others"
        )
    seen = read_rgb(paths[name])
    light = light_image(seen)
    return add_world_image(name, light), Environment(seen, light)


def _roots(model: MorphableModel, triangles: np.ndarray, strands: int) -> dict[int, hair.Roots]:
    place = lambda region, count, guides: hair.place_roots(model.mean, triangles, model.regions[region], count, guides)
    return {
        HAIR: place("scalp", strands, 350),
        RIGHT_BROW: place("right_brow", BROW_STRANDS, 60),
        LEFT_BROW: place("left_brow", BROW_STRANDS, 60),
    }


def _objects(scene, model: MorphableModel, triangles: np.ndarray, eyeball) -> dict[int, bpy.types.Object]:
    """Every object, by pass index, with its material."""
    skin = add_mesh(scene, "skin", model.mean, triangles, SKIN)
    set_uv(skin.data, model.triangle_uv())
    set_attribute(skin.data, materials.REST, model.mean, "POINT")
    wetness = np.maximum(model.regions["lips"], model.regions["inner_mouth"])
    set_attribute(skin.data, materials.WETNESS, wetness, "POINT")
    skin.data.materials.append(materials.skin_material())
    objects = {SKIN: skin}
    for index, name in ((RIGHT_EYE, "right_eye"), (LEFT_EYE, "left_eye")):
        objects[index] = add_mesh(scene, name, eyeball[0], eyeball[1], index)
        objects[index].data.materials.append(materials.eye_material(name))
    if model.garment is not None:
        objects[GARMENT] = add_mesh(scene, "garment", model.garment.mean, model.garment.triangles(), GARMENT)
        set_attribute(objects[GARMENT].data, materials.REST, model.garment.mean, "POINT")
        objects[GARMENT].data.materials.append(materials.cloth_material())
    strands = {HAIR: "hair", RIGHT_BROW: "right_brow", LEFT_BROW: "left_brow", LASHES: "lashes", BEARD: "beard"}
    for index, name in strands.items():
        objects[index] = add_strands(scene, name, index)
        objects[index].data.materials.append(materials.hair_material(name))
    return objects


def build(stage: Stage, spec: Spec) -> Shot:
    """Rewrites the data blocks to the spec and says what is where.

    The environment stays and the head turns under it: Cycles keeps its importance map from shot to shot.
    """
    head_to_world = rigid(rotation_z(-spec.light.rotation), np.zeros(3))
    head_to_camera = rigid(head_rotation(*spec.yaw_pitch_roll), np.array(spec.head_translation))
    K = intrinsics(spec.focal_px, spec.hw, spec.principal_offset)
    camera = Camera(K, head_to_camera @ inverse_rigid(head_to_world), spec.hw)
    identity, expression = coefficients(stage.model, spec)
    vertices = stage.model.vertices(identity, expression)
    normals = vertex_normals(vertices, stage.triangles)
    surfaces, eyes = _eyes(stage, spec, identity, head_to_world)
    surfaces[SKIN] = _skin(stage, spec.person, vertices, normals, head_to_world)
    surfaces |= _garment(stage, spec.person, identity, expression, head_to_world)
    posed = Posed(vertices=vertices, normals=normals, landmarks=stage.model.landmarks(vertices), eyes=eyes)
    worn = dress(stage.wardrobe, spec.wear, posed, head_to_world)
    surfaces |= worn.surfaces | _strands(stage, spec.person, posed, worn, head_to_world)
    return _shot(stage, spec, camera, head_to_world, head_to_camera, surfaces, vertices, eyes, expression)


def coefficients(model: MorphableModel, spec: Spec) -> tuple[np.ndarray, np.ndarray]:
    """Identity [Ki] and expression [Ke] float32: what the record's params hold, and what the mesh is made of."""
    weights = [spec.expression.get(name, 0.0) for name in model.expression_names]
    return np.array(spec.person.identity, np.float32), np.array(weights, np.float32)


def _skin(
    stage: Stage, person: PersonSpec, vertices: np.ndarray, normals: np.ndarray, head_to_world: np.ndarray
) -> Surface:
    mesh, points = stage.objects[SKIN].data, transform(head_to_world, vertices)
    move_vertices(mesh, points, normals @ head_to_world[:3, :3].T)
    set_attribute(mesh, materials.ALBEDO, _skin_albedo(stage, person), "POINT")
    mesh.materials[0].node_tree.nodes["Roughness"].outputs[0].default_value = person.skin_roughness
    return Surface(points=points, triangles=stage.triangles, segmentation=stage.part, uv=stage.uv, pncc=stage.pncc)


def _skin_albedo(stage: Stage, person: PersonSpec) -> np.ndarray:
    """Reflectance [V, 3] of the skin, coloured by the roots of hair, brows and beard."""
    model = stage.model
    albedo = model.albedo(np.array(person.albedo, np.float32))
    color = np.array(materials.hair_color(person.hair.melanin, person.hair.redness, person.hair.grey), np.float32)
    scalp = SCALP_TINT.get(person.hair.style, 0.75) * model.regions["scalp"]
    brows = 0.35 * person.brow_density * np.maximum(model.regions["right_brow"], model.regions["left_brow"])
    tint = np.maximum(scalp, brows)[:, None]
    albedo = albedo * (1 - tint) + np.minimum(1.5 * color, albedo) * tint
    if person.beard is None:
        return albedo
    beard, places = person.beard, stage.beards.vertices
    tint = 0.45 * beards.beard_field(beard, stage.beards.marks, places)[:, None]
    color = np.array(materials.hair_color(beard.melanin, beard.redness, beard.grey), np.float32)
    return albedo * (1 - tint) + np.minimum(1.5 * color + 0.02, albedo) * tint


def _eyes(stage: Stage, spec: Spec, identity: np.ndarray, head_to_world: np.ndarray) -> tuple[dict[int, Surface], Eyes]:
    model, (points, triangles) = stage.model, stage.eyeball
    centers = model.eyeballs.centers(identity).astype(np.float64)
    radii = model.eyeballs.radii(identity).astype(np.float64)
    eyes = Eyes(centers, radii, normalize(np.array(spec.gaze_target) - centers))
    surfaces = {}
    for k, index in enumerate((RIGHT_EYE, LEFT_EYE)):
        eye_to_world = head_to_world @ rigid(radii[k] * eye_rotation(eyes.directions[k]), centers[k])
        thing = stage.objects[index]
        thing.matrix_world = mathutils.Matrix(eye_to_world)
        nodes = thing.data.materials[0].node_tree.nodes
        nodes["Iris"].outputs[0].default_value = (*spec.person.iris, 1)
        nodes["Pupil"].outputs[0].default_value = spec.person.pupil
        segmentation = np.full(len(triangles), CLASS[index], np.uint8)
        surfaces[index] = Surface(
            points=transform(eye_to_world, points), triangles=triangles, segmentation=segmentation
        )
    return surfaces, eyes


def _garment(stage: Stage, person: PersonSpec, identity, expression, head_to_world) -> dict[int, Surface]:
    thing, mesh = stage.objects.get(GARMENT), stage.model.garment
    if thing is None or mesh is None:
        return {}
    thing.hide_render = person.garment is None
    if person.garment is None:
        return {}
    points = transform(head_to_world, mesh.vertices(identity, expression))
    triangles = mesh.triangles()
    move_vertices(thing.data, points, vertex_normals(points, triangles))
    thing.data.materials[0].node_tree.nodes["Color"].outputs[0].default_value = (*person.garment, 1)
    segmentation = np.full(len(triangles), CLASS[GARMENT], np.uint8)
    return {GARMENT: Surface(points=points, triangles=triangles, segmentation=segmentation)}


def _strands(stage: Stage, person: PersonSpec, posed: Posed, worn: Worn, head_to_world) -> dict[int, Surface]:
    """Hair, beard, brows and lashes on the posed head, under what is worn."""
    model, roots, vertices, normals = stage.model, stage.roots, posed.vertices, posed.normals
    brows = {index: roots[index].first(int(person.brow_density * BROW_STRANDS)) for index in (RIGHT_BROW, LEFT_BROW)}
    field = hair.HeadField(vertices[stage.outside])
    grown = {
        HAIR: worn.hair(hair.grow_hair(person.hair, roots[HAIR], vertices, normals, field)),
        BEARD: worn.beard(beards.grow_beard(person.beard, stage.beards, vertices, normals, field)),
        RIGHT_BROW: hair.grow_brows(brows[RIGHT_BROW], vertices, normals, -1),
        LEFT_BROW: hair.grow_brows(brows[LEFT_BROW], vertices, normals, 1),
        LASHES: _lashes(model, vertices, posed.eyes.centers),
    }
    color = materials.hair_color(person.hair.melanin, person.hair.redness, person.hair.grey)
    colors = {HAIR: color, LASHES: tuple(min(0.2 * c, 0.012) for c in color)}
    if person.beard is not None:
        colors[BEARD] = materials.hair_color(person.beard.melanin, person.beard.redness, person.beard.grey)
    dark = tuple(0.5 * c for c in color)
    surfaces = {}
    for index, strands in grown.items():
        thing = stage.objects[index]
        thing.hide_render = not len(strands)
        if not len(strands):
            continue
        root_radius = STRAND_RADIUS[index] * (9000 / len(strands) if index == HAIR else 1.0)
        radius = root_radius * np.linspace(1.0, 0.35, strands.shape[1])
        points = transform(head_to_world, strands)
        set_strands(thing.data, points, np.broadcast_to(radius, strands.shape[:2]))
        nodes = thing.data.materials[0].node_tree.nodes
        nodes["Color"].outputs[0].default_value = (*colors.get(index, dark), 1)
        surfaces[index] = Surface(
            points=points.reshape(-1, 3),
            segmentation=np.array([CLASS[index]], np.uint8),
            strand_points=strands.shape[1],
            radius=radius,
        )
    return surfaces


def _lashes(model: MorphableModel, vertices: np.ndarray, eye_centers: np.ndarray) -> np.ndarray:
    """All four rows of lashes, [S, 5, 3]."""
    rows = []
    for side, eye in zip(("right", "left"), eye_centers, strict=True):
        for lid, length, upward in (("upper", 0.0085, 0.5), ("lower", 0.0045, -0.15)):
            margin = vertices[model.paths[f"{side}_{lid}_lash"]].astype(np.float64)
            rows.append(hair.grow_lashes(margin, eye, LASH_STRANDS[lid], length, upward))
    return np.concatenate(rows)


def _shot(
    stage: Stage,
    spec: Spec,
    camera: Camera,
    head_to_world: np.ndarray,
    head_to_camera: np.ndarray,
    surfaces: dict[int, Surface],
    vertices: np.ndarray,
    eyes: Eyes,
    expression: np.ndarray,
) -> Shot:
    image, environment = stage.environments[spec.light.environment]
    set_world(stage.world, image, (1, 1, 1), environment.strength)
    _set_lamps(stage.lamps, spec.light, head_to_world)
    sh = incident_light(spec.light, environment, head_to_world, camera)
    exposure = metered_exposure(
        sh, spec.light.exposure_ev, stage.model.albedo(np.array(spec.person.albedo, np.float32))
    )
    pupils = eyes.centers + IRIS_PLANE * eyes.radii[:, None] * eyes.directions
    landmarks = np.concatenate([stage.model.landmarks(vertices), pupils])
    return Shot(
        camera=camera,
        surfaces=surfaces,
        background=seen_background(spec.background, environment, camera, exposure),
        exposure=exposure,
        landmarks=transform(head_to_world, landmarks),
        landmark_inside=np.array([*[0] * 68, RIGHT_EYE, LEFT_EYE]),
        cycles_seed=spec.cycles_seed,
        aperture=spec.aperture,
        motion=spec.motion,
        sensor=spec.sensor,
        bare=(SKIN, RIGHT_EYE, LEFT_EYE),
        fields={
            "params/identity": np.array(spec.person.identity),
            "params/expression": expression,
            "params/albedo": np.array(spec.person.albedo),
            "params/light_sh": exposure * sh,
            "params/head_to_camera": head_to_camera,
            "params/yaw_pitch_roll": np.array(spec.yaw_pitch_roll),
            "params/gaze": eyes.directions @ head_to_camera[:3, :3].T,
        },
    )


def _set_lamps(lamps: list[bpy.types.Object], spec: LightSpec, head_to_world: np.ndarray) -> None:
    for k, lamp in enumerate(lamps):
        if k >= len(spec.lamps):
            switch_off(lamp)
            continue
        drawn = spec.lamps[k]
        place = transform(head_to_world, np.array(drawn.place))
        set_area_lamp(lamp, place, np.zeros(3), drawn.size, lamp_watts(drawn))
