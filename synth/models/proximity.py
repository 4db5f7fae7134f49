"""Closest points on a triangle mesh, for many points at once. Needs scipy, of the extra `models`."""

from dataclasses import dataclass

import numpy as np

from synth.geometry import normalize
from synth.install import to_install

try:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree
except ImportError as error:
    raise ValueError(f"fitting models needs scipy; {to_install('--extra models')}") from error

FIRST = 12  # anchors tried at first for each point; four times as many as long as the answer is not certain
MOST_CUTS = 5  # of a large triangle, for its anchors
PAIRS = 400_000  # points times anchors held at a time


@dataclass(kw_only=True, slots=True, eq=False)
class Feet:
    """Where points fall on a mesh."""

    triangle: np.ndarray  # int [N] row of the mesh's triangles
    weights: np.ndarray  # float64 [N, 3] barycentric
    points: np.ndarray  # float64 [N, 3]
    distance: np.ndarray  # float64 [N]


class Surface:
    """A mesh prepared for questions: vertices float64 [V, 3], triangles int [T, 3], face normals [T, 3]."""

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray) -> None:
        self.vertices, self.triangles = np.asarray(vertices, np.float64), np.asarray(triangles)
        if not len(self.triangles):
            raise ValueError(
                "a surface needs one triangle at least, got none; give a mesh with faces, not points alone"
            )
        self.corners = self.vertices[self.triangles]
        a, b, c = np.moveaxis(self.corners, 1, 0)
        self.normals = normalize(np.cross(b - a, c - a))
        centers, self._owner, self._reach = _anchors(self.corners)
        self._tree = KDTree(centers)

    def closest(
        self, points: np.ndarray, facing: np.ndarray | None = None, turn: float = 0.0, most: int = 10**9
    ) -> Feet:
        """The closest point of the surface for each of points [N, 3].

        With unit normals `facing` [N, 3] a triangle that faces the other way counts as up to `turn` (m) further off,
        so that a point of the upper lip does not fall on the lower one.
        A triangle's point is at most `_reach` from an anchor, so the answer among the k nearest anchors is certain
        where the k-th is further than that beyond it. After `most` anchors the best so far is taken, which is close
        for points close to the surface, where all of it would take long for those that are not.
        """
        points = np.asarray(points, np.float64)
        out = Feet(
            triangle=np.zeros(len(points), np.int64),
            weights=np.zeros((len(points), 3)),
            points=np.zeros((len(points), 3)),
            distance=np.full(len(points), np.inf),
        )
        most = min(most, len(self._owner))
        left, k = np.arange(len(points)), min(FIRST, most)
        while len(left):
            parts = np.array_split(left, -(-len(left) * k // PAIRS))
            left = np.concatenate([part[~self._try(points, part, k, out, facing, turn)] for part in parts])
            if k == most:
                break
            k = min(4 * k, most)
        return out

    def _try(
        self, points: np.ndarray, rows: np.ndarray, k: int, out: Feet, facing: np.ndarray | None, turn: float
    ) -> np.ndarray:
        """Writes the best of the k nearest anchors' triangles to rows [n] of `out`; bool [n], where it is certain."""
        far, near = self._tree.query(points[rows], k=k)
        far, near = far.reshape(len(rows), k), near.reshape(len(rows), k)
        extra = 0.0 if facing is None else turn
        at, column = np.nonzero(far <= far[:, :1] + self._reach + extra)  # an anchor is on the surface
        triangle = self._owner[near[at, column]]
        weights = triangle_weights(points[rows[at]], self.corners[triangle])
        feet = np.einsum("nc,ncx->nx", weights, self.corners[triangle])
        distance = np.linalg.norm(feet - points[rows[at]], axis=-1)
        cost = distance
        if facing is not None:
            cost = distance + turn / 2 * (1 - (self.normals[triangle] * facing[rows[at]]).sum(axis=1))
        order = np.lexsort((cost, at))
        best = order[np.searchsorted(at[order], np.arange(len(rows)))]
        out.triangle[rows], out.weights[rows] = triangle[best], weights[best]
        out.points[rows], out.distance[rows] = feet[best], distance[best]
        return far[:, -1] - self._reach >= cost[best]

    def at(self, feet: Feet, values: np.ndarray) -> np.ndarray:
        """float64 [N, ...]: values [V, ...] of the vertices, at feet."""
        return np.einsum("nc,nc...->n...", feet.weights, np.asarray(values, np.float64)[self.triangles[feet.triangle]])


def _anchors(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Points [A, 3] on triangles [T, 3, 3], the triangle of each, int [A], and how far at most (m) any point of a
    triangle is from one of its own: large triangles are cut until they are like the others."""
    radius = lambda c: np.linalg.norm(c - c.mean(axis=1, keepdims=True), axis=-1).max(axis=1)
    limit = 1.5 * float(np.median(radius(corners)))
    owner, found, owners, reach = np.arange(len(corners)), [], [], 0.0
    for level in range(MOST_CUTS + 1):
        large = (radius(corners) > limit) & (level < MOST_CUTS)
        found.append(corners[~large].mean(axis=1))
        owners.append(owner[~large])
        reach = max(reach, float(radius(corners[~large]).max(initial=0)))
        corners, owner = _quartered(corners[large]), np.repeat(owner[large], 4)
    return np.concatenate(found), np.concatenate(owners), reach


def _quartered(corners: np.ndarray) -> np.ndarray:
    """Each of triangles [T, 3, 3] as four, [4 T, 3, 3]."""
    a, b, c = np.moveaxis(corners, 1, 0)
    p, q, r = (a + b) / 2, (b + c) / 2, (c + a) / 2
    return np.stack([np.stack(t, axis=1) for t in ((a, p, r), (p, b, q), (r, q, c), (p, q, r))], 1).reshape(-1, 3, 3)


def triangle_weights(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Barycentric weights [..., 3] of the points of triangles [..., 3, 3] closest to points [..., 3].

    Inside, the projection onto the plane; else the closest of the three edges' points.
    """
    a, b, c = (corners[..., k, :] for k in range(3))
    u, v, p = b - a, c - a, points - a
    uu, uv, vv = (u * u).sum(-1), (u * v).sum(-1), (v * v).sum(-1)
    pu, pv = (p * u).sum(-1), (p * v).sum(-1)
    area = np.maximum(uu * vv - uv * uv, np.finfo(float).tiny)
    s, t = (vv * pu - uv * pv) / area, (uu * pv - uv * pu) / area
    inner = np.stack([1 - s - t, s, t], axis=-1)
    inside = (inner >= 0).all(axis=-1) & (area > 1e-12 * uu * vv)
    return np.where(inside[..., None], inner, _edge_weights(points, corners))


def _edge_weights(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """The same for the closest point of the three edges."""
    best, out = np.full(np.broadcast_shapes(points.shape[:-1], corners.shape[:-2]), np.inf), None
    for k in range(3):
        start, along = corners[..., k, :], corners[..., (k + 1) % 3, :] - corners[..., k, :]
        length = np.maximum((along**2).sum(-1), np.finfo(float).tiny)
        t = np.clip(((points - start) * along).sum(-1) / length, 0, 1)
        square = ((start + t[..., None] * along - points) ** 2).sum(-1)
        weights = np.zeros((*t.shape, 3))
        weights[..., k], weights[..., (k + 1) % 3] = 1 - t, t
        out = weights if out is None else np.where((square < best)[..., None], weights, out)
        best = np.minimum(best, square)
    assert out is not None
    return out


def edges_of(triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges int [E, 2], ascending, and how many triangles each has, int [E]."""
    ends = np.sort(triangles[:, (0, 1, 1, 2, 2, 0)].reshape(-1, 2), axis=1)
    return np.unique(ends, axis=0, return_counts=True)


def boundary_of(triangles: np.ndarray, num_vertices: int) -> np.ndarray:
    """bool [V]: the vertices of edges with a single triangle."""
    edges, count = edges_of(triangles)
    out = np.zeros(num_vertices, bool)
    out[edges[count == 1]] = True
    return out


def components_of(triangles: np.ndarray, num_vertices: int) -> np.ndarray:
    """int [V]: the number of the connected piece that each vertex is in; a vertex of no triangle is its own."""
    edges, _ = edges_of(triangles)
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(num_vertices, num_vertices))
    return connected_components(graph, directed=False)[1]
