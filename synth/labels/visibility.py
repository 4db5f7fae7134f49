"""Which points of a shot are hidden: exact tests against its triangles and strands, in numpy.

A point is tested against the few triangles whose projection covers its own projection, found in boxes
sorted by their left edge: 70 points against 200,000 triangles and strands take some tens of milliseconds.
Everything is in fractions of the sight line, from the camera's centre (0) to the point (1).
"""

from collections.abc import Iterator

import numpy as np

from synth.camera import project
from synth.geometry import normalize, transform
from synth.labels.shot import Shot, Surface

# A landmark lies on a surface: what hides it must be nearer by more than this (m).
# Half a millimetre is below the thickness of a lid or a lip, and above any rounding.
MARGIN = 5e-4
SPLINE_PIECES = 5  # straight pieces that Cycles draws of each span of a strand, at its two subdivisions


def visible(points: np.ndarray, shot: Shot) -> np.ndarray:
    """Bool [N]: which camera-space points [N, 3] (m) lie inside the image and in front of every surface.

    A point inside a surface (shot.landmark_inside) is seen where that surface is: when nothing lies before it.
    """
    camera = shot.camera
    points_2d = project(camera.K, points)
    height, width = camera.hw
    inside = np.zeros(len(points), int) if shot.landmark_inside is None else shot.landmark_inside
    reach = 1 - MARGIN / np.linalg.norm(points, axis=-1)  # what is nearer hides
    out = (points[:, 2] > 0) & ((points_2d >= 0) & (points_2d <= [width, height])).all(axis=-1)
    todo = np.flatnonzero(out)
    first = {index: _first_hits(points[todo], points_2d[todo], shot, index) for index in shot.surfaces}
    for index, hits in first.items():
        own = inside[todo] == index
        reach[todo[own]] = hits[own]
    for hits in first.values():
        out[todo] &= hits >= reach[todo]
    return out


def _first_hits(points: np.ndarray, points_2d: np.ndarray, shot: Shot, index: int) -> np.ndarray:
    """Where on its sight line each point's view meets surface `index` first [N]; inf where it does not."""
    camera, surface = shot.camera, shot.surfaces[index]
    p_camera = transform(camera.world_to_camera, surface.points.astype(np.float64))
    find = _first_strands if surface.triangles is None else _first_triangles
    return find(points, points_2d, p_camera, camera.K, surface)


def _first_triangles(points, points_2d, vertices, K, surface: Surface) -> np.ndarray:
    assert surface.triangles is not None
    flat = project(K, vertices)[surface.triangles]  # [T, 3, 2]
    front = (vertices[:, 2] > 0)[surface.triangles].all(axis=-1)
    corners = np.where(front[:, None, None], flat, np.inf)
    out = np.full(len(points), np.inf)
    for k, near in _covering(points_2d, corners.min(axis=1), corners.max(axis=1)):
        a, b, c = np.moveaxis(vertices[surface.triangles[near]], 1, 0)
        out[k] = _first_triangle(points[k], a, b, c)
    return out


