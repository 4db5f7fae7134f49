"""Which points of a shot are hidden: exact tests against its triangles and strands, in numpy.

A point is tested against the few triangles whose projection covers its own projection, found in boxes
sorted by their left edge: 70 points against a head with its hair take some 30 milliseconds.
Everything is in fractions of the sight line, from the camera's centre (0) to the point (1).
"""

from dataclasses import replace

import numpy as np

from synth.camera import Camera, project
from synth.geometry import dot, normalize, transform
from synth.labels.shot import Shot, Surface

# A landmark lies on a surface: what hides it must be nearer by more than this (m).
# Half a millimetre is below the thickness of a lid or a lip, and above any rounding.
MARGIN = 5e-4
ROUNDING = 0.1  # px: far more than float32 is wrong by in an image of any size
AT_ONCE = 50_000  # points of strands that are tested together, some 20 MB: a head of hair has up to 600,000
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
    surface = shot.surfaces[index]
    if surface.triangles is not None:
        return _first_triangles(points, points_2d, shot.camera, surface)
    step = max(AT_ONCE // surface.strand_points, 1) * surface.strand_points
    parts = np.split(surface.points, range(step, len(surface.points), step))
    tested = [_first_strands(points, points_2d, shot.camera, replace(surface, points=part)) for part in parts]
    return np.min(tested, axis=0)


def _first_triangles(points, points_2d, camera: Camera, surface: Surface) -> np.ndarray:
    assert surface.triangles is not None
    vertices = transform(camera.world_to_camera, surface.points.astype(np.float64))
    ahead = vertices[:, 2] > 0
    flat = np.where(ahead[:, None], project(camera.K, vertices), np.nan).T  # none is in a box with a corner behind
    low, high = np.empty((2, 2, len(surface.triangles)))
    for values, least, most in zip(np.ascontiguousarray(flat), low, high, strict=True):
        a, b, c = (values.take(surface.triangles[:, k]) for k in range(3))
        np.minimum(np.minimum(a, b), c, out=least)
        np.maximum(np.maximum(a, b), c, out=most)
    if not ahead.all():
        corners = ahead[surface.triangles]
        crossing = corners.any(axis=1) & ~corners.all(axis=1)
        low[:, crossing], high[:, crossing] = 0, np.array([camera.hw[::-1]]).T  # the whole image
    point, near = _covering(points_2d, low, high)
    a, b, c = (vertices[surface.triangles[near, k]] for k in range(3))
    return _nearest(point, _on_triangles(points[point], a, b, c), len(points))


def _covering(points_2d: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs (point, box) where a box low, high [2, B] contains a point [N, 2], as two index arrays [M]."""
    if not len(points_2d):
        return np.empty(0, int), np.empty(0, int)
    boxes = np.flatnonzero(_meet(low, high, points_2d))
    boxes = boxes[np.argsort(low[0, boxes])]
    (left, top), (right, bottom) = low[:, boxes], high[:, boxes]
    first = np.searchsorted(left, points_2d[:, 0] - (right - left).max(initial=0.0))
    last = np.searchsorted(left, points_2d[:, 0], "right")
    found = []
    for (u, v), begin, end in zip(points_2d, first, last, strict=True):
        near = slice(begin, end)
        found.append(begin + ((right[near] >= u) & (top[near] <= v) & (bottom[near] >= v)).nonzero()[0])
    point = np.repeat(np.arange(len(points_2d)), [len(some) for some in found])
    return point, boxes[np.concatenate(found)]


def _nearest(point: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    """The least of the places [M] that belong to each of `count` points; inf where there is none."""
    out = np.full(count, np.inf)
    np.minimum.at(out, point, places)
    return out


def _on_triangles(points: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Where the sight line to each point [M, 3] meets its triangle a, b, c [M, 3]; inf where it does not.

    It does where it passes all three edges on one side. Neighbours compute the same number for the edge that they
    share, with the other sign: no sight line slips between them.
    """
    sides = np.stack([dot(_cross(p, q), points) for p, q in ((b, c), (c, a), (a, b))])  # across from each corner
    total = sides.sum(axis=0)
    hit = ((sides >= 0).all(axis=0) | (sides <= 0).all(axis=0)) & (total != 0)
    weights = (sides / np.where(hit, total, 1))[..., None]
    t = dot(weights[0] * a + weights[1] * b + weights[2] * c, points) / dot(points, points)
    return np.where(hit & (t > 0), t, np.inf)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """np.cross of vectors [..., 3], to the bit and without what it spends on finding its axes."""
    (ax, ay, az), (bx, by, bz) = np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0)
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def _first_strands(points, points_2d, camera: Camera, surface: Surface) -> np.ndarray:
    assert surface.radius is not None
    if not len(points):
        return np.empty(0)
    strands = surface.points.reshape(-1, surface.strand_points, 3)
    flat = _projected(strands, camera)
    chosen = _overlap(strands, flat, surface.radius.max(), camera, points_2d)
    strands, (low, high) = strands[chosen], _span_boxes(flat[:, chosen], surface.radius.max(), camera)
    point, near = _covering(points_2d, low, high)
    row, at = np.divmod(near, surface.strand_points - 1)
    spans = np.stack([strands[row, k] for k in _around(at, surface.strand_points)])  # [4, M, 3]
    spans = transform(camera.world_to_camera, spans.astype(np.float64))
    widths = np.stack([surface.radius[k] for k in _around(at, surface.strand_points)])[..., None]
    radius = _spline(widths, PLACE)
    places = _on_ribbons(points[point], _spline(spans, PLACE), _spline(spans, SLOPE), radius)
    return _nearest(point, places, len(points))


def _around(at: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The four of a strand's `count` points that shape its spans [M]: at its ends the last one counts twice."""
    return np.maximum(at - 1, 0), at, at + 1, np.minimum(at + 2, count - 1)


def _projected(strands: np.ndarray, camera: Camera) -> np.ndarray:
    """Image coordinates (px) times depth (m), and depth, float32 [3, S, P], of strands float32 [S, P, 3] (world)."""
    to_image = (camera.K @ camera.world_to_camera[:3]).astype(np.float32)
    return (to_image[:, :3] @ strands.reshape(-1, 3).T + to_image[:, 3:]).reshape(3, *strands.shape[:2])


def _overlap(strands: np.ndarray, flat: np.ndarray, radius: float, camera: Camera, points_2d: np.ndarray) -> np.ndarray:
    """Bool [S]: which strands [S, P, 3], projected to flat [3, S, P], can cover one of the points [N, 2] in the image.

    A box around all of the points decides: most of a head's hair is out of it. A spline leaves the box of its own
    points by a third of its longest step at the most.
    """
    step = np.abs(np.diff(strands, axis=1)).max(axis=(1, 2)) * np.sqrt(3)
    ahead = np.maximum(flat[2].min(axis=1) - step, 1e-6)
    reach = 1.5 * (radius + step / 3) * camera.K[0, 0] / ahead + ROUNDING  # 1.5: off the axis a ball looks larger
    seen = flat[:2] / flat[2]
    return _meet(seen.min(axis=-1) - reach, seen.max(axis=-1) + reach, points_2d)


def _span_boxes(flat: np.ndarray, radius: float, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """The boxes low, high [2, S * (P - 1)] (px) that the spans of projected strands [3, S, P] fill in the image, and
    ROUNDING around them, for what follows in float64.
    """
    a, b, c, d = (flat[..., k] for k in _around(np.arange(flat.shape[-1] - 1), flat.shape[-1]))
    corners = np.stack(_bezier(a, b, c, d))  # [4, 3, S, P - 1]
    seen, ahead = corners[:, :2] / corners[:, 2:], np.maximum(np.minimum(b[2], c[2]), 1e-6)
    reach = np.float32(1.5 * radius * camera.K[0, 0]) / ahead + ROUNDING
    return (seen.min(axis=0) - reach).reshape(2, -1), (seen.max(axis=0) + reach).reshape(2, -1)


def _meet(low: np.ndarray, high: np.ndarray, points_2d: np.ndarray) -> np.ndarray:
    """Bool [B]: which boxes low, high [2, B] meet the box around all points [N, 2]."""
    (u0, v0), (u1, v1) = points_2d.min(axis=0), points_2d.max(axis=0)
    return (low[0] <= u1) & (low[1] <= v1) & (high[0] >= u0) & (high[1] >= v0)


def _bezier(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, ...]:
    """Control points [...] of a spline's span from b to c: it lies within their box."""
    return b, b + (c - a) / 6, c - (d - b) / 6, c


T = np.linspace(0, 1, SPLINE_PIECES + 1)
PLACE = 0.5 * np.stack([-T + 2 * T**2 - T**3, 2 - 5 * T**2 + 3 * T**3, T + 4 * T**2 - 3 * T**3, T**3 - T**2])
SLOPE = 0.5 * np.stack([-1 + 4 * T - 3 * T**2, -10 * T + 9 * T**2, 1 + 8 * T - 9 * T**2, 3 * T**2 - 2 * T])


def _spline(spans: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """[N, SPLINE_PIECES + 1, c]: PLACE or SLOPE of the Catmull-Rom splines of spans [4, N, c], as Cycles draws them."""
    return np.einsum("kp,knc->npc", basis, spans)


def _on_ribbons(points: np.ndarray, path: np.ndarray, tangent: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Where the sight line to each point [M, 3] first meets its ribbon along a path [M, P, 3] of radius [M, P, 1].

    inf: nowhere. Cycles draws a strand as a flat band that faces the ray, as wide as it is, square to its tangents.
    """
    length = np.linalg.norm(points, axis=-1)
    ray = points / length[:, None]
    x = normalize(_cross(ray, np.eye(3)[np.abs(ray).argmin(axis=-1)]))
    across_ray = np.stack([x, _cross(ray, x)], axis=-1)  # [M, 3, 2], right-handed with the ray
    middle, along = path @ across_ray, tangent @ across_ray
    aside = radius * normalize(along[..., ::-1] * [1, -1])
    right, left, far = middle + aside, middle - aside, dot(path, ray[:, None])  # [M, P, 2], [M, P]
    corners = np.stack([right[:, :-1], right[:, 1:], left[:, :-1], left[:, 1:]], axis=2)  # [M, P - 1, 4, 2]
    depths = np.stack([far[:, :-1], far[:, 1:], far[:, :-1], far[:, 1:]], axis=2)
    hits = [_depth_at_origin(corners[:, :, pick], depths[:, :, pick]) for pick in ([0, 1, 2], [3, 2, 1])]
    return np.minimum(*hits).min(axis=-1) / length


def _depth_at_origin(corners: np.ndarray, depths: np.ndarray) -> np.ndarray:
    """Depth [...] of counter-clockwise triangles [..., 3, 2], of depths [..., 3] there, at (0, 0); inf outside."""
    p, q = corners[..., [1, 2, 0], :], corners[..., [2, 0, 1], :]
    areas = p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]  # across from each corner
    total = areas.sum(axis=-1)
    depth = dot(areas, depths) / np.where(total > 0, total, 1)
    return np.where((areas >= 0).all(axis=-1) & (total > 0) & (depth > 0), depth, np.inf)
