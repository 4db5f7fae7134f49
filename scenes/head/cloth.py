"""Cloth as a tile that repeats: its colours and its relief, as functions of what was drawn. numpy.

Places on a tile are in [0, 1), u [1, SIZE] from left to right and v [SIZE, 1] from below; all that is drawn on it goes
on over its edges.
"""

import numpy as np

from scenes.head.attire import ClothSpec
from scenes.head.noise import hashed, smoothstep

SIZE = 256  # px
BLOSSOM = 0.14  # of a tile: no blossom of a print reaches further from its middle
STITCH = {"jersey": 0.0016, "knit": 0.0052, "woven": 0.0011, "denim": 0.0016}  # m, about
# Roughness, sheen, specular, coat, and strength of the relief, see cloth_material.
FINISH = {
    "jersey": (0.92, 0.25, 0.3, 0.0, 0.15),
    "knit": (0.95, 0.4, 0.25, 0.0, 0.5),
    "woven": (0.82, 0.12, 0.35, 0.0, 0.2),
    "denim": (0.88, 0.12, 0.3, 0.0, 0.35),
    "leather": (0.42, 0.0, 0.5, 0.15, 0.4),
    "satin": (0.42, 0.1, 0.45, 0.0, 0.08),
    "fleece": (1.0, 0.5, 0.15, 0.0, 0.3),
}


def tile(spec: ClothSpec) -> np.ndarray:
    """Float32 [SIZE, SIZE, 4], rows from below: linear reflectance, and the relief in [0, 1]."""
    u = (np.arange(SIZE) + 0.5)[None] / SIZE
    v = u.T
    relief, shade = _RELIEF[spec.cloth](spec, u, v)
    share, which = _PATTERNS[spec.pattern](spec, u, v)
    out = np.empty((SIZE, SIZE, 4), np.float32)
    for channel, colors in enumerate(np.array(spec.colors).T):
        over = colors[1] if which is None else colors[which]
        color = colors[0] + share * (over - colors[0])
        white = 0.35 - 0.4 * color if spec.cloth == "denim" else color
        out[..., channel] = np.clip(color + shade * white, 0.004, 0.9)
    out[..., 3] = np.clip(relief, 0, 1)
    return out


def count(spec: ClothSpec) -> int:
    """How many stitches or threads there are on a tile, from side to side."""
    return max(round(spec.repeat / STITCH[spec.cloth]), 4)


def noise(u: np.ndarray, v: np.ndarray, cells: tuple[int, int], seed: int) -> np.ndarray:
    """Float [SIZE, SIZE] in [0, 1]: smooth between values drawn for cells across and along, which repeat."""
    drawn = hashed(seed, *np.meshgrid(np.arange(cells[0]), np.arange(cells[1])))
    x, y = u[0] * cells[0], v[:, 0] * cells[1]
    i, j = np.floor(x).astype(int), np.floor(y).astype(int)
    a, b = (w * w * (3 - 2 * w) for w in (x - i, y - j))
    row = drawn[:, i % cells[0]] * (1 - a) + drawn[:, (i + 1) % cells[0]] * a
    return row[j % cells[1]] * (1 - b)[:, None] + row[(j + 1) % cells[1]] * b[:, None]


