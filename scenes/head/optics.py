"""Draws what the lens and the shutter do to a photograph of a face: depth of field, and blur of motion."""

import numpy as np

from scenes.head.config import CameraConfig
from synth.optics import ApertureSpec, MotionSpec
from synth.rng import log_between

SENSOR_MM = 36.0  # the width that focal_mm refers to
HEAD_HEIGHT = 0.24  # m, for framing, of a model of size 1: 1.18 times from chin to crown, as heads with hair are
REACH = 0.135  # m from what is framed to the furthest landmark; of a model of size 1
CLIP = 0.02  # m: what is nearer is not rendered, synth/blender/camera.py
FURTHEST = 190.0  # m: the background is a card 200 m away, synth/blender/backdrop.py
CORNEA = 0.012  # m, by which an eye's surface is nearer than its centre
NEAREST = 0.05  # m, that a lens is focused on
WIDEST = 0.06  # pupil over the distance of the focus: beyond, a nose or an ear would dissolve, and nobody does so


def head_distance(focal_px: float, height_px: float, scale: float) -> float:
    """m along the optical axis at which a head is so high in the image. scale: of the model's heads."""
    return focal_px * scale * HEAD_HEIGHT / height_px


def nearest(scale: float) -> float:
    """m: the least distance at which a camera sees the whole face, however it is turned."""
    return CLIP + REACH * scale


def require_distances(config: CameraConfig, hw: list[int], model: str, scale: float) -> None:
    """ValueError for lenses and framings that may put a head around the camera, or behind the background."""
    ends = zip(config.focal_mm, reversed(config.head_size), strict=True)
    near, far = (head_distance(mm / SENSOR_MM * hw[1], part * min(hw), scale) for mm, part in ends)
    if near < nearest(scale) or far > FURTHEST:
        lenses = "longer lenses or smaller heads" if near < nearest(scale) else "shorter lenses or larger heads"
        raise ValueError(
            f"scene.camera.focal_mm and scene.camera.head_size must put heads of model={model} "
            f"from {nearest(scale):.2f} to {FURTHEST:g} m away, got {near:.2f} to {far:.2f} m of focal_mm="
            f"{config.focal_mm} and head_size={config.head_size} at render.hw={hw}; choose {lenses}"
        )


def sample_aperture(
    config: CameraConfig, focal_mm: float, eyes: np.ndarray, rng: np.random.Generator
) -> ApertureSpec | None:
    """A lens that is focused on the nearer of two eyes [2, 3] (m, camera space), about; None is a pinhole.

    What is drawn is the width of the pupil: 2 mm is a phone's, 30 to 60 mm a portrait lens's. A picture that is cut out
    of a wider one has the pupil of its lens, but not the f-stop.
    """
    there, pupil_mm = rng.random() < config.depth_of_field, log_between(rng, config.pupil_mm)
    blades, rotation = int(rng.integers(config.blades[0], config.blades[1], endpoint=True)), rng.uniform(0, 2 * np.pi)
    focus = max(float(eyes[:, 2].min()) - CORNEA + config.focus_sigma_m * rng.standard_normal(), NEAREST)
    if not there:
        return None
    f_stop = focal_mm / min(pupil_mm, 1000 * WIDEST * focus)
    return ApertureSpec(f_stop=f_stop, focus=focus, blades=0 if blades < 3 else blades, rotation=rotation)


def sample_motion(config: CameraConfig, focal_mm: float, depth: float, rng: np.random.Generator) -> MotionSpec | None:
    """An even motion that drags what is at `depth` (m) over a drawn part of the image; None is stillness.

    Either the camera turns and takes the background along, or the head moves past it, which is a shift of the camera.
    """
    there, head_moves = rng.random() < config.motion_blur, rng.random() < config.head_moves
    angle = log_between(rng, config.motion_path) * SENSOR_MM / focal_mm  # as seen from the camera, rad
    direction, roll = rng.uniform(0, 2 * np.pi), rng.standard_normal()
    if not there:
        return None
    right, down = float(angle * np.cos(direction)), float(angle * np.sin(direction))
    if head_moves:
        return MotionSpec(shift=(depth * right, depth * down, 0.0), turn=(0.0, 0.0, 0.0))
    return MotionSpec(shift=(0.0, 0.0, 0.0), turn=(-down, right, float(0.5 * angle * roll * focal_mm / SENSOR_MM)))
