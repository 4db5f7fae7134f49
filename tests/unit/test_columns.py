"""Columns of scalars, their histograms and gaps: what `view` and `report` count."""

import json

import numpy as np
import pytest
from storage_records import CLASSES, NAMES, make_dataset, make_manifest, make_record, make_statistical

import synth
from scenes.head.sample import sample
from synth.check import check
from synth.columns import Column, Columns, Condition, cell, matches
from synth.compose import compose_config
from synth.config import record_keys
from synth.derived import TONES, skin_albedo, tone_codes, typology_angle
from synth.histograms import allowed_range, bin_edges, gaps, histogram
from synth.models import load_model
from synth.passes import ALWAYS, PASSES, as_stored
from synth.rng import Streams
from synth.spec import to_json
from synth.storage.manifest import planned_shards, write_manifest
from synth.storage.shard import write_shard

SPECS = (  # of four records: nested, with a list of trees, null, a bool, an angle and long coefficients
    {"hair": {"style": "bob", "length": 0.2}, "glasses": None, "lamps": [], "fast": True, "identity": [0.1] * 9},
    {"hair": {"style": "long", "length": 0.4}, "glasses": {"tint": 0.5}, "lamps": [{"size": 1}, {"size": 2}]},
    {"hair": {"style": "bob", "length": 0.3}, "glasses": None, "lamps": [{"size": 1}], "fast": False},
    {"hair": {"style": "buzz"}, "colour": [0.1, 0.2, 0.3], "glasses": None, "lamps": []},
)


@pytest.fixture
def columns(tmp_path) -> Columns:
    """The columns of records with SPECS, two to a shard."""
    write_specs(tmp_path, [json.dumps(spec) for spec in SPECS])
    columns = Columns(synth.open_dataset(tmp_path))
    columns.read()
    return columns


def write_specs(folder, specs: list[str], per_shard: int = 2, passes: tuple[str, ...] = NAMES) -> None:
    """A dataset of records with these specs."""
    manifest = make_manifest(len(specs), per_shard, passes)
    for plan in planned_shards(len(specs), per_shard):
        records = [make_record(k, names=passes) for k in range(plan.first, plan.first + plan.count)]
        for k, record in enumerate(records, plan.first):
            record["meta/spec"] = as_stored(PASSES["meta/spec"], specs[k])
        manifest.shards.append(write_shard(folder, plan, passes, records))
    write_manifest(folder, manifest)


def numbers(values, unit="", name="x") -> Column:
    return Column(name, name, unit, np.array(values, float))


def names(values, choices, name="kind") -> Column:
    return Column(name, name, "", np.array(values, np.int16), list(choices))


def test_every_scalar_of_a_spec_is_a_column_of_its_own(columns):
    np.testing.assert_array_equal(columns["hair.length"].values, [0.2, 0.4, 0.3, np.nan])
    np.testing.assert_array_equal(columns["lamps"].values, [0, 2, 1, 0])
    np.testing.assert_array_equal(columns["glasses.tint"].values, [np.nan, 0.5, np.nan, np.nan])
    np.testing.assert_array_equal(columns["colour.2"].values, [np.nan, np.nan, np.nan, 0.3])
    assert [cell(columns["hair.style"], row) for row in range(4)] == ["bob", "long", "bob", "buzz"]
    assert [cell(columns["glasses"], row) for row in range(4)] == ["none", "some", "none", "none"]
    assert [cell(columns["fast"], row) for row in range(4)] == ["yes", "not given", "no", "not given"]


def test_coefficients_that_params_hold_are_not_columns_twice(columns):
    assert not [column.name for column in columns if column.name.startswith("identity")]
    assert "params/identity.0" in columns


def test_the_columns_of_small_passes_are_the_passes_numbers(columns):
    records = [make_record(k) for k in range(len(SPECS))]
    yaw = [np.rad2deg(record["params/yaw_pitch_roll"][0]) for record in records]
    np.testing.assert_allclose(columns["params/yaw_pitch_roll.0"].values, yaw, rtol=1e-6)
    np.testing.assert_array_equal(columns["camera/K.4"].values, [record["camera/K"][1, 1] for record in records])
    visible = [np.count_nonzero(record["landmarks/visible"]) for record in records]
    np.testing.assert_array_equal(columns["landmarks/visible"].values, visible)
    hair = [record["class_pixels"][13] for record in records]
    np.testing.assert_array_equal(columns["class_pixels.13"].values, hair)
    assert columns.array("class_pixels").shape == (len(SPECS), len(CLASSES))


