"""What `bench noise` varies: one thing at a time, around the settings of its config."""

from dataclasses import asdict, dataclass, field
from typing import Any

from synth.config import RenderConfig

REFERENCE_BOUNCES = 16
GEOMETRY_SHARE = 4  # references of another geometry have so many times fewer samples: they are many


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One way to render. All that it does not name is as in the config.

    render: fields of RenderConfig. knobs: of Cycles, see synth.blender.knobs. overrides: of the config, for another
    geometry, which takes a process of its own. seed: added to the record's.
    """

    axis: str
    name: str
    render: dict[str, Any] = field(default_factory=dict)
    knobs: dict[str, Any] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Settings that are compared with the same references.

    geometry: overrides of the config under which the references are rendered; () is the config's own.
    """

    name: str
    settings: tuple[Setting, ...]
    reference_spp: int
    geometry: tuple[str, ...] = ()

    def references(self) -> tuple[Setting, Setting]:
        """Two halves of the reference, with noise of their own, from which its error is estimated."""
        render = {"spp": self.reference_spp // 2, "max_bounces": REFERENCE_BOUNCES, "denoise": False}
        first, second = (
            Setting(
                axis="reference", name=name, render=render, knobs=dict(UNBIASED), overrides=self.geometry, seed=seed
            )
            for name, seed in (("first half", 1), ("second half", 2))
        )
        return first, second

    def fingerprint(self) -> Setting:
        """One sample of the references' geometry: its bytes tell whether a cached reference is of this scene."""
        render = {"spp": 1, "denoise": False}
        return Setting(axis="reference", name="fingerprint", render=render, overrides=self.geometry)


UNBIASED = {"sample_clamp_direct": 0.0, "sample_clamp_indirect": 0.0, "use_adaptive_sampling": False}
DEFAULT = Setting(axis="default", name="default")
AGAIN = Setting(axis="default", name="default, again")  # what it differs by is what times cannot tell apart


def _render(axis: str, key: str, values: tuple, **others: Any) -> list[Setting]:
    return [Setting(axis=axis, name=str(value), render={key: value, **others}) for value in values]


def _knob(axis: str, key: str, values: tuple) -> list[Setting]:
    return [Setting(axis=axis, name=str(value).lower().replace("_", " "), knobs={key: value}) for value in values]


def _adaptive(threshold: float) -> Setting:
    knobs = {"use_adaptive_sampling": True, "adaptive_threshold": threshold}
    return Setting(axis="adaptive threshold", name=str(threshold), render={"spp": 64}, knobs=knobs)


def _denoiser(quality: str, prefilter: str) -> Setting:
    knobs = {"denoising_quality": quality, "denoising_prefilter": prefilter}
    return Setting(axis="denoiser", name=f"{quality.lower()}, prefilter {prefilter.lower()}", knobs=knobs)


AXES: dict[str, list[Setting]] = {
    "spp": _render("spp", "spp", (4, 8, 16, 32, 64, 128)),
    "spp without denoiser": _render("spp without denoiser", "spp", (16, 64, 256), denoise=False),
    "adaptive threshold": [_adaptive(threshold) for threshold in (0.2, 0.1, 0.05, 0.02)],
    "bounces": _render("bounces", "max_bounces", (0, 1, 2, 3, 4, 6, 8, 12)),
    "subsurface": _knob("subsurface", "subsurface_method", ("RANDOM_WALK", "RANDOM_WALK_SKIN", "BURLEY")),
    "light tree": _knob("light tree", "use_light_tree", (True, False)),
    "clamping": [
        *_knob("clamping", "sample_clamp_indirect", (0.0, 1.0, 3.0, 10.0, 30.0)),
        Setting(axis="clamping", name="direct, too: 10", knobs={"sample_clamp_direct": 10.0}),
    ],
    "denoiser": [
        Setting(axis="denoiser", name="none", render={"denoise": False}),
        *(_denoiser("FAST", prefilter) for prefilter in ("NONE", "FAST", "ACCURATE")),
        *(_denoiser("BALANCED", prefilter) for prefilter in ("FAST", "ACCURATE")),
        *(_denoiser("HIGH", prefilter) for prefilter in ("FAST", "ACCURATE")),
    ],
    "guides": _knob("guides", "denoising_input_passes", ("RGB", "RGB_ALBEDO", "RGB_ALBEDO_NORMAL")),
    "pattern": _knob("pattern", "sampling_pattern", ("TABULATED_SOBOL", "BLUE_NOISE")),
}

# Of geometry: the key, its values, and the one of the references, which is finer than all of them.
GEOMETRY: dict[str, tuple[str, tuple[int, ...], int]] = {
    "strands": ("scene.hair.strands", (1000, 2500, 5000, 10000, 20000), 40000),
    "subdivision": ("scene.subdivision", (0, 1), 2),
}


def axes_of(keys: set[str]) -> tuple[str, ...]:
    """Names of all axes that a config with these (dotted) keys has."""
    return ("presets", *AXES, *(name for name, (key, _, _) in GEOMETRY.items() if key in keys))


def preset(name: str, config: RenderConfig) -> Setting:
    """A file of configs/render at the resolution that is measured."""
    return Setting(axis="presets", name=name, render={k: v for k, v in asdict(config).items() if k != "hw"})


def groups(axes: tuple[str, ...], presets: list[Setting], reference_spp: int) -> list[Group]:
    """The axes of these names: all of the config's own geometry in one group, then one for each axis of geometry."""
    own = [setting for name in axes for setting in (presets if name == "presets" else AXES.get(name, []))]
    found = [Group(name="own geometry", settings=(AGAIN, *own), reference_spp=reference_spp)] if own else []
    for name in axes:
        if name in GEOMETRY:
            key, values, finest = GEOMETRY[name]
            some = [Setting(axis=name, name=str(value), overrides=(f"{key}={value}",)) for value in values]
            spp, finer = max(reference_spp // GEOMETRY_SHARE, 2), (f"{key}={finest}",)
            found.append(Group(name=name, settings=(AGAIN, *some), reference_spp=spp, geometry=finer))
    return found
