"""How the joints of a model are turned: shoulders against the head, the jaw, and eyes that follow the gaze.

The head stays in its place in head space, so that head_to_camera is its pose: the first joint of the chain that
carries the eyes turns one way and the last one back. Joints are known by their names; others rest.
"""

import re

import numpy as np

from scenes.head.config import JointsConfig
from scenes.head.normal import truncated_normal
from synth.geometry import transform
from synth.models import MorphableModel, Rig
from synth.models.rig import joint_motions, rotation_matrix
from synth.rng import between

Triple = tuple[float, float, float]


def sample_joints(
    config: JointsConfig, model: MorphableModel, eyes: np.ndarray, rests: bool, rng: np.random.Generator
) -> dict[str, Triple]:
    """Rotation vectors (rad, head space) by name, of a head whose eyes' optical axes are along unit `eyes` [2, 3] (head
    space); the jaw of a face that rests is closed. {} if the model has no joints.
    """
    neck = [truncated_normal(rng, sigma, config.neck_bound_deg, 1)[0] for sigma in config.neck_sigma_deg]
    opens, open_deg = rng.random() < config.jaw_open and not rests, between(rng, config.jaw_open_deg)
    aside = config.jaw_aside_sigma_deg * truncated_normal(rng, 1.0, 2.0, 1)[0]
    rig = model.rig
    if rig is None:
        return {}
    vectors: dict[int, np.ndarray] = {}
    chain = head_chain(rig)
    if len(chain) > 1:
        turn = np.deg2rad([neck[0], neck[2], neck[1]])  # about x, y and z
        vectors |= {chain[-1]: -turn, chain[0]: turn}
    if (jaw := _named(rig, "jaw")) is not None:
        vectors[jaw] = np.deg2rad([open_deg if opens else 0.0, 0.0, aside if opens else 0.0])
    for k, eye in enumerate(eye_joints(rig)):
        if eye is not None:
            vectors[eye] = _turn(model.eyeballs.axis[k].astype(np.float64), eyes[k])
    return {rig.joint_names[j]: (float(v[0]), float(v[1]), float(v[2])) for j, v in sorted(vectors.items())}


def pose_of(model: MorphableModel, joints: dict[str, Triple]) -> np.ndarray | None:
    """float32 [J, 3]: the pose of a spec's joints; None if the model has none."""
    if model.rig is None:
        return None
    return np.array([joints.get(name, (0.0, 0.0, 0.0)) for name in model.rig.joint_names], np.float32).reshape(-1, 3)


def head_motion(model: MorphableModel, identity: np.ndarray, expression: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """float64 [4, 4]: what the pose does to what is fixed in the head, as eyeballs are; no more than a small shift."""
    rig = model.rig
    assert rig is not None, "a pose is of a model with joints"
    turns = np.stack([rotation_matrix(vector) for vector in pose.astype(np.float64)])
    rotation, shift = joint_motions(rig.parents, rig.positions(identity, expression), turns)
    motion, carrier = np.eye(4), head_chain(rig)[0]
    motion[:3, :3], motion[:3, 3] = rotation[carrier], shift[carrier]
    return motion


def worn_motion(
    rig: Rig, weights: np.ndarray, points: np.ndarray, positions: np.ndarray, pose: np.ndarray
) -> np.ndarray:
    """float64 [G, 3] (m): points [G, 3] that follow joints, which are at [J, 3], by weights [G, J]; no correctives."""
    turns = np.stack([rotation_matrix(vector) for vector in pose.astype(np.float64)])
    out = np.zeros((len(points), 3))
    for j, (rotation, shift) in enumerate(zip(*joint_motions(rig.parents, positions, turns), strict=True)):
        motion = np.eye(4)
        motion[:3, :3], motion[:3, 3] = rotation, shift
        out += weights[:, j, None] * transform(motion, points.astype(np.float64))
    return out


def head_chain(rig: Rig) -> list[int]:
    """Joints from the one that carries the head, which eyes and jaw hang on, to the first one."""
    hanging = [j for j in (*eye_joints(rig), _named(rig, "jaw")) if j is not None]
    chain = [int(rig.parents[hanging[0]]) if hanging else 0]
    while chain[-1] >= 0 and rig.parents[chain[-1]] >= 0:
        chain.append(int(rig.parents[chain[-1]]))
    return [max(j, 0) for j in chain]


def eye_joints(rig: Rig) -> tuple[int | None, int | None]:
    """The right and the left eye's joint."""
    right, left = (_named(rig, rf"(^|[^a-z]){side}([^a-z].*)?eye|eye.*[^a-z]{side}([^a-z]|$)") for side in SIDES)
    return right, left


SIDES = ("r(ight)?", "l(eft)?")


def _named(rig: Rig, pattern: str) -> int | None:
    """The first joint whose name has the pattern."""
    return next((j for j, name in enumerate(rig.joint_names) if re.search(pattern, name.lower())), None)


def _turn(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The shortest rotation vector [3] that turns one unit direction [3] to another."""
    across = np.cross(start, end)
    sine, cosine = float(np.linalg.norm(across)), float(start @ end)
    return across / sine * np.arctan2(sine, cosine) if sine > 1e-12 else np.zeros(3)
