"""What may vary of the light and of what is behind a head: the part of scenes.head.config that is about the place."""

from dataclasses import dataclass, field

from synth.config import require, require_range, require_weights

ENVIRONMENTS = ("city", "courtyard", "forest", "interior", "night", "studio", "sunrise", "sunset")
LIGHTS = ("environment", "sky", "studio", "indoor", "mixed", "dim", "flash")
STUDIOS = ("soft", "butterfly", "rembrandt", "split", "rim", "gels", "ring", "high_key", "under")
DIMS = ("candle", "screen", "bulb", "street", "window")
BACKGROUNDS = ("environment", "blurred", "gradient", "room", "wall", "bokeh")
FOLDERS = {  # config keys that name a folder of the user's own files: how these end
    "scene.light.folder": (".exr", ".hdr"),
    "scene.background.folder": (".jpeg", ".jpg", ".png"),
}
MAX_LAMPS = 8
PROBABILITY = "must be a probability in [0, 1]"


@dataclass(kw_only=True, slots=True)
class LightConfig:
    """Where the light comes from. Weights of kinds and setups are normalised; what is left out is not drawn.

    environment: Blender's HDRIs and lamps measured against them; sky: a sky that is computed, with its sun; studio:
    lamps as photographers put them, by `studios`; indoor: a room with windows or lamps; mixed: daylight and tungsten;
    dim: little light, by `dims`; flash: on the camera. `facing` turns the brightest side of environments, skies and
    rooms, and lamps over an environment, bulbs, streets and windows, to the side of the face that the camera sees; the
    rest have any direction.
    """

    kinds: dict[str, float] = field(
        default_factory=lambda: {
            "environment": 4.0,
            "sky": 3.5,
            "studio": 2.5,
            "indoor": 1.5,
            "mixed": 1.0,
            "dim": 0.7,
            "flash": 0.5,
        }
    )
    folder: str = ""  # of the user's own equirectangular .hdr and .exr files, twice as wide as high; "" is none
    folder_share: float = 0.5  # probability of a light out of the folder, if there is one, instead of those above
    facing: float = 0.9  # probability of a light that comes from where the camera is, as photographers have it
    facing_sigma_deg: float = 30.0  # how far from there, sideways
    environments: list[str] = field(default_factory=lambda: list(ENVIRONMENTS))
    lamps: list[int] = field(default_factory=lambda: [0, 3])  # over an environment: from, to (inclusive)
    lamp_ratio: list[float] = field(default_factory=lambda: [0.2, 3.0])  # irradiance over the environment's mean
    lamp_kelvin: list[float] = field(default_factory=lambda: [2700.0, 8000.0])
    sun_elevation_deg: list[float] = field(default_factory=lambda: [2.0, 70.0])
    turbidity: list[float] = field(default_factory=lambda: [1.5, 8.0])  # of the air; log-uniform
    clouds: float = 0.45  # probability of broken clouds
    overcast: float = 0.3  # probability of a sky that hides the sun, partly or wholly
    studios: dict[str, float] = field(
        default_factory=lambda: (
            dict.fromkeys(STUDIOS, 1.0) | {"soft": 3.0, "rim": 0.6, "gels": 0.6, "split": 0.3, "under": 0.15}
        )
    )
    studio_ratio: list[float] = field(default_factory=lambda: [3.0, 30.0])  # of the first lamp, as lamp_ratio
    dims: dict[str, float] = field(default_factory=lambda: dict.fromkeys(DIMS, 1.0) | {"candle": 0.3})
    dim_ratio: list[float] = field(default_factory=lambda: [2.0, 12.0])  # of dim light, as lamp_ratio: a bulb 1 m off
    # in a room of 60 m2 that reflects half has 60 / (4 pi) = 5
    dim_ev: list[float] = field(default_factory=lambda: [-1.5, 0.0])  # stops that dim light stays below the metered
    exposure_sigma_ev: float = 0.35  # photographic stops around a metered exposure

    def __post_init__(self) -> None:
        require_weights("scene.light.kinds", self.kinds, LIGHTS)
        require_weights("scene.light.studios", self.studios, STUDIOS)
        require_weights("scene.light.dims", self.dims, DIMS)
        require(bool(self.environments), "scene.light.environments", self.environments, "must not be empty")
        unknown = sorted(set(self.environments) - set(ENVIRONMENTS))
        require(not unknown, "scene.light.environments", unknown, f"must be among {', '.join(ENVIRONMENTS)}")
        require_range("scene.light.lamps", [float(n) for n in self.lamps], 0, MAX_LAMPS)
        require_range("scene.light.lamp_ratio", self.lamp_ratio, 0.001, 1000)
        require_range("scene.light.lamp_kelvin", self.lamp_kelvin, 1000, 40000)
        require_range("scene.light.sun_elevation_deg", self.sun_elevation_deg, 0.5, 90)
        require_range("scene.light.turbidity", self.turbidity, 1.05, 12)
        require_range("scene.light.studio_ratio", self.studio_ratio, 0.001, 1000)
        require_range("scene.light.dim_ratio", self.dim_ratio, 0.001, 1000)
        require_range("scene.light.dim_ev", self.dim_ev, -4, 4)
        require_range("scene.light.exposure_sigma_ev", [0.0, self.exposure_sigma_ev], 0, 4)
        require_range("scene.light.facing_sigma_deg", [0.0, self.facing_sigma_deg], 0, 180)
        for name in ("folder_share", "facing", "clouds", "overcast"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"scene.light.{name}", value, PROBABILITY)


@dataclass(kw_only=True, slots=True)
class BackgroundConfig:
    """What is behind the head. Weights, normalised; what is left out is not drawn.

    environment, blurred: what the light comes from, sharp or out of focus; gradient: smooth colours; room, wall: one
    that the light does not know of; bokeh: lights far out of focus.
    """

    kinds: dict[str, float] = field(
        default_factory=lambda: {
            "environment": 1.5,
            "blurred": 3.0,
            "gradient": 1.0,
            "room": 1.5,
            "wall": 1.0,
            "bokeh": 0.7,
        }
    )
    folder: str = ""  # of the user's own photographs, .jpg and .png; "" is none
    folder_share: float = 0.5  # probability of a photograph, if there is a folder, instead of the kinds above

    def __post_init__(self) -> None:
        require_weights("scene.background.kinds", self.kinds, BACKGROUNDS)
        require(0 <= self.folder_share <= 1, "scene.background.folder_share", self.folder_share, PROBABILITY)
