"""Files behind a URL are whole or not there, whatever happens to an upload. No Ray here."""

import hashlib
import json
import os
import socket
import threading
import time
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from s3_server import s3_server
from storage_records import make_dataset

from synth.farm import remote_lock
from synth.farm.remote_lock import LOCK, locked_remotely
from synth.storage import tries
from synth.storage.manifest import META, read_manifest
from synth.storage.reader import open_dataset
from synth.storage.upload import Bucket


class Flaky(MemoryFileSystem):
    """The filesystem in memory, whose uploads break off in the middle as often as it is told to."""

    protocol = "flaky"
    store: dict = {}  # noqa: RUF012 (fsspec's own way)
    pseudo_dirs = [""]  # noqa: RUF012
    failures = 0
    seen: list[str] = []  # noqa: RUF012

    def put_file(self, lpath, rpath, **kwargs):
        Flaky.seen.append(rpath)
        if Flaky.failures > 0:
            Flaky.failures -= 1
            self.pipe_file(rpath, Path(lpath).read_bytes()[:7])
            raise ConnectionResetError("the line is dead")
        super().put_file(lpath, rpath, **kwargs)


class Deaf(Flaky):
    """Loses the end of a file and says nothing."""

    protocol = "deaf"

    def put_file(self, lpath, rpath, **kwargs):
        Flaky.seen.append(rpath)
        self.pipe_file(rpath, Path(lpath).read_bytes()[: 7 if Flaky.failures else None])
        Flaky.failures = max(0, Flaky.failures - 1)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(tries, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(remote_lock, "SETTLE_S", 0.001)
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    fsspec.register_implementation("deaf", Deaf, clobber=True)
    Flaky.store.clear()
    Flaky.failures = 0
    Flaky.seen.clear()
    yield
    Flaky.store.clear()


@pytest.fixture
def shard(tmp_path):
    path = tmp_path / "shard"
    path.write_bytes(bytes(range(256)) * 40)
    return path


@pytest.mark.parametrize("protocol", ["flaky", "deaf"])
def test_an_upload_that_breaks_off_is_tried_again_and_leaves_nothing_else(shard, protocol):
    bucket = Bucket(f"{protocol}://data/set")
    Flaky.failures = tries.TRIES - 1
    bucket.put(shard, "shards/shard-000000.h5")
    assert bucket.read("shards/shard-000000.h5") == shard.read_bytes()
    assert list(bucket.sizes()) == ["shards/shard-000000.h5"]
    assert all(name.endswith(".writing") for name in Flaky.seen)


def test_an_upload_that_fails_for_good_leaves_what_was_there(shard):
    bucket = Bucket("flaky://data/set")
    bucket.write("shards/shard-000000.h5", b"older")
    Flaky.failures = 99
    with pytest.raises(OSError, match=r"cannot upload shards/shard-000000\.h5 to flaky://data/set: .*tried 6 times"):
        bucket.put(shard, "shards/shard-000000.h5")
    assert bucket.read("shards/shard-000000.h5") == b"older"
    assert list(bucket.sizes()) == ["shards/shard-000000.h5"]


def test_a_reader_that_polls_sees_a_file_whole_or_not_at_all(shard):
    bucket, seen, ended = Bucket("flaky://data/set"), set(), threading.Event()

    def poll():
        while not ended.is_set():
            seen.add(bucket.read("shard"))

    reader = threading.Thread(target=poll)
    reader.start()
    for _ in range(20):
        Flaky.failures = 2
        bucket.put(shard, "shard")
        bucket.remove(["shard"])
    ended.set()
    reader.join()
    assert seen <= {None, shard.read_bytes()}


def test_a_folder_behind_a_url_works_like_a_bucket(tmp_path, shard):
    bucket = Bucket(f"file://{tmp_path}/there")
    bucket.put(shard, "shards/a.h5")
    bucket.put(shard, "shards/a.h5")
    assert bucket.sizes() == {"shards/a.h5": 10240}
    assert bucket.sha256("shards/a.h5") == hashlib.sha256(shard.read_bytes()).hexdigest()
    assert bucket.sha256("shards/none.h5") is None
    bucket.get("shards/a.h5", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == shard.read_bytes()
    bucket.remove(["shards/a.h5", "shards/none.h5"])
    assert bucket.sizes() == {}


def test_a_file_that_is_not_there_is_not_waited_for(tmp_path):
    bucket = Bucket("flaky://data/set")
    assert bucket.read("dataset.json") is None
    with pytest.raises(FileNotFoundError):
        bucket.get("dataset.json", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_second_driver_is_refused_and_told_of_the_first():
    bucket = Bucket("flaky://data/set")
    with (
        locked_remotely(bucket),
        pytest.raises(ValueError, match=rf"is being rendered by process {os.getpid()} on {socket.gethostname()}"),
        locked_remotely(bucket),
    ):
        pass
    assert bucket.read(LOCK) is None


@pytest.mark.parametrize(
    "holder",
    [
        {"host": "elsewhere", "pid": 1, "beat": 0.0, "token": "x"},
        {"host": socket.gethostname(), "pid": 2**22 + 1, "beat": 1e12, "token": "x"},
        "damaged",
    ],
)
def test_the_lock_of_a_dead_driver_does_not_count(holder):
    bucket = Bucket("flaky://data/set")
    bucket.write(LOCK, holder.encode() if isinstance(holder, str) else json.dumps(holder).encode())
    with locked_remotely(bucket) as lock:
        lock.require()
    assert bucket.read(LOCK) is None


def test_a_living_driver_elsewhere_keeps_its_lock():
    bucket = Bucket("flaky://data/set")
    bucket.write(LOCK, json.dumps({"host": "elsewhere", "pid": 1, "beat": time.time(), "token": "x"}).encode())
    with pytest.raises(ValueError, match="process 1 on elsewhere"), locked_remotely(bucket):
        pass


def test_a_driver_whose_lock_was_taken_over_stops_and_leaves_it():
    bucket = Bucket("flaky://data/set")
    other = json.dumps({"host": "elsewhere", "pid": 1, "beat": time.time(), "token": "x"}).encode()
    with locked_remotely(bucket) as lock:
        bucket.write(LOCK, other)
        with pytest.raises(RuntimeError, match="has been taken over by process 1 on elsewhere"):
            lock.require()
    assert bucket.read(LOCK) == other


@pytest.fixture(scope="module")
def s3():
    with s3_server() as server:
        yield server


def test_s3_refuses_the_second_lock_and_gives_it_to_the_next(s3):
    bucket = Bucket(f"{s3.url}/locks")
    with locked_remotely(bucket), pytest.raises(ValueError, match="is being rendered by"), locked_remotely(bucket):
        pass
    with locked_remotely(bucket) as lock:
        lock.require()


def test_a_bucket_that_is_not_there_is_named_and_not_made(s3):
    with pytest.raises(ValueError, match=r"must be a URL that can be written, got 's3://no-such-bucket/data'"):
        Bucket("s3://no-such-bucket/data").create(LOCK, b"")
    assert "PUT /no-such-bucket" not in s3.requests


def test_s3_errors_are_outlived_in_small_uploads_and_in_many_parts(s3, tmp_path, monkeypatch):
    bucket, big = Bucket(f"{s3.url}/uploads"), tmp_path / "big"
    big.write_bytes(os.urandom(2**20) * 101)  # above s3fs's limit for one request
    left = {"n": 8}

    def fail(request: str) -> bool:
        left["n"] -= request.startswith("PUT") and "/uploads/" in request
        return left["n"] >= 0 and request.startswith("PUT")

    monkeypatch.setattr(s3, "fail", fail)
    bucket.put(big, "shards/shard-000000.h5")
    assert bucket.sizes() == {"shards/shard-000000.h5": big.stat().st_size}


def test_records_are_read_piece_by_piece_without_a_copy_of_the_shard(s3, tmp_path):
    from synth.storage.pool import ShardPool
    from synth.storage.remote import Remote

    make_dataset(tmp_path / "data", names=("depth", "camera/K", *META))
    bucket, manifest = Bucket(f"{s3.url}/ranged"), read_manifest(tmp_path / "data")
    assert manifest is not None
    for row in manifest.shards:
        bucket.put(tmp_path / "data" / row.file, row.file)
    pool = ShardPool(tmp_path / "none", manifest, Remote(bucket.url, tmp_path / "none", ranged=True))
    there, here = pool.record(3, manifest.names), open_dataset(tmp_path / "data").record(3)
    assert all(there[name].tobytes() == here[name].tobytes() for name in manifest.names if name != "meta/spec")
    assert not (tmp_path / "none").exists()
