"""A whole head laid onto another model's mean: where each of its points is on the other, and the other way round."""

from dataclasses import dataclass, replace

import numpy as np

from synth.geometry import normalize, transform, vertex_normals
from synth.models.alignment import align, icp, nearest_turn
from synth.models.bare import NO_RADIUS, known_landmarks
from synth.models.morphable import MorphableModel
from synth.models.proximity import Feet, Surface, components_of
from synth.models.registration import Landmarks, nicp, similarity
from synth.models.rig import turned

MOUTH_INTERIOR, EYES = 9, (3, 4)  # segmentation classes
FACING = 0.006  # m that a place counts as further off where it faces the other way
OWN_POSTURE = np.radians(20)  # a head turned by less than this from its axes holds itself so
SIZE = (0.08, 1.0)  # m: the largest extent of what can be a head in metres
WORST = 0.008  # m: half of a head's surface is closer than this to the reference's, once in place
SAMPLES = 1500  # of the surface, to find its place by
FIRST_STABLE = 17  # iBUG's points before it are the jaw's contour, which every model has elsewhere
MOST = 48  # triangles tried for each point
MARGIN = 0.05  # m around the model within which the reference takes part


@dataclass(kw_only=True, slots=True, eq=False)
class Correspondence:
    """Both in the axes and the units of the model as it is returned, up to the origin."""

    model: MorphableModel  # turned to the axes of head space
    reference: MorphableModel
    skin: Surface  # the model's largest piece, with its own vertices' numbers
    laid: Surface  # the reference's skin on the model's mean, with the reference's vertices' numbers
    laid_normals: np.ndarray  # float64 [Vr, 3]
    start: np.ndarray  # float64 [Vr, 3] m: the reference's mean, only moved and scaled
    used: np.ndarray  # int [n] vertices of the reference that were fitted
    triangles: np.ndarray  # int [n] numbers of the triangles of `laid` among the reference's
    feet: Feet  # of the model's vertices [V] on `laid`
    residual: dict[str, float]  # m

    def on_reference(self, points: np.ndarray, normals: np.ndarray) -> Feet:
        """Where points [N, 3] of the model are on the reference."""
        return self.laid.closest(points, normals, turn=FACING, most=MOST)

    def on_model(self, points: np.ndarray, normals: np.ndarray) -> Feet:
        """Where points [N, 3] of the laid reference are on the model."""
        return self.skin.closest(points, normals, turn=FACING)


def correspond(model: MorphableModel, reference: MorphableModel) -> Correspondence:
    """Lays the reference's mean onto the model's, by a similarity and then without one (NICP).

    Raises ValueError where the model's mean is no head in metres.
    """
    skin = main_piece(model)
    to_reference, off = placed(model, reference, skin)
    points = transform(to_reference, skin.vertices)
    target = Surface(points, skin.triangles)
    used, triangles, numbers = _template(reference, points[np.unique(skin.triangles)])
    fit = nicp(
        reference.mean[used], triangles, target, _landmarks(model, reference, points, used), _say(reference)[used]
    )
    back, head = _back(to_reference, model)
    laid = transform(back, reference.mean.astype(np.float64))
    start = laid.copy()
    laid[used] = transform(back, fit.vertices)
    surface = Surface(laid, used[triangles])
    seen = fit.matched & (_say(reference)[used] > 0)
    scale = float(np.cbrt(np.linalg.det(back[:3, :3])))
    rms = float(np.sqrt((fit.distance[seen] ** 2).mean())) if seen.any() else float("inf")
    return Correspondence(
        model=head,
        reference=reference,
        skin=Surface(head.mean, skin.triangles),
        laid=surface,
        laid_normals=vertex_normals(laid, surface.triangles),
        start=start,
        feet=surface.closest(head.mean, vertex_normals(head.mean, head.triangles()), turn=FACING, most=MOST),
        used=used,
        triangles=numbers,
        residual={"rigid fit": scale * off, "surface fit": scale * rms},
    )


def main_piece(model: MorphableModel) -> Surface:
    """The connected piece of the model's mean with the largest area: its skin, without eyes and teeth."""
    triangles, part = model.triangles(), model.triangle_part()
    shown = ~np.isin(part, (MOUTH_INTERIOR, *EYES))
    piece = components_of(triangles[shown], len(model.mean))[triangles[:, 0]]
    corners = model.mean[triangles].astype(np.float64)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=-1)
    main = np.bincount(piece[shown], area[shown]).argmax()
    return Surface(model.mean, triangles[shown & (piece == main)])


def placed(model: MorphableModel, reference: MorphableModel, skin: Surface) -> tuple[np.ndarray, float]:
    """The similarity model_to_reference, float64 [4, 4], and the middle distance (m) that it leaves: by the landmarks
    of both, if there are four, else by trying; then by ICP. Raises ValueError where the skin is no head in metres."""
    extent = float(np.ptp(skin.vertices[skin.triangles.ravel()], axis=0).max())
    if not SIZE[0] <= extent <= SIZE[1]:
        raise ValueError(
            f"model {model.name} measures {extent:.3g} m, and a head in metres {SIZE[0]} to {SIZE[1]} m; give its unit"
        )
    goal = Surface(reference.mean, reference.triangles()[reference.triangle_part() != MOUTH_INTERIOR])
    points, normals = _spread(skin)
    known = stable_landmarks(model, reference)
    if len(known) >= 4:
        start = similarity(model.landmarks(model.mean)[known], reference.landmarks(reference.mean)[known])
        found, _ = icp(points, normals, goal, start, 30, (0.5, 2.0), most=12)
    else:
        found, _ = align(points, normals, goal, _anchors(reference))
    off = float(np.median(goal.closest(transform(found, points)).distance))
    if off > WORST:
        raise ValueError(
            f"model {model.name} does not lie on the head of {reference.name}: half of it is more than {off:.3g} m "
            f"off, {WORST} m at most are allowed; give landmarks, or check its unit and which way its faces are wound"
        )
    return found, off


