"""Laws of hands and things before a face: they are drawn as often as asked for, fit any head and hang on an arm."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from scenes.head.config import WearConfig
from scenes.head.grips import CLEAR, place_occluder
from scenes.head.occluder_config import HAND_POSES, OCCLUDER_KINDS
from scenes.head.occluders import OccluderSpec, sample_occluder
from scenes.head.props import PROPS, prop, second
from scenes.head.solids import relief
from synth.geometry import normalize
from synth.models import load_model
from synth.models.arm import BONES, FINGERS, load_arm, turning
from synth.rng import rng as stream
from synth.spec import from_json, to_json

SIZES = {"phone": (0.07, 0.15, 0.009), "cup": (0.08, 0.1, 0.004), "microphone": (0.05, 0.2, 0.024)}
SIZES |= {"paper": (0.15, 0.21, 0.0005), "ball": (0.07, 0.06, 0.0)}


@pytest.fixture(scope="module")
def model():
    return load_model("makehuman")


@pytest.fixture(scope="module")
def heads(model) -> list[np.ndarray]:
    draw = np.random.default_rng(3)
    shapes = [np.clip(draw.standard_normal(len(model.identity)), -2, 2).astype(np.float32) for _ in range(3)]
    return [model.vertices(shape, np.zeros(len(model.expression), np.float32)) for shape in shapes]


def drawn(count: int, kind: str | None = None, pose: str | None = None) -> list[OccluderSpec]:
    kinds = {kind: 1.0} if kind else dict.fromkeys(OCCLUDER_KINDS, 1.0)
    poses = {pose: 1.0} if pose else dict.fromkeys(HAND_POSES, 1.0)
    found = [sample_occluder(1.0, kinds, poses, stream(1, k, "occluder")) for k in range(count)]
    return [spec for spec in found if spec]


def test_occluders_are_drawn_as_often_as_the_config_says():
    config = WearConfig(occluder=0.3)
    found = [
        sample_occluder(config.occluder, config.occluder_kinds, config.hand_poses, stream(0, k, "occluder"))
        for k in range(4000)
    ]
    assert np.mean([spec is not None for spec in found]) == pytest.approx(0.3, abs=0.025)
    counted, total = Counter(spec.kind for spec in found if spec), sum(config.occluder_kinds.values())
    for kind, weight in config.occluder_kinds.items():
        assert counted[kind] / sum(counted.values()) == pytest.approx(weight / total, abs=0.04)


def test_the_default_is_that_of_digiface():
    assert WearConfig().occluder == 0.01


def test_a_spec_is_rebuilt_from_its_json():
    for spec in drawn(60):
        assert from_json(OccluderSpec, to_json(spec)) == spec


@pytest.mark.parametrize("kind", PROPS)
@pytest.mark.parametrize("bend", [0.0, 0.4, 0.9])
def test_things_are_closed_solids_whose_triangles_do_not_depend_on_their_size(kind, bend):
    points, triangles = prop(kind, SIZES[kind], bend)
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    forward, back = ({tuple(edge) for edge in part.tolist()} for part in (edges, edges[:, ::-1]))
    assert forward == back
    a, b, c = np.moveaxis(points[triangles], 1, 0)
    assert np.einsum("tk,tk->t", a, np.cross(b, c)).sum() / 6 > 1e-6
    np.testing.assert_array_equal(triangles, prop(kind, (0.1, 0.1, 0.1), 0.5)[1])
    assert len(second(kind)) == len(points)


@pytest.mark.parametrize("kind", PROPS)
def test_things_are_the_same_in_a_mirror(kind):
    points, _ = prop(kind, SIZES[kind], 0.3)
    mirrored = points * [-1, 1, 1]
    nearest = np.linalg.norm(points[:, None] - mirrored[None], axis=-1).min(axis=1)
    assert nearest.max() < 5e-4


@pytest.mark.parametrize("finger", FINGERS)
def test_a_finger_bends_towards_the_palm_and_moves_no_other(finger):
    arm, k = load_arm(), FINGERS.index(finger)
    rest, bent = arm.fingertips({}), arm.fingertips({finger: (0.6, 0.6, 0.4)})
    palm = np.array([0.0, 0.06, -0.03])
    assert np.linalg.norm(bent[k] - palm) < np.linalg.norm(rest[k] - palm) - 0.01
    assert bent[k, 2] < -0.015  # before the palm, not in it
    others = np.delete(np.arange(5), k)
    np.testing.assert_allclose(bent[others], rest[others], atol=1e-12)


def test_an_arm_reaches_to_where_its_elbow_is_said_to_be():
    arm = load_arm()
    elbow = turning(np.array([0, 1.0, 0]), np.array([0.2, 1, 0.3])) @ arm.heads[BONES.index("forearm")]
    shoulder = elbow + arm.upper_arm * normalize(np.array([-0.3, -1, 0.2]))
    posed = arm.posed({}, elbow, shoulder)
    assert np.linalg.norm(posed - elbow, axis=1).min() < 0.06
    hand = posed[:, 1] > 0.05
    rest = arm.posed({}, arm.heads[1], arm.heads[0])
    np.testing.assert_allclose(posed[hand], rest[hand], atol=1e-9)


@pytest.mark.parametrize("kind", OCCLUDER_KINDS)
def test_hands_and_things_stay_out_of_every_head(model, heads, kind):
    """No more than a fingertip's softness: the points that are inside of the skin are few, and not deep."""
    arm, deep, inside, count = load_arm(), [], 0, 0
    for k, spec in enumerate(drawn(8, kind)):
        vertices = heads[k % 3]
        held = place_occluder(spec, vertices, model.landmarks(vertices), arm, 1.0)
        points = [held.arm] if held.thing is None else [held.arm, held.thing[0]]
        near = np.concatenate(points)
        near = near[(np.linalg.norm(near - [0, 0.03, -0.02], axis=1) < 0.2)][::4]
        depth = _depth(near, vertices, model)
        inside, count = inside + int((depth > CLEAR).sum()), count + len(depth)
        deep += [depth.max(initial=0.0)]
    assert count > 100
    assert inside / count < 0.05
    assert np.median(deep) < 0.006


