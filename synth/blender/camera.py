"""The only file that knows Blender's own camera: -z forward, +y up, a sensor in millimetres."""

import bpy
import mathutils
import numpy as np

from synth.camera import Camera
from synth.geometry import inverse_rigid
from synth.optics import ApertureSpec, MotionSpec

SENSOR_MM = 36.0
MID_EXPOSURE = 1  # the scene's frame, to which labels belong; the shutter is open half a frame before and after
_OPENCV_FROM_BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])
_MOVED = ("delta_location", "delta_rotation_euler")


def make_camera(scene: bpy.types.Scene) -> bpy.types.Object:
    """The scene's camera; `set_camera` gives it its place and lens."""
    data = bpy.data.cameras.new("camera")
    data.sensor_fit, data.sensor_width = "HORIZONTAL", SENSOR_MM
    data.clip_start, data.clip_end = 0.02, 1e3
    camera = bpy.data.objects.new("camera", data)
    scene.collection.objects.link(camera)
    scene.camera = camera
    _animate(camera)
    scene.frame_set(MID_EXPOSURE)
    scene.render.motion_blur_shutter, scene.render.motion_blur_position = 1.0, "CENTER"
    return camera


def _animate(camera: bpy.types.Object) -> None:
    """Gives the camera the six curves that `set_motion` rewrites: straight, and 0 at mid-exposure."""
    action = bpy.data.actions.new("shutter")
    slot = action.slots.new("OBJECT", "camera")
    strip = action.layers.new("shutter").strips.new(type="KEYFRAME")
    curves = strip.channelbag(slot, ensure=True).fcurves
    for path in _MOVED:
        for axis in range(3):
            points = curves.new(path, index=axis).keyframe_points
            points.add(3)
            points.foreach_set("co", [MID_EXPOSURE - 1, 0, MID_EXPOSURE, 0, MID_EXPOSURE + 1, 0])
            for point in points:
                point.interpolation = "LINEAR"
    camera.animation_data_create().action = action
    camera.animation_data.action_slot = slot


def set_camera(scene: bpy.types.Scene, camera: Camera) -> None:
    """Makes the scene's camera take the photograph that `camera` describes, pixel for pixel."""
    height, width = camera.hw
    focal, (cu, cv) = camera.K[0, 0], camera.K[:2, 2]
    assert (camera.K[1, 1], camera.K[0, 1]) == (focal, 0), "Blender's camera here has square pixels and no skew"
    data = scene.camera.data
    data.lens = focal * SENSOR_MM / width
    data.shift_x = (width / 2 - cu) / width
    data.shift_y = (cv - height / 2) / width  # in widths, because the sensor fit is horizontal
    scene.camera.matrix_world = mathutils.Matrix(inverse_rigid(camera.world_to_camera) @ _OPENCV_FROM_BLENDER)
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.resolution_percentage = 100


def set_aperture(scene: bpy.types.Scene, aperture: ApertureSpec | None) -> None:
    """Depth of field for the scene's camera; None is a pinhole."""
    dof = scene.camera.data.dof
    dof.use_dof = aperture is not None
    if aperture is not None:
        dof.aperture_fstop, dof.focus_distance = aperture.f_stop, aperture.focus
        dof.aperture_blades, dof.aperture_rotation = aperture.blades, aperture.rotation


def set_motion(scene: bpy.types.Scene, camera: Camera, motion: MotionSpec | None) -> None:
    """Lets the camera move about its place while the shutter is open; None holds it still.

    Blender adds a delta to the camera's place and turns it about the world's axes, which small turns may.
    The curves are 0 at mid-exposure, and all 0 for a camera that is still: no record finds another's motion.
    """
    scene.render.use_motion_blur = motion is not None
    camera_to_world = inverse_rigid(camera.world_to_camera)[:3, :3]
    moved = np.zeros((2, 3)) if motion is None else np.array([motion.shift, motion.turn]) @ camera_to_world.T
    curves = scene.camera.animation_data.action.layers[0].strips[0].channelbags[0].fcurves
    for curve, value in zip(curves, moved.ravel(), strict=True):
        curve.keyframe_points.foreach_set("co", [MID_EXPOSURE - 1, -value, MID_EXPOSURE, 0, MID_EXPOSURE + 1, value])
        curve.update()
    for thing in scene.objects:  # only the camera moves: Cycles need not look for more, nor keep other BVHs
        if thing.cycles.use_motion_blur and thing != scene.camera:
            thing.cycles.use_motion_blur = False
