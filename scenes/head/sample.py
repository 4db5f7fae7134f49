"""Draws a photograph of a face: who (shared by the views of an identity), and how it is seen (each view's own)."""

from dataclasses import dataclass, replace

import numpy as np

from scenes.head.config import (
    BACKGROUNDS,
    BackgroundConfig,
    CameraConfig,
    LightConfig,
    PoseConfig,
    Spread,
)
from scenes.head.config import Config as HeadConfig
from scenes.head.expression import look, sample_expression
from scenes.head.hairstyles.spec import BrowSpec, HairSpec, sample_brows, sample_hair
from scenes.head.joints import sample_joints
from scenes.head.model import model_of, size, without
from scenes.head.normal import truncated_normal
from scenes.head.optics import SENSOR_MM, sample_aperture, sample_motion
from scenes.head.worn import BeardSpec, WearSpec, sample_beard, sample_wear
from synth.camera import intrinsics
from synth.config import Config
from synth.geometry import head_rotation, rigid, transform
from synth.models import MorphableModel
from synth.optics import ApertureSpec, MotionSpec
from synth.rng import Streams, between, log_between
from synth.sensor import SensorSpec, sample_sensor

HEAD_HEIGHT = 0.24  # m, chin to crown, for framing; of a model of size 1
HEAD_CENTER = np.array([0.0, 0.03, -0.005])  # m, head space: the middle of what is framed; of a model of size 1
GAZE_LIMIT = np.deg2rad([30.0, 22.0])  # how far eyes turn sideways and up or down, comfortably
NO_TRAITS = {"male": 1.0, "old": 0.4, "child": 0.0}  # of a model that does not say
Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSpec:
    """What the views of one identity share."""

    identity: tuple[float, ...]  # coefficients, standard deviations
    albedo: tuple[float, ...]
    iris: Triple  # linear RGB
    pupil: float  # radius over the iris's
    brow_density: float
    brows: BrowSpec
    hair: HairSpec
    beard: BeardSpec | None  # None is shaved
    skin_roughness: float
    garment: Triple | None  # linear RGB; None is none


@dataclass(frozen=True, slots=True, kw_only=True)
class LampSpec:
    """An area lamp that faces the head."""

    place: Triple  # m, head space
    size: float  # m
    ratio: float  # irradiance at the head over that of the environment's mean radiance
    color: Triple  # linear RGB, mean 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LightSpec:
    """The light: an environment turned about the head's vertical, and lamps."""

    environment: str
    rotation: float  # rad
    lamps: tuple[LampSpec, ...]
    exposure_ev: float  # stops over the metered exposure


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundSpec:
    """What is behind the head; colours are display-linear, 3 x 3 of them, rows from the top."""

    kind: str
    blur: float  # standard deviation over the image's width
    colors: tuple[Triple, ...]


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
    eyes = transform(head_to_camera, model.eyeballs.centers(np.array(person.identity)))
    return Spec(
        person=person,
        wear=_wearable(sample_wear(head.wear, streams), without(model)),
        expression=look(expression, model.expression_names, yaw, pitch),
        joints=sample_joints(head.joints, model, np.array(person.identity), target, streams.of_record("joints")),
        gaze_target=target,
        yaw_pitch_roll=pose,
        head_translation=triple(translation),
        focal_px=focal_px,
        principal_offset=principal_offset,
        light=sample_light(head.light, streams.of_record("light")),
        background=sample_background(head.background, streams.of_record("background")),
        aperture=sample_aperture(head.camera, focal_mm, eyes, streams.of_record("aperture")),
        motion=sample_motion(head.camera, focal_mm, float(eyes[:, 2].mean()), streams.of_record("shutter")),
        sensor=sample_sensor(head.sensor, streams.of_record("sensor")),
        hw=hw,
        cycles_seed=streams.cycles_seed(),
    )


def _wearable(wear: WearSpec, missing: tuple[str, ...]) -> WearSpec:
    """Without what the model has no place for."""
    return replace(wear, **{name: None for name in ("glasses", "headwear", "facewear") if name in missing})


def sample_person(head: HeadConfig, model: MorphableModel, streams: Streams) -> PersonSpec:
    """What the views of one identity share."""
    rng, config = streams.of_identity("looks"), head.identity
    shape = truncated_normal(streams.of_identity("shape"), 1.0, config.bound, len(model.identity))
    albedo = truncated_normal(streams.of_identity("albedo"), 1.0, min(config.bound, 2.0), len(model.albedo_basis))
    albedo *= np.where(np.arange(len(albedo)) == 0, config.tone_sigma, config.albedo_sigma)
    shape *= config.shape_sigma
    traits = {
        "male": model.trait("male", shape),
        "old": model.trait("old", shape),
        "child": model.trait("child", shape),
    }
    male, old, child = (default if (v := traits[name]) is None else v for name, default in NO_TRAITS.items())
    dark = float(np.clip((0.6 - albedo[0]) / 1.8, 0, 1)) if len(albedo) else 0.5  # of the skin
    hair = sample_hair(head.hair, male, old, child, dark, streams.of_identity("hair"))
    pigment = (hair.melanin, hair.redness, hair.grey)
    person = PersonSpec(
        identity=tuple(shape.tolist()),
        albedo=tuple(albedo.tolist()),
        iris=sample_iris(rng),
        pupil=rng.uniform(0.28, 0.5),
        brow_density=rng.uniform(0.5, 1.0),
        brows=sample_brows(male, streams.of_identity("brows")),
        hair=hair,
        beard=sample_beard(head.beard, male, old, child, pigment, streams.of_identity("beard")),
        skin_roughness=rng.uniform(0.38, 0.58),
        garment=triple(rng.uniform(0.02, 0.6) * (0.35 + 0.65 * rng.random(3))),
    )
    return _grown(person, without(model))


