"""What a worker makes of what is there, and what is lost of it. No Ray, no Blender."""

import os
from functools import partial
from pathlib import Path

import h5py
import pytest
from in_process import here
from stub import Stub, rendered, stub_config

from synth.check import check
from synth.farm.driver import render_dataset
from synth.storage.reader import open_dataset

# ruff: noqa: F401, F811 (fixtures are imported)


@pytest.fixture
def render(here, tmp_path):
    (tmp_path / "log").mkdir()

    def render(num_records: int, fail: tuple[int, ...] = (), url: bool = False, machine: str = "one"):
        """machine: another one has another working folder."""
        config = stub_config(tmp_path / "there", num_records, 1)
        config.farm.address = here
        if url:
            config.output.dir, config.output.work_dir = f"file://{tmp_path}/there", str(tmp_path / machine)
        return render_dataset(config, "config: here\n", partial(Stub, log=tmp_path / "log", fail=fail))

    return render


def flip_a_bit(path: Path, row: int) -> None:
    """As a disk does it, in the depth of one record: size and time stay."""
    status = path.stat()
    with h5py.File(path) as file:
        depth = file["depth"]
        at = depth.id.get_chunk_info_by_coord((row, *(0,) * (depth.ndim - 1))).byte_offset + 20
    content = bytearray(path.read_bytes())
    content[at] ^= 255
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("url", [False, True])
def test_a_shard_that_is_damaged_is_rendered_again_when_it_grows(render, tmp_path, url):
    render(5, url=url)
    flip_a_bit(tmp_path / "there/shards/shard-000001.h5", 1)
    render(6, url=url)
    assert rendered(tmp_path / "log") == [0, 1, 2, 3, 3, 4, 4, 5]
    assert len(open_dataset(tmp_path / "there")) == 6
    assert check(tmp_path / "there").problems == []


@pytest.mark.parametrize("url", [False, True])
@pytest.mark.parametrize("fail", [(), (3,)])
def test_a_damaged_shard_with_an_empty_record_is_rendered_again_when_it_grows(render, tmp_path, url, fail):
    render(5, fail=(3,), url=url)
    flip_a_bit(tmp_path / "there/shards/shard-000001.h5", 1)
    render(6, fail=fail, url=url)
    assert open_dataset(tmp_path / "there").indices().tolist() == [i for i in range(6) if i not in fail]


@pytest.mark.parametrize("machine", ["one", "two"])
def test_the_last_shard_of_a_dataset_behind_a_url_may_hold_failed_records_only(render, tmp_path, machine):
    render(6, url=True)
    assert render(8, fail=(6, 7), url=True, machine=machine) == 2
    assert open_dataset(tmp_path / "there").manifest.records_done == 8


def test_all_that_is_published_lately_is_an_example(render, tmp_path):
    """dataset.json, published once a minute, does not name it yet."""
    assert render(7, fail=(6,), url=True) == 1
