"""Faces: a linear 3D morphable model with eyes, hair and clothes, in drawn light, pose and camera."""

from dataclasses import dataclass, field
from enum import Enum

from scenes.head.attire_config import EARRING_KINDS, HEADPHONE_KINDS, ClothesConfig, MakeupConfig
from scenes.head.occluder_config import HAND_POSES, OCCLUDER_KINDS, OCCLUDER_WEIGHTS
from scenes.head.place_config import ENVIRONMENTS, FOLDERS, BackgroundConfig, LightConfig  # noqa: F401
from scenes.head.skin_config import SkinConfig
from synth.config import MOST_SUBDIVISION, require, require_range
from synth.passes import PASSES as TABLE
from synth.sensor import SensorConfig

CLASSES = {  # the classes of Microsoft's Face Synthetics; right and left are the subject's
    0: "background",
    1: "skin",
    2: "nose",
    3: "right_eye",
    4: "left_eye",
    5: "right_brow",
    6: "left_brow",
    7: "right_ear",
    8: "left_ear",
    9: "mouth_interior",
    10: "top_lip",
    11: "bottom_lip",
    12: "neck",
    13: "hair",
    14: "beard",
    15: "clothing",
    16: "glasses",
    17: "headwear",
    18: "facewear",
    255: "ignore",
}
LANDMARKS = (  # iBUG/Multi-PIE's order; right and left are the subject's
    *(f"jaw_{k}" for k in range(17)),
    *(f"right_brow_{k}" for k in range(5)),
    *(f"left_brow_{k}" for k in range(5)),
    *(f"nose_bridge_{k}" for k in range(4)),
    *(f"nostrils_{k}" for k in range(5)),
    *(f"right_eye_{k}" for k in range(6)),
    *(f"left_eye_{k}" for k in range(6)),
    *(f"outer_lip_{k}" for k in range(12)),
    *(f"inner_lip_{k}" for k in range(8)),
    "right_pupil",
    "left_pupil",
)
PASSES = tuple(name for name in TABLE if not name.startswith("meta/"))
HAIR_STYLES = ("bald", "buzz", "crop", "short", "swept", "side_part", "middle_part", "fringe", "bob", "long_straight")
HAIR_STYLES += ("long_wavy", "curls", "coils", "afro", "braids", "cornrows", "bun", "ponytail", "receding")
BEARD_STYLES = ("stubble", "short_full", "long_full", "goatee", "moustache", "circle", "chin_strap", "mutton_chops")
BEARD_STYLES += ("soul_patch", "van_dyke")
GLASSES_SHAPES = ("round", "oval", "rectangular", "square", "cat_eye", "aviator", "rimless", "browline")
HEADWEAR_KINDS = ("beanie", "cap", "hat", "helmet", "headscarf")
FACEWEAR_KINDS = ("surgical", "cloth", "respirator")


class Spread(Enum):
    """How an angle is distributed: truncated normal, or uniform between its bounds."""

    normal = "normal"
    uniform = "uniform"


@dataclass(kw_only=True, slots=True)
class PoseConfig:
    """Head pose relative to the camera. The default is DigiFace-1M's (WACV 2023)."""

    spread: Spread = Spread.normal
    yaw_max_deg: float = 90.0
    yaw_sigma_deg: float = 24.2
    pitch_max_deg: float = 30.0
    pitch_sigma_deg: float = 8.07
    roll_max_deg: float = 30.0
    roll_sigma_deg: float = 6.0

    def __post_init__(self) -> None:
        for name, most in (("yaw", 180.0), ("pitch", 80.0), ("roll", 180.0)):
            bound, sigma = getattr(self, f"{name}_max_deg"), getattr(self, f"{name}_sigma_deg")
            require(0 <= bound <= most, f"scene.pose.{name}_max_deg", bound, f"must be from 0 to {most:g}")
            require(1e-6 <= sigma <= 1e6, f"scene.pose.{name}_sigma_deg", sigma, "must be from 1e-6 to 1e6")


