"""Where a hand and what it holds are before a face: they touch the skin, or stay away from it, and the arm follows.

Everything is worked out for the left hand; for the right one the head is mirrored before, and the result after.
numpy, m, head space unless said; hand space is that of synth.models.arm.
"""

from dataclasses import dataclass

import numpy as np

from scenes.head.occluders import OccluderSpec, ThingSpec
from scenes.head.props import prop
from scenes.head.solids import Solid, relief, tube
from synth.geometry import normalize, rotation_x, rotation_y, rotation_z
from synth.models.arm import FINGERS, Arm

MIRROR = np.array([-1.0, 1.0, 1.0])
TOUCH = 0.985  # share of a hand's points that are outside of the skin: the others dent it
CLEAR = 0.0008  # m between them and the skin
CELL = 0.006  # m, of the face's relief; its vertices are closer than three
PALM, KNUCKLES, PADS = (0.0, 0.058, -0.012), (0.0, 0.092, -0.012), (0.0, 0.125, -0.01)  # hand space
ACROSS, ROUND = 40, 18  # rows and sides of a sleeve
WRIST_BEND = 1.1  # rad, about as far as it goes
CHEST_Z, FOREARM = -0.14, 0.045  # m: below it the body is a chest; how thick a sleeved forearm is from its axis
BEFORE_CHEST = 60.0  # cost of a metre that it is within the chest, where one of a radian of the wrist is 0.3 to 2.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Meshes in head space: the bare arm (points for the arm's own triangles), its sleeve, and a thing."""

    arm: np.ndarray
    sleeve: Solid
    thing: Solid | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A head whose left side is the one of the hand. All points [.., 3]."""

    vertices: np.ndarray
    nose: np.ndarray
    mouth: np.ndarray
    chin: np.ndarray
    eye: np.ndarray
    brow: np.ndarray
    ear: np.ndarray
    jaw: np.ndarray
    corner: np.ndarray


def place_occluder(spec: OccluderSpec, vertices: np.ndarray, landmarks: np.ndarray, arm: Arm, size: float) -> Held:
    """vertices [V, 3] of the head and what it wears, its 68 landmarks [68, 3]; size: of the model's heads."""
    face = _face(vertices, landmarks, spec.left)
    bends: dict[str, tuple[float, ...]] = dict(zip(FINGERS, spec.bends, strict=True))
    elbow, shoulder = arm.heads[1], arm.heads[0]
    hand = spec.scale * arm.posed(bends, elbow, shoulder)
    near = hand[:, 1] > -0.02  # of the arm: what may touch the face
    rotation, anchor, target, out, solid = _arrangement(spec, face)
    held = np.concatenate([hand[near], solid[0]]) if solid else hand[near]
    place = target + np.array(spec.shift) - rotation @ anchor
    place = place + _lift(held @ rotation.T + place, face.vertices, out, spec, bool(solid)) * out
    reach = shoulder_of(arm, size)
    elbow = _elbow(arm, spec.scale, rotation, place, reach, face.vertices)
    reach = _within(elbow, reach, spec.scale * arm.upper_arm)
    to_hand = lambda point: (point - place) @ rotation / spec.scale
    points = spec.scale * arm.posed(bends, to_hand(elbow), to_hand(reach)) @ rotation.T + place
    sleeve = _sleeve(spec, place, elbow, reach)
    thing = (solid[0] @ rotation.T + place, solid[1]) if solid else None
    if spec.left:
        return Held(arm=points, sleeve=sleeve, thing=thing)
    flipped = None if thing is None else _mirrored_thing(spec, rotation, place, solid)
    return Held(arm=points * MIRROR, sleeve=(sleeve[0] * MIRROR, sleeve[1][:, ::-1]), thing=flipped)


def shoulder_of(arm: Arm, size: float) -> np.ndarray:
    """The left shoulder [3]."""
    return size * arm.shoulder


def _mirrored_thing(spec: OccluderSpec, rotation: np.ndarray, place: np.ndarray, solid: Solid | None) -> Solid | None:
    """Things are symmetric: mirrored in their own frame before, they keep their triangles."""
    if solid is None or spec.thing is None:
        return None
    turn, middle = _in_hand(spec)
    local = (solid[0] - middle) @ turn
    return ((local * MIRROR) @ turn.T + middle) @ rotation.T * MIRROR + place * MIRROR, solid[1]


