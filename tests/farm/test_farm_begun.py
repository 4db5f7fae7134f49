"""What a driver that was killed leaves undone the next one does, in a folder and behind a URL. No Ray, no Blender."""

import os
import shutil
from contextlib import suppress
from functools import partial

import pytest
from in_process import here
from stub import Stub, rendered, stub_config

from synth import __version__
from synth.check import check
from synth.config import Verify
from synth.farm.driver import render_dataset
from synth.farm.ledger import Ledger
from synth.storage.manifest import read_manifest, write_manifest
from synth.storage.reader import open_dataset

# ruff: noqa: F401, F811 (fixtures are imported)


class Killed(BaseException):
    """In place of SIGKILL."""


def killed(*_, **__):
    raise Killed


def killed_at(number: int) -> type[Stub]:
    """A pipeline that does not survive this record."""
    return type("Mortal", (Stub,), {"record": lambda self, i: killed() if i == number else Stub.record(self, i)})


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
    fold = Ledger.fold
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "fold", lambda self, now=False: killed() if self._rows else fold(self, now))
        patch.setattr("synth.farm.publish.Publication.catch_up", lambda self: None)
        with pytest.raises(Killed):
            render(config, tmp_path)
    assert rendered(tmp_path / "log") == list(range(7))
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


@pytest.mark.parametrize("kind", [Stub, killed_at(5)])
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


@pytest.fixture
def parts(config, tmp_path, monkeypatch):
    """Of records 0 and 1, all that a driver has left behind that was killed."""
    with monkeypatch.context() as patch:
        patch.setattr("synth.farm.run.Books._close", lambda *_: None)
        patch.setattr("synth.farm.publish.Publication.catch_up", lambda self: None)
        with pytest.raises(Killed):
            render(config, tmp_path, killed_at(2))
    (folder,) = tmp_path.rglob("parts")
    return folder


def test_parts_of_another_version_are_refused_as_shards_are(config, parts, tmp_path, monkeypatch):
    monkeypatch.setattr("synth.farm.folder.__version__", "9.9.9")
    with pytest.raises(ValueError, match=rf"synth_version must be .* {__version__}, got 9\.9\.9; .*mix_versions=true"):
        render(config, tmp_path)
    config.farm.mix_versions = True
    render(config, tmp_path)
    assert rendered(tmp_path / "log") == list(range(7))
    assert read_manifest(tmp_path / "there").synth_version == f"{__version__} + 9.9.9"


def test_without_parts_or_shards_another_version_begins_anew(config, parts, tmp_path, monkeypatch):
    shutil.rmtree(parts)
    monkeypatch.setattr("synth.farm.folder.__version__", "9.9.9")
    render(config, tmp_path)
    assert read_manifest(tmp_path / "there").synth_version == "9.9.9"


def test_the_device_of_parts_is_known_when_their_driver_was_killed(config, parts, tmp_path):
    assert read_manifest(tmp_path / "there").device == "stub"
    render(config, tmp_path, type("Other", (Stub,), {"device_name": "GPU"}))
    assert rendered(tmp_path / "log") == list(range(7))
    assert read_manifest(tmp_path / "there").device == "GPU + stub"
