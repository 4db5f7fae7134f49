"""The farm with a dataset on S3 (moto's server on localhost): what is published, whatever happens meanwhile.

Two tests have workers of Ray; in the others one worker lives in the driver's process, which is all that differs.
"""

import hashlib
import json
import shutil
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from in_process import InProcess, here
from s3_server import S3, s3_server
from stub import Stub, rendered, stub_config

from synth.farm.driver import render_dataset
from synth.farm.place import working_folder
from synth.farm.ray_settings import prepare_ray
from synth.farm.remote_lock import locked_remotely
from synth.storage.manifest import MANIFEST, read_manifest
from synth.storage.reader import open_dataset
from synth.storage.upload import Bucket

# ruff: noqa: F401, F811 (fixtures are imported)


@pytest.fixture(scope="module")
def s3():
    with s3_server() as server:
        yield server


@pytest.fixture(scope="module")
def address(s3):
    """A Ray cluster of one node on this machine, whose workers know the server."""
    prepare_ray("local")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    yield cluster.address
    cluster.shutdown()


@pytest.fixture
def log(tmp_path):
    (tmp_path / "log").mkdir()
    return tmp_path / "log"


@pytest.fixture
def bucket(s3: S3, request):
    """An empty place on the server."""
    return Bucket(f"{s3.url}/{hashlib.sha256(request.node.name.encode()).hexdigest()[:12]}")


