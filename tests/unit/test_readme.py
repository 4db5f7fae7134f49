"""The README tells the truth: its tables are the code's, its commands compose, its examples run."""

import copy
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hydra.core.config_store import ConfigStore
from storage_records import make_dataset, make_manifest, make_record

from scenes.head.config import CLASSES
from synth.__main__ import VERBS, main
from synth.compose import choices
from synth.export.formats import FORMATS
from synth.models import load_model
from synth.passes import PASSES
from synth.storage.manifest import planned_shards, write_manifest
from synth.storage.shard import write_shard
from synth.storage.virtual import write_virtual
from synth.verbs import KEYS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLE_HEAD = "| name | dtype | shape | unit | space | empty | what |"


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def the_block(language: str, words: str) -> str:
    """The only block that holds these words."""
    (found,) = [block for block in blocks(language) if words in block]
    return found


def file_name(block: str) -> str | None:
    """The path that a comment in a block's first two lines gives it."""
    named = re.search(r"\A(?:# @.*\n)?# ([\w/]+\.(?:py|yaml))", block)
    return named and named[1]


COMMANDS = re.findall(r"python -m synth (.+)", "".join(blocks("sh")))


@pytest.fixture
def user_folder(tmp_path, monkeypatch) -> Path:
    """The folder of a user who has typed off every file that the README shows."""
    for block in (*blocks("python"), *blocks("yaml")):
        if name := file_name(block):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block, encoding="utf-8")
            if path.suffix == ".py":
                (path.parent / "__init__.py").touch()
    store = ConfigStore.instance()
    monkeypatch.setattr(store, "repo", copy.deepcopy(store.repo))  # the scene of this folder ends with the test
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize("extra", [False, True], ids=["contract", "extras"])
def test_the_tables_of_a_record_are_the_pass_table(extra):
    lines = README.splitlines()
    start = [k for k, line in enumerate(lines) if line == TABLE_HEAD][extra] + 2
    shown = lines[start : lines.index("", start)]
    expected = [
        f"| `{p.name}` | {p.dtype} | [{', '.join(map(str, p.shape))}] | {p.unit} | {p.space} | {p.empty} | {p.doc} |"
        for p in PASSES.values()
        if p.extra == extra
    ]
    assert shown == expected


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_table_of_verbs(verb):
    assert f"\n| `{verb}` | " in README


@pytest.mark.parametrize("experiment", choices()["experiment"])
def test_every_experiment_is_in_the_table_of_experiments(experiment):
    assert f"\n| `{experiment}` | " in README


@pytest.mark.parametrize("key", re.findall(r"^  ([\w.]+)=", KEYS, re.MULTILINE))
def test_every_key_that_help_shows_is_in_the_table_of_keys(key):
    assert f"\n| `{key}` | " in README


@pytest.mark.parametrize(("group", "names"), [row for row in choices().items() if row[0] != "experiment"])
def test_every_choice_of_a_group_is_in_its_row(group, names):
    (row,) = re.findall(rf"^\| `\+?{group}` \| .*$", README, re.MULTILINE)
    assert all(f"`{name}`" in row for name in names)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one(command, user_folder, capsys):
    verb, *words = shlex.split(command)
    asked = [verb, words[0]] if verb in ("bench", "models") else [verb]  # which have verbs of their own
    assert main([verb, *words, "--cfg", "job"] if verb == "run" else [*asked, "--help"]) == 0
    options = [word for word in words if word.startswith("--")]
    shown = capsys.readouterr().out
    assert verb == "run" or all(option in shown for option in options)


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: file_name(block) or block.split("\n")[0])
def test_every_python_block_compiles(block):
    compile(block, "README.md", "exec")


def test_the_h5py_block_reads_a_dataset(user_folder, capsys):
    folder = user_folder / "datasets/faces_demo"
    write_virtual(folder, make_dataset(folder))
    exec(the_block("python", 'data["image"][0]'), {})
    assert "7 records of (24, 40, 3)" in capsys.readouterr().out


def test_the_reader_block_reads_a_dataset(user_folder, capsys):
    make_dataset(user_folder / "datasets/faces_demo")
    exec(the_block("python", "data.by_identity()"), {})
    assert "7 records, 3 passes) 4 " in capsys.readouterr().out


def test_the_pytorch_block_reads_a_dataset(user_folder, capsys):
    pytest.importorskip("torch", reason="torch is not installed: the block is compiled, not run")
    make_dataset(user_folder / "datasets/faces_demo", 16)
    exec(the_block("python", "import Loader").replace("num_workers=2", "num_workers=0"), {})
    assert "1 torch.Size([8, 3, 24, 40]) torch.float32" in capsys.readouterr().out


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_in_the_table_of_formats(name):
    assert f"\n| `{name}` | " in README


def test_the_model_block_finds_the_place_that_each_code_names(user_folder):
    model = load_model("makehuman").subdivided(1)
    record = make_record(0) | {"params/head_to_camera": np.eye(4)}
    rng = np.random.default_rng(0)
    record["params/identity"] = rng.normal(size=len(model.identity)).astype(np.float32)
    record["params/expression"] = rng.uniform(size=len(model.expression)).astype(np.float32)
    coded = record["pncc"][..., 0] >= 0
    corners = model.triangles()[rng.integers(len(model.triangles()), size=np.count_nonzero(coded))]
    record["pncc"][coded] = model.pncc()[corners].mean(axis=1)
    folder, manifest = user_folder / "datasets/faces_demo", make_manifest(1, 1)
    manifest.shards.append(write_shard(folder, planned_shards(1, 1)[0], manifest.names, [record]))
    write_manifest(folder, manifest)
    names: dict = {}
    exec(the_block("python", "locate(record"), names)
    vertices = model.rebuilt(record)
    np.testing.assert_allclose(names["points"], vertices[corners].mean(axis=1), atol=1e-5)


def test_the_least_scene_renders_sound_records(user_folder):
    code = """
import os
from scenes.ball.config import CLASSES
from synth.compose import compose_config
from synth.pipeline import Pipeline
from synth.record import violations

words = ["scene=ball", "render.hw=[24,40]", "render.spp=1", "farm.device=cpu"]
record = Pipeline(compose_config(words), threads=1).record(0)
print(violations(record, CLASSES), (record["segmentation"] == 1).any(), flush=True)
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip().endswith("[] True"), done.stderr


def test_the_figures_of_the_model_are_the_models():
    model = load_model("makehuman")
    text = " ".join(README.split())
    assert f"It has {len(model.mean):,} vertices; {len(model.identity)} identity components" in text
    assert (
        f"{len(model.expression)} expressions with ARKit's names; {len(model.albedo_basis)} albedo components" in text
    )
    heads, share = re.findall(r"; (\d+) heads, .* ([\d.]+)% of the variance", model.source)[0]
    assert f"with {share} % of the variance of {int(heads):,} drawn heads" in text


def test_the_classes_are_those_of_the_head():
    text = " ".join(README.split())
    assert ", ".join(f"{number} {name.replace('_', ' ')}" for number, name in CLASSES.items()) in text
