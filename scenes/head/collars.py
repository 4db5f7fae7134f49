"""Collars: one closed section swept around the neckline, of another shape for each kind of garment.

A section is a loop of points: metres from the neckline up the neck (or, of lapels, away from the opening), and metres
over the skin. Its stations are the columns of the garment.
"""

from dataclasses import dataclass

import numpy as np

from scenes.head.attire import CLOSED, GarmentSpec
from scenes.head.cut import CLEAR, COLUMNS, Cut, ramp
from scenes.head.solids import grid_triangles

SECTION = 22  # points of a loop
SIZE = COLUMNS * SECTION + 2  # vertices, with the middles of both ends
UNDER_JAW = 0.003  # m
CELL, EXTENT = 0.006, 0.12  # m, of the jaw's relief from below: cells, and half its width
Value = np.ndarray | float
Loop = list[
    tuple[Value, Value, Value]
]  # closed: metres up, metres over the skin, least metres over the cloth (0: none)
Shape = tuple[np.ndarray, np.ndarray, Loop]  # turns and metres along [C] of a line, and the loop there


@dataclass(frozen=True, slots=True, kw_only=True)
class Jaw:
    """What collars stay under: the least height of the head over the ground plane."""

    lowest: np.ndarray  # [N, N] m, inf where nothing is
    middle: np.ndarray  # [2] m

    def press(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 3] (m) moved down to below the jaw."""
        at = (points[..., :2] - self.middle + EXTENT) / CELL
        inside = ((at >= 1) & (at < len(self.lowest) - 2)).all(axis=-1)
        i, j = np.moveaxis(np.clip(at.astype(int), 1, len(self.lowest) - 2), -1, 0)
        most = np.min([self.lowest[i + a, j + b] for a in (-1, 0, 1) for b in (-1, 0, 1)], axis=0) - UNDER_JAW
        out = points.copy()
        out[..., 2] = np.where(inside, np.minimum(points[..., 2], most), points[..., 2])
        return out


def jaw_of(points: np.ndarray, middle: np.ndarray) -> Jaw:
    """From points [N, 3] (m) of the head's skin in front, around the neck's middle [2]."""
    count = round(2 * EXTENT / CELL)
    lowest = np.full((count, count), np.inf)
    at = ((points[:, :2] - middle + EXTENT) / CELL).astype(int)
    inside = ((at >= 0) & (at < count)).all(axis=1)
    np.minimum.at(lowest, tuple(at[inside].T), points[inside, 2])
    return Jaw(lowest=lowest, middle=middle)


def template() -> np.ndarray:
    """int32 [T, 3]: triangles of every collar."""
    sweep = grid_triangles(COLUMNS, SECTION)
    k = np.arange(SECTION)
    after, last, count = (k + 1) % SECTION, (COLUMNS - 1) * SECTION, COLUMNS * SECTION
    first = np.stack([np.full(SECTION, count), after, k], axis=-1)
    return np.concatenate([sweep, first, np.stack([np.full(SECTION, count + 1), last + k, last + after], -1)])


def fit_collar(spec: GarmentSpec, cut: Cut, jaw: Jaw) -> tuple[np.ndarray, np.ndarray]:
    """Points [SIZE, 3] (m) of a garment's collar, and metres across, metres along and trim [SIZE, 3] of its cloth."""
    turn, base, loop = SHAPES[spec.kind](spec, cut)
    up, over, ride = _evenly(loop)
    turn, along = _placed(cut, turn, base, up)
    lies = np.where(ride > 0, cut.height(turn, along) + ride, 0)
    points = jaw.press(cut.ground.at(turn, along, np.maximum(over, lies)))
    across = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points[:, 0], axis=0), axis=-1))])
    cloth = np.stack(np.broadcast_arrays(across[:, None], up - 0.4 * over, float(spec.contrast)), axis=-1)
    return _capped(points), _capped(cloth)


def _capped(values: np.ndarray) -> np.ndarray:
    """Values [C, R, 3] as [SIZE, 3]: with the middles of the first and the last loop."""
    return np.concatenate([values.reshape(-1, 3), values[:1].mean(axis=1), values[-1:].mean(axis=1)])