@dataclass(kw_only=True, slots=True)
class IdentityConfig:
    """Who: coefficients of the morphable model, normal within a bound, then moved to the traits that are asked for and,
    of a model that tells the sexes, to one of them. Each trait is drawn by itself. What no shape has together, as of
    origins that do not sum to 1, is met as nearly as it can be, out of a range if need be; far ranges are refused.
    """

    shape_sigma: float = 1.0  # standard deviation of the drawn identity coefficients; 0 is the mean face
    bound: float = 2.5  # coefficients beyond are drawn again: the tails of a linear model are not people
    traits: dict[str, list[float]] = field(default_factory=dict)  # of the model, male, old ...: from, to; drawn evenly

    def __post_init__(self) -> None:
        for name, bounds in self.traits.items():
            require_range(f"scene.identity.traits.{name}", bounds, -10, 10)
        require(0 <= self.shape_sigma <= 10, "scene.identity.shape_sigma", self.shape_sigma, "must be from 0 to 10")
        require(0 < self.bound <= 10, "scene.identity.bound", self.bound, "must be positive and at most 10")


@dataclass(kw_only=True, slots=True)
class ExpressionConfig:
    """Which face: a prior over the 52 ARKit units that moves few of them at a time. A model with other units moves a
    few of its own, and one whose expressions are standard deviations has each of them normal within a bound.
    """

    neutral: float = 0.2  # probability of a resting mouth and brow
    blink: float = 0.05  # probability of closed eyes
    strength: float = 1.0  # scales every weight; 0 is always neutral
    look_at_camera: float = 0.6  # probability, of those whose eyes turn so far
    gaze_sigma_deg: float = 12.0  # of a gaze that is not at the camera
    sigma: float = 0.7  # of coefficients in standard deviations
    bound: float = 2.0  # coefficients beyond are drawn again
    units: list[int] = field(default_factory=lambda: [1, 3])  # of blend shapes with names of their own, from, to

    def __post_init__(self) -> None:
        for name in ("neutral", "blink", "look_at_camera"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"scene.expression.{name}", value, "must be a probability in [0, 1]")
        require(0 <= self.strength <= 1, "scene.expression.strength", self.strength, "must be in [0, 1]")
        require_range("scene.expression.gaze_sigma_deg", [0.0, self.gaze_sigma_deg], 0, 40)
        require(0 <= self.sigma <= 10, "scene.expression.sigma", self.sigma, "must be from 0 to 10")
        require(0 < self.bound <= 10, "scene.expression.bound", self.bound, "must be positive and at most 10")
        require_range("scene.expression.units", [float(n) for n in self.units], 0, 1000)


@dataclass(kw_only=True, slots=True)
class JointsConfig:
    """How a model that has joints turns them. The head stays where its pose puts it: the neck turns the shoulders.
    Eyes follow the gaze.
    """

    neck_sigma_deg: list[float] = field(default_factory=lambda: [5.0, 8.0, 3.0])  # forward, aside, tilted
    neck_bound_deg: float = 20.0  # of each
    jaw_open: float = 0.5  # probability of a jaw that is not closed
    jaw_open_deg: list[float] = field(default_factory=lambda: [1.0, 16.0])
    jaw_aside_sigma_deg: float = 1.0

    def __post_init__(self) -> None:
        sigmas = self.neck_sigma_deg
        ok = len(sigmas) == 3 and all(0 <= sigma <= 90 for sigma in sigmas)
        require(ok, "scene.joints.neck_sigma_deg", sigmas, "must be three numbers from 0 to 90")
        require(0 <= self.neck_bound_deg <= 60, "scene.joints.neck_bound_deg", self.neck_bound_deg, "must be 0 to 60")
        require(0 <= self.jaw_open <= 1, "scene.joints.jaw_open", self.jaw_open, "must be a probability in [0, 1]")
        require_range("scene.joints.jaw_open_deg", self.jaw_open_deg, 0, 40)
        require_range("scene.joints.jaw_aside_sigma_deg", [0.0, self.jaw_aside_sigma_deg], 0, 10)


