"""Teeth where people have theirs: MakeHuman's stand a centimetre behind the lips, and end above where these meet; and
single teeth in the place of its bands (dentition.py).
"""

from dataclasses import dataclass, replace

import numpy as np

from synth.models.makehuman.crop import Cut
from synth.models.makehuman.data import Source
from synth.models.makehuman.dentition import ribbon
from synth.models.makehuman.grid import ALBEDO_GRID, rounded
from synth.models.makehuman.parts import BOTTOM_LIP, MOUTH, SKIN, TOP_LIP
from synth.models.morphable import MorphableModel
from synth.models.surface import closest_points

JAWS = ("upper", "lower")
LIPS_MEET = 62  # of iBUG's points, the middle of the upper lip's inside
SHOWN = 0.002  # m, of the upper incisors below the upper lip at rest: 1 to 4 mm by age and sex (Vig and Brundo 1978)
BEHIND = 0.0054  # m, from where the lips meet back to the upper incisors
OVERJET = OVERBITE = 0.002  # m, of the upper incisors before and below the lower ones' edge (Proffit)
BESIDE, ABOVE, BACK = 0.024, 0.014, 0.014  # m from the upper incisors: the skin that teeth follow from head to head
MIDDLE = 0.5  # of BESIDE: skin nearer to the middle counts more
STIFF = 0.02  # of the least squares by which they do


def teeth_vertices(source: Source, cut: Cut) -> dict[str, np.ndarray]:
    """int [n] by jaw, in the cut's own numbers."""
    return {jaw: np.flatnonzero(np.isin(cut.vertices, np.unique(source.faces[f"helper-{jaw}-teeth"]))) for jaw in JAWS}


def seat(
    mean: np.ndarray, basis: np.ndarray, teeth: dict[str, np.ndarray], tongue: np.ndarray, lip: tuple[np.ndarray, ...]
) -> None:
    """Moves teeth [n] and tongue [m] of a mean [V, 3] and its identity basis [K, V, 3] (m) in place, both jaws by the
    way that brings the upper incisors to the lip, a point at weights of vertices, in every identity.
    """
    corners, weights = lip
    meeting, motion = weights @ mean[corners], np.einsum("c,kcx->kx", weights, basis[:, corners])
    edge = {jaw: incisor(mean, rows, jaw) for jaw, rows in teeth.items()}
    wish = {"upper": meeting + np.array([0, BEHIND, -SHOWN])}
    wish["lower"] = wish["upper"] + np.array([0, OVERJET, OVERBITE])
    follow = (motion - basis[:, edge["upper"]]) * [0, 1, 1]
    for jaw, rows in teeth.items():
        way = (wish[jaw] - mean[edge[jaw]]) * [0, 1, 1]
        front = _front(mean[rows, 1])  # roots stay where they are: before them is the chin, or the nose
        root = np.abs(mean[rows, 2] - mean[edge[jaw], 2]) / np.abs(mean[rows, 2] - mean[edge[jaw], 2]).max()
        mean[rows] += np.stack([0 * front, way[1] * (1 - root), way[2] * front], axis=-1)
        basis[:, rows] += follow[:, None]
        if jaw == "lower":
            mean[tongue] += way
            basis[:, tongue] += follow[:, None]


def incisor(mean: np.ndarray, rows: np.ndarray, jaw: str) -> int:
    """The vertex in the middle of a jaw's front edge."""
    middle = rows[np.abs(mean[rows, 0]) < 1e-3]
    foremost = middle[mean[middle, 1] < mean[middle, 1].min() + 0.004]
    height = mean[foremost, 2]
    return int(foremost[np.argmin(height) if jaw == "upper" else np.argmax(height)])


def _front(y: np.ndarray) -> np.ndarray:
    """1 at the incisors, 0 at the last molars, whose rows stay on one another."""
    return (y.max() - y) / np.ptp(y)


