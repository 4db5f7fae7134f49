"""Spheres, planes and boxes with closed-form labels: the tutorial scene, the label tests' fixture, the smoke test."""

from dataclasses import dataclass, field

from synth.config import require, require_range

CLASSES = {0: "background", 1: "sphere", 2: "plane", 3: "box"}
LANDMARKS: tuple[str, ...] = ()
PASSES = (
    "image",
    "alpha",
    "depth",
    "normal",
    "uv",
    "segmentation",
    "albedo",
    "params/light_sh",
    "image_linear",
    "distance",
    "position",
    "normal_world",
    "class_pixels",
    "camera/K",
    "camera/world_to_camera",
)


@dataclass(kw_only=True, slots=True)
class Config:
    """What may vary: how many shapes stand on the plane, their size, the camera, the light."""

    name: str = "shapes"
    num_shapes: list[int] = field(default_factory=lambda: [2, 5])  # from, to (inclusive)
    size: list[float] = field(default_factory=lambda: [0.05, 0.15])  # m, radius or half edge
    distance: list[float] = field(default_factory=lambda: [0.8, 1.6])  # m, of the camera
    elevation_deg: list[float] = field(default_factory=lambda: [10.0, 50.0])  # of the camera above the plane
    focal_mm: list[float] = field(default_factory=lambda: [35.0, 85.0])  # for a 36 mm wide sensor
    light_strength: list[float] = field(default_factory=lambda: [0.3, 1.5])  # radiance of the white sky
    lamp_power: list[float] = field(default_factory=lambda: [5.0, 40.0])  # W, of the area lamp

    def __post_init__(self) -> None:
        require_range("scene.num_shapes", [float(n) for n in self.num_shapes], 0, 100)
        require_range("scene.size", self.size, 0.001, 10)
        require_range("scene.distance", self.distance, 0.05, 100)
        require_range("scene.elevation_deg", self.elevation_deg, 1, 89)
        require_range("scene.focal_mm", self.focal_mm, 5, 1000)
        require_range("scene.light_strength", self.light_strength, 0, 1000)
        require_range("scene.lamp_power", self.lamp_power, 0, 1e6)
        require(self.name == "shapes", "scene.name", self.name, "must be shapes in this scene's config")
