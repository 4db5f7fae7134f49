"""Meshes and strands as data blocks that are made once and rewritten."""

import bpy
import mathutils
import numpy as np

from synth.geometry import vertex_normals

TRIANGLE = "triangle"  # face attribute: the triangle's own number, read by the labels
RAYS = ("camera", "diffuse", "glossy", "transmission", "shadow")  # all but those that a volume scattered
SPECK = 1e-6  # the size of what is put away, over its own


def add_mesh(
    scene: bpy.types.Scene, name: str, vertices: np.ndarray, triangles: np.ndarray, index: int, smooth: bool = True
) -> bpy.types.Object:
    """An object from vertices float32 [V, 3] (m) and triangles int32 [T, 3], with its pass index."""
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(vertices))
    mesh.loops.add(triangles.size)
    mesh.polygons.add(len(triangles))
    mesh.loops.foreach_set("vertex_index", np.ascontiguousarray(triangles, np.int32).ravel())
    mesh.polygons.foreach_set("loop_start", np.arange(0, triangles.size, 3, dtype=np.int32))
    mesh.polygons.foreach_set("use_smooth", np.full(len(triangles), smooth))
    mesh.update(calc_edges=True)
    set_attribute(mesh, TRIANGLE, np.arange(len(triangles), dtype=np.float32), "FACE")  # exact to 2**24
    move_vertices(mesh, vertices, vertex_normals(vertices, triangles) if smooth else None)
    return _add_object(scene, name, mesh, index)


def _add_object(scene: bpy.types.Scene, name: str, data: bpy.types.ID, index: int) -> bpy.types.Object:
    thing = bpy.data.objects.new(name, data)
    thing.pass_index = index
    scene.collection.objects.link(thing)
    return thing


def move_vertices(mesh: bpy.types.Mesh, vertices: np.ndarray, normals: np.ndarray | None) -> None:
    """Rewrites the positions [V, 3] (m) and, for a smooth mesh, its unit normals [V, 3].

    A mesh that is rewritten wants a material with some subsurface light: without any, a persistent Cycles
    session now and then bakes the object's matrix into it and now and then does not, and labels and image
    differ by a rounding from run to run. Meshes that are only moved by their matrix are not affected.
    """
    set_attribute(mesh, "position", vertices, "POINT")  # which is one copy; by mesh.vertices each is set by itself
    if normals is not None:
        set_attribute(mesh, "custom_normal", normals, "POINT")  # Blender's name for normals that are taken as they are
    mesh.update()


def set_attribute(mesh: bpy.types.Mesh | bpy.types.Curves, name: str, values: np.ndarray, domain: str) -> None:
    """Writes a float [N] or vector [N, 3] attribute of that name, made on first use."""
    kind, prop = ("FLOAT", "value") if values.ndim == 1 else ("FLOAT_VECTOR", "vector")
    attribute = mesh.attributes.get(name) or mesh.attributes.new(name, kind, domain)
    attribute.data.foreach_set(prop, np.ascontiguousarray(values, np.float32).ravel())


def set_uv(mesh: bpy.types.Mesh, uv: np.ndarray) -> None:
    """Writes texture coordinates [T, 3, 2] of the corners of each triangle."""
    layer = mesh.uv_layers.get("uv") or mesh.uv_layers.new(name="uv")
    layer.uv.foreach_set("vector", np.ascontiguousarray(uv, np.float32).ravel())


def show(thing: bpy.types.Object, to_world: np.ndarray | None = None) -> None:
    """Puts an object of `add_mesh` or `add_strands` into the picture, [4, 4] its place (None: its points are world's).

    What a picture is without is put away by `put_away`, never hidden. A persistent Cycles session takes a hidden object
    out of its list, and its material, if nothing else shows it. Both come back anew: the list is then in another order,
    by which lights are chosen, so that an image depends on those before it; and of each material some memory is kept, 4
    to 19 kB a record of heads, and of one whose image was rewritten meanwhile the image.
    """
    if to_world is not None or not is_shown(thing):
        thing.matrix_world = mathutils.Matrix(np.eye(4) if to_world is None else to_world)
    _meet_rays(thing, True)


def put_away(thing: bpy.types.Object) -> None:
    """Takes an object out of the picture until `show`: it stays in the scene, as a speck that no ray meets."""
    if is_shown(thing):
        thing.matrix_world = mathutils.Matrix.Diagonal((SPECK, SPECK, SPECK, 1))
        _meet_rays(thing, False)


def is_shown(thing: bpy.types.Object) -> bool:
    """Whether the camera would see it."""
    return thing.visible_camera


def shown_data(scene: bpy.types.Scene) -> set[bpy.types.ID]:
    """The meshes and strands in the picture."""
    return {thing.data for thing in scene.objects if thing.type in ("MESH", "CURVES") and is_shown(thing)}


def _meet_rays(thing: bpy.types.Object, met: bool) -> None:
    if is_shown(thing) != met:  # what is set again is synced again
        for kind in RAYS:
            setattr(thing, f"visible_{kind}", met)


def add_strands(scene: bpy.types.Scene, name: str, index: int) -> bpy.types.Object:
    """An object of hair curves with none in it yet; `set_strands` fills it.

    A second object has the same curves, for none but rays that a volume scattered. Curves of two objects have a tree
    of their own in Cycles; those of one become part of the whole scene's, which is slower to trace (5 % of an image)
    and built anew for the render after the first (0.02 to 0.19 s by their number).
    """
    thing = _add_object(scene, name, bpy.data.hair_curves.new(name), index)
    _meet_rays(_add_object(scene, f"{name} again", thing.data, 0), False)
    return thing


def _set_resolution(curves: bpy.types.Curves, pieces: int) -> None:
    """Into how many pieces Blender cuts each span of the copy of which it takes the bounds. Cycles draws its own; by
    itself Blender cuts 12, which is 50 MB and 0.06 s for a head of hair.
    """
    attribute = curves.attributes.get("resolution") or curves.attributes.new("resolution", "INT", "CURVE")
    attribute.data.foreach_set("value", np.full(len(curves.curves), pieces, np.int32))


def set_strands(thing: bpy.types.Object, points: np.ndarray, radius: np.ndarray) -> None:
    """Rewrites all strands: points [S, P, 3] (m) and radii [S, P] (m). S may be 0: then the object is put away."""
    curves = thing.data
    if len(points):
        show(thing)
    elif not is_shown(thing) and len(curves.curves) == 1:
        return  # put away before
    else:
        put_away(thing)
        points, radius = SPECK * np.eye(3)[None, :2], np.full((1, 2), SPECK)
    count, length = points.shape[:2]
    if len(curves.curves) != count or curves.curves[0].points_length != length:
        if len(curves.curves):
            curves.remove_curves()
        curves.add_curves([length] * count)
    set_attribute(curves, "position", points.reshape(-1, 3), "POINT")
    set_attribute(curves, "radius", radius.ravel(), "POINT")
    _set_resolution(curves, 1)
    curves.update_tag()
