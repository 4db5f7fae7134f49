"""A chart of neck, shoulders and chest: the body unrolled around its neck, so that clothes can be cut on it.

Its columns go around the neck, from the front over the subject's left; its rows are metres along the skin, measured on
the model's mean from the base of the neck (0), negative up the neck. Each node is bound to the model's surface once,
on the mean, as seen from a point in the chest; so it follows identity, expression and joints. Where the skin ends, the
model's garment goes on, and where that ends, too, the chart hangs straight down.
"""

from dataclasses import dataclass

import numpy as np

from scenes.head.model import size
from synth.geometry import normalize
from synth.models import MorphableModel

AROUND = 128  # columns; the first is the front, half of them later is the back
UP, DOWN, STEP = -0.088, 0.392, 0.008  # m: first row, last row, and from row to row, of a model of size 1
ELEVATION = np.deg2rad(np.linspace(80, -50, 209))  # of the rays
CENTER_BELOW = 0.11  # m from the neck's base down to the point that the rays leave from
MOST_MISSED = 3  # rays: where more of them meet nothing, the body has ended
NECK = 12  # segmentation class of all skin below the head
TAIL = 0.04  # m of the surface's end whose direction goes on
BACK = 0.045  # m that a way comes back towards the body where it has gone under an arm
MOST_LIFT = 0.05  # m: a vertex that is further off is of another limb
BEND = 0.02  # m within which cloth turns from that direction to straight down


@dataclass(frozen=True, slots=True, kw_only=True)
class Torso:
    """Where the chart's nodes lie on a model, and where they are on the mean."""

    corners: np.ndarray  # int32 [S, K, 6] vertices: the skin's, then the garment's
    weights: np.ndarray  # float64 [S, K, 6]
    beyond: np.ndarray  # float64 [S, K] m beyond the surface's end, 0 on it
    tail: np.ndarray  # int [K] the row before `beyond` begins
    first: np.ndarray  # float64 [K] m, the highest row that is on the neck
    skin: np.ndarray  # float64 [K] m, the row where the skin ends
    cloth: np.ndarray  # float64 [S, K, 2] m across and along a cloth that hangs over the shoulders, on the mean
    scale: float  # the model's size
    bumps: np.ndarray  # int [N] vertices of the skin that are seen from the chart's centre
    places: np.ndarray  # float64 [N, 2] where these are on the chart: rad, m along

    @property
    def rows(self) -> np.ndarray:
        """Metres of the rows [S]."""
        return self.scale * np.arange(UP, DOWN + STEP / 2, STEP)

    def first_at(self, turn: np.ndarray) -> np.ndarray:
        """Metres along, of the highest place on the neck at a turn (rad)."""
        return np.interp(turn, np.r_[turns(), 2 * np.pi], np.r_[self.first, self.first[0]], period=2 * np.pi)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The chart on one head: points and outward normals, head space."""

    torso: Torso
    points: np.ndarray  # float64 [S, K, 3] m
    normals: np.ndarray  # float64 [S, K, 3]
    lift: np.ndarray  # float64 [S, K] m over the chart, so that no vertex of the skin is above

    def at(self, turn: np.ndarray, along: np.ndarray, height: np.ndarray) -> np.ndarray:
        """Points [..., 3] at a turn (rad, from the front over the left), metres along and metres over the ground."""
        found = look_up(np.concatenate([self.points, self.normals], axis=-1), self.torso, turn, along)
        return found[..., :3] + np.asarray(height)[..., None] * normalize(found[..., 3:])

    def across(self, along: float) -> np.ndarray:
        """x [K] (m) of a row."""
        return look_up(self.points, self.torso, turns(), np.full(AROUND, along))[..., 0]


def turns() -> np.ndarray:
    """Radians of the columns [K]."""
    return 2 * np.pi * np.arange(AROUND) / AROUND


def look_up(table: np.ndarray, torso: Torso, turn: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Values [..., n] of a table [S, K, n] over the chart, bilinear; the outermost rows go on."""
    row = np.clip((along - torso.scale * UP) / (torso.scale * STEP), 0, len(table) - 1.000001)
    column = np.asarray(turn) / (2 * np.pi) * AROUND
    above, left = row.astype(int), np.floor(column).astype(int)
    fr, fc = (row - above)[..., None], (column - left)[..., None]
    left, right = left % AROUND, (left + 1) % AROUND
    top = table[above, left] * (1 - fc) + table[above, right] * fc
    return top * (1 - fr) + (table[above + 1, left] * (1 - fc) + table[above + 1, right] * fc) * fr


