"""Catmull-Clark subdivision as a linear operator, so that a subdivided linear model stays linear.

Rules: E. Catmull and J. Clark, "Recursively generated B-spline surfaces on arbitrary topological
meshes", 1978; boundary edges follow the cubic B-spline rule, as in Blender and OpenSubdiv. Faces are
int32 [F, 4] with a triangle repeating its last index. New vertices are ordered: the old vertices
under their old numbers, then one per edge, then one per face.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(kw_only=True, slots=True, eq=False)
class Block:
    """The n rows of a sparse matrix that have d entries each."""

    rows: np.ndarray  # int32 [n]
    index: np.ndarray  # int32 [d, n]
    weight: np.ndarray  # float32 [d, n, 1]

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """[n, C] of values [V, C]; sums in a fixed order, without BLAS."""
        out = values.take(self.index[0], axis=0) * self.weight[0]
        for index, weight in zip(self.index[1:], self.weight[1:], strict=True):
            out += values.take(index, axis=0) * weight
        return out


@dataclass(kw_only=True, slots=True, eq=False)
class Stencil:
    """A sparse matrix of N rows, each in one of the blocks."""

    count: int  # N
    blocks: tuple[Block, ...]

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Values [V, C] of the old points to values [N, C]."""
        out = np.empty((self.count, values.shape[1]), values.dtype)
        for block in self.blocks:
            out[block.rows] = block(values)
        return out


