"""Teeth and gums. Each jaw is one ribbon of quads: from the gum's outside over the crowns to its inside, and along the
arch, with a column of vertices on every contact of two teeth.

MakeHuman's own teeth are a band of 16 quads by 3 without gaps; teeth.py puts a ribbon in its place.
"""

from dataclasses import dataclass

import numpy as np

from synth.geometry import normalize

OVERBITE = 2.0  # mm: the lower incisors end so far above the edge of the upper ones (Proffit)


@dataclass(frozen=True, slots=True)
class Tooth:
    """mm. Widths, thicknesses and crowns are the averages of Wheeler's Dental Anatomy, table 1-1."""

    width: float  # along the arch
    thickness: float  # from the lip's side to the tongue's
    crown: float  # from the edge to its end, in the middle
    edge: float  # breadth of the edge or of what chews
    point: float  # how much higher the edge ends at the contacts than in the middle
    yellow: float  # 0 an incisor's colour, 1 a canine's
    shade: float  # times an incisor's brightness


TEETH: dict[str, tuple[Tooth, ...]] = {  # from the middle to the second molar
    "upper": (
        Tooth(8.5, 7.0, 10.5, 1.1, 0.5, 0.0, 1.0),
        Tooth(6.5, 6.0, 9.0, 1.0, 0.8, 0.15, 0.97),
        Tooth(7.5, 8.0, 10.0, 1.4, 2.0, 1.0, 1.0),
        Tooth(7.0, 9.0, 8.5, 5.0, 1.6, 0.6, 0.97),
        Tooth(7.0, 9.0, 8.5, 5.2, 1.4, 0.6, 0.96),
        Tooth(10.0, 11.0, 7.5, 6.5, 1.1, 0.6, 0.94),
        Tooth(9.0, 11.0, 7.0, 6.5, 1.0, 0.6, 0.94),
    ),
    "lower": (
        Tooth(5.0, 6.0, 9.0, 1.0, 0.25, 0.0, 1.0),
        Tooth(5.5, 6.5, 9.5, 1.0, 0.35, 0.05, 1.0),
        Tooth(7.0, 7.5, 11.0, 1.4, 1.8, 0.8, 1.0),
        Tooth(7.0, 7.5, 8.5, 4.0, 1.5, 0.6, 0.97),
        Tooth(7.0, 8.0, 8.0, 4.6, 1.2, 0.6, 0.96),
        Tooth(11.0, 10.5, 7.5, 6.5, 1.0, 0.6, 0.94),
        Tooth(10.5, 10.0, 7.0, 6.5, 0.9, 0.6, 0.94),
    ),
}
COVERED = 0.7  # mm of a crown that lie under healthy gum
# Columns of a tooth, over its half width, of front teeth and of those behind; the last is the next one's first.
FRONT, BEHIND = np.array([-1, -0.88, -0.45, 0, 0.45, 0.88]), np.array([-1, -0.8, 0, 0.8])
CHEWS = 3.0  # mm: with a broader edge a tooth is one of those behind
# mm: the arch of the faces of a half jaw, from the middle of the incisors aside and back.
# fmt: off
ARCH = {
    "upper": [
        (0, 0), (4.3, 0.3), (8.5, 1.7), (13, 4.2), (17, 7.8), (20.5, 12.6), (24, 19.4), (28, 29.5), (30, 39), (30.5, 44)
    ],
    "lower": [
        (0, 0), (2.6, 0.1), (5.4, 0.8), (9.5, 2.9), (13, 6.2), (17, 12), (21, 19), (25.5, 30), (28, 40), (28.5, 45)
    ],
}
# fmt: on
STEPS, SMOOTHED = 401, 60  # points of the arch, and times that neighbours are averaged
FACE = -1.4  # mm: the face of the incisors before the middle of their edge
SLOPE = 0.17  # of the plane where teeth meet, up towards the back: 10 degrees
PAPILLA = 0.38  # share of the crown that the gum covers more between two teeth than in their middle
TILT = 0.14  # that crowns lean outward, from the gum to the edge: 8 degrees
GROOVE = 1.5  # mm that the contact lies behind the face of a tooth
ROWS = 15
TOOTH_ROWS = slice(4, 13)
GUM = (4.5, 4.5)  # mm: it goes on so far above the crown, and there lies so far behind the face: skin is near
# Linear RGB of L* 80, b* 14, and over it a canine's. Of 640 people of 20 years lower incisors have L* 80.5, b* 15.1 and
# upper canines L* 73.6, b* 21.3 (Turgut et al., Color relationships of natural anterior teeth, Niger J Clin Pract). A
# tenth brighter than that, for the light that enters enamel from the sides and is not simulated. Gums: L* 54, a* 26.
ENAMEL = 1.1 * np.array([0.639, 0.561, 0.415])
CANINE = np.array([0.87, 0.81, 0.69])
GINGIVA = np.array([0.45, 0.165, 0.15])
FORNIX = np.array([0.40, 0.11, 0.105])  # where it turns into the lips' inside
CONTACT = 0.42  # times the colour, between two teeth