def prepare_torso(model: MorphableModel) -> Torso:
    """Binds the chart to a model that has a garment."""
    assert model.garment is not None, "a model without a garment wears none"
    skin, cloth = model.triangles()[model.triangle_part() == NECK], model.garment.triangles() + len(model.mean)
    vertices = np.concatenate([model.mean, model.garment.mean]).astype(np.float64)
    scale, base = size(model), _base(model)
    center = np.array([0.0, base[:, 1].mean(), base[:, 2].mean() - CENTER_BELOW * scale])
    hits = _cast(vertices, skin, center)
    more = _cast(vertices, cloth, center)
    on_skin = hits.triangle >= 0
    last = np.where(on_skin.any(axis=0), len(ELEVATION) - 1 - on_skin[::-1].argmax(axis=0), 0)
    below = (np.arange(len(ELEVATION))[:, None] > last) & ~on_skin
    hits = hits.over(more, below)
    return _bound(hits, on_skin, vertices, base, center, scale, np.unique(skin))


def _base(model: MorphableModel) -> np.ndarray:
    """float64 [n, 3]: the loop of the garment's border around the neck, on the mean."""
    assert model.garment is not None
    triangles = model.garment.triangles()
    edges = np.sort(np.concatenate([triangles[:, (0, 1)], triangles[:, (1, 2)], triangles[:, (2, 0)]]), axis=1)
    edges, count = np.unique(edges, axis=0, return_counts=True)
    border = edges[count == 1]
    points = model.garment.mean.astype(np.float64)
    loop = {int(border.ravel()[points[border.ravel(), 2].argmax()])}
    while len(more := set(border[np.isin(border, list(loop)).any(axis=1)].ravel().tolist()) | loop) > len(loop):
        loop = more
    return points[sorted(loop)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hits:
    """What rays [E, K] meet last."""

    triangle: np.ndarray  # int [E, K], -1 where nothing
    corners: np.ndarray  # int [E, K, 3]
    weights: np.ndarray  # float64 [E, K, 3]

    def over(self, other: "_Hits", where: np.ndarray) -> "_Hits":
        pick = lambda a, b: np.where(where.reshape(*where.shape, *[1] * (a.ndim - 2)), b, a)
        return _Hits(
            triangle=pick(self.triangle, other.triangle),
            corners=pick(self.corners, other.corners),
            weights=pick(self.weights, other.weights),
        )


def _cast(vertices: np.ndarray, triangles: np.ndarray, center: np.ndarray) -> _Hits:
    """The outermost of the triangles [T, 3] on each ray from the centre."""
    offset = vertices - center
    turn = np.arctan2(offset[:, 0], -offset[:, 1]) / (2 * np.pi) * AROUND
    rise = np.arctan2(offset[:, 2], np.hypot(offset[:, 0], offset[:, 1]))
    row = (ELEVATION[0] - rise) / (ELEVATION[0] - ELEVATION[1])
    turn, row = turn[triangles], row[triangles]
    turn = np.where((np.ptp(turn, axis=1) > AROUND / 2)[:, None] & (turn < 0), turn + AROUND, turn)
    low = np.stack([np.ceil(row.min(axis=1) - 1e-6), np.ceil(turn.min(axis=1) - 1e-6)], axis=1).astype(int)
    high = np.stack([np.floor(row.max(axis=1) + 1e-6), np.floor(turn.max(axis=1) + 1e-6)], axis=1).astype(int)
    span = np.maximum(high - low + 1, 0)
    count = span.prod(axis=1)
    which = np.repeat(np.arange(len(triangles)), count)
    number = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    at = low[which] + np.stack([number // span[which, 1], number % span[which, 1]], axis=1)
    inside = (at[:, 0] >= 0) & (at[:, 0] < len(ELEVATION))
    which, at = which[inside], at[inside]
    weights, distance, outwards = _meet(offset[triangles[which]], _rays(at))
    found = np.flatnonzero((weights > -1e-7).all(axis=1) & (distance > 0) & outwards)
    found = found[np.argsort(distance[found], kind="stable")]  # the last one written is the outermost
    cell = (at[found, 0], at[found, 1] % AROUND)
    shape = (len(ELEVATION), AROUND)
    out = _Hits(triangle=np.full(shape, -1), corners=np.zeros((*shape, 3), int), weights=np.zeros((*shape, 3)))
    out.triangle[cell], out.corners[cell] = which[found], triangles[which[found]]
    out.weights[cell] = weights[found]
    return out


def _rays(at: np.ndarray) -> np.ndarray:
    """Unit directions [N, 3] of rays [N, 2] by row and column."""
    rise, turn = ELEVATION[at[:, 0]], 2 * np.pi * at[:, 1] / AROUND
    return np.stack([np.cos(rise) * np.sin(turn), -np.cos(rise) * np.cos(turn), np.sin(rise)], axis=1)


def _meet(corners: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Barycentric weights [N, 3] and distances [N] at which rays from the origin meet the planes of triangles, and
    whether these face away from it [N].
    """
    a, b, c = np.moveaxis(corners, 1, 0)
    sides = np.stack([np.einsum("nk,nk->n", np.cross(p, q), rays) for p, q in ((b, c), (c, a), (a, b))], axis=1)
    total = sides.sum(axis=1, keepdims=True)
    weights = sides / np.where(np.abs(total) > 1e-18, total, np.inf)
    return weights, np.einsum("nc,nck,nk->n", weights, corners, rays), total[:, 0] > 0


def _bound(
    hits: _Hits,
    on_skin: np.ndarray,
    vertices: np.ndarray,
    base: np.ndarray,
    center: np.ndarray,
    scale: float,
    bumps: np.ndarray,
) -> Torso:
    """The chart's nodes between the hits, by arc length from the neck's base."""
    points = np.einsum("ekc,ekcx->ekx", hits.weights, vertices[hits.corners])
    level = _level(base, center)
    rows = scale * np.arange(UP, DOWN + STEP / 2, STEP)
    corners, weights = np.zeros((len(rows), AROUND, 6), np.int32), np.zeros((len(rows), AROUND, 6))
    beyond, tail = np.zeros((len(rows), AROUND)), np.zeros(AROUND, int)
    first, skin, ways = np.zeros(AROUND), np.zeros(AROUND), np.full(hits.triangle.shape, np.nan)
    for k in range(AROUND):
        run = _first_run(hits.triangle[:, k] >= 0)
        run = run[: _turns_back(np.abs(points[run, k, 0] - center[0]), BACK * scale)]
        path = points[run, k]
        way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
        way -= np.interp(-level[k], -path[:, 2], way)  # falls monotonously around the neck's base
        place = np.interp(rows, way, np.arange(len(run)))
        left = np.minimum(place.astype(int), len(run) - 2)
        share = (place - left)[:, None]
        corners[:, k] = np.concatenate([hits.corners[run[left], k], hits.corners[run[left + 1], k]], axis=1)
        weights[:, k] = np.concatenate(
            [(1 - share) * hits.weights[run[left], k], share * hits.weights[run[left + 1], k]], axis=1
        )
        ways[run, k] = way
        beyond[:, k] = np.maximum(rows - way[-1], 0)
        tail[k] = np.searchsorted(rows, way[-1]) - 1
        first[k] = max(way[0], rows[0])
        skin[k] = way[on_skin[run, k]].max(initial=way[0])
    bumps, places = _on_chart(vertices, bumps, center, points, ways)
    torso = Torso(
        corners=corners,
        weights=weights,
        beyond=beyond,
        tail=tail,
        first=_smooth(first),
        skin=skin,
        cloth=np.zeros((len(rows), AROUND, 2)),
        scale=scale,
        bumps=bumps,
        places=places,
    )
    torso.cloth[:] = _unrolled((lay(torso, vertices).points - center) / scale) * scale
    return torso


def _on_chart(
    vertices: np.ndarray, among: np.ndarray, center: np.ndarray, points: np.ndarray, ways: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [N] of those among [n] that are outermost, and their places on the chart [N, 2], by the rays' hits
    [E, K, 3] and metres along [E, K].
    """
    offset = vertices[among] - center
    radius = np.linalg.norm(offset, axis=1)
    turn = np.arctan2(offset[:, 0], -offset[:, 1]) % (2 * np.pi)
    rise = np.arctan2(offset[:, 2], np.hypot(offset[:, 0], offset[:, 1]))
    row, column = (ELEVATION[0] - rise) / (ELEVATION[0] - ELEVATION[1]), turn / (2 * np.pi) * AROUND
    above, left = np.clip(row.astype(int), 0, len(ways) - 2), column.astype(int)
    corners = [(above + i, (left + j) % AROUND) for i in (0, 1) for j in (0, 1)]
    near = np.min([np.linalg.norm(points[corner] - center, axis=1) for corner in corners], axis=0)
    fr, fc = row - above, column - left
    shares = ((1 - fr) * (1 - fc), (1 - fr) * fc, fr * (1 - fc), fr * fc)
    along = np.sum([ways[corner] * share for corner, share in zip(corners, shares, strict=True)], axis=0)
    seen = np.isfinite(along) & (radius > near - 0.006) & (row >= 0) & (row <= len(ways) - 1)
    return among[seen], np.stack([turn, along], axis=1)[seen]


def _unrolled(points: np.ndarray) -> np.ndarray:
    """Metres [S, K, 2] across and along a cloth that hangs over shoulders at points [S, K, 3] from the chart's centre.

    Level on chest and back, along the shoulders on top of them, and around the arms below.
    """
    x, y, z = np.moveaxis(points, -1, 0)
    over = z - 0.045 * np.tanh(np.abs(y) / 0.045)
    arm = np.clip((np.abs(x) - 0.13) / 0.08, 0, 1)
    arm = arm * arm * (3 - 2 * arm)
    across = np.sign(x) * (np.abs(x) + arm * np.maximum(CENTER_BELOW - 0.01 - z, 0))
    return np.stack([across, over + arm * (0.07 - np.abs(y) - over)], axis=-1)


def _level(base: np.ndarray, center: np.ndarray) -> np.ndarray:
    """Height [K] of the neck's base: symmetric waves through the loop [n, 3] around it."""
    turn = np.arctan2(base[:, 0], center[1] - base[:, 1])
    waves = lambda t: np.stack([np.ones_like(t), np.cos(t), np.cos(2 * t)], axis=1)
    return waves(turns()) @ np.linalg.lstsq(waves(turn), base[:, 2], rcond=None)[0]


def _first_run(found: np.ndarray) -> np.ndarray:
    """The rays from above to where the body ends, int [n], of rays [E] that meet it or not."""
    rays = np.flatnonzero(found)
    gap = np.diff(rays) > MOST_MISSED
    return rays[: 1 + gap.argmax()] if gap.any() else rays


def _turns_back(aside: np.ndarray, back: float) -> int:
    """How many places of a way, `aside` [n] (m) from the middle, to go along: up to where it is furthest out if it
    comes back by more than `back` (m), under an arm; cloth hangs down from there.
    """
    out = int(aside.argmax())
    return out + 1 if aside[out] - aside[out:].min() > back else len(aside)


def _smooth(values: np.ndarray) -> np.ndarray:
    """The greatest of each column and its neighbours, then their mean."""
    wide = np.max([np.roll(values, k) for k in (-2, -1, 0, 1, 2)], axis=0)
    return np.mean([np.roll(wide, k) for k in (-2, -1, 0, 1, 2)], axis=0)


def lay(torso: Torso, vertices: np.ndarray) -> Ground:
    """The chart on a head whose skin and garment have these vertices [V + G, 3] (m, head space)."""
    points = np.einsum("skc,skcx->skx", torso.weights, vertices[torso.corners].astype(np.float64))
    columns, back = np.arange(AROUND), round(TAIL / STEP)
    end = points[torso.tail, columns]
    way = normalize(end - points[np.maximum(torso.tail - back, 0), columns])
    past = torso.beyond[..., None]
    on = BEND * -np.expm1(-past / BEND)
    points = np.where(past > 0, points[-1] + on * way + (past - on) * np.array([0, 0, -1.0]), points)
    normals = grid_normals(points)
    return Ground(torso=torso, points=points, normals=normals, lift=_lift(torso, vertices, points, normals))


def _lift(torso: Torso, vertices: np.ndarray, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Metres [S, K] over a chart's nodes [S, K, 3] below which is a vertex of the skin beside them, 0 and more."""
    turn, along = torso.places.T
    found = look_up(np.concatenate([points, normals], axis=-1), torso, turn, along)
    height = np.einsum("nk,nk->n", vertices[torso.bumps] - found[:, :3], normalize(found[:, 3:]))
    row = np.clip(((along - torso.rows[0]) / (torso.scale * STEP)).astype(int), 0, len(points) - 2)
    left, lift = (turn / (2 * np.pi) * AROUND).astype(int), np.zeros(points.shape[:2])
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        np.maximum.at(lift, (row + i, (left + j) % AROUND), height)
    return np.where(lift < MOST_LIFT, lift, 0)


def grid_normals(points: np.ndarray) -> np.ndarray:
    """Outward unit normals [S, K, 3] of a grid [S, K, 3] that closes around, a little smoothed."""
    around = np.roll(points, -1, axis=1) - np.roll(points, 1, axis=1)
    normals = normalize(np.cross(np.gradient(points, axis=0), around))
    for _ in range(2):
        padded = np.concatenate([normals[:1], normals, normals[-1:]])
        sides = np.roll(normals, 1, axis=1) + np.roll(normals, -1, axis=1)
        normals = normalize(2 * normals + padded[2:] + padded[:-2] + sides)
    return normals
