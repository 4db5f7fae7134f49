"""Laws of a sound record, and of what `violations` finds in one that is not."""

from itertools import product

import numpy as np
import pytest
from storage_records import CLASSES, HW, make_record

from synth.camera import pixel_directions
from synth.passes import PASSES, as_stored
from synth.record import NORMAL_TOLERANCE, violations
from synth.storage.rounding import rounded


@pytest.mark.parametrize("index", range(8))
@pytest.mark.parametrize("hw", [HW, (31, 7), (1, 1)])
def test_a_sound_record_has_no_violations(index, hw):
    assert violations(make_record(index, hw), CLASSES) == []


@pytest.mark.parametrize("name", PASSES)
def test_a_record_without_a_pass_is_still_sound(name):
    record = make_record(0)
    del record[name]
    assert violations(record, CLASSES) == []


def put(name, at, value):
    """A fault: one value of one pass."""

    def fault(record):
        record[name][at] = value

    return fault


def replace(name, change):
    """A fault: another array for a pass."""

    def fault(record):
        record[name] = change(record[name])

    return fault


def shift(name):
    return replace(name, lambda array: np.roll(array, 1, axis=1))


SEEN, UNSEEN = (12, 20), (0, 0)  # pixels of record 0
FAULTS = {
    "depth[12, 20] is nan": put("depth", SEEN, np.nan),
    "depth[12, 20] is 0.": put("depth", SEEN, 0),
    "depth[12, 20] is -1.": put("depth", SEEN, -1),
    "depth[12, 20] is inf: must be inf exactly": put("depth", SEEN, np.inf),
    "depth[0, 0] is 1.: must be inf exactly": put("depth", UNSEEN, 1),
    "normal[12, 20] is [0.5 0.5 0. ]: must be unit": put("normal", SEEN, (0.5, 0.5, 0)),
    "normal[12, 20] is [nan nan nan]: must be unit": put("normal", SEEN, np.nan),
    "normal[12, 20] is [inf  0.  0.]: must be unit": put("normal", SEEN, (np.inf, 0, 0)),
    "normal[12, 20] is [0. 0. 0.]: must be (0, 0, 0) exactly": put("normal", SEEN, 0),
    "normal[0, 0] is [ 0.  0. -1.]: must be (0, 0, 0) exactly": put("normal", UNSEEN, (0, 0, -1)),
    "uv[12, 20] is [1.5 0. ]: must be in [0, 1]": put("uv", SEEN, (1.5, 0)),
    "uv[12, 20] is [-1.   0.5]: must be in [0, 1]": put("uv", SEEN, (-1, 0.5)),
    "uv[12, 20] is [nan nan]: must be in [0, 1]": put("uv", SEEN, np.nan),
    "pncc[0, 0] is [0. 0. 0.]: must be -1 where nothing": put("pncc", UNSEEN, 0),
    "pncc[12, 20] is [-1. -1. -1.]: must be there exactly where uv": put("pncc", SEEN, -1),
    "pncc[12, 20] is [ 0.5  0.5 -1. ]: must be in [0, 1]": put("pncc", SEEN, (0.5, 0.5, -1)),
    "segmentation[12, 20] is 77: must be a known class": put("segmentation", SEEN, 77),
    "segmentation[0, 0] is 77": put("segmentation", UNSEEN, 77),
    "albedo[12, 20] is [-0.1  0.5  0.5]": put("albedo", SEEN, (-0.1, 0.5, 0.5)),
    "albedo[12, 20] is [0.5   1.001 0.5  ]": put("albedo", SEEN, (0.5, 1.001, 0.5)),
    "albedo[12, 20] is [0.5 0.5 nan]": put("albedo", SEEN, (0.5, 0.5, np.nan)),
    "albedo[12, 20] is [0.5 inf 0.5]": put("albedo", SEEN, (0.5, np.inf, 0.5)),
    "depth[": shift("depth"),
    "normal[": shift("normal"),
    "pncc[": shift("pncc"),
    "landmarks/points_2d[7] is": put("landmarks/points_2d", (7, 0), np.nan),
    "landmarks/points_2d[0] is": replace("landmarks/points_2d", lambda points: points + np.float32(0.5)),
    "landmarks/points_2d[0]": replace("landmarks/points_2d", lambda points: np.roll(points, 1, axis=0)),
    "px from the projection": put("camera/K", (0, 2), 0),
    "params/head_to_camera: its [:3, :3] is not": put("params/head_to_camera", (0, 0), -1),
    "camera/world_to_camera: its [:3, :3] is not": put("camera/world_to_camera", (1, 1), 2),
    "params/gaze: must be unit": put("params/gaze", 0, (1, 1, 0)),
    "params/expression: must be finite": put("params/expression", 2, np.inf),
    "params/light_sh: must be finite": put("params/light_sh", (3, 1), np.nan),
    "depth: dtype is float64, must be float32": replace("depth", lambda array: array.astype(np.float64)),
    "uv: shape is [24, 40], must have 3": replace("uv", lambda array: array[..., 0]),
    "uv: shape is [24, 40, 1], must be [24, 40, 2]": replace("uv", lambda array: array[..., :1]),
    "depth: shape is [23, 40], must be [24, 40]": replace("depth", lambda array: array[:-1]),
    "landmarks/points_3d: shape is [68, 3], must be [70, 3]": replace("landmarks/points_3d", lambda array: array[:68]),
    "alpha[12, 20] is 255: must be at least the coverages": put("coverage/hair", SEEN, 250),
    "position[12, 20] is": put("position", (*SEEN, 2), 0.1),
    "position[0, 0] is [0. 0. 1.]": put("position", UNSEEN, (0, 0, 1)),
    "distance[12, 20] is 0.1": put("distance", SEEN, 0.1),
    "distance[0, 0] is 1.: must be depth along its pixel's ray, inf exactly": put("distance", UNSEEN, 1),
    "normal_world[12, 20] is [0. 0. 0.]": put("normal_world", SEEN, 0),
    "depth_fine[12, 20] is inf: must be inf exactly": put("depth_fine", SEEN, np.inf),
    "depth_fine[0, 0] is 1.: must be depth where no skin": put("depth_fine", UNSEEN, 1),
    "normal_fine[12, 20] is [0.5 0.5 0. ]: must be unit": put("normal_fine", SEEN, (0.5, 0.5, 0)),
    "normal_fine[0, 0] is [ 0.  0. -1.]: must be normal where no skin": put("normal_fine", UNSEEN, (0, 0, -1)),
    "displacement[3, 4] is 0.1: must be within": put("displacement", (3, 4), 0.1),
    "triangle[12, 20] is -1: must be there exactly where pncc": put("triangle", SEEN, -1),
    "triangle[": shift("triangle"),
    "barycentric[12, 20] is [0.5 0.5 0.5]": put("barycentric", SEEN, 0.5),
    "barycentric[12, 20] is [ 1.5  0.  -0.5]": put("barycentric", SEEN, (1.5, 0, -0.5)),
    "class_pixels[0] is": replace("class_pixels", lambda counts: counts + np.int32(1)),
    "landmarks/visible_without_hair[": replace("landmarks/visible_without_hair", np.zeros_like),
    "landmarks/outline_2d[17] is not points_2d": shift("landmarks/outline_2d"),
    "boxes/head is [5. 6. 0. 1.]": replace("boxes/head", lambda box: np.roll(box, 2)),
    "boxes/head: must be finite": put("boxes/head", 0, -np.inf),
    "boxes/face is [-9.": put("boxes/face", ..., (-9, -9, 90, 90)),
    "image_linear[0, 0] is [nan nan nan]: must be finite": put("image_linear", UNSEEN, np.nan),
    "image_linear[0, 0] is [-1. -1. -1.]: must be finite and 0 or more": put("image_linear", UNSEEN, -1),
    "image_linear[0, 0] is [inf inf inf]: must be finite": put("image_linear", UNSEEN, np.inf),
    "albedo[0, 0] is [0.9 0.9 0.9]: must be (0, 0, 0) where nothing is seen": put("albedo", UNSEEN, 0.9),
    "normal_world[12, 20] is [0. 0. 1.]: must be normal, turned": put("normal_world", SEEN, (0, 0, 1)),
    "triangle[0, 0] is -5: must be -1 or more": put("triangle", UNSEEN, -5),
    "landmarks/outline_2d: must be finite": put("landmarks/outline_2d", (3, 0), np.nan),
    "landmarks/points_3d: must be finite": put("landmarks/points_3d", (3, 0), np.nan),
    "camera/world_to_camera: must be finite": put("camera/world_to_camera", (0, 3), np.nan),
    "camera/world_to_camera: its last row": put("camera/world_to_camera", 3, 7),
    "params/head_to_camera: its last row": put("params/head_to_camera", (3, 0), 7),
    "camera/K is [[0.0": put("camera/K", ..., 0),
    "camera/K is [[nan": put("camera/K", ..., np.nan),
    "camera/K is [[40.0, 300.0": put("camera/K", (0, 1), 300),
    "camera/K is [[-40.0": put("camera/K", (0, 0), -40),
    "[0.0, 0.0, 2.0]]: must be": put("camera/K", (2, 2), 2),
    "meta/spec: shape is [1], must have 0": replace("meta/spec", lambda array: array[None]),
}