@dataclass(frozen=True, slots=True, kw_only=True)
class Ribbon:
    """A jaw's: N = ROWS * C vertices, row by row, C of them from the subject's right to the left."""

    points: np.ndarray  # float64 [N, 3] m, head space
    faces: np.ndarray  # int32 [F, 4]
    uv: np.ndarray  # float64 [N, 2] in [0, 1]
    color: np.ndarray  # float64 [N, 3] diffuse reflectance
    enamel: np.ndarray  # float64 [N] 1 on teeth, 0 on gums


def ribbon(jaw: str, incisor: np.ndarray) -> Ribbon:
    """The teeth and gums of a jaw whose edge in the middle is at a place [3] (m)."""
    up = 1.0 if jaw == "upper" else -1.0
    where, profile, color, enamel = _profiles(TEETH[jaw])  # [C], [ROWS, C, 2], [ROWS, C, 3], [ROWS, C]
    at, outward = _along(jaw, where)
    flat = profile[..., :1] * outward * [1, 1, 0]
    points = incisor + 1e-3 * (at + flat + up * profile[..., 1:] * [0, 0, 1])
    count = len(where)
    u = (where - where[0]) / np.ptp(where)
    v = np.linspace(0.5 + up / 2, 0.5 - up / 2, ROWS)
    a = np.arange(ROWS * count).reshape(ROWS, count)
    quads = np.stack([a[1:, :-1], a[1:, 1:], a[:-1, 1:], a[:-1, :-1]], axis=-1).reshape(-1, 4)
    return Ribbon(
        points=points.reshape(-1, 3),
        faces=(quads if up > 0 else quads[:, ::-1]).astype(np.int32),
        uv=np.stack(np.broadcast_arrays(u, v[:, None]), axis=-1).reshape(-1, 2),
        color=color.reshape(-1, 3),
        enamel=enamel.ravel(),
    )


def turned(jaw: str, local: np.ndarray) -> np.ndarray:
    """Vectors [..., ROWS, C, 3] along the arch to the subject's left, outward and up, at a ribbon's vertices, in head
    space."""
    where = _profiles(TEETH[jaw])[0]
    outward = _along(jaw, where)[1]
    along = np.stack([-outward[:, 1], outward[:, 0], 0 * where], axis=-1)
    up = np.array([0.0, 0.0, 1.0])
    return local[..., :1] * along + local[..., 1:2] * outward + local[..., 2:] * up


def profile_of(tooth: Tooth, u: np.ndarray) -> np.ndarray:
    """[ROWS, n, 2] (mm outward of the arch, and from the edge towards the root) at u [n] of a tooth's half width."""
    return _profile(tooth, u)[0]