def stable_landmarks(model: MorphableModel, reference: MorphableModel) -> np.ndarray:
    """int [n]: the landmarks that both have, without the jaw's."""
    known = np.flatnonzero(known_landmarks(model) & known_landmarks(reference))
    return known[known >= FIRST_STABLE]


def _anchors(reference: MorphableModel) -> tuple[np.ndarray, ...]:
    """Where the middle of a model may be: the head's middle, and the face's."""
    head = reference.mean[reference.mean[:, 2] > reference.mean[:, 2].max() - 0.25]
    return head.mean(axis=0), reference.landmarks(reference.mean).mean(axis=0)


def _spread(surface: Surface) -> tuple[np.ndarray, np.ndarray]:
    """Points [SAMPLES, 3] evenly over a surface's area, and the normals there: the same at every call."""
    corners = surface.corners
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=-1)
    total = np.cumsum(area)
    rows = np.searchsorted(total, (np.arange(SAMPLES) + 0.5) / SAMPLES * total[-1])
    rows = rows[np.argsort(rows * 0.6180339887498949 % 1)]  # any first n of them are spread as well
    return corners[rows].mean(axis=1), surface.normals[rows]


def _template(reference: MorphableModel, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The reference's skin near points [N, 3]: its vertices [n], triangles [T, 3] into these, and their numbers [T]."""
    triangles = reference.triangles()
    piece = components_of(triangles, len(reference.mean))[triangles[:, 0]]
    low, high = points.min(axis=0) - MARGIN, points.max(axis=0) + MARGIN
    near = ((reference.mean >= low) & (reference.mean <= high)).all(axis=1)
    numbers = np.flatnonzero((piece == np.bincount(piece).argmax()) & near[triangles].all(axis=1))
    used, local = np.unique(triangles[numbers], return_inverse=True)
    return used, local.reshape(-1, 3), numbers


def _say(reference: MorphableModel) -> np.ndarray:
    """float64 [Vr]: 0 where another model may have no counterpart, in the mouth and behind the lids; 1 elsewhere."""
    out = np.ones(len(reference.mean))
    if "inner_mouth" in reference.regions:
        out[reference.regions["inner_mouth"] > 0.25] = 0
    for center, radius in zip(reference.eyeballs.center, reference.eyeballs.radius, strict=True):
        if radius > NO_RADIUS:
            out[np.linalg.norm(reference.mean - center, axis=1) < 1.04 * radius] = 0
    return out


def _landmarks(
    model: MorphableModel, reference: MorphableModel, points: np.ndarray, used: np.ndarray
) -> Landmarks | None:
    """The stable landmarks of both, on the template of these vertices [n] and on the model's mean at points [V, 3]."""
    known = stable_landmarks(model, reference)
    known = known[np.isin(reference.landmark_triangles[known], used).all(axis=1)]
    if not len(known):
        return None
    return Landmarks(
        triangles=np.searchsorted(used, reference.landmark_triangles[known]),
        weights=reference.landmark_weights[known].astype(np.float64),
        points=model.landmarks(points)[known],
    )


def _back(to_reference: np.ndarray, model: MorphableModel) -> tuple[np.ndarray, MorphableModel]:
    """reference_to_model [4, 4], and the model, both with the model turned to the axes of head space."""
    scale = np.cbrt(np.linalg.det(to_reference[:3, :3]))
    turn = np.eye(4)
    turn[:3, :3] = nearest_turn(to_reference[:3, :3] / scale, OWN_POSTURE)
    return turn @ np.linalg.inv(to_reference), moved(model, turn)


def moved(model: MorphableModel, motion: np.ndarray) -> MorphableModel:
    """The model after a rotation and translation [4, 4]; itself where there is none."""
    if np.array_equal(motion, np.eye(4)):
        return model
    place = lambda points: transform(motion, points).astype(np.float32)
    spin = lambda vectors: (vectors @ motion[:3, :3].T).astype(np.float32)

    def mesh(of):
        return {"mean": place(of.mean), "identity": spin(of.identity), "expression": spin(of.expression)}

    eyes = model.eyeballs
    eyes = replace(
        eyes,
        center=place(eyes.center),
        center_identity=spin(eyes.center_identity),
        axis=normalize(spin(eyes.axis)).astype(np.float32),
    )
    to_head = model.source_to_head
    return replace(
        model,
        **mesh(model),
        eyeballs=eyes,
        garment=model.garment and replace(model.garment, **mesh(model.garment)),
        layers={name: replace(layer, **mesh(layer)) for name, layer in model.layers.items()},
        rig=model.rig and turned(model.rig, motion),
        source_to_head=None if to_head is None else motion @ to_head,
    )
