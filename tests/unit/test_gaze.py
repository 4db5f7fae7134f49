"""Where eyes look: as far as eyes turn, into the camera where that is within reach; the lids follow."""

import numpy as np
import pytest

from scenes.head.config import Config, ExpressionConfig
from scenes.head.expression import look
from scenes.head.eyes import optical_axes, sample_kappa
from scenes.head.sample import GAZE_LEFT_UP, GAZE_RIGHT_DOWN, sample_gaze
from synth.geometry import head_rotation, normalize, rigid
from synth.rng import rng

NAMES = ("eyeBlinkLeft", "eyeLookDownLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeWideLeft")


def gazes(yaw: float, look_at_camera: float, count: int = 200, **config) -> tuple[np.ndarray, np.ndarray]:
    """Targets [N, 3] and (yaw, pitch) [N, 2] of a head turned by `yaw` (rad), and a metre from the camera."""
    config = Config(expression=ExpressionConfig(look_at_camera=look_at_camera, **config))
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


@pytest.mark.parametrize("sigma", [12.0, 40.0])
def test_gazes_do_not_gather_where_eyes_turn_no_farther(sigma):
    _, angles = gazes(0.0, 0.0, 400, gaze_sigma_deg=sigma)
    assert (np.abs(angles - GAZE_RIGHT_DOWN) > 1e-6).all()
    assert (np.abs(angles - GAZE_LEFT_UP) > 1e-6).all()
    assert np.degrees(angles[:, 0].std()) > 9


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


EYES = np.array([[-0.032, -0.01, 0.0], [0.032, -0.01, 0.0]])  # m, the right one first


@pytest.mark.parametrize("target", [(0.0, -0.4, 0.0), (0.3, -0.8, 0.2), (-2.0, -4.0, -1.0)])
def test_pupils_point_away_from_the_nose_and_down_of_what_is_looked_at(target):
    kappa = np.deg2rad([5.0, 1.5])
    axes = optical_axes(EYES, np.array(target), tuple(kappa))
    to_target = normalize(np.array(target) - EYES)
    off = np.arccos((axes * to_target).sum(axis=1))
    np.testing.assert_allclose(np.cos(off), np.cos(kappa[0]) * np.cos(kappa[1]), rtol=1e-12)
    outward = np.cross(to_target, [0.0, 0.0, 1.0]) * [[1], [-1]]  # towards the subject's right, and left
    assert ((axes * outward).sum(axis=1) > np.sin(np.deg2rad(4))).all()
    assert (axes[:, 2] < to_target[:, 2]).all()


def test_without_kappa_the_axes_meet_where_the_eyes_look():
    target = np.array([0.1, -0.5, 0.05])
    np.testing.assert_allclose(optical_axes(EYES, target, (0.0, 0.0)), normalize(target - EYES), atol=1e-12)


def test_kappa_is_that_of_people():
    drawn = np.rad2deg([sample_kappa(rng(0, k, "kappa")) for k in range(2000)])
    np.testing.assert_allclose(drawn.mean(axis=0), [5.0, 1.5], atol=0.1)
    np.testing.assert_allclose(drawn.std(axis=0), [1.14, 0.70], atol=0.08)  # 1.3 and 0.8, cut off at two of them
