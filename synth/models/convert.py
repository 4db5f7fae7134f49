"""The identity of one model in the coefficients of another, through the places that they have in common."""

from dataclasses import dataclass

import numpy as np

from synth.geometry import transform
from synth.models.correspondence import correspond, main_piece
from synth.models.morphable import MorphableModel
from synth.models.registration import similarity

NOISE = 2e-4  # m, per coordinate of a place: what one standard deviation of a coefficient weighs against
NEAR = 0.003  # m: a place of one mean, laid onto the other, that is further off has no counterpart there
FEWEST = 100  # places in common

type Places = tuple[np.ndarray, np.ndarray]  # a mean float64 [n, 3] m, and an identity basis [K, n, 3] m there


@dataclass(kw_only=True, slots=True, eq=False)
class Bridge:
    """From the identity of one model, Ka coefficients, to that of another, Kb, by n places in common."""

    matrix: np.ndarray  # float64 [Kb, Ka]
    offset: np.ndarray  # float64 [Kb]: what the first one's mean is in the second
    gap: np.ndarray  # float64 [3 n] m: between the means; this and the next two without what is rigid
    moves: np.ndarray  # float64 [3 n, Ka] m per standard deviation, of the first
    shows: np.ndarray  # float64 [3 n, Kb] m per standard deviation, of the second

    def __call__(self, identity: np.ndarray) -> tuple[np.ndarray, float]:
        """Coefficients float32 [Kb] (standard deviations) for others [Ka], and the root mean square distance (m)
        between the two faces at the places in common, but for how they are held."""
        if len(identity) != self.matrix.shape[1]:
            raise ValueError(f"the model takes {self.matrix.shape[1]} coefficients, got {len(identity)}")
        found = self.matrix @ identity + self.offset
        off = self.gap + self.moves @ identity - self.shows @ found
        return found.astype(np.float32), float(np.sqrt((off.reshape(-1, 3) ** 2).sum(axis=1).mean()))


def bridge(source: MorphableModel, target: MorphableModel, noise: float = NOISE) -> Bridge:
    """How to say an identity of `source` in the coefficients of `target`.

    Vertices of the same number are the same place where both have the same faces; else the mean with the larger
    surface, which has more of the head, is laid onto the other (correspondence.py; ValueError where it does not fit).
    Least squares over these places, a coefficient's standard deviation against `noise` (m): one that they say little
    about stays near 0. A head that is held otherwise is no other identity: what is rigid, to first order, does not
    count.
    """
    first, second = _common(source, target)
    held = _rigid(first[0])
    free = lambda values: values - held @ (held.T @ values)
    flat = lambda basis: basis.reshape(len(basis), -1).T.astype(np.float64)
    gap = free((first[0] - second[0]).ravel())
    moves, shows = free(flat(first[1])), free(flat(second[1]))
    solver = np.linalg.solve(shows.T @ shows + noise**2 * np.eye(shows.shape[1]), shows.T)
    return Bridge(matrix=solver @ moves, offset=solver @ gap, gap=gap, moves=moves, shows=shows)


def _common(source: MorphableModel, target: MorphableModel) -> tuple[Places, Places]:
    """The places of both, in the axes and at the place of one of them."""
    if source.mean.shape == target.mean.shape and np.array_equal(source.faces, target.faces):
        used = np.unique(source.faces)
        return _of(source, used), _of(target, used)
    if _area(source) < _area(target):
        second, first = _common(target, source)
        return first, second
    link = correspond(target, source)
    feet = link.on_model(link.laid.vertices[link.used], link.laid_normals[link.used])
    near = feet.distance < NEAR
    if near.sum() < FEWEST:
        raise ValueError(f"{source.name} and {target.name} have {near.sum()} places in common, {FEWEST} are needed")
    corners, weights = link.skin.triangles[feet.triangle[near]], feet.weights[near]
    there = np.einsum("nc,ncx->nx", weights, link.model.mean[corners])
    basis = np.einsum("nc,kncx->knx", weights, link.model.at_vertices(link.model.identity)[:, corners])
    mean, own = _of(source, link.used[near])
    place = similarity(mean, there, scale=False)
    return (transform(place, mean), own @ place[:3, :3].T), (there, basis)


def _area(model: MorphableModel) -> float:
    """m^2 of the mean's skin."""
    corners = main_piece(model).corners
    return float(np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=-1).sum())


def _of(model: MorphableModel, vertices: np.ndarray) -> Places:
    basis = model.at_vertices(model.identity)[:, vertices]
    return model.mean[vertices].astype(np.float64), basis.astype(np.float64)


def _rigid(points: np.ndarray) -> np.ndarray:
    """float64 [3 n, 6]: orthonormal columns that span the small rigid motions of points [n, 3]."""
    axes = np.eye(3)
    shifts = np.broadcast_to(axes[:, None], (3, *points.shape))
    turns = np.cross(axes[:, None], (points - points.mean(axis=0))[None])
    return np.linalg.qr(np.concatenate([shifts, turns]).reshape(6, -1).T)[0]
