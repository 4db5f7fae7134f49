"""Builds a drawn photograph of a face in Blender: a head, eyes, strands and what is worn, rewritten each time."""

from dataclasses import dataclass

import bpy
import mathutils
import numpy as np

from scenes.head import materials
from scenes.head.backdrops import seen_background
from scenes.head.bare_arms import Arms, are_bare, fit_arms, prepare_arms, seamless
from scenes.head.complexion import Skin, prepare_skin, put_on_skin, texels
from scenes.head.config import Config as HeadConfig
from scenes.head.dress import Posed, Wardrobe, dress, prepare_wardrobe
from scenes.head.eyes import Eyes, eye_rotation, eyeball_mesh
from scenes.head.growth import Growth, grow, prepare_growth, strand_count, tinted
from scenes.head.holding import Hands, hold, prepare_hands
from scenes.head.joints import worn_motion
from scenes.head.light import Environment, incident_light, metered_exposure
from scenes.head.makeup import Mirror, made_up, prepare_mirror
from scenes.head.model import model_of, without
from scenes.head.mouth import coloured
from scenes.head.params import params_of
from scenes.head.sample import Spec
from scenes.head.skin_material import GLOSS, gloss
from scenes.head.surroundings import Surroundings, place_lamps, prepare_surroundings, surround
from scenes.head.torso import NECK
from synth.blender.mesh import add_mesh, move_vertices, put_away, set_attribute, set_uv, show
from synth.camera import Camera, intrinsics
from synth.config import Config
from synth.geometry import inverse_rigid, rigid, rotation_z, transform, vertex_normals
from synth.labels.shot import Shot, Surface
from synth.models import MorphableModel
from synth.models.eyeball import EyeShape, eye_shape
from synth.models.outline import Outline, outline_of
from synth.passes import JAW

SKIN, RIGHT_EYE, LEFT_EYE, ARMS = range(1, 5)  # pass indices; what grows and what is worn comes after
CLASS = {RIGHT_EYE: 3, LEFT_EYE: 4}
MOUTH_INTERIOR = 9


@dataclass(slots=True)
class Stage:
    """The model at the rendered resolution, what follows from it once, and the data blocks that `build` rewrites."""

    model: MorphableModel
    triangles: np.ndarray  # int32 [T, 3]
    uv: np.ndarray  # float32 [T, 3, 2]
    part: np.ndarray  # uint8 [T]
    pncc: np.ndarray  # float32 [V, 3]
    outline: Outline
    arms: Arms | None  # None: the model does not end at arms
    growth: Growth
    wardrobe: Wardrobe
    mirror: Mirror
    garment_weights: np.ndarray | None  # float32 [G, J] of the garment, by the model's joints
    eye_shape: EyeShape
    eyeball: tuple[np.ndarray, np.ndarray]
    objects: dict[int, bpy.types.Object]
    skin: Skin
    hands: Hands
    surroundings: Surroundings
    photographs: str  # the user's folder of backgrounds


def prepare(config: Config) -> Stage:
    """Loads the model and makes every data block once, in the empty scene of this process."""
    head: HeadConfig = config.scene
    scene = bpy.context.scene
    model = model_of(config.model).subdivided(head.subdivision)
    missing, shape = without(model_of(config.model)), eye_shape(float(model.eyeballs.radius.mean()))
    triangles, part, eyeball = model.triangles(), model.triangle_part(), eyeball_mesh(shape)
    outside, strands = np.unique(triangles[part != MOUTH_INTERIOR]), head.hair.strands or strand_count(config.render.hw)
    skin = prepare_skin(model, texels(head.skin, config.render.hw))
    arms = prepare_arms(model)
    return Stage(
        model=model,
        triangles=triangles,
        uv=model.triangle_uv(),
        part=part,
        pncc=model.pncc(),
        outline=outline_of(model),
        arms=arms,
        growth=prepare_growth(scene, model, triangles, outside, strands, missing),
        wardrobe=prepare_wardrobe(scene, model, triangles, part, missing),
        mirror=prepare_mirror(model),
        garment_weights=_garment_weights(model),
        eye_shape=shape,
        eyeball=eyeball,
        objects=_objects(scene, model, triangles, eyeball, shape, skin.material) | _arms(scene, model, arms, skin),
        skin=skin,
        hands=prepare_hands(scene, model),
        surroundings=prepare_surroundings(scene, head.light),
        photographs=head.background.folder,
    )


