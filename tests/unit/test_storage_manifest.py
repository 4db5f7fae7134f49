"""Laws of dataset.json."""

import json

import pytest
from storage_records import make_dataset, make_manifest

from synth.storage.files import replacing
from synth.storage.manifest import MANIFEST, differing_keys, planned_shards, read_manifest, write_manifest


def test_a_manifest_is_read_back_as_it_was_written(tmp_path):
    manifest = make_dataset(tmp_path)
    assert read_manifest(tmp_path) == manifest


def test_the_same_manifest_gives_the_same_bytes_in_whatever_order_its_shards_came(tmp_path):
    manifest = make_dataset(tmp_path)
    before = (tmp_path / MANIFEST).read_bytes()
    manifest.shards.reverse()
    write_manifest(tmp_path, manifest)
    assert (tmp_path / MANIFEST).read_bytes() == before


def test_a_folder_without_a_manifest_holds_no_dataset(tmp_path):
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize(("num_records", "records_per_shard"), [(1, 64), (64, 64), (65, 64), (7, 3), (5, 1)])
def test_planned_shards_hold_every_record_once_in_order(num_records, records_per_shard):
    plans = planned_shards(num_records, records_per_shard)
    assert [plan.first + k for plan in plans for k in range(plan.count)] == list(range(num_records))


def test_differing_keys_name_the_key_and_both_values():
    manifest = make_manifest(4, 2)
    assert differing_keys(manifest, {"seed": 1, "render.hw": (24, 40), "model": "x"}) == [
        ("model", None, "x"),
        ("seed", 0, 1),
    ]


HOSTILE = {
    "leaves the dataset": lambda m: m["shards"][0].update(file="../../x.h5"),
    "leaves the dataset ": lambda m: m["shards"][0].update(file="/etc/passwd"),
    "leaves the dataset  ": lambda m: m["shards"][0].update(file="shards/../../x.h5"),
    "needs first, count and bytes": lambda m: m["shards"][0].update(count=-1),
    "needs first, count and bytes ": lambda m: m["shards"][0].update(first="0"),
    "the same record": lambda m: m["shards"][1].update(first=1),
    "update synth": lambda m: m.update(schema_version=3),
    "schema_version": lambda m: m.update(schema_version="1"),
    "'seed' is missing": lambda m: m.pop("seed"),
    "num_records must be": lambda m: m.update(num_records="many"),
    "views_per_identity must be": lambda m: m.update(views_per_identity=0),
    "numbered 0 to 255": lambda m: m["classes"].update({"300": "x"}),
    "not in the pass table": lambda m: m["passes"][0].update(name="../image"),
    "num_records must be at most": lambda m: m.update(num_records=10**15),
    "must end within": lambda m: m["shards"][-1].update(count=10**30),
    "must end within ": lambda m: m["shards"][-1].update(first=10**30),
    "model must be": lambda m: m.update(model="x"),
    "model must be ": lambda m: m.update(model={"name": 3, "licence": "CC0"}),
    "lacks meta/index": lambda m: m.update(passes=[row for row in m["passes"] if row["name"] != "meta/index"]),
    "'dtype' is missing": lambda m: m["passes"][0].pop("dtype"),
    "must say the unit": lambda m: m["passes"][0].update(unit=None),
    "unexpected": lambda m: m.update(surprise=1),
}


@pytest.mark.parametrize("words", HOSTILE)
def test_a_damaged_or_hostile_manifest_is_one_clear_line(tmp_path, words):
    make_dataset(tmp_path)
    content = json.loads((tmp_path / MANIFEST).read_text())
    HOSTILE[words](content)
    (tmp_path / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(ValueError, match=words.strip()) as caught:
        read_manifest(tmp_path)
    assert MANIFEST in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"[" * 100_000])
def test_a_manifest_that_is_no_json_object_is_refused(tmp_path, content):
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(ValueError, match=MANIFEST):
        read_manifest(tmp_path)


def test_a_writer_that_fails_leaves_the_old_file_and_no_trace(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def interrupted():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "old"
