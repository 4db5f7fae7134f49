"""Empty records of a dataset behind a URL (a folder here): what is published of them, whenever the driver is killed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from in_process import here
from stub import Stub, rendered, stub_config

from synth.farm.driver import render_dataset
from synth.farm.ledger import Ledger
from synth.farm.remote_lock import LOCK
from synth.storage.reader import Dataset, open_dataset
from synth.storage.upload import Bucket

# ruff: noqa: F401, F811 (fixtures are imported)


@pytest.fixture
def disk(tmp_path):
    """All that a driver leaves: what is behind the URL, and its working folder. Beside it, the log of the stub."""
    (tmp_path / "log").mkdir()
    return tmp_path / "disk"


def render(disk: Path, num_records: int, fail: tuple[int, ...] = (), machine: str = "one", again: bool = False) -> None:
    """machine: another one has another working folder. again: render those anew that are quarantined."""
    config = stub_config(Path("unused"), num_records, workers=1)
    config.output.dir, config.output.work_dir = f"file://{disk}/there", str(disk / machine)
    config.farm.address, config.farm.retry_quarantined = "auto", again
    render_dataset(config, "config: here\n", partial(Stub, log=disk.parent / "log", fail=fail))


def dataset(disk: Path) -> Dataset:
    return open_dataset(f"file://{disk}/there", cache_dir=disk.parent / "cache")


def quarantine_files(disk: Path) -> list[str]:
    return sorted(path.name for path in disk.rglob("record-*.json"))


@contextmanager
def killed(disk: Path) -> Iterator[list[Path]]:
    """Copies of the disk as it was whenever something had been published, and whenever a shard was to be booked."""
    copies: list[Path] = []

    def copying(method, before=False):
        def call(*args):
            done = None if before else method(*args)
            copies.append(shutil.copytree(disk, disk.parent / f"killed-{len(copies)}"))
            (copies[-1] / "there" / LOCK).unlink(missing_ok=True)  # a dead driver's does not count
            return method(*args) if before else done

        return call

    with pytest.MonkeyPatch.context() as patch:
        for kind, name, before in ((Bucket, "put", False), (Bucket, "remove", False), (Ledger, "book", True)):
            patch.setattr(kind, name, copying(getattr(kind, name), before))
        yield copies


def put_back(copy: Path, disk: Path) -> None:
    shutil.rmtree(disk)
    shutil.copytree(copy, disk)


def test_an_empty_record_is_never_taken_for_a_good_one_whenever_the_driver_is_killed(here, disk):
    with killed(disk) as copies:
        render(disk, 5, fail=(1,))
    for copy, machine in zip(copies, cycle(["one", "two"])):  # the same one goes on, or a fresh one
        put_back(copy, disk)
        render(disk, 5, fail=(1,), machine=machine)
        assert dataset(disk).indices().tolist() == [0, 2, 3, 4], copy.name


def test_a_record_that_was_rendered_after_all_is_good_whenever_the_driver_is_killed(here, disk):
    render(disk, 5, fail=(1,))
    with killed(disk) as copies:
        render(disk, 5, again=True)
    for copy, machine in zip(copies, cycle(["two", "one"])):
        put_back(copy, disk)
        render(disk, 5, machine=machine, again=True)
        records = dataset(disk)
        assert len(records) == 5, copy.name
        assert np.all(records.record(1)["depth"] >= 1), copy.name


def test_what_is_quarantined_is_published_at_once(here, disk):
    with killed(disk) as copies:
        render(disk, 9, fail=(1,))
    later = next(copy for copy in copies if (copy / "there/shards/shard-000001.h5").is_file())
    put_back(later, disk)
    assert dataset(disk).manifest.quarantined == [1]


def test_no_quarantine_file_is_left_of_a_record_that_was_rendered_after_all(here, disk):
    render(disk, 7, fail=(1, 2))
    assert set(quarantine_files(disk / "there")) == {"record-00000001.json", "record-00000002.json"}
    render(disk, 7, fail=(2,), machine="two", again=True)
    assert quarantine_files(disk / "there") == ["record-00000002.json"]
    assert dataset(disk).manifest.quarantined == [2]
