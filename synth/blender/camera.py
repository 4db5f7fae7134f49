"""The only file that knows Blender's own camera: -z forward, +y up, a sensor in millimetres."""

import bpy
import mathutils
import numpy as np

from synth.camera import Camera
from synth.geometry import inverse_rigid

SENSOR_MM = 36.0
_OPENCV_FROM_BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])


def make_camera(scene: bpy.types.Scene) -> bpy.types.Object:
    """The scene's camera; `set_camera` gives it its place and lens."""
    data = bpy.data.cameras.new("camera")
    data.sensor_fit, data.sensor_width = "HORIZONTAL", SENSOR_MM
    data.clip_start, data.clip_end = 0.02, 1e3
    camera = bpy.data.objects.new("camera", data)
    scene.collection.objects.link(camera)
    scene.camera = camera
    return camera


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