def _garment_weights(model: MorphableModel) -> np.ndarray | None:
    """Skinning weights [G, J] of the garment: those of the skin nearest to it. None without joints or garment."""
    if model.garment is None or model.rig is None:
        return None
    chunks = np.array_split(model.garment.mean, max(len(model.garment.mean) // 200, 1))
    nearest = [((chunk[:, None] - model.mean) ** 2).sum(axis=-1).argmin(axis=1) for chunk in chunks]
    return model.rig.weights[np.concatenate(nearest)]


def _objects(
    scene, model: MorphableModel, triangles: np.ndarray, eyeball, shape: EyeShape, material: bpy.types.Material
) -> dict[int, bpy.types.Object]:
    """Every object, by pass index, with its material, the skin's the given one."""
    skin = add_mesh(scene, "skin", model.mean, triangles, SKIN)
    set_uv(skin.data, model.triangle_uv())
    set_attribute(skin.data, materials.REST, model.mean, "POINT")
    set_attribute(skin.data, materials.ENAMEL, model.regions.get("teeth", np.zeros(len(model.mean))), "POINT")
    skin.data.materials.append(material)
    objects = {SKIN: skin}
    iris = materials.eye_material(shape)
    for index, name in ((RIGHT_EYE, "right_eye"), (LEFT_EYE, "left_eye")):
        objects[index] = add_mesh(scene, name, eyeball[0], eyeball[1], index)
        objects[index].data.materials.append(iris)
    return objects


def _arms(scene, model: MorphableModel, arms: Arms | None, skin: Skin) -> dict[int, bpy.types.Object]:
    if arms is None:
        return {}
    thing = add_mesh(scene, "arms", model.mean[arms.starts], arms.triangles, ARMS)
    set_uv(thing.data, arms.uv)
    set_attribute(thing.data, materials.ENAMEL, np.zeros(len(arms.starts)), "POINT")
    thing.data.materials.append(skin.material)
    return {ARMS: thing}


def build(stage: Stage, spec: Spec) -> Shot:
    """Rewrites the data blocks to the spec and says what is where.

    The environment stays and the head turns under it: Cycles keeps its importance map from shot to shot.
    """
    environment = surround(stage.surroundings, spec.light)
    head_to_world = rigid(rotation_z(environment.turn(spec.light.azimuth)), np.zeros(3))
    place_lamps(stage.surroundings, spec.light.lamps, head_to_world)
    params, eyes = params_of(stage.model, spec)
    K = intrinsics(spec.focal_px, spec.hw, spec.principal_offset)
    camera = Camera(K, params["params/head_to_camera"] @ inverse_rigid(head_to_world), spec.hw)
    vertices = stage.model.rebuilt(params)
    normals = vertex_normals(vertices, stage.triangles)
    surfaces = _eyes(stage, spec, eyes, head_to_world)
    albedo = stage.model.albedo(np.array(spec.person.albedo, np.float32))
    surfaces[SKIN] = _skin(stage, spec, vertices, normals, albedo, head_to_world)
    garment = _garment(stage, params)
    posed = Posed(
        vertices=vertices, normals=normals, landmarks=stage.model.landmarks(vertices), eyes=eyes, garment=garment
    )
    surfaces |= _bare_arms(stage, spec, posed, albedo, head_to_world)
    worn = dress(stage.wardrobe, spec.wear, posed, head_to_world)
    surfaces |= worn.surfaces | grow(stage.growth, spec.person, posed, worn, head_to_world)
    surfaces |= hold(stage.hands, spec.wear, spec.person, posed, worn, head_to_world)
    return _shot(stage, spec, camera, head_to_world, environment, surfaces, posed, albedo, params)


def _skin(
    stage: Stage,
    spec: Spec,
    vertices: np.ndarray,
    normals: np.ndarray,
    albedo: np.ndarray,
    head_to_world: np.ndarray,
) -> Surface:
    person = spec.person
    mesh, points = stage.objects[SKIN].data, transform(head_to_world, vertices)
    normals = normals @ head_to_world[:3, :3].T
    move_vertices(mesh, points, normals)
    albedo = coloured(person.mouth, stage.model, tinted(stage.growth, person, stage.model, albedo))
    set_attribute(mesh, materials.ALBEDO, made_up(spec.wear.makeup, stage.mirror, albedo), "POINT")
    return Surface(
        points=points,
        triangles=stage.triangles,
        segmentation=stage.part,
        uv=stage.uv,
        pncc=stage.pncc,
        normals=normals,
        relief=put_on_skin(stage.skin, mesh, person.skin, spec.expression),
    )


def _bare_arms(
    stage: Stage, spec: Spec, posed: Posed, albedo: np.ndarray, head_to_world: np.ndarray
) -> dict[int, Surface]:
    """What the model lacks of arms without sleeves: labelled as the skin that they go on from, on no map of it."""
    if stage.arms is None:
        return {}
    thing, starts = stage.objects[ARMS], stage.arms.starts
    if not are_bare(spec.wear.clothes):
        put_away(thing)
        return {}
    show(thing)
    points, triangles = fit_arms(stage.arms, posed.vertices), stage.arms.triangles
    normals = seamless(stage.arms, vertex_normals(points, triangles), posed.normals) @ head_to_world[:3, :3].T
    points = transform(head_to_world, points)
    move_vertices(thing.data, points, normals)
    set_attribute(thing.data, materials.ALBEDO, albedo[starts], "POINT")
    set_attribute(thing.data, GLOSS, gloss(stage.skin.shine, spec.person.skin)[starts], "POINT")
    segmentation = np.full(len(triangles), NECK, np.uint8)
    return {ARMS: Surface(points=points, triangles=triangles, segmentation=segmentation, normals=normals)}


def _eyes(stage: Stage, spec: Spec, eyes: Eyes, head_to_world: np.ndarray) -> dict[int, Surface]:
    points, triangles = stage.eyeball
    nodes = stage.objects[RIGHT_EYE].data.materials[0].node_tree.nodes  # which are the left eye's, too
    nodes["Iris"].outputs[0].default_value = (*spec.person.iris, 1)
    nodes["Pupil"].outputs[0].default_value = spec.person.pupil
    surfaces = {}
    for k, index in enumerate((RIGHT_EYE, LEFT_EYE)):
        eye_to_world = head_to_world @ rigid(eyes.radii[k] * eye_rotation(eyes.directions[k]), eyes.centers[k])
        thing = stage.objects[index]
        thing.matrix_world = mathutils.Matrix(eye_to_world)
        segmentation = np.full(len(triangles), CLASS[index], np.uint8)
        surfaces[index] = Surface(
            points=transform(eye_to_world, points), triangles=triangles, segmentation=segmentation
        )
    return surfaces


def _garment(stage: Stage, params: dict[str, np.ndarray]) -> np.ndarray | None:
    """Vertices [G, 3] (m, head space) of the model's own garment, which clothes are fitted to where the skin ends."""
    mesh, rig = stage.model.garment, stage.model.rig
    if mesh is None:
        return None
    identity, expression = params["params/identity"], params["params/expression"]
    points = mesh.vertices(identity, expression)
    if rig is None or stage.garment_weights is None:
        return points
    at = rig.positions(identity, expression)
    return worn_motion(rig, stage.garment_weights, points, at, params["params/pose"])


def _shot(
    stage: Stage,
    spec: Spec,
    camera: Camera,
    head_to_world: np.ndarray,
    environment: Environment,
    surfaces: dict[int, Surface],
    posed: Posed,
    albedo: np.ndarray,
    params: dict[str, np.ndarray],
) -> Shot:
    eyes = posed.eyes
    sh = incident_light(spec.light, environment, head_to_world, camera)
    exposure = metered_exposure(sh, spec.light.exposure_ev, albedo)
    pupils = eyes.centers + stage.eye_shape.iris_plane * eyes.radii[:, None] * eyes.directions
    landmarks = transform(head_to_world, np.concatenate([posed.landmarks, pupils]))
    outline_2d = camera.project(landmarks)
    outline_2d[:JAW] = stage.outline.seen(posed.vertices, camera, head_to_world)
    return Shot(
        camera=camera,
        surfaces=surfaces,
        background=seen_background(spec.background, environment, camera, exposure, stage.photographs),
        exposure=exposure,
        landmarks=landmarks,
        landmark_inside=np.array([*[0] * 68, RIGHT_EYE, LEFT_EYE]),
        cycles_seed=spec.cycles_seed,
        aperture=spec.aperture,
        motion=spec.motion,
        sensor=spec.sensor,
        bare=tuple(index for index in (SKIN, RIGHT_EYE, LEFT_EYE, ARMS) if index in surfaces),
        fields={
            **params,
            "params/albedo": np.array(spec.person.albedo),
            "params/light_sh": exposure * sh,
            "landmarks/outline_2d": outline_2d,
        },
    )