def with_teeth(model: MorphableModel, bands: dict[str, np.ndarray]) -> MorphableModel:
    """The model with ribbons of teeth and gums in the place of MakeHuman's bands, vertices [n] by jaw."""
    gone = np.zeros(len(model.mean), bool)
    gone[np.concatenate(list(bands.values()))] = True
    old = gone[model.faces].any(axis=1)
    number = np.cumsum(~gone) - 1
    parts = [_fitted(model, jaw, bands) for jaw in JAWS]
    start = np.count_nonzero(~gone) + np.cumsum([0, *(len(part.mean) for part in parts)])
    grown = lambda name: np.concatenate([getattr(model, name)[..., ~gone, :], *(getattr(p, name) for p in parts)], -2)
    faces = [number[model.faces[~old]], *(p.faces + first for p, first in zip(parts, start, strict=False))]
    ribbons = lambda values: np.concatenate([np.zeros(start[0]), *values])
    regions = {name: ribbons([0 * p.enamel + (name == "inner_mouth") for p in parts]) for name in model.regions}
    for name, mask in model.regions.items():
        regions[name][: start[0]] = mask[~gone]
    regions["teeth"] = ribbons([p.enamel for p in parts])
    return replace(
        model,
        **{name: grown(name) for name in ("mean", "identity", "expression", "albedo_mean", "albedo_basis")},
        faces=np.concatenate(faces).astype(np.int32),
        uv=np.concatenate([model.uv[~old], *(p.uv for p in parts)]),
        part=np.concatenate([model.part[~old], *(np.full(len(p.faces), MOUTH, np.uint8) for p in parts)]),
        landmark_triangles=number[model.landmark_triangles].astype(np.int32),
        paths={name: number[path].astype(np.int32) for name, path in model.paths.items()},
        regions={name: mask.astype(np.float32) for name, mask in regions.items()},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fitted:
    """A ribbon of N vertices as a part of the model; arrays as the model has them."""

    mean: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    albedo_mean: np.ndarray
    albedo_basis: np.ndarray
    faces: np.ndarray  # into the ribbon's own vertices
    uv: np.ndarray
    enamel: np.ndarray  # float64 [N]


def _fitted(model: MorphableModel, jaw: str, bands: dict[str, np.ndarray]) -> _Fitted:
    """The ribbon of a jaw, in its band's part of the map, and as bright as its band.

    From head to head it follows the skin before it, and in expressions the nearest places of its band.
    """
    middle = {name: model.mean[incisor(model.mean, rows, name)] for name, rows in bands.items()}
    made = ribbon(jaw, middle[jaw])
    quads = np.flatnonzero(np.isin(model.faces, bands[jaw]).all(axis=1))
    low, high = model.uv[quads].min(axis=(0, 1)), model.uv[quads].max(axis=(0, 1))
    inside = bands[jaw][0]
    brightness = (model.albedo_basis[:, inside] / model.albedo_mean[inside]).mean(axis=-1)
    return _Fitted(
        mean=rounded(made.points),
        identity=rounded(_with_the_skin(model, made.points, middle["upper"])),
        expression=rounded(_with_the_band(model, made.points, model.faces[quads])),
        albedo_mean=rounded(made.color, ALBEDO_GRID),
        albedo_basis=rounded(brightness[:, None, None] * made.color, ALBEDO_GRID),
        faces=made.faces,
        uv=(low + made.uv[made.faces] * (high - low)).astype(np.float32),
        enamel=made.enamel,
    )


def _with_the_band(model: MorphableModel, points: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """float64 [Ke, N, 3]: how expressions move the nearest places of the band."""
    triangles = np.concatenate([quads[:, corners] for corners in ((0, 1, 2), (0, 2, 3))])
    found = [closest_points(point, model.mean[triangles]) for point in points]
    held, weights = triangles[[row for row, _ in found]], np.stack([weight for _, weight in found])
    return np.einsum("kgcx,gc->kgx", model.expression[:, held].astype(np.float64), weights)


def _with_the_skin(model: MorphableModel, points: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """float64 [Ki, N, 3]: both jaws go with the skin before them, as an arch that shifts, widens and bends. Up and down
    they go with the place where the lips meet.
    """
    offset = (model.mean - middle) / [BESIDE, BACK, ABOVE]
    before = (np.abs(offset[:, [0, 2]]) < 1).all(axis=1) & (offset[:, 1] < 1)
    outside = np.unique(model.faces[np.isin(model.part, (SKIN, TOP_LIP, BOTTOM_LIP))])
    skin = outside[before[outside]]
    here, there = _shape(points - middle), _shape(model.mean[skin] - middle)
    motion = model.identity[:, skin].astype(np.float64)
    out = np.empty((len(motion), len(points), 3))
    weight = 0.1 + np.exp(-((offset[skin, 0] / MIDDLE) ** 2))
    for axis, columns in ((0, 2), (1, 6)):
        a = there[:, :columns]
        stiff = STIFF * weight.sum() * np.diag([0.0] + [1.0] * (columns - 1))
        found = np.linalg.solve((weight * a.T) @ a + stiff, (weight * a.T) @ motion[..., axis].T)
        out[..., axis] = (here[:, :columns] @ found).T
    meet = model.landmark_weights[LIPS_MEET] @ model.identity[:, model.landmark_triangles[LIPS_MEET]][..., 2].T
    out[..., 2] = meet[:, None]
    return out


def _shape(offset: np.ndarray) -> np.ndarray:
    """float64 [N, 6] of offsets [N, 3] (m) from the upper incisors: 1, aside, its square, up, and what bends both."""
    aside, up = np.clip(offset[:, [0, 2]] / [BESIDE, ABOVE], -1, 1).T
    return np.stack([np.ones(len(offset)), aside, aside**2, up, aside**2 * up, up**2], axis=-1)
