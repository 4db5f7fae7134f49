"""Whether the passes of a record agree with each other: what no pass shows alone, and a wrong convention breaks.

Each law is exact on a smooth face and statistical in an image, so each has a share of exceptions that it allows:
strands between pixel centres, creases, silhouettes. A flipped axis, a label of the record before or a swapped side
breaks it at most pixels (tests/blender/test_mutations.py).
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

import numpy as np

from synth.camera import pixel_slopes
from synth.geometry import dot

ROWS = 8  # of a map that are looked at
SLOPE = 0.1  # mean of 1 - cos between normals and the depth map's own: 0.02 at most in sound faces and shapes
BEHIND = 0.3  # share of visible landmarks that are not where the depth map is
STEEP = 3.0  # tangent of the steepest slope that counts as smooth
BEND = 0.1  # of the way between two neighbours: how far a smooth pixel is from its middle, twice; strands are farther
RELIEF = 5e-3  # m: no skin has a higher one over its smooth form
TURNED = 0.5  # cosine between the fine and the smooth normal of most of the skin
NEAR = 0.03  # of the depth: how far a landmark may be from what is seen around it
AROUND = np.indices((3, 3)).reshape(2, 9, 1) - 1  # rows and columns of a pixel and its neighbours
HARD = 0.01  # share of pixels whose alpha contradicts their class
PUPILS = {"right_eye": 68, "left_eye": 69}  # landmark in the middle of the class


def disagreements(record: Mapping[str, np.ndarray], classes: Mapping[int, str]) -> Iterator[str]:
    """One line per law that passes of a sound record keep together, and these do not."""
    yield from _normals(record)
    yield from _fine(record)
    yield from _visible_landmarks(record)
    yield from _alpha(record)
    yield from _sides(record, classes)


def _normals(record) -> Iterator[str]:
    """normal is the slope of depth, where that is smooth."""
    if not all(name in record for name in ("normal", "depth", "camera/K")) or min(record["depth"].shape) < 3:
        return
    rows = _rows(len(record["depth"]))
    slope, smooth = _slopes(record["depth"], record["camera/K"], rows)
    at = np.flatnonzero(smooth)
    if len(at) < 50:
        return
    slope = slope.reshape(3, -1).take(at, axis=1)
    normal = record["normal"][rows[1], 1:-1].reshape(-1, 3).take(at, axis=0).astype(np.float32)
    cosine = np.einsum("kn,nk->n", slope, normal) / np.sqrt(np.einsum("kn,kn->n", slope, slope))
    off = float((1 - cosine).mean())
    if not off <= SLOPE:
        yield f"normal: is not the slope of depth; 1 - cos between them is {off:.2f} in mean, must be at most {SLOPE}"


def _fine(record) -> Iterator[str]:
    """Most of the skin with its displacement is near the smooth one, and faces as it does."""
    if "pncc" not in record or min(record["pncc"].shape[:2]) < 3:
        return
    rows = _rows(len(record["pncc"]))[1]
    skin = record["pncc"][rows, :, 0] >= 0
    if np.count_nonzero(skin) < 50:
        return
    if "depth_fine" in record and "depth" in record:
        with np.errstate(invalid="ignore"):
            far = float(np.median(np.abs(record["depth_fine"][rows][skin] - record["depth"][rows][skin])))
        if not far <= RELIEF:
            yield f"depth_fine: is not near depth; {far:.3g} m from it in the median of skin, must be at most {RELIEF}"
    if "normal_fine" in record and "normal" in record:
        fine, smooth = (record[name][rows][skin].astype(np.float32) for name in ("normal_fine", "normal"))
        with np.errstate(invalid="ignore"):
            cosine = float(np.median(dot(fine, smooth)))
        if not cosine >= TURNED:
            yield f"normal_fine: is not near normal; cos between them is {cosine:.2f} in the median of skin"


@lru_cache(maxsize=16)
def _rows(height: int) -> np.ndarray:
    """int64 [3, R]: the rows that are looked at, in the middle, between those above and below them."""
    rows = np.unique(np.linspace(1, height - 2, min(ROWS, height - 2)).astype(int))
    return np.stack([rows - 1, rows, rows + 1])


def _slopes(depth: np.ndarray, K: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normals [3, R, W - 2], not unit, of the depth map's own surface in rows [3, R], and where it is smooth."""
    x, y = pixel_slopes(K, depth.shape)
    z = depth[rows]
    with np.errstate(invalid="ignore", over="ignore"):
        points = np.stack([x * z, y[rows, :] * z, z])  # [3, 3, R, W]: axis, above to below, row, column
        before = np.stack([points[:, 0, :, 1:-1], points[:, 1, :, :-2]])  # the neighbours above and to the left
        after = np.stack([points[:, 2, :, 1:-1], points[:, 1, :, 2:]])
        ways, bends = after - before, after + before - 2 * points[:, 1, :, 1:-1]
        squares = ways * ways
        flat = squares[:, 2] < STEEP**2 * (squares[:, 0] + squares[:, 1])
        flat &= (bends * bends).sum(axis=1) < BEND**2 * squares.sum(axis=1)
        down, across = ways
        slope = down[[1, 2, 0]] * across[[2, 0, 1]] - down[[2, 0, 1]] * across[[1, 2, 0]]
        return slope, flat.all(axis=0) & np.isfinite(slope.sum(axis=0))


