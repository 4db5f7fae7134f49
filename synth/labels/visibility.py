"""Which points of a shot are hidden: exact tests against its triangles and strands, in numpy.

A point is tested against the few triangles whose projection covers its own projection, found in boxes
sorted by their left edge: 70 points against 200,000 triangles and strands take some tens of milliseconds.
"""

from collections.abc import Iterator

import numpy as np

from synth.camera import project
from synth.geometry import transform
from synth.labels.shot import Shot, Surface

# A landmark lies on a surface, or in one that does not hide it: what hides it must be nearer by more than this (m).
# Half a millimetre is below the thickness of a lid or a lip, and above any rounding.
MARGIN = 5e-4
SPLINE_PIECES = 5  # straight pieces that Cycles draws of each span of a strand, at its two subdivisions


def visible(points: np.ndarray, shot: Shot) -> np.ndarray:
    """Bool [N]: which camera-space points [N, 3] (m) lie inside the image and in front of every surface."""
    camera = shot.camera
    points_2d = project(camera.K, points)
    height, width = camera.hw
    inside = np.zeros(len(points), int) if shot.landmark_inside is None else shot.landmark_inside
    out = (points[:, 2] > 0) & ((points_2d >= 0) & (points_2d <= [width, height])).all(axis=-1)
    for index, surface in shot.surfaces.items():
        p_camera = transform(camera.world_to_camera, surface.points.astype(np.float64))
        hidden = _behind_strands if surface.triangles is None else _behind_triangles
        todo = np.flatnonzero(out & (inside != index))
        out[todo] &= ~hidden(points[todo], points_2d[todo], p_camera, camera.K, surface)
    return out


def _behind_triangles(points, points_2d, vertices, K, surface: Surface) -> np.ndarray:
    assert surface.triangles is not None
    flat = project(K, vertices)[surface.triangles]  # [T, 3, 2]
    front = (vertices[:, 2] > 0)[surface.triangles].all(axis=-1)
    corners = np.where(front[:, None, None], flat, np.inf)
    out = np.zeros(len(points), bool)
    for k, near in _covering(points_2d, corners.min(axis=1), corners.max(axis=1)):
        a, b, c = np.moveaxis(vertices[surface.triangles[near]], 1, 0)
        out[k] = _ray_hits(points[k], a, b, c)
    return out


def _covering(points_2d: np.ndarray, low: np.ndarray, high: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """For each point [N, 2] the boxes low, high [B, 2] that contain it, as indices; points in no box are left out."""
    if not len(points_2d):
        return
    boxes = np.flatnonzero(((low <= points_2d.max(axis=0)) & (high >= points_2d.min(axis=0))).all(axis=-1))
    boxes = boxes[np.argsort(low[boxes, 0])]
    left, widest = low[boxes, 0], (high[boxes, 0] - low[boxes, 0]).max(initial=0.0)
    for k, uv in enumerate(points_2d):
        near = boxes[np.searchsorted(left, uv[0] - widest) : np.searchsorted(left, uv[0], "right")]
        near = near[(high[near, 0] >= uv[0]) & (low[near, 1] <= uv[1]) & (high[near, 1] >= uv[1])]
        if len(near):
            yield k, near


def _ray_hits(point: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> bool:
    """Whether the segment from the camera's centre to `point` passes a triangle a, b, c [N, 3] before its end."""
    normal = np.cross(b - a, c - a)
    along = normal @ point
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.einsum("nk,nk->n", normal, a) / along
        hit = t[:, None] * point
        inside = np.ones(len(a), bool)
        for p, q in ((a, b), (b, c), (c, a)):
            inside &= np.einsum("nk,nk->n", np.cross(q - p, hit - p), normal) >= 0
        return bool((inside & (t > 0) & ((1 - t) * np.linalg.norm(point) > MARGIN)).any())


def _behind_strands(points, points_2d, vertices, K, surface: Surface) -> np.ndarray:
    assert surface.radius is not None
    spans = _spans(vertices.reshape(-1, surface.strand_points, 3))  # [4, S, span, 3]
    flat = project(K, _bezier(spans))
    reach = surface.radius.max() * K[0, 0] / np.maximum(spans[1:3, ..., 2].min(axis=0), 1e-6)
    low, high = (
        (flat.min(axis=0) - reach[..., None]).reshape(-1, 2),
        (flat.max(axis=0) + reach[..., None]).reshape(-1, 2),
    )
    per_strand = surface.strand_points - 1
    widths = _spans(surface.radius[None, :, None])[:, 0]  # [4, span, 1]
    spans = spans.reshape(4, -1, 3)
    out = np.zeros(len(points), bool)
    for k, near in _covering(points_2d, low, high):
        path, radius = _spline(spans[:, near]), _spline(widths[:, near % per_strand])[..., 0]
        ends = (path[:, :-1], path[:, 1:], radius[:, :-1], radius[:, 1:])
        out[k] = _pieces_hide(points[k], *(end.reshape(-1, *end.shape[2:]) for end in ends))
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


def _spline(spans: np.ndarray) -> np.ndarray:
    """Points [N, SPLINE_PIECES + 1, c] on the Catmull-Rom splines of spans [4, N, c], as Cycles draws them."""
    t = np.linspace(0, 1, SPLINE_PIECES + 1)
    basis = np.stack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2])
    return 0.5 * np.einsum("kp,knc->npc", basis, spans)


def _pieces_hide(
    point: np.ndarray, start: np.ndarray, end: np.ndarray, start_radius: np.ndarray, end_radius: np.ndarray
) -> bool:
    """Whether the sight line to `point` passes a tapering piece [N, 3] closer than its radius [N], before its end."""
    length = np.linalg.norm(point)
    ray, axis = point / length, end - start
    # closest points of the sight line s * ray and the piece start + t * axis
    a, b, c = np.einsum("nk,nk->n", axis, axis), axis @ ray, start @ ray
    d = np.einsum("nk,nk->n", axis, start)
    t = np.clip((b * c - d) / np.maximum(a - b * b, 1e-18), 0, 1)
    nearest = start + t[:, None] * axis
    s = nearest @ ray
    gap = np.linalg.norm(nearest - s[:, None] * ray, axis=-1)
    radius = start_radius + t * (end_radius - start_radius)
    return bool(((gap < radius) & (s > 0) & (s < length - MARGIN)).any())
