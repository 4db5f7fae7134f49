"""Bare arms. The model's end above the elbow; where no sleeve hides that, they go on as tubes of the same skin. numpy.

A tube begins at the loop of edges where an arm's skin ends. Its skin is that before the loop, mirrored to and fro.
"""

from dataclasses import dataclass

import numpy as np

from scenes.head.attire import ClothesSpec
from scenes.head.model import size
from scenes.head.torso import NECK
from synth.geometry import normalize
from synth.models import MorphableModel

SLEEVELESS = ("tank",)
ROWS, REACH = 33, 0.32  # of a tube: rings, and m along it, of a model of size 1: out of the picture
BEND, TURN = 0.08, 0.05  # m within which it turns down, and its rings turn to its way
THIN = 0.2  # share of the width that it has lost at its end
NEAR, FAR = 0.03, 0.06  # m before the loop: skin there says which way the arm goes
MIRROR = 0.025  # m of the skin before the loop that is mirrored
ASIDE = 0.6  # of the skin's furthest point aside: loops further out are of arms


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """Both tubes of a model: which of its vertices they begin at, and what does not differ between people."""

    loops: tuple[np.ndarray, ...]  # int [n] vertices each, in the order around the arm
    before: tuple[np.ndarray, ...]  # int [m] vertices before each loop
    triangles: np.ndarray  # int32 [T, 3] of all tubes
    uv: np.ndarray  # float32 [T, 3, 2]
    scale: float

    @property
    def starts(self) -> np.ndarray:
        """int [V] the vertex of the loop that each vertex of the tubes follows."""
        return np.concatenate([np.tile(loop, ROWS) for loop in self.loops])


def prepare_arms(model: MorphableModel) -> Arms | None:
    """The tubes of a model; None if its skin does not end at two arms."""
    triangles, uv, part = model.triangles(), model.triangle_uv(), model.triangle_part()
    rows, edges = _border(triangles, part == NECK)
    far = ASIDE * np.abs(model.mean[triangles[part == NECK], 0]).max(initial=0)
    tubes = [k for k in _loops(edges) if np.abs(model.mean[edges[k, 0], 0].mean()) > far]
    scale, corners = size(model), np.unique(triangles[part == NECK])
    before = tuple(_before(model.mean, corners, edges[k, 0], scale) for k in tubes)
    if len(tubes) != 2 or not all(map(len, before)):
        return None
    first = np.cumsum([0, *(ROWS * len(k) for k in tubes)])
    return Arms(
        loops=tuple(edges[k, 0] for k in tubes),
        before=before,
        triangles=np.concatenate([_quads(len(k)) + start for k, start in zip(tubes, first, strict=False)]),
        uv=np.concatenate([_mirrored(model.mean, triangles[rows[k]], uv[rows[k]], edges[k], scale) for k in tubes]),
        scale=scale,
    )


def are_bare(clothes: ClothesSpec | None) -> bool:
    """Whether nothing that is worn has sleeves."""
    return clothes is None or all(garment.kind in SLEEVELESS for garment in clothes.garments)


def fit_arms(arms: Arms, vertices: np.ndarray) -> np.ndarray:
    """Points float64 [V, 3] (m, head space) of the tubes of a head with vertices."""
    pairs = zip(arms.loops, arms.before, strict=True)
    return np.concatenate([_tube(vertices[loop], vertices[before], arms.scale) for loop, before in pairs])