def test_of_landmarks_their_number_is_a_column_and_no_place_is(columns):
    found = {column.name for column in columns if column.name.startswith("landmarks/")}
    assert found == {"landmarks/visible", "landmarks/visible_without_hair"}


def test_reading_a_part_at_a_time_gives_the_same_columns(columns):
    other = Columns(columns.dataset)
    while other.done < len(other):
        other.read(1)
    assert [column.name for column in other] == [column.name for column in columns]
    for column in columns:
        np.testing.assert_array_equal(other[column.name].values, column.values)


def test_a_damaged_record_is_named_and_the_others_are_read(tmp_path):
    make_dataset(tmp_path, 6, 3)
    (tmp_path / "shards/shard-000000.h5").write_bytes(b"no HDF5")
    columns = Columns(synth.open_dataset(tmp_path))
    columns.read()
    assert len(columns.unreadable) == 3
    assert "shard-000000" in columns.unreadable[0]
    np.testing.assert_array_equal(np.isnan(columns["meta/index"].values), [True] * 3 + [False] * 3)


STRANGE = {
    "nested": '{"a":' * 5000 + "1" + "}" * 5000,
    "nested beyond the decoder": "[" * 200_000 + "]" * 200_000,
    "a large number": '{"a": 1' + "0" * 400 + "}",
    "no JSON": "{",
}


@pytest.mark.parametrize("kind", STRANGE)
def test_a_strange_spec_is_named_by_its_record_and_the_others_are_read(tmp_path, kind):
    write_specs(tmp_path, ['{"length": 2}', STRANGE[kind], '{"length": 2}'])
    columns = Columns(synth.open_dataset(tmp_path))
    columns.read()
    (line,) = columns.unreadable
    assert line.startswith("record 1, meta/spec cannot be read: ")
    np.testing.assert_array_equal(columns["length"].values, [2, np.nan, 2])
    np.testing.assert_array_equal(columns["meta/index"].values, [0, 1, 2])
    assert any("record 1: meta/spec" in text for text in check(tmp_path).problems)


def test_a_record_of_another_shape_is_named_and_the_others_are_read(tmp_path):
    manifest = make_manifest(2, 1)
    for plan in planned_shards(2, 1):
        record = make_record(plan.first)
        record["params/identity"] = record["params/identity"][: 8 - plan.first]
        manifest.shards.append(write_shard(tmp_path, plan, NAMES, [record]))
    write_manifest(tmp_path, manifest)
    columns = Columns(synth.open_dataset(tmp_path))
    columns.read()
    assert columns.unreadable == [
        "record 1, params/identity cannot be read: its shape [7] is not that of other records"
    ]


def test_columns_of_a_statistical_model_have_its_unit(tmp_path):
    make_statistical(tmp_path)
    columns = Columns(synth.open_dataset(tmp_path))
    columns.read()
    assert columns["params/expression.0"].unit == "standard deviations"


def test_rows_meet_every_condition_and_come_sorted_with_the_missing_last(columns):
    some = (Condition(column="hair.style", choices=("bob", "buzz")), Condition(column="lamps", low=0, high=1))
    assert columns.rows(some).tolist() == [0, 2, 3]
    assert columns.rows(some, "hair.length").tolist() == [0, 2, 3]
    assert columns.rows(some, "hair.length", descending=True).tolist() == [2, 0, 3]
    assert columns.rows((), "hair.style").tolist() == [0, 2, 3, 1]
    assert columns.rows((Condition(column="glasses", choices=("some",)),)).tolist() == [1]


def test_a_condition_on_what_is_not_there_is_refused(columns):
    with pytest.raises(ValueError, match="no column 'nose'"):
        columns.rows((Condition(column="nose"),))
    with pytest.raises(ValueError, match=r"hair\.style is a name"):
        matches(columns["hair.style"], Condition(column="hair.style", low=1))


@pytest.mark.parametrize("count", [1, 7, 300])
@pytest.mark.parametrize("allowed", [None, (-90.0, 90.0)])
def test_counts_are_numpys_over_edges_that_hold_every_number(rng, count, allowed):
    column = numbers(rng.normal(0, 20, count), "°")
    found = histogram(column, allowed)
    np.testing.assert_array_equal(found.counts, np.histogram(column.values, found.edges)[0])
    assert found.total == count
    assert (np.diff(found.edges) > 0).all()


