"""A left arm with its hand, out of MakeHuman's CC0 body: a skinned mesh whose fingers bend. No bpy.

Hand space: the origin is the wrist, +y points along the fingers, +z out of the back of the hand, +x to the thumb's
side; metres. The right arm is its mirror image.
"""

import json
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from synth.geometry import normalize
from synth.models.makehuman.data import Source, data_folder, read_source
from synth.models.subdivision import Refinement, refine

FINGERS = ("thumb", "index", "middle", "ring", "little")
BONES = ("upper_arm", "forearm", "twist", "hand", *(f"{finger}_{k}" for finger in FINGERS for k in (1, 2, 3)))
_MERGED = {  # MakeHuman's bones of the left arm by ours
    **dict.fromkeys(("clavicle.L", "shoulder01.L", "upperarm01.L", "upperarm02.L"), "upper_arm"),
    "lowerarm01.L": "forearm",
    "lowerarm02.L": "twist",
    **dict.fromkeys(("wrist.L", *(f"metacarpal{k}.L" for k in (1, 2, 3, 4))), "hand"),
    **{f"finger{n}-{k}.L": f"{finger}_{k}" for n, finger in enumerate(FINGERS, 1) for k in (1, 2, 3)},
}
WRIST, ELBOW, SHOULDER = "joint-l-hand", "joint-l-elbow", "joint-l-shoulder"