def _face(vertices: np.ndarray, landmarks: np.ndarray, left: bool) -> Face:
    flip = np.ones(3) if left else MIRROR
    mean = lambda first, last: landmarks[first:last].mean(axis=0) * flip
    at = lambda right_one, left_one: landmarks[left_one if left else right_one] * flip
    return Face(
        vertices=vertices.astype(np.float64) * flip,
        nose=landmarks[30] * flip,
        mouth=mean(48, 60),
        chin=landmarks[8] * flip,
        eye=mean(42, 48) if left else mean(36, 42),
        brow=mean(22, 27) if left else mean(17, 22),
        ear=at(0, 16),
        jaw=at(3, 13),
        corner=at(48, 54),
    )


FRONT = (0.0, -1.0, 0.0)
APART = ("selfie", "paper")  # things held before all of the face
# Of a bare hand: where its fingers and its palm point, what of it (hand space) goes where (points of a Face, their
# shares, and m beside them), and the way out of the face.
_POSES: dict[str, tuple] = {
    "cheek": ((0.1, 0.3, 1.0), (-0.85, 0.5, 0.05), PALM, {"jaw": 0.6, "corner": 0.4}, (0, 0, 0), (0.85, -0.5, 0.0)),
    "mouth": ((-1.0, 0.1, 0.3), (0.1, 1.0, 0.1), KNUCKLES, {"mouth": 1}, (0.012, 0, 0), FRONT),
    "chin": ((-0.25, 0.1, 1.0), (-0.3, 1.0, 0.15), KNUCKLES, {"chin": 1}, (0.012, 0, -0.006), (0, -1.0, -0.4)),
    "eye": ((-0.25, 0.05, 1.0), (-0.15, 1.0, -0.05), PADS, {"eye": 1}, (0, 0, 0), FRONT),
    "forehead": (
        (-0.8, 0.15, 0.55),
        (-0.1, 1.0, -0.3),
        PADS,
        {"brow": 0.7, "nose": 0.3},
        (0, 0, 0.035),
        (0, -1.0, 0.25),
    ),
    "stop": ((0.1, -0.15, 1.0), (0.05, -1.0, 0.0), KNUCKLES, {"nose": 1}, (0.035, -0.02, -0.02), FRONT),
    "peace": ((0.2, 0.0, 1.0), (-0.1, -1.0, 0.0), PADS, {"eye": 1}, (0.045, 0.03, -0.03), FRONT),
    "beside": ((0.15, 0.0, 1.0), (-0.5, -0.8, 0.0), KNUCKLES, {"jaw": 1}, (0.02, -0.03, 0.0), FRONT),
}


def _arrangement(spec: OccluderSpec, face: Face) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Solid | None]:
    """Hand to head [3, 3], a point in hand space and where it goes, the way out of the face, and the thing (hand
    space).
    """
    if spec.thing is not None:
        return _thing_arrangement(spec, spec.thing, face)
    ahead, palm, anchor, places, aside, out = _POSES[spec.pose]
    target = np.sum([share * getattr(face, name) for name, share in places.items()], axis=0) + aside
    rotation = _frame(np.array(ahead), np.array(palm)) @ _turn(spec)
    return rotation, spec.scale * np.array(anchor), target, normalize(np.array(out)), None


