"""Make-up: changes of the skin's reflectance by region. numpy; the masks are found once, on the model's mean."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scenes.head.attire_config import LIPSTICKS, LOOKS, MakeupConfig
from synth.models import MorphableModel

Triple = tuple[float, float, float]
LIP_COLORS = {  # linear reflectance, and how much of the skin's own it hides
    "red": ((0.36, 0.012, 0.02), 0.85),
    "pink": ((0.46, 0.09, 0.16), 0.7),
    "nude": ((0.36, 0.16, 0.12), 0.6),
    "plum": ((0.11, 0.012, 0.04), 0.85),
    "coral": ((0.55, 0.11, 0.07), 0.75),
    "sheer": ((0.5, 0.16, 0.16), 0.3),
}
SHADOWS = {  # two ends to draw between
    "natural": ((0.30, 0.17, 0.12), (0.10, 0.05, 0.035)),
    "smoky": ((0.10, 0.09, 0.09), (0.012, 0.011, 0.012)),
    "colourful": ((0.05, 0.16, 0.30), (0.28, 0.08, 0.26)),
}
CREASE = 0.011  # m that eye shadow reaches above the lashes, on the mean
LINE = 0.0011  # m, half the width of a liner
SKIN_OUT = 0.012  # m that the lid's line goes on beyond its ends


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeupSpec:
    """Make-up. Colours are linear reflectance, amounts the share of the skin's own that is hidden; 0 is none."""

    lips: float
    lip_color: Triple
    shadow: float
    shadow_color: Triple
    shadow_height: float  # over CREASE
    liner: float
    wing: float  # m that the liner goes on beyond the outer corner
    blush: float
    blush_color: Triple
    blush_width: float  # over the mask's own
    brows: float


def sample_makeup(config: MakeupConfig, male: float, child: float, rng: np.random.Generator) -> MakeupSpec | None:
    """Make-up, or None. The same numbers are drawn whether it comes to any or not. male, child: what the shape says."""
    wears = rng.random() < (config.men if male > 0.5 else config.women) and child < config.child_below
    lipstick = _chosen(LIPSTICKS, config.lipsticks, rng.random())
    look = _chosen(LOOKS, config.looks, rng.random())
    has, u = rng.random(5), rng.random(10)
    names = ("lipstick", "shadow", "liner", "blush", "brows")
    on = {name: float(has[k] < getattr(config, name)) for k, name in enumerate(names)}
    color, hides = LIP_COLORS[lipstick]
    bright, dark = (np.array(c) for c in SHADOWS[look])
    spec = MakeupSpec(
        lips=on["lipstick"] * hides * float(0.75 + 0.25 * u[0]),
        lip_color=_triple(np.array(color) * (0.7 + 0.5 * u[1])),
        shadow=on["shadow"] * float(0.25 + 0.5 * u[2]),
        shadow_color=_triple(bright + u[3] * (dark - bright)),
        shadow_height=float(0.55 + 0.7 * u[4]),
        liner=on["liner"] * float(0.6 + 0.4 * u[5]),
        wing=float(0.006 * max(u[6] - 0.4, 0) / 0.6),
        blush=on["blush"] * float(0.12 + 0.3 * u[7]),
        blush_color=_triple(np.array([0.55, 0.13, 0.13]) * (0.8 + 0.3 * u[8])),
        blush_width=float(0.75 + 0.5 * u[9]),
        brows=on["brows"] * float(0.25 + 0.3 * u[0]),
    )
    return spec if wears else None


def _chosen(names: tuple[str, ...], weights: dict[str, float], u: float) -> str:
    share = np.cumsum([weights.get(name, 0.0) for name in names])
    return names[min(int(np.searchsorted(share, u * share[-1], side="right")), len(names) - 1)]


def _triple(values) -> Triple:
    a, b, c = (float(v) for v in np.clip(values, 0.0, 0.9))
    return a, b, c


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """Where make-up goes on a model: float32 [V] each. A part that the model does not know is 0, or far away."""

    lips: np.ndarray  # in [0, 1]
    brows: np.ndarray  # in [0, 1]
    above: np.ndarray  # m above the upper lashes' line; inf where there is no lid
    aside: np.ndarray  # m beyond the outer end of that line
    line: np.ndarray  # m from it
    cheek: np.ndarray  # distance from the middle of a cheek, over its width


