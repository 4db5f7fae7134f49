"""A dataset, a model file and a config are data: nothing in them runs, nor leads out of their folder."""

import ast
import json
import os
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from storage_records import make_dataset

from synth.__main__ import main
from synth.compose import compose_config, config_from_yaml
from synth.farm.folder import delete_dataset
from synth.farm.journal import JOURNAL, read_journal
from synth.models.file import read_model
from synth.storage.damage import DamagedShard
from synth.storage.manifest import MANIFEST, read_manifest
from synth.storage.parts import load_part, part_path
from synth.storage.reader import open_dataset
from synth.storage.shard import Shard

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for folder in ("synth", "scenes") for path in (ROOT / folder).rglob("*.py"))

RUNS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "hydra.utils.instantiate", "hydra.utils.call"}
UNPICKLES = ("pickle.", "cPickle.", "dill.", "cloudpickle.", "joblib.", "marshal.", "shelve.", "pandas.read_pickle")
ONLY_WITH = {  # call: the argument without which it may run what it reads, or leave the folder
    "np.load": "allow_pickle=False",
    "numpy.load": "allow_pickle=False",
    "np.fromfile": "",
    "torch.load": "weights_only=True",
    "yaml.load": "Loader=yaml.SafeLoader",
}
PASSES = ("depth", "params/identity", "meta/index", "meta/identity_index", "meta/spec")
RESTRICTED = "synth/models/importers/pickles.py"  # an unpickler that admits arrays and plain containers alone


def small_dataset(folder: Path) -> None:
    """Seven records of a few passes."""
    make_dataset(folder, names=PASSES)


