"""Beards and stubble as strands, in numpy and head space: where they grow, and how. Without chance, as hair.

Where is a field in [0, 1] over the face at rest, made of soft zones around the mean's landmarks. All styles take
their strands from the same roots, each strand where its own number is below the field.
"""

from dataclasses import dataclass

import numpy as np

from scenes.head.hair import UP, HeadField, Roots, place_roots
from scenes.head.worn import BeardSpec
from synth.geometry import normalize
from synth.models import MorphableModel

STRANDS = 12000  # over everything that can grow a beard: some 60 per cm2, as on men
RADIUS = 6.5e-5  # m
EDGE = 0.004  # m, over which a zone fades
CURL_TURNS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Measures of the mean face that the zones hang on, m in head space."""

    corner: np.ndarray  # [3] the left corner of the mouth
    top: float  # z of the upper lip's upper border
    bottom: float  # z of the lower lip's lower border
    nose: float  # z of the nose's base
    jaw: np.ndarray  # [9, 3] from the left ear to the chin


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Points of the mean face, the left half and the mirrored right one as one."""

    points: np.ndarray  # [N, 3] m, x >= 0
    beard: np.ndarray  # [N] the model's own mask of the beard
    skin: np.ndarray  # [N] 0 on lips, nose, ears and in the mouth
    to_jaw: np.ndarray  # [N] m, distance from the jaw's line


@dataclass(frozen=True, slots=True, kw_only=True)
class Beards:
    """What follows from the model once."""

    marks: Marks
    roots: Roots
    rooted: Places  # of the roots
    vertices: Places


def prepare_beards(model: MorphableModel, triangles: np.ndarray, strands: int = STRANDS) -> Beards:
    """The places of a model (mean [V, 3], triangles [T, 3]) where beards can grow, with `strands` roots.

    The model must have the regions beard, lips, nose, ears and inner_mouth (scenes.head.model.without).
    """
    marks = _marks(model.landmarks(model.mean).astype(np.float64))
    masks = {name: model.regions[name].astype(np.float64) for name in ("beard", "lips", "nose", "ears", "inner_mouth")}
    skin = np.prod([1 - np.clip(masks[name], 0, 1) for name in ("lips", "nose", "ears", "inner_mouth")], axis=0)
    columns = np.stack([np.clip(masks["beard"], 0, 1), skin, np.zeros_like(skin)], axis=1)
    vertices = _places(model.mean.astype(np.float64), columns, marks)
    roots = place_roots(model.mean, triangles, _widest(marks, vertices), strands, 500)
    rooted = _places(roots.at(model.mean), roots.at(columns), marks)
    return Beards(marks=marks, roots=roots, rooted=rooted, vertices=vertices)


def _marks(landmarks: np.ndarray) -> Marks:
    mirrored = landmarks[16:7:-1]
    return Marks(
        corner=landmarks[54],
        top=float(landmarks[51, 2]),
        bottom=float(landmarks[57, 2]),
        nose=float(landmarks[33, 2]),
        jaw=mirrored,
    )