def render(url: str, num_records: int, address: str, log: Path, machine: str = "one", **mishaps: Any) -> None:
    """machine: another one has another working folder."""
    config = stub_config(Path("unused"), num_records, workers=1)
    config.output.dir, config.output.work_dir = url, str(log.parent / machine)
    config.farm.address = address
    config.farm.max_failures = config.farm.retries = 0
    for key in ("version", "seed", "overwrite"):
        if key in mishaps:
            setattr(config.output if key == "version" else config, key, mishaps.pop(key))
    render_dataset(config, "config: here\n", partial(Stub, log=log, **mishaps))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """{shard: SHA-256} of seven records in three shards, rendered into a plain folder."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "log").mkdir()
    config = stub_config(folder / "data", 7, 1)
    config.farm.address = "auto"
    prepare_ray("local")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("synth.farm.supervise.Farm", InProcess)
        render_dataset(config, "config: here\n", partial(Stub, log=folder / "log"))
    return {f"shards/{path.name}": digest(path.read_bytes()) for path in folder.glob("data/shards/*")}


def digest(content: bytes | None) -> str:
    return hashlib.sha256(content or b"").hexdigest()


def published(bucket: Bucket) -> dict[str, str]:
    return {name: digest(bucket.read(name)) for name in bucket.sizes("shards")}


def test_a_dataset_on_s3_has_the_bytes_of_one_in_a_folder_and_nothing_else(undisturbed, bucket, address, tmp_path, log):
    render(bucket.url, 7, address, log)
    assert published(bucket) == undisturbed
    names = {name for name in bucket.sizes() if not name.startswith("shards/")}
    assert {MANIFEST, "config.yaml", "dataset.h5", "preview.png"} <= names
    assert not [name for name in names if name.endswith((".writing", ".lock", ".npz"))]
    data = open_dataset(bucket.url, cache_dir=tmp_path / "cache")
    assert [int(record["meta/index"]) for record in data] == list(range(7))
    assert not list(tmp_path.glob("one/*/shards/*"))


def test_a_second_run_on_another_machine_finds_everything_there(bucket, here, log, capsys):
    render(bucket.url, 3, here, log)
    before = bucket.sizes()
    render(bucket.url, 3, here, log, machine="two", fail=(0, 1, 2))
    assert "all 3 records are there, nothing to render" in capsys.readouterr().out
    assert bucket.sizes() == before


def test_a_fresh_machine_renders_only_what_is_missing(undisturbed, bucket, here, log):
    with pytest.raises(RuntimeError, match="record 6"):
        render(bucket.url, 7, here, log, fail=(6,))
    there = published(bucket)
    assert there == {name: undisturbed[name] for name in there}
    done = {3 * int(name[13:19]) + k for name in there for k in range(3)}
    before = rendered(log)
    render(bucket.url, 7, here, log, machine="two")
    again = list(rendered(log))
    for index in before:
        again.remove(index)
    assert set(again) == set(range(7)) - done
    assert published(bucket) == undisturbed


def test_lost_and_truncated_objects_are_rendered_again_alone(undisturbed, bucket, here, log):
    render(bucket.url, 7, here, log)
    bucket.remove(["shards/shard-000000.h5"])
    bucket.write("shards/shard-000002.h5", b"cut")
    render(bucket.url, 7, here, log)
    assert rendered(log) == sorted([*range(7), 0, 1, 2, 6])
    assert published(bucket) == undisturbed


def test_growing_renders_only_what_is_new(undisturbed, bucket, here, log):
    render(bucket.url, 5, here, log)
    render(bucket.url, 7, here, log, machine="two")
    assert rendered(log) == list(range(7))
    assert published(bucket) == undisturbed


def test_a_shard_that_was_published_before_its_driver_died_is_adopted(undisturbed, bucket, here, log):
    render(bucket.url, 7, here, log)
    manifest = read_manifest(working_folder_of(log, bucket))
    assert manifest is not None
    content = bucket.read(MANIFEST)
    assert content is not None
    rows = [row for row in manifest.shards if row.first == 3]
    cut = json.loads(content)
    cut["shards"] = [row for row in cut["shards"] if row["first"] != 3]
    bucket.write(MANIFEST, json.dumps(cut).encode())
    render(bucket.url, 7, here, log, machine="two")
    assert rendered(log) == list(range(7))
    data = open_dataset(bucket.url, cache_dir=log.parent / "cache")
    assert [row for row in data.manifest.shards if row.first == 3] == rows
    assert len(data) == 7


def working_folder_of(log: Path, bucket: Bucket) -> Path:
    config = stub_config(Path("unused"), 1, 1)
    config.output.dir, config.output.work_dir = bucket.url, str(log.parent / "one")
    return working_folder(config)


def test_uploads_that_fail_are_tried_again(undisturbed, bucket, address, s3, log, monkeypatch):
    counted = iter(range(10**6))
    monkeypatch.setattr(s3, "fail", lambda request: request.startswith("PUT") and next(counted) % 2 == 0)
    render(bucket.url, 7, address, log)
    assert published(bucket) == undisturbed
    assert next(counted) > 10


def test_a_reader_that_polls_never_meets_half_a_dataset(bucket, here, log, tmp_path, monkeypatch):
    monkeypatch.setattr("synth.farm.ledger.FOLD_EVERY_S", 0.0)
    monkeypatch.setattr("synth.farm.ledger.FOLD_SHARE", 0)
    monkeypatch.setattr("synth.farm.publish.PUSH_EVERY_S", 0.0)
    seen, errors, ended = [], [], threading.Event()

    def poll() -> None:
        while not ended.wait(0.05):
            try:
                data = open_dataset(bucket.url, cache_dir=tmp_path / "cache")
                seen.append([int(record["meta/index"]) for record in data])
            except ValueError as error:
                errors.append(str(error))

    reader = threading.Thread(target=poll)
    reader.start()
    render(bucket.url, 9, here, log, delay=0.2)
    ended.set()
    reader.join()
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    assert all("holds no dataset" in error for error in errors)
    assert {3, 6} & {len(records) for records in seen}
    assert all(len(set(records)) == len(records) for records in seen)


def test_a_second_driver_on_another_machine_is_refused(bucket, here, log):
    with locked_remotely(bucket), pytest.raises(ValueError, match=r"is being rendered by process \d+ on "):
        render(bucket.url, 7, here, log)
    assert rendered(log) == []


def test_another_config_is_refused_and_replaced_by_overwrite(bucket, here, log):
    render(bucket.url, 7, here, log)
    with pytest.raises(ValueError, match="seed is 0 there and 5 here"):
        render(bucket.url, 3, here, log, machine="two", seed=5)
    render(bucket.url, 3, here, log, machine="two", seed=5, overwrite=True)
    data = open_dataset(bucket.url, cache_dir=log.parent / "cache")
    assert (len(data), data.manifest.seed) == (3, 5)
    assert list(bucket.sizes("shards")) == ["shards/shard-000000.h5"]


def test_something_else_in_the_place_is_left_alone(bucket, here, log):
    bucket.write("thesis.txt", b"mine")
    with pytest.raises(ValueError, match=r"holds 'thesis\.txt' and no dataset\.json"):
        render(bucket.url, 7, here, log, overwrite=True)
    assert list(bucket.sizes()) == ["thesis.txt"]


def test_a_version_is_a_dataset_of_its_own_and_the_older_one_stays(bucket, here, log):
    render(bucket.url, 3, here, log, version=1)
    before = bucket.sizes("v1")
    render(bucket.url, 3, here, log, version=2, seed=5)
    assert bucket.sizes("v1") == before
    one, two = (open_dataset(f"{bucket.url}/v{n}", cache_dir=log.parent / "cache") for n in (1, 2))
    assert (one.manifest.version, one.manifest.seed) == (1, 0)
    assert (two.manifest.version, two.manifest.seed) == (2, 5)


def test_a_cluster_needs_a_working_folder_that_all_machines_share(bucket):
    config = stub_config(Path("unused"), 7, 2)
    config.output.dir, config.farm.address = bucket.url, "auto"
    with pytest.raises(ValueError, match=r"output\.work_dir must name a folder that all machines"):
        render_dataset(config, "")