def seamless(arms: Arms, normals: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Normals [V, 3] of the tubes that begin as those [*, 3] of the skin do."""
    count = [len(loop) for loop in arms.loops]
    weight = np.concatenate([np.repeat(np.exp(-0.7 * np.arange(ROWS)), n) for n in count])[:, None]
    return normalize((1 - weight) * normals + weight * skin[arms.starts])


def _tube(loop: np.ndarray, before: np.ndarray, scale: float) -> np.ndarray:
    """Rings [ROWS * n, 3] from a loop [n, 3] on, away from the points before it, and ever more down."""
    loop = loop.astype(np.float64)
    middle, along = loop.mean(axis=0), scale * np.linspace(0, REACH, ROWS)[:, None]
    aim, down = normalize(middle - before.mean(axis=0)), np.array([0.0, 0.0, -1.0])
    turned = np.exp(-along / (scale * BEND))
    bent = scale * BEND * (1 - turned)
    path = middle + bent * aim + (along - bent) * down
    spokes = loop - middle
    facing = normalize(np.cross(spokes, np.roll(spokes, -1, axis=0)).sum(axis=0))
    facing = facing * np.sign(facing @ aim)
    ease = 1 - np.exp(-along / (scale * TURN))
    way = normalize((1 - ease) * facing + ease * (turned * aim + (1 - turned) * down))
    wide = 1 - THIN * along / (scale * REACH)
    return (path[:, None] + wide[..., None] * _rotated(spokes, facing, way)).reshape(-1, 3)


def _rotated(spokes: np.ndarray, start: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Vectors [n, 3] by the shortest rotations from a unit vector to others [r, 3]: [r, n, 3]."""
    axis = np.cross(start, ends)[:, None]
    cos = (ends @ start)[:, None, None]
    dots = np.einsum("rox,nx->rno", axis, spokes)
    return cos * spokes + np.cross(axis, spokes[None]) + axis * dots / (1 + cos)


def _border(triangles: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges [n, 2] that only one of all triangles has, of triangles of a kind [T], and these triangles' rows [n]."""
    sides = np.concatenate([triangles[:, (0, 1)], triangles[:, (1, 2)], triangles[:, (2, 0)]])
    _, own, count = np.unique(np.sort(sides, axis=1), axis=0, return_inverse=True, return_counts=True)
    row = np.tile(np.arange(len(triangles)), 3)
    alone = np.flatnonzero((count[own] == 1) & of[row])
    return row[alone], sides[alone]


def _loops(edges: np.ndarray) -> list[np.ndarray]:
    """Indices of directed edges [n, 2], loop by loop, each edge after the one that it goes on from."""
    after = {int(start): k for k, (start, _) in enumerate(edges)}
    loops, left = [], set(range(len(edges)))
    while left:
        loop, k = [], min(left)
        while k in left:
            left.remove(k)
            loop.append(k)
            k = after.get(int(edges[k, 1]), -1)
        loops.append(np.array(loop))
    return loops


def _before(mean: np.ndarray, among: np.ndarray, loop: np.ndarray, scale: float) -> np.ndarray:
    """Vertices among [k] that are so far before a loop [n]."""
    distance = np.linalg.norm(mean[among] - mean[loop].mean(axis=0), axis=1)
    radius = np.linalg.norm(mean[loop] - mean[loop].mean(axis=0), axis=1).mean()
    far = np.sqrt(np.maximum(distance**2 - radius**2, 0)) / scale
    return among[(far > NEAR) & (far < FAR)]


def _quads(n: int) -> np.ndarray:
    """Triangles int32 [2 * (ROWS - 1) * n, 3] between rings of n, ring by ring, facing as those before the loop."""
    ring, k = np.arange(ROWS - 1)[:, None] * n, np.arange(n)
    a, b = ring + k, ring + np.roll(k, -1)
    pairs = np.stack([np.stack([b, a, a + n], axis=-1), np.stack([b, a + n, b + n], axis=-1)], axis=2)
    return pairs.reshape(-1, 3).astype(np.int32)


def _mirrored(mean: np.ndarray, triangles: np.ndarray, uv: np.ndarray, edges: np.ndarray, scale: float) -> np.ndarray:
    """Texture coordinates float32 [T, 3, 2] of a tube, by each edge's own triangle [n, 3] and its uv [n, 3, 2]."""
    at = lambda vertex: np.argmax(triangles == vertex[:, None], axis=1)
    k, third = np.arange(len(edges)), triangles.sum(axis=1) - edges.sum(axis=1)
    a, b, c = uv[k, at(edges[:, 0])], uv[k, at(edges[:, 1])], uv[k, at(third)]
    p, q, r = mean[edges[:, 0]], mean[edges[:, 1]], mean[third]
    share = ((r - p) * (q - p)).sum(axis=1, keepdims=True) / ((q - p) ** 2).sum(axis=1, keepdims=True)
    height = np.linalg.norm(r - p - share * (q - p), axis=1, keepdims=True)
    inward = (c - a - share * (b - a)) / height  # per metre
    along = scale * np.linspace(0, REACH, ROWS)
    back = MIRROR * scale
    fold = (back - np.abs(along % (2 * back) - back))[:, None, None]
    left, right = a + fold * inward, b + fold * inward
    corners = [right[:-1], left[:-1], left[1:]], [right[:-1], left[1:], right[1:]]
    return np.stack([np.stack(three, axis=2) for three in corners], axis=2).reshape(-1, 3, 2).astype(np.float32)
