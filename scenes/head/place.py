"""Draws where a head is: the light that falls on it, and what is behind it."""

from dataclasses import dataclass

import numpy as np

from scenes.head.furnish import sample_room, sample_sky
from scenes.head.lamps import (
    LampSpec,
    Triple,
    blackbody,
    hued,
    sample_azimuth,
    sample_dim,
    sample_flash,
    sample_lamp,
    sample_mixed,
    sample_studio,
    triple,
)
from scenes.head.patterns import PATTERNS
from scenes.head.place_config import BACKGROUNDS, DIMS, FOLDERS, LIGHTS, STUDIOS, BackgroundConfig, LightConfig
from scenes.head.room import RoomSpec, SurfaceSpec
from scenes.head.sky import SkySpec
from synth.folders import listed
from synth.rng import Streams, between, log_between


@dataclass(frozen=True, slots=True, kw_only=True)
class LightSpec:
    """The light: an environment turned about the head's vertical, and lamps.

    The environment is an image, or a sky, or a room. Its brightest side is at `azimuth`, from in front of the face
    towards the subject's left.
    """

    kind: str
    setup: str | None  # of a studio or of dim light: how its lamps stand
    environment: str | None  # name of one of Blender's HDRIs, or of a file in the user's folder
    sky: SkySpec | None
    room: RoomSpec | None
    azimuth: float  # rad
    lamps: tuple[LampSpec, ...]
    exposure_ev: float  # stops over the metered exposure


@dataclass(frozen=True, slots=True, kw_only=True)
class WallSpec:
    """A wall close behind the head."""

    cover: SurfaceSpec
    distance: float  # m
    turn: float  # rad, about the vertical
    lean: float  # rad
    falloff: tuple[float, float]  # how much brighter it gets to the right and upwards, over the image


@dataclass(frozen=True, slots=True, kw_only=True)
class BokehSpec:
    """Lights far out of focus before something dark."""

    count: int
    radius: tuple[float, float]  # from, to; of the image's width
    blades: int  # of the diaphragm that shapes them; 0 is round
    hues: tuple[Triple, Triple, Triple]
    dark: Triple
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotographSpec:
    """A part of a photograph of the user's, of the record's aspect."""

    file: str
    zoom: float  # 1: as much of it as fits
    place: tuple[float, float]  # of the part in what is left over, 0 to 1, from the left and the top
    mirrored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundSpec:
    """What is behind the head; colours are display-linear, 3 x 3 of them, rows from the top."""

    kind: str
    blur: float  # standard deviation over the image's width
    level: float  # of a room or a wall: its mean in the image, display-linear
    colors: tuple[Triple, ...]  # of a gradient
    room: RoomSpec | None
    wall: WallSpec | None
    bokeh: BokehSpec | None
    photograph: PhotographSpec | None


def sample_light(config: LightConfig, camera: np.ndarray, streams: Streams) -> LightSpec:
    """The light on a head that a camera looks at from a place [3] (m, head space)."""
    rng = streams.of_record("light")
    kind, drawn = _chosen(config.kinds, LIGHTS, rng), rng.random()
    if config.folder and drawn < config.folder_share:
        kind = "folder"
    setup, environment, room = None, None, None
    lamps, ev = (), config.exposure_sigma_ev * rng.standard_normal()
    azimuth = sample_azimuth(config, camera, rng)
    hdri = config.environments[rng.integers(len(config.environments))]
    own = streams.of_record(f"light/{kind}")
    if kind in ("environment", "folder"):
        key = "scene.light.folder"
        files = listed(config.folder, FOLDERS[key], key) if kind == "folder" else ()
        environment = files[own.integers(len(files))] if files else hdri
        few = config.lamps if kind == "environment" else [0, min(1, config.lamps[1])]
        lamps = tuple(sample_lamp(config, camera, own) for _ in range(own.integers(few[0], few[1], endpoint=True)))
    elif kind == "studio":
        setup, room = _chosen(config.studios, STUDIOS, own), sample_room("cove", own)
        lamps = sample_studio(setup, config, camera, own)
    elif kind == "dim":
        setup, room = _chosen(config.dims, DIMS, own), sample_room("night", own)
        lamps, ev = sample_dim(setup, config, camera, own), ev + between(own, config.dim_ev)
    elif kind == "mixed":
        room, lamps = sample_room("mixed", own), sample_mixed(config, camera, own)
    elif kind == "indoor":
        room = sample_room(str(own.choice(["day", "office"])), own)
    elif kind == "flash":
        lamps, inside = sample_flash(config, camera, own), own.random() < 0.7
        room, environment = (sample_room("night", own), None) if inside else (None, hdri)
    return LightSpec(
        kind=kind,
        setup=setup,
        environment=environment,
        sky=sample_sky(config, own) if kind == "sky" else None,
        room=room,
        azimuth=azimuth,
        lamps=lamps,
        exposure_ev=float(ev),
    )


