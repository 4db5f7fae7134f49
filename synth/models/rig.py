"""The pose of a model that has joints: a kinematic tree, linear blend skinning and pose correctives, as in SMPL and
FLAME.

Coefficients give a mesh at rest; `pose_vertices` turns its joints. A pose is a rotation vector [J, 3] (rad, head
space) per joint, each joint's own turn relative to its parent; zeros are the rest pose.
"""

from dataclasses import dataclass, replace

import numpy as np

from synth.geometry import transform


@dataclass(kw_only=True, slots=True, eq=False)
class Rig:
    """J joints, each after its parent, that move V vertices."""

    joint_names: tuple[str, ...]  # [J]
    parents: np.ndarray  # int32 [J]; -1 is none
    joints: np.ndarray  # [J, 3] m, head space, at rest
    joints_identity: np.ndarray  # [Ki, J, 3] m per unit of the identity coefficient
    joints_expression: np.ndarray  # [Ke, J, 3] m per unit of the expression coefficient
    weights: np.ndarray  # [V, J] in [0, 1], a vertex's sum is 1
    correctives: np.ndarray  # [9 J, V, 3] m per entry of R - I, joint by joint, row by row; [0, V, 3] if there are none

    def positions(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        """float64 [J, 3] (m, head space): where the joints are at rest for coefficients [Ki] and [Ke]."""
        out = self.joints.astype(np.float64)
        for basis, coefficients in ((self.joints_identity, identity), (self.joints_expression, expression)):
            for coefficient, direction in zip(coefficients, basis, strict=True):
                out += coefficient * direction
        return out


def pose_vertices(rig: Rig, rest: np.ndarray, positions: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """float32 [V, 3] (m, head space): the mesh at rest [V, 3] with joints at positions [J, 3] turned by a pose [J, 3].

    Summed joint by joint, without BLAS: the same bytes on every machine.
    """
    if pose.shape != rig.joints.shape:
        raise ValueError(f"the model takes a pose of shape {list(rig.joints.shape)}, got {list(pose.shape)}")
    turns = np.stack([rotation_matrix(vector) for vector in np.asarray(pose, np.float64)])
    shaped = rest.astype(np.float64)
    for feature, corrective in zip((turns - np.eye(3)).ravel(), rig.correctives, strict=False):
        if feature != 0:
            shaped += feature * corrective
    rotation, shift = joint_motions(rig.parents, positions, turns)
    out = np.zeros_like(shaped)
    for j in range(len(turns)):
        moved = np.stack([(rotation[j, k] * shaped).sum(axis=-1) for k in range(3)], axis=-1) + shift[j]
        out += rig.weights[:, j, None] * moved
    return out.astype(np.float32)


def joint_motions(parents: np.ndarray, positions: np.ndarray, turns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations [J, 3, 3] and shifts [J, 3] that carry points at rest to where each joint alone would take them."""
    rotation, shift = np.empty_like(turns), np.empty_like(positions)
    for j, parent in enumerate(parents):
        about = positions[j] - turns[j] @ positions[j]
        if parent < 0:
            rotation[j], shift[j] = turns[j], about
        else:
            rotation[j], shift[j] = rotation[parent] @ turns[j], rotation[parent] @ about + shift[parent]
    return rotation, shift


def rotation_matrix(vector: np.ndarray) -> np.ndarray:
    """float64 [3, 3] of a rotation vector [3] (rad): Rodrigues' formula."""
    angle = float(np.sqrt((vector**2).sum()))
    if angle == 0:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


def turned(rig: Rig, motion: np.ndarray) -> Rig:
    """The rig in other coordinates: after a rotation, uniform scale and shift [4, 4]. Rotation vectors turn with it."""
    linear = motion[:3, :3]
    turn = linear / np.cbrt(np.linalg.det(linear))
    along = lambda values: (values.astype(np.float64) @ linear.T).astype(np.float32)
    blocks = rig.correctives.reshape(
        -1, 3, 3, *rig.correctives.shape[1:]
    )  # of features R - I, which turn on both sides
    if len(blocks):
        blocks = np.einsum("ki,lj,pijvc,xc->pklvx", turn, turn, blocks, linear, optimize=True)
    return replace(
        rig,
        joints=transform(motion, rig.joints.astype(np.float64)).astype(np.float32),
        joints_identity=along(rig.joints_identity),
        joints_expression=along(rig.joints_expression),
        correctives=blocks.reshape(rig.correctives.shape).astype(np.float32),
    )