def prepare_mirror(model: MorphableModel) -> Mirror:
    """The places on a model's mean."""
    points, count = model.mean.astype(np.float64), len(model.mean)
    region = lambda name: model.regions.get(name, np.zeros(count, np.float32))
    above, aside, line = (np.full(count, np.inf) for _ in range(3))
    for side, sign in (("right", -1), ("left", 1)):
        path = model.paths.get(f"{side}_upper_lash")
        if path is None:
            continue
        mine = (sign * points[:, 0] > 0) & (region("inner_mouth") < 0.5)
        found = _around_lid(points, points[path], sign)
        for into, values in zip((above, aside, line), found, strict=True):
            into[mine] = values[mine]
    landmarks = model.landmarks(model.mean).astype(np.float64)
    return Mirror(
        lips=region("lips"),
        brows=np.maximum(region("right_brow"), region("left_brow")),
        above=above.astype(np.float32),
        aside=aside.astype(np.float32),
        line=line.astype(np.float32),
        cheek=_around_cheeks(points, landmarks).astype(np.float32),
    )


def _around_lid(points: np.ndarray, lashes: np.ndarray, sign: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Height over a lid's line [n, 3], distance beyond its outer end, and distance from it, with its wing [V] (m)."""
    line = lashes[np.argsort(sign * lashes[:, 0])]  # from the nose outwards
    x, outer = sign * points[:, 0], line[-1]
    aside = x - sign * outer[0]
    over = points[:, 2] - np.interp(x, sign * line[:, 0], line[:, 2])
    front = points[:, 1] < lashes[:, 1].max() + 0.006
    near_nose = x < sign * line[0, 0] - 0.002
    above = np.where(front & ~near_nose & (aside < SKIN_OUT), over, np.inf)
    rise = 0.55 * np.maximum(aside, 0)  # a wing goes on and up
    wing = outer + np.stack([sign * np.maximum(aside, 0), np.zeros_like(x), rise], axis=-1)
    pieces = [_distance(points, a, b) for a, b in pairwise(line)]
    far = np.where(aside > 0, np.linalg.norm((points - wing)[:, [0, 2]], axis=-1), np.min(pieces, axis=0))
    return above, aside, np.where(front, far, np.inf)


def _distance(points: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    along = b - a
    t = np.clip((points - a) @ along / max(along @ along, 1e-18), 0, 1)
    return np.linalg.norm(points - a - t[:, None] * along, axis=-1)


def _around_cheeks(points: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """From the middle of the nearer cheek [V], of an ellipse that rises towards the ear."""
    out = np.full(len(points), np.inf)
    for side, lid, jaw, wing in ((-1, 41, 2, 31), (1, 46, 14, 35)):
        below, ear, nose = landmarks[lid], landmarks[jaw], landmarks[wing]
        if not (below.any() and ear.any() and nose.any()):
            continue
        middle = np.array([0.55 * below[0] + 0.45 * ear[0], 0.0, 0.45 * below[2] + 0.55 * nose[2]])
        flat = (points - middle)[:, [0, 2]] * [side, 1]
        along, across = flat @ [0.88, 0.48], flat @ [-0.48, 0.88]
        depth = (points[:, 1] < ear[1]) & (side * points[:, 0] > 0)
        out = np.where(depth, np.minimum(out, np.hypot(along / 0.026, across / 0.014)), out)
    return out


def made_up(spec: MakeupSpec | None, mirror: Mirror, albedo: np.ndarray) -> np.ndarray:
    """Reflectance float32 [V, 3] of skin [V, 3] with make-up."""
    if spec is None:
        return albedo
    height = np.maximum(mirror.above, 0) / (CREASE * spec.shadow_height)
    shadow = np.where(mirror.above > -0.001, np.exp(-(height**2)), 0) * np.exp(-np.maximum(mirror.aside, 0) / 0.004)
    liner = np.exp(-((mirror.line / LINE) ** 2)) * np.where(mirror.aside > spec.wing, 0, 1)
    blush = np.exp(-((mirror.cheek / spec.blush_width) ** 2))
    out = _covered(albedo, spec.blush * blush, spec.blush_color)
    out = _covered(out, spec.shadow * np.nan_to_num(shadow), spec.shadow_color)
    out = _covered(out, spec.brows * mirror.brows, (0.04, 0.025, 0.018))
    out = _covered(out, spec.lips * mirror.lips, spec.lip_color)
    return _covered(out, spec.liner * liner, (0.008, 0.007, 0.007))


def _covered(albedo: np.ndarray, share: np.ndarray, color: Triple) -> np.ndarray:
    """A pigment over the skin, whose unevenness shows through a little."""
    relative = albedo / np.maximum(albedo.mean(axis=0), 1e-3)
    pigment = np.array(color) * (0.75 + 0.25 * relative)
    return (albedo + share[:, None] * (pigment - albedo)).astype(np.float32)