def _grown(person: PersonSpec, missing: tuple[str, ...]) -> PersonSpec:
    """Without what the model has no place for."""
    hair = replace(person.hair, style="bald") if "hair" in missing else person.hair
    beard = None if "beard" in missing else person.beard
    return replace(person, hair=hair, beard=beard, garment=None if "clothes" in missing else person.garment)


def sample_iris(rng: np.random.Generator) -> Triple:
    """Linear RGB from dark brown to blue, most people's being brown."""
    palette = np.array(
        [[0.06, 0.025, 0.012], [0.14, 0.06, 0.025], [0.2, 0.13, 0.05], [0.15, 0.17, 0.08], [0.12, 0.2, 0.3]]
    )
    base = palette[rng.choice(5, p=[0.34, 0.3, 0.12, 0.1, 0.14])]
    return triple(base * rng.uniform(0.7, 1.3) * rng.uniform(0.9, 1.1, 3))


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
    distance = focal_px * scale * HEAD_HEIGHT / height_px
    center = distance * np.linalg.solve(K, [*place, 1.0])
    return focal_px, (float(offset[0]), float(offset[1])), center - head_rotation(*pose) @ (scale * HEAD_CENTER)


def sample_gaze(head: HeadConfig, head_to_camera: np.ndarray, rng: np.random.Generator) -> tuple[Triple, float, float]:
    """The point looked at (m, head space), and the gaze's yaw to the subject's left and pitch up (rad)."""
    config, camera = head.expression, -head_to_camera[:3, :3].T @ head_to_camera[:3, 3]
    at_camera, aside = rng.random() < config.look_at_camera, rng.standard_normal(2) * np.deg2rad(config.gaze_sigma_deg)
    distance = log_between(rng, [0.4, 5.0])
    if at_camera:
        distance = float(np.linalg.norm(camera))
        aside = np.array([np.arctan2(camera[0], -camera[1]), np.arcsin(camera[2] / distance)])
    yaw, pitch = np.clip(aside, -GAZE_LIMIT, GAZE_LIMIT)
    target = distance * np.array([np.sin(yaw) * np.cos(pitch), -np.cos(yaw) * np.cos(pitch), np.sin(pitch)])
    return triple(target), float(yaw), float(pitch)


def sample_light(config: LightConfig, rng: np.random.Generator) -> LightSpec:
    """An environment, its rotation, and lamps around the head."""
    count = rng.integers(config.lamps[0], config.lamps[1], endpoint=True)
    return LightSpec(
        environment=config.environments[rng.integers(len(config.environments))],
        rotation=rng.uniform(0, 2 * np.pi),
        lamps=tuple(_sample_lamp(config, rng) for _ in range(count)),
        exposure_ev=config.exposure_sigma_ev * rng.standard_normal(),
    )


def _sample_lamp(config: LightConfig, rng: np.random.Generator) -> LampSpec:
    azimuth, elevation, distance = rng.uniform(-np.pi, np.pi), rng.uniform(-0.3, 1.2), rng.uniform(0.9, 2.5)
    flat = distance * np.cos(elevation)
    return LampSpec(
        place=triple([flat * np.sin(azimuth), -flat * np.cos(azimuth), distance * np.sin(elevation)]),
        size=log_between(rng, [0.1, 1.0]),
        ratio=log_between(rng, config.lamp_ratio),
        color=blackbody(between(rng, config.lamp_kelvin)),
    )


def sample_background(config: BackgroundConfig, rng: np.random.Generator) -> BackgroundSpec:
    """A kind by its weight; nine colours near one another."""
    weights = np.array([config.kinds.get(kind, 0.0) for kind in BACKGROUNDS])
    kind = BACKGROUNDS[rng.choice(len(BACKGROUNDS), p=weights / weights.sum())]
    base = rng.uniform(0.02, 0.7) * rng.uniform(0.5, 1.0, 3)
    spread = rng.choice([0.08, 0.6])
    colors = np.clip(base * np.exp(spread * rng.standard_normal((9, 3))), 0.0, 0.95)
    blur = rng.uniform(0.02, 0.08) if kind == "blurred" else 0.0
    return BackgroundSpec(kind=kind, blur=blur, colors=tuple(triple(c) for c in colors))


def blackbody(kelvin: float) -> Triple:
    """Linear sRGB of a black body of 1000 to 40000 K, scaled to a mean of 1; negative parts of its gamut are cut.

    Planck's law through the analytic CIE 1931 colour matching functions of Wyman, Sloan and Shirley (2013).
    """
    nm = np.arange(380.0, 781.0, 5.0)
    power = nm**-5 / np.expm1(1.438776877e7 / (nm * kelvin))
    lobe = lambda mean, below, above: np.exp(-0.5 * ((nm - mean) / np.where(nm < mean, below, above)) ** 2)
    x = 1.056 * lobe(599.8, 37.9, 31.0) + 0.362 * lobe(442.0, 16.0, 26.7) - 0.065 * lobe(501.1, 20.4, 26.2)
    y = 0.821 * lobe(568.8, 46.9, 40.5) + 0.286 * lobe(530.9, 16.3, 31.1)
    z = 1.217 * lobe(437.0, 11.8, 36.0) + 0.681 * lobe(459.0, 26.0, 13.8)
    rgb_from_xyz = np.array(  # IEC 61966-2-1
        [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
    )
    rgb = np.maximum(rgb_from_xyz @ (np.stack([x, y, z]) @ power), 0)
    return triple(rgb / rgb.mean())


def triple(values) -> Triple:
    """Three numbers as plain floats."""
    a, b, c = (float(v) for v in values)
    return a, b, c