@dataclass(kw_only=True, slots=True, eq=False)
class Refinement:
    """One step of subdivision: a stencil to the face points, then one to all vertices."""

    face_points: Stencil  # from the V old vertices to F points
    vertices: Stencil  # from the V old vertices followed by the F face points
    edges: np.ndarray  # int32 [E, 2], ascending; edge e becomes vertex V + e
    faces: np.ndarray  # int32 [F', 4]
    parent: np.ndarray  # int32 [F'], the old face of each new one
    corner: np.ndarray  # int32 [F'], the corner of the old face that the new one keeps

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Per-vertex values [V, ...] to those of the refined mesh [V', ...], dtype kept."""
        flat = values.reshape(len(values), int(np.prod(values.shape[1:])))  # not -1: a basis may have no rows
        fine = self.vertices(np.concatenate([flat, self.face_points(flat)]))
        return fine.reshape(len(fine), *values.shape[1:])

    def basis(self, values: np.ndarray) -> np.ndarray:
        """The same for a stack of per-vertex values [K, V, ...]."""
        return np.ascontiguousarray(np.moveaxis(self(np.moveaxis(values, 0, 1)), 1, 0))

    def corners(self, values: np.ndarray) -> np.ndarray:
        """Per-corner values [F, 4, C] (texture coordinates) of the new faces [F', 4, C], bilinearly."""
        old, keep = values[self.parent], self.corner
        is_triangle = self.parent_is_triangle[:, None]
        rows = np.arange(len(keep))
        here = old[rows, keep]
        after = old[rows, _next_corner(keep, is_triangle[:, 0])]
        before = old[rows, _previous_corner(keep, is_triangle[:, 0])]
        middle = np.where(is_triangle, old[:, :3].mean(1), old.mean(1))
        return np.stack([here, (here + after) / 2, middle, (before + here) / 2], axis=1)

    def edge_vertices(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """int32 [n]: the new vertex on each edge between old vertices a [n] and b [n]."""
        num_vertices = self.vertices.count - len(self.edges) - self.face_points.count
        keys = self.edges.astype(np.int64) @ (num_vertices, 1)
        wanted = np.minimum(a, b).astype(np.int64) * num_vertices + np.maximum(a, b)
        found = np.searchsorted(keys, wanted)
        assert np.array_equal(keys[found], wanted), "a path must follow edges"
        return (num_vertices + found).astype(np.int32)

    @property
    def parent_is_triangle(self) -> np.ndarray:
        """Bool [F']: a triangle has three children, a quad four."""
        return np.bincount(self.parent)[self.parent] == 3


def _next_corner(corner: np.ndarray, is_triangle: np.ndarray) -> np.ndarray:
    return (corner + 1) % np.where(is_triangle, 3, 4)


def _previous_corner(corner: np.ndarray, is_triangle: np.ndarray) -> np.ndarray:
    return (corner - 1) % np.where(is_triangle, 3, 4)


def refine(faces: np.ndarray, num_vertices: int) -> Refinement:
    """The operator of one Catmull-Clark step on faces int32 [F, 4]."""
    is_triangle = faces[:, 3] == faces[:, 2]
    parent, corner = np.nonzero(~(is_triangle[:, None] & (np.arange(4) == 3)))
    here = faces[parent, corner]
    after = faces[parent, _next_corner(corner, is_triangle[parent])]
    edges, edge_of_corner = _unique_edges(here, after, num_vertices)
    grid = np.zeros(faces.shape, dtype=np.int64)
    grid[parent, corner] = num_vertices + edge_of_corner
    before = grid[parent, _previous_corner(corner, is_triangle[parent])]
    center = num_vertices + len(edges) + parent
    children = np.stack([here, grid[parent, corner], center, before], axis=1)
    return Refinement(
        face_points=_face_stencil(faces, is_triangle),
        vertices=_vertex_stencil(num_vertices, edges, edge_of_corner, here, parent),
        edges=edges,
        faces=children.astype(np.int32),
        parent=parent.astype(np.int32),
        corner=corner.astype(np.int32),
    )


def _unique_edges(a: np.ndarray, b: np.ndarray, num_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Edges int32 [E, 2] of the half edges a -> b, and the edge of each half edge."""
    key = np.minimum(a, b).astype(np.int64) * num_vertices + np.maximum(a, b)
    key, edge = np.unique(key, return_inverse=True)
    return np.stack([key // num_vertices, key % num_vertices], axis=1).astype(np.int32), edge


def _face_stencil(faces: np.ndarray, is_triangle: np.ndarray) -> Stencil:
    """Rows for the face points: the mean of each face's corners."""
    row, corner = np.nonzero(~(is_triangle[:, None] & (np.arange(4) == 3)))
    return _stencil(row, faces[row, corner], np.where(is_triangle, 1 / 3, 1 / 4)[row])


type Entries = tuple[np.ndarray, np.ndarray, np.ndarray]  # row, column, weight of a sparse matrix


def _vertex_stencil(
    num_vertices: int, edges: np.ndarray, edge_of_corner: np.ndarray, here: np.ndarray, parent: np.ndarray
) -> Stencil:
    """Rows for the old vertices, the edge points and the face points, over [vertices, face points]."""
    smooth = np.bincount(edge_of_corner, minlength=len(edges)) == 2  # any other edge is a boundary
    face = num_vertices + parent.astype(np.int64)
    face_points = num_vertices + np.arange(parent.max() + 1)
    entries = [
        *_vertex_entries(num_vertices, edges, smooth, here.astype(np.int64), face),
        *_edge_entries(num_vertices, edges, smooth, edge_of_corner, face),
        (face_points + len(edges), face_points, np.ones(len(face_points))),
    ]
    return _stencil(*(np.concatenate(column) for column in zip(*entries, strict=True)))


def _vertex_entries(
    num_vertices: int, edges: np.ndarray, smooth: np.ndarray, here: np.ndarray, face: np.ndarray
) -> list[Entries]:
    """Old vertices P of valence n: ((n - 2) P + mean of neighbours + mean of face points) / n.

    On a boundary 3/4 P + 1/4 the mean of the boundary neighbours; a vertex of no face stays.
    """
    boundary = np.zeros(num_vertices, dtype=bool)
    boundary[edges[~smooth]] = True
    start, end = np.concatenate([edges, edges[:, ::-1]]).astype(np.int64).T
    used = ~boundary[start] | ~np.tile(smooth, 2)
    start, end = start[used], end[used]
    valence = np.bincount(start, minlength=num_vertices)
    inverse = 1 / np.maximum(valence, 1)
    share = np.where(boundary, inverse / 4, inverse**2)  # of one neighbour, and of one face point
    own = np.where(boundary, 3 / 4, np.where(valence > 0, 1 - 2 * inverse, 1))
    inner = ~boundary[here]
    vertices = np.arange(num_vertices)
    return [
        (vertices, vertices, own),
        (start, end, share[start]),
        (here[inner], face[inner], share[here[inner]]),
    ]


def _edge_entries(
    num_vertices: int, edges: np.ndarray, smooth: np.ndarray, edge_of_corner: np.ndarray, face: np.ndarray
) -> list[Entries]:
    """Edge points: the mean of both ends and both face points, on a boundary of both ends alone."""
    row = num_vertices + np.arange(len(edges))
    inner = smooth[edge_of_corner]
    return [
        (np.repeat(row, 2), edges.ravel().astype(np.int64), np.repeat(np.where(smooth, 1 / 4, 1 / 2), 2)),
        (row[edge_of_corner[inner]], face[inner], np.full(inner.sum(), 1 / 4)),
    ]


def _stencil(rows: np.ndarray, columns: np.ndarray, weights: np.ndarray) -> Stencil:
    """Entries (row, column, weight) of a sparse matrix as a Stencil; every row has one at least."""
    order = np.argsort(rows, kind="stable")
    columns, weights = columns[order].astype(np.int32), weights[order].astype(np.float32)
    entries = np.bincount(rows)
    first = np.cumsum(entries) - entries
    blocks = []
    for d in np.unique(entries):
        these = np.flatnonzero(entries == d)
        at = first[these] + np.arange(d)[:, None]
        blocks.append(Block(rows=these.astype(np.int32), index=columns[at], weight=weights[at][..., None]))
    return Stencil(count=len(entries), blocks=tuple(blocks))
