"""Lids that touch the eyeballs, and are not touched by these: what of a mesh is not linear in its coefficients.

A model's lids lie on the eyeballs to first order. Of some faces they would dip into them, or into the cornea of an eye
that has turned, or stand off. There the skin is moved along the eyeball's radius by as little as it takes, as a
membrane on springs: less and less around the place, to nothing some millimetres away.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from synth.geometry import normalize
from synth.models.eyeball import EyeShape, eye_shape

if TYPE_CHECKING:
    from synth.models.morphable import MorphableModel

SIDES = ("right", "left")
CLEAR = 0.0003  # m from the eyeball to the skin over it at least, of which chords between vertices take 0.1 mm
SUNK = (
    0.0001  # m at least: how deep in the sphere, without the cornea, lids end; its mesh is 0.02 mm within the true one
)
FALL = 0.004  # m in which a movement falls to 1 / e
REACH_OUT, REACH_IN = 0.016, 0.007  # m from the lids' edge, along the skin and into the socket: no vertex beyond moves
STEEP, SHORT = 0.4, 0.0004  # a movement falls at most so much along the skin; m: edges that are shorter count as this
STEPS = 200  # towards the membrane's rest; after half of them nothing moves by more than 1e-6 m


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lids:
    """The lids of one eye of a model, and the skin around them, n vertices."""

    vertices: np.ndarray  # int [n]
    neighbours: np.ndarray  # int [n, d] places among the n; a vertex with fewer repeats itself
    share: np.ndarray  # float64 [n, d] of each neighbour in their mean
    drop: np.ndarray  # float64 [n, d] m that a vertex moves less than a neighbour, at most
    spring: float  # stiffness of the springs over that of the membrane
    free: np.ndarray  # bool [n]: not at the end of what moves
    outside: np.ndarray  # bool [n]: skin up to the lids' front edge, which stays out of the eyeball
    rim: np.ndarray  # bool [n]: the back edge, which stays in it
    lining: np.ndarray  # int [m] vertices of the socket behind that, which stay in it, too, and under the skin so


@lru_cache(maxsize=4)
def lids_of(model: "MorphableModel") -> tuple[Lids, ...]:
    """The right and the left eye's lids. () of a model whose eyeballs or lids are guesses, or that has joints."""
    guessed = {"eyeballs", *(f"paths/{name}" for name in model.paths)} & set(model.supplied)
    edges = [[f"{side}_{lid}_lash" for lid in ("upper", "lower")] for side in SIDES]
    if guessed or model.rig is not None or any(name not in model.paths for names in edges for name in names):
        return ()
    ends = [np.unique(np.concatenate([model.paths[name] for name in names])) for names in edges]
    found = [_lids(model, eye, edge) for eye, edge in enumerate(ends)]
    return tuple(lids for lids in found if lids is not None)


def _lids(model: "MorphableModel", eye: int, edge: np.ndarray) -> Lids | None:
    """Of the eye whose lids end in front with vertices `edge` [m]; None where there is no skin behind that edge."""
    height = np.linalg.norm(model.mean - model.eyeballs.center[eye], axis=1) - model.eyeballs.radius[eye]
    near = _neighbours(model.faces[(height < model.eyeballs.radius[eye])[model.faces].all(axis=1)])
    socket = _rings(near, set(edge.tolist()), start=min(near, key=lambda v: height[v]))
    back = next((k for k, ring in enumerate(socket) if height[list(ring)].max() < 0), None)
    if back is None:
        return None
    inner, ends, every = sorted(set().union(*socket)), model.mean[edge], np.array(sorted(near))
    away = np.array([np.linalg.norm(ends - point, axis=1).min() for point in model.mean[every]])
    vertices = every[away < np.where(np.isin(every, inner), REACH_IN, REACH_OUT)]
    neighbours, share, free = _grid(near, vertices)
    step = np.linalg.norm(model.mean[vertices][neighbours] - model.mean[vertices][:, None], axis=-1)
    return Lids(
        vertices=vertices,
        neighbours=neighbours,
        share=share,
        drop=STEEP * np.maximum(step, SHORT),
        spring=0.25 * float(step[share > 0].mean() / FALL) ** 2,
        free=free,
        outside=~np.isin(vertices, inner),
        rim=np.isin(vertices, sorted(socket[back])),
        lining=np.array(sorted(set().union(*socket[back + 1 :])), int),
    )


