"""Builds a drawn photograph of shapes in Blender: a pool of objects, moved and coloured for each record."""

from dataclasses import dataclass

import bpy
import numpy as np

from scenes.shapes.config import Config as ShapesConfig
from scenes.shapes.sample import PLANE_EDGE, ShapeSpec, Spec
from synth.blender.camera import SENSOR_MM
from synth.blender.lights import add_area_lamp, make_world, set_area_lamp, set_world
from synth.blender.materials import diffuse_material
from synth.blender.mesh import add_mesh, move_vertices, put_away, set_uv, show
from synth.camera import Camera, intrinsics, look_at
from synth.config import Config
from synth.geometry import rigid, rotation_z, transform
from synth.labels.light import area_lamp_sh, constant_sh, rotated_sh
from synth.labels.shot import Shot, Surface

SPHERE_SEGMENTS = (128, 256)  # a chord leaves a sphere of 0.1 m by less than 1e-5 m
CLASS = {"sphere": 1, "plane": 2, "box": 3}


@dataclass(frozen=True, slots=True)
class Mesh:
    """A unit shape: points [V, 3], triangles [T, 3], uv [T, 3, 2]; unit normals [V, 3] of a smooth one."""

    points: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    normals: np.ndarray | None = None


@dataclass(slots=True)
class Stage:
    """The data blocks that `build` rewrites."""

    world: bpy.types.World
    lamp: bpy.types.Object
    plane: bpy.types.Object
    pool: dict[str, list[bpy.types.Object]]  # by kind; those that a spec does not use are hidden
    meshes: dict[str, Mesh]


def prepare(config: Config) -> Stage:
    """Makes everything once, in the empty scene of this process."""
    scene, shapes = bpy.context.scene, config.scene
    meshes = {"sphere": sphere_mesh(), "box": box_mesh(), "plane": plane_mesh(PLANE_EDGE / 2)}
    add = lambda kind, k: _add_shape(scene, kind, meshes[kind], k)
    return Stage(
        world=make_world(scene),
        lamp=add_area_lamp(scene, "lamp"),
        plane=add("plane", 1),
        pool=_pool(shapes, add),
        meshes=meshes,
    )


def _pool(shapes: ShapesConfig, add) -> dict[str, list[bpy.types.Object]]:
    most = shapes.num_shapes[1]
    return {kind: [add(kind, 2 + k + most * n) for k in range(most)] for n, kind in enumerate(("sphere", "box"))}


def _add_shape(scene: bpy.types.Scene, kind: str, mesh: Mesh, index: int) -> bpy.types.Object:
    thing = add_mesh(scene, kind, mesh.points, mesh.triangles, index, smooth=mesh.normals is not None)
    if mesh.normals is not None:
        move_vertices(thing.data, mesh.points, mesh.normals)
    set_uv(thing.data, mesh.uv)
    thing.data.materials.append(diffuse_material(kind, (0.5, 0.5, 0.5)))
    return thing


def build(stage: Stage, spec: Spec) -> Shot:
    """Puts the spec's shapes, lamp and sky into Blender, and says what is where."""
    set_world(stage.world, None, spec.sky, 1.0)
    watts = np.full(3, spec.lamp_watts)
    set_area_lamp(stage.lamp, np.array(spec.lamp_place), np.zeros(3), spec.lamp_size, tuple(watts))
    surfaces = {stage.plane.pass_index: _place(stage.plane, stage.meshes["plane"], np.eye(4), "plane")}
    _color(stage.plane, spec.plane_color)
    for kind, things in stage.pool.items():
        wanted = [shape for shape in spec.shapes if shape.kind == kind]
        for thing, shape in zip(things, wanted, strict=False):
            surfaces[thing.pass_index] = _place(thing, stage.meshes[kind], shape_to_world(shape), kind)
            _color(thing, shape.color)
        for thing in things[len(wanted) :]:
            put_away(thing)
    camera = camera_of(spec)
    sh = constant_sh(np.array(spec.sky)) + area_lamp_sh(
        np.array(spec.lamp_place), np.zeros(3), spec.lamp_size, watts, at=np.zeros(3)
    )
    return Shot(
        camera=camera,
        surfaces=surfaces,
        background=np.broadcast_to(np.array(spec.sky, np.float32), (*spec.hw, 3)),
        fields={"params/light_sh": rotated_sh(sh, camera.world_to_camera[:3, :3])},
        cycles_seed=spec.cycles_seed,
    )


