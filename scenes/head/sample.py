"""Draws a photograph of a face: who (shared by the views of an identity), and how it is seen (each view's own)."""

from dataclasses import dataclass, fields, replace

import numpy as np

from scenes.head.config import (
    CameraConfig,
    PoseConfig,
    Spread,
)
from scenes.head.config import Config as HeadConfig
from scenes.head.expression import look, sample_expression
from scenes.head.eyes import optical_axes, sample_kappa
from scenes.head.hairstyles.spec import BrowSpec, HairSpec, sample_brows, sample_hair
from scenes.head.joints import sample_joints
from scenes.head.lamps import Triple, triple
from scenes.head.model import model_of, size, without
from scenes.head.mouth import MouthSpec, sample_mouth
from scenes.head.normal import truncated_normal
from scenes.head.optics import SENSOR_MM, head_distance, sample_aperture, sample_motion
from scenes.head.place import BackgroundSpec, LightSpec, sample_background, sample_light
from scenes.head.population import sample_shape
from scenes.head.skin import SkinSpec, sample_skin
from scenes.head.worn import BeardSpec, WearSpec, sample_beard, sample_wear
from synth.camera import intrinsics
from synth.config import Config
from synth.geometry import head_rotation, inverse_rigid, rigid, transform
from synth.models import MorphableModel
from synth.optics import ApertureSpec, MotionSpec
from synth.rng import Streams, between, log_between
from synth.sensor import SensorSpec, sample_sensor

HEAD_CENTER = np.array([0.0, 0.03, -0.005])  # m, head space: the middle of what is framed; of a model of size 1
# How far eyes turn before the head does, right and left, down and up (rad).
GAZE_RIGHT_DOWN, GAZE_LEFT_UP = np.deg2rad([-25.0, -20.0]), np.deg2rad([25.0, 15.0])
NO_TRAITS = {"male": 1.0, "old": 0.4, "child": 0.0}  # of a model that does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSpec:
    """What the views of one identity share."""

    identity: tuple[float, ...]  # coefficients, standard deviations
    albedo: tuple[float, ...]
    iris: Triple  # linear RGB
    pupil: float  # radius over the iris's
    kappa: tuple[float, float]  # of the visual from the optical axes, towards the nose and up, rad
    brow_density: float
    brows: BrowSpec
    hair: HairSpec
    beard: BeardSpec | None  # None is shaved
    skin: SkinSpec
    mouth: MouthSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """Everything drawn for one record."""

    person: PersonSpec
    wear: WearSpec
    expression: dict[str, float]  # unit name: weight or standard deviations; units not named rest
    joints: dict[str, Triple]  # joint name: rotation vector, rad, head space; joints not named rest
    gaze_target: Triple  # m, head space
    yaw_pitch_roll: Triple  # rad, geometry.head_rotation
    head_translation: Triple  # m, of head_to_camera
    focal_px: float
    principal_offset: tuple[float, float]  # image widths
    light: LightSpec
    background: BackgroundSpec
    aperture: ApertureSpec | None  # None is a pinhole
    motion: MotionSpec | None  # None is still
    sensor: SensorSpec
    hw: tuple[int, int]
    cycles_seed: int


def sample(config: Config, streams: Streams) -> Spec:
    """The spec of one record."""
    head: HeadConfig = config.scene
    model = model_of(config.model)
    hw = (config.render.hw[0], config.render.hw[1])
    pose = sample_pose(head.pose, streams.of_record("pose"))
    focal_px, principal_offset, translation = sample_camera(
        head.camera, hw, pose, size(model), streams.of_record("camera")
    )
    head_to_camera, focal_mm = rigid(head_rotation(*pose), translation), SENSOR_MM * focal_px / hw[1]
    target, yaw, pitch = sample_gaze(head, head_to_camera, streams.of_record("gaze"))
    expression = sample_expression(head.expression, model, streams.of_record("expression"))
    person = sample_person(head, model, streams)
    male, _, child = traits_of(model, np.array(person.identity))
    wear = sample_wear(head.wear, head.clothes, head.makeup, male, child, streams)
    centers = model.eyeballs.centers(np.array(person.identity)).astype(np.float64)
    axes, eyes = optical_axes(centers, np.array(target), person.kappa), transform(head_to_camera, centers)
    return Spec(
        person=person,
        wear=_wearable(wear, without(model)),
        expression=look(expression, model.expression_names, yaw, pitch),
        joints=sample_joints(head.joints, model, axes, not expression, streams.of_record("joints")),
        gaze_target=target,
        yaw_pitch_roll=pose,
        head_translation=triple(translation),
        focal_px=focal_px,
        principal_offset=principal_offset,
        light=sample_light(head.light, inverse_rigid(head_to_camera)[:3, 3], streams),
        background=sample_background(head.background, streams),
        aperture=sample_aperture(head.camera, focal_mm, eyes, streams.of_record("aperture")),
        motion=sample_motion(head.camera, focal_mm, float(eyes[:, 2].mean()), streams.of_record("shutter")),
        sensor=sample_sensor(head.sensor, streams.of_record("sensor")),
        hw=hw,
        cycles_seed=streams.cycles_seed(),
    )


def _wearable(wear: WearSpec, missing: tuple[str, ...]) -> WearSpec:
    """Without what the model has no place for."""
    bare = {slot.name: None for slot in fields(wear) if slot.name in missing}
    if wear.headwear is not None and wear.headwear.kind in missing:
        bare["headwear"] = None
    return replace(wear, **bare)


