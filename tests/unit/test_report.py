"""`report`: one well-formed page without other files, whose numbers are numpy's."""

import dataclasses
import json
import re
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest
from PIL import Image
from storage_records import CLASSES, NAMES, make_dataset, make_manifest, make_record

import synth
from synth.columns import Columns
from synth.derived import add_derived, tone_codes, typology_angle
from synth.passes import ALWAYS, PASSES, as_stored
from synth.report import write_report
from synth.report.facts import read_facts
from synth.storage.manifest import planned_shards, read_manifest, write_manifest
from synth.storage.shard import write_shard

COUNT = 12
HEADINGS = ["Motivation", "Composition", "Collection", "Preprocessing", "Uses", "Distribution", "Maintenance"]


@pytest.fixture
def folder(tmp_path):
    """A dataset whose config allows yaw in all directions."""
    manifest = make_dataset(tmp_path / "d", COUNT, 5)
    manifest.record_keys["scene.pose.yaw_max_deg"] = 180.0
    manifest.model = {"name": "mine & <yours>", "licence": "CC-BY-4.0", "checksum": "0"}
    write_manifest(tmp_path / "d", manifest)
    return tmp_path / "d"


def page(path):
    """The page as a tree: it is well-formed XML but for its first line."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>\n")
    return ElementTree.fromstring(text.split("\n", 1)[1])


def words(tree) -> str:
    return " ".join("".join(tree.itertext()).split())


def test_the_page_is_well_formed_and_has_the_headings_of_a_datasheet(folder):
    html, _ = write_report(folder)
    tree = page(html)
    titles = [title.text for title in tree.iter("h2")]
    assert [any(title.startswith(heading) for title in titles) for heading in HEADINGS] == [True] * 7
    names = [entry.get("id") for entry in tree.iter() if entry.get("id")]
    assert len(names) == len(set(names))
    targets = [link.get("href").lstrip("#") for link in tree.iter("a")]
    assert targets
    assert set(targets) <= set(names)


def test_the_page_needs_no_other_file(folder):
    html, _ = write_report(folder)
    tree = page(html)
    sources = [entry.get("src") for entry in tree.iter() if entry.get("src")]
    assert len(sources) == COUNT
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not [entry.tag for entry in tree.iter() if entry.tag in ("script", "link", "iframe")]
    assert not re.search(r"url\(|@import", html.read_text(encoding="utf-8"))


def test_every_histogram_is_numpys(folder):
    html, _ = write_report(folder)
    columns = Columns(synth.open_dataset(folder))
    columns.read()
    add_derived(columns, None)
    charts = [chart for chart in page(html).iter("svg") if chart.get("data-edges")]
    charts = [chart for chart in charts if chart.get("data-column") in columns]
    seen = {chart.get("data-column") for chart in charts}
    assert {"params/yaw_pitch_roll.0", "landmarks/visible"} <= seen
    for chart in charts:
        values, edges = columns[chart.get("data-column")].values, json.loads(chart.get("data-edges"))
        assert json.loads(chart.get("data-counts")) == np.histogram(values[np.isfinite(values)], edges)[0].tolist()


def test_empty_bins_that_the_config_allows_are_named(folder):
    yaw = np.rad2deg([make_record(k)["params/yaw_pitch_roll"][0] for k in range(COUNT)])
    html, _ = write_report(folder)
    (line,) = [line.text for line in page(html).iter("li") if line.text and line.text.startswith("No record has yaw")]
    spans = [(float(a), float(b)) for a, b in re.findall(r"between (-?\d+) and (-?\d+)", line)]
    assert spans
    assert not [(a, b) for a, b in spans if ((yaw > a) & (yaw < b)).any()]
    covered = sum(b - a for a, b in spans)
    assert covered >= 180
    assert "the config allows -180 to 180°" in line


def test_shares_of_classes_are_those_of_all_pixels(folder):
    counted = sum(make_record(k)["class_pixels"] for k in range(COUNT))
    html, _ = write_report(folder)
    shares = [float(row.get("data-share")) for row in page(html).iter("li") if row.get("data-share")]
    expected = sorted((counted[n] / counted.sum() for n in CLASSES), reverse=True)
    np.testing.assert_allclose(shares, expected, rtol=1e-12)


def test_without_class_pixels_the_segmentation_is_counted(tmp_path):
    make_dataset(tmp_path, 6, 3, ("image", "segmentation", *ALWAYS))
    facts = read_facts(tmp_path, 0)
    counted = sum(np.bincount(make_record(k)["segmentation"].ravel(), minlength=256) for k in range(6))
    assert facts.classes_of == 6
    expected = dict(zip(CLASSES.values(), (counted / counted.sum())[list(CLASSES)], strict=True))
    assert facts.classes == pytest.approx(expected)


def test_without_the_model_skin_tone_is_what_the_albedo_pass_shows(folder):
    facts = read_facts(folder, 0)
    (tone,) = [h for h in facts.histograms() if h.column == "skin/tone"]
    angles = []
    for record in map(make_record, range(COUNT)):
        skin = record["albedo"][record["segmentation"] == 1].astype(float)
        angles += [typology_angle(np.median(skin, axis=0))] if len(skin) else []
    assert tone.counts.tolist() == np.bincount(tone_codes(np.array(angles)), minlength=6).tolist()


def test_a_scene_without_people_has_no_skin_tone(folder):
    classes = {0: "background", 1: "sphere"}
    write_manifest(folder, dataclasses.replace(read_manifest(folder), classes=classes, model=None))
    facts = read_facts(folder, 0)
    assert not [h.column for h in facts.histograms() if h.column.startswith("skin/")]
    assert not [line for line in facts.gaps if "skin" in line]


def test_what_the_records_do_not_tell_is_said(folder):
    lines = read_facts(folder, 0).gaps
    assert any(line.startswith("The records do not tell age") for line in lines)
    assert not any("do not tell skin tone" in line for line in lines)


def test_names_from_outside_are_text_and_not_markup(folder):
    html, _ = write_report(folder)
    assert "mine & <yours>" in words(page(html))
    assert "CC-BY-4.0" in words(page(html))


MARKUP = "<script>alert(1)</script>"


def test_no_text_of_dataset_json_becomes_markup(folder):
    manifest = read_manifest(folder)
    rows = [row | {"dtype": MARKUP, "shape": [MARKUP], "unit": MARKUP, "doc": MARKUP} for row in manifest.passes]
    texts = {"synth_version": MARKUP, "bpy_version": MARKUP, "device": MARKUP, "config_hash": "<b/>"}
    tables = {
        "passes": rows,
        "record_keys": {MARKUP: [MARKUP]},
        "classes": dict.fromkeys(manifest.classes, MARKUP),
        "conventions": {MARKUP: MARKUP, "a number": 3},
        "model": {"name": MARKUP, "licence": MARKUP, MARKUP: {MARKUP: MARKUP}},
    }
    write_manifest(folder, dataclasses.replace(manifest, **texts, **tables))
    html, _ = write_report(folder)
    assert "(config <b/>)" in words(page(html))
    assert MARKUP not in html.read_text(encoding="utf-8")
    assert MARKUP in words(page(html))


def make_faces(folder, count, views, **facts):
    """A dataset of a model, with so many views of each person."""
    manifest = make_dataset(folder, count, 3, ("image", "params/identity", *ALWAYS))
    manifest.model = {"name": "m", "licence": "x"}
    write_manifest(folder, dataclasses.replace(manifest, views_per_identity=views, **facts))


@pytest.mark.parametrize(
    ("count", "views", "quarantined", "identities", "said"),
    [
        (6, 2, [], 3, "There are 6. 2 consecutive records share"),
        (7, 2, [], 4, "There are 7. Up to 2 consecutive records share"),
        (8, 2, [0, 3], 4, "There are 6. 2 more could not be rendered, and are left out. Up to 2 consecutive"),
        (8, 2, [0, 1], 3, "There are 6. 2 more could not be rendered, and are left out. 2 consecutive"),
        (4, 2, [1, 3], 2, "There are 2. 2 more could not be rendered, and are left out. No two records share"),
        (4, 1, [], 4, "There are 4. No two records share"),
    ],
)
def test_identities_are_those_of_the_records_that_are_there(tmp_path, count, views, quarantined, identities, said):
    make_faces(tmp_path, count, views, quarantined=quarantined)
    tree = page(write_report(tmp_path)[0])
    numbers = {row[0].text: row[1].text for row in tree.iter("div") if len(row) == 2 and row[0].tag == "dt"}
    assert numbers["identities"] == str(identities)
    assert said in words(tree)


@pytest.mark.parametrize("name", ["image", "segmentation", "albedo"])
def test_a_damaged_map_is_named_and_the_other_records_are_reported(tmp_path, name):
    make_dataset(tmp_path, 6, 3, ("image", "segmentation", "albedo", *ALWAYS))
    path = tmp_path / "shards/shard-000000.h5"
    with h5py.File(path) as file:
        at = file[name].id.get_chunk_info(1).byte_offset + 40
    content = bytearray(path.read_bytes())
    content[at] ^= 8
    path.write_bytes(content)
    facts = read_facts(tmp_path, 6)
    (line,) = facts.unreadable
    assert line.startswith(f"shards/shard-000000.h5, record 1, {name} cannot be read")
    assert [index for index, _ in facts.grid] == [k for k in range(6) if k != 1 or name != "image"]
    assert facts.classes_of == 6 - (name == "segmentation")
    assert write_report(tmp_path)[0].exists()


def test_a_statistical_expression_is_at_rest_at_0_alone(tmp_path):
    values = [{"a": -1.2, "b": 0.0}, {"a": 0.5}, {"b": -0.3}]
    manifest = make_manifest(3, 3, ("image", *ALWAYS))
    records = [make_record(k, names=("image", *ALWAYS)) for k in range(3)]
    for record, expression in zip(records, values, strict=True):
        record["meta/spec"] = as_stored(PASSES["meta/spec"], json.dumps({"expression": expression}))
    (plan,) = planned_shards(3, 3)
    manifest.shards.append(write_shard(tmp_path, plan, ("image", *ALWAYS), records))
    write_manifest(tmp_path, manifest)
    (active,) = [h for h in read_facts(tmp_path, 0).histograms() if h.column == "expression"]
    assert dict(zip(active.names, active.counts.tolist(), strict=True)) == {"a": 2, "b": 1}


def test_the_authors_notes_come_first_in_their_section(folder, tmp_path):
    notes = tmp_path / "notes.toml"
    notes.write_text('motivation = "To find <gaps>."', encoding="utf-8")
    html, _ = write_report(folder, notes=notes)
    (said,) = [p.text for p in page(html).iter("p") if p.get("class") == "note"]
    assert said == "To find <gaps>."


@pytest.mark.parametrize("text", ['nonsense = "x"', "motivation = 3", "not toml", None])
def test_notes_that_cannot_be_read_are_refused(folder, tmp_path, text):
    notes = tmp_path / "notes.toml"
    if text is not None:
        notes.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="--notes"):
        write_report(folder, notes=notes)
    assert not (folder / "report.html").exists()


def test_the_poster_is_a_picture_and_both_are_the_same_each_time(folder, tmp_path):
    first = [path.read_bytes() for path in write_report(folder)]
    again = write_report(folder, tmp_path / "other")
    assert [path.read_bytes() for path in again] == first
    assert Image.open(again[1]).size[0] == 1600


@pytest.mark.parametrize("names", [("image",), ("depth", "camera/K"), ("landmarks/points_2d",), NAMES])
def test_a_scene_with_few_passes_has_a_report_too(tmp_path, names):
    make_dataset(tmp_path, 3, 2, tuple(dict.fromkeys((*names, *ALWAYS))))
    html, png = write_report(tmp_path)
    assert page(html).tag == "html"
    assert Image.open(png).size[1] > 100


def test_a_dataset_without_records_has_no_report(tmp_path):
    write_manifest(tmp_path, make_manifest(4, 2))
    with pytest.raises(ValueError, match="nothing to report"):
        write_report(tmp_path)
