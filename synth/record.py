"""A record: one training example, as arrays named by the pass table."""

from collections.abc import Mapping

import numpy as np

from synth.agreement import disagreements
from synth.camera import pixel_slopes, project
from synth.geometry import yaw_pitch_roll
from synth.passes import PASSES, shape_of

Record = dict[str, np.ndarray]

POINT_TOLERANCE = 1e-5  # m at a metre: float32 rounds to 1e-7
NORMAL_TOLERANCE = 2e-3  # float16 has 11 bits: a unit vector of halves is unit within 2**-10
INTRINSIC_TOLERANCE = 4e-3  # of the image: four halves are rounded, each by 2**-11
FLOAT_ONE, FLOAT_MINUS_ONE = 0x3F800000, 0xBF800000  # bits of float32: 0 to 1 are 0 to FLOAT_ONE
HALF_ONE, HALF_MINUS_ZERO = 0x3C00, 0x8000  # bits of float16: 0 to 1 are 0 to HALF_ONE, NaN and inf are above
LANDMARK_TOLERANCE_PX = 0.01  # float32 points, projected again, at thousands of pixels


def violations(record: Mapping[str, np.ndarray], classes: Mapping[int, str]) -> list[str]:
    """Every broken invariant of a record, in words that name the pass and the first pixel; [] if it is sound.

    `classes`: the class numbers that segmentation may hold. Only passes that are present are checked.
    """
    rows = [*_wrong_kinds(record)]
    if rows:
        return rows
    checks = (
        _depth,
        _normal,
        _uv_and_pncc,
        _segmentation,
        _segmentation_bare,
        _albedo,
        _intrinsic,
        _landmarks,
        _poses,
        _points,
        _triangles,
        _summaries,
        disagreements,
    )
    return [text for check in checks for text in check(record, classes)]


def _wrong_kinds(record):
    lengths = {}  # of the pass table's words, by the first pass that has them
    for name, array in record.items():
        row = PASSES.get(name)
        if row is None:
            yield f"{name}: not in the pass table"
        elif row.dtype != "str" and array.dtype != np.dtype(row.dtype):
            yield f"{name}: dtype is {array.dtype}, must be {row.dtype}"
        elif array.ndim != len(row.shape):
            yield f"{name}: shape is {list(array.shape)}, must have {len(row.shape)} dimensions"
        else:
            lengths |= {word: n for word, n in zip(row.shape, array.shape, strict=True) if word not in lengths}
            if array.shape != shape_of(row, lengths):
                yield f"{name}: shape is {list(array.shape)}, must be {list(shape_of(row, lengths))}"


def _at(name: str, bad: np.ndarray, array: np.ndarray, rule: str):
    """One line about the first True of `bad` [H, W]."""
    if bad.any():
        row, col = np.argwhere(bad)[0]
        value = np.array2string(np.asarray(array[row, col]), precision=5)
        yield f"{name}[{row}, {col}] is {value}: {rule} ({np.count_nonzero(bad)} such pixels)"


def _depth(record, classes):
    depth, segmentation = record.get("depth"), record.get("segmentation")
    if depth is None:
        return
    seen = np.isfinite(depth)
    yield from _at("depth", np.isnan(depth) | (depth <= 0), depth, "must be positive, or inf where nothing is seen")
    if segmentation is not None:
        yield from _at("depth", seen != (segmentation > 0), depth, "must be finite exactly where a class is seen")


def _normal(record, classes):
    normal, depth = record.get("normal"), record.get("depth")
    if normal is None:
        return
    square = _square(normal)
    zero = square == 0
    yield from _at("normal", ~zero & ~(np.abs(square - 1) <= 2 * NORMAL_TOLERANCE), normal, "must be unit or 0")
    if depth is not None:
        yield from _at("normal", zero != np.isinf(depth), normal, "must be 0 exactly where no surface is seen")


