"""The fine level: the surface that a map of heights makes of a smooth mesh, as every pixel's ray meets it.

The law. On a triangle with corners p_i, unit normals n_i and texture coordinates uv_i, at weights b,

    S(b) = sum b_i p_i + h(uv(b)) n(b),    n(b) = sum b_i n_i, made unit,

where h is the uniform cubic B-spline whose coefficients are the map's texels: that of [row, col] stands at
u = (col + 0.5) / size, v = 1 - (row + 0.5) / size, and the edges repeat (scipy's map_coordinates with order 3, without
prefilter and with mode "nearest"; Cycles' cubic interpolation). The normal is that of S.
"""

import numpy as np

from synth.geometry import interpolate, normalize, transform
from synth.labels.buffers import Buffers, hits
from synth.labels.mesh_view import rasterize
from synth.labels.shot import Shot, Surface

CUT = 4  # parts of each edge of a triangle in the mesh that finds what a ray meets first
STEPS = 12  # of Newton's method from there, at most
NEAR = 1e-9  # of the depth: how near to the ray a step must bring the point to be the last


def spline(heights: np.ndarray, uv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """h float64 [N] and its slope by u and v [N, 2], of a map [S, S], at texture coordinates [N, 2]."""
    size = len(heights)
    at = np.stack([(1 - uv[:, 1]) * size, uv[:, 0] * size], axis=-1) - 0.5  # row, column
    cell = np.floor(at).astype(np.int64)
    t = at - cell
    values, slopes = _basis(t), _slopes(t)  # [N, 2, 4]
    reach = np.clip(cell[:, :, None] + np.arange(-1, 3), 0, size - 1)
    held = heights[reach[:, 0, :, None], reach[:, 1, None, :]].astype(np.float64)  # [N, 4, 4]
    across = lambda rows, columns: np.einsum("nr,nc,nrc->n", rows, columns, held)
    by_row, by_column = across(slopes[:, 0], values[:, 1]), across(values[:, 0], slopes[:, 1])
    return across(values[:, 0], values[:, 1]), size * np.stack([by_column, -by_row], axis=-1)


def _basis(t: np.ndarray) -> np.ndarray:
    return np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=-1) / 6


def _slopes(t: np.ndarray) -> np.ndarray:
    return np.stack([-((1 - t) ** 2), 3 * t**2 - 4 * t, -3 * t**2 + 2 * t + 1, t**2], axis=-1) / 2


