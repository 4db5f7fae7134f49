"""Faults, each caused for real: after every one of them the finished dataset has the bytes of an undisturbed one."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from farm_runs import (
    HERE,
    address,
    bytes_of,
    end,
    log,
    render,
    run_report,
    start_driver,
    undisturbed,
    wait_for_records,
    wait_until,
)
from stub import Stub, rendered, stub_config

from synth.check import check
from synth.config import Device, Verify
from synth.farm.driver import render_dataset
from synth.storage.reader import open_dataset

pytestmark = pytest.mark.slow  # minutes
# ruff: noqa: F401, F811 (fixtures are imported)


def test_a_worker_that_is_killed_in_the_middle_of_a_shard(undisturbed, address, tmp_path, log):
    render(stub_config(tmp_path / "data", 7, 2), address, log, kill=(1, 5))
    assert run_report(tmp_path / "data")["faults"]["counts"] == {"died": 2}
    assert rendered(log) == list(range(7))
    assert bytes_of(tmp_path / "data") == bytes_of(undisturbed)


def test_a_segmentation_fault_in_native_code(undisturbed, address, tmp_path, log):
    render(stub_config(tmp_path / "data", 7, 2), address, log, crash=(4,))
    assert (log / "crashed-4").exists()
    assert run_report(tmp_path / "data")["faults"]["counts"] == {"died": 1}
    assert bytes_of(tmp_path / "data") == bytes_of(undisturbed)


def test_a_worker_that_hangs_with_the_lock_of_python_held(undisturbed, address, tmp_path, log):
    config = stub_config(tmp_path / "data", 7, 2)
    config.farm.record_timeout_s = 8
    render(config, address, log, hang=(2,))
    assert run_report(tmp_path / "data")["faults"]["counts"] == {"hung": 1}
    assert run_report(tmp_path / "data")["workers_replaced"]["hung"] == 1
    assert bytes_of(tmp_path / "data") == bytes_of(undisturbed)


def test_workers_above_the_bound_of_memory_are_replaced(undisturbed, address, tmp_path, log):
    config = stub_config(tmp_path / "data", 7, 2)
    config.farm.memory_gb = 0.9
    config.farm.records_per_worker = 100
    render(config, address, log, leak=500_000_000)
    assert run_report(tmp_path / "data")["workers_replaced"]["memory"] >= 2
    assert bytes_of(tmp_path / "data") == bytes_of(undisturbed)


@pytest.fixture(scope="module")
def quarantined(undisturbed, address, tmp_path_factory):
    """The same seven records, of which 1 and 6 fail each time; 6 is alone in its shard."""
    folder = tmp_path_factory.mktemp("quarantined")
    (folder / "log").mkdir()
    assert render(stub_config(folder / "data", 7, 2), address, folder / "log", fail=(1, 6)) == 2
    return folder / "data"


def test_a_record_that_always_fails_is_quarantined_and_the_others_have_their_bytes(quarantined, undisturbed):
    manifest = open_dataset(quarantined).manifest
    assert manifest.quarantined == [1, 6]
    assert bytes_of(quarantined)["shard-000001.h5"] == bytes_of(undisturbed)["shard-000001.h5"]
    for mine, its in zip(open_dataset(quarantined), open_dataset(undisturbed)[[0, 2, 3, 4, 5]], strict=True):
        assert all(mine[name].tobytes() == its[name].tobytes() for name in its if name != "meta/spec")
    assert run_report(quarantined)["outcome"] == "finished with quarantined records"


def test_the_quarantine_keeps_spec_seed_and_traceback(quarantined):
    kept = json.loads((quarantined / "quarantine/record-00000006.json").read_text())
    assert (kept["index"], kept["seed"], kept["tries"]) == (6, 0, 3)
    assert kept["error"] == "ValueError: the stub was told to fail"
    assert any("stub.py" in line for line in kept["traceback"])
    assert kept["spec"]["shapes"]
    stored = open_dataset(quarantined).record(6)["meta/spec"].item()
    assert json.loads(stored) == kept["spec"]


def test_readers_leave_empty_records_out_unless_asked_by_number(quarantined):
    dataset = open_dataset(quarantined)
    assert dataset.indices().tolist() == [0, 2, 3, 4, 5]
    assert np.isinf(dataset.record(6)["depth"]).all()
    assert np.isnan(dataset.record(6)["camera/K"]).all()


def test_check_finds_nothing_wrong_with_a_quarantined_record(quarantined):
    assert check(quarantined).problems == []


def test_quarantined_records_are_left_alone_until_they_are_asked_for(quarantined, undisturbed, address, tmp_path, log):
    shutil.copytree(quarantined, tmp_path / "data")
    assert render(stub_config(tmp_path / "data", 7, 2), address, log) == 2
    assert rendered(log) == []
    config = stub_config(tmp_path / "data", 7, 2)
    config.farm.retry_quarantined = True
    assert render(config, address, log) == 0
    assert rendered(log) == [1, 6]
    assert not (tmp_path / "data/quarantine").exists()
    assert bytes_of(tmp_path / "data") == bytes_of(undisturbed)


def test_growing_keeps_what_is_quarantined_in_the_last_shard(quarantined, address, tmp_path, log):
    shutil.copytree(quarantined, tmp_path / "data")
    assert render(stub_config(tmp_path / "data", 9, 2), address, log) == 2
    assert rendered(log) == [7, 8]
    assert open_dataset(tmp_path / "data").indices().tolist() == [0, 2, 3, 4, 5, 7, 8]
    assert check(tmp_path / "data").problems == []


def test_a_cluster_without_a_gpu_is_refused_where_one_is_demanded(address, tmp_path, log):
    config = stub_config(tmp_path / "data", 7, 2)
    config.farm.device = Device.gpu
    with pytest.raises(ValueError, match=r"farm\.device .* none of its 1 machines has told Ray of a GPU"):
        render(config, address, log)


def test_too_many_failures_stop_the_run_with_a_report(address, tmp_path, log):
    config = stub_config(tmp_path / "data", 7, 1)
    config.farm.max_failures, config.farm.retries = 1, 0
    with pytest.raises(RuntimeError, match=r"2 records are quarantined, more than farm\.max_failures=1"):
        render(config, address, log, fail=(0, 2, 3))
    report = run_report(tmp_path / "data")
    assert report["outcome"].startswith("failed: RuntimeError: record 2 (seed 0)")
    assert [fault["what"] for fault in report["faults"]["named"]] == ["record 0", "record 2"]


def test_a_dataset_of_which_every_record_fails_is_an_error(address, tmp_path, log):
    config = stub_config(tmp_path / "data", 2, 1)
    config.farm.retries = 0
    with pytest.raises(RuntimeError, match="every record of the dataset has failed so far"):
        render(config, address, log, fail=(0, 1))


def test_a_driver_that_is_killed_and_started_again(undisturbed, address, tmp_path, log):
    driver = start_driver(tmp_path / "data", 7, 0.5)
    wait_for_records(log, 4, driver)
    end(driver, signal.SIGKILL)
    render(stub_config(tmp_path / "data", 7, 2), address, log)
    assert len(rendered(log)) <= 7 + 2, "no more than the record in hand of each worker is lost"
    assert bytes_of(tmp_path / "data") == bytes_of(undisturbed)


def test_what_a_killed_driver_leaves_of_ray_is_deleted_at_the_next_start(tmp_path, log):
    from synth.farm.ray_start import PLACE, PREFIX, remove_stale_folders

    before = set(PLACE.glob(f"{PREFIX}*"))
    driver = start_driver(tmp_path / "data", 7, 0.5)
    wait_for_records(log, 1, driver)
    (folder,) = set(PLACE.glob(f"{PREFIX}*")) - before
    assert folder not in remove_stale_folders(), "its driver lives"
    end(driver, signal.SIGKILL)
    time.sleep(3)  # Ray's processes end by themselves, and may still write
    remove_stale_folders()
    assert not folder.exists()


def test_sigterm_finishes_the_records_in_hand_and_loses_none(undisturbed, address, tmp_path, log):
    driver = start_driver(tmp_path / "data", 7, 2.0)
    wait_for_records(log, 2, driver)
    time.sleep(0.5)  # so that there are some in hand, on a slow machine, too
    start = time.monotonic()
    said = end(driver, signal.SIGTERM)
    assert (driver.returncode, time.monotonic() - start < 25) == (130, True)
    done = rendered(log)
    assert len(done) > 2, "the records in hand were finished"
    assert len(done) < 7, "no other was begun"
    assert "the same command goes on" in said
    assert run_report(tmp_path / "data")["outcome"] == "interrupted"
    render(stub_config(tmp_path / "data", 7, 2), address, log)
    assert rendered(log) == list(range(7))
    assert bytes_of(tmp_path / "data") == bytes_of(undisturbed)


def test_ctrl_c_while_ray_starts_leaves_no_folder_and_no_process(tmp_path, log):
    from synth.farm.ray_start import PLACE, PREFIX

    before = set(PLACE.glob(f"{PREFIX}*"))
    driver = start_driver(tmp_path / "data", 7, 0.0)
    wait_until(lambda: set(PLACE.glob(f"{PREFIX}*")) - before, driver)
    (folder,) = set(PLACE.glob(f"{PREFIX}*")) - before
    time.sleep(0.5)
    end(driver, signal.SIGINT)
    assert driver.returncode == 130
    assert not folder.exists()
    assert rendered(log) == []
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
    assert not [command for command in commands if str(folder).encode() in command]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if subprocess.run(words, capture_output=True).returncode:
        pytest.skip("only root may mount a small file system here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_in_the_middle_of_a_shard(undisturbed, address, small_disk, tmp_path, log):
    config = stub_config(small_disk / "data", 7, 1)
    (small_disk / "ballast").write_bytes(bytes(372_000))
    with pytest.raises(OSError, match="make room"):
        render(config, address, log)
    assert 0 < len(rendered(log)) < 7
    (small_disk / "ballast").unlink()
    render(stub_config(small_disk / "data", 7, 2), address, log)
    assert len(rendered(log)) <= 7 + 1
    assert bytes_of(small_disk / "data") == bytes_of(undisturbed)


def test_a_node_of_the_cluster_that_is_lost(undisturbed, tmp_path, log):
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HERE))
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        node = cluster.add_node(num_cpus=1)
    try:
        config = stub_config(tmp_path / "data", 7, 2)
        config.farm.address = cluster.address
        loser = threading.Thread(target=_lose, args=(cluster, node, log))
        loser.start()
        render_dataset(config, "", partial(Stub, log=log, delay=2.0))
        loser.join()
    finally:
        cluster.shutdown()
    assert run_report(tmp_path / "data")["workers_replaced"]["died"] >= 1
    assert run_report(tmp_path / "data")["quarantined"] == []
    assert len(rendered(log)) <= 7 + 1
    assert bytes_of(tmp_path / "data") == bytes_of(undisturbed)


def _lose(cluster, node, log):
    while len(rendered(log)) < 3:
        time.sleep(0.05)
    cluster.remove_node(node, allow_graceful=False)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_truncated_a_bit_flipped_and_a_missing_shard_are_rendered_again_alone(undisturbed, address, tmp_path, log):
    shutil.copytree(undisturbed, tmp_path / "data")
    first, second, third = sorted((tmp_path / "data/shards").iterdir())
    for damage, path, records in (
        (lambda p: p.write_bytes(p.read_bytes()[:-1]), first, [0, 1, 2]),
        (_flip, second, [3, 4, 5]),
        (Path.unlink, third, [6]),
    ):
        damage(path)
        before = rendered(log)
        render(stub_config(tmp_path / "data", 7, 2), address, log)
        assert sorted(before + records) == rendered(log)
        assert bytes_of(tmp_path / "data") == bytes_of(undisturbed)


def test_bits_that_the_disk_has_flipped_by_itself_are_found_with_verify_all(undisturbed, address, tmp_path, log):
    shutil.copytree(undisturbed, tmp_path / "data")
    path = tmp_path / "data/shards/shard-000001.h5"
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    _flip(path)
    os.utime(path, ns=times)
    render(stub_config(tmp_path / "data", 7, 2), address, log)
    assert rendered(log) == []
    config = stub_config(tmp_path / "data", 7, 2)
    config.farm.verify = Verify.all
    render(config, address, log)
    assert rendered(log) == [3, 4, 5]
    assert bytes_of(tmp_path / "data") == bytes_of(undisturbed)


def test_a_part_that_a_power_cut_damaged_is_rendered_again(undisturbed, address, tmp_path, log):
    driver = start_driver(tmp_path / "data", 7, 1.0)
    wait_until(lambda: list((tmp_path / "data/parts").glob("*.npz")), driver)
    end(driver, signal.SIGTERM)
    part = min((tmp_path / "data/parts").glob("*.npz"))
    part.write_bytes(part.read_bytes()[:700])
    render(stub_config(tmp_path / "data", 7, 2), address, log)
    assert len(rendered(log)) == 7 + 1
    assert bytes_of(tmp_path / "data") == bytes_of(undisturbed)