def _uv_and_pncc(record, classes):
    present = []
    for name in ("uv", "pncc"):
        if name in record:
            values = record[name]
            bits = np.ascontiguousarray(values).view(np.uint32)  # one comparison instead of two
            empty, inside = _every(bits == FLOAT_MINUS_ONE), _every(bits <= FLOAT_ONE)
            yield from _at(name, ~(empty | inside), values, "must be in [0, 1], or -1 where there is none")
            present.append(~empty)
            if "depth" in record:
                yield from _at(name, ~empty & np.isinf(record["depth"]), values, "must be -1 where nothing is seen")
    if len(present) == 2:
        yield from _at("pncc", present[0] != present[1], record["pncc"], "must be there exactly where uv is")


def _every(ok: np.ndarray) -> np.ndarray:
    """ok.all(axis=-1) of [H, W, C], ten times as fast for few channels."""
    return np.logical_and.reduce([ok[..., channel] for channel in range(ok.shape[-1])])


def _segmentation(record, classes):
    if "segmentation" in record:
        values = record["segmentation"]
        known = np.zeros(256, bool)
        known[list(classes)] = True
        yield from _at("segmentation", ~known[values], values, "must be a known class")


def _segmentation_bare(record, classes):
    """What hides nothing changes nothing."""
    bare, segmentation = record.get("segmentation_bare"), record.get("segmentation")
    if bare is None or segmentation is None:
        return
    known = np.zeros(256, bool)
    known[list(classes)] = True
    yield from _at("segmentation_bare", ~known[bare], bare, "must be a known class")
    yield from _at("segmentation_bare", (segmentation == 0) & (bare > 0), bare, "must be 0 where nothing is seen")
    if "pncc" in record:
        skin = record["pncc"][..., 0] >= 0
        yield from _at(
            "segmentation_bare", skin & (bare != segmentation), bare, "must be segmentation where skin is seen"
        )


def _albedo(record, classes):
    if "albedo" in record:
        values = record["albedo"]
        bits = values.view(np.uint16)  # comparing halves as numbers is ten times slower
        yield from _at("albedo", ~_every((bits <= HALF_ONE) | (bits == HALF_MINUS_ZERO)), values, "must be in [0, 1]")


def _intrinsic(record, classes):
    """image_linear = albedo * shading + specular, to the rounding of halves."""
    names = ("image_linear", "intrinsic/albedo", "intrinsic/shading", "intrinsic/specular")
    if not all(name in record for name in names):
        return
    image, albedo, shading, specular = (record[name].astype(np.float32) for name in names)
    for name, values in zip(names[1:], (albedo, shading, specular), strict=True):
        yield from _at(name, ~_every(values >= 0), values, "must be 0 or more")
    off = ~_every(np.abs(albedo * shading + specular - image) <= INTRINSIC_TOLERANCE * (image + 1e-3))
    yield from _at("image_linear", off, image, "must be intrinsic albedo * shading + specular")


def _landmarks(record, classes):
    names = ("landmarks/points_2d", "landmarks/points_3d", "camera/K")
    if not all(name in record for name in names):
        return
    points_2d, points_3d, K = (record[name] for name in names)
    miss = np.linalg.norm(project(K, points_3d.astype(np.float64)) - points_2d, axis=-1)
    for k in np.flatnonzero(~(miss <= LANDMARK_TOLERANCE_PX))[:1]:
        yield f"landmarks/points_2d[{k}] is {points_2d[k]}: {miss[k]:.3f} px from the projection of its 3D point"
    if "landmarks/visible" in record and "image" in record:
        height, width = record["image"].shape[:2]
        inside = ((points_2d >= 0) & (points_2d <= [width, height])).all(axis=-1)
        for k in np.flatnonzero(record["landmarks/visible"] & ~inside)[:1]:
            yield f"landmarks/visible[{k}] is true, but the point {points_2d[k]} is outside the image"


def _poses(record, classes):
    for name in ("params/head_to_camera", "camera/world_to_camera"):
        if name in record:
            rotation = record[name][:3, :3]
            if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6) or np.linalg.det(rotation) < 0:
                yield f"{name}: its [:3, :3] is not a rotation"
    if "params/head_to_camera" in record and "params/yaw_pitch_roll" in record:
        angles = np.array(yaw_pitch_roll(record["params/head_to_camera"][:3, :3]))
        turn = (record["params/yaw_pitch_roll"] - angles + np.pi) % (2 * np.pi) - np.pi
        if not (np.abs(turn) <= 1e-4).all():
            yield f"params/yaw_pitch_roll is {record['params/yaw_pitch_roll']}: params/head_to_camera has {angles}"
    if "params/gaze" in record and not np.allclose(np.linalg.norm(record["params/gaze"], axis=-1), 1, atol=1e-5):
        yield "params/gaze: must be unit vectors"
    for name, values in record.items():
        if name.startswith("params/") and not np.isfinite(values).all():
            yield f"{name}: must be finite"


