"""Whose files a run may delete, when, and what it makes good. No Ray, no Blender."""

import json
from pathlib import Path

import pytest
from conftest import shapes_config
from storage_records import make_dataset

from synth.farm.driver import _finish
from synth.farm.folder import claim, delete_dataset
from synth.storage.manifest import read_manifest
from synth.storage.virtual import virtual_problems


@pytest.fixture
def dataset(tmp_path) -> Path:
    folder = tmp_path / "dataset"
    make_dataset(folder)
    return folder


def test_overwrite_does_not_touch_a_dataset_of_somebody_else(tmp_path):
    config = shapes_config()
    config.overwrite = True
    (tmp_path / "dataset.json").write_text(json.dumps({"name": "my webdataset"}))
    with pytest.raises(ValueError, match="schema_version"):
        claim(tmp_path, config)


def test_what_is_refused_of_a_dataset_behind_a_url_is_said_of_the_url(dataset):
    config = shapes_config()
    config.output.dir = "s3://bucket/faces"
    with pytest.raises(ValueError, match="s3://bucket/faces") as told:
        claim(dataset, config)
    assert str(dataset) not in str(told.value)


def test_a_dataset_that_is_to_be_replaced_is_not_deleted_by_the_claim(dataset):
    config = shapes_config()
    config.overwrite = True
    before = sorted(path.name for path in dataset.rglob("*"))
    assert claim(dataset, config) == (None, True)
    assert sorted(path.name for path in dataset.rglob("*")) == before


def test_deletion_spares_what_is_not_synths(dataset):
    (dataset / "shards" / "mine.tar").write_text("mine")
    (dataset / "notes.txt").write_text("mine too")
    delete_dataset(dataset)
    left = sorted(path.relative_to(dataset).as_posix() for path in dataset.rglob("*") if path.is_file())
    assert left == ["notes.txt", "shards/mine.tar"]


@pytest.mark.parametrize("damage", ["stale", "missing", "empty"])
def test_finishing_again_mends_the_virtual_file(dataset, damage):
    manifest = read_manifest(dataset)
    virtual = dataset / "dataset.h5"
    _finish(dataset, manifest, "config: here\n")
    if damage == "stale":
        older = read_manifest(dataset)
        older.shards = older.shards[:1]
        from synth.storage.virtual import write_virtual

        write_virtual(dataset, older)
    elif damage == "missing":
        virtual.unlink()
    else:
        virtual.write_bytes(b"")
    _finish(dataset, manifest, "config: here\n")
    assert virtual_problems(dataset, manifest) == []
    assert (dataset / "config.yaml").read_text() == "config: here\n"