def test_bins_end_where_the_allowed_range_ends():
    edges = bin_edges(numbers(np.linspace(30, 110, 100)), (28.0, 120.0))
    assert (edges[0], edges[-1]) == (28.0, 120.0)


def test_few_whole_numbers_have_a_bin_each():
    found = histogram(numbers([0, 3, 3, 1]), (0.0, 3.0))
    assert found.bin_names() == ["0", "1", "2", "3"]
    assert found.counts.tolist() == [1, 1, 0, 2]
    assert gaps(found) == ["No record has x 2; the config allows 0 to 3."]


@pytest.mark.parametrize("values", [[], [np.nan], [5.0], [1e300, 2e300], [1e-300], [7.0] * 40])
def test_a_histogram_of_anything_counts_it(values):
    found = histogram(numbers(values))
    assert found.total == np.isfinite(values).sum()
    assert found.missing == len(values) - found.total


def test_gaps_of_numbers_are_the_empty_bins_in_words():
    column = numbers([*np.linspace(-89, 29, 200), *np.linspace(61, 89, 50)], "°", "yaw")
    assert gaps(histogram(column, (-90.0, 90.0))) == [
        "No record has yaw between 30 and 60°; the config allows -90 to 90°."
    ]


def test_gaps_of_names_are_the_choices_that_the_config_gives_weight():
    found = histogram(names([0, 0, 1], ["bob", "long"], "style"), ("bald", "bob", "long", "afro"))
    assert found.names == ("bald", "bob", "long", "afro")
    assert found.counts.tolist() == [0, 2, 1, 0]
    assert gaps(found) == ["No record has style bald or afro, which the config allows."]


def test_without_a_gap_or_a_config_nothing_is_said():
    assert gaps(histogram(numbers(np.linspace(0, 1, 1000)), (0.0, 1.0))) == []
    assert gaps(histogram(numbers([0.0, 1.0]))) == []


KEYS = {
    "scene.pose.yaw_max_deg": 75.0,
    "scene.camera.focal_mm": [28.0, 120.0],
    "scene.hair.styles.bob": 1.0,
    "scene.hair.styles.bald": 0.0,
    "scene.beard.styles.goatee": 2.0,
    "scene.light.environments": ["city", "night"],
}


def test_what_a_config_allows_is_found_by_the_likeness_of_names():
    yaw = Column("params/yaw_pitch_roll.0", "yaw", "°", np.zeros(1))
    assert allowed_range(yaw, KEYS) == (-75.0, 75.0)
    assert allowed_range(numbers([50], "mm", "camera/focal_mm"), KEYS) == (28.0, 120.0)
    assert allowed_range(names([0], ["bob"], "person.hair.style"), KEYS) == ("bob",)
    assert allowed_range(names([0], ["goatee"], "person.beard.style"), KEYS) == ("goatee",)
    assert allowed_range(names([0], ["city"], "light.environment"), KEYS) == ("city", "night")
    assert allowed_range(numbers([1], "", "hair.length"), KEYS) is None
    assert allowed_range(numbers([0.3], "", "model/old"), {"scene.identity.traits.old": [0.0, 0.5]}) == (0.0, 0.5)
    assert allowed_range(numbers([50], "mm", "camera/focal_mm"), {"scene.focal_mm": [35.0, 85.0]}) == (35.0, 85.0)


TABLES = {  # of a face's choices: where the config says what they may be
    "person.hair.style": "hair.styles",
    "person.beard.style": "beard.styles",
    "wear.glasses.shape": "wear.glasses_shapes",
    "wear.headwear.kind": "wear.headwear_kinds",
    "wear.facewear.kind": "wear.facewear_kinds",
    "wear.earrings.kind": "wear.earring_kinds",
    "wear.headphones.kind": "wear.headphone_kinds",
    "wear.occluder.kind": "wear.occluder_kinds",
    "wear.clothes.kind": "clothes.kinds",
    "light.kind": "light.kinds",
    "light.environment": "light.environments",
    "background.kind": "background.kinds",
}
OFTEN = [f"scene.wear.{name}=0.5" for name in ("glasses", "headwear", "facewear", "headphones", "occluder")]
OFTEN += ["scene.wear.earrings_women=0.5", "scene.wear.earrings_men=0.5"]


