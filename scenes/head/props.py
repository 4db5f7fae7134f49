"""Things that are held before a face, as solids in a frame of their own: +y up, the side that is shown along -z.

Points follow from drawn dimensions, triangles from the kind alone; each is symmetric under x -> -x. Second colours are
those of the solid's second part. numpy, m.
"""

from functools import lru_cache

import numpy as np

from scenes.head.solids import Solid, grid_triangles, joined, tube

SIDES = 28


def prop(kind: str, size: tuple[float, float, float], bend: float) -> Solid:
    """A thing of `PROPS`: size is width, height and depth (m), bend its own parameter in [0, 1]."""
    return joined(_PROPS[kind](*size, bend))


@lru_cache(maxsize=8)
def second(kind: str) -> np.ndarray:
    """Float32 [V]: which of a thing's points have its second colour."""
    solids = _PROPS[kind](0.1, 0.1, 0.1, 0.5)
    return np.concatenate([np.full(len(points), float(k > 0), np.float32) for k, (points, _) in enumerate(solids)])


def _axis(height: np.ndarray) -> np.ndarray:
    """Points [n, 3] on the upright axis."""
    return np.stack([0 * height, height, 0 * height], axis=-1)


def _lathe(profile: np.ndarray, power: float = 2.0, flat: float = 1.0) -> Solid:
    """Rings of radius profile[:, 0] at heights profile[:, 1], rising; flat: their depth over their width."""
    across = np.tile([1.0, 0.0, 0.0], (len(profile), 1))
    return tube(_axis(profile[:, 1]), across, profile[:, 0], flat * profile[:, 0], SIDES, power=power)


def _phone(width: float, height: float, depth: float, bend: float) -> list[Solid]:
    """A slab with round corners, and its glass. bend: how round they are."""
    corner = (0.06 + 0.14 * bend) * width
    t = np.linspace(0, np.pi / 2, 6)
    rise = corner * (1 - np.cos(t))
    inset = corner * (1 - np.sin(t))
    half = np.concatenate([width / 2 - inset, (width / 2 - inset)[::-1]])
    place = np.concatenate([-height / 2 + rise, (height / 2 - rise)[::-1]])
    thin = np.full(len(half), depth / 2)
    thin[[0, -1]] *= 0.6
    across = np.tile([1.0, 0.0, 0.0], (len(half), 1))
    body = tube(_axis(place), across, half, thin, SIDES, power=8.0)
    points, triangles = tube(_axis(0.94 * place), across, 0.93 * half, 0 * half + 0.0006, SIDES, power=8.0)
    glass = points + np.array([0, 0, depth / 2])
    camera = _lathe(np.array([[0.0045, 0.0], [0.0045, 0.0012]]))[0] @ np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0.0]])
    spots = [camera + np.array([0, height / 2 - 0.013 - 0.013 * k, -depth / 2]) for k in range(3)]
    lens = [(spot, _lathe(np.array([[1.0, 0.0], [1.0, 1.0]]))[1]) for spot in spots]
    return [body, joined([(glass, triangles), *lens])]


def _cup(width: float, height: float, depth: float, bend: float) -> list[Solid]:
    """A mug, or above bend 0.5 a beaker: narrower below, and no handle. depth: thickness of its wall."""
    beaker = bend > 0.5
    foot = 0.5 * width * (1 - 0.5 * (bend - 0.5) if beaker else 1.0)
    rim = 0.5 * width
    t = np.linspace(0, 1, 7)
    outside = np.stack([foot + (rim - foot) * t, height * (t - 0.5)], axis=-1)
    outside[0, 0] *= 0.96
    inside = outside[::-1] - [[depth, 0.0]] + [[0.0, 0.0]] * 7
    inside[-1, 1] += depth
    profile = np.concatenate([outside, inside])
    angle = 2 * np.pi * np.arange(SIDES) / SIDES
    circle = np.stack([np.cos(angle), 0 * angle, -np.sin(angle)], axis=-1)
    points = profile[:, :1, None] * circle + np.array([0.0, 1.0, 0.0]) * profile[:, 1, None, None]
    ends = np.array([[0.0, outside[0, 1], 0.0], [0.0, inside[-1, 1], 0.0]])
    grid, count, k = grid_triangles(len(profile), SIDES), len(profile) * SIDES, np.arange(SIDES)
    after, last = (k + 1) % SIDES, count - SIDES
    caps = [
        np.stack([np.full(SIDES, count), after, k], -1),
        np.stack([np.full(SIDES, count + 1), last + k, last + after], -1),
    ]
    wall = (np.concatenate([points.reshape(-1, 3), ends]), np.concatenate([grid, *caps]).astype(np.int32))
    around = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 11)
    reach = 0.0 if beaker else 0.34 * height
    path = np.stack(
        [0 * around, 0.34 * height * np.sin(around), 0.5 * (foot + rim) - 0.6 * depth + reach * np.cos(around)], -1
    )
    thick = 0.0003 if beaker else 0.005
    handle = tube(path, np.tile([1.0, 0.0, 0.0], (11, 1)), thick, 0.8 * thick, 8)
    return [wall, handle]


def _microphone(width: float, height: float, depth: float, bend: float) -> list[Solid]:
    """A handle, and above it the head, `width` wide. depth: of the handle's lower end; bend: how round the head is."""
    t = np.linspace(0, 1, 8)
    top = height / 2 - 0.75 * width
    grip = np.stack(
        [0.5 * depth * (1 + (0.75 * width / depth - 0.5) * t**3), -height / 2 + (top + height / 2) * t], axis=-1
    )
    s = np.linspace(-0.42 * np.pi, 0.49 * np.pi, 14)
    head = np.stack(
        [0.5 * width * np.cos(s) ** (1 - 0.4 * bend), top + 0.42 * width + 0.5 * width * np.sin(s)], axis=-1
    )
    return [_lathe(grip), _lathe(head)]


def _paper(width: float, height: float, depth: float, bend: float) -> list[Solid]:
    """A sheet that hangs over backwards."""
    rows, columns = 18, 14
    y, x = np.meshgrid(np.linspace(-0.5, 0.5, rows) * height, np.linspace(-0.5, 0.5, columns) * width, indexing="ij")
    curl = 0.5 * bend * height
    z = curl * ((y / height + 0.5) ** 2) + 0.25 * curl * (2 * x / width) ** 2
    front = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    sheet, below = grid_triangles(rows, columns, closed_columns=False), rows * columns
    index = np.arange(rows * columns).reshape(rows, columns)
    border = np.concatenate([index[0, :-1], index[:-1, -1], index[-1, :0:-1], index[:0:-1, 0]])
    after = np.roll(border, -1)
    edge = [np.stack([border, after, border + below], -1), np.stack([after, after + below, border + below], -1)]
    triangles = np.concatenate([sheet[:, ::-1], sheet + below, *edge]).astype(np.int32)
    return [(np.concatenate([front, front + np.array([0, 0, depth])]), triangles)]


def _ball(width: float, height: float, depth: float, bend: float) -> list[Solid]:
    """A ball, or something longer. bend: how much it narrows above."""
    s = np.linspace(-0.48 * np.pi, 0.48 * np.pi, 18)
    profile = np.stack([0.5 * width * np.cos(s) * (1 - 0.25 * bend * np.sin(s)), 0.5 * height * np.sin(s)], axis=-1)
    return [_lathe(profile)]


_PROPS = {
    "phone": _phone,
    "cup": _cup,
    "microphone": _microphone,
    "paper": _paper,
    "ball": _ball,
}
PROPS = tuple(_PROPS)
