"""What a model lacks, taken over from a whole one through their correspondence: see `complete`."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from synth.geometry import normalize, transform, vertex_normals
from synth.models.bare import NO_RADIUS, known_landmarks, lacks
from synth.models.correspondence import Correspondence, correspond, moved
from synth.models.eyes import fitted_eyeballs
from synth.models.morphable import LinearMesh, MorphableModel
from synth.models.proximity import Surface
from synth.models.registration import similarity
from synth.models.unwrap import cylinder_map

from scipy.sparse import coo_matrix  # isort: skip
from scipy.sparse.csgraph import dijkstra  # isort: skip

NECK = 12  # segmentation class
LEAST_NECK = 0.05  # of the area: a model with less has nothing to wear a garment on
CLEARANCE = 0.004  # m: the garment's least distance from the skin of the mean
REACH = 0.5  # of a garment vertex's distance from the skin: over how much of the skin its movement is averaged
PATH_WIDTH = 5e-4  # m: edges this far from a path count double
EXACT = 1e-6  # m: a model is not moved for less


def complete(model: MorphableModel, reference: MorphableModel) -> tuple[MorphableModel, dict[str, float]]:
    """The model with what it lacks (see bare.py) taken from the reference; what it has stays as it is.

    The reference's mean is laid onto the model's (correspondence.py). The model is turned to the axes of head space,
    and its origin brought to the middle of its eyes. It may be of a part of the head, such as a face without its back;
    no surface is added, and a garment only to a model with a neck.
    Returns residuals (m): of the fit, and for each thing that was transferred the root mean square distance between
    the places that it comes from and those that it went to. A model without gaps comes back as it is, with none.
    Raises ValueError where the model's mean is no head in metres.
    """
    gaps = lacks(model, reference)
    if not gaps:
        return model, {}
    link = correspond(model, reference)
    model, residual = link.model, dict(link.residual)
    normals = vertex_normals(model.mean, model.triangles())
    for gap in gaps:
        group, _, name = gap.partition("/")
        model, off = FILL[group](model, link, normals, name)
        if off is not None:
            residual[gap] = off
    return _at_the_eyes(model), residual


def _at_the_eyes(model: MorphableModel) -> MorphableModel:
    """The model with its origin midway between its eyes."""
    middle = model.eyeballs.center.astype(np.float64).mean(axis=0)
    if np.abs(middle).max() < EXACT or (model.eyeballs.radius <= NO_RADIUS).any():
        return model
    motion = np.eye(4)
    motion[:3, 3] = -middle
    return moved(model, motion)


type Filled = tuple[MorphableModel, float | None]


def _landmarks(model: MorphableModel, link: Correspondence, normals: np.ndarray, name: str) -> Filled:
    """The reference's points that the model has not, each on the closest place of the model's skin."""
    del normals, name
    missing = np.flatnonzero(~known_landmarks(model))
    points = link.reference.landmarks(link.laid.vertices)[missing]
    facing = normalize(link.reference.landmarks(link.laid_normals)[missing])
    feet = link.on_model(points, facing)
    triangles, weights = model.landmark_triangles.copy(), model.landmark_weights.copy()
    triangles[missing] = link.skin.triangles[feet.triangle]
    weights[missing] = feet.weights
    return replace(model, landmark_triangles=triangles, landmark_weights=weights), _rms(feet.distance)


def _parts(model: MorphableModel, link: Correspondence, normals: np.ndarray, name: str) -> Filled:
    """Each face is of the class that its middle falls on."""
    del name
    feet = link.on_reference(model.mean[model.faces].mean(axis=1), normalize(normals[model.faces].mean(axis=1)))
    part = link.reference.triangle_part()[link.triangles[feet.triangle]]
    return replace(model, part=part), _rms(feet.distance)


def _region(model: MorphableModel, link: Correspondence, normals: np.ndarray, name: str) -> Filled:
    """The residual is that of the vertices inside."""
    del normals
    feet = link.feet
    mask = np.clip(link.laid.at(feet, link.reference.regions[name]), 0, 1).astype(np.float32)
    inside = mask > 0.5
    return replace(model, regions=model.regions | {name: mask}), _rms(feet.distance[inside]) if inside.any() else None


def _albedo(model: MorphableModel, link: Correspondence, normals: np.ndarray, name: str) -> Filled:
    """The reference's skin at each vertex, mean and basis."""
    del normals, name
    feet, basis = link.feet, link.reference.albedo_basis
    mean = link.laid.at(feet, link.reference.albedo_mean).astype(np.float32)
    there = np.stack([link.laid.at(feet, direction) for direction in basis]) if len(basis) else basis[:, :0]
    there = there.astype(np.float32).reshape(len(basis), *mean.shape)
    return replace(model, albedo_mean=mean, albedo_basis=there), _rms(feet.distance)


def _uv(model: MorphableModel, link: Correspondence, normals: np.ndarray, name: str) -> Filled:
    """A map of the model's own; the residual is none."""
    del normals, name
    top = link.laid.vertices[link.used].max(axis=0)
    return replace(model, uv=cylinder_map(model.mean, model.faces, model.part, float(top[1] / 3))), None


def _eyeballs(model: MorphableModel, link: Correspondence, normals: np.ndarray, name: str) -> Filled:
    """Spheres that lie in the lids as the reference's do; the residual is that of the lids' fit to a similarity."""
    del normals, name
    eyes, off = fitted_eyeballs(model, link)
    return replace(model, eyeballs=eyes), off