@pytest.mark.parametrize("words", FAULTS)
def test_a_fault_in_a_sound_record_is_found_and_named(words):
    record = make_record(0)
    FAULTS[words](record)
    assert any(words in text for text in violations(record, CLASSES)), violations(record, CLASSES)


GEOMETRY = ("alpha", "depth", "normal", "segmentation", "camera/K")


def hairy_record(rng, names=GEOMETRY):
    """A ball whose upper half is strands: neighbours are centimetres apart, and face anywhere."""
    record = make_record(0, (64, 96), names)
    hair = np.isfinite(record["depth"]) & (np.arange(64) < 40)[:, None]
    facing = rng.normal(size=(*hair.shape, 3))
    facing /= np.linalg.norm(facing, axis=-1, keepdims=True) * -np.sign(facing[..., 2:])
    record["depth"] += np.where(hair, rng.uniform(0, 0.02, hair.shape), 0).astype(np.float32)
    record["normal"] = np.where(hair[..., None], facing, record["normal"]).astype(np.float16)
    record["segmentation"][hair] = 13
    return record


def test_strands_that_lie_across_each_other_are_no_fault_of_normals(rng):
    assert violations(hairy_record(rng), CLASSES) == []


FLIPS = [(-1, 1, 1), (1, -1, 1), (1, 1, -1), (1, -1, -1)]