def camera_of(spec: Spec) -> Camera:
    """The spec's camera: at `eye`, looking at the origin."""
    K = intrinsics(spec.focal_mm / SENSOR_MM * spec.hw[1], spec.hw, spec.principal_offset)
    return Camera(K, look_at(np.array(spec.eye), np.zeros(3), spec.roll), spec.hw)


def shape_to_world(shape: ShapeSpec) -> np.ndarray:
    """[4, 4] of the unit shape: scaled, turned about +z, moved."""
    return rigid(shape.size * rotation_z(shape.yaw), np.array(shape.center))


def _place(thing: bpy.types.Object, mesh: Mesh, to_world: np.ndarray, kind: str) -> Surface:
    show(thing, to_world)
    points = transform(to_world, mesh.points)
    segmentation = np.full(len(mesh.triangles), CLASS[kind], np.uint8)
    return Surface(points=points, triangles=mesh.triangles, uv=mesh.uv, segmentation=segmentation)


def _color(thing: bpy.types.Object, color: tuple[float, float, float]) -> None:
    thing.data.materials[0].node_tree.nodes["Color"].outputs[0].default_value = (*color, 1)


def sphere_mesh() -> Mesh:
    """The unit sphere by longitude and colatitude; u = longitude / 2 pi, v = 1 - colatitude / pi.

    Its points are its normals: its triangles have creases at the seam and at the poles, where points are double.
    """
    rows, cols = SPHERE_SEGMENTS
    v, u = np.meshgrid(np.linspace(0, 1, rows + 1), np.linspace(0, 1, cols + 1), indexing="ij")
    theta, phi = np.pi * v, 2 * np.pi * u
    points = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)
    quads = np.arange(points[..., 0].size).reshape(rows + 1, cols + 1)
    a, b, c, d = (q.ravel() for q in (quads[:-1, :-1], quads[1:, :-1], quads[1:, 1:], quads[:-1, 1:]))
    triangles = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)])
    uv = np.stack([u, 1 - v], axis=-1).reshape(-1, 2)
    points = points.reshape(-1, 3)
    keep = _has_area(points, triangles)
    return Mesh(points, triangles[keep], uv[triangles[keep]], normals=points)


def _has_area(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Bool [T]: not collapsed at a pole."""
    a, b, c = np.moveaxis(points[triangles], 1, 0)
    return np.linalg.norm(np.cross(b - a, c - a), axis=-1) > 1e-12


def box_mesh() -> Mesh:
    """The cube [-1, 1]^3; every face has the whole uv square."""
    points, triangles, uv = [], [], []
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
    for axis in range(3):
        for sign in (-1, 1):
            face = np.insert(square if sign > 0 else square[::-1], axis, sign, axis=1)
            face = face if axis != 1 else face[::-1]
            start = 4 * len(points)
            points.append(face)
            triangles += [[start, start + 1, start + 2], [start, start + 2, start + 3]]
            corners = (square + 1) / 2
            uv += [corners[[0, 1, 2]], corners[[0, 2, 3]]]
    return Mesh(np.concatenate(points), np.array(triangles), np.array(uv))


def plane_mesh(half: float) -> Mesh:
    """A square at z = 0 that faces up; uv runs over it once."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    points = np.column_stack([(2 * corners - 1) * half, np.zeros(4)])
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    return Mesh(points, triangles, corners[triangles])