@dataclass(kw_only=True, slots=True)
class HairConfig:
    """Hair as strands. `styles` are weights, normalised; a style that is left out is not drawn. They are multiplied
    by those of women or men, by what the shape says, and by a factor each for the old, children and dark skin.
    Where nothing is left for a person, `styles` alone counts.
    """

    styles: dict[str, float] = field(default_factory=lambda: dict.fromkeys(HAIR_STYLES, 1.0))
    women: dict[str, float] = field(default_factory=lambda: dict.fromkeys(HAIR_STYLES, 1.0))
    men: dict[str, float] = field(default_factory=lambda: dict.fromkeys(HAIR_STYLES, 1.0))
    old: dict[str, float] = field(default_factory=dict)  # factor at full age; 1 where left out, as below
    child: dict[str, float] = field(default_factory=dict)
    dark: dict[str, float] = field(default_factory=dict)
    dyed: float = 0.08  # probability of a colour that is not the brows'
    strands: int = 0  # on a full scalp, 0: by the image's size; their width follows, so that the cover stays the same

    def __post_init__(self) -> None:
        for name in ("styles", "women", "men", "old", "child", "dark"):
            key, table = f"scene.hair.{name}", getattr(self, name)
            unknown = sorted(set(table) - set(HAIR_STYLES))
            require(not unknown, key, unknown, f"must be among {', '.join(HAIR_STYLES)}")
            if name in ("styles", "women", "men"):
                _require_weights(key, table)
            else:
                require(all(0 <= w <= 1000 for w in table.values()), key, table, "must be factors from 0 to 1000")
        require(0 <= self.dyed <= 1, "scene.hair.dyed", self.dyed, "must be a probability in [0, 1]")
        ok = self.strands == 0 or 100 <= self.strands <= 200_000
        require(ok, "scene.hair.strands", self.strands, "must be 0 (by the image's size), or from 100 to 200000")


@dataclass(kw_only=True, slots=True)
class BeardConfig:
    """Beards and stubble. `styles` are weights, normalised. Who is a man, old or a child is read off the shape
    (traits of the model); a model without traits counts all its heads as men.
    """

    men: float = 0.45  # probability
    women: float = 0.0  # probability
    child_below: float = 0.25  # most share of a child's shape in who may have a beard
    styles: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(BEARD_STYLES, 1.0) | {"stubble": 4.0, "short_full": 3.0}
    )

    def __post_init__(self) -> None:
        for name in ("men", "women"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"scene.beard.{name}", value, "must be a probability in [0, 1]")
        require(0 <= self.child_below <= 2, "scene.beard.child_below", self.child_below, "must be from 0 to 2")
        unknown = sorted(set(self.styles) - set(BEARD_STYLES))
        require(not unknown, "scene.beard.styles", unknown, f"must be among {', '.join(BEARD_STYLES)}")
        _require_weights("scene.beard.styles", self.styles)


@dataclass(kw_only=True, slots=True)
class WearConfig:
    """What is worn, each view its own. Probabilities, the defaults DigiFace-1M's (WACV 2023); shapes are weights."""

    glasses: float = 0.15
    dark_lenses: float = 0.25  # of glasses: sunglasses
    glasses_shapes: dict[str, float] = field(default_factory=lambda: dict.fromkeys(GLASSES_SHAPES, 1.0))
    headwear: float = 0.15
    headwear_kinds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(HEADWEAR_KINDS, 1.0))
    facewear: float = 0.01
    facewear_kinds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(FACEWEAR_KINDS, 1.0))
    earrings_women: float = 0.4  # DigiFace-1M has none of these
    earrings_men: float = 0.06
    earring_kinds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(EARRING_KINDS, 1.0))
    headphones: float = 0.04
    headphone_kinds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(HEADPHONE_KINDS, 1.0))
    occluder: float = 0.01  # a hand before the face, maybe with something in it: DigiFace-1M's hands
    occluder_kinds: dict[str, float] = field(default_factory=lambda: dict(OCCLUDER_WEIGHTS))
    hand_poses: dict[str, float] = field(default_factory=lambda: dict.fromkeys(HAND_POSES, 1.0))

    def __post_init__(self) -> None:
        chances = ("glasses", "dark_lenses", "headwear", "facewear", "earrings_women", "earrings_men", "headphones")
        chances += ("occluder",)
        for name in chances:
            value = getattr(self, name)
            require(0 <= value <= 1, f"scene.wear.{name}", value, "must be a probability in [0, 1]")
        kinds = {"glasses_shapes": GLASSES_SHAPES, "headwear_kinds": HEADWEAR_KINDS, "facewear_kinds": FACEWEAR_KINDS}
        kinds |= {"earring_kinds": EARRING_KINDS, "headphone_kinds": HEADPHONE_KINDS}
        kinds |= {"occluder_kinds": OCCLUDER_KINDS, "hand_poses": HAND_POSES}
        for name, known in kinds.items():
            weights = getattr(self, name)
            unknown = sorted(set(weights) - set(known))
            require(not unknown, f"scene.wear.{name}", unknown, f"must be among {', '.join(known)}")
            _require_weights(f"scene.wear.{name}", weights)


