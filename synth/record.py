"""A record: one training example, as arrays named by the pass table."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from synth.agreement import RELIEF, disagreements
from synth.camera import pixel_slopes, project
from synth.geometry import yaw_pitch_roll
from synth.passes import JAW, PASSES, shape_of

Record = dict[str, np.ndarray]

POINT_TOLERANCE = 1e-5  # m at a metre: float32 rounds to 1e-7
NORMAL_TOLERANCE = 2e-3  # float16 has 11 bits: a unit vector of halves is unit within 2**-10
TURNED_TOLERANCE = 3e-3  # of normals in two spaces: halves of an error of 2**-12 each, rounded by 2**-11 again
INTRINSIC_TOLERANCE = 4e-3  # of the image: four halves are rounded, each by 2**-11
FLOAT_ONE, FLOAT_MINUS_ONE = 0x3F800000, 0xBF800000  # bits of float32: 0 to 1 are 0 to FLOAT_ONE
HALF_ONE, HALF_INF = 0x3C00, 0x7C00  # bits of float16: 0 to 1 are 0 to HALF_ONE, NaN is above HALF_INF
HALF_MINUS_ZERO = 0x8000
ROTATION_TOLERANCE = 1e-6 + 1e-5 * np.eye(3)  # of R @ R.T
GAZE_TOLERANCE = 2e-5  # of the length of three float32
LANDMARK_TOLERANCE_PX = 0.01  # float32 points, projected again, at thousands of pixels
LAST_ROW = (0, 0, 0, 1)
FACE = 68  # landmarks of the face come first
# Maps that say where nothing is seen. PARTIAL: of the model's mesh alone, or whose empty value a surface may have.
HARD = tuple(
    name
    for name, row in PASSES.items()
    if row.shape[:2] == ("H", "W") and row.empty and row.unit != "1/255" and not name.startswith("intrinsic/")
)
PARTIAL = ("uv", "pncc", "albedo", "segmentation_bare", "triangle", "barycentric")


def violations(record: Mapping[str, np.ndarray], classes: Mapping[int, str]) -> list[str]:
    """Every broken invariant of a record, in words that name the pass and the first pixel; [] if it is sound.

    `classes`: the class numbers that segmentation may hold. Only passes that are present are checked.
    """
    wrong = _wrong_kinds(tuple((name, array.dtype, array.shape) for name, array in record.items()))
    if wrong:
        return [*wrong]
    wrong = [*_camera(record)]
    if wrong:
        record = {name: values for name, values in record.items() if name != "camera/K"}  # nothing follows from it
    checks = (
        _values,
        _empties,
        _uv_and_pncc,
        _segmentation_bare,
        _intrinsic,
        _landmarks,
        _poses,
        _points,
        _fine,
        _triangles,
        _summaries,
        disagreements,
    )
    return [*wrong, *(text for check in checks for text in check(record, classes))]


@lru_cache(maxsize=16)
def _wrong_kinds(kinds: tuple[tuple[str, np.dtype, tuple[int, ...]], ...]) -> tuple[str, ...]:
    """What is wrong with names, dtypes and shapes, which are the same in all records of a dataset."""
    found = []
    lengths = {}  # of the pass table's words, by the first pass that has them
    for name, dtype, shape in kinds:
        row = PASSES.get(name)
        if row is None:
            found.append(f"{name}: not in the pass table")
        elif row.dtype != "str" and dtype != np.dtype(row.dtype):
            found.append(f"{name}: dtype is {dtype}, must be {row.dtype}")
        elif len(shape) != len(row.shape):
            found.append(f"{name}: shape is {list(shape)}, must have {len(row.shape)} dimensions")
        else:
            lengths |= {word: n for word, n in zip(row.shape, shape, strict=True) if word not in lengths}
            if shape != shape_of(row, lengths):
                found.append(f"{name}: shape is {list(shape)}, must be {list(shape_of(row, lengths))}")
    return tuple(found)


def _at(name: str, bad: np.ndarray, array: np.ndarray, rule: str):
    """One line about the first pixel that is True in `bad` [H, W], or in any channel of [H, W, C]."""
    if bad.any():
        bad = bad if bad.ndim == 2 else bad.any(axis=-1)
        row, col = np.argwhere(bad)[0]
        value = np.array2string(np.asarray(array[row, col]), precision=5)
        yield f"{name}[{row}, {col}] is {value}: {rule} ({np.count_nonzero(bad)} such pixels)"


def _camera(record):
    K = record.get("camera/K")
    if K is not None and not (K[0, 0] > 0 and K[1, 1] > 0 and _is_intrinsic(K)):
        yield f"camera/K is {K.tolist()}: must be finite, [[f, 0, u], [0, f, v], [0, 0, 1]] with f > 0"


def _is_intrinsic(K: np.ndarray) -> bool:
    return bool(np.isfinite(K).all()) and tuple(K.ravel()[[1, 3, 6, 7, 8]]) == (0, 0, 0, 0, 1)


def _values(record, classes):
    """What each pass may hold, by its row in the pass table."""
    for name, values in record.items():
        row = PASSES[name]
        if row.unit == "class":
            yield from _at(name, _unknown(values, classes), values, "must be a known class")
        elif row.empty == "inf":
            yield from _at(name, ~(values > 0), values, "must be positive, or inf where nothing is seen")
        elif row.dtype == "float16" and row.space == "image":
            yield from _light(name, values)
        elif row.dtype == "float16":
            yield from _at(name, _lengths(values), values, "must be unit or 0")
        elif row.dtype == "int32" and row.empty == "-1":
            yield from _at(name, values < -1, values, "must be -1 or more")
        elif row.empty == "-1":
            yield from _at(name, _codes(values), values, "must be in [0, 1], or -1 where there is none")
        elif name == "displacement":
            yield from _at(name, ~(np.abs(values) <= RELIEF), values, f"must be within {RELIEF} m")
        elif row.dtype.startswith("float") and not (finite := np.isfinite(values)).all():
            yield from _at(name, ~finite, values, "must be finite") if row.per_pixel else [f"{name}: must be finite"]


def _light(name: str, values: np.ndarray):
    bits = values.view(np.uint16)  # comparing halves as numbers is ten times slower
    if name == "albedo":
        yield from _at(name, (bits > HALF_ONE) & (bits != HALF_MINUS_ZERO), values, "must be in [0, 1]")
    else:
        yield from _at(name, (bits >= HALF_INF) & (bits != HALF_MINUS_ZERO), values, "must be finite and 0 or more")


def _empties(record, classes):
    """All maps agree where nothing is seen."""
    empty = {name: _is_empty(name, record[name]) for name in HARD if name in record}
    whole = [name for name in ("segmentation", *HARD) if name in empty and name not in PARTIAL]
    for name in empty if whole else ():
        nothing, number = empty[whole[0]], PASSES[name].empty
        if name in PARTIAL:
            yield from _at(name, nothing & ~empty[name], record[name], f"must be {number} where nothing is seen")
        else:
            off = nothing != empty[name]
            yield from _at(name, off, record[name], f"must be {number} exactly where nothing is seen")


def _is_empty(name: str, values: np.ndarray) -> np.ndarray:
    """Where a map has its empty value: bool [H, W]; of codes the first channel says it."""
    if values.ndim == 2 or PASSES[name].empty == "-1":
        return (values if values.ndim == 2 else values[..., 0]) == float(PASSES[name].empty)
    bits = values.view(f"u{values.itemsize}")
    return ((bits[..., 0] | bits[..., 1] | bits[..., 2]) << 1) == 0  # without the signs


def _uv_and_pncc(record, classes):
    if "uv" in record and "pncc" in record:
        off = _is_empty("uv", record["uv"]) != _is_empty("pncc", record["pncc"])
        yield from _at("pncc", off, record["pncc"], "must be there exactly where uv is")


def _codes(values: np.ndarray) -> np.ndarray:
    """Where codes float32 [H, W, C] are neither -1 in all channels nor in [0, 1] in all: bool [H, W]."""
    bits = values.view(np.uint32)  # one comparison instead of two
    minus_one = bits == FLOAT_MINUS_ONE
    outside = (bits > FLOAT_ONE) != minus_one  # -1 is above 1
    if not outside.any() and not _mixed(minus_one):
        return np.zeros(values.shape[:2], bool)
    return (outside | (minus_one != minus_one[..., :1])).any(axis=-1)


def _mixed(maps: np.ndarray) -> bool:
    """Whether bool [H, W, C] differ between the channels of a pixel; neighbours in memory are quick to compare."""
    flat = maps.ravel()
    return bool(((flat[1:] != flat[:-1]) & _same_pixel(flat.size, maps.shape[-1])).any())


@lru_cache(maxsize=16)
def _same_pixel(size: int, channels: int) -> np.ndarray:
    """bool [size - 1]: whether a value of [H, W, C] and the next one in memory are of one pixel."""
    return np.arange(1, size) % channels != 0


def _unknown(numbers: np.ndarray, classes: Mapping[int, str]) -> np.ndarray:
    """Where uint8 [H, W] is no class; by runs of consecutive classes, which are few: five times as fast as a table."""
    runs: list[list[int]] = []
    for number in sorted(classes):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ~np.logical_or.reduce([(numbers >= first) & (numbers <= last) for first, last in runs] or [numbers < 0])


def _segmentation_bare(record, classes):
    """What hides nothing changes nothing."""
    if all(name in record for name in ("segmentation_bare", "segmentation", "pncc")):
        bare = record["segmentation_bare"]
        off = (record["pncc"][..., 0] >= 0) & (bare != record["segmentation"])
        yield from _at("segmentation_bare", off, bare, "must be segmentation where skin is seen")


def _intrinsic(record, classes):
    """image_linear = albedo * shading + specular, to the rounding of halves."""
    names = ("image_linear", "intrinsic/albedo", "intrinsic/shading", "intrinsic/specular")
    if not all(name in record for name in names):
        return
    image, albedo, shading, specular = (record[name].astype(np.float32) for name in names)
    off = ~(np.abs(albedo * shading + specular - image) <= INTRINSIC_TOLERANCE * (image + 1e-3))
    yield from _at("image_linear", off, image, "must be intrinsic albedo * shading + specular")


def _landmarks(record, classes):
    names = ("landmarks/points_2d", "landmarks/points_3d", "camera/K")
    if not all(name in record for name in names):
        return
    points_2d, points_3d, K = (record[name] for name in names)
    miss = np.linalg.norm(project(K, points_3d.astype(np.float64)) - points_2d, axis=-1)
    for k in np.flatnonzero(~(miss <= LANDMARK_TOLERANCE_PX))[:1]:
        yield f"landmarks/points_2d[{k}] is {points_2d[k]}: {miss[k]:.3f} px from the projection of its 3D point"
    if "landmarks/outline_2d" in record:
        off = (record["landmarks/outline_2d"] != points_2d).any(axis=-1)
        for k in np.flatnonzero(off[JAW:])[:1] + JAW:
            yield f"landmarks/outline_2d[{k}] is not points_2d, but is no point of the jaw"
    maps = [values for name, values in record.items() if PASSES[name].shape[:2] == ("H", "W")]
    if "landmarks/visible" in record and maps:
        height, width = maps[0].shape[:2]
        inside = ((points_2d >= 0) & (points_2d <= [width, height])).all(axis=-1)
        for k in np.flatnonzero(record["landmarks/visible"] & ~inside)[:1]:
            yield f"landmarks/visible[{k}] is true, but the point {points_2d[k]} is outside the image"


def _poses(record, classes):
    for name in ("params/head_to_camera", "camera/world_to_camera"):
        if name in record and np.isfinite(record[name]).all():
            rotation = record[name][:3, :3]
            off = np.abs(rotation @ rotation.T - np.eye(3))
            if not (off <= ROTATION_TOLERANCE).all() or np.linalg.det(rotation) < 0:
                yield f"{name}: its [:3, :3] is not a rotation"
            if tuple(record[name][3]) != LAST_ROW:
                yield f"{name}: its last row is {record[name][3].tolist()}, must be {[*LAST_ROW]}"
    if "params/head_to_camera" in record and "params/yaw_pitch_roll" in record:
        angles = np.array(yaw_pitch_roll(record["params/head_to_camera"][:3, :3]))
        turn = (record["params/yaw_pitch_roll"] - angles + np.pi) % (2 * np.pi) - np.pi
        if not (np.abs(turn) <= 1e-4).all():
            yield f"params/yaw_pitch_roll is {record['params/yaw_pitch_roll']}: params/head_to_camera has {angles}"
    if "params/gaze" in record:
        off = np.abs(np.linalg.norm(record["params/gaze"], axis=-1) - 1)
        if not (off <= GAZE_TOLERANCE).all():
            yield "params/gaze: must be unit vectors"


def _points(record, classes):
    """position and distance say of each pixel what depth says, and normal_world what normal says."""
    depth, K = record.get("depth"), record.get("camera/K")
    if depth is not None and K is not None and {"position", "distance"} & record.keys():
        seen = np.isfinite(depth)
        z = np.where(seen, depth, np.float32(0))
        x, y = pixel_slopes(K, depth.shape)
        if "position" in record:
            position = record["position"]
            ok = [_near(position[..., k], expected) for k, expected in enumerate((x * z, y * z, z))]
            off = ~np.logical_and.reduce(ok)
            yield from _at("position", off, position, "must be depth on the ray of its pixel, 0 where nothing is")
        if "distance" in record:
            distance, expected = record["distance"], z * np.sqrt(x * x + y * y + 1)
            off = np.where(seen, ~(np.abs(distance - expected) <= POINT_TOLERANCE * expected), distance != np.inf)
            yield from _at("distance", off, distance, "must be depth along its pixel's ray, inf exactly where depth is")
    if all(name in record for name in ("normal", "normal_world", "camera/world_to_camera")):
        rotation = record["camera/world_to_camera"][:3, :3].astype(np.float32)
        turned, normal = record["normal_world"].astype(np.float32), record["normal"].astype(np.float32)
        with np.errstate(invalid="ignore"):
            off = ~(np.abs(normal @ rotation - turned) <= TURNED_TOLERANCE)
        yield from _at("normal_world", off, turned, "must be normal, turned by camera/world_to_camera")


def _near(values: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Where coordinates (m) are those expected, which are a slope times a rounded depth: bool [H, W]."""
    return np.abs(values - expected) <= POINT_TOLERANCE * np.maximum(np.abs(expected), 1)