def _depth(points: np.ndarray, vertices: np.ndarray, model) -> np.ndarray:
    """m below the nearest point of the skin's vertices, along its normal [N]."""
    from synth.geometry import vertex_normals

    skin = np.unique(model.triangles()[model.triangle_part() != 9])
    normals = vertex_normals(vertices, model.triangles())[skin]
    found = []
    for part in np.array_split(points, max(len(points) // 200, 1)):
        nearest = np.linalg.norm(part[:, None] - vertices[skin][None], axis=-1).argmin(axis=1)
        found.append(-np.einsum("nk,nk->n", part - vertices[skin][nearest], normals[nearest]))
    return np.concatenate(found)


@pytest.mark.parametrize("pose", ["cheek", "mouth", "chin", "eye", "forehead"])
def test_a_hand_on_the_face_touches_it(model, heads, pose):
    arm = load_arm()
    for k, spec in enumerate(drawn(6, "hand", pose)):
        vertices = heads[k % 3]
        held = place_occluder(spec, vertices, model.landmarks(vertices), arm, 1.0)
        gap = np.linalg.norm(held.arm[::3, None] - vertices[None, ::2], axis=-1).min()
        assert gap < 0.012


@pytest.mark.parametrize(
    ("kind", "pose"), [("hand", "chin"), ("hand", "cheek"), ("hand", "mouth"), ("paper", None), ("cup", None)]
)
def test_forearms_are_before_the_chest(model, heads, kind, pose):
    arm = load_arm()
    rest = arm.posed({}, arm.heads[1], arm.heads[0])
    forearm = (rest[:, 1] < -0.02) & (rest[:, 1] > -0.2)
    for k, spec in enumerate(drawn(9, kind, pose)):
        vertices = heads[k % 3]
        held = place_occluder(spec, vertices, model.landmarks(vertices), arm, 1.0)
        chest = vertices[vertices[:, 2] < -0.14]
        front = relief(chest[:, [0, 2]], -chest[:, 1], 0.02, filled=1)
        points = held.arm[forearm]
        high = front.at(points[:, [0, 2]])
        assert (np.isfinite(high) & (high + points[:, 1] > 0.01)).mean() < 0.2


@pytest.mark.parametrize(("kind", "pose"), [("phone", "selfie"), ("paper", "paper"), ("microphone", "microphone")])
def test_what_is_held_away_from_the_face_is_as_far_as_drawn(model, heads, kind, pose):
    held = [spec for spec in drawn(20, kind) if spec.pose == pose][:3]
    assert len(held) == 3
    landmarks = model.landmarks(heads[0])
    for spec in held:
        specs = [replace(spec, away=away) for away in (0.03, 0.13)]
        near, far = (place_occluder(spec, heads[0], landmarks, load_arm(), 1.0) for spec in specs)
        assert (near.thing[0] - far.thing[0])[:, 1] == pytest.approx(0.1, abs=0.005 if kind == "microphone" else 1e-9)


@pytest.mark.parametrize("kind", ["hand", "cup", "phone"])
def test_the_right_hand_on_a_mirrored_face_is_the_left_hand_mirrored(model, kind):
    """The mean face is symmetric, so that it is its own mirror image."""
    arm, vertices = load_arm(), model.mean.astype(np.float64)
    mirror = np.array([-1.0, 1, 1])
    for spec in drawn(4, kind, "cheek"):
        left = place_occluder(replace(spec, left=True), vertices, model.landmarks(vertices), arm, 1.0)
        right = place_occluder(replace(spec, left=False), vertices, model.landmarks(vertices), arm, 1.0)
        np.testing.assert_allclose(right.arm, left.arm * mirror, atol=0.004)
        if left.thing is not None and right.thing is not None:
            np.testing.assert_array_equal(left.thing[1], right.thing[1])
            a, b, c = np.moveaxis(right.thing[0][right.thing[1]], 1, 0)
            middle = right.thing[0].mean(axis=0)
            assert np.einsum("tk,tk->t", a - middle, np.cross(b - middle, c - middle)).sum() > 0


def test_the_same_spec_on_the_same_head_is_the_same_to_the_last_bit(model, heads):
    spec = drawn(1, "phone")[0]
    first, again = (place_occluder(spec, heads[0], model.landmarks(heads[0]), load_arm(), 1.0) for _ in range(2))
    np.testing.assert_array_equal(first.arm, again.arm)
