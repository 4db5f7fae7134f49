"""The farm on a stub pipeline: what a run leaves behind, whatever happens to its workers.

One Ray cluster serves all runs here but the interrupted one, which starts its own as users do.
"""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from farm_runs import address, bytes_of, log, render, undisturbed
from stub import Stub, rendered, stub_config

from synth.check import check
from synth.config import Config
from synth.farm.driver import render_dataset
from synth.farm.lock import locked
from synth.storage.reader import open_dataset

# ruff: noqa: F401, F811 (fixtures are imported)


def untouchable(config: Config, threads: int) -> Stub:
    raise AssertionError("this run must not render")


def test_every_record_of_a_finished_dataset_is_itself(undisturbed):
    indices = [int(record["meta/index"]) for record in open_dataset(undisturbed)]
    focal = [record["camera/K"][0, 0] for record in open_dataset(undisturbed)]
    assert indices == list(range(7))
    assert focal == [index + 1.0 for index in indices]


def test_nothing_but_the_dataset_is_left(undisturbed):
    names = {"dataset.json", "config.yaml", "dataset.h5", "preview.png", "shards"}
    names |= {"journal.jsonl", "run.log", "report.json", "report.txt"}
    assert {path.name for path in undisturbed.iterdir()} == names


def test_growing_renders_only_what_is_new_and_one_worker_gives_the_bytes_of_two(undisturbed, address, tmp_path, log):
    render(stub_config(tmp_path / "data", 5, 1), address, log)
    render(stub_config(tmp_path / "data", 7, 1), address, log)
    assert rendered(log) == list(range(7))
    assert bytes_of(tmp_path / "data") == bytes_of(undisturbed)


def test_killed_workers_are_replaced_and_no_record_is_lost(undisturbed, address, tmp_path, log):
    render(stub_config(tmp_path / "data", 7, 2), address, log, kill=(1, 5))
    assert {path.name for path in log.glob("killed-*")} == {"killed-1", "killed-5"}
    assert bytes_of(tmp_path / "data") == bytes_of(undisturbed)


def test_a_record_that_fails_again_is_named_and_the_next_run_goes_on(undisturbed, address, tmp_path, log):
    config = stub_config(tmp_path / "data", 7, 1)
    config.farm.max_failures = 0
    with pytest.raises(
        RuntimeError, match=r"record 4 \(seed 0\) failed 3 times: ValueError: the stub was told to fail"
    ):
        render(config, address, log, fail=(4,))
    render(stub_config(tmp_path / "data", 7, 1), address, log)
    assert rendered(log) == list(range(7))
    assert bytes_of(tmp_path / "data") == bytes_of(undisturbed)


def test_a_damaged_shard_and_a_missing_one_are_rendered_again_alone(undisturbed, address, tmp_path, log):
    shutil.copytree(undisturbed, tmp_path / "data")
    first, second, _ = sorted((tmp_path / "data/shards").iterdir())
    first.write_bytes(first.read_bytes()[:-1])
    second.unlink()
    render(stub_config(tmp_path / "data", 7, 2), address, log)
    assert rendered(log) == list(range(6))
    assert check(tmp_path / "data").problems == []
    assert bytes_of(tmp_path / "data") == bytes_of(undisturbed)


def test_a_worker_that_cannot_open_says_why(address, tmp_path, log):
    config = stub_config(tmp_path / "data", 7, 1)
    config.farm.address = address
    with pytest.raises(ValueError, match="no such HDRI"):
        render_dataset(config, "", cannot_open)


def cannot_open(config: Config, threads: int) -> Stub:
    raise ValueError("no such HDRI")


def test_a_second_run_does_nothing(undisturbed, capsys):
    render_dataset(stub_config(undisturbed, 7, 2), "", untouchable)
    assert "all 7 records are there, nothing to render" in capsys.readouterr().out


def test_fewer_records_than_there_are_is_nothing_to_do(undisturbed, capsys):
    render_dataset(stub_config(undisturbed, 4, 2), "", untouchable)
    assert "the dataset has 7 records, more than num_records=4" in capsys.readouterr().out


def test_another_config_is_refused_with_the_keys_that_differ(undisturbed):
    with pytest.raises(
        ValueError, match=r"seed is 0 there and 5 here; choose another output\.dir, or say overwrite=true"
    ):
        render_dataset(stub_config(undisturbed, 7, 2, seed=5), "", untouchable)


def test_overwrite_deletes_a_dataset_of_another_config(address, tmp_path, log):
    render(stub_config(tmp_path / "data", 2, 1), address, log)
    render(stub_config(tmp_path / "data", 2, 1, seed=5, overwrite=True), address, log)
    assert open_dataset(tmp_path / "data").manifest.seed == 5
    assert rendered(log) == [0, 0, 1, 1]


def test_a_folder_of_something_else_is_refused_even_with_overwrite(tmp_path):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(ValueError, match=r"holds 'thesis\.txt' and no dataset\.json"):
        render_dataset(stub_config(tmp_path, 7, 2, overwrite=True), "", untouchable)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"output\.dir must be a folder that can be written, got .*file/data"):
        render_dataset(stub_config(tmp_path / "file/data", 7, 2), "", untouchable)


def test_a_second_driver_is_refused_and_told_of_the_first(tmp_path):
    with locked(tmp_path), pytest.raises(ValueError, match=r"is being rendered by process \d+ on "):
        render_dataset(stub_config(tmp_path, 7, 2), "", untouchable)


def test_an_interrupted_run_stops_at_once_and_goes_on_without_loss(undisturbed, address, tmp_path, log):
    words = [sys.executable, Path(__file__).parent / "stub.py", tmp_path / "data", "7", "0.5"]
    driver = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    while len(rendered(log)) < 4 and driver.poll() is None:
        time.sleep(0.05)
    driver.send_signal(signal.SIGINT)
    start = time.monotonic()
    said = driver.communicate(timeout=30)[1]
    assert driver.returncode == 130
    assert "the same command goes on" in said
    assert time.monotonic() - start < 10
    render(stub_config(tmp_path / "data", 7, 2), address, log)
    assert len(rendered(log)) <= 7 + 2
    assert bytes_of(tmp_path / "data") == bytes_of(undisturbed)
