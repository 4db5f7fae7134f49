"""Half-written files: whose they are, and what they are called. No Ray, no Blender."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem
from storage_records import make_dataset

from synth.farm.folder import delete_dataset, tidy
from synth.farm.publish import Depot, Publication
from synth.farm.remote_lock import RemoteLock
from synth.storage.files import replacing
from synth.storage.manifest import read_manifest, write_manifest
from synth.storage.reader import open_dataset
from synth.storage.upload import Bucket

MINE = ["preview.png.7.writing", "shards/shard-000000.h5.7.writing", "parts/record-00000000.npz.7.writing"]
OTHERS = ["v1/shards/shard-000000.h5.7.writing", "v1/dataset.json.7.writing", "notes/book.writing"]


@pytest.fixture
def dataset(tmp_path) -> Path:
    """With half-written files of its own, of a live run of version 1 in it, and of the user."""
    folder = tmp_path / "dataset"
    make_dataset(folder)
    for name in (*MINE, *OTHERS):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"half")
    return folder


def half_written(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.writing"))


def pull(folder: Path) -> None:
    """What a run on another machine does first."""
    bucket = Bucket(f"file://{folder}")
    Publication(Depot(bucket.url, folder.parent / "work"), RemoteLock(bucket, "token")).pull()


@pytest.mark.parametrize("sweep", [lambda folder: tidy(folder, [], 3), delete_dataset, pull])
def test_only_the_datasets_own_half_written_files_are_swept(dataset, sweep):
    sweep(dataset)
    assert half_written(dataset) == sorted(OTHERS)


@pytest.mark.parametrize("key", ["synth_version", "bpy_version"])
def test_parts_of_another_version_than_the_published_dataset_has_are_swept(dataset, tmp_path, key):
    pull(dataset)
    (tmp_path / "work/parts").mkdir()
    part = tmp_path / "work/parts/record-00000000.npz"
    part.touch()
    pull(dataset)
    assert part.exists()
    manifest = read_manifest(dataset)
    setattr(manifest, key, "0.0.1")
    write_manifest(dataset, manifest)
    pull(dataset)
    assert not part.exists()


def test_a_file_that_many_threads_write_at_once_is_one_of_theirs(tmp_path):
    together = threading.Barrier(8)

    def write(number: int) -> None:
        with replacing(tmp_path / "file", durable=False) as path:
            together.wait()
            path.write_bytes(bytes([number]) * 1000)
            together.wait()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    content = (tmp_path / "file").read_bytes()
    assert (len(content), len(set(content))) == (1000, 1)
    assert half_written(tmp_path) == []


def test_a_dataset_behind_a_url_is_read_by_many_threads_at_once(tmp_path, monkeypatch):
    get = LocalFileSystem.get_file
    slow = lambda *args: (get(*args), time.sleep(0.1))  # all fetch while one does
    monkeypatch.setattr(LocalFileSystem, "get_file", slow)
    names = ("depth", "camera/K", "meta/index", "meta/identity_index", "meta/spec")
    make_dataset(tmp_path / "dataset", 12, 4, names)
    data = open_dataset(f"file://{tmp_path}/dataset", cache_dir=tmp_path / "cache")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(data.column, ["meta/index", "meta/identity_index"] * 8))
    assert all(column.tolist() == found[k % 2].tolist() for k, column in enumerate(found))