@dataclass(kw_only=True, slots=True)
class CameraConfig:
    """Lens and framing. The distance follows from both: a short lens comes close. It must leave the camera out of the
    head, and the head before the background: see scenes.head.optics.require_distances.
    """

    focal_mm: list[float] = field(default_factory=lambda: [24.0, 200.0])  # for a 36 mm wide image; log-uniform
    # Of the image's shorter side; heads are framed with their hair, as 1.18 times from chin to crown.
    head_size: list[float] = field(default_factory=lambda: [0.5, 0.8])
    head_offset: float = 0.08  # most of the head's centre from the image's, in image sides
    principal_offset: float = 0.02  # most of the principal point's from the image's centre, in image widths
    depth_of_field: float = 0.0  # probability of a lens that is not a pinhole; costs a render of the soft coverage
    pupil_mm: list[float] = field(default_factory=lambda: [4.0, 40.0])  # width of the lens's opening; log-uniform
    blades: list[int] = field(default_factory=lambda: [5, 9])  # of its diaphragm, from, to (inclusive); 0 is a circle
    focus_sigma_m: float = 0.008  # of the focus, around the nearer eye
    motion_blur: float = 0.0  # probability of motion while the shutter is open; costs the same render
    motion_path: list[float] = field(default_factory=lambda: [0.003, 0.02])  # of the head, image widths; log-uniform
    head_moves: float = 0.5  # probability that the head moves; else the camera, and the background with it

    def __post_init__(self) -> None:
        require_range("scene.camera.focal_mm", self.focal_mm, 10, 1000)
        require_range("scene.camera.head_size", self.head_size, 0.02, 2)
        require_range("scene.camera.head_offset", [0.0, self.head_offset], 0, 1)
        require_range("scene.camera.principal_offset", [0.0, self.principal_offset], 0, 0.5)
        require_range("scene.camera.pupil_mm", self.pupil_mm, 0.1, 300)
        require_range("scene.camera.blades", [float(n) for n in self.blades], 0, 64)
        require_range("scene.camera.focus_sigma_m", [0.0, self.focus_sigma_m], 0, 1)
        require_range("scene.camera.motion_path", self.motion_path, 1e-6, 0.5)
        for name in ("depth_of_field", "motion_blur", "head_moves"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"scene.camera.{name}", value, "must be a probability in [0, 1]")


@dataclass(kw_only=True, slots=True)
class Config:
    """Everything about faces that may vary."""

    name: str = "head"
    subdivision: int | None = None  # Catmull-Clark levels of the model as it is rendered and labelled; null: as many as
    # make some 30,000 vertices of it, 1 of MakeHuman's and none of a dense model
    pose: PoseConfig = field(default_factory=PoseConfig)
    identity: IdentityConfig = field(default_factory=IdentityConfig)
    expression: ExpressionConfig = field(default_factory=ExpressionConfig)
    joints: JointsConfig = field(default_factory=JointsConfig)
    skin: SkinConfig = field(default_factory=SkinConfig)
    hair: HairConfig = field(default_factory=HairConfig)
    beard: BeardConfig = field(default_factory=BeardConfig)
    wear: WearConfig = field(default_factory=WearConfig)
    clothes: ClothesConfig = field(default_factory=ClothesConfig)
    makeup: MakeupConfig = field(default_factory=MakeupConfig)
    camera: CameraConfig = field(default_factory=CameraConfig)
    light: LightConfig = field(default_factory=LightConfig)
    background: BackgroundConfig = field(default_factory=BackgroundConfig)
    sensor: SensorConfig = field(default_factory=SensorConfig)

    def __post_init__(self) -> None:
        require(self.name == "head", "scene.name", self.name, "must be head in this scene's config")
        ok = self.subdivision is None or 0 <= self.subdivision <= MOST_SUBDIVISION
        rule = f"must be from 0 to {MOST_SUBDIVISION}, or null: as the model needs"
        require(ok, "scene.subdivision", self.subdivision, rule)


def _require_weights(key: str, weights: dict[str, float]) -> None:
    ok = bool(weights) and all(0 <= w <= 1e9 for w in weights.values()) and sum(weights.values()) > 0
    require(ok, key, weights, "must be weights from 0 to 1e9, one of them positive")
