"""Which of the base mesh's faces make the head, and which make its garment."""

from dataclasses import dataclass

import numpy as np

from synth.models.makehuman.data import Source
from synth.models.makehuman.topology import boundary_vertices

CHEST_BELOW_EYES = 0.30  # m: the body is cut at this height
UPPER_ARM_FRACTION = 0.5  # the arms are cut here, from the shoulder to the elbow
EDGE_DEPTH = 0.05  # m: edges of the cut are this close to its height
COLLAR_SLANT = 0.02  # m: the stocking's collar is this much lower in front than behind
COLLAR_RINGS = 4  # rows of faces that are taken off it
INNER_GROUPS = ("helper-upper-teeth", "helper-lower-teeth", "helper-tongue")


@dataclass(kw_only=True, slots=True)
class Cut:
    """Part of the base mesh, with its own vertex numbers."""

    vertices: np.ndarray  # int32 [V], ascending numbers in the base mesh
    faces: np.ndarray  # int32 [F, 4] into the cut's own vertices
    uv: np.ndarray  # float32 [F, 4, 2]
    group: np.ndarray  # str [F], the group of each face in the base mesh


def head_cut(source: Source) -> Cut:
    """Head, neck and shoulders, with teeth and tongue."""
    groups = ("body", *INNER_GROUPS)
    faces = np.concatenate([source.faces[g] for g in groups])
    return _cut(source, groups, _is_kept(source, source.points[faces].mean(axis=1)))


def garment_cut(source: Source) -> Cut:
    """The body stocking within the same bounds, with a round neck for its high collar."""
    faces = source.faces["helper-tights"]
    keep = _is_kept(source, source.points[faces].mean(axis=1))
    collar = boundary_vertices(faces[keep])
    height = source.points[collar, 2]
    collar = collar[height > height.max() - COLLAR_SLANT]
    for _ in range(COLLAR_RINGS):
        touched = keep & np.isin(faces, collar).any(axis=1)
        collar = np.unique(faces[touched])
        keep &= ~touched
    return _cut(source, ("helper-tights",), keep)


def eye_vertices(source: Source) -> np.ndarray:
    """int32 [2, 72]: the vertices of the right and of the left helper eye."""
    return np.stack([np.unique(source.faces[f"helper-{side}-eye"]) for side in "rl"]).astype(np.int32)


def _cut(source: Source, groups: tuple[str, ...], keep: np.ndarray) -> Cut:
    """The kept ones, bool [F], of these groups' faces."""
    faces = np.concatenate([source.faces[g] for g in groups])[keep]
    uv_faces = np.concatenate([source.uv_faces[g] for g in groups])[keep]
    group = np.concatenate([np.full(len(source.faces[g]), g) for g in groups])[keep]
    vertices, local = np.unique(faces, return_inverse=True)
    return Cut(
        vertices=vertices.astype(np.int32),
        faces=local.reshape(-1, 4).astype(np.int32),
        uv=source.uv[uv_faces].astype(np.float32),
        group=group,
    )


def _is_kept(source: Source, centers: np.ndarray) -> np.ndarray:
    """bool [F] for face centres [F, 3]: above the chest's cut and, on an arm, above that arm's."""
    height, arms = _planes(source)
    keep = centers[:, 2] > height
    for shoulder, arm in arms:
        along = (centers - shoulder) @ arm / (arm @ arm)
        keep &= ~(_beyond(centers, shoulder) & (along > UPPER_ARM_FRACTION))
    return keep


def straighten(source: Source, cut: Cut) -> np.ndarray:
    """Base positions float64 [V, 3] of a cut's vertices, those on its edges moved onto the planes of the cut."""
    points = source.points[cut.vertices]
    edge = boundary_vertices(cut.faces[~np.isin(cut.group, INNER_GROUPS)])
    height, arms = _planes(source)
    edge = edge[points[edge, 2] < height + EDGE_DEPTH]
    on_arm = np.zeros(len(edge), dtype=bool)
    for shoulder, arm in arms:
        along = (points[edge] - shoulder) @ arm / (arm @ arm)
        mine = _beyond(points[edge], shoulder) & (along > UPPER_ARM_FRACTION - 0.2)
        points[edge[mine]] += ((UPPER_ARM_FRACTION - along)[:, None] * arm)[mine]
        on_arm |= mine
    points[edge[~on_arm], 2] = height
    return points


def _planes(source: Source) -> tuple[float, list[tuple[np.ndarray, np.ndarray]]]:
    """Height of the chest's cut, and each arm's shoulder [3] and way to the elbow [3], m."""
    eyes = source.points[eye_vertices(source)].mean(axis=(0, 1))
    joints = [
        [
            source.points[np.unique(source.faces[f"joint-{side}-{joint}"])].mean(axis=0)
            for joint in ("shoulder", "elbow")
        ]
        for side in "lr"
    ]
    return eyes[2] - CHEST_BELOW_EYES, [(shoulder, elbow - shoulder) for shoulder, elbow in joints]


def _beyond(points: np.ndarray, shoulder: np.ndarray) -> np.ndarray:
    """bool [N]: further out than this shoulder."""
    return np.sign(shoulder[0]) * points[:, 0] > abs(shoulder[0])
