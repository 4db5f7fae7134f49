"""What is drawn of lens and shutter: as often and as strong as the config says, and nothing else moves with it."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import head_config

from scenes.head.config import CameraConfig
from scenes.head.model import model_of, model_row, size
from scenes.head.optics import CLIP, CORNEA, FURTHEST, SENSOR_MM, WIDEST, nearest, sample_aperture, sample_motion
from scenes.head.sample import HEAD_CENTER, sample
from synth.camera import intrinsics, project
from synth.compose import CONFIGS, compose_config
from synth.geometry import head_rotation, rigid, transform
from synth.rng import Streams, rng
from synth.sensor import SensorSpec

HW, FOCAL_MM = (96, 128), 50.0
K = intrinsics(FOCAL_MM / SENSOR_MM * HW[1], HW)
EYES = np.array([[0.03, 0.0, 0.9], [-0.03, 0.0, 0.8]])
ON = CameraConfig(depth_of_field=1.0, motion_blur=1.0, focus_sigma_m=0.0)


def draws(count: int = 200) -> list[np.random.Generator]:
    return [rng(0, k, "test") for k in range(count)]


def test_the_default_camera_is_a_pinhole_at_rest_without_a_sensor():
    specs = [sample(head_config(), Streams(0, k)) for k in range(5)]
    assert all(spec.aperture is None and spec.motion is None for spec in specs)
    assert all(spec.sensor == SensorSpec(seed=spec.sensor.seed) for spec in specs)
    assert len({spec.sensor.seed for spec in specs}) == len(specs)


def test_a_camera_with_everything_on_draws_the_same_person_pose_and_light():
    sensor = compose_config(["scene=head", "sensor=mixed"]).scene.sensor
    busy = head_config(camera=CameraConfig(depth_of_field=1.0, motion_blur=1.0), sensor=sensor)
    for k in range(5):
        plain, spec = sample(head_config(), Streams(0, k)), sample(busy, Streams(0, k))
        assert None not in (spec.aperture, spec.motion)
        assert replace(spec, aperture=None, motion=None, sensor=plain.sensor) == plain


def test_the_lens_is_focused_on_the_nearer_eye():
    for draw in draws():
        aperture = sample_aperture(ON, FOCAL_MM, EYES, draw)
        assert aperture is not None
        assert aperture.focus == pytest.approx(0.8 - CORNEA)
        pupil_mm = FOCAL_MM / aperture.f_stop
        assert ON.pupil_mm[0] - 1e-9 <= pupil_mm <= min(ON.pupil_mm[1], 1000 * WIDEST * aperture.focus) + 1e-9
        assert ON.blades[0] <= aperture.blades <= ON.blades[1]


def test_in_a_record_the_focus_is_within_a_few_deviations_of_its_own_eyes():
    config = head_config(camera=CameraConfig(depth_of_field=1.0))
    for k in range(20):
        spec = sample(config, Streams(0, k))
        head_to_camera = rigid(head_rotation(*spec.yaw_pitch_roll), np.array(spec.head_translation))
        eyes = transform(head_to_camera, model_of(config.model).eyeballs.centers(np.array(spec.person.identity)))
        assert spec.aperture is not None
        assert abs(spec.aperture.focus - eyes[:, 2].min() + CORNEA) < 5 * config.scene.camera.focus_sigma_m


@pytest.mark.parametrize("head_moves", [0.0, 1.0])
def test_the_path_in_the_image_is_as_long_as_the_config_says(head_moves):
    config, depth = replace(ON, head_moves=head_moves), 0.9
    point = np.array([0.0, 0.0, depth])
    for draw in draws():
        motion = sample_motion(config, FOCAL_MM, depth, draw)
        assert motion is not None
        ends = [
            project(K, point + part * (np.array(motion.shift) + np.cross(motion.turn, point))) for part in (-0.5, 0.5)
        ]
        path = np.linalg.norm(ends[1] - ends[0]) / HW[1]
        assert config.motion_path[0] * 0.99 <= path <= config.motion_path[1] * 1.01


def test_a_head_that_moves_leaves_the_background_at_rest_and_a_camera_does_not():
    for head_moves in (0.0, 1.0):
        motion = sample_motion(replace(ON, head_moves=head_moves), FOCAL_MM, 0.9, draws()[0])
        assert motion is not None
        assert any(motion.turn) == (head_moves == 0)
        assert any(motion.shift) == (head_moves == 1)


def test_lens_and_shutter_are_there_as_often_as_their_probabilities():
    config = replace(ON, depth_of_field=0.3, motion_blur=0.6)
    assert np.mean([sample_aperture(config, FOCAL_MM, EYES, d) is not None for d in draws(2000)]) == pytest.approx(
        0.3, abs=0.04
    )
    assert np.mean([sample_motion(config, FOCAL_MM, 0.9, d) is not None for d in draws(2000)]) == pytest.approx(
        0.6, abs=0.04
    )


def test_short_lenses_come_close_and_long_ones_stand_back():
    distances = []
    for focal_mm in (24.0, 85.0, 300.0):
        config = head_config(camera=CameraConfig(focal_mm=[focal_mm, focal_mm], head_size=[0.6, 0.6]))
        distances.append(np.linalg.norm(sample(config, Streams(0, 0)).head_translation))
    np.testing.assert_allclose(np.divide(distances, distances[0]), np.array([24, 85, 300]) / 24, rtol=0.15)


@pytest.mark.parametrize("camera", sorted(path.stem for path in (CONFIGS / "camera").glob("*.yaml")))
@pytest.mark.parametrize("hw", [[256, 256], [1080, 1920], [1920, 1080], [96, 40]])
def test_every_camera_that_is_offered_sees_heads_between_itself_and_the_background(camera, hw):
    config = compose_config(["scene=head", f"camera={camera}", f"render.hw={hw}".replace(" ", "")])
    model_row(config)
    for k in range(8):
        spec = sample(config, Streams(0, k))
        assert CLIP < spec.head_translation[2] < FURTHEST


@pytest.mark.parametrize(
    ("focal_mm", "head_size", "hw", "words"),
    [
        ([1000.0, 1000.0], [0.02, 0.02], (256, 256), r"got 356\.67 to 356\.67 m .*shorter lenses or larger heads"),
        (
            [10.0, 85.0],
            [0.3, 0.8],
            (256, 256),
            r"from 0\.16 to 190 m away.*got 0\.09 to .*longer lenses or smaller heads",
        ),
        ([500.0, 600.0], [0.03, 0.5], (1080, 1920), r"got 12\.68 to 253\.63 m .*render\.hw=\[1080, 1920\]"),
    ],
)
def test_a_camera_within_the_head_or_beyond_the_background_is_refused(focal_mm, head_size, hw, words):
    config = head_config(hw, camera=CameraConfig(focal_mm=focal_mm, head_size=head_size))
    with pytest.raises(ValueError, match=r"scene\.camera\.focal_mm and scene\.camera\.head_size must .*" + words):
        model_row(config)


def test_no_landmark_is_nearer_than_the_camera_sees_in_any_pose_that_is_not_refused():
    model = model_of("makehuman")
    near = nearest(size(model))
    for k in range(60):
        points = model.landmarks(
            model.vertices(rng(0, k, "t").normal(size=len(model.identity)), np.zeros(len(model.expression)))
        )
        assert np.linalg.norm(points - size(model) * HEAD_CENTER, axis=1).max() < near - CLIP


@pytest.mark.parametrize(
    "changes",
    [{"pupil_mm": [0, 1]}, {"blades": [3, 99]}, {"motion_path": [0.1, 2]}, {"depth_of_field": 2}, {"head_moves": -1}],
)
def test_a_lens_that_none_has_is_refused_with_its_key(changes):
    with pytest.raises(ValueError, match=rf"scene\.camera\.{next(iter(changes))}"):
        CameraConfig(**changes)
