"""Hair that is drawn over the head to a place where it is tied: buns and ponytails."""

import numpy as np

from scenes.head.hair import SKULL_CENTER, UP, HeadField
from scenes.head.hairstyles.grow import Grown, X, at_steps, first_hairs, stepped
from scenes.head.hairstyles.spec import HairSpec
from synth.geometry import normalize

OVER = 12  # points of a strand up to the tie
BEND = 40.0  # turn of a tail towards the ground per m
REACH, HUG = 0.1, 0.25  # m from where a tail is drawn to the back, and how much in a step


def tied(spec: HairSpec, points: int, grown: Grown, field: HeadField) -> np.ndarray:
    """Strands [S, points, 3] (m, head space) to the tie, and beyond it as a tail or wound to a bun."""
    outward, tie = _tie(spec, field)
    over = _over(spec, grown, outward, tie, field)
    beyond = (_bun if spec.style == "bun" else _tail)(spec, points - OVER, grown, outward, over[:, -1], field)
    strands = np.concatenate([over, beyond], axis=1)
    loose = np.flatnonzero(first_hairs(grown))  # too short to be tied
    ends = OVER * 0.35 * (0.4 + grown.roots.numbers[loose, 3])
    strands[loose] = at_steps(strands[loose], ends[:, None] * np.linspace(0, 1, points, dtype=np.float32))
    return strands


def _tie(spec: HairSpec, field: HeadField) -> tuple[np.ndarray, np.ndarray]:
    """Unit direction [3] from the skull's centre, and the place [3], of the tie."""
    elevation = -0.35 + 1.5 * spec.tie
    outward = np.array([0.0, np.cos(elevation), np.sin(elevation)], np.float32)
    return outward, settled((SKULL_CENTER + 0.1 * outward)[None], np.array([0.006], np.float32), field)[0]


def settled(points: np.ndarray, gap: np.ndarray, field: HeadField) -> np.ndarray:
    """Points [N, 3] moved in or out to heights `gap` [N] (m) over the head."""
    height, outward = field.around(points)
    return points + (gap - height)[:, None] * outward


def _over(spec: HairSpec, grown: Grown, outward: np.ndarray, tie: np.ndarray, field: HeadField) -> np.ndarray:
    """Along great circles of the skull from the root to a disc at the tie, [S, OVER, 3]."""
    n = grown.roots.numbers
    start = normalize(grown.place - SKULL_CENTER)
    angle = np.maximum(np.arccos(np.clip(start @ outward, -1, 1)), 1e-3)[:, None]  # at the tie no way is shorter
    t = np.linspace(0, 1, OVER, dtype=np.float32)
    weight = lambda part: np.sin(part * angle) / np.maximum(np.sin(angle), 1e-3)
    ways = weight(1 - t)[..., None] * start[:, None] + weight(t)[..., None] * outward
    layer = 0.3 * n[:, 6] + 0.7 * np.clip(angle[:, 0] / 1.8, 0, 1)
    strands = [grown.place]
    for k in range(1, OVER):
        gap = 0.0014 + spec.volume * layer * np.sin(np.pi * np.minimum(t[k] + 0.15, 0.9)) + 0.004 * t[k]
        strands.append(settled(SKULL_CENTER + 0.1 * ways[:, k], gap, field))
    turn = 2 * np.pi * n[:, 1:2]
    disc = 0.009 * np.sqrt(n[:, :1]) * (np.cos(turn) * X + np.sin(turn) * np.cross(X, outward))
    strands = np.stack(strands, axis=1)
    return strands + (t**4)[:, None] * ((tie + disc) - strands[:, -1])[:, None]


def _tail(spec: HairSpec, points: int, grown: Grown, outward: np.ndarray, start: np.ndarray, field: HeadField):
    """Falls from the tie in a bundle that opens, down the head and on to the back, [S, points, 3]."""
    n = grown.roots.numbers
    steps = np.linspace(0.4, 1.6, points, dtype=np.float32) * spec.length / points  # short ones in the bend
    spread = n[:, :3] - 0.5
    heading, place, strands = normalize(outward + 0.25 * spread), start, []
    behind = np.zeros(len(n), bool)
    gap = 0.003 + 0.010 * n[:, 6]
    for length in steps:
        step = length * (0.75 + 0.25 * n[:, 3:4])
        heading = normalize(heading - (1 - np.exp(-BEND * step)) * (UP + heading) + 0.05 * spread)
        heading = normalize(heading - _clear(place, gap, field))
        place, heading, _ = stepped(field, place, heading, step, gap, behind)
        strands.append(place)
    return np.stack(strands, axis=1)


def _clear(place: np.ndarray, gap: np.ndarray, field: HeadField) -> np.ndarray:
    """Away from the head or the back, [S, 3]: as much as hair at a place [S, 3] hangs clear of them by more than a gap
    [S] (m), 0 where it lies on them; its weight takes it back there.
    """
    height, away = field.around(place)
    low = np.flatnonzero(place[:, 2] < SKULL_CENTER[2] - 0.07)
    on, short, leaving = field.shoulders.pressed(place[low], REACH)
    nearer = REACH - short < height[low[on]]
    low = low[on][nearer]
    height[low], away[low] = REACH - short[nearer], normalize(leaving[nearer])
    return (HUG * np.clip((height - gap) / 0.02, 0, 1))[:, None] * away


def _bun(spec: HairSpec, points: int, grown: Grown, outward: np.ndarray, start: np.ndarray, field: HeadField):
    """Wound around the tie to a flattened ball of the spec's width, [S, points, 3]."""
    n = grown.roots.numbers
    size = 0.5 * spec.length
    center = start.mean(axis=0) + 0.34 * size * outward  # it touches the head
    aside, third = X, np.cross(outward, X)
    t = np.linspace(0, 1, points + 1, dtype=np.float32)[1:]
    turn = 2 * np.pi * (n[:, 1:2] + (0.8 + 0.5 * n[:, 3:4]) * t)
    coil = 2 * np.pi * (n[:, 4:5] + 0.5 * t)  # around the ring
    thick = 0.42 * size * (0.55 + 0.45 * np.sqrt(n[:, 0:1]))
    ring = 0.56 * size + thick * np.cos(coil)
    high = 0.9 * thick * np.sin(coil)
    ball = center + (ring * np.cos(turn))[..., None] * aside + (ring * np.sin(turn))[..., None] * third
    ball = ball + high[..., None] * outward
    ease = np.minimum(3.0 * t, 1)[:, None]
    strands = start[:, None] * (1 - ease) + ball * ease
    flat = field.push_out(strands.reshape(-1, 3), np.full(strands.shape[0] * points, 0.003, np.float32)).points
    return flat.reshape(strands.shape)