def calls(path: Path) -> list[str]:
    """All calls of a file, each as its source."""
    return [ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


def dangers(path: Path) -> list[str]:
    """Calls that may run what they are given."""
    found = []
    for call in calls(path):
        name = call.partition("(")[0]
        unpickles = name.startswith(UNPICKLES) and path != ROOT / RESTRICTED
        unsafe = name in ONLY_WITH and ONLY_WITH[name] not in call
        if (
            name in RUNS
            or unpickles
            or unsafe
            or "shell=True" in call
            or name.endswith((".extractall", ".unsafe_load"))
        ):
            found.append(call)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_runs_or_unpickles_what_it_reads(path):
    assert dangers(path) == []


@pytest.mark.parametrize(
    "line",
    ["eval(x)", "pickle.loads(x)", "np.load(x)", "np.load(x, allow_pickle=True)", "torch.load(x)", "a.extractall(x)"],
)
def test_the_search_finds_what_it_looks_for(tmp_path, line):
    (tmp_path / "x.py").write_text(line)
    assert dangers(tmp_path / "x.py") == [line]


class Bomb:
    """Pickles as a call that makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (os.mkdir, (str(self.mark),))


def test_a_pickle_in_a_part_is_not_run(tmp_path):
    path = part_path(tmp_path, 0)
    path.parent.mkdir()
    bomb = np.array([Bomb(tmp_path / "ran")], dtype=object)
    np.savez(path.open("wb"), allow_pickle=True, **{"meta/index": np.array(0), "depth": bomb})
    assert load_part(tmp_path, 0) is None
    assert not (tmp_path / "ran").exists()


def test_a_pickle_in_a_shard_is_not_run(tmp_path):
    small_dataset(tmp_path)
    raw = np.void(pickle.dumps(Bomb(tmp_path / "ran")))
    with h5py.File(tmp_path / "shards/shard-000000.h5", "r+") as file:
        del file["depth"]
        file["depth"] = raw
    with pytest.raises(ValueError, match="depth"):
        open_dataset(tmp_path)[0]
    assert not (tmp_path / "ran").exists()


def test_an_array_of_objects_in_a_shard_is_refused(tmp_path):
    small_dataset(tmp_path)
    with h5py.File(tmp_path / "shards/shard-000000.h5", "r+") as file:
        count = len(file["meta/index"])
        del file["params/identity"]
        file.create_dataset("params/identity", (count, 4), dtype=h5py.ref_dtype)
    with pytest.raises(ValueError, match="params/identity"):
        open_dataset(tmp_path)[0]


@pytest.mark.parametrize(
    "line",
    ["output: !!python/object/apply:os.mkdir ['{}']", "seed: !!python/name:os.system", "? !!python/tuple [1]\n: 2"],
)
def test_a_tag_in_the_config_of_a_dataset_is_refused(tmp_path, line):
    path = tmp_path / "config.yaml"
    path.write_text("scene:\n  name: shapes\n" + line.format(tmp_path / "ran") + "\n")
    with pytest.raises(ValueError, match="is not the config of a dataset"):
        config_from_yaml(path)
    assert not (tmp_path / "ran").exists()


def test_the_config_of_a_dataset_does_not_read_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "shapes")
    path = tmp_path / "config.yaml"
    path.write_text("scene:\n  name: ${oc.env:SECRET}\n")
    with pytest.raises(ValueError, match="must hold values"):
        config_from_yaml(path)


@pytest.mark.parametrize("word", ["+scene._target_=os.system", "+_target_=os.system", "scene.name=../../evil"])
def test_a_config_names_nothing_that_could_be_called(word):
    with pytest.raises(ValueError, match=r"is not a key|scene\.name must be"):
        compose_config([word])


@pytest.mark.parametrize("kind", ["external", "virtual", "object"])
def test_a_model_file_whose_arrays_lie_elsewhere_is_refused(tmp_path, kind):
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["schema"] = _schema()
        if kind == "external":
            file.create_dataset("mean", (4,), "u1", external=[("/etc/passwd", 0, 4)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((4,), "u1")
            layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
            file.create_virtual_dataset("mean", layout)
        else:
            file.create_dataset("mean", (1,), h5py.ref_dtype)
    with pytest.raises(ValueError, match="mean is not a plain array in this very file"):
        read_model(path)


def _schema() -> str:
    from synth.models.file import READABLE

    return next(iter(READABLE))


OUTSIDE = ["../x.h5", "shards/../../x.h5", "/etc/passwd", "shards/..", "C:\\x.h5", "shards\\x.h5", "s3://b/x.h5", "",
           "shards/a/b.h5", "shards/x.h5\n", "shards/x\0.h5", "//etc/passwd", "./shards/x.h5"]  # fmt: skip


@pytest.mark.parametrize("file", OUTSIDE)
def test_no_path_in_a_manifest_leaves_the_dataset(tmp_path, file):
    small_dataset(tmp_path)
    content = json.loads((tmp_path / MANIFEST).read_text())
    content["shards"][0]["file"] = file
    (tmp_path / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(ValueError, match="leaves the dataset"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("file", OUTSIDE)
def test_no_path_in_a_journal_leaves_the_dataset(tmp_path, file):
    row = {"file": file, "first": 0, "count": 1, "bytes": 1, "sha256": "", "mtime_ns": 1, "quarantined": []}
    (tmp_path / JOURNAL).write_text(json.dumps(row) + "\n")
    assert read_journal(tmp_path) == {}


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_that_leads_out_of_the_dataset_is_not_read(tmp_path, what):
    small_dataset(tmp_path / "private")
    small_dataset(tmp_path / "data")
    shards, theirs = tmp_path / "data/shards", tmp_path / "private/shards"
    if what == "folder":
        shards.rename(tmp_path / "moved")
        shards.symlink_to(theirs)
    else:
        (shards / "shard-000000.h5").unlink()
        (shards / "shard-000000.h5").symlink_to(theirs / "shard-000000.h5")
    with pytest.raises(DamagedShard, match="is a link that leads out of the dataset"):
        open_dataset(tmp_path / "data")[0]


def test_a_link_within_the_dataset_is_read(tmp_path):
    small_dataset(tmp_path)
    shard = tmp_path / "shards/shard-000000.h5"
    shard.rename(tmp_path / "moved.h5")
    shard.symlink_to("../moved.h5")
    with Shard(shard) as opened:
        assert opened.first == 0


def test_overwriting_deletes_nothing_behind_a_link(tmp_path):
    small_dataset(tmp_path / "private")
    small_dataset(tmp_path / "data")
    (tmp_path / "data/shards").rename(tmp_path / "moved")
    (tmp_path / "data/shards").symlink_to(tmp_path / "private/shards")
    before = sorted((tmp_path / "private/shards").iterdir())
    delete_dataset(tmp_path / "data")
    assert sorted((tmp_path / "private/shards").iterdir()) == before


def test_view_listens_on_localhost_unless_it_is_told_otherwise(tmp_path, monkeypatch):
    server = pytest.importorskip("synth.view.server")
    heard = []
    monkeypatch.setattr(server, "serve", lambda dataset, host, port, ready: heard.append(host))
    assert main(["view", str(tmp_path)]) == 0
    assert main(["view", str(tmp_path), "--host", "192.168.1.7"]) == 0
    assert heard == ["127.0.0.1", "192.168.1.7"]
