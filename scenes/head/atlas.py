"""The texels of a model's texture: which place of the skin each of them shows, once for a model and a size.

Places are given in the canonical head: that of MakeHuman's mean. Other models are brought there by a smooth warp
through their 68 landmarks, so that lines and marks lie on the same places of every face. Row 0 of a map is v = 1.
"""

from dataclasses import dataclass

import numpy as np

from synth.geometry import interpolate
from synth.labels.mesh_view import rasterize
from synth.models import MorphableModel, load_model

MOUTH_INTERIOR = 9  # segmentation class
REFERENCE = "makehuman"
BLEED = 2  # texels beyond the islands' edges that repeat them, for what is interpolated there
EYE_RIM = 0.0025  # m: so near to where lashes grow, skin is without relief
SAME = 1e-6  # m: landmarks that agree to this need no warp


@dataclass(frozen=True, slots=True, kw_only=True)
class Atlas:
    """T texels of the outer skin in a square of `size`, without those of the mouth's inside and of sockets."""

    size: int
    texel: np.ndarray  # int64 [T] row * size + column
    place: np.ndarray  # float32 [T, 3] m, canonical head
    smooth: np.ndarray  # float32 [T] in [0, 1]: 0 where relief must vanish: at seams of the map, lids and lips' inside
    lips: np.ndarray  # float32 [T] mask in [0, 1]
    width: np.ndarray  # float32 [T] m: of the texel on the mean's skin
    bleed: np.ndarray  # int64 [B] texels outside, and
    source: np.ndarray  # int64 [B] the positions in `texel` that they repeat
    corners: np.ndarray  # int32 [S, 3] vertices of the triangles of the outer skin
    corner_uv: np.ndarray  # float64 [S, 3, 2] their texture coordinates
    points: np.ndarray  # float64 [V, 3] m, the mean
    canonical: np.ndarray  # float64 [V, 3] m, the vertices in the canonical head
    owner: np.ndarray  # int32 [size * size] position in `texel`, -1 outside

    def near(
        self, triangle: np.ndarray, weights: np.ndarray, reach: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Texels within `reach` [N] (m) of N places: on rows `triangle` [N] of `corners`, at weights [N, 3].

        Positions in `texel` [M], of which place each is [M], and the distance through space [M] (m).
        """
        center = interpolate(self.canonical[self.corners[triangle]], weights)
        flat = interpolate(self.corner_uv[triangle], weights)
        at = np.stack([(1 - flat[:, 1]) * self.size, flat[:, 0] * self.size], axis=-1) - 0.5  # row, column
        side = np.ceil(reach / self._scale(triangle)).astype(int)
        found = []
        for window in np.unique(side):
            mine = np.flatnonzero(side == window)
            step = np.moveaxis(np.mgrid[-window : window + 1, -window : window + 1], 0, -1).reshape(-1, 2)
            cell = np.rint(at[mine]).astype(int)[:, None] + step
            inside = ((cell >= 0) & (cell < self.size)).all(axis=-1)
            position = self.owner[(cell[..., 0] * self.size + cell[..., 1])[inside]]
            place = np.broadcast_to(mine[:, None], inside.shape)[inside]
            place, position = place[position >= 0], position[position >= 0]
            distance = np.linalg.norm(self.place[position] - center[place], axis=-1)
            close = distance < reach[place]
            found.append((position[close], place[close], distance[close]))
        if not found:
            return np.zeros(0, int), np.zeros(0, int), np.zeros(0)
        position, place, distance = (np.concatenate(column) for column in zip(*found, strict=True))
        return position, place, distance

    def _scale(self, triangle: np.ndarray) -> np.ndarray:
        """float64 [N] m: the least way on the skin that a texel's step is, in these triangles."""
        edges = self.corner_uv[triangle, 1:] - self.corner_uv[triangle, :1]
        places = self.canonical[self.corners[triangle]]
        ways = places[:, 1:] - places[:, :1]
        per_texel = np.einsum("nij,njx->nix", np.linalg.inv(edges * self.size + 1e-12 * np.eye(2)), ways)
        metric = np.einsum("nix,njx->nij", per_texel, per_texel)
        return np.sqrt(np.maximum(np.linalg.eigvalsh(metric)[:, 0], 1e-10))

    def blank(self, channels: int) -> np.ndarray:
        """float32 [size, size, channels], all 0."""
        return np.zeros((self.size, self.size, channels), np.float32)

    def fill(self, picture: np.ndarray, values: np.ndarray) -> None:
        """Writes values [T, C] into a map [size, size, C], and around the islands what they have at their edges."""
        flat = picture.reshape(self.size**2, -1)
        flat[self.texel] = values
        flat[self.bleed] = values[self.source]


def make_atlas(model: MorphableModel, size: int) -> Atlas:
    """The atlas of a model, as fine as it is rendered, for maps of `size` x `size` texels."""
    triangles, uv, part = model.triangles(), model.triangle_uv().astype(np.float64), model.triangle_part()
    used = np.flatnonzero((part != MOUTH_INTERIOR) & ~_in_sockets(model, triangles))
    canonical = canonical_points(model)
    texel, triangle, weights = _texels(uv[used], size)
    triangle = used[triangle]
    flat = uv[triangle] * size
    edges = flat[:, 1:] - flat[:, :1]
    in_map = np.abs(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0])
    corners = model.mean[triangles[triangle]].astype(np.float64)
    on_skin = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    bleed, source = _around(texel, size)
    owner = np.full(size * size, -1, np.int32)
    owner[texel] = np.arange(len(texel))
    smooth = _smoothness(model, triangles, uv, used)
    lips = model.regions.get("lips", np.zeros(len(model.mean))).astype(np.float32)
    return Atlas(
        size=size,
        texel=texel,
        place=interpolate(canonical[triangles[triangle]], weights).astype(np.float32),
        smooth=interpolate(smooth[triangles[triangle]][..., None], weights)[:, 0].astype(np.float32),
        lips=np.einsum("tc,tc->t", weights.astype(np.float32), lips[triangles[triangle]]),
        width=np.sqrt(on_skin / np.maximum(in_map, 1e-12)).astype(np.float32),
        bleed=bleed,
        source=source,
        corners=triangles[used],
        corner_uv=uv[used],
        points=model.mean.astype(np.float64),
        canonical=canonical,
        owner=owner,
    )


