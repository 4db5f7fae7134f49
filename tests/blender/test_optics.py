"""Depth of field and motion blur: as wide in the image as lens and path say, and in no label."""

from dataclasses import replace

import bpy
import numpy as np
import pytest
from conftest import head_config

from scenes.head.build import build
from scenes.head.config import CameraConfig
from scenes.head.sample import sample
from scenes.shapes.build import sphere_mesh
from synth.blender.lights import make_world, set_world
from synth.blender.materials import diffuse_material
from synth.blender.mesh import add_mesh
from synth.blender.render import Renderer
from synth.camera import Camera, intrinsics, look_at
from synth.compose import compose_config
from synth.config import RenderConfig
from synth.labels.maps import label
from synth.labels.shot import Shot, Surface
from synth.optics import ApertureSpec, MotionSpec
from synth.pipeline import Pipeline
from synth.rng import Streams
from synth.sensor import SensorSpec

HW = (48, 64)
OF_THE_IMAGE = ("image", "image_linear", "intrinsic/")  # what lens and shutter change
CAMERA = CameraConfig(depth_of_field=1.0, pupil_mm=[30.0, 50.0], motion_blur=1.0, motion_path=[0.05, 0.1])


@pytest.fixture(scope="module")
def config():
    """Faces with hair, beards and glasses, everything that a camera does switched on, every pass asked for."""
    config = head_config(HW, camera=CAMERA, sensor=compose_config(["scene=head", "sensor=webcam"]).scene.sensor)
    config.scene.hair.styles = {"long_straight": 1.0, "curls": 1.0}
    config.scene.beard.men = config.scene.wear.glasses = 1.0
    config.render.spp = 4
    config.output.passes = ["all"]
    return config


@pytest.fixture(scope="module")
def pipeline(config) -> Pipeline:
    return Pipeline(config)


def developed(pipeline: Pipeline, spec) -> dict[str, np.ndarray]:
    shot = build(pipeline._stage, spec)
    fields = label(shot, pipeline.renderer.render(shot), pipeline.names)
    return {name: np.asarray(fields[name]) for name in pipeline.names if not name.startswith("meta/")}


