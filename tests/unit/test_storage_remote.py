"""Laws of reading behind a URL, on a filesystem that can be told to fail."""

import itertools
from collections.abc import Iterator

import pytest
from storage_records import make_dataset

import synth
from synth.__main__ import main
from synth.storage import tries
from synth.storage.manifest import META, read_manifest
from synth.storage.pool import ShardPool
from synth.storage.remote import Remote

fsspec = pytest.importorskip("fsspec")
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem  # noqa: E402

COUNT = 7  # of three shards: 3, 3, 1
NAMES = ("depth", *META)


class NoCredentialsError(Exception):
    """As botocore's: of no kind that Python knows."""


class Shy(MemoryFileSystem):
    """The filesystem in memory, in which some reads fail."""

    protocol = "shy"
    store: dict = {}  # noqa: RUF012 (fsspec's own way)
    pseudo_dirs = [""]  # noqa: RUF012
    fails: Iterator[bool] = itertools.repeat(False)

    @staticmethod
    def fail():
        if next(Shy.fails):
            raise NoCredentialsError("Unable to locate\n credentials")

    def cat_file(self, path, **words):
        self.fail()
        return super().cat_file(path, **words)

    def _open(self, path, mode="rb", **words):
        self.fail()
        file = super()._open(path, mode)
        return ShyFile(self, path, file.getvalue()) if mode == "rb" else file


class ShyFile(MemoryFile):
    def read(self, size=-1):
        Shy.fail()
        return super().read(size)


@pytest.fixture
def url(tmp_path, monkeypatch):
    """A dataset there; `Shy.fails` is to be set by the test."""
    fsspec.register_implementation("shy", Shy, clobber=True)
    monkeypatch.setattr(tries, "FIRST_WAIT_S", 0.0)
    monkeypatch.setattr(Shy, "fails", itertools.repeat(False))
    make_dataset(tmp_path / "made", COUNT, names=NAMES)
    fsspec.filesystem("shy").put(str(tmp_path / "made"), "shy://faces", recursive=True)
    yield "shy://faces"
    fsspec.filesystem("shy").rm("shy://faces", recursive=True)


def indices(dataset) -> list[int]:
    return [int(record["meta/index"]) for record in dataset]


def one_in_five() -> Iterator[bool]:
    return itertools.cycle((True, False, False, False, False))


def test_reads_that_fail_are_tried_again(url, tmp_path):
    Shy.fails = one_in_five()
    assert indices(synth.open_dataset(url, cache_dir=tmp_path / "cache")) == list(range(COUNT))


def test_ranged_reads_that_fail_are_tried_again(url, tmp_path):
    manifest = read_manifest(tmp_path / "made")
    assert manifest is not None
    pool = ShardPool(tmp_path / "none", manifest, Remote(url, tmp_path / "none", ranged=True))
    Shy.fails = one_in_five()
    assert [int(pool.record(index, NAMES)["meta/index"]) for index in range(COUNT)] == list(range(COUNT))


def test_a_store_that_cannot_be_read_is_said_in_one_line(url, tmp_path, capsys):
    Shy.fails = itertools.repeat(True)
    assert main(["export", "folder", url, str(tmp_path / "out")]) == 1
    words = "Unable to locate credentials; tried 6 times"
    assert capsys.readouterr().err == f"error: cannot read dataset.json from {url}: {words}\n"


def test_a_shard_that_cannot_be_fetched_is_not_taken_for_a_damaged_one(url, tmp_path):
    dataset = synth.open_dataset(url, cache_dir=tmp_path / "cache", damaged="skip")
    Shy.fails = itertools.repeat(True)
    with pytest.raises(OSError, match=r"cannot read shards/shard-000000\.h5 from shy://faces: Unable to locate"):
        indices(dataset)
