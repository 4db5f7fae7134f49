"""What may vary of skin: the part of scenes.head.config that is about tone, marks, gloss and relief."""

from dataclasses import dataclass, field

from synth.config import require, require_range, require_weights

TONES = ("very_light", "light", "intermediate", "tan", "brown", "dark")  # classes of the typology angle
MOST_TEXELS = 8192


def _by_tone(*values: float) -> dict[str, float]:
    return dict(zip(TONES, map(float, values), strict=True))


@dataclass(kw_only=True, slots=True)
class SkinConfig:
    """Skin. What is given by tone is so for each class of the individual typology angle, and 0 where it is left out.

    Marks are where they are on people: freckles on cheeks and nose, age spots on forehead, temples and cheeks.
    """

    tones: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TONES, 1.0))  # weights; even within a class
    freckles: dict[str, float] = field(default_factory=lambda: _by_tone(0.4, 0.25, 0.1, 0.05, 0.03, 0.01))  # chance
    moles: dict[str, float] = field(default_factory=lambda: _by_tone(7, 7, 6, 5, 4, 4))  # mean number, grown up
    age_spots: dict[str, float] = field(
        default_factory=lambda: _by_tone(18, 16, 12, 9, 6, 4)
    )  # mean number, at full age
    veins: dict[str, float] = field(default_factory=lambda: _by_tone(0.5, 0.25, 0.08, 0, 0, 0))  # chance that they show
    blemishes: float = 0.3  # chance of pimples and their red marks, among the young; a quarter of it at full age
    oil: list[float] = field(default_factory=lambda: [0.0, 1.0])  # gloss of forehead, nose and chin; 0 is matt
    sweat: float = 0.08  # chance of a wet forehead, nose and upper lip
    wrinkles: float = 1.0  # times the depth of lines of age and expression and of the lips' furrows; 0 is none
    pores: float = 1.0  # times the depth of pores and fine unevenness
    texels: int = 0  # of the maps of marks and relief, along each side; 0: by the image's size

    def __post_init__(self) -> None:
        for name in ("tones", "freckles", "moles", "age_spots", "veins"):
            table = getattr(self, name)
            unknown = sorted(set(table) - set(TONES))
            require(not unknown, f"scene.skin.{name}", unknown, f"must be among {', '.join(TONES)}")
        require_weights("scene.skin.tones", self.tones, TONES)
        for name, most in (("freckles", 1.0), ("veins", 1.0), ("moles", 200.0), ("age_spots", 500.0)):
            table = getattr(self, name)
            require(all(0 <= v <= most for v in table.values()), f"scene.skin.{name}", table, f"must be 0 to {most:g}")
        for name in ("blemishes", "sweat"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"scene.skin.{name}", value, "must be a probability in [0, 1]")
        require_range("scene.skin.oil", self.oil, 0, 1)
        for name in ("wrinkles", "pores"):
            require(0 <= getattr(self, name) <= 3, f"scene.skin.{name}", getattr(self, name), "must be from 0 to 3")
        ok = self.texels == 0 or 64 <= self.texels <= MOST_TEXELS
        require(ok, "scene.skin.texels", self.texels, f"must be 0 (by the image's size), or from 64 to {MOST_TEXELS}")
