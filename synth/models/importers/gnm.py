"""Google's GNM head, version 3 (Apache-2.0): gnm_head.npz, with the arrays that its loader and gnm_xnp.py document.

template_vertex_positions [V, 3], vertex_identity_basis [I, V, 3], expression_basis [E, V, 3], quads [Q, 4], quad_uvs
[Q, 4, 2], skinning_weights [J, V], joints, names, and weighted vertex groups [G, V]. Coefficients of both kinds lie
between -3 and 3, as standard deviations do. The file itself was not at hand when this was written: the layout is that
of the published code; the unit is the one that makes a head, and axes that do not fit the eyes are refused.
"""

from pathlib import Path

import numpy as np

from synth.models.importers.assembly import Source
from synth.models.importers.containers import read_npz
from synth.models.importers.eyes import eyeballs_from
from synth.models.rig import Rig

MESH = ("template_vertex_positions", "vertex_identity_basis", "expression_basis", "quads", "quad_uvs")
JOINTS = ("template_joint_positions", "joint_identity_basis", "joint_parent_indices", "skinning_weights")
NAMES = ("identity_names", "expression_names", "joint_names", "vertex_group_names", "vertex_groups")
CORRECTIVES = "pose_correctives_regressor"
MOUTH_GROUPS = ("upper_teeth", "lower_teeth", "upper_teeth_and_gums", "lower_teeth_and_gums", "tongue")
PARTS = {"right_ear": 7, "left_ear": 8, **dict.fromkeys(MOUTH_GROUPS, 9)}  # segmentation classes
MEMBER = 0.5  # weight from which a vertex is of a group


def read(path: Path) -> Source:
    """The model in an .npz file."""
    held = read_npz(path, (*MESH, *JOINTS, *NAMES), (CORRECTIVES,))
    mean, identity, expression = (held[name] for name in MESH[:3])
    groups = _groups(held, len(mean))
    faces, names = held["quads"], {kind: _names(held[f"{kind}_names"]) for kind in ("identity", "expression", "joint")}
    sides = [np.flatnonzero(groups.get(name, np.zeros(len(mean), bool))) for name in ("right_eye", "left_eye")]
    has_eyes = min(len(side) for side in sides) >= 4
    _check(held, mean, names)
    if has_eyes and not mean[sides[0], 0].mean() < mean[sides[1], 0].mean():
        raise ValueError("expected the right eye at smaller x than the left one: axes x left, y up, z to the viewer")
    return Source(
        files=[path],
        name="gnm",
        licence="Apache-2.0",
        source=f"GNM head, {path.name}",
        sigma="coefficients are between -3 and 3: a basis is per standard deviation",
        mean=mean,
        identity=identity,
        faces=faces,
        expression=expression,
        expression_names=names["expression"],
        expression_unit="standard deviation",
        identity_names=names["identity"],
        uv=held["quad_uvs"],
        part=_parts(groups, faces),
        eyeballs=eyeballs_from(mean, identity, sides[0], sides[1], np.array([0.0, 0, 1])) if has_eyes else None,
        rig=_rig(held, names["joint"], len(expression)),
        layers={"eyes": np.any([_within(faces, side, len(mean)) for side in sides], axis=0)} if has_eyes else {},
    )


def _check(held: dict[str, np.ndarray], mean: np.ndarray, names: dict[str, tuple[str, ...]]) -> None:
    count, joints = len(mean), len(held["template_joint_positions"])
    wanted = {
        "template_vertex_positions": (count, 3),
        "vertex_identity_basis": (len(names["identity"]), count, 3),
        "expression_basis": (len(names["expression"]), count, 3),
        "template_joint_positions": (joints, 3),
        "joint_identity_basis": (len(names["identity"]), joints, 3),
        "joint_parent_indices": (joints,),
        "skinning_weights": (joints, count),
        CORRECTIVES: (9 * joints, 3 * count),
    }
    for name, shape in wanted.items():
        if name in held and held[name].shape != shape:
            raise ValueError(f"expected {name} {list(shape)}, found {list(held[name].shape)}")
    if not np.isfinite(mean).all():
        raise ValueError("expected finite numbers in the mean, found infinite ones or none")
    if len(names["joint"]) != joints:
        raise ValueError(f"expected {joints} joint_names, found {len(names['joint'])}")


def _names(values: np.ndarray) -> tuple[str, ...]:
    return tuple(str(v, "utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values.ravel().tolist())


def _groups(held: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """bool [V] by the group's name."""
    names, weights = _names(held["vertex_group_names"]), held["vertex_groups"]
    if weights.shape != (len(names), count):
        raise ValueError(f"expected vertex_groups [{len(names)}, {count}], found {list(weights.shape)}")
    return dict(zip(names, weights > MEMBER, strict=True))


def _within(faces: np.ndarray, vertices: np.ndarray, count: int) -> np.ndarray:
    mask = np.zeros(count, bool)
    mask[vertices] = True
    return mask[faces].all(axis=1)


def _parts(groups: dict[str, np.ndarray], faces: np.ndarray) -> np.ndarray:
    part = np.zeros(len(faces), np.uint8)
    for name, number in PARTS.items():
        if name in groups:
            part[groups[name][faces].all(axis=1)] = number
    return part


def _rig(held: dict[str, np.ndarray], names: tuple[str, ...], num_expressions: int) -> Rig:
    parents, count = held["joint_parent_indices"].astype(np.int64), len(names)
    parents = np.where((parents < 0) | (parents == np.arange(count)), -1, parents)
    shape = (-1, held["skinning_weights"].shape[1], 3)
    correctives = held[CORRECTIVES] if CORRECTIVES in held else np.zeros((0, shape[1] * 3), np.float32)
    return Rig(
        joint_names=names,
        parents=parents.astype(np.int32),
        joints=held["template_joint_positions"],
        joints_identity=held["joint_identity_basis"],
        joints_expression=np.zeros((num_expressions, count, 3)),
        weights=held["skinning_weights"].T,
        correctives=correctives.reshape(len(correctives), *shape[1:]),
    )
