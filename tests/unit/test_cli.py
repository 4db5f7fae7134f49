"""The command line: what it prints and what it returns. No test here starts Ray or Blender."""

import subprocess
import sys

import pytest

from synth import __version__
from synth.__main__ import VERBS, main


def test_without_words_it_shows_every_verb(capsys):
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(f"python -m synth {verb}" in shown for verb in VERBS)


def test_version_is_the_packages(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_help_of_run_lists_experiments_and_the_keys_that_scripts_rely_on(capsys):
    assert main(["run", "--help"]) == 0
    shown = capsys.readouterr().out
    keys = "num_records seed output.dir overwrite render.hw render.spp farm.workers farm.address farm.device model"
    assert all(
        word in shown for word in [*keys.split(), "views_per_identity", "faces_demo", "faces_large", "--multirun"]
    )


def test_cfg_job_prints_the_composed_config(capsys):
    assert main(["run", "+experiment=faces_demo", "seed=7", "--cfg", "job"]) == 0
    shown = capsys.readouterr().out
    assert "seed: 7" in shown
    assert "dir: datasets/faces_demo" in shown
    assert "yaw_sigma_deg: 24.2" in shown


def test_cfg_job_of_a_multirun_prints_each_job(capsys):
    assert main(["run", "-m", "--cfg", "job", "seed=1,2", "output.dir=data/${seed}"]) == 0
    shown = capsys.readouterr().out
    assert "dir: data/1" in shown
    assert "dir: data/2" in shown


BAD = [
    ["foo"],
    ["run", "--foo"],
    ["run", "num_recods=5"],
    ["run", "+experiment=nothing"],
    ["run", "scene=nothing"],
    ["run", "num_records=0"],
    ["run", "num_records=-1"],
    ["run", "render.hw=[0,0]"],
    ["run", "output.dir=/proc/nothing"],
    ["run", "--config-dir", "/nowhere"],
    ["run", "-c", "all"],
    ["info", "/nowhere"],
    ["check", "/nowhere"],
    ["preview", "/nowhere"],
    ["view", "/nowhere"],
    ["report", "/nowhere"],
    *([verb, "s3://bucket/x"] for verb in ("info", "check", "preview", "view", "report")),
]


@pytest.mark.parametrize("words", BAD, ids=" ".join)
def test_bad_words_give_one_line_and_a_failure(words, capsys):
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert words[-1].split("=")[0].lstrip("+-") in said


def test_the_environment_can_ask_for_the_traceback(monkeypatch):
    monkeypatch.setenv("SYNTH_TRACEBACK", "1")
    with pytest.raises(ValueError, match="num_records"):
        main(["run", "num_records=0"])


def test_it_runs_from_any_folder_and_leaves_nothing_there(tmp_path):
    words = [sys.executable, "-m", "synth", "run", "+experiment=faces_demo", "num_records=0"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "num_records" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
