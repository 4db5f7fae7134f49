"""How a garment is cut on the chart of a torso: where its neckline and its hem run, and how high the cloth lies."""

from dataclasses import dataclass

import numpy as np

from scenes.head.attire import CLOSED, OPEN, GarmentSpec
from scenes.head.torso import AROUND, Ground, look_up, turns

COLUMNS = AROUND + 1  # of a garment: the last one lies on the first
FRONT = 0.5  # spacing of columns in front over the mean one
CLEAR = 0.0028  # m between skin and cloth, at least
OVER = 0.0032  # m between one garment and the next
TAUT = 30  # steps towards the taut surface
GOLDEN = 0.6180339887498949


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A garment's outline on a ground, and how high it lies."""

    ground: Ground
    heights: np.ndarray  # float64 [S, K] m over the chart
    turn: np.ndarray  # float64 [C] rad of the columns, 0 to 2 pi
    neck: np.ndarray  # float64 [C] m along at which the cloth begins
    end: np.ndarray  # float64 [C] m along at which it ends

    def height(self, turn: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Metres of the cloth over the chart."""
        return look_up(self.heights[..., None], self.ground.torso, turn, along)[..., 0]

    def at(self, turn: np.ndarray, along: np.ndarray, over: np.ndarray | float = 0.0) -> np.ndarray:
        """Points [..., 3], `over` m over the cloth."""
        return self.ground.at(turn, along, self.height(turn, along) + over)

    def reach(self, turn: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Metres across per rad."""
        ahead = look_up(self.ground.points, self.ground.torso, turn + 0.05, along)
        behind = look_up(self.ground.points, self.ground.torso, turn - 0.05, along)
        return np.linalg.norm(ahead - behind, axis=-1) / 0.1

    def cloth(self, turn: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Metres [..., 2] across and along the cloth."""
        return look_up(self.ground.torso.cloth, self.ground.torso, turn, along)


def cut(spec: GarmentSpec, ground: Ground, below: np.ndarray | None = None) -> Cut:
    """A garment's cut, over another one whose heights [S, K] are `below`."""
    t = np.linspace(0, 1, COLUMNS)
    turn = 2 * np.pi * t - (1 - FRONT) * np.sin(2 * np.pi * t)
    neck = neckline(spec, ground, turn)
    end = hem(spec, ground, turn, neck)
    return Cut(ground=ground, heights=_heights(spec, ground, below, turn, neck), turn=turn, neck=neck, end=end)


def neckline(spec: GarmentSpec, ground: Ground, turn: np.ndarray) -> np.ndarray:
    """Metres along [C] at which the cloth begins, at these turns."""
    scale, cos = ground.torso.scale, np.cos(turn)
    front, side, back = -0.010 + spec.width, -0.010 + spec.width, -0.022 + 0.4 * spec.width
    if spec.kind in ("shirt", "polo", "henley", "turtleneck"):
        front, side, back = -0.010, -0.014, -0.024
    elif spec.kind in OPEN:
        front, side, back = -0.004, -0.004, -0.018
    out = side + (front - side) * np.maximum(cos, 0) ** 1.5 + (back - side) * np.maximum(-cos, 0) ** 1.5
    if spec.kind in ("crew_neck", "turtleneck", "scoop", "tank"):
        out = out + spec.depth * np.maximum(cos, 0) ** (1.2 if spec.kind == "crew_neck" else 0.75)
    elif spec.kind == "shirt" and spec.depth < CLOSED:
        out = out + spec.depth * np.maximum(cos, 0) ** 4
    else:
        out = _pointed(spec, ground, turn, out, front)
    return np.maximum(scale * out, ground.torso.first_at(turn) + 0.006)


HALF = {"v_neck": 0.052, "hoodie": 0.045, "cardigan": 0.056, "jacket": 0.05, "blazer": 0.058}  # m, of an opening


def _pointed(spec: GarmentSpec, ground: Ground, turn: np.ndarray, neck: np.ndarray, front: float) -> np.ndarray:
    """A neckline [C] (m of a model of size 1) that runs straight from beside the neck to a point in front."""
    scale, half = ground.torso.scale, HALF.get(spec.kind, 0.03)
    aside = np.minimum(turn, 2 * np.pi - turn)
    tip, top, out = front + spec.depth, front - 0.4 * half, neck.copy()
    for _ in range(8):
        x = np.abs(look_up(ground.points, ground.torso, turn, scale * out)[..., 0]) / scale
        line = tip - (tip - top) * x / half
        out = np.where(aside < 1.3, np.maximum(neck, 0.5 * (line + out)), neck)
    return out


def hem(spec: GarmentSpec, ground: Ground, turn: np.ndarray, neck: np.ndarray) -> np.ndarray:
    """Metres along [C] at which the cloth ends: below the picture, but where arms are bare."""
    end = np.full(len(turn), ground.torso.rows[-1])
    if spec.kind != "tank":
        return end
    aside = np.abs(np.minimum(turn, 2 * np.pi - turn) - 0.5 * np.pi)
    strap = neck + ground.torso.scale * (0.034 + 0.02 * spec.spread)
    return strap + np.clip((aside - 0.2) / 0.55, 0, 1) ** 1.8 * (end - strap)


def _heights(
    spec: GarmentSpec, ground: Ground, below: np.ndarray | None, turn: np.ndarray, neck: np.ndarray
) -> np.ndarray:
    """Metres [S, K] of the cloth over the chart, with what is worn below [S, K]."""
    rows = ground.torso.rows / ground.torso.scale
    over = ground.torso.rows[:, None] - np.interp(turns(), turn, neck)
    least = CLEAR + ground.lift
    if below is not None:
        least = below + OVER + 0.006 * _bump(rows, 0.01, 0.06)[:, None]  # and over its collar
    least = least + spec.loose * ramp(over / 0.10)
    if spec.kind in ("blazer", "jacket"):  # shoulders are padded
        least = least + 0.009 * _bump(np.abs(np.sin(turns())), 1, 0.3) * _bump(rows, 0.11, 0.06)[:, None]
    taut = np.minimum(_taut(ground, least), least + 0.0015 + 0.5 * spec.loose)
    return taut + _folds(spec, ground) * ramp((over - 0.012) / 0.05)


def ramp(t: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, smooth."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def _bump(t: np.ndarray, middle: float, width: float) -> np.ndarray:
    return np.exp(-(((t - middle) / width) ** 2))


def _taut(ground: Ground, least: np.ndarray) -> np.ndarray:
    """Heights [S, K] over `least` that dent less and less, as cloth under tension; above the shoulders as they are."""
    bend = np.zeros(least.shape)
    bend[1:-1] = np.einsum("skx,skx->sk", _around(ground.points) - ground.points[1:-1], ground.normals[1:-1])
    hangs = (ground.torso.rows > 0.015)[1:-1, None]
    out = least.copy()
    for _ in range(TAUT):
        out[1:-1] = np.where(hangs, np.maximum(out[1:-1], _around(out) + bend[1:-1]), out[1:-1])
    return out


def _around(values: np.ndarray) -> np.ndarray:
    """Means [S - 2, K, ...] of the four neighbours of all but the outermost rows."""
    beside = np.roll(values, 1, axis=1) + np.roll(values, -1, axis=1)
    return 0.25 * (values[2:] + values[:-2] + beside[1:-1])


def _folds(spec: GarmentSpec, ground: Ground) -> np.ndarray:
    """Metres [S, K], 0 and more: folds that hang from the shoulders, and such that run to the armpits."""
    x, rows = ground.torso.cloth[..., 0], ground.torso.rows[:, None]
    phase = 2 * np.pi * ((spec.cloth.crease + GOLDEN * np.arange(12)) % 1)
    size = 0.75 + 0.5 * ((spec.cloth.crease * 7 + GOLDEN * np.arange(12)) % 1)
    back = 3.0 * np.clip(-2 * np.cos(turns()), 0, 1)  # the back's folds are others
    side = 1.5 * np.tanh(x / 0.03)
    bent = x + 0.012 * np.sin(rows / 0.03 + phase[0] + side) + 0.008 * np.sin(rows / 0.017 + phase[1])
    hanging = _crest(bent / (0.05 * size[0]) + phase[2] + back) * ramp((rows - 0.04) / 0.12)
    finer = _crest(bent / (0.027 * size[1]) + rows / 0.11 + phase[3] - back) * ramp((rows - 0.06) / 0.1)
    slant = (rows - 0.85 * np.abs(x)) / (0.028 * size[2]) + phase[4] + side + back
    armpit = np.exp(-(((np.abs(x) - 0.13) / 0.05) ** 2) - ((rows - 0.17) / 0.07) ** 2)
    pulled = _crest(slant + np.sin(x / 0.04 + phase[5])) * armpit
    sway = 0.5 + 0.5 * np.sin(x / (0.06 * size[3]) + rows / 0.07 + phase[6] + back)
    return spec.cloth.fold * (1.1 * hanging * sway + 0.5 * finer + 1.3 * pulled)


def _crest(angle: np.ndarray) -> np.ndarray:
    """Waves in [0, 1] with narrow crests and wide valleys."""
    return (0.5 + 0.5 * np.sin(angle)) ** 2
