"""Laws of reading behind a URL, on a filesystem that can be told to fail."""

import itertools
import multiprocessing
import pickle
import shutil
import subprocess
import sys
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
        file = super()._open(path, mode, **words)
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


def cached(place) -> list[str]:
    return sorted(path.stem for path in place.rglob("*.h5"))


def shas(folder) -> list[str]:
    manifest = read_manifest(folder)
    assert manifest is not None
    return [row.sha256 for row in manifest.shards]


@pytest.fixture
def grow(url, tmp_path):
    """Makes the dataset one of more records; gives the SHA-256 of its shards."""

    def grow(count: int) -> list[str]:
        folder = tmp_path / f"made{count}"
        make_dataset(folder, count, names=NAMES)
        fsspec.filesystem("shy").rm(url, recursive=True)
        fsspec.filesystem("shy").put(str(folder), url, recursive=True)
        return shas(folder)

    return grow


def test_of_a_dataset_that_has_grown_only_the_new_shards_are_fetched(url, grow, tmp_path, monkeypatch):
    fetched, get_file = [], Shy.get_file
    monkeypatch.setattr(Shy, "get_file", lambda self, *paths: (fetched.append(paths[0]), get_file(self, *paths))[1])
    indices(synth.open_dataset(url, cache_dir=tmp_path / "cache"))
    fetched.clear()
    now = grow(12)
    assert indices(synth.open_dataset(url, cache_dir=tmp_path / "cache")) == list(range(12))
    assert [path.rpartition("/")[2] for path in fetched] == ["shard-000002.h5", "shard-000003.h5"]
    assert cached(tmp_path / "cache") == sorted(now)


def test_a_mirror_stays_as_long_as_somebody_has_it_open(url, grow, tmp_path):
    before, cache = shas(tmp_path / "made"), tmp_path / "cache"
    old = synth.open_dataset(url, cache_dir=cache)
    indices(old)
    now = grow(12)
    indices(synth.open_dataset(url, cache_dir=cache))
    assert cached(cache) == sorted({*before, *now})
    old.close()
    assert indices(pickle.loads(pickle.dumps(old))) == indices(old) == list(range(COUNT))
    del old
    synth.open_dataset(url, cache_dir=cache)
    assert cached(cache) == sorted(now)


def test_a_process_elsewhere_holds_a_mirror_until_it_ends(url, grow, tmp_path):
    cache = tmp_path / "cache"
    old = synth.open_dataset(url, cache_dir=cache)
    indices(old)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(indices, (old,)) == list(range(COUNT))
        code = "import pickle, sys; held = pickle.load(sys.stdin.buffer); print(flush=True); sys.stdin.buffer.read()"
        words = [sys.executable, "-c", code]
        other = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert other.stdin
        assert other.stdout
        other.stdin.write(pickle.dumps(old))
        other.stdin.flush()
        other.stdout.readline()
    before, now = set(shas(tmp_path / "made")), set(grow(12))
    del old
    synth.open_dataset(url, cache_dir=cache)
    assert set(cached(cache)) == before
    other.communicate()
    synth.open_dataset(url, cache_dir=cache)
    assert set(cached(cache)) == before & now


def test_a_mirror_that_travels_to_another_machine_fetches_its_shards_there(url, tmp_path):
    content = pickle.dumps(synth.open_dataset(url, cache_dir=tmp_path / "cache"))
    shutil.rmtree(tmp_path / "cache")
    assert indices(pickle.loads(content)) == list(range(COUNT))


def test_a_checksum_that_leaves_the_mirror_is_refused(url, tmp_path):
    files = fsspec.filesystem("shy")
    content = files.cat_file(f"{url}/dataset.json")
    files.pipe_file(f"{url}/dataset.json", content.replace(shas(tmp_path / "made")[0].encode(), b"../../made/x"))
    with pytest.raises(ValueError, match="SHA-256"):
        indices(synth.open_dataset(url, cache_dir=tmp_path / "cache"))
