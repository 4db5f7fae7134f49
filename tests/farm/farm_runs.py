"""Fixtures of the tests that run the farm on a stub pipeline, and how they tell two datasets apart."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from stub import Stub, rendered, stub_config

from synth.config import Config
from synth.farm.driver import render_dataset
from synth.farm.ray_settings import prepare_ray

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def address():
    """A Ray cluster of one node on this machine."""
    prepare_ray("local")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HERE))  # where its workers find the stub
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    yield cluster.address
    cluster.shutdown()


@pytest.fixture
def log(tmp_path):
    (tmp_path / "log").mkdir()
    return tmp_path / "log"


def render(config: Config, address: str, log: Path, **mishaps: Any) -> int:
    config.farm.address = address
    return render_dataset(config, "", partial(Stub, log=log, **mishaps))


@pytest.fixture(scope="module")
def undisturbed(address, tmp_path_factory):
    """Seven records in three shards, by two workers to whom nothing happened."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "log").mkdir()
    render(stub_config(folder / "data", 7, 2), address, folder / "log")
    return folder / "data"


def bytes_of(folder: Path) -> dict[str, str]:
    """{file: SHA-256} of all that a dataset is; no times are in it."""
    files = [*folder.glob("shards/*"), folder / "dataset.json", folder / "dataset.h5", folder / "config.yaml"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def run_report(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "report.json").read_text())


def start_driver(folder: Path, num_records: int, delay: float) -> subprocess.Popen[str]:
    """A driver in a process of its own, with a Ray of its own and two workers."""
    words = [sys.executable, HERE / "stub.py", folder, str(num_records), str(delay)]
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True)


def wait_until(true: Callable[[], object], driver: subprocess.Popen[str], seconds: float = 120) -> None:
    """Until something is true. Fails if the driver ends before, or the time is up."""
    deadline = time.monotonic() + seconds
    while not true():
        assert driver.poll() is None, driver.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_for_records(log: Path, count: int, driver: subprocess.Popen[str]) -> None:
    wait_until(lambda: len(rendered(log)) >= count, driver)


def end(driver: subprocess.Popen[str], number: int = signal.SIGTERM) -> str:
    """Send a signal, wait for the end, and return what it said."""
    driver.send_signal(number)
    return driver.communicate(timeout=60)[1]
