"""What `bench farm` tells of: plans of pretended datasets, and the samples of a soak."""

import json
import os

import numpy as np
import pytest

from synth.__main__ import main
from synth.bench.farm import _shapes, table
from synth.bench.soak import _trend, memory_mb, records_there
from synth.farm.simulate import _plan, expected_rate, pretend_dataset


@pytest.mark.parametrize(("finished", "left"), [(0, 1000 - 5), (7, 930 - 5), (100, 0)])
def test_a_plan_leaves_what_is_in_no_shard_and_in_no_part(tmp_path, finished, left):
    config = _shapes(tmp_path / "data", 1000, 10)
    pretend_dataset(tmp_path / "data", config, finished)
    found = _plan(tmp_path / "data", config)
    assert found["left"] == left


def test_workers_that_never_wait_render_by_the_mean_of_their_times():
    assert expected_rate(1000, [2.0, 4.0]) == pytest.approx(1000 / 3)


def test_records_are_counted_once_while_their_shard_replaces_their_parts(tmp_path):
    (tmp_path / "parts").mkdir()
    for index in (6, 7, 12):
        (tmp_path / f"parts/record-{index:08d}.npz").touch()
    rows = [{"first": 0, "count": 4}, {"first": 4, "count": 4}]
    (tmp_path / "journal.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert records_there(tmp_path) == 9


def test_the_slope_of_a_line_is_found_and_of_noise_is_not():
    minutes, noise = np.arange(30.0), np.random.default_rng(1).normal(0, 1, 30)
    line, flat = _trend(minutes, 100 + 12 * minutes / 60 + noise / 100), _trend(minutes, 100 + noise)
    assert line["slope_per_hour"] == pytest.approx(12, abs=0.1)
    assert line["low"] < 12 < line["high"]
    assert flat["low"] < 0 < flat["high"]


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="only Linux tells the memory of others")
def test_the_memory_of_a_process_is_more_than_its_parts():
    assert 10 < memory_mb(os.getpid()) < 10_000


@pytest.mark.parametrize("words", [["--cost", "1"], ["--soak", "0"], ["--workers", "-1"]])
def test_numbers_that_measure_nothing_are_refused(words, capsys):
    assert main(["bench", "farm", *words]) == 2
    assert f"{words[0]} must be" in capsys.readouterr().err


def test_what_was_not_measured_is_said_to_be_so():
    found = {"hw": [512, 512], "spp": 32, "device": "CPU", "core_s": 9.0, "core_s_error": 0.1, "records": 8}
    found |= {
        "megabytes": 3.0,
        "core_hours_per_million": 2500.0,
        "gpu_hours_per_million": None,
        "core_s_deciles": [9.0],
        "wall_s": 9.0,
    }
    assert "2,500 core-hours, 3.0 TB; GPU-hours: not measured" in "\n".join(table({"cost": found}))