def _along(jaw: str, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points [C, 3] (mm, from the middle's edge) at lengths (mm) of the arch of faces, and unit normals [C, 3]."""
    half = np.array(ARCH[jaw], np.float64)
    line = np.concatenate([half[:0:-1] * [-1, 1], half])
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    fine = np.linspace(0, length[-1], STEPS)
    curve = np.stack([np.interp(fine, length, column) for column in line.T], axis=-1)
    for _ in range(SMOOTHED):
        curve[1:-1] = (curve[:-2] + 2 * curve[1:-1] + curve[2:]) / 4
    curve[:, 1] += FACE - curve[STEPS // 2, 1]
    tangent = np.gradient(curve, axis=0)
    outward = normalize(np.stack([tangent[:, 1], -tangent[:, 0], 0 * fine], axis=-1))
    rise = SLOPE * (curve[:, 1] - FACE)
    if jaw == "lower":
        rise += OVERBITE * (np.exp(-(((curve[:, 1] - FACE) / 8.0) ** 2)) - 1)
    place = np.concatenate([curve, rise[:, None]], axis=1)
    pick = lambda values: np.stack([np.interp(where, fine - fine[STEPS // 2], column) for column in values.T], axis=-1)
    return pick(place), normalize(pick(outward))


def _profiles(half: tuple[Tooth, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Columns of a jaw: places along the arch [C] (mm), profiles [ROWS, C, 2] (mm outward of the arch and from the
    edge towards the root), colours and enamel. A contact is the mean of its two teeth.
    """
    teeth = [*half[::-1], *half]
    bounds = np.concatenate([[0], np.cumsum([tooth.width for tooth in teeth])])
    bounds -= bounds[-1] / 2
    columns = [BEHIND if tooth.edge > CHEWS else FRONT for tooth in teeth]
    found = [_profile(tooth, np.append(u, 1.0)) for tooth, u in zip(teeth, columns, strict=True)]
    where = np.concatenate([a + t.width * (1 + u) / 2 for a, t, u in zip(bounds[:-1], teeth, columns, strict=True)])
    profile, color, enamel = (joined([each[k] for each in found]) for k in range(3))
    return np.append(where, bounds[-1]), profile, color, enamel


def joined(parts: list[np.ndarray]) -> np.ndarray:
    """Parts [ROWS, n + 1, ...] one after the other, the last column of each and the first of the next as their mean."""
    out = [part[:, :-1].copy() for part in parts] + [parts[-1][:, -1:]]
    for before, part in zip(parts, out[1:], strict=False):
        part[:, 0] = (part[:, 0] + before[:, -1]) / 2
    return np.concatenate(out, axis=1)


def _profile(tooth: Tooth, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Profile [ROWS, n, 2], colour [ROWS, n, 3] and enamel [ROWS, n] of a tooth at u [n] of its half width."""
    side = np.abs(u)
    back, low = GROOVE * side**6, tooth.point * side**1.5
    tall = tooth.crown - COVERED
    crown = tall * (1 - PAPILLA * side**2)  # from the edge to the gum
    lip = 0.2 * tooth.thickness if tooth.edge > CHEWS else 0.9  # from the face back to the edge
    valley = 1.1 * (tooth.edge > CHEWS) * (1 - 0.3 * side)
    inside, deep = lip + tooth.edge, tooth.thickness
    rows = [  # outward, and up from the edge, from the gum on the lips' side to the gum on the tongue's
        (-GUM[1], tall + GUM[0]),
        (-1.6 - 0.4 * back, tall + 2.5),
        (-0.15 - 0.75 * back, crown + 0.45),
        (-0.55 - 0.8 * back, crown + 0.02),
        (-0.75 - back, crown - 0.12),
        (-0.25 - back, 0.78 * crown + 0.22 * low),
        (-back, 0.45 * crown + 0.55 * low),
        (-0.28 * lip - back, 0.12 * crown + 0.88 * low),
        (-lip - 0.6 * back, low + 0.1),
        (-lip - 0.5 * tooth.edge, low + valley),
        (-inside + 0.6 * back, low + 0.1),
        (-inside - 0.35 * (deep - inside) + back, 0.3 * tall),
        (-deep + back, 0.85 * crown),
        (-deep - 0.3 + 0.5 * back, crown + 0.4),
        (-deep - 2.0, tall + 5.0),
    ]
    profile = np.stack([np.stack(np.broadcast_arrays(o, h, side)[:2], axis=-1) for o, h in rows])
    profile[..., 0] -= TILT * profile[..., 1]
    enamel = np.zeros((ROWS, len(u)))
    enamel[TOOTH_ROWS] = 1
    return profile, _colors(tooth, side), enamel


def _colors(tooth: Tooth, side: np.ndarray) -> np.ndarray:
    """float64 [ROWS, n, 3]: darker and yellower at the neck, greyer where the edge lets light through."""
    own = tooth.shade * ENAMEL * (1 + tooth.yellow * (CANINE - 1))
    neck, clear = np.array([0.93, 0.87, 0.76]), np.array([0.92, 0.95, 1.0])
    clear = np.ones(3) if tooth.edge > CHEWS else clear
    steps = np.stack([neck, (neck + 1) / 2, np.ones(3), (clear + 1) / 2, clear, clear, np.ones(3), np.ones(3), neck])
    out = np.tile(GINGIVA, (ROWS, len(side), 1))
    out[[0, -1]] = FORNIX
    out[TOOTH_ROWS] = (own * steps)[:, None] * np.where(side == 1, CONTACT, 1.0)[:, None]
    return out