def _fine(record, classes):
    """The fine level is of the model's skin alone, and there wherever the coarse one is."""
    pairs = [("depth_fine", "depth"), ("normal_fine", "normal")]
    for name, coarse in pairs if "pncc" in record else ():
        if name in record and coarse in record:
            values, smooth, skin = record[name], record[coarse], record["pncc"][..., 0] >= 0
            differs = values != smooth if values.ndim == 2 else (values != smooth).any(axis=-1)
            yield from _at(name, ~skin & differs, values, f"must be {coarse} where no skin of the model is seen")


def _lengths(normal: np.ndarray) -> np.ndarray:
    """Where halves [H, W, 3] are neither 0 nor unit: bool [H, W]."""
    square = _square(normal)
    zero = square == 0
    square -= 1
    sound = np.abs(square, out=square) <= 2 * NORMAL_TOLERANCE
    sound |= zero
    return ~sound


def _square(normal: np.ndarray) -> np.ndarray:
    """Squared length float32 [H, W] of halves [H, W, 3]; more than 4e9 where one of them is inf or NaN.

    Their bits are put where those of floats are, with an exponent that is 112 too small: six times as fast as a cast.
    """
    bits = (normal.view(np.uint16) << 1).astype(np.uint32)  # without the sign
    bits <<= 12
    n = bits.view(np.float32)
    n *= np.float32(2.0**112)
    n *= n
    total = n[..., 0] + n[..., 1]
    total += n[..., 2]
    return total


