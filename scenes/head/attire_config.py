"""What may vary of clothes, jewellery, headphones and make-up: the part of scenes.head.config that is about these."""

from dataclasses import dataclass, field

from synth.config import require, require_weights

CLOTHES_KINDS = ("crew_neck", "v_neck", "scoop", "tank", "shirt", "polo", "henley", "turtleneck", "hoodie", "cardigan")
CLOTHES_KINDS += ("jacket", "blazer")
CLOTHS = ("jersey", "knit", "woven", "denim", "leather", "satin", "fleece")
PATTERNS = ("plain", "stripes", "checks", "dots", "print", "heather")
EARRING_KINDS = ("stud", "pearl", "hoop", "drop")
HEADPHONE_KINDS = ("over_ear", "in_ear", "earbud")
LIPSTICKS, LOOKS = ("red", "pink", "nude", "plum", "coral", "sheer"), ("natural", "smoky", "colourful")
PROBABILITY = "must be a probability in [0, 1]"


def _even(names: tuple[str, ...], **other: float) -> dict[str, float]:
    return dict.fromkeys(names, 1.0) | other


@dataclass(kw_only=True, slots=True)
class ClothesConfig:
    """Clothes, each view its own. Weights are normalised; what is left out is not drawn, unless a garment cannot be of
    anything else. `cloths` and `patterns` multiply how often each garment is of a cloth and each cloth has a pattern.
    """

    worn: float = 1.0  # probability; DigiFace's (WACV 2023) people always are
    kinds: dict[str, float] = field(
        default_factory=lambda: {
            "crew_neck": 5.0,
            "v_neck": 2.0,
            "scoop": 1.2,
            "tank": 0.6,
            "shirt": 3.0,
            "polo": 1.3,
            "henley": 0.7,
            "turtleneck": 1.2,
            "hoodie": 1.8,
            "cardigan": 1.0,
            "jacket": 1.8,
            "blazer": 2.0,
        }
    )
    cloths: dict[str, float] = field(default_factory=lambda: _even(CLOTHS))
    patterns: dict[str, float] = field(default_factory=lambda: _even(PATTERNS))
    scarf: float = 0.05  # probability; not over a hood
    tie: float = 0.12  # probability, of shirts without a scarf; they are buttoned up for it

    def __post_init__(self) -> None:
        require_weights("scene.clothes.kinds", self.kinds, CLOTHES_KINDS)
        require_weights("scene.clothes.cloths", self.cloths, CLOTHS)
        require_weights("scene.clothes.patterns", self.patterns, PATTERNS)
        for name in ("worn", "scarf", "tie"):
            require(0 <= getattr(self, name) <= 1, f"scene.clothes.{name}", getattr(self, name), PROBABILITY)


@dataclass(kw_only=True, slots=True)
class MakeupConfig:
    """Make-up as changes of the skin's reflectance, each view its own. Who is a woman or a child is read off the shape.

    In the mean of an even population 0.15 wear some, as often as in DigiFace-1M (WACV 2023).
    """

    women: float = 0.28  # probability
    men: float = 0.02  # probability
    child_below: float = 0.25  # most share of a child's shape in who may wear any
    lipstick: float = 0.8  # probabilities, of those who wear some
    shadow: float = 0.6
    liner: float = 0.6
    blush: float = 0.6
    brows: float = 0.3
    lipsticks: dict[str, float] = field(default_factory=lambda: _even(LIPSTICKS))
    looks: dict[str, float] = field(default_factory=lambda: _even(LOOKS, natural=3.0))

    def __post_init__(self) -> None:
        for name in ("women", "men", "lipstick", "shadow", "liner", "blush", "brows"):
            require(0 <= getattr(self, name) <= 1, f"scene.makeup.{name}", getattr(self, name), PROBABILITY)
        require(0 <= self.child_below <= 2, "scene.makeup.child_below", self.child_below, "must be from 0 to 2")
        require_weights("scene.makeup.lipsticks", self.lipsticks, LIPSTICKS)
        require_weights("scene.makeup.looks", self.looks, LOOKS)