def traits_of(model: MorphableModel, shape: np.ndarray) -> tuple[float, float, float]:
    """How male, how old and how much a child a shape is (coefficients [Ki]), each about 0 to 1; see NO_TRAITS."""
    male, old, child = (
        default if (trait := model.trait(name, shape)) is None else trait for name, default in NO_TRAITS.items()
    )
    return male, old, child


def sample_person(head: HeadConfig, model: MorphableModel, streams: Streams) -> PersonSpec:
    """What the views of one identity share."""
    rng, shape = streams.of_identity("looks"), sample_shape(head.identity, model, streams)
    male, old, child = traits_of(model, shape)
    skin, albedo, angle = sample_skin(head.skin, model, male, old, child, head.identity.bound, streams)
    dark = float(np.clip((45 - angle) / 80, 0, 1))  # of the skin
    hair = sample_hair(head.hair, male, old, child, dark, streams.of_identity("hair"))
    pigment = (hair.melanin, hair.redness, hair.grey)
    person = PersonSpec(
        identity=tuple(shape.tolist()),
        albedo=albedo,
        iris=sample_iris(rng),
        pupil=rng.uniform(0.28, 0.5),
        kappa=sample_kappa(streams.of_identity("kappa")),
        brow_density=rng.uniform(0.5, 1.0),
        brows=sample_brows(male, streams.of_identity("brows")),
        hair=hair,
        beard=sample_beard(head.beard, male, old, child, pigment, streams.of_identity("beard")),
        skin=skin,
        mouth=sample_mouth(float(np.clip(old - child, 0, 1)), max(dark, 0.0), streams.of_identity("mouth")),
    )
    return _grown(person, without(model))


def _grown(person: PersonSpec, missing: tuple[str, ...]) -> PersonSpec:
    """Without what the model has no place for."""
    hair = replace(person.hair, style="bald") if "hair" in missing else person.hair
    beard = None if "beard" in missing else person.beard
    return replace(person, hair=hair, beard=beard)


def sample_iris(rng: np.random.Generator) -> Triple:
    """Linear RGB from dark brown to blue, most people's being brown."""
    palette = np.array(
        [[0.05, 0.026, 0.014], [0.11, 0.062, 0.028], [0.15, 0.105, 0.045], [0.13, 0.15, 0.075], [0.11, 0.17, 0.25]]
    )
    base = palette[rng.choice(5, p=[0.34, 0.3, 0.12, 0.1, 0.14])]
    return triple(base * rng.uniform(0.7, 1.3) * rng.uniform(0.96, 1.04, 3))


def sample_pose(config: PoseConfig, rng: np.random.Generator) -> Triple:
    """Yaw, pitch and roll (rad)."""
    angles = []
    for name in ("yaw", "pitch", "roll"):
        bound, sigma = getattr(config, f"{name}_max_deg"), getattr(config, f"{name}_sigma_deg")
        if config.spread is Spread.uniform and name != "roll":
            angles.append(rng.uniform(-bound, bound))
        else:
            angles.append(sigma * truncated_normal(rng, 1.0, bound / sigma, 1)[0])
    return triple(np.deg2rad(angles))


def sample_camera(
    config: CameraConfig, hw: tuple[int, int], pose: Triple, scale: float, rng: np.random.Generator
) -> tuple[float, tuple[float, float], np.ndarray]:
    """Focal length (px), principal point's offset (image widths), and the translation of head_to_camera (m).

    The head's centre is put on its place in the image, at the distance where the head has its size. scale: of the
    model's heads, 1 is MakeHuman's.
    """
    focal_px = log_between(rng, config.focal_mm) / SENSOR_MM * hw[1]
    height_px = between(rng, config.head_size) * min(hw)
    offset = rng.uniform(-config.principal_offset, config.principal_offset, 2)
    place = np.array([hw[1], hw[0]]) * (0.5 + rng.uniform(-config.head_offset, config.head_offset, 2))
    K = intrinsics(focal_px, hw, (offset[0], offset[1]))
    distance = head_distance(focal_px, height_px, scale)
    center = distance * np.linalg.solve(K, [*place, 1.0])
    return focal_px, (float(offset[0]), float(offset[1])), center - head_rotation(*pose) @ (scale * HEAD_CENTER)


def sample_gaze(head: HeadConfig, head_to_camera: np.ndarray, rng: np.random.Generator) -> tuple[Triple, float, float]:
    """The point looked at (m, head space), and the gaze's yaw to the subject's left and pitch up (rad).

    Who has turned too far from the camera to look into it looks about where the head points; a gaze farther than eyes
    turn is drawn again.
    """
    config, camera = head.expression, -head_to_camera[:3, :3].T @ head_to_camera[:3, 3]
    sigma = np.deg2rad(config.gaze_sigma_deg)
    at_camera, aside = rng.random() < config.look_at_camera, sigma * rng.standard_normal(2)
    distance = log_between(rng, [0.4, 5.0])
    away = float(np.linalg.norm(camera))
    to_camera = np.array([np.arctan2(camera[0], -camera[1]), np.arcsin(camera[2] / away)])
    if at_camera and _within_reach(to_camera):
        distance, aside = away, to_camera
    while not _within_reach(aside):
        aside = sigma * rng.standard_normal(2)
    yaw, pitch = aside
    target = distance * np.array([np.sin(yaw) * np.cos(pitch), -np.cos(yaw) * np.cos(pitch), np.sin(pitch)])
    return triple(target), float(yaw), float(pitch)


def _within_reach(gaze: np.ndarray) -> bool:
    """Whether eyes turn so far: yaw and pitch [2] (rad)."""
    return bool(((gaze >= GAZE_RIGHT_DOWN) & (gaze <= GAZE_LEFT_UP)).all())