def _covering(points_2d: np.ndarray, low: np.ndarray, high: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """For each point [N, 2] the boxes low, high [B, 2] that contain it, as indices; points in no box are left out."""
    if not len(points_2d):
        return
    boxes = np.flatnonzero(((low <= points_2d.max(axis=0)) & (high >= points_2d.min(axis=0))).all(axis=-1))
    boxes = boxes[np.argsort(low[boxes, 0])]
    left, widest = low[boxes, 0], (high[boxes, 0] - low[boxes, 0]).max(initial=0.0)
    first = np.searchsorted(left, points_2d[:, 0] - widest)
    last = np.searchsorted(left, points_2d[:, 0], "right")
    for k, uv in enumerate(points_2d):
        near = boxes[first[k] : last[k]]
        near = near[(high[near, 0] >= uv[0]) & (low[near, 1] <= uv[1]) & (high[near, 1] >= uv[1])]
        if len(near):
            yield k, near


def _first_triangle(point: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    """Where the sight line to `point` first meets triangles a, b, c [N, 3]; inf where it does not.

    It does where it passes all three edges on one side. Neighbours compute the same number for the edge that they
    share, with the other sign: no sight line slips between them.
    """
    corners = (a, b, c)
    sides = np.stack([_cross(p, q) @ point for p, q in ((b, c), (c, a), (a, b))])  # across from each corner
    total = sides.sum(axis=0)
    hit = ((sides >= 0).all(axis=0) | (sides <= 0).all(axis=0)) & (total != 0)
    weights = sides[:, hit] / total[hit]
    places = sum(w[:, None] * corner[hit] for w, corner in zip(weights, corners, strict=True))
    t = places @ point / (point @ point)
    return float(t[t > 0].min(initial=np.inf))


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """np.cross of vectors [N, 3], to the bit and without what it spends on finding its axes."""
    (ax, ay, az), (bx, by, bz) = a.T, b.T
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def _first_strands(points, points_2d, vertices, K, surface: Surface) -> np.ndarray:
    assert surface.radius is not None
    spans = _spans(vertices.reshape(-1, surface.strand_points, 3))  # [4, S, span, 3]
    flat = project(K, _bezier(spans))
    ahead = np.maximum(spans[1:3, ..., 2].min(axis=0), 1e-6)
    reach = 1.5 * surface.radius.max() * K[0, 0] / ahead  # 1.5: away from the axis a ball looks larger
    low = (flat.min(axis=0) - reach[..., None]).reshape(-1, 2)
    high = (flat.max(axis=0) + reach[..., None]).reshape(-1, 2)
    widths = _spans(surface.radius[None, :, None])[:, 0]  # [4, span, 1]
    spans = spans.reshape(4, -1, 3)
    out = np.full(len(points), np.inf)
    for k, near in _covering(points_2d, low, high):
        path, tangent = _spline(spans[:, near], PLACE), _spline(spans[:, near], SLOPE)
        radius = _spline(widths[:, near % (surface.strand_points - 1)], PLACE)
        out[k] = _first_ribbon(points[k], path, tangent, radius)
    return out


def _spans(strands: np.ndarray) -> np.ndarray:
    """The four points of every span of strands [S, P, c], whose end points count twice: [4, S, P - 1, c]."""
    points = np.concatenate([strands[:, :1], strands, strands[:, -1:]], axis=1)
    count = strands.shape[1] - 1
    return np.stack([points[:, k : k + count] for k in range(4)])


def _bezier(spans: np.ndarray) -> np.ndarray:
    """Control points [4, ...] of the same curves: a spline lies within their box."""
    a, b, c, d = spans
    return np.stack([b, b + (c - a) / 6, c - (d - b) / 6, c])


T = np.linspace(0, 1, SPLINE_PIECES + 1)
PLACE = 0.5 * np.stack([-T + 2 * T**2 - T**3, 2 - 5 * T**2 + 3 * T**3, T + 4 * T**2 - 3 * T**3, T**3 - T**2])
SLOPE = 0.5 * np.stack([-1 + 4 * T - 3 * T**2, -10 * T + 9 * T**2, 1 + 8 * T - 9 * T**2, 3 * T**2 - 2 * T])


def _spline(spans: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """[N, SPLINE_PIECES + 1, c]: PLACE or SLOPE of the Catmull-Rom splines of spans [4, N, c], as Cycles draws them."""
    return np.einsum("kp,knc->npc", basis, spans)


def _first_ribbon(point: np.ndarray, path: np.ndarray, tangent: np.ndarray, radius: np.ndarray) -> float:
    """Where the sight line to `point` first meets the ribbons along paths [N, P, 3] of radius [N, P, 1]; inf: nowhere.

    Cycles draws a strand as a flat band that faces the ray, as wide as the strand, square to its tangents.
    """
    length = np.linalg.norm(point)
    ray = point / length
    x = normalize(np.cross(ray, np.eye(3)[np.abs(ray).argmin()]))
    across_ray = np.stack([x, np.cross(ray, x)], axis=-1)  # [3, 2], right-handed with the ray
    middle, along = path @ across_ray, tangent @ across_ray
    aside = radius * normalize(along[..., ::-1] * [1, -1])
    right, left, far = middle + aside, middle - aside, path @ ray  # [N, P, 2], [N, P]
    corners = np.stack([right[:, :-1], right[:, 1:], left[:, :-1], left[:, 1:]], axis=2).reshape(-1, 4, 2)
    depths = np.stack([far[:, :-1], far[:, 1:], far[:, :-1], far[:, 1:]], axis=2).reshape(-1, 4)
    hits = [_depth_at_origin(corners[:, pick], depths[:, pick]) for pick in ([0, 1, 2], [3, 2, 1])]
    return float(np.min(hits, initial=np.inf)) / length


def _depth_at_origin(corners: np.ndarray, depths: np.ndarray) -> np.ndarray:
    """Depth [N] of counter-clockwise triangles [N, 3, 2], of depths [N, 3] at the corners, at (0, 0); inf outside."""
    p, q = corners[:, [1, 2, 0]], corners[:, [2, 0, 1]]
    areas = p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]  # across from each corner
    total = areas.sum(axis=-1)
    depth = np.einsum("nk,nk->n", areas, depths) / np.where(total > 0, total, 1)
    return np.where((areas >= 0).all(axis=-1) & (total > 0) & (depth > 0), depth, np.inf)