def _places(points: np.ndarray, columns: np.ndarray, marks: Marks) -> Places:
    half = np.concatenate([np.abs(points[:, :1]), points[:, 1:]], axis=1)
    to_jaw = np.full(len(half), np.inf)
    for a, b in zip(marks.jaw[:-1], marks.jaw[1:], strict=True):
        t = np.clip((half - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        to_jaw = np.minimum(to_jaw, np.linalg.norm(half - a - t[:, None] * (b - a), axis=-1))
    return Places(points=half, beard=columns[:, 0], skin=columns[:, 1], to_jaw=to_jaw)


def _step(value: np.ndarray, width: float = EDGE) -> np.ndarray:
    """0 below -width / 2, 1 above width / 2, smooth between."""
    t = np.clip(value / width + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def _moustache(marks: Marks, places: Places, droop: float) -> np.ndarray:
    """Under the nose and past the mouth's corners, `droop` m below them."""
    x, y, z = places.points.T
    cx, cy, cz = marks.corner
    reach = 1.22 * cx
    base = marks.nose - 0.0015
    upper = np.interp(x, [0, 0.5 * cx, cx, reach], [base, base - 0.001, cz + 0.011, cz + 0.005])
    lower = np.where(x > 0.97 * cx, cz - 0.002 - droop, cz)
    front = _step(cy + 0.010 - y)
    return _step(upper - z, 0.003) * _step(z - lower, 0.003) * _step(reach - x) * front * places.skin


def _patch(marks: Marks, places: Places) -> np.ndarray:
    x, _, z = places.points.T
    depth = marks.bottom - z
    return _step(0.0085 - x - 0.3 * np.maximum(depth, 0)) * _step(depth, 0.003) * _step(0.015 - depth) * places.skin


def _chin(marks: Marks, places: Places, width: float, neck: float) -> np.ndarray:
    x, y, z = places.points.T
    chin = marks.jaw[-1]
    under = np.linalg.norm(places.points[:, 1:] - chin[1:], axis=-1)  # behind the chin, on its underside
    front = np.where(y > chin[1], _step(0.4 * neck + 0.012 - under, 0.008), 1)
    return _step(width - x) * _step(marks.bottom - 0.012 - z, 0.008) * front * np.minimum(places.beard * 2, 1)


def _bridge(marks: Marks, places: Places, width: float) -> np.ndarray:
    """From the moustache past the mouth's corners down to the chin."""
    x, y, z = places.points.T
    cx, cy, cz = marks.corner
    inner, outer = np.interp(z, [marks.bottom - 0.02, cz], [0.0, 0.97 * cx]), 1.3 * cx
    across = _step(x - inner) * _step(np.maximum(outer, 0.8 * width) - x)
    return across * _step(cz + 0.006 - z) * _step(z - marks.bottom + 0.022) * _step(cy + 0.014 - y) * places.skin


def _full(marks: Marks, places: Places, cheek: float, neck: float) -> np.ndarray:
    """Cheeks, jaw, chin and the neck below, without what is above the mouth."""
    _, y, z = places.points.T
    jaw = marks.jaw[np.argsort(marks.jaw[:, 1])]
    below = np.interp(y, jaw[:, 1], jaw[:, 2]) - z
    line = np.interp(y, [-0.012, 0.005, 0.035, 0.05, 0.062], [-0.056, -0.056, -0.050, -0.018, -0.010])
    low_cheek = np.maximum(_step(line - cheek - z, 0.008), _step(0.009 - places.to_jaw))
    return places.beard * low_cheek * _step(neck - below, 0.010)


def _chops(marks: Marks, places: Places, cheek: float, neck: float) -> np.ndarray:
    """Sideburns and cheeks up to the mouth's corners; the chin is shaved."""
    x, _, z = places.points.T
    bare = 0.9 * marks.corner[0] + 0.35 * np.maximum(marks.corner[2] - z, 0)
    return _full(marks, places, cheek, neck) * _step(x - bare, 0.006)


def _strap(marks: Marks, places: Places, width: float) -> np.ndarray:
    return _step(width - places.to_jaw) * np.minimum(3 * places.beard, 1)


def _widest(marks: Marks, places: Places) -> np.ndarray:
    zones = [places.beard, _moustache(marks, places, 0.03), _patch(marks, places), _bridge(marks, places, 0.028)]
    return np.max(zones, axis=0)


def beard_field(spec: BeardSpec, marks: Marks, places: Places) -> np.ndarray:
    """Float64 [N] in [0, 1]: how much of the full density grows at each place."""
    moustache = lambda droop: _moustache(marks, places, droop)
    chin = _chin(marks, places, spec.width, spec.neck)
    full = np.maximum(_full(marks, places, spec.cheek, spec.neck), _bridge(marks, places, spec.width))
    zones = {
        "stubble": lambda: [full, moustache(0.01), _patch(marks, places)],
        "short_full": lambda: [full, moustache(0.01), _patch(marks, places)],
        "long_full": lambda: [full, moustache(0.01), _patch(marks, places)],
        "goatee": lambda: [chin, _patch(marks, places)],
        "moustache": lambda: [moustache(spec.droop)],
        "circle": lambda: [chin, moustache(0.004), _bridge(marks, places, spec.width), _patch(marks, places)],
        "chin_strap": lambda: [_strap(marks, places, spec.width)],
        "mutton_chops": lambda: [_chops(marks, places, spec.cheek, spec.neck)],
        "soul_patch": lambda: [_patch(marks, places)],
        "van_dyke": lambda: [chin, moustache(0.0), _patch(marks, places)],
    }
    return spec.density * np.max(zones[spec.style](), axis=0)


def grow_beard(
    spec: BeardSpec | None, beards: Beards, vertices: np.ndarray, normals: np.ndarray, field: HeadField
) -> np.ndarray:
    """Strands float32 [S, P, 3] (m, head space) on a head with vertices and normals [V, 3]; [0, 2, 3] without one."""
    if spec is None:
        return np.zeros((0, 2, 3), np.float32)
    roots, rest = beards.roots, beards.rooted
    root, normal = roots.at(vertices), normalize(roots.at(normals))
    wild = spec.wild * (roots.numbers[:, :3] - 0.5)
    lift = 0.55 if spec.length < 0.003 else 0.42
    comb = _comb(beards.marks, rest, root, normal).astype(np.float32)
    heading = normalize(lift * normal + (1 - lift) * comb + 0.5 * wild)
    length = spec.length * _share(spec, beards.marks, rest) * (0.65 + 0.5 * roots.numbers[:, 3])
    length = length.astype(np.float32)
    points = 3 if spec.length < 0.003 else 5 if spec.length < 0.012 else 10
    step = length / (points - 1)
    strands = [root]
    for _ in range(1, points):
        place = strands[-1] + step[:, None] * heading
        if spec.length > 0.012:  # long enough to reach another part of the face or the neck
            place = _kept_out(place, root, normal, field)
        strands.append(place)
        heading = normalize(heading - min(12 * spec.length, 0.35) * UP + 0.06 * wild)
    strands = _wound(np.stack(strands, axis=1), roots, spec)
    grows = beard_field(spec, beards.marks, rest) > roots.numbers[:, 1]
    return strands[grows]


def _comb(marks: Marks, rest: Places, root: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Unit directions [S, 3] along the skin: down, to the sides under the nose, forward on the chin."""
    side = np.tanh(root[:, :1] / 0.004)
    above = _step(rest.points[:, 2] - marks.corner[2], 0.01)[:, None]
    wish = np.concatenate([side * (0.15 + 0.75 * above), -0.25 + 0 * side, -1 + 0.2 * above], axis=1)
    return normalize(wish - (wish * normal).sum(-1, keepdims=True) * normal)


def _share(spec: BeardSpec, marks: Marks, rest: Places) -> np.ndarray:
    """Share [S] of the length: long at the chin, shorter to the ears, a moustache cut above the mouth."""
    if spec.length < 0.003:
        return np.ones(len(rest.points))
    _, y, z = rest.points.T
    back = np.clip((y - marks.jaw[-1, 1]) / (marks.jaw[0, 1] - marks.jaw[-1, 1]), 0, 1)
    share = 1 - (0.75 if spec.length > 0.03 else 0.45) * back
    above = _step(z - marks.corner[2], 0.006)
    trimmed = min(1.0, 0.011 / spec.length)
    under_lip = _step(z - marks.bottom + 0.018, 0.012)  # short below the lip, so that the mouth stays free
    return share * (1 - above) * (1 - under_lip * (1 - trimmed)) + np.minimum(share, trimmed) * above


def _kept_out(place: np.ndarray, root: np.ndarray, normal: np.ndarray, field: HeadField) -> np.ndarray:
    """Places [S, 3] off the skin: outside the head around, and never behind the own root's skin."""
    sunk = np.minimum(((place - root) * normal).sum(-1, keepdims=True) - 0.0006, 0)
    near = np.linalg.norm(place - root, axis=-1) < 0.012
    place = np.where(near[:, None], place - sunk * normal, place)
    return np.where(near[:, None], place, field.push_out(place, np.full(len(place), 0.001, np.float32)).points)


def _wound(strands: np.ndarray, roots: Roots, spec: BeardSpec) -> np.ndarray:
    """Strands drawn to their guides and wound around their own path."""
    if spec.length < 0.006:
        return strands
    t = np.linspace(0, 1, strands.shape[1], dtype=np.float32)
    guides = strands[roots.guide] + 0.35 * (strands[:, :1] - strands[roots.guide, :1])
    strands = strands + (0.35 * t**1.5)[:, None] * (guides - strands)
    along = normalize(np.gradient(strands, axis=1))
    aside = normalize(np.cross(along, UP + 1e-3))
    third = np.cross(along, aside)
    radius = min(0.0035, 0.12 * spec.length) * spec.curl * np.minimum(3 * t, 1)
    angle = 2 * np.pi * (max(CURL_TURNS, spec.length / 0.02) * t + roots.numbers[roots.guide, 1, None])
    angle = angle + 1.5 * roots.numbers[:, 2, None]
    return strands + (radius * np.cos(angle))[..., None] * aside + (radius * np.sin(angle))[..., None] * third