def _triangles(record, classes):
    """triangle, barycentric and pncc are there at the same pixels."""
    if not {"triangle", "barycentric"} & record.keys():
        return
    there = {name: record[name][..., 0] >= 0 for name in ("pncc",) if name in record}
    if "triangle" in record:
        there["triangle"] = record["triangle"] >= 0
    if "barycentric" in record:
        weights = record["barycentric"]
        total = weights[..., 0] + weights[..., 1] + weights[..., 2]
        negative = np.logical_or.reduce([weights[..., k] < -1e-5 for k in range(3)])
        off = negative | ~((np.abs(total - 1) < 1e-5) | (total == 0))
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
    if "boxes/face" in record and "landmarks/points_2d" in record:
        face = record["landmarks/points_2d"][:FACE]
        around = np.concatenate([face.min(axis=0), face.max(axis=0)])
        if not (np.abs(record["boxes/face"] - around) <= LANDMARK_TOLERANCE_PX).all():
            yield f"boxes/face is {record['boxes/face']}: the points of the face are within {around}"
    for name in ("boxes/face", "boxes/head"):
        if name in record and not (record[name][2:] >= record[name][:2]).all():
            yield f"{name} is {record[name]}: must be u0, v0, u1, v1 with u0 <= u1 and v0 <= v1"