def _placed(cut: Cut, turn: np.ndarray, base: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turns and metres along [C, R] at `up` [C, R] m square to a line of turns [C] and metres along [C]."""
    reach = cut.reach(turn, base)
    ahead = np.stack([reach * np.gradient(turn), np.gradient(base)], axis=-1)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=-1, keepdims=True), 1e-9)
    at = turn[:, None] + up * (ahead[:, 1] / reach)[:, None]
    left = (turn < np.pi)[:, None]
    at = np.where(
        left, np.maximum(at, np.minimum(turn[:, None], 0)), np.minimum(at, np.maximum(turn[:, None], 2 * np.pi))
    )
    along = base[:, None] - up * ahead[:, :1]
    return at, np.maximum(along, cut.ground.torso.first_at(at))


def _evenly(loop: Loop) -> tuple[np.ndarray, ...]:
    """A closed loop's points as arrays [C, SECTION], as evenly as their number goes: up, over, ride."""
    arrays = [np.stack([np.broadcast_to(p[k], COLUMNS) for p in loop], axis=1) for k in range(3)]
    step = np.hypot(*(np.diff(np.c_[a, a[:, :1]], axis=1).mean(axis=0) for a in arrays[:2]))
    way = np.concatenate([[0], np.cumsum(np.sqrt(step))])
    at = np.linspace(0, way[-1], SECTION, endpoint=False)
    left = np.clip(np.searchsorted(way, at, side="right") - 1, 0, len(loop) - 1)
    share = (at - way[left]) / (way[left + 1] - way[left])
    return tuple(a[:, left] * (1 - share) + a[:, (left + 1) % len(loop)] * share for a in arrays)


def _free(*points: tuple) -> Loop:
    """Points (up, over) that ride on nothing."""
    return [(up, over, 0.0) for up, over in points]


def _band(spec: GarmentSpec, cut: Cut) -> Shape:
    """A ribbed band along the neckline."""
    w, top = spec.collar, cut.height(cut.turn, cut.neck) + 0.0012
    outer = _free((-0.003, CLEAR - 0.0016), (-0.002, top), (0.25 * w, top + 0.0008), (0.75 * w, CLEAR + 0.0016))
    inner = _free((w, CLEAR + 0.0008), (w, CLEAR - 0.001), (0.5 * w, CLEAR - 0.0018))
    return cut.turn, cut.neck, outer + inner


def _turtleneck(spec: GarmentSpec, cut: Cut) -> Shape:
    """A tube up the neck that is folded down."""
    h, t = spec.collar, 0.0035 + 0.25 * spec.loose
    edge = 0.25 * h + 0.08 * h * np.sin(2 * cut.turn + 6 * spec.spread)
    wave = 0.0012 * np.sin(7 * cut.turn + 5 * spec.spread)
    tube = _free((-0.012, 0.0012), (0.4 * h, 0.0016), (0.8 * h, 0.0026), (h, 0.004 + t), (0.97 * h, 0.004 + 2 * t))
    fold = _free((0.7 * h, 0.005 + 2.4 * t + wave), (edge + 0.004, 0.006 + 2.2 * t + wave), (edge, 0.005 + 1.4 * t))
    return cut.turn, cut.neck, tube + fold + _free((edge + 0.006, 0.004 + t), (-0.012, 0.0035 + t))


def _ends(cut: Cut, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Turns [C] that leave a gap (rad) free on each side of the front, and how near [C] each is to an end, 0 to 1."""
    turn = gap + cut.turn * (2 * np.pi - 2 * gap) / (2 * np.pi)
    return turn, 1 - np.minimum(turn - gap, 2 * np.pi - gap - turn) / (np.pi - gap)


def _leaf(spec: GarmentSpec, cut: Cut) -> Shape:
    """A stand, and a leaf that falls over it down to points in front."""
    closed = spec.kind == "shirt" and spec.depth < CLOSED
    turn, near = _ends(cut, 0.06 if closed else 0.25 + 0.2 * spec.spread)
    base = np.minimum(np.interp(turn, cut.turn, cut.neck), cut.ground.torso.scale * (-0.006 if closed else 0.012))
    front = ramp((near - 0.45) / 0.55)
    stand = spec.collar * (1 - (0.3 if closed else 0.6) * front)
    lean = 0.0035 + (0.0 if closed else 0.006) * front
    fall = stand + 0.012 + (spec.point - 0.02) * front**1.6
    tube = _free((-0.006, 0.0014), (0.5 * stand, 0.002 + 0.5 * lean), (stand, 0.0024 + lean))
    roll = _free((stand + 0.003, 0.005 + lean), (stand - 0.002, 0.0085 + lean))
    out = [(stand - 0.4 * fall, 0.0095 + 0.6 * lean, 0.0055), (stand - 0.8 * fall, 0.0, 0.0068)]
    out += [(stand - fall, 0.0, 0.0052), (stand - fall, 0.0, 0.0025), (stand - 0.6 * fall, 0.0, 0.0035)]
    return turn, base, tube + roll + out + _free((0.3 * stand, 0.006 + 0.5 * lean), (-0.006, 0.005))


def _stand(spec: GarmentSpec, cut: Cut) -> Shape:
    """A collar that stands, and leans away from the neck."""
    lift, h, t = cut.height(cut.turn, cut.neck), spec.collar, 0.003
    inner = _free(
        (-0.006, lift - 0.002), (0.4 * h, lift + 0.002), (h, lift + 0.006), (h + 0.0015, lift + 0.006 + t / 2)
    )
    return cut.turn, cut.neck, inner + _free((h, lift + 0.006 + t), (0.4 * h, lift + 0.003 + t), (-0.006, lift + 0.002))


def _hood(spec: GarmentSpec, cut: Cut) -> Shape:
    """A hood that lies on the back."""
    near = np.minimum(cut.turn, 2 * np.pi - cut.turn) / np.pi  # 0 in front, 1 behind
    lift, full = cut.height(cut.turn, cut.neck), 0.22 + 0.78 * ramp((near - 0.15) / 0.7)
    wave = 1 + 0.12 * np.sin(6 * cut.turn + 5 * spec.spread) * full
    h, out = spec.collar * (0.75 + 0.25 * full), (0.035 + 0.025 * spec.spread) * full * wave
    hang = (0.02 + 0.06 * full) * wave
    inner = _free((-0.008, lift - 0.002), (0.5 * h, lift + 0.003), (0.95 * h, lift + 0.004 + 0.2 * out))
    top = _free((h + 0.004 * full, lift + 0.006 + 0.5 * out), (0.8 * h, lift + 0.006 + 0.9 * out))
    back = _free((0.2 * h, lift + 0.006 + out), (-0.6 * hang, lift + 0.006 + 0.9 * out))
    under = _free((-hang, lift + 0.004 + 0.5 * out), (-0.95 * hang, lift + 0.001), (-0.4 * hang, lift - 0.001))
    return cut.turn, cut.neck, inner + top + back + under


NOTCH = 0.30  # of the opening's depth, where a lapel meets the collar


def _lapels(spec: GarmentSpec, cut: Cut) -> Shape:
    """A collar that falls over its stand behind, and goes on along both edges of the opening as lapels."""
    near = np.minimum(cut.turn, 2 * np.pi - cut.turn)
    drop = np.clip((cut.neck - cut.neck.min()) / max(float(np.ptp(cut.neck)), 1e-6), 0, 1)  # 1 at the button
    stand = spec.collar * ramp((near - 0.9) / 0.7)
    lapel = spec.point * np.clip((1 - drop) / (1 - NOTCH), 0, 1) ** 0.8
    width = np.where(drop > NOTCH, lapel, 0.045 + 0.03 * np.clip(drop / NOTCH, 0, 1) * spec.spread)
    width = np.maximum(width * (1 - 0.5 * np.exp(-(((drop - NOTCH) / 0.035) ** 2))), 0.004)
    lies, fall = cut.height(cut.turn, cut.neck + 0.01), width + stand
    tube = _free((-0.004, lies - 0.003), (0.5 * stand, lies), (stand, lies + 0.003), (stand + 0.003, lies + 0.006))
    out = [(stand - 0.003, lies + 0.010, 0.010), (stand - 0.45 * fall, 0.0, 0.0085), (stand - 0.9 * fall, 0.0, 0.0075)]
    out += [(stand - fall, 0.0, 0.006), (stand - fall, 0.0, 0.0025), (stand - 0.5 * fall, 0.0, 0.003)]
    return cut.turn, cut.neck, tube + out + _free((-0.006, lies - 0.001))


SHAPES = {
    **dict.fromkeys(("crew_neck", "v_neck", "scoop", "tank", "henley", "cardigan"), _band),
    **dict.fromkeys(("shirt", "polo"), _leaf),
    "turtleneck": _turtleneck,
    "hoodie": _hood,
    "jacket": lambda spec, cut: (_leaf if spec.cloth.cloth in ("denim", "leather") else _stand)(spec, cut),
    "blazer": _lapels,
}