def _thing_arrangement(spec: OccluderSpec, thing: ThingSpec, face: Face):
    front = np.array(FRONT)
    turn, middle = _in_hand(spec)
    points, triangles = prop(thing.kind, thing.size, thing.bend)
    solid = (points @ turn.T + middle, triangles)
    width, height, _ = thing.size
    rotation = {
        "call": lambda: _frame(np.array([0.0, -0.35, 0.93]), np.array([-0.9, 0.4, 0.0])),
        "selfie": lambda: _frame(np.array([-0.77, 0.0, 0.64]), np.array([0.0, 1.0, 0.05])),
        "cup": lambda: _gripping(np.array([-0.12, 0.5, 0.85]), np.array([-0.8, 0.6, 0.0])),
        "microphone": lambda: _gripping(np.array([-0.15, 0.7, 0.7]), np.array([-0.75, 0.6, 0.0])),
        "paper": lambda: _frame(np.array([-0.25, 0.0, 1.0]), np.array([0.0, -1.0, 0.1])),
        "ball": lambda: _gripping(np.array([-0.5, 0.1, 0.8]), np.array([-0.5, 0.85, 0.1])),
    }[spec.pose]() @ _turn(spec)
    axis = rotation @ turn[:, 1]
    anchor, target, out = middle, face.nose, front
    if spec.pose == "call":
        target, out = 0.5 * face.ear + 0.5 * face.corner, normalize(np.array([0.9, -0.4, 0.0]))
    elif spec.pose == "cup":  # its rim at the lower lip
        rim = 0.5 * height * axis + 0.48 * width * normalize(-front - (-front @ axis) * axis)
        target = face.mouth + np.array([0.0, -0.004, -0.004]) - rim
    elif spec.pose == "microphone":
        target = face.mouth + (0.45 * width + spec.away) * front - (0.5 * height - 0.33 * width) * axis
    elif spec.pose == "ball":
        target = face.mouth + 0.5 * width * front + np.array([0.2 * width, 0, 0])
    elif spec.pose == "paper":
        target = face.chin + np.array([0.0, -0.02, 0.02 - 0.2 * height])
    return rotation, anchor, target, out, solid


def _in_hand(spec: OccluderSpec) -> tuple[np.ndarray, np.ndarray]:
    """Thing to hand: rotation [3, 3], and where the thing's middle is (m, hand space)."""
    assert spec.thing is not None
    (width, height, depth), s = spec.thing.size, spec.scale
    if spec.thing.kind == "phone":
        a = np.deg2rad(50)
        up = np.array([np.sin(a), np.cos(a), 0.0])
        return _columns(up, np.array([0.0, 0.0, -1.0])), np.array([0.0, 0.088 * s, -0.015 * s - depth / 2])
    if spec.thing.kind == "paper":
        return np.eye(3), np.array([0.025 * s, 0.1 * s + height / 2 - 0.025, -0.024 * s])
    radius = 0.5 * (depth * 1.3 if spec.thing.kind == "microphone" else width)
    along = 0.5 * height - 1.5 * width if spec.thing.kind == "microphone" else 0.0  # the hand is below its head
    turn = _columns(np.array([1.0, 0.0, 0.0]), normalize(np.array([0.0, -1.0, -1.0])))
    return turn, np.array([0.004 - along, (0.072 + 0.25 * radius) * s, -0.013 * s - radius])