def _texels(uv: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Texels [T] whose centres lie in triangles uv [S, 3, 2], which of them, int [T], and weights [T, 3] there."""
    at = np.concatenate([uv.reshape(-1, 2), np.ones((3 * len(uv), 1))], axis=1)
    K = np.array([[size, 0, 0], [0, -size, size], [0, 0, 1.0]])  # row 0 is v = 1
    number, weights, _ = rasterize(at, np.arange(3 * len(uv)).reshape(-1, 3), K, (size, size))
    texel = np.flatnonzero(number.ravel() >= 0)
    return texel, number.ravel()[texel], weights.reshape(-1, 3)[texel]


def _around(texel: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Texels outside of the given ones within BLEED, and for each the position of one that it is next to."""
    owner = np.full(size * size, -1)
    owner[texel] = np.arange(len(texel))
    owner = owner.reshape(size, size)
    inside = owner >= 0
    for _ in range(BLEED):
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            near = np.roll(owner, step, axis)
            owner = np.where(owner < 0, near, owner)
    new = np.flatnonzero((~inside & (owner >= 0)).ravel())
    return new, owner.ravel()[new]


def _in_sockets(model: MorphableModel, triangles: np.ndarray) -> np.ndarray:
    """bool [T]: behind the lids, around the eyeballs, where nothing is seen."""
    middle = model.mean[triangles].mean(axis=1).astype(np.float64)
    inside = np.zeros(len(triangles), bool)
    for center, radius in zip(model.eyeballs.center, model.eyeballs.radius, strict=True):
        inside |= np.linalg.norm(middle - center, axis=1) < 1.02 * radius
    return inside


def _smoothness(model: MorphableModel, triangles: np.ndarray, uv: np.ndarray, used: np.ndarray) -> np.ndarray:
    """float64 [V]: 0 at the edges of the map's islands, of the outer skin and of the lids, 1 elsewhere."""
    corners, flat = triangles[used].ravel(), np.round(uv[used].reshape(-1, 2), 6)
    order = np.lexsort((flat[:, 1], flat[:, 0], corners))
    first = np.ones(len(order), bool)
    first[1:] = (corners[order][1:] != corners[order][:-1]) | (flat[order][1:] != flat[order][:-1]).any(axis=1)
    places = np.bincount(corners[order][first], minlength=len(model.mean))  # of each vertex in the map
    half = np.sort(np.stack([triangles[used], np.roll(triangles[used], -1, 1)], -1).reshape(-1, 2), axis=1)
    edges, count = np.unique(half, axis=0, return_counts=True)
    out = (places == 1).astype(np.float64)
    out[edges[count == 1]] = 0
    lashes = [path for name, path in model.paths.items() if name.endswith("lash")]
    if lashes:
        rim = model.mean[np.concatenate(lashes)].astype(np.float64)
        near = np.linalg.norm(model.mean[:, None] - rim, axis=-1).min(axis=1)
        out *= np.clip(near / EYE_RIM - 0.4, 0, 1)
    return out


def canonical_points(model: MorphableModel) -> np.ndarray:
    """float64 [V, 3] (m): the vertices of the mean, warped so that its landmarks are the canonical head's.

    A biharmonic spline: |r| of the distance to each landmark, and an affine part.
    """
    points = model.mean.astype(np.float64)
    here = model.landmarks(model.mean).astype(np.float64)
    reference = load_model(REFERENCE)
    there = reference.landmarks(reference.mean).astype(np.float64)
    if np.abs(here - there).max() < SAME:
        return points
    count, one = len(here), np.ones((len(here), 1))
    kernel = np.linalg.norm(here[:, None] - here, axis=-1) + 1e-4 * np.eye(count)
    affine = np.concatenate([one, here], axis=1)
    system = np.block([[kernel, affine], [affine.T, np.zeros((4, 4))]])
    weights = np.linalg.lstsq(system, np.concatenate([there - here, np.zeros((4, 3))]), rcond=None)[0]
    moved = []
    for chunk in np.array_split(points, max(len(points) // 4000, 1)):
        distance = np.linalg.norm(chunk[:, None] - here, axis=-1)
        moved.append(
            chunk + distance @ weights[:count] + np.concatenate([np.ones((len(chunk), 1)), chunk], 1) @ weights[count:]
        )
    return np.concatenate(moved)