def _visible_landmarks(record) -> Iterator[str]:
    """A landmark that is visible is at the depth that is seen around it."""
    names = ("landmarks/points_2d", "landmarks/points_3d", "landmarks/visible", "depth")
    if not all(name in record for name in names):
        return
    points_2d, points_3d, visible, depth = (record[name] for name in names)
    height, width = depth.shape
    seen = visible & np.isfinite(points_2d).all(axis=-1)
    (col, row), z = np.floor(points_2d[seen]).astype(int).T, points_3d[seen, 2]
    inside = (row >= 1) & (row < height - 1) & (col >= 1) & (col < width - 1)
    if inside.sum() < 10:
        return
    row, col, z = row[inside], col[inside], z[inside]
    around = depth[row + AROUND[0], col + AROUND[1]]
    off = float(((around.min(axis=0) > z * (1 + NEAR)) | (around.max(axis=0) < z * (1 - NEAR))).mean())
    if off > BEHIND:
        yield f"landmarks/visible: {off:.0%} of the visible points are not at the depth that is seen there"


def _alpha(record) -> Iterator[str]:
    """alpha is the soft form of segmentation."""
    if "alpha" not in record or "segmentation" not in record:
        return
    alpha, seen = record["alpha"], record["segmentation"] > 0
    off = np.count_nonzero(((alpha == 255) & ~seen) | ((alpha == 0) & seen)) / alpha.size
    if off > HARD:
        yield f"alpha: is not the soft form of segmentation at {off:.1%} of the pixels"


def _sides(record, classes: Mapping[int, str]) -> Iterator[str]:
    """The eyes of a face lie at their own pupils."""
    points_2d = record.get("landmarks/points_2d", np.zeros((0, 2)))
    if "segmentation" not in record or len(points_2d) != 70:
        return
    for number, name in classes.items():
        pixels = np.flatnonzero(record["segmentation"] == number) if name in PUPILS else []
        if len(pixels) < 4:
            continue
        row, col = np.divmod(pixels, record["segmentation"].shape[1])
        middle = np.array([col.mean(), row.mean()]) + 0.5
        own, other = (
            np.linalg.norm(middle - points_2d[k]) for k in (PUPILS[name], sum(PUPILS.values()) - PUPILS[name])
        )
        if own > 2 * other + 2:
            yield f"segmentation: class {number}, {name}, is seen at the other eye's pupil"