@pytest.mark.parametrize("factors", FLIPS)
def test_a_flipped_axis_of_normals_is_found_beside_strands(rng, factors):
    record = hairy_record(rng)
    record["normal"] *= np.array(factors, np.float16)
    assert [text[:32] for text in violations(record, CLASSES)] == ["normal: is not the slope of dept"]


def test_edges_are_no_fault_of_normals():
    """Steps of three pixels that face the camera: at two of three, a neighbour is on another step."""
    depth = np.repeat(8 - 0.2 * np.arange(20), 3)[:, None] * np.ones(60)
    fields = {"depth": depth, "normal": [0, 0, -1] * np.ones((60, 60, 1)), "camera/K": np.diag([60.0, 60, 1])}
    assert violations({name: as_stored(PASSES[name], value) for name, value in fields.items()}, {}) == []


NOT_FINITE = [name for name, row in PASSES.items() if row.dtype.startswith("float") and row.empty != "inf"]


@pytest.mark.parametrize("name", NOT_FINITE)
def test_what_is_not_a_number_is_found_in_a_pass_by_itself(name):
    record = make_record(0, names=(name,))
    record[name].flat[0] = np.nan
    assert {text.startswith(name) for text in violations(record, CLASSES)} == {True}


@pytest.mark.parametrize("value", [0, -1, np.nan, -np.inf])
@pytest.mark.parametrize("name", ["depth", "distance", "depth_fine"])
def test_lengths_are_positive_in_a_pass_by_itself(name, value):
    record = make_record(0, names=(name,))
    record[name][SEEN] = value
    assert [text.startswith(f"{name}[12, 20] is") for text in violations(record, CLASSES)] == [True]


@pytest.mark.parametrize("name", ["segmentation", "segmentation_bare"])
def test_a_class_is_known_in_a_pass_by_itself(name):
    assert violations({name: np.full((2, 2), 77, np.uint8)}, CLASSES) == [
        f"{name}[0, 0] is 77: must be a known class (4 such pixels)"
    ]


WHERE = [name for name, row in PASSES.items() if row.per_pixel and row.empty and row.space != "image"]


@pytest.mark.parametrize("name", [*(name for name in WHERE if name != "displacement"), "albedo", "segmentation_bare"])
def test_nothing_is_labelled_where_another_pass_says_that_nothing_is_seen(name):
    record = make_record(0, names=("segmentation", name))
    record[name][0, 0] = record[name][SEEN]
    (found,) = violations(record, CLASSES)
    assert found.startswith(f"{name}[0, 0] is ")
    assert f"must be {PASSES[name].empty} " in found