def _points(record, classes):
    """position and distance say of each pixel what depth says."""
    depth = record.get("depth")
    if depth is None:
        return
    seen, K = np.isfinite(depth), record.get("camera/K")
    z = np.where(seen, depth, np.float32(0))
    x, y = pixel_slopes(np.eye(3) if K is None else K, depth.shape)
    if "position" in record and K is not None:
        position, bound = record["position"], POINT_TOLERANCE * np.maximum(z, 1)
        ok = [np.abs(position[..., k] - expected) <= bound for k, expected in enumerate((x * z, y * z, z))]
        off = ~np.logical_and.reduce(ok)
        yield from _at("position", off, position, "must be depth on the ray of its pixel, 0 where nothing is")
    if "distance" in record and K is not None:
        distance, expected = record["distance"], z * np.sqrt(x * x + y * y + 1)
        off = np.where(seen, ~(np.abs(distance - expected) <= POINT_TOLERANCE * expected), distance != np.inf)
        yield from _at("distance", off, distance, "must be depth along its pixel's ray, inf exactly where depth is")
    if "normal_world" in record:
        off = np.abs(_square(record["normal_world"]) - seen) > 2 * NORMAL_TOLERANCE
        yield from _at("normal_world", off, record["normal_world"], "must be unit where a surface is seen, else 0")


def _square(normal: np.ndarray) -> np.ndarray:
    """Squared length float32 [H, W] of halves [H, W, 3]."""
    n = normal.astype(np.float32)
    n *= n
    return (n.reshape(-1, 3) @ np.ones(3, np.float32)).reshape(normal.shape[:2])  # thrice as fast as a sum


def _triangles(record, classes):
    """triangle, barycentric and pncc are there at the same pixels."""
    there = {name: record[name][..., 0] >= 0 for name in ("pncc",) if name in record}
    if "triangle" in record:
        there["triangle"] = record["triangle"] >= 0
    if "barycentric" in record:
        weights = record["barycentric"]
        total = weights[..., 0] + weights[..., 1] + weights[..., 2]
        off = ~(_every(weights >= -1e-5) & ((np.abs(total - 1) < 1e-5) | (total == 0)))
        yield from _at("barycentric", off, weights, "must be weights that sum to 1, or 0 where there are none")
        there["barycentric"] = total > 0.5
    names = list(there)
    for name in names[1:]:
        off = there[name] != there[names[0]]
        yield from _at(name, off, record[name], f"must be there exactly where {names[0]} is")


def _summaries(record, classes):
    """What sums up a record agrees with it."""
    parts = [array for name, array in record.items() if name.startswith("coverage/")]
    if parts and "alpha" in record:
        total = sum(part.astype(np.int32) for part in parts)
        over = total > record["alpha"].astype(np.int32) + len(parts)  # each is rounded
        yield from _at("alpha", over, record["alpha"], "must be at least the coverages that are part of it")
    if "class_pixels" in record and "segmentation" in record:
        counted = np.bincount(record["segmentation"].ravel(), minlength=256)
        for number in np.flatnonzero(record["class_pixels"] != counted)[:1]:
            yield f"class_pixels[{number}] is {record['class_pixels'][number]}: segmentation has {counted[number]}"
    if "landmarks/visible" in record and "landmarks/visible_without_hair" in record:
        for k in np.flatnonzero(record["landmarks/visible"] & ~record["landmarks/visible_without_hair"])[:1]:
            yield f"landmarks/visible_without_hair[{k}] is false, but the point is visible with hair"
    for name in ("boxes/face", "boxes/head"):
        if name in record and not (record[name][2:] >= record[name][:2]).all():
            yield f"{name} is {record[name]}: must be u0, v0, u1, v1 with u0 <= u1 and v0 <= v1"
