"""A dataset that may not be gone on with is replaced with overwrite=true, whatever the reason. No Blender."""

import os
from functools import partial

import pytest
from in_process import here
from stub import Stub, rendered, stub_config

from synth.farm import driver
from synth.farm.driver import render_dataset
from synth.storage.manifest import read_manifest, write_manifest
from synth.storage.reader import open_dataset

# ruff: noqa: F401, F811 (fixtures are imported)


@pytest.fixture(params=["folder", "url"])
def config(here, tmp_path, request):
    """Of a dataset of two shards, one of which is lost."""
    (tmp_path / "log").mkdir()
    config = stub_config(tmp_path / "there", 6, 1)
    config.farm.address = here
    if request.param == "url":
        config.output.dir, config.output.work_dir = f"file://{tmp_path}/there", str(tmp_path / "work")
    render(config, tmp_path)
    (tmp_path / "there/shards/shard-000000.h5").unlink()
    return config


def render(config, tmp_path):
    return render_dataset(config, "config: here\n", partial(Stub, log=tmp_path / "log"))


def another_version(tmp_path, monkeypatch):
    manifest = read_manifest(tmp_path / "there")
    manifest.synth_version = "0.0.1"
    write_manifest(tmp_path / "there", manifest)


def another_model(tmp_path, monkeypatch):
    manifest = read_manifest(tmp_path / "there")
    manifest.model = {"name": "other", "licence": "CC0", "sha256": "00"}
    write_manifest(tmp_path / "there", manifest)


def other_files(tmp_path, monkeypatch):
    manifest = read_manifest(tmp_path / "there")
    manifest.folders = {"scene.folder": {"files": 1, "sha256": "aa"}}
    write_manifest(tmp_path / "there", manifest)
    monkeypatch.setattr(driver, "folder_rows", lambda config: {"scene.folder": {"files": 2, "sha256": "bb"}})
    monkeypatch.setattr("synth.farm.worker.folder_rows", driver.folder_rows)


@pytest.mark.parametrize("change", [another_version, another_model, other_files])
def test_what_is_refused_can_be_overwritten_and_the_error_says_so(config, tmp_path, monkeypatch, change):
    change(tmp_path, monkeypatch)
    before = os.listdir(tmp_path / "there/shards")
    with pytest.raises(ValueError, match=r"choose another output\.dir.* or say overwrite=true to delete"):
        render(config, tmp_path)
    assert os.listdir(tmp_path / "there/shards") == before
    config.overwrite = True
    render(config, tmp_path)
    assert rendered(tmp_path / "log") == sorted([*range(6)] * 2)
    assert open_dataset(tmp_path / "there").manifest.synth_version == driver.begin(config).synth_version


def test_overwrite_spares_a_dataset_that_can_be_gone_on_with(config, tmp_path):
    config.overwrite = True
    render(config, tmp_path)
    assert rendered(tmp_path / "log") == [0, 0, 1, 1, 2, 2, 3, 4, 5]