@pytest.mark.parametrize(("name", "factor"), [("normal_fine", -1), ("depth_fine", 1000)])
def test_a_fine_level_that_is_not_near_the_smooth_one_is_found(name, factor):
    record = make_record(0, (48, 80))
    record[name] *= record[name].dtype.type(factor)
    assert any(text.startswith(f"{name}: is not near") for text in violations(record, CLASSES))


@pytest.mark.parametrize("focal_px", [100, 30, 8])
def test_positions_on_steep_rays_are_as_far_as_their_stored_depth_says(rng, focal_px):
    hw, K = (60, 200), np.array([[focal_px, 0, 90], [0, focal_px, 36], [0, 0, 1.0]])
    depth = rng.uniform(0.5, 9, hw).astype(np.float32).astype(np.float64)
    fields = {"depth": depth, "position": depth[..., None] * pixel_directions(K, hw), "camera/K": K}
    record = {name: rounded(name, as_stored(PASSES[name], value)) for name, value in fields.items()}
    assert violations(record, {}) == []
    record["position"][30, 199, 0] *= 1 + 2e-5
    assert [text[:16] for text in violations(record, {})] == ["position[30, 199"]


def test_a_visible_landmark_outside_the_image_is_found():
    record = make_record(0)
    record["landmarks/points_3d"][4] = (5, 0, 1)
    record["landmarks/points_2d"][4] = record["camera/K"][:2] @ (5, 0, 1)
    record["landmarks/visible"][4] = True
    assert any("landmarks/visible[4] is true" in text for text in violations(record, CLASSES))


def test_a_pass_that_is_not_in_the_table_is_found():
    assert violations(make_record(0) | {"glow": np.zeros(3)}, CLASSES) == ["glow: not in the pass table"]


def test_every_half_float_is_an_albedo_exactly_if_it_is_in_0_to_1():
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    ok = [not violations({"albedo": np.full((1, 1, 3), half)}, {}) for half in halves[::37]]
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(ok, (halves[::37] >= 0) & (halves[::37] <= 1))


def test_every_half_float_makes_a_unit_normal_exactly_if_its_square_is_one_or_it_is_none():
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)[::37]
    ok = [not violations({"normal": np.array([[[half, 0, 0]]], np.float16)}, {}) for half in halves]
    with np.errstate(invalid="ignore"):
        square = halves.astype(np.float64) ** 2
        np.testing.assert_array_equal(ok, (square == 0) | (np.abs(square - 1) <= 2 * NORMAL_TOLERANCE))


@pytest.mark.parametrize(("name", "channels"), [("uv", 2), ("pncc", 3)])
def test_a_code_is_all_in_0_to_1_or_all_minus_1(name, channels):
    values = np.array([-1, 0, 0.5, 1, 1.5, -0.5, -2, np.nan, np.inf, -np.inf], np.float32)
    for code in product(values, repeat=channels):
        code = np.array(code)
        sound = bool((code == -1).all() or ((code >= 0) & (code <= 1)).all())
        assert (violations({name: code[None, None]}, {}) == []) == sound, code


@pytest.mark.parametrize(("name", "channels"), [("uv", 2), ("pncc", 3)])
def test_a_channel_that_is_minus_1_alone_is_found_wherever_it_is(name, channels):
    there = np.random.default_rng(0).random((3, 4, 1)) < 0.5
    sound = np.where(there, np.float32(0.5), np.float32(-1)) * np.ones(channels, np.float32)
    for at in np.ndindex(sound.shape):
        values = sound.copy()
        values[at] = -0.5 - sound[at]  # -1 for 0.5 and 0.5 for -1
        (found,) = violations({name: values}, {})
        assert found.startswith(f"{name}[{at[0]}, {at[1]}]"), found
        assert "(1 such pixels)" in found


@pytest.mark.parametrize("classes", [CLASSES, {}, {7: "a"}, {0: "a", 1: "b", 254: "c", 255: "d"}])
def test_a_class_is_known_exactly_if_it_is_listed(classes):
    for number in range(256):
        found = violations({"segmentation": np.full((1, 1), number, np.uint8)}, classes)
        assert (found == []) == (number in classes), number