def fine_points(surface: Surface, triangle: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """S float64 [N, 3] and its change [N, 2, 3] by the weights of corners 1 and 2 (against corner 0), world space."""
    assert surface.triangles is not None
    assert surface.uv is not None
    assert surface.normals is not None
    assert surface.relief is not None
    corners = surface.triangles[triangle]
    points, normals = surface.points[corners].astype(np.float64), surface.normals[corners].astype(np.float64)
    uv = surface.uv[triangle].astype(np.float64)
    edges = lambda values: values[:, 1:] - values[:, :1]
    blended = interpolate(normals, weights)
    length = np.maximum(np.linalg.norm(blended, axis=-1), 1e-12)
    normal = blended / length[:, None]
    turn = edges(normals) / length[:, None, None]
    turn = turn - np.einsum("nkx,nx->nk", turn, normal)[..., None] * normal[:, None]
    h, slope = spline(surface.relief, interpolate(uv, weights))
    rise = np.einsum("nkx,nx->nk", edges(uv), slope)
    change = edges(points) + rise[..., None] * normal[:, None] + h[:, None, None] * turn
    return interpolate(points, weights) + h[:, None] * normal, change


def fine_maps(shot: Shot, buffers: Buffers, depth: np.ndarray, normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """depth [H, W] (m) and normal [H, W, 3] (camera space) of the fine surface, where skin with a relief is seen.

    The first point of that skin alone on the ray of each pixel's centre. Where the ray passes it by, at an outline
    that the relief draws in, and where something else is seen, the coarse `depth` and `normal` stand.
    """
    depth, normal = depth.astype(np.float64), normal.astype(np.float64)
    for index, surface in shot.surfaces.items():
        mask = buffers.object_index == index
        if surface.relief is None or not mask.any():
            continue
        triangle, weights, found = _first(shot, surface, mask, hits(buffers.surface[mask])[0])
        at = np.flatnonzero(mask.ravel())[found]
        row, column = np.divmod(at, mask.shape[1])
        z, facing = _polished(shot, surface, triangle[found], weights[found], row, column)
        depth[row, column], normal[row, column] = z, facing
    return depth, normal


def _first(
    shot: Shot, surface: Surface, mask: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each pixel of the mask [N] meets first of the fine surface as a dense mesh: triangle [N], weights [N, 3],
    and whether it meets any [N]. seen: the triangles of the smooth surface there; only they and those around are cut.
    """
    assert surface.triangles is not None
    near = np.zeros(len(surface.points), bool)
    near[surface.triangles[seen]] = True
    chosen = np.flatnonzero(near[surface.triangles].any(axis=1))
    nodes, small = _cut()
    every = np.tile(nodes, (len(chosen), 1))
    points = fine_points(surface, np.repeat(chosen, len(nodes)), every)[0]
    p_camera = transform(shot.camera.world_to_camera, points)
    triangles = (small + len(nodes) * np.arange(len(chosen))[:, None, None]).reshape(-1, 3)
    number, inner, _ = rasterize(p_camera, triangles, shot.camera.K, shot.camera.hw)
    number, inner = number[mask], inner[mask]
    found = number >= 0
    owner, piece = np.divmod(np.maximum(number, 0), len(small))
    return chosen[owner], np.einsum("nc,nck->nk", inner, nodes[small[piece]]), found


def _cut() -> tuple[np.ndarray, np.ndarray]:
    """Weights float64 [n, 3] of the nodes of a triangle whose edges are cut in CUT, and its CUT^2 triangles [., 3]."""
    place = {(i, j): k for k, (i, j) in enumerate((i, j) for i in range(CUT + 1) for j in range(CUT + 1 - i))}
    nodes = np.array([(CUT - i - j, i, j) for i, j in place]) / CUT
    up = [(place[i, j], place[i + 1, j], place[i, j + 1]) for i, j in place if i + j < CUT]
    down = [(place[i + 1, j], place[i + 1, j + 1], place[i, j + 1]) for i, j in place if i + j < CUT - 1]
    return nodes, np.array(up + down)


def _polished(
    shot: Shot, surface: Surface, triangle: np.ndarray, weights: np.ndarray, row: np.ndarray, column: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """z [N] (m) and unit normals [N, 3] (camera space) where the rays of pixels meet S, from places on the dense mesh.

    Newton's method in the two weights; a place that leaves its triangle goes on in the next one.
    """
    rotation, shift = shot.camera.world_to_camera[:3, :3], shot.camera.world_to_camera[:3, 3]
    K, ways = shot.camera.K, _neighbours(surface)
    slope = np.stack([(column + 0.5 - K[0, 2]) / K[0, 0], (row + 0.5 - K[1, 2]) / K[1, 1]], axis=-1)
    triangle, weights = triangle.copy(), weights.copy()
    todo = np.arange(len(triangle))
    for _ in range(STEPS):
        points, change = fine_points(surface, triangle[todo], weights[todo])
        p, d = points @ rotation.T + shift, change @ rotation.T
        miss = p[:, :2] - slope[todo] * p[:, 2:]
        left = np.linalg.norm(miss, axis=-1) > NEAR * p[:, 2]
        todo, miss, d = todo[left], miss[left], d[left]
        if not len(todo):
            break
        matrix = (d[..., :2] - slope[todo, None] * d[..., 2:]).swapaxes(1, 2)  # by the weights of corners 1 and 2
        flat = np.abs(np.linalg.det(matrix)) < 1e-16
        matrix[flat] = 1e3 * np.eye(2)  # seen edge-on: stay
        step = np.clip(-np.linalg.solve(matrix, miss[..., None])[..., 0], -0.5, 0.5)
        _move(surface, ways, triangle, weights, todo, step)
    points, change = fine_points(surface, triangle, weights)
    facing = normalize(np.cross(change[:, 0], change[:, 1])) @ rotation.T
    return (points @ rotation.T + shift)[:, 2], facing


def _move(surface: Surface, ways: np.ndarray, triangle, weights, todo: np.ndarray, step: np.ndarray) -> None:
    """Moves places by steps [n, 2] of their weights; across an edge into the triangle behind it, if there is one."""
    assert surface.triangles is not None
    start = weights[todo]
    whole = np.concatenate([-step.sum(axis=1, keepdims=True), step], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(whole < 0, -start / whole, np.inf)
    corner = reach.argmin(axis=1)
    share = np.clip(reach[np.arange(len(todo)), corner], 0, 1)
    out = start + share[:, None] * whole
    behind = ways[triangle[todo], corner]
    across = (share < 1) & (behind >= 0)
    weights[todo] = np.clip(out, 0, 1) / np.clip(out, 0, 1).sum(axis=1, keepdims=True)
    some = todo[across]
    old, new = surface.triangles[triangle[some]], surface.triangles[behind[across]]
    carried = (new[:, :, None] == old[:, None]) @ weights[some][:, :, None]
    weights[some], triangle[some] = carried[..., 0] / carried.sum(axis=1), behind[across]


def _neighbours(surface: Surface) -> np.ndarray:
    """int [T, 3]: the triangle behind the edge across from each corner, -1 where there is none."""
    assert surface.triangles is not None
    t = surface.triangles.astype(np.int64)
    edges = np.sort(np.stack([t[:, [1, 2]], t[:, [2, 0]], t[:, [0, 1]]], axis=1).reshape(-1, 2), axis=1)
    key = edges[:, 0] * (t.max() + 1) + edges[:, 1]
    order = np.argsort(key, kind="stable")
    same = np.flatnonzero(key[order][1:] == key[order][:-1])
    out = np.full(len(key), -1)
    out[order[same]], out[order[same + 1]] = order[same + 1] // 3, order[same] // 3
    return out.reshape(-1, 3)