@dataclass(kw_only=True, slots=True, eq=False)
class Arm:
    """The arm from the middle of the upper arm on, as it rests. Directions of `axes` bend a finger towards the palm."""

    points: np.ndarray  # float64 [V, 3] m
    weights: np.ndarray  # float64 [V, B] of BONES
    heads: np.ndarray  # float64 [B, 3] m, where each bone begins
    axes: np.ndarray  # float64 [B, 3] unit, about which it bends
    tips: np.ndarray  # float64 [5, 3] m, ends of the fingers
    shoulder: np.ndarray  # float64 [3] m, of the body that it is of, from the midpoint of its eyes, head axes
    fine: Refinement

    @property
    def triangles(self) -> np.ndarray:
        """int32 [T, 3] of the mesh that `posed` gives, counter-clockwise from outside."""
        return np.concatenate([self.fine.faces[:, (0, 1, 2)], self.fine.faces[:, (0, 2, 3)]])

    @property
    def forearm(self) -> float:
        """m, from the elbow to the wrist."""
        return float(np.linalg.norm(self.heads[BONES.index("forearm")]))

    @property
    def upper_arm(self) -> float:
        """m, from the shoulder to the elbow."""
        return float(np.linalg.norm(self.heads[0] - self.heads[BONES.index("forearm")]))

    def posed(self, bends: dict[str, tuple[float, ...]], elbow: np.ndarray, shoulder: np.ndarray) -> np.ndarray:
        """[V', 3] (m, hand space), subdivided once: the hand stays, its fingers bend, the arm reaches to the shoulder.

        bends: by finger, rad: at its three joints, and sideways at the first, away from the middle finger.
        elbow, shoulder: where they are to be [3] (m, hand space).
        """
        rotations, moves = self._motions(bends, elbow, shoulder)
        moved = np.einsum("bij,vj->bvi", rotations, self.points) + moves[:, None]
        return self.fine(np.einsum("vb,bvi->vi", self.weights, moved))

    def fingertips(self, bends: dict[str, tuple[float, ...]]) -> np.ndarray:
        """[5, 3] (m, hand space): where the ends of the bent fingers are."""
        rotations, moves = self._motions(bends, self.heads[BONES.index("forearm")], self.heads[0])
        last = [BONES.index(f"{finger}_3") for finger in FINGERS]
        return np.einsum("fij,fj->fi", rotations[last], self.tips) + moves[last]

    def _motions(self, bends, elbow: np.ndarray, shoulder: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotations [B, 3, 3] and translations [B, 3] of the bones."""
        rotations, moves = np.tile(np.eye(3), (len(BONES), 1, 1)), np.zeros((len(BONES), 3))
        for finger in FINGERS:
            turn, move = np.eye(3), np.zeros(3)
            angles = bends.get(finger, (0.0, 0.0, 0.0))
            for k in (1, 2, 3):
                bone = BONES.index(f"{finger}_{k}")
                local = rotation_about(self.axes[bone], angles[k - 1])
                if k == 1 and len(angles) > 3:
                    local = rotation_about(np.array([0.0, 0.0, 1.0]), angles[3] * SIDE[finger]) @ local
                head = self.heads[bone]
                move = turn @ (head - local @ head) + move
                turn = turn @ local
                rotations[bone], moves[bone] = turn, move
        rest_elbow, rest_shoulder = self.heads[BONES.index("forearm")], self.heads[0]
        lower = turning(rest_elbow, elbow)
        upper = turning(rest_shoulder - rest_elbow, shoulder - elbow)
        for name in ("forearm", "twist"):
            rotations[BONES.index(name)] = lower
        rotations[0], moves[0] = upper, elbow - upper @ rest_elbow
        return rotations, moves


SIDE = {"thumb": -1.0, "index": -1.0, "middle": 0.0, "ring": 1.0, "little": 1.0}  # about the back of the hand


def rotation_about(axis: np.ndarray, angle: float) -> np.ndarray:
    """[3, 3] about a unit axis, right-handed, rad (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def turning(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The least rotation [3, 3] that brings the direction a to the direction b."""
    a, b = normalize(a), normalize(b)
    axis = np.cross(a, b)
    sine = float(np.linalg.norm(axis))
    if sine < 1e-9:
        return np.eye(3) if a @ b > 0 else rotation_about(normalize(np.cross(a, np.eye(3)[np.abs(a).argmin()])), np.pi)
    return rotation_about(axis / sine, float(np.arctan2(sine, a @ b)))


@lru_cache(maxsize=1)
def load_arm() -> Arm:
    """The arm, computed once per process, in some 0.4 s."""
    source = read_source()
    weights = _weights(len(source.points))
    faces = source.faces["body"]
    faces = faces[(weights[faces].sum(axis=-1) > 0.5).all(axis=1)]
    faces = faces[_joint_distance(source, faces) < 0]
    vertices, local = np.unique(faces, return_inverse=True)
    heads = np.array([_joint(source, _JOINTS[bone]) for bone in BONES])
    tips = np.array([_joint(source, f"joint-l-finger-{n}-4") for n in range(1, 6)])
    to_hand = _hand_frame(heads)
    wrist = heads[BONES.index("hand")]
    to_own = lambda points: (points - wrist) @ to_hand.T
    heads, tips = to_own(heads), to_own(tips)
    own = weights[vertices] / weights[vertices].sum(axis=1, keepdims=True)
    eyes = np.concatenate([source.points[np.unique(source.faces[f"helper-{side}-eye"])] for side in "rl"]).mean(axis=0)
    return Arm(
        points=to_own(source.points[vertices]),
        weights=own,
        heads=heads,
        axes=_axes(heads, tips),
        tips=tips,
        shoulder=_joint(source, SHOULDER) - eyes,
        fine=refine(local.reshape(-1, 4).astype(np.int32), len(vertices)),
    )


_JOINTS = {
    "upper_arm": SHOULDER,
    **dict.fromkeys(("forearm", "twist"), ELBOW),
    "hand": WRIST,
    **{f"{finger}_{k}": f"joint-l-finger-{n}-{k}" for n, finger in enumerate(FINGERS, 1) for k in (1, 2, 3)},
}


def _weights(count: int) -> np.ndarray:
    """float64 [V, B] of the whole body's vertices; rows of what is no arm are 0."""
    path = data_folder() / "mpfb2/rigs/standard/weights.default.json"
    table, out = json.loads(path.read_text())["weights"], np.zeros((count, len(BONES)))
    for name, bone in _MERGED.items():
        vertex, weight = np.array(table[name]).T
        np.add.at(out[:, BONES.index(bone)], vertex.astype(int), weight)
    return out


def _joint(source: Source, group: str) -> np.ndarray:
    return source.points[np.unique(source.faces[group])].mean(axis=0)


def _joint_distance(source: Source, faces: np.ndarray) -> np.ndarray:
    """m [F] along the upper arm, from its middle towards the shoulder."""
    shoulder, elbow = _joint(source, SHOULDER), _joint(source, ELBOW)
    return (source.points[faces].mean(axis=1) - 0.5 * (shoulder + elbow)) @ normalize(shoulder - elbow)


def _hand_frame(heads: np.ndarray) -> np.ndarray:
    """Rotation [3, 3] from the body's axes to hand space."""
    at = lambda bone: heads[BONES.index(bone)]
    y = normalize(at("middle_1") - at("hand"))
    x = at("index_1") - at("little_1")
    x = normalize(x - (x @ y) * y)
    return np.stack([x, y, np.cross(x, y)])


def _axes(heads: np.ndarray, tips: np.ndarray) -> np.ndarray:
    """Axes [B, 3] about which a positive angle bends a finger towards the palm."""
    out = np.tile(np.array([-1.0, 0.0, 0.0]), (len(BONES), 1))
    for n, finger in enumerate(FINGERS):
        chain = np.array([*(heads[BONES.index(f"{finger}_{k}")] for k in (1, 2, 3)), tips[n]])
        along = normalize(np.diff(chain, axis=0))
        towards = np.array([0.0, 0.0, -1.0])
        if finger == "thumb":  # across the palm and before it
            roots = 0.5 * (heads[BONES.index("middle_1")] + heads[BONES.index("ring_1")])
            towards = normalize(roots + np.array([0.0, 0.0, -0.05]) - chain[2])
        for k in (1, 2, 3):
            out[BONES.index(f"{finger}_{k}")] = normalize(np.cross(along[k - 1], towards))
    return out
