"""Whether the passes of a record agree with each other: what no pass shows alone, and a wrong convention breaks.

Each law is exact on a smooth face and statistical in an image, so each has a share of exceptions that it allows:
strands between pixel centres, creases, silhouettes. A flipped axis, a label of the record before or a swapped side
breaks it at most pixels. Sound records stay far from every bound (tests/blender/test_mutations.py prints how far).
"""

from collections.abc import Iterator, Mapping

import numpy as np

from synth.camera import pixel_slopes

ROWS = 8  # of a map that are looked at
SLOPE = 0.15  # mean of 1 - cos between normals and the depth map's own
BEHIND = 0.3  # share of visible landmarks that are not where the depth map is
STEEP = 3.0  # tangent of the steepest slope that counts as smooth
NEAR = 0.03  # of the depth: how far a landmark may be from what is seen around it
HARD = 0.01  # share of pixels whose alpha contradicts their class
PUPILS = {"right_eye": 68, "left_eye": 69}  # landmark in the middle of the class


def disagreements(record: Mapping[str, np.ndarray], classes: Mapping[int, str]) -> Iterator[str]:
    """One line per law that passes of a sound record keep together, and these do not."""
    yield from _normals(record)
    yield from _visible_landmarks(record)
    yield from _alpha(record)
    yield from _sides(record, classes)


def _normals(record) -> Iterator[str]:
    """normal is the slope of depth, on the model's skin or, without pncc, everywhere."""
    if not all(name in record for name in ("normal", "depth", "camera/K")) or min(record["depth"].shape) < 3:
        return
    slope, rows, smooth = _slopes(record["depth"], record["camera/K"])
    if "pncc" in record:
        above, skin, below = (record["pncc"][at, :, 0] >= 0 for at in (rows - 1, rows, rows + 1))
        smooth &= skin[:, 1:-1] & skin[:, :-2] & skin[:, 2:] & above[:, 1:-1] & below[:, 1:-1]
    if smooth.sum() < 50:
        return
    slope, normal = slope[smooth], record["normal"][rows, 1:-1][smooth].astype(np.float32)
    cosine = np.einsum("nk,nk->n", slope, normal) / np.linalg.norm(slope, axis=-1)
    off = float((1 - cosine).mean())
    if not off <= SLOPE:
        yield f"normal: is not the slope of depth; 1 - cos between them is {off:.2f} in mean, must be at most {SLOPE}"


def _slopes(depth: np.ndarray, K: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normals [R, W - 2, 3], not unit, of the depth map's own surface in some rows [R], and where it is smooth."""
    height = len(depth)
    rows = np.unique(np.linspace(1, height - 2, min(ROWS, height - 2)).astype(int))
    x, y = pixel_slopes(K, depth.shape)
    points = lambda at, to: np.stack([x[to] * depth[at, to], y[at] * depth[at, to], depth[at, to]], axis=-1)
    with np.errstate(invalid="ignore"):
        across = points(rows, slice(2, None)) - points(rows, slice(0, -2))
        down = points(rows + 1, slice(1, -1)) - points(rows - 1, slice(1, -1))
        flat = [way[..., 2] ** 2 < STEEP**2 * (way[..., 0] ** 2 + way[..., 1] ** 2) for way in (across, down)]
        slope = np.cross(down, across)
    return slope, rows, flat[0] & flat[1] & np.isfinite(slope).all(axis=-1)


def _visible_landmarks(record) -> Iterator[str]:
    """A landmark that is visible is at the depth that is seen around it."""
    names = ("landmarks/points_2d", "landmarks/points_3d", "landmarks/visible", "depth")
    if not all(name in record for name in names):
        return
    points_2d, points_3d, visible, depth = (record[name] for name in names)
    height, width = depth.shape
    col, row = np.floor(points_2d[visible & np.isfinite(points_2d).all(axis=-1)]).astype(int).T
    z = points_3d[visible & np.isfinite(points_2d).all(axis=-1), 2]
    inside = (row >= 1) & (row < height - 1) & (col >= 1) & (col < width - 1)
    if inside.sum() < 10:
        return
    row, col, z = row[inside], col[inside], z[inside]
    around = np.stack([depth[row + i, col + j] for i in (-1, 0, 1) for j in (-1, 0, 1)])
    off = float(((around.min(axis=0) > z * (1 + NEAR)) | (around.max(axis=0) < z * (1 - NEAR))).mean())
    if off > BEHIND:
        yield f"landmarks/visible: {off:.0%} of the visible points are not at the depth that is seen there"


def _alpha(record) -> Iterator[str]:
    """alpha is the soft form of segmentation."""
    if "alpha" not in record or "segmentation" not in record:
        return
    alpha, seen = record["alpha"], record["segmentation"] > 0
    off = float((((alpha == 255) & ~seen) | ((alpha == 0) & seen)).mean())
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
