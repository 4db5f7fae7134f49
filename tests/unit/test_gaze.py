"""Where eyes look: as far as eyes turn, into the camera where that is within reach; the lids follow."""

import numpy as np
import pytest

from scenes.head.config import Config, ExpressionConfig
from scenes.head.expression import look
from scenes.head.sample import GAZE_LEFT_UP, GAZE_RIGHT_DOWN, sample_gaze
from synth.geometry import head_rotation, normalize, rigid
from synth.rng import rng

NAMES = ("eyeBlinkLeft", "eyeLookDownLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeWideLeft")


def gazes(yaw: float, look_at_camera: float, count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Targets [N, 3] and (yaw, pitch) [N, 2] of a head turned by `yaw` (rad), and a metre from the camera."""
    config = Config(expression=ExpressionConfig(look_at_camera=look_at_camera))
    pose = rigid(head_rotation(yaw, 0.0, 0.0), np.array([0.0, 0.0, 1.0]))
    rows = [sample_gaze(config, pose, rng(0, k, "gaze")) for k in range(count)]
    return np.array([row[0] for row in rows]), np.array([row[1:] for row in rows])


def test_the_gaze_goes_to_its_target():
    targets, angles = gazes(0.2, 0.5)
    yaw, pitch = angles.T
    way = np.stack([np.sin(yaw) * np.cos(pitch), -np.cos(yaw) * np.cos(pitch), np.sin(pitch)], axis=-1)
    np.testing.assert_allclose(normalize(targets), way, atol=1e-12)


def test_eyes_turn_no_farther_than_eyes_do():
    for yaw in (0.0, 0.5, 1.2):
        _, angles = gazes(yaw, 0.5)
        assert (angles >= GAZE_RIGHT_DOWN).all()
        assert (angles <= GAZE_LEFT_UP).all()


def test_a_camera_within_reach_is_looked_into():
    targets, _ = gazes(0.3, 1.0)
    camera = -head_rotation(0.3, 0.0, 0.0).T @ [0.0, 0.0, 1.0]
    np.testing.assert_allclose(targets, np.tile(camera, (len(targets), 1)), atol=1e-9)


def test_a_head_that_is_turned_away_looks_about_where_it_points():
    _, angles = gazes(1.2, 1.0)
    assert abs(np.degrees(np.median(angles[:, 0]))) < 3


@pytest.mark.parametrize(("pitch", "unit"), [(0.2, "eyeLookUpLeft"), (-0.2, "eyeLookDownLeft")])
def test_open_lids_follow_the_gaze_and_closed_ones_do_not(pitch, unit):
    assert look({}, NAMES, 0.0, pitch)[unit] > 0.5
    assert look({"eyeBlinkLeft": 1.0}, NAMES, 0.0, pitch).get(unit, 0.0) == 0
