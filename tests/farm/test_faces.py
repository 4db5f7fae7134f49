"""Faces through the whole farm: records are the same bytes however many workers render them."""

import h5py
import numpy as np
import pytest

from synth.__main__ import main
from synth.bench.storage import source_records
from synth.models import load_model
from synth.rerender import differences
from synth.storage.reader import open_dataset
from synth.storage.rounding import rounded


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    folders = {workers: tmp_path_factory.mktemp("faces") / f"by_{workers}" for workers in (1, 2)}
    for workers, folder in folders.items():
        assert main(["run", "+experiment=faces_smoke", f"output.dir={folder}", f"farm.workers={workers}"]) == 0
    return folders


def test_one_and_two_workers_give_the_same_bytes_in_every_array_of_every_record(datasets):
    one, two = (open_dataset(folder) for folder in datasets.values())
    assert len(one) == len(two) == 4
    for index in range(4):
        first, second = one.record(index), two.record(index)
        assert first.keys() == second.keys()
        for name in first:
            assert first[name].tobytes() == second[name].tobytes() or name == "meta/spec", (index, name)
        assert first["meta/spec"].item() == second["meta/spec"].item()


def test_the_dataset_keeps_the_contract_under_check(datasets):
    assert main(["check", str(datasets[2])]) == 0


def test_records_come_out_the_same_when_they_are_rendered_again(datasets, capsys):
    assert main(["check", str(datasets[1]), "--rerender", "3"]) == 0
    assert "rendering records 0, 2, 3 again" in capsys.readouterr().out


def test_the_bench_of_storage_can_have_the_floats_before_they_were_rounded(datasets):
    (exact,) = source_records(datasets[1], rerender=1)
    stored = open_dataset(datasets[1]).record(0, tuple(exact))
    assert (exact["pncc"] != stored["pncc"]).any()
    assert list(differences(0, stored, {name: rounded(name, array) for name, array in exact.items()})) == []


def test_a_changed_pixel_is_found_by_rendering_again(datasets):
    dataset = open_dataset(datasets[1])
    stored = dataset.record(1)
    changed = {name: array.copy() for name, array in stored.items()}
    changed["image"][5, 7, 1] ^= 1
    assert list(differences(1, changed, stored)) == ["record 1: image[5, 7, 1] is not what it is when rendered again"]


def test_a_plain_h5py_opens_it_all(datasets):
    with h5py.File(datasets[1] / "dataset.h5") as file:
        assert file["image"].shape == (4, 64, 64, 3)
        assert file["image"].dtype == np.uint8
        assert file["params/identity"].shape == (4, len(load_model("makehuman").identity))
        assert file["depth"].attrs["unit"] == "m"


def test_a_second_run_of_a_finished_dataset_does_nothing(datasets, capsys):
    before = {path: path.stat().st_mtime_ns for path in datasets[1].rglob("*")}
    assert main(["run", "+experiment=faces_smoke", f"output.dir={datasets[1]}"]) == 0
    assert "nothing to render" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in datasets[1].rglob("*")} == before