def _jersey(spec: ClothSpec, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = count(spec)
    wales = 0.5 + 0.5 * np.cos(2 * np.pi * n * u)
    grain = noise(u, v, (n, n), spec.seed)
    return 0.5 * wales + 0.5 * grain, 0.10 * (grain - 0.5) - 0.06 * (1 - wales)


def _knit(spec: ClothSpec, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns of stitches, each two strands that lean to one another; every third form has ribs."""
    n = count(spec)
    x = (u * n) % 1 - 0.5
    turn = v * round(1.25 * n) - 0.9 * np.abs(x)
    strand = np.clip(1 - np.abs(np.abs(x) - 0.25) / 0.25, 0, 1) ** 0.6 * (0.35 + 0.65 * np.abs(np.cos(np.pi * turn)))
    ribs = 0.5 + 0.5 * np.cos(2 * np.pi * u * max(n // 4, 1)) if spec.form < 0.35 else 1.0
    wool = noise(u, v, (2 * n, 2 * n), spec.seed)
    return strand * (0.35 + 0.65 * ribs), 0.45 * (strand - 0.6) * (0.6 + 0.4 * ribs) + 0.2 * (wool - 0.5)


def _woven(spec: ClothSpec, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = min(count(spec), SIZE // 2)
    threads = noise(u, v, (n, 6), spec.seed) + noise(u, v, (6, n), spec.seed + 1)
    return 0.5 * threads, 0.09 * (threads - 1)


def _denim(spec: ClothSpec, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A twill of dyed and white threads, worn unevenly."""
    n = min(count(spec), SIZE // 4)
    twill = 0.5 + 0.5 * np.cos(2 * np.pi * n * (u + v))
    slub = noise(u, v, (SIZE // 2, 24), spec.seed)
    worn = noise(u, v, (5, 5), spec.seed + 1) * 0.6 + noise(u, v, (11, 11), spec.seed + 2) * 0.4
    shade = 0.2 * (1 - twill) + 0.12 * (worn - 0.5) + 0.1 * (slub - 0.5)
    return 0.6 * twill + 0.4 * slub, np.clip(shade, 0, 1)


def _leather(spec: ClothSpec, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grain: thin creases where noise crosses its mean, at two sizes."""
    n = max(round(spec.repeat / 0.004), 6)
    crease = lambda k, s: np.clip(np.abs(noise(u, v, (k, k), spec.seed + s) - 0.5) * 7, 0, 1)
    relief = 0.6 * crease(n, 0) * crease(n + 5, 3) + 0.4 * crease(2 * n, 1)
    return relief, 0.25 * (noise(u, v, (4, 4), spec.seed + 2) - 0.5) - 0.15 * (1 - relief)


def _satin(spec: ClothSpec, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    streak = noise(u, v, (SIZE // 2, 3), spec.seed)
    return streak, 0.04 * (streak - 0.5)


def _fleece(spec: ClothSpec, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = max(round(spec.repeat / 0.003), 6)
    fluff = 0.6 * noise(u, v, (n, n), spec.seed) + 0.4 * noise(u, v, (3 * n, 3 * n), spec.seed + 1)
    return fluff, 0.12 * (fluff - 0.5)


_RELIEF = {"jersey": _jersey, "knit": _knit, "woven": _woven, "denim": _denim, "leather": _leather}
_RELIEF |= {"satin": _satin, "fleece": _fleece}

Drawn = tuple[np.ndarray, np.ndarray | None]  # share of another colour [...], and which of the three; None: the second


def _plain(spec: ClothSpec, u: np.ndarray, v: np.ndarray) -> Drawn:
    return 0 * u, None


def _stripes(spec: ClothSpec, u: np.ndarray, v: np.ndarray) -> Drawn:
    """Even, thin, in pairs, or of three colours."""
    along = v if spec.across else u
    many = max(round(spec.repeat / (0.012 + 0.03 * spec.form)), 1)
    t, form = (along * many) % 1, int(4 * (7.3 * spec.form % 1))
    edge = lambda low, high: smoothstep(low - 0.02, low + 0.02, t) * (1 - smoothstep(high - 0.02, high + 0.02, t))
    if form == 0:
        return edge(0.25, 0.75), None
    if form == 1:
        return edge(0.44, 0.56), None
    if form == 2:
        return edge(0.2, 0.3) + edge(0.45, 0.85), np.where(t < 0.38, 2, 1)
    return edge(0.3, 0.55), None


def _checks(spec: ClothSpec, u: np.ndarray, v: np.ndarray) -> Drawn:
    """Gingham, tartan, or a window pane."""
    many = max(round(spec.repeat / (0.015 + 0.04 * spec.form)), 1)
    x, y, form = (u * many) % 1, (v * many) % 1, int(3 * (5.7 * spec.form % 1))
    band = lambda t, low, high: smoothstep(low - 0.02, low + 0.02, t) * (1 - smoothstep(high - 0.02, high + 0.02, t))
    if form == 0:
        return 0.5 * (band(x, 0.25, 0.75) + band(y, 0.25, 0.75)), None
    if form == 1:
        wide, thin = (
            0.5 * (band(x, 0.1, 0.5) + band(y, 0.1, 0.5)),
            0.8 * np.maximum(band(x, 0.7, 0.76), band(y, 0.7, 0.76)),
        )
        return np.maximum(wide, thin), np.where(thin > wide, 2, 1)
    return 0.8 * np.maximum(band(x, 0.46, 0.54), band(y, 0.46, 0.54)), None


def _dots(spec: ClothSpec, u: np.ndarray, v: np.ndarray) -> Drawn:
    """Staggered."""
    many = 2 * max(round(spec.repeat / (0.02 + 0.03 * spec.form)), 1)
    row = np.floor(v * many)
    x, y = (u * many + 0.5 * (row % 2)) % 1 - 0.5, (v * many) % 1 - 0.5
    return 1 - smoothstep(-0.03, 0.03, np.hypot(x, y) - (0.16 + 0.16 * (3.1 * spec.form % 1))), None


def _print(spec: ClothSpec, u: np.ndarray, v: np.ndarray) -> Drawn:
    """Blossoms, leaves or blots, strewn."""
    share, which = np.zeros((SIZE, SIZE)), np.ones((SIZE, SIZE), int)
    lobes = (5, 2, 1)[int(3 * (4.3 * spec.form % 1))]
    number = np.arange(8 + int(10 * spec.form))
    x0, y0, turn, size, color = (hashed(spec.seed + k, number) for k in range(5))
    for k in number:
        x, y = ((u - x0[k] + 0.5) % 1) - 0.5, ((v - y0[k] + 0.5) % 1) - 0.5
        near = np.ix_(np.abs(y[:, 0]) < BLOSSOM, np.abs(x[0]) < BLOSSOM)
        x, y = x[:, near[1][0]], y[near[0][:, 0]]
        radius, angle = np.hypot(x, y), np.arctan2(y, x) + 2 * np.pi * turn[k]
        edge = (0.06 + 0.06 * size[k]) * (0.7 + 0.3 * np.cos(lobes * angle) + 0.1 * np.cos(3 * angle))
        inside = 1 - smoothstep(-0.006, 0.006, radius - edge)
        heart = 1 - smoothstep(-0.006, 0.006, radius - 0.018)
        own = np.where(inside > 0.5, 1 + int(color[k] < 0.4), which[near])
        which[near] = np.where((heart > 0.5) & (lobes == 5), 2 - int(color[k] < 0.4), own)
        share[near] = np.maximum(share[near], inside)
    return share, which


def _heather(spec: ClothSpec, u: np.ndarray, v: np.ndarray) -> Drawn:
    """Fibres of two colours, spun together."""
    fibres = (
        noise(u, v, (SIZE // 2, SIZE // 8), spec.seed + 5) * 0.6
        + noise(u, v, (SIZE // 4, SIZE // 4), spec.seed + 6) * 0.4
    )
    return (0.1 + 0.3 * spec.form) * smoothstep(0.35, 0.75, fibres), None


_PATTERNS = {"plain": _plain, "stripes": _stripes, "checks": _checks, "dots": _dots, "print": _print}
_PATTERNS |= {"heather": _heather}
