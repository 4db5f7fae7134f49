"""`check --rerender`: records that numpy makes again stand in for Blender's."""

import h5py
import numpy as np
import pytest
from storage_records import make_dataset, make_record

from synth.__main__ import main
from synth.compose import as_yaml, compose_config, config_from_yaml
from synth.rerender import spread_indices
from synth.storage.manifest import write_manifest

NAMES = ("depth", "segmentation", "meta/index", "meta/identity_index", "meta/spec")
RENDERED: list[int] = []


class Numpy:
    """A pipeline without Blender."""

    def __init__(self, config) -> None:
        RENDERED.clear()

    def record(self, index: int):
        RENDERED.append(index)
        return make_record(index, names=NAMES)


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    monkeypatch.setattr("synth.rerender.Pipeline", Numpy)
    monkeypatch.setattr("synth.blender.libraries.require_libraries", lambda: None)
    manifest = make_dataset(tmp_path, 7, 3, NAMES)
    (tmp_path / "config.yaml").write_text(as_yaml(compose_config([])))
    return tmp_path, manifest


def rerendered(folder, capsys) -> tuple[int, str, str]:
    code = main(["check", str(folder), "--rerender", "3"])
    return code, *capsys.readouterr()


def test_what_check_found_is_said_before_anything_is_rendered(dataset, capsys):
    folder, _ = dataset
    (folder / "config.yaml").write_text("null")
    code, shown, said = rerendered(folder, capsys)
    assert code == 2
    assert "dataset.h5 is missing" in said
    assert "7 records checked, 2 problems" in shown
    assert said.splitlines()[-1].startswith("error: ")


def test_of_an_unfinished_dataset_records_that_are_there_are_rendered_again(dataset, capsys):
    folder, manifest = dataset
    (folder / manifest.shards.pop(0).file).unlink()
    write_manifest(folder, manifest)
    assert rerendered(folder, capsys)[0] == 1  # unfinished
    assert RENDERED == [3, 5, 6]


def test_a_quarantined_record_is_not_rendered_again(dataset, capsys):
    folder, manifest = dataset
    manifest.quarantined = [0, 6]
    write_manifest(folder, manifest)
    rerendered(folder, capsys)
    assert RENDERED == [1, 3, 5]


def test_a_damaged_record_is_a_problem_and_the_others_are_compared(dataset, capsys):
    folder, manifest = dataset
    path = folder / manifest.shards[0].file
    with h5py.File(path) as file:
        place = file["depth"].id.get_chunk_info_by_coord((0, 0, 0)).byte_offset + 20
    content = bytearray(path.read_bytes())
    content[place] ^= 255
    path.write_bytes(content)
    code, shown, said = rerendered(folder, capsys)
    assert code == 1
    assert said.splitlines()[-1].startswith("record 0 cannot be compared: shards/shard-000000.h5, record 0, depth")
    assert "3 records rendered again, 1 problems" in shown
    assert RENDERED == [3, 6]


@pytest.mark.parametrize("content", ["null", "42", "- a", "", "scene: foo", "scene: null", "scene: {name: [1]}", "\0"])
def test_a_config_that_is_none_is_an_error_in_one_line(tmp_path, content):
    path = tmp_path / "config.yaml"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"config\.yaml is not the config of a dataset") as caught:
        config_from_yaml(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wanted", [1, 2, 5, 40])
def test_records_are_chosen_among_those_that_are_there_the_first_among_them(wanted):
    there = np.array([3, 4, 9, 10, 11, 12])
    chosen = spread_indices(there, wanted)
    assert len(chosen) == min(wanted, 6)
    assert set(chosen) <= set(there.tolist())
    assert chosen[0] == 3
