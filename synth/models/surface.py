"""Points on triangle meshes."""

import numpy as np


def closest_points(point: np.ndarray, corners: np.ndarray) -> tuple[int, np.ndarray]:
    """The triangle of corners [T, 3, 3] closest to a point [3]: its row, and float32 weights [3] there."""
    a, b, c = np.moveaxis(corners.astype(np.float64), 1, 0)
    candidates = np.stack([_interior(point, a, b, c), *_edges(point, a, b, c)], axis=1)
    distance = np.linalg.norm(candidates @ corners - point, axis=-1)
    distance[np.isnan(distance)] = np.inf
    row, which = np.unravel_index(np.argmin(distance), distance.shape)
    return int(row), candidates[row, which].astype(np.float32)


def _interior(point: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Weights [T, 3] of the point's projection onto each plane, NaN where it is outside the triangle."""
    normal = np.cross(b - a, c - a)
    area = (normal**2).sum(-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        u = (np.cross(b - point, c - point) * normal).sum(-1, keepdims=True) / area
        v = (np.cross(c - point, a - point) * normal).sum(-1, keepdims=True) / area
    weights = np.concatenate([u, v, 1 - u - v], axis=-1)
    return np.where((weights >= 0).all(-1, keepdims=True), weights, np.nan)


def _edges(point: np.ndarray, *corners: np.ndarray) -> list[np.ndarray]:
    """Weights [T, 3] of the closest point on each of the three edges."""
    out = []
    for k in range(3):
        start, end = corners[k], corners[(k + 1) % 3]
        along = end - start
        length = np.maximum((along**2).sum(-1), np.finfo(np.float64).tiny)
        t = np.clip(((point - start) * along).sum(-1) / length, 0, 1)
        weights = np.zeros((len(t), 3))
        weights[:, k], weights[:, (k + 1) % 3] = 1 - t, t
        out.append(weights)
    return out


def locate(points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where points [N, 3] that lie on a mesh lie on it: triangle numbers [N], and weights float64 [N, 3].

    With the vertices of pncc() and a record's pncc codes as points, this finds each pixel's place on the model:
    the same triangles and weights on the posed mesh give its point in space. A point that is on no triangle,
    within a thousandth of the mesh's mean edge, gets -1 and NaN.
    """
    corners = vertices[triangles].astype(np.float64)
    edge = float(np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1).mean())
    rows, found = _candidates(points, corners, cell=2 * edge, margin=1e-3 * edge)
    weights, distance = _projected(points[rows], corners[found])
    order = np.lexsort((distance, rows))
    _, place = np.unique(rows[order], return_index=True)
    first = order[place]  # the closest triangle of each point
    best = first[distance[first] <= 1e-3 * edge]
    triangle, out = np.full(len(points), -1), np.full((len(points), 3), np.nan)
    triangle[rows[best]], out[rows[best]] = found[best], weights[best]
    return triangle, out


def _candidates(points: np.ndarray, corners: np.ndarray, cell: float, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (point, triangle), int [M] each, whose boxes touch, through a grid of cubic cells."""
    low, high = corners.min(axis=1) - margin, corners.max(axis=1) + margin
    origin = low.min(axis=0)
    first, last = (np.floor((corner - origin) / cell).astype(np.int64) for corner in (low, high))
    shape = last.max(axis=0) + 1
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    owner, place = _cells_of_boxes(first, last)
    key = place @ strides
    order = np.argsort(key, kind="stable")
    at = np.floor((points - origin) / cell).astype(np.int64)
    inside = ((at >= 0) & (at < shape)).all(axis=-1)
    wanted = at @ strides
    start = np.searchsorted(key[order], wanted, "left")
    count = np.where(inside, np.searchsorted(key[order], wanted, "right") - start, 0)
    rows = np.repeat(np.arange(len(points)), count)
    found = owner[order[_ranges(start, count)]]
    touch = ((points[rows] >= low[found]) & (points[rows] <= high[found])).all(axis=-1)
    return rows[touch], found[touch]


def _cells_of_boxes(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All cells of boxes that span cells first to last [T, 3]: the box [M] and the cell [M, 3]."""
    size = last - first + 1
    count = size.prod(axis=1)
    owner = np.repeat(np.arange(len(first)), count)
    k = _ranges(np.zeros_like(count), count)
    ny, nz = size[owner, 1], size[owner, 2]
    return owner, first[owner] + np.stack([k // (ny * nz), k // nz % ny, k % nz], axis=-1)


def _ranges(start: np.ndarray, count: np.ndarray) -> np.ndarray:
    """start[0], start[0] + 1, ... for count[0] numbers, then those of start[1], and so on."""
    begin = np.cumsum(count) - count
    return np.arange(count.sum()) - np.repeat(begin - start, count)


def _projected(points: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights [M, 3] of points' projections into their triangles [M, 3, 3], clipped, and distances [M] from there."""
    a, b, c = np.moveaxis(corners, 1, 0)
    normal = np.cross(b - a, c - a)
    area = np.maximum((normal**2).sum(-1), np.finfo(float).tiny)
    u = (np.cross(c - b, points - b) * normal).sum(-1) / area
    v = (np.cross(a - c, points - c) * normal).sum(-1) / area
    weights = np.clip(np.stack([u, v, 1 - u - v], axis=-1), 0, 1)
    weights /= weights.sum(-1, keepdims=True)
    return weights, np.linalg.norm((weights[..., None] * corners).sum(axis=1) - points, axis=-1)