def draw(folder, words: list[str]) -> tuple[Columns, dict]:
    """The columns of 80 faces that a config draws, and its keys."""
    config = compose_config(["+experiment=faces_demo", *words])
    write_specs(folder, [to_json(sample(config, Streams(0, k))) for k in range(80)], 80, ALWAYS)
    columns = Columns(synth.open_dataset(folder))
    columns.read()
    return columns, json.loads(json.dumps(record_keys(config)))


@pytest.mark.parametrize("words", [[], OFTEN, ["light=dim"]])
def test_what_a_config_of_faces_allows_is_what_it_says_of_that_choice_and_of_no_other(tmp_path, words):
    columns, keys = draw(tmp_path, words)
    expected = {}
    for name, table in TABLES.items():
        weights = {key.rpartition(".")[2]: w for key, w in keys.items() if key.startswith(f"scene.{table}.")}
        if name in columns and {*(columns[name].choices or ())} != {"none"}:
            expected[name] = tuple(keys.get(f"scene.{table}") or [k for k, w in weights.items() if w > 0])
    assert words != OFTEN or {*expected} == {*TABLES}
    allowed = {column.name: allowed_range(column, keys) for column in columns}
    found = {name: names for name, names in allowed.items() if names}
    numbers = {"person.skin.oil": (0.0, 1.0), "light.sky.turbidity": (1.5, 8.0)}
    assert found == expected | {name: bounds for name, bounds in numbers.items() if name in columns}


def test_the_gap_is_the_kind_that_the_config_allows_and_no_record_has(tmp_path):
    columns, keys = draw(tmp_path, [*OFTEN, "scene.wear.headwear_kinds.hat=0"])
    (said,) = [column for column in columns if column.name == "wear.headwear.kind"]
    assert gaps(histogram(said, allowed_range(said, keys))) == []
    keys["scene.wear.headwear_kinds.hat"] = 1.0
    sentence = "No record has headwear kind hat, which the config allows."
    assert gaps(histogram(said, allowed_range(said, keys))) == [sentence]


def test_a_key_that_does_not_allow_what_records_have_is_about_something_else():
    assert allowed_range(names([0, 1], ["bob", "wig"], "person.hair.style"), KEYS) is None
    assert allowed_range(names([0], ["none"], "light.environment"), KEYS) is None
    assert allowed_range(numbers([50, 130], "mm", "camera/focal_mm"), KEYS) is None
    assert allowed_range(numbers([50], "mm", "lamp.focal_mm"), KEYS) is None


def test_the_typology_angle_is_that_of_known_colours():
    # L* 70, b* 20 is 45 degrees, by its definition; the colours are those of CIELAB under D65, as linear sRGB
    for lightness, b in ((70.0, 20.0), (40.0, 15.0), (50.0, 10.0)):
        rgb = rgb_of_lab(lightness, 8.0, b)
        expected = np.rad2deg(np.arctan2(lightness - 50, b))
        assert typology_angle(rgb) == pytest.approx(expected, abs=1e-6)


def rgb_of_lab(lightness, a, b):
    """Linear sRGB by inverting CIE 15:2018's formulas."""
    from synth.models.skin.optics import XYZ_FROM_RGB
    from synth.models.skin.tone import WHITE

    fy = (lightness + 16) / 116
    f = np.array([fy + a / 500, fy, fy - b / 200])
    t = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    return np.linalg.solve(XYZ_FROM_RGB, t * WHITE)


def test_each_tone_has_its_range_of_angles():
    angle = np.array([60, 55, 42, 30, 28, 15, 0, -30, -31, np.nan])
    words = [TONES[code][0] if code >= 0 else "" for code in tone_codes(angle)]
    expected = ["very light", "light", "light", "intermediate", "tan", "tan", "brown", "dark", "dark", ""]
    assert words == expected


def test_mean_skin_is_the_mean_over_the_regions_of_the_linear_albedo(rng):
    model = load_model("makehuman")
    coefficients = 0.3 * rng.normal(size=(3, len(model.albedo_basis)))
    weight = (model.regions["cheeks"] + model.regions["forehead"]).astype(np.float64)
    albedo = model.albedo_mean + np.einsum("nk,kvc->nvc", coefficients, model.albedo_basis)
    expected = np.einsum("nvc,v->nc", albedo, weight / weight.sum())
    np.testing.assert_allclose(skin_albedo(model, coefficients), expected, atol=1e-6)