def differing(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> list[str]:
    assert one.keys() == two.keys()
    as_bytes = lambda array: array.item() if array.dtype == object else array.tobytes()
    return [name for name in one if as_bytes(one[name]) != as_bytes(two[name])]


@pytest.mark.parametrize("index", range(3))
def test_labels_are_those_of_a_pinhole_at_rest_byte_for_byte(pipeline, index):
    spec = sample(pipeline.config, Streams(0, index))
    assert spec.aperture is not None
    assert spec.motion is not None
    still = replace(spec, aperture=None, motion=None, sensor=SensorSpec(seed=0))
    before, blurred, after = (developed(pipeline, each) for each in (still, spec, still))
    assert differing(before, after) == []
    changed = differing(before, blurred)
    assert {"image", "image_linear"} <= set(changed)
    assert [name for name in changed if not name.startswith(OF_THE_IMAGE)] == []
    assert before["coverage/hair"].any()


@pytest.mark.parametrize("effect", ["aperture", "motion"])
def test_lens_and_shutter_each_change_the_linear_image(pipeline, effect):
    spec = sample(pipeline.config, Streams(0, 1))
    still = replace(spec, aperture=None, motion=None)
    changed = differing(
        developed(pipeline, still), developed(pipeline, replace(still, **{effect: getattr(spec, effect)}))
    )
    assert {"image", "image_linear"} <= set(changed)
    assert all(name.startswith(OF_THE_IMAGE) for name in changed)


def test_the_sensor_changes_the_image_alone(pipeline):
    spec = sample(pipeline.config, Streams(0, 2))
    clean = replace(spec, sensor=SensorSpec(seed=0))
    assert differing(developed(pipeline, clean), developed(pipeline, spec)) == ["image"]


def test_a_record_with_everything_on_does_not_depend_on_those_before_it(config):
    before = Pipeline(config)
    late = [before.record(index) for index in range(4)][3]
    assert differing(Pipeline(config).record(3), late) == []


FOCAL_PX, DISTANCE = 120.0, 0.8


class Disc:
    """A small sphere of radiance 1 in front of black: a disc in the image, whose moments can be told."""

    def __init__(self) -> None:
        self.renderer = Renderer(RenderConfig(hw=list(HW), spp=512, denoise=False, max_bounces=1))
        mesh, scene = sphere_mesh(), bpy.context.scene
        points = 0.02 * mesh.points
        ball = add_mesh(scene, "ball", points, mesh.triangles, 1)
        ball.data.materials.append(diffuse_material("white", (1, 1, 1)))
        set_world(make_world(scene), None, (1, 1, 1), 1.0)
        surface = Surface(points=points, triangles=mesh.triangles, segmentation=np.ones(len(mesh.triangles), np.uint8))
        place = look_at(
            np.array([0.3, -DISTANCE, 0.2]) * DISTANCE / np.linalg.norm([0.3, DISTANCE, 0.2]), np.zeros(3), 0.4
        )
        camera = Camera(intrinsics(FOCAL_PX, HW, (0.03, -0.02)), place, HW)
        self.shot = Shot(camera=camera, surfaces={1: surface}, background=np.zeros((*HW, 3), np.float32))

    def moments(self, **optics) -> np.ndarray:
        """Mean u and v (px), variance in u and in v (px^2) of the disc's light."""
        light = self.renderer.render(replace(self.shot, **optics)).image.mean(axis=-1).astype(float)
        v, u = np.mgrid[: HW[0], : HW[1]] + 0.5
        mean = np.array([(light * u).sum(), (light * v).sum()]) / light.sum()
        variance = np.array([(light * (u - mean[0]) ** 2).sum(), (light * (v - mean[1]) ** 2).sum()]) / light.sum()
        return np.concatenate([mean, variance])


@pytest.fixture(scope="module")
def disc() -> Disc:
    return Disc()


@pytest.fixture(scope="module")
def sharp(disc) -> np.ndarray:
    return disc.moments()


def test_a_lens_spreads_a_point_over_its_circle_of_confusion(disc, sharp):
    focus, pupil = 0.5, 0.09  # m
    focal_mm = 36 * FOCAL_PX / HW[1]
    aperture = ApertureSpec(f_stop=focal_mm / (1000 * pupil), focus=focus, blades=0, rotation=0.0)
    diameter = FOCAL_PX * pupil * (1 / focus - 1 / DISTANCE)
    spread = disc.moments(aperture=aperture) - sharp
    np.testing.assert_allclose(spread[:2], 0, atol=0.05)
    np.testing.assert_allclose(spread[2:], diameter**2 / 16, rtol=0.06)  # the variance of a disc


def test_what_is_in_focus_stays_sharp(disc, sharp):
    aperture = ApertureSpec(f_stop=1.0, focus=DISTANCE, blades=6, rotation=0.5)
    np.testing.assert_allclose(disc.moments(aperture=aperture), sharp, atol=0.1)


@pytest.mark.parametrize(("right", "down"), [(8.0, 0.0), (0.0, 6.0)])
def test_a_camera_that_turns_spreads_everything_over_its_path_around_mid_exposure(disc, sharp, right, down):
    moved = MotionSpec(shift=(0, 0, 0), turn=(-down / FOCAL_PX, right / FOCAL_PX, 0.0))
    spread = disc.moments(motion=moved) - sharp
    np.testing.assert_allclose(spread[:2], 0, atol=0.05)
    np.testing.assert_allclose(spread[2:], [right**2 / 12, down**2 / 12], atol=0.06 * 64 / 12)  # of a straight line


def test_a_camera_that_shifts_spreads_what_is_near_over_its_path(disc, sharp):
    moved = MotionSpec(shift=(6 * DISTANCE / FOCAL_PX, 0, 0), turn=(0, 0, 0))
    spread = disc.moments(motion=moved) - sharp
    np.testing.assert_allclose(spread, [0, 0, 36 / 12, 0], atol=0.15)


def test_a_camera_that_moved_is_at_rest_for_the_next_shot(disc, sharp):
    disc.moments(motion=MotionSpec(shift=(0.1, 0, 0), turn=(0, 0.1, 0)))
    np.testing.assert_array_equal(disc.moments(), sharp)
