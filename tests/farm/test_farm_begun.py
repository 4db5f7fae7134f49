"""What a driver that was killed leaves undone the next one does, in a folder and behind a URL. No Ray, no Blender."""

import os
from contextlib import suppress
from functools import partial

import pytest
from in_process import here
from stub import Stub, rendered, stub_config

from synth.check import check
from synth.config import Verify
from synth.farm.driver import render_dataset
from synth.farm.ledger import Ledger
from synth.storage.manifest import read_manifest, write_manifest
from synth.storage.reader import open_dataset

# ruff: noqa: F401, F811 (fixtures are imported)


class Killed(BaseException):
    """In place of SIGKILL."""


class KilledAtFive(Stub):
    def record(self, index):
        return killed() if index == 5 else super().record(index)


def killed(*_, **__):
    raise Killed


@pytest.fixture(params=["folder", "url"])
def config(here, tmp_path, request):
    """Of a dataset of three shards in tmp_path / "there"."""
    (tmp_path / "log").mkdir()
    config = stub_config(tmp_path / "there", 7, 1)
    config.farm.address = here
    if request.param == "url":
        config.output.dir, config.output.work_dir = f"file://{tmp_path}/there", str(tmp_path / "work")
    return config


def render(config, tmp_path, kind=Stub):
    return render_dataset(config, "config: here\n", partial(kind, log=tmp_path / "log"))


def test_a_driver_killed_before_dataset_json_names_the_last_shards_leaves_a_dataset_that_is_finished(
    config, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "fold", killed)
        patch.setattr("synth.farm.publish.Publication.catch_up", lambda self: None)
        with pytest.raises(Killed):
            render(config, tmp_path)
    assert read_manifest(tmp_path / "there").shards == []
    assert render(config, tmp_path) == 0
    assert rendered(tmp_path / "log") == list(range(7))
    assert len(open_dataset(tmp_path / "there")) == 7
    assert check(tmp_path / "there").problems == []


def test_shards_that_dataset_json_does_not_name_yet_are_named_where_nothing_is_missing(config, tmp_path):
    render(config, tmp_path)
    manifest, whole = read_manifest(tmp_path / "there"), (tmp_path / "there/dataset.json").read_bytes()
    manifest.shards = manifest.shards[:2]
    write_manifest(tmp_path / "there", manifest)
    assert render(config, tmp_path) == 0
    assert rendered(tmp_path / "log") == list(range(7))
    assert (tmp_path / "there/dataset.json").read_bytes() == whole


def test_a_dataset_that_is_whole_is_not_written_to(config, tmp_path):
    render(config, tmp_path)
    before = {path: path.stat().st_ino for path in (tmp_path / "there").rglob("*")}
    render(config, tmp_path)
    assert {path: path.stat().st_ino for path in (tmp_path / "there").rglob("*")} == before


@pytest.mark.parametrize("kind", [Stub, KilledAtFive])
def test_bits_that_a_disk_flips_are_found_with_verify_all_and_made_good_whatever_ends_that_run(config, tmp_path, kind):
    render(config, tmp_path)
    path = tmp_path / "there/shards/shard-000001.h5"
    times, whole = (path.stat().st_atime_ns, path.stat().st_mtime_ns), path.read_bytes()
    half = len(whole) // 2
    path.write_bytes(whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :])
    os.utime(path, ns=times)
    config.farm.verify = Verify.all
    with suppress(Killed):
        render(config, tmp_path, kind)
    config.farm.verify = Verify.changed
    render(config, tmp_path)
    assert rendered(tmp_path / "log") == [0, 1, 2, 3, 3, 4, 4, 5, 5, 6]
    assert path.read_bytes() == whole