def _columns(y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Rotation [3, 3] whose second and third columns are these."""
    return np.stack([np.cross(y, z), y, z], axis=-1)


def _frame(ahead: np.ndarray, palm: np.ndarray) -> np.ndarray:
    """Hand to head [3, 3]: the palm faces one way, the fingers point about the other."""
    back = -normalize(palm)
    y = normalize(ahead - (ahead @ back) * back)
    return _columns(y, back)


def _gripping(axis: np.ndarray, palm: np.ndarray) -> np.ndarray:
    """Hand to head [3, 3] of a fist around an axis, the thumb at its upper end."""
    x = normalize(axis)
    back = -normalize(palm - (palm @ x) * x)
    return np.stack([x, np.cross(back, x), back], axis=-1)


def _turn(spec: OccluderSpec) -> np.ndarray:
    a, b, c = spec.turn
    return rotation_x(a) @ rotation_y(b) @ rotation_z(c)


def _lift(points: np.ndarray, head: np.ndarray, out: np.ndarray, spec: OccluderSpec, is_thing: bool) -> float:
    """m along `out` until the points [N, 3] are before the head: on it, or `away` from it. A thing is never drawn
    nearer; where it is to be says its arrangement, or, of those held APART, how far it is away.
    """
    right = normalize(np.cross(out, [0.0, 0.0, 1.0]))
    plane = np.stack([right, np.cross(right, out)], axis=-1)
    facing = head[head @ out > np.median(head @ out) - 0.12]
    skin = relief(facing @ plane, facing @ out, CELL, filled=2)
    high = skin.at(points @ plane)
    met = np.isfinite(high)
    if not met.any():
        return 0.0
    need = high[met] - (points @ out)[met] + CLEAR
    if is_thing:
        return max(0.0, float(need.max())) + (spec.away if spec.pose in APART else 0.0)
    return float(np.quantile(need, TOUCH)) + spec.away


def _within(center: np.ndarray, point: np.ndarray, radius: float) -> np.ndarray:
    """The point moved to a distance from a centre."""
    return center + radius * normalize(point - center)


def _elbow(
    arm: Arm, scale: float, rotation: np.ndarray, wrist: np.ndarray, shoulder: np.ndarray, body: np.ndarray
) -> np.ndarray:
    """Where the elbow is: both bones have their lengths, it hangs, the wrist bends as little as may be, and the forearm
    is before the chest of a body with these points [V, 3].
    """
    lower, upper = scale * arm.forearm, scale * arm.upper_arm
    way = shoulder - wrist
    distance = float(np.clip(np.linalg.norm(way), abs(lower - upper) + 0.01, lower + upper - 0.01))
    axis = normalize(way)
    along = (distance**2 + lower**2 - upper**2) / (2 * distance)
    radius = np.sqrt(max(lower**2 - along**2, 0))
    first = normalize(np.cross(axis, [0.0, 1.0, 0.0]))
    second = np.cross(axis, first)
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)[:, None]
    circle = wrist + along * axis + radius * (np.cos(angle) * first + np.sin(angle) * second)
    straight = normalize(circle - wrist) @ (rotation @ normalize(arm.heads[1]))
    bend = np.arccos(np.clip(straight, -1, 1))
    cost = (
        2.0 * np.maximum(bend - WRIST_BEND, 0) + 0.3 * bend + 4.0 * circle[:, 2] - 1.0 * np.minimum(circle[:, 0], 0.25)
    )
    forearm = wrist + np.linspace(0, 0.8, 9)[:, None, None] * (circle - wrist)
    return circle[(cost + BEFORE_CHEST * _sunk(forearm, body).mean(axis=0)).argmin()]


def _sunk(points: np.ndarray, body: np.ndarray) -> np.ndarray:
    """m [...] that the axis of a forearm at points [..., 3] is too far back for the chest under it."""
    chest = body[body[:, 2] < CHEST_Z]
    if len(chest) < 4:
        return np.zeros(points.shape[:-1])
    front = relief(chest[:, [0, 2]], -chest[:, 1], 0.02, filled=3)
    high = front.at(points.reshape(-1, 3)[:, [0, 2]]).reshape(points.shape[:-1])
    return np.where(np.isfinite(high), np.maximum(high + points[..., 1] + FOREARM, 0), 0)


def _sleeve(spec: OccluderSpec, wrist: np.ndarray, elbow: np.ndarray, shoulder: np.ndarray) -> Solid:
    """A tube around the arm from the shoulder down; `spec.sleeve` says how far."""
    upper, lower = np.linalg.norm(elbow - shoulder), np.linalg.norm(wrist - elbow)
    t = np.linspace(0, spec.sleeve, ACROSS) * (upper + lower)
    corner = 0.05  # m: the elbow is round
    mix = np.clip((t - upper + corner) / (2 * corner), 0, 1)[:, None]
    on_upper = shoulder + (t[:, None] / upper) * (elbow - shoulder)
    on_lower = elbow + ((t - upper)[:, None] / lower) * (wrist - elbow)
    bend = mix * mix * (3 - 2 * mix)
    path = on_upper * (1 - bend) + on_lower * bend
    radius = np.interp(t / (upper + lower), [0, 0.2, 0.5, 0.62, 1.0], [0.058, 0.060, 0.053, 0.05, 0.040])
    folds = 1 + 0.05 * np.sin(t * 210 + 2.0 * np.sin(t * 63)) * np.exp(-(((t - upper) / 0.12) ** 2))
    radius = spec.scale * radius * folds
    points, triangles = tube(path, np.tile([0.0, 1.0, 0.2], (ACROSS, 1)), radius, radius, ROUND)
    return points, triangles