def _grid(near: dict[int, set[int]], vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neighbours, shares and what is free among vertices [n], see Lids."""
    place, width = {int(v): k for k, v in enumerate(vertices)}, max(len(near[int(v)]) for v in vertices)
    neighbours, share = np.tile(np.arange(len(vertices))[:, None], (1, width)), np.zeros((len(vertices), width))
    free = np.zeros(len(vertices), bool)
    for k, v in enumerate(vertices.tolist()):
        beside = [place[n] for n in sorted(near[v]) if n in place]
        neighbours[k, : len(beside)], share[k, : len(beside)] = beside, 1 / max(len(beside), 1)
        free[k] = len(beside) == len(near[v])
    return neighbours, share, free


def _neighbours(faces: np.ndarray) -> dict[int, set[int]]:
    """The vertices that share an edge with each vertex of quads [F, 4], of which triangles repeat their last."""
    found: dict[int, set[int]] = {}
    for a, b in np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2).tolist():
        if a != b:
            found.setdefault(a, set()).add(b)
            found.setdefault(b, set()).add(a)
    return found


def _rings(near: dict[int, set[int]], edge: set[int], start: int) -> list[set[int]]:
    """The vertices on the side of a closed edge that `start` is on, ring by ring from the edge."""
    side, queue = {start}, [start]
    while queue:
        fresh = near[queue.pop()] - side - edge
        side |= fresh
        queue += sorted(fresh)
    rings, seen = [edge], set(edge)
    while ring := {n for v in rings[-1] for n in near[v] if n in side} - seen:
        rings.append(ring)
        seen |= ring
    return rings[1:]


def on_eyeballs(
    model: "MorphableModel", vertices: np.ndarray, identity: np.ndarray, directions: np.ndarray
) -> np.ndarray:
    """Vertices [V, 3] (m, head space) of a face with these coefficients [Ki] whose eyes look along unit `directions`
    [2, 3], the right one first, with its lids on the eyeballs. The skin of most faces comes back as it is.
    """
    shape = eye_shape(float(model.eyeballs.radius.mean()))
    centers, radii = model.eyeballs.centers(identity), model.eyeballs.radii(identity)
    out = vertices.copy()
    for eye, lids in enumerate(lids_of(model)):
        points = vertices[lids.vertices].astype(np.float64)
        distance, outwards, reach = eyeball_below(points, shape, centers[eye], float(radii[eye]), directions[eye])
        low = np.where(lids.outside, reach + CLEAR - distance, -np.inf)
        high = np.where(lids.rim, radii[eye] - SUNK - distance, np.inf)
        if (low > 0).any() or (high < 0).any():
            out[lids.vertices] = points + _membrane(lids, low, high)[:, None] * outwards
        offset = out[lids.lining].astype(np.float64) - centers[eye]
        share, deep = np.linalg.norm(offset, axis=1) / float(radii[eye]), 1 - SUNK / float(radii[eye])
        far = share > deep
        out[lids.lining[far]] = centers[eye] + deep * offset[far] / share[far, None]
    return out


def eyeball_below(
    points: np.ndarray, shape: EyeShape, center: np.ndarray, radius: float, direction: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of points [N, 3] their distance [N] (m) from an eyeball's centre and unit directions [N, 3] from there, and how
    far [N] (m) the eyeball reaches in these.
    """
    offset = points - center.astype(np.float64)
    outwards = normalize(offset)
    return np.linalg.norm(offset, axis=-1), outwards, radius * shape.reach((outwards * direction).sum(axis=-1))


def _membrane(lids: Lids, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Movements [n] (m) between bounds [n], 0 where nothing is free to move, smooth elsewhere.

    Lower bounds slope away from the highest: by a membrane alone a point that is pushed out is a spike.
    """
    for _ in range(STEPS):
        sloped = np.maximum(low, (low[lids.neighbours] - lids.drop).max(axis=1))
        if np.array_equal(sloped, low):
            break
        low = sloped
    low, high = np.where(lids.free, low, 0), np.where(lids.free, high, 0)
    out = np.zeros(len(low))
    for _ in range(STEPS):
        out = np.clip((out[lids.neighbours] * lids.share).sum(axis=1) / (1 + lids.spring), low, high)
    return out
