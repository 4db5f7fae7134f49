"""Laws of `check` and `info`: a sound dataset has no problem, and each fault in a file is named by its place."""

import dataclasses
import json

import h5py
import numpy as np
import pytest
from storage_records import make_dataset, make_record, update_checksum

from synth.check import check
from synth.info import info, print_info
from synth.storage.manifest import write_manifest
from synth.storage.parts import save_part
from synth.storage.virtual import VIRTUAL, write_virtual

SHARD = "shards/shard-000001.h5"  # records 3 to 5


@pytest.fixture
def dataset(tmp_path):
    """(folder, manifest) of a sound and finished dataset of 7 records."""
    manifest = make_dataset(tmp_path)
    write_virtual(tmp_path, manifest)
    (tmp_path / "config.yaml").write_text("seed: 0\n")
    (tmp_path / "preview.png").write_bytes(b"")
    return tmp_path, manifest


def test_a_sound_dataset_has_no_problem_and_all_its_records_are_checked(dataset):
    seen = []
    report = check(dataset[0], lambda done, total: seen.append((done, total)))
    assert (report.problems, report.num_records, seen[-1]) == ([], 7, (7, 7))


def break_value(name, at, value):
    def fault(folder, manifest):
        with h5py.File(folder / SHARD, "r+") as file:
            file[name][at] = value  # pyright: ignore
        update_checksum(folder, manifest, 1)

    return fault


def flip_byte(folder, manifest):
    with h5py.File(folder / SHARD) as file:
        at = file["normal"].id.get_chunk_info(2).byte_offset + 40
    content = bytearray((folder / SHARD).read_bytes())
    content[at] ^= 8
    (folder / SHARD).write_bytes(content)


def truncate(folder, manifest):
    (folder / SHARD).write_bytes((folder / SHARD).read_bytes()[:-50])


def rename_unit(folder, manifest):
    with h5py.File(folder / SHARD, "r+") as file:
        file["depth"].attrs["unit"] = "feet"
    update_checksum(folder, manifest, 1)


def delete_pass(folder, manifest):
    with h5py.File(folder / SHARD, "r+") as file:
        del file["pncc"]
    update_checksum(folder, manifest, 1)


def wrong_pass_row(folder, manifest):
    manifest.passes[2]["unit"] = "feet"
    write_manifest(folder, manifest)


def forget_shard(folder, manifest):
    del manifest.shards[1]
    write_manifest(folder, manifest)


def wrong_count(folder, manifest):
    manifest.shards[2] = dataclasses.replace(manifest.shards[2], count=2)
    write_manifest(folder, manifest)


def swap_shards(folder, manifest):
    names = [folder / manifest.shards[k].file for k in (0, 1)]
    contents = [path.read_bytes() for path in names]
    for k, content in enumerate(reversed(contents)):
        names[k].write_bytes(content)
        update_checksum(folder, manifest, k)


FAULTS = {
    f"{SHARD}, record 4: depth[12, 20] is nan": break_value("depth", (1, 12, 20), np.nan),
    f"{SHARD}, record 5: segmentation[0, 1] is 99": break_value("segmentation", (2, 0, 1), 99),
    f"{SHARD}, record 3: meta/index is 8, must be 3": break_value("meta/index", 0, 8),
    f"{SHARD}, record 4: meta/identity_index is 0, must be 2": break_value("meta/identity_index", 1, 0),
    f"{SHARD}, record 4: meta/spec is not JSON": break_value("meta/spec", 1, "{"),
    f"{SHARD}, record 4: meta/spec is a JSON list": break_value("meta/spec", 1, "[]"),
    f"{SHARD} has another SHA-256": flip_byte,
    f"{SHARD}, record 5, normal cannot be read": flip_byte,
    f"{SHARD} has ": truncate,
    f"{SHARD} cannot be read": truncate,
    f"{SHARD} is missing": lambda folder, manifest: (folder / SHARD).unlink(),
    f"{SHARD}: depth has another unit": rename_unit,
    f"{SHARD} cannot be read: pncc is missing": delete_pass,
    f"{SHARD} holds 3 records from 0": swap_shards,
    "dataset.json: the rows of its passes": wrong_pass_row,
    "dataset.json: 4 of 7 records are there, shards/shard-000001.h5": forget_shard,
    "dataset.json: shards/shard-000002.h5 with 2 records from 6": wrong_count,
    "config.yaml is missing": lambda folder, manifest: (folder / "config.yaml").unlink(),
    f"{VIRTUAL} is missing": lambda folder, manifest: (folder / VIRTUAL).unlink(),
    f"{VIRTUAL} cannot be read": lambda folder, manifest: (folder / VIRTUAL).write_bytes(b"x"),
    "shards/shard-000000.h5.77.writing was left": lambda folder, manifest: (
        folder / "shards/shard-000000.h5.77.writing"
    ).touch(),
    "parts holds 1 records": lambda folder, manifest: save_part(folder, make_record(3)),
}


@pytest.mark.parametrize("words", FAULTS)
def test_a_fault_in_a_dataset_is_found_and_named(dataset, words):
    FAULTS[words](*dataset)
    problems = check(dataset[0]).problems
    assert any(text.startswith(words) for text in problems), problems


def test_a_damaged_record_does_not_hide_the_faults_of_others(dataset):
    folder, manifest = dataset
    break_value("depth", (0, 12, 20), 5.0)(folder, manifest)
    flip_byte(folder, manifest)
    report = check(folder)
    assert report.num_records == 7
    assert [any(f"record {index}" in text for text in report.problems) for index in (3, 5)] == [True, True]


def test_a_dataset_that_lacks_nearly_all_of_its_shards_is_checked_at_once(dataset):
    folder, manifest = dataset
    manifest.num_records, manifest.records_per_shard = 10**8, 1
    write_manifest(folder, manifest)
    assert "shard-000001.h5 is the first shard that is not" in " ".join(check(folder).problems)


def test_a_folder_without_a_dataset_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no dataset"):
        check(tmp_path)


def test_info_is_json_that_says_how_much_is_there(dataset, capsys):
    folder, manifest = dataset
    print_info(folder, as_json=True)
    facts = json.loads(capsys.readouterr().out)
    assert (facts["records_done"], facts["complete"], facts["bytes"]) == (
        7,
        True,
        sum(r.bytes for r in manifest.shards),
    )
    assert facts == json.loads(json.dumps(info(folder)))


def test_info_for_people_names_every_pass_and_class(dataset, capsys):
    print_info(dataset[0])
    text = capsys.readouterr().out
    assert all(name in text for name in (*dataset[1].names, *dataset[1].classes.values()))
