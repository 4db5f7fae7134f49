"""Which expressions are drawn."""

from dataclasses import replace

import numpy as np

from scenes.head.config import ExpressionConfig, JointsConfig
from scenes.head.expression import sample_expression
from scenes.head.joints import sample_joints
from scenes.head.model import model_of
from synth.models import MorphableModel
from synth.models.rig import Rig
from synth.rng import rng

NAMES = model_of("makehuman").expression_names
SIDES = [(name, name[:-4] + "Right") for name in NAMES if name.endswith("Left") and not name.startswith("eyeLook")]


def test_most_faces_are_even_and_a_few_are_one_sided():
    found = []
    for k in range(600):
        weights = sample_expression(ExpressionConfig(), model_of("makehuman"), rng(4, k, "expression"))
        found.append(max(abs(weights.get(left, 0.0) - weights.get(right, 0.0)) for left, right in SIDES))
    uneven = np.array(found)
    assert np.median(uneven) < 0.03
    assert 0.05 < (uneven > 0.1).mean() < 0.18
    assert 0.02 < (uneven > 0.3).mean() < 0.06


def rigged(*names: str) -> MorphableModel:
    """With these joints, each after the one before it, which move nothing."""
    model, none = model_of("makehuman"), np.zeros((0, len(names), 3), np.float32)
    rig = Rig(
        joint_names=names,
        parents=np.arange(-1, len(names) - 1, dtype=np.int32),
        joints=np.zeros((len(names), 3), np.float32),
        joints_identity=none,
        joints_expression=none,
        weights=np.zeros((len(model.mean), len(names)), np.float32),
        correctives=np.zeros((0, len(model.mean), 3), np.float32),
    )
    return replace(model, rig=rig)


AHEAD = np.array([[0.0, -1, 0]] * 2)


def test_the_jaw_of_a_face_at_rest_is_closed():
    config, model = JointsConfig(jaw_open=1.0), rigged("neck", "jaw")
    for k in range(20):
        moving, resting = (
            sample_joints(config, model, AHEAD, rests, rng(0, k, "joints"))["jaw"] for rests in (False, True)
        )
        assert moving[0] > 0
        assert resting == (0, 0, 0)


def test_necks_turn_within_their_bound_and_do_not_stop_at_it():
    config, model = JointsConfig(neck_sigma_deg=[20, 0, 20], neck_bound_deg=20), rigged("neck", "head", "jaw")
    turns = np.rad2deg([sample_joints(config, model, AHEAD, True, rng(0, k, "joints"))["neck"] for k in range(600)])
    most = np.abs(turns).max(axis=0)  # about x, y and z; sigma is of pitch, yaw and roll
    assert ((most > 19) & (most < 20)).sum() == 2
    assert (most == 0).sum() == 1