def _path(model: MorphableModel, link: Correspondence, normals: np.ndarray, name: str) -> Filled:
    """The way along the model's edges that keeps closest to the reference's path."""
    del normals
    line = link.reference.paths[name]
    wanted, facing = link.laid.vertices[line], link.laid_normals[line]
    feet = link.on_model(wanted[[0, -1]], facing[[0, -1]])
    ends = link.skin.triangles[feet.triangle, feet.weights.argmax(axis=1)]
    path = _way(model.mean, _edges(model, link.skin), ends, wanted)
    off = _line_distance(link.skin.vertices[path], wanted)
    return replace(model, paths=model.paths | {name: path.astype(np.int32)}), _rms(off)


def _edges(model: MorphableModel, skin: Surface) -> np.ndarray:
    """int [E, 2]: the edges of the skin's faces, without the diagonals that split quads."""
    faces = model.faces[np.isin(model.faces, skin.triangles).all(axis=1)]
    ends = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    return np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0)


def _way(points: np.ndarray, edges: np.ndarray, ends: np.ndarray, line: np.ndarray) -> np.ndarray:
    """int [n]: vertices of a mesh [V, 3] along edges [E, 2] from end to end [2], the shortest way where edges off a
    line [m, 3] cost more."""
    length = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    reach = np.linalg.norm(line[-1] - line[0]) + 1e-3
    near = np.linalg.norm(points[edges].mean(axis=1) - line.mean(axis=0), axis=1) < 4 * reach
    off = np.zeros(len(edges))
    off[near] = _line_distance(points[edges[near]].mean(axis=1), line)
    off[~near] = reach
    cost = length * (1 + (off / PATH_WIDTH) ** 2)
    graph = coo_matrix((cost, (edges[:, 0], edges[:, 1])), shape=(len(points), len(points)))
    _, before = dijkstra(graph.tocsr(), directed=False, indices=ends[0], return_predecessors=True)
    way = [int(ends[1])]
    while way[-1] != ends[0]:
        way.append(int(before[way[-1]]))
    return np.array(way[::-1])


def _line_distance(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """float64 [N] m: distance of points [N, 3] to a polyline [m, 3]."""
    start, along = line[:-1], np.diff(line, axis=0)
    length = np.maximum((along**2).sum(axis=1), np.finfo(float).tiny)
    t = np.clip(((points[:, None] - start) * along).sum(axis=-1) / length, 0, 1)
    return np.linalg.norm(start + t[..., None] * along - points[:, None], axis=-1).min(axis=1)


def _garment(model: MorphableModel, link: Correspondence, normals: np.ndarray, name: str) -> Filled:
    """The reference's, moved as the skin around it was, outside of the model's skin, and following its bases."""
    del name
    mesh = link.reference.garment
    assert mesh is not None, "a garment is lacking only where the reference has one"
    if _neck_share(model) < LEAST_NECK:
        return model, None
    to_start = similarity(link.reference.mean, link.start)
    start = transform(to_start, mesh.mean.astype(np.float64))
    weights = _averages(start, link.start[link.used])
    mean = start + weights @ (link.laid.vertices - link.start)[link.used]
    mean, off = _lifted(mean, link.skin, normals)
    used = np.unique(link.skin.triangles)
    held = _averages(mean, model.mean[used].astype(np.float64)).astype(np.float32)
    follow = lambda basis: (
        np.stack([held @ b[used] for b in model.at_vertices(basis)]) if len(basis) else np.zeros((0, *mean.shape))
    )
    garment = LinearMesh(
        mean=mean.astype(np.float32),
        identity=follow(model.identity).astype(np.float32),
        expression=follow(model.expression).astype(np.float32),
        faces=mesh.faces,
        uv=mesh.uv,
        part=mesh.part,
    )
    return replace(model, garment=garment), off


def _neck_share(model: MorphableModel) -> float:
    """How much of the model's area is neck and shoulders."""
    corners = model.mean[model.triangles()].astype(np.float64)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=-1)
    return float(area[model.triangle_part() == NECK].sum() / area.sum())


def _averages(points: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """float64 [G, V], rows that sum to 1: the vertices around each point, the more of them the further off they are."""
    squares = ((points[:, None] - vertices[None]) ** 2).sum(axis=-1)
    nearest = squares.min(axis=1, keepdims=True)
    width = np.maximum(REACH**2 * nearest, CLEARANCE**2)
    weights = np.exp(-(squares - nearest) / (2 * width))
    return weights / weights.sum(axis=1, keepdims=True)


def _lifted(points: np.ndarray, skin: Surface, normals: np.ndarray) -> tuple[np.ndarray, float]:
    """Points [G, 3] at least CLEARANCE outside of the skin below them, and the root mean square of the lift (m)."""
    feet = skin.closest(points)
    outward = normalize(skin.at(feet, normals))
    height = ((points - feet.points) * outward).sum(axis=1)
    beside = feet.distance > np.abs(height) + CLEARANCE  # past the skin's end
    lift = np.where(beside | (height < -0.03), 0, np.maximum(CLEARANCE - height, 0))
    return points + lift[:, None] * outward, _rms(lift)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt((np.asarray(values, np.float64) ** 2).mean()))


FILL: dict[str, Callable[[MorphableModel, Correspondence, np.ndarray, str], Filled]] = {
    "landmarks": _landmarks,
    "parts": _parts,
    "uv": _uv,
    "albedo": _albedo,
    "eyeballs": _eyeballs,
    "garment": _garment,
    "regions": _region,
    "paths": _path,
}
