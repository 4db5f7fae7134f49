"""What a scene's `build` hands to the labeller: the geometry that the image shows, and where it comes from."""

from dataclasses import dataclass, field

import numpy as np

from synth.camera import Camera
from synth.optics import ApertureSpec, MotionSpec
from synth.sensor import SensorSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A mesh or a set of strands in world space, and what its points are labelled with.

    A mesh has `triangles`; strands have none, and `points` in runs of `strand_points` along each strand.
    """

    points: np.ndarray  # float32 [V, 3] world space, m
    segmentation: np.ndarray  # uint8 [T] class of each triangle; [1] for strands
    triangles: np.ndarray | None = None  # int32 [T, 3]
    uv: np.ndarray | None = None  # float32 [T, 3, 2] at the corners of each triangle
    pncc: np.ndarray | None = None  # float32 [V, 3] codes at the vertices
    normals: np.ndarray | None = None  # [V, 3] world space, unit: the smooth ones that it is shaded with
    relief: np.ndarray | None = None  # float32 [S, S] m: heights over the smooth surface by uv, see labels.relief
    strand_points: int = 0  # points per strand
    radius: np.ndarray | None = None  # float64 [strand_points] m along each strand


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One photograph as built: the camera, the labelled surfaces and all labels that need no pixel."""

    camera: Camera
    surfaces: dict[int, Surface]  # by Blender's object pass index, 1 and up
    background: np.ndarray  # float32 [H, W, 3] linear radiance behind everything, as the camera sees it
    exposure: float = 1.0  # image_linear = exposure * radiance
    landmarks: np.ndarray | None = None  # float64 [L, 3] world space, m
    landmark_inside: np.ndarray | None = (
        None  # int [L] pass index of the surface that each lies in, and is not hidden by
    )
    bare: tuple[int, ...] = ()  # pass indices of the subject without hair and without what it wears
    fields: dict[str, np.ndarray] = field(default_factory=dict)  # by pass name
    cycles_seed: int = 0
    aperture: ApertureSpec | None = None  # what follows is seen in the image, and in no label
    motion: MotionSpec | None = None
    sensor: SensorSpec | None = None