def sample_background(config: BackgroundConfig, streams: Streams) -> BackgroundSpec:
    """A kind by its weight; nine colours near one another."""
    rng = streams.of_record("background")
    kind, drawn = _chosen(config.kinds, BACKGROUNDS, rng), rng.random()
    if config.folder and drawn < config.folder_share:
        kind = "photograph"
    base = rng.uniform(0.02, 0.7) * rng.uniform(0.5, 1.0, 3)
    spread = rng.choice([0.08, 0.6])
    colors = np.clip(base * np.exp(spread * rng.standard_normal((9, 3))), 0.0, 0.95)
    own = streams.of_record(f"background/{kind}")
    soft = {"blurred": (0.02, 0.08), "room": (0.0, 0.05), "wall": (0.0, 0.012), "photograph": (-0.02, 0.03)}
    low, high = soft.get(kind, (0.0, 0.0))
    return BackgroundSpec(
        kind=kind,
        blur=max(0.0, own.uniform(low, high)),
        level=log_between(own, [0.05, 0.6]),
        colors=tuple(triple(c) for c in colors) if kind == "gradient" else (),
        room=sample_room(str(own.choice(["day", "office", "mixed"])), own) if kind == "room" else None,
        wall=_wall(own) if kind == "wall" else None,
        bokeh=_bokeh(own) if kind == "bokeh" else None,
        photograph=_photograph(config, own) if kind == "photograph" else None,
    )


def _wall(rng: np.random.Generator) -> WallSpec:
    name = str(rng.choice(PATTERNS[1:]))
    first = log_between(rng, [0.1, 0.8]) * np.array(hued(rng.random(), rng.uniform(0, 0.7)))
    second = first * np.exp(rng.uniform(0.2, 1.2) * rng.choice([-1, 1])) * rng.uniform(0.8, 1.2, 3)
    big = 0.2 if name in ("stripes", "bricks", "tiles", "boards", "weave", "paper") else 0.8
    cover = SurfaceSpec(
        pattern=name,
        color=triple(first),
        second=triple(second),
        scale=big * log_between(rng, [0.5, 2.0]),
        seed=int(rng.integers(2**31)),
    )
    turn, lean = rng.uniform(-0.8, 0.8), rng.uniform(-0.1, 0.1)
    falloff = float(rng.normal(0, 0.4)), float(rng.normal(0, 0.3))
    return WallSpec(cover=cover, distance=rng.uniform(0.8, 3.0), turn=turn, lean=lean, falloff=falloff)


def _bokeh(rng: np.random.Generator) -> BokehSpec:
    low, warm = log_between(rng, [0.006, 0.05]), blackbody(between(rng, [2200.0, 6500.0]))
    other = blackbody(between(rng, [2200.0, 9000.0]))
    return BokehSpec(
        count=int(log_between(rng, [12, 140])),
        radius=(low, low * rng.uniform(1.2, 3.0)),
        blades=int(rng.choice([0, 0, 5, 6, 7, 8])),
        hues=(warm, other, hued(rng.random(), rng.uniform(0.2, 0.8))),
        dark=triple(log_between(rng, [0.003, 0.1]) * np.array(hued(rng.random(), rng.uniform(0, 0.6)))),
        seed=int(rng.integers(2**31)),
    )


def _photograph(config: BackgroundConfig, rng: np.random.Generator) -> PhotographSpec:
    key = "scene.background.folder"
    files = listed(config.folder, FOLDERS[key], key)
    return PhotographSpec(
        file=files[rng.integers(len(files))],
        zoom=log_between(rng, [1.0, 2.0]),
        place=(float(rng.random()), float(rng.random())),
        mirrored=bool(rng.random() < 0.5),
    )


def _chosen(weights: dict[str, float], names: tuple[str, ...], rng: np.random.Generator) -> str:
    shares = np.array([weights.get(name, 0.0) for name in names])
    return names[rng.choice(len(names), p=shares / shares.sum())]
