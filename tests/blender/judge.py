"""The independent judge: what another ray caster sees of the geometry that Blender evaluated.

Nothing here comes from synth.labels, synth.camera or a Shot. Meshes are read from the evaluated depsgraph and
shot at by Embree (trimesh) along rays made of K and world_to_camera; hits are computed anew in float64.
Strands are what Cycles draws of them: it turns each hair curve into a Catmull-Rom spline, cuts every span of it
into STEPS straight pieces and draws those as ribbons that face the ray ("rounded ribbons": flat in depth,
rounded in normal). Embree through trimesh knows triangles only, so these are tested exactly in numpy.
"""

from dataclasses import dataclass
from functools import lru_cache

import bpy
import numpy as np
import trimesh
from trimesh.ray.ray_pyembree import RayMeshIntersector

from scenes.head.config import CLASSES
from scenes.head.props import PROPS
from synth.blender.mesh import is_shown
from synth.models import load_model

STEPS = 5  # per span: 2 ** scene.cycles_curves.subdivisions + 1 (Cycles, bvh/embree.cpp)
MARGIN = 5e-4  # m: what lies in front of a landmark by less does not hide it (see landmarks/visible)
CLASS_OF = {
    **dict.fromkeys(("garment", "jacket", "neckwear"), "clothing"),
    "arms": "neck",
    "earrings": "facewear",
    "headphones": "headwear",
    "lashes": "skin",
    "dark_lenses": "glasses",
    **dict.fromkeys(("sleeve_right", "sleeve_left"), "clothing"),
    **dict.fromkeys(("hand_right", "hand_left", *PROPS), "ignore"),
}  # objects that are not named like their class
NUMBER_OF = {name: number for number, name in CLASSES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Triangles:
    """All labelled meshes as triangle soup, world space; NaN where an object has no such thing."""

    corners: np.ndarray  # float64 [T, 3, 3] m
    normals: np.ndarray  # float64 [T, 3, 3] unit, at the corners
    uv: np.ndarray  # float64 [T, 3, 2]
    pncc: np.ndarray  # float64 [T, 3, 3]
    segmentation: np.ndarray  # uint8 [T]
    name: np.ndarray  # str [T] of the object


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """All strands as straight pieces, world space, from `start` to `end`."""

    start: np.ndarray  # float64 [S, 4] m: place and radius
    end: np.ndarray  # float64 [S, 4]
    tangents: np.ndarray  # float64 [S, 3, 3] of the spline at start, middle and end
    segmentation: np.ndarray  # uint8 [S]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is rendered with a label, and its accelerated form."""

    triangles: Triangles
    pieces: Pieces
    caster: RayMeshIntersector


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What rays see first [N]: the empty values are those of the pass table."""

    distance: np.ndarray  # float64 m along the ray, inf
    depth: np.ndarray  # float64 m, inf
    normal: np.ndarray  # float64 [N, 3] camera space, 0
    uv: np.ndarray  # float64 [N, 2], -1
    pncc: np.ndarray  # float64 [N, 3], -1
    segmentation: np.ndarray  # uint8, 0
    strand: np.ndarray  # bool
    lever: np.ndarray  # float64 m: a strand's normal turns by s / lever when the ray shifts by s; inf on meshes
    name: np.ndarray  # str of the mesh; "" on strands and where nothing is


def evaluated_scene(subdivision: int = 1) -> Scene:
    """The labelled objects of Blender's scene as they were rendered last."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    curves = bpy.context.scene.cycles_curves
    assert (curves.shape, 2**curves.subdivisions + 1) == ("RIBBONS", STEPS)
    shown = [thing for thing in bpy.context.scene.objects if thing.pass_index and is_shown(thing)]
    part = _skin_classes(subdivision)
    meshes = [_mesh(thing.evaluated_get(depsgraph), part) for thing in shown if thing.type == "MESH"]
    strands = [_strands(thing.evaluated_get(depsgraph)) for thing in shown if thing.type == "CURVES"]
    triangles = Triangles(**{key: np.concatenate([mesh[key] for mesh in meshes]) for key in meshes[0]})
    pieces = Pieces(**{key: np.concatenate([strand[key] for strand in strands]) for key in strands[0]})
    return Scene(triangles=triangles, pieces=pieces, caster=caster_of(triangles))


def bare(scene: Scene) -> Scene:
    """The same without strands and without anything that is put on."""
    keep = np.isin(scene.triangles.name, ["skin", "right_eye", "left_eye", "arms"])
    fields = ("corners", "normals", "uv", "pncc", "segmentation", "name")
    triangles = Triangles(**{name: getattr(scene.triangles, name)[keep] for name in fields})
    pieces = Pieces(**{name: getattr(scene.pieces, name)[:0] for name in ("start", "end", "tangents", "segmentation")})
    return Scene(triangles=triangles, pieces=pieces, caster=caster_of(triangles))


def caster_of(triangles: Triangles) -> RayMeshIntersector:
    """Embree's form of them."""
    faces = np.arange(3 * len(triangles.corners)).reshape(-1, 3)
    return RayMeshIntersector(trimesh.Trimesh(triangles.corners.reshape(-1, 3), faces, process=False))


@lru_cache
def _skin_classes(subdivision: int) -> np.ndarray:
    """uint8 [T], by the model's own triangles: Blender's mesh does not hold them."""
    return load_model("makehuman").subdivided(subdivision).triangle_part()


def _mesh(thing: bpy.types.Object, part: np.ndarray) -> dict[str, np.ndarray]:
    mesh, matrix = thing.to_mesh(), np.array(thing.matrix_world)
    loops = _read(mesh.loop_triangles, "loops", 3).astype(int)
    vertex = _read(mesh.loops, "vertex_index").astype(int)[loops]
    places = _read(mesh.vertices, "co", 3) @ matrix[:3, :3].T + matrix[:3, 3]
    normals = _read(mesh.corner_normals, "vector", 3) @ np.linalg.inv(matrix[:3, :3])
    uv, pncc = np.full((*loops.shape, 2), np.nan), np.full((*loops.shape, 3), np.nan)
    segmentation = np.full(len(loops), NUMBER_OF[CLASS_OF.get(thing.name, thing.name)] if thing.name != "skin" else 0)
    if thing.name == "skin":
        uv = _read(mesh.uv_layers["uv"].uv, "vector", 2)[loops]
        rest = _read(mesh.attributes["rest"].data, "vector", 3)
        pncc = ((rest - rest.min(axis=0)) / np.ptp(rest, axis=0))[vertex]
        segmentation = part[_read(mesh.loop_triangles, "polygon_index").astype(int)]
    thing.to_mesh_clear()
    return {
        "corners": places[vertex],
        "normals": unit(normals)[loops],
        "uv": uv,
        "pncc": pncc,
        "segmentation": segmentation.astype(np.uint8),
        "name": np.full(len(loops), thing.name, "U16"),
    }


def _strands(thing: bpy.types.Object) -> dict[str, np.ndarray]:
    """Every strand as the pieces of its Catmull-Rom spline; its end points count twice."""
    curves, matrix = thing.data, np.array(thing.matrix_world)
    places = _read(curves.attributes["position"].data, "vector", 3) @ matrix[:3, :3].T + matrix[:3, 3]
    points = np.concatenate([places, _read(curves.attributes["radius"].data, "value")[:, None]], axis=1)
    length = curves.curves[0].points_length
    points = points.reshape(-1, length, 4)
    points = np.concatenate([points[:, :1], points, points[:, -1:]], axis=1)
    p = np.stack([points[:, k : length - 1 + k] for k in range(4)])[..., None, :]  # [4, S, span, 1, xyzr]
    t = np.linspace(0, 1, STEPS + 1)[:, None]
    basis = [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]
    s = np.linspace(0, 1, 2 * STEPS + 1)[:, None]  # in the middles, too
    slope = [-1 + 4 * s - 3 * s**2, -10 * s + 9 * s**2, 1 + 8 * s - 9 * s**2, 3 * s**2 - 2 * s]
    place = 0.5 * sum(b * q for b, q in zip(basis, p, strict=True))
    tangent = 0.5 * sum(b * q for b, q in zip(slope, p, strict=True))[..., :3]
    start, end = place[..., :-1, :].reshape(-1, 4), place[..., 1:, :].reshape(-1, 4)
    tangents = np.stack([tangent[..., k : 2 * STEPS - 1 + k : 2, :] for k in range(3)], axis=-2).reshape(-1, 3, 3)
    number = NUMBER_OF[CLASS_OF.get(thing.name, thing.name)]
    return {"start": start, "end": end, "tangents": tangents, "segmentation": np.full(len(start), number, np.uint8)}


def _read(items, name: str, width: int = 1) -> np.ndarray:
    """A property of a Blender collection, float64 [N] or [N, width]."""
    out = np.empty(
        len(items) * width, np.float32 if name not in ("loops", "vertex_index", "polygon_index") else np.int32
    )
    items.foreach_get(name, out)
    return out.astype(np.float64).reshape((-1, width) if width > 1 else -1)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Unit vectors [..., 3]; 0 stays."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)


def centers(hw: tuple[int, int]) -> np.ndarray:
    """The pixel centres [H * W, 2], (u, v), row by row."""
    u, v = np.meshgrid(np.arange(hw[1]) + 0.5, np.arange(hw[0]) + 0.5)
    return np.stack([u.ravel(), v.ravel()], axis=-1)


def cast(scene: Scene, record, points_2d: np.ndarray, beyond_m: np.ndarray | float = 0.0) -> Seen:
    """What the camera of a record sees at image points [N, 2], of strands only what is farther than `beyond_m` [N]."""
    K, world_to_camera = record["camera/K"], record["camera/world_to_camera"]
    rotation, hw = world_to_camera[:3, :3], record["depth"].shape
    homogeneous = np.concatenate([points_2d, np.ones((len(points_2d), 1))], axis=1)
    rays = unit(homogeneous @ np.linalg.inv(K).T)
    eye, directions = -rotation.T @ world_to_camera[:3, 3], rays @ rotation
    seen = _cast_at_triangles(scene, eye, directions)
    beyond = np.broadcast_to(beyond_m, len(rays))
    distance, normal, segmentation, lever = _cast_at_pieces(
        scene.pieces, K, world_to_camera, hw, points_2d, rays, beyond
    )
    strand = distance < seen["distance"]
    reach = np.where(strand, distance, seen.pop("distance"))
    return Seen(
        distance=reach,
        depth=reach * rays[:, 2],
        normal=np.where(strand[:, None], normal, seen.pop("normal") @ rotation.T),
        uv=np.where(strand[:, None], -1, seen.pop("uv")),
        pncc=np.where(strand[:, None], -1, seen.pop("pncc")),
        segmentation=np.where(strand, segmentation, seen.pop("segmentation")),
        strand=strand,
        lever=np.where(strand, lever, np.inf),
        name=np.where(strand, "", seen.pop("name")),
    )


def landmarks_visible(scene: Scene, record) -> np.ndarray:
    """Bool [L]: which landmarks of a record are inside its image and seen from the camera's centre.

    A point of the skin is seen when the first thing on its ray is not nearer by more than MARGIN; a pupil, which
    lies under its cornea, when the first thing is its own eyeball.
    """
    points = record["landmarks/points_3d"].astype(np.float64)
    points_2d = points[:, :2] @ record["camera/K"][:2, :2].T / points[:, 2:] + record["camera/K"][:2, 2]
    out = (points[:, 2] > 0) & (points_2d >= 0).all(axis=-1) & (points_2d < record["depth"].shape[::-1]).all(axis=-1)
    seen = cast(scene, record, points_2d[out])
    nearer = (points[out, 2] - seen.depth) * np.linalg.norm(points[out], axis=-1) / points[out, 2]
    own = np.array([""] * 68 + ["right_eye", "left_eye"])[out]
    out[out] = np.where(own == "", nearer <= MARGIN, seen.name == own)
    return out


def errors(record, seen: Seen, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """By pass, how far the record's pixels [N] (numbers, row by row) are from what is seen there.

    depth in m (inf where only one of both is empty), uv and pncc by their worst channel, segmentation 0 or 1.
    normal in degrees on meshes, strand_normal on strands, each 0 on the other; shift (m) is how far aside of the
    ray a strand would have to be to explain its strand_normal, beyond a metre in parts of the depth: float32 rounds so.
    """
    of = lambda name: record[name].reshape(record["depth"].size, -1)[pixels].astype(np.float64)
    depth = of("depth")[:, 0]
    empty = np.isinf(depth) & np.isinf(seen.depth)
    half_chord = np.linalg.norm(unit(of("normal")) - seen.normal, axis=-1) / 2
    turn = 2 * np.arcsin(np.minimum(half_chord, 1))
    return {
        "depth": np.abs(np.where(empty, 0, depth) - np.where(empty, 0, seen.depth)),
        "normal": np.where(seen.strand, 0, np.rad2deg(turn)),
        "strand_normal": np.where(seen.strand, np.rad2deg(turn), 0),
        "shift": turn * np.where(seen.strand, seen.lever, 0) / np.maximum(np.where(seen.strand, seen.depth, 1), 1),
        "uv": np.abs(of("uv") - seen.uv).max(axis=-1),
        "pncc": np.abs(of("pncc") - seen.pncc).max(axis=-1),
        "segmentation": (of("segmentation")[:, 0] != seen.segmentation).astype(np.float64),
    }


def is_seen_beside(scene: Scene, record, pixels: np.ndarray, bounds: dict[str, float], offset_px: float) -> np.ndarray:
    """Bool [N]: for which pixels one ray beside the centre, up to `offset_px`, sees all that the record says.

    Such a pixel's centre lies on the edge of a triangle or strand to within that, and rounding decides its side; or
    on a surface seen so flat that its depth and normal run away within that.
    """
    angle = np.arange(16) * np.pi / 8
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    offsets = np.concatenate([ring * k / 32 for k in range(1, 33)]) * offset_px
    around = (centers(record["depth"].shape)[pixels, None] + offsets).reshape(-1, 2)
    seen = cast(scene, record, around)
    ok = _is_within(bounds, errors(record, seen, np.repeat(pixels, len(offsets))))
    return ok.reshape(len(pixels), len(offsets)).any(axis=-1)


def is_seen_just_behind(scene: Scene, record, pixels: np.ndarray, bounds: dict[str, float], tie: float) -> np.ndarray:
    """Bool [N]: for which pixels a strand behind the first thing, by `tie` of its distance at the most, is what the
    record says: float32 does not tell which of both is in front.
    """
    points_2d = centers(record["depth"].shape)[pixels]
    first = cast(scene, record, points_2d)
    second = cast(scene, record, points_2d, beyond_m=first.distance)
    near = second.strand & (second.distance <= first.distance * (1 + tie))
    return near & _is_within(bounds, errors(record, second, pixels))


def _is_within(bounds: dict[str, float], found: dict[str, np.ndarray]) -> np.ndarray:
    """Bool [N]: where all errors are within their bounds."""
    return np.all([found[name] <= bound for name, bound in bounds.items()], axis=0)


def _cast_at_triangles(scene: Scene, eye: np.ndarray, directions: np.ndarray) -> dict[str, np.ndarray]:
    """Distance and values at the first triangle, world space. Embree says which; float64 says where."""
    all_ = scene.triangles
    low, high = all_.corners.min(axis=(0, 1)), all_.corners.max(axis=(0, 1))
    near = max(np.linalg.norm((low + high) / 2 - eye) - np.linalg.norm(high - low) / 2 - 0.01, 0.02)
    hit = scene.caster.intersects_first(eye + near * directions, directions)  # near: for float32's sake
    found = hit >= 0
    a, b, c = np.moveaxis(all_.corners[hit], 1, 0)
    across = np.cross(b - a, c - a)
    away = np.einsum("nk,nk->n", across, directions)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.einsum("nk,nk->n", across, a - eye) / away
        point = eye + distance[:, None] * directions
        square = np.einsum("nk,nk->n", across, across)
        wb = np.einsum("nk,nk->n", np.cross(point - a, c - a), across) / square
        wc = np.einsum("nk,nk->n", np.cross(b - a, point - a), across) / square
    weights = np.stack([1 - wb - wc, wb, wc], axis=-1)
    blend = lambda values: np.einsum("nck,nc->nk", values[hit], weights)
    fill = lambda values, empty: np.where(found[:, None] & np.isfinite(values), values, empty)
    normal = unit(blend(all_.normals)) * -np.sign(away)[:, None]  # a surface seen from behind turns its normal round
    return {
        "distance": np.where(found, distance, np.inf),
        "normal": fill(normal, 0),
        "uv": fill(np.clip(blend(all_.uv), 0, 1), -1),
        "pncc": fill(np.clip(blend(all_.pncc), 0, 1), -1),
        "segmentation": np.where(found, all_.segmentation[hit], 0),
        "name": np.where(found, all_.name[hit], ""),
    }


def _cast_at_pieces(pieces: Pieces, K, world_to_camera, hw, points_2d: np.ndarray, rays: np.ndarray, beyond):
    """Distance (m, inf), normal (camera space), class and lever (m, inf) at the first strand beyond a distance [N]."""
    distance, lever = np.full((2, len(rays)), np.inf)
    normal, segmentation = np.zeros((len(rays), 3)), np.zeros(len(rays), np.uint8)
    rotation, shift = world_to_camera[:3, :3], world_to_camera[:3, 3]
    start, end = (p[:, :3] @ rotation.T + shift for p in (pieces.start, pieces.end))
    radius = np.stack([pieces.start[:, 3], pieces.end[:, 3]], axis=-1)
    piece, ray = _candidates(start, end, radius.max(axis=-1), K, hw, points_2d)
    tangents = pieces.tangents[piece] @ rotation.T
    hit, along, u, side = _ribbon_hits(start[piece], end[piece], tangents, radius[piece], rays[ray])
    hit = hit[along[hit] > beyond[ray[hit]]]
    order = np.lexsort((along[hit], ray[hit]))
    first = hit[order[np.unique(ray[hit][order], return_index=True)[1]]]
    at = ray[first]
    distance[at], segmentation[at] = along[first], pieces.segmentation[piece[first]]
    normal[at] = _rounded_normal(tangents[first], u[first, None], side[first, None], rays[at])
    width = radius[piece[first], 0] * (1 - u[first]) + radius[piece[first], 1] * u[first]
    lever[at] = width * np.sqrt(np.maximum(1 - side[first] ** 2, 0))
    return distance, normal, segmentation, lever


def _rounded_normal(tangents, u, side, rays) -> np.ndarray:
    """A round strand's normal [N, 3] at `side` in [-1, 1] across it, seen along the rays."""
    t0, middle, t1 = np.moveaxis(tangents, 1, 0)
    tangent = unit((1 - u) * (1 - 2 * u) * t0 + 4 * u * (1 - u) * middle + u * (2 * u - 1) * t1)  # it is quadratic
    across = unit(np.cross(tangent, -rays))
    return side * across - np.sqrt(np.maximum(1 - side**2, 0)) * unit(np.cross(tangent, across))


def _candidates(start, end, radius, K, hw, points_2d) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (piece, image point) where the point lies in the piece's box in the image, found through the pixel grid."""
    ahead = np.minimum(start[:, 2], end[:, 2])
    flat = np.stack([(p @ K.T)[:, :2] / np.maximum(p[:, 2:], 0.02) for p in (start, end)])
    reach = (1.5 * radius * K[0, 0] / np.maximum(ahead, 0.02))[:, None]
    low, high = flat.min(axis=0) - reach, flat.max(axis=0) + reach
    size = np.array([hw[1], hw[0]])
    in_view = np.flatnonzero((ahead > 0.02) & (high > 0).all(axis=-1) & (low < size).all(axis=-1))
    first = np.maximum(np.floor(low[in_view]), 0).astype(int)
    last = np.minimum(np.floor(high[in_view]), size - 1).astype(int)
    wide, tall = (last - first + 1).T
    row, piece = _spread(first[:, 1], tall)
    col, line = _spread(first[piece, 0], wide[piece])
    row, piece = row[line], in_view[piece[line]]
    cell_of = np.floor(points_2d[:, 1]).astype(int) * hw[1] + np.floor(points_2d[:, 0]).astype(int)
    order = np.argsort(cell_of, kind="stable")
    cell = row * hw[1] + col
    begin = np.searchsorted(cell_of[order], cell)
    count = np.searchsorted(cell_of[order], cell, "right") - begin
    slot, pair = _spread(begin, count)
    piece, point = piece[pair], order[slot]
    inside = ((points_2d[point] >= low[piece]) & (points_2d[point] <= high[piece])).all(axis=-1)
    return piece[inside], point[inside]


def _spread(first: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """first[k], first[k] + 1, ... count[k] of them, for every k, and the k of each."""
    k = np.repeat(np.arange(len(first)), count)
    return first[k] + np.arange(len(k)) - np.repeat(np.cumsum(count) - count, count), k


def _ribbon_hits(start, end, tangents, radius, rays):
    """Which rays [N, 3] hit ribbon pieces (indices), and for all: distance, place along and across [-1, 1] the piece.

    Seen along the ray a piece is a quad: its ends, widened by the radius square to the spline's tangent. It is two
    triangles, whose edges from the corner that is theirs alone are (along, across) the piece; a side that the
    spline's turning has folded over is not seen (Embree, curve_intersector_ribbon.h).
    """
    x = unit(np.cross(rays, np.where(np.abs(rays[:, :1]) < 0.5, [1.0, 0, 0], [0, 1.0, 0])))
    frame = np.stack([x, np.cross(rays, x)], axis=1)  # [N, 2, 3], right-handed with the ray
    flat = lambda p: np.einsum("nik,nk->ni", frame, p)
    right = lambda tangent: unit(np.stack([tangent[:, 1], -tangent[:, 0]], axis=-1))
    a, b = flat(start), flat(end)
    aside, bside = (radius[:, k, None] * right(flat(tangents[:, 2 * k])) for k in range(2))
    near, u, v = _in_triangle(a + aside, b + bside, a - aside)
    far, u_far, v_far = _in_triangle(b - bside, a - aside, b + bside)
    u, v = np.where(far, 1 - u_far, u), np.where(far, 1 - v_far, v)
    along = np.einsum("nk,nk->n", start, rays) * (1 - u) + np.einsum("nk,nk->n", end, rays) * u
    return np.flatnonzero(near | far), along, u, 2 * v - 1


def _in_triangle(corner, along, across):
    """Whether (0, 0) lies in counter-clockwise triangles of corners [N, 2], and its coordinates along both edges."""
    turn = lambda p, q: p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]
    e, f = along - corner, across - corner
    area = turn(e, f)
    with np.errstate(divide="ignore", invalid="ignore"):
        u, v = turn(-corner, f) / area, turn(e, -corner) / area
        return (area > 0) & (u >= 0) & (v >= 0) & (u + v <= 1), u, v
