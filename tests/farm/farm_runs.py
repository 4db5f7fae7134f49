"""How the tests run the farm on a stub pipeline, and tell two datasets apart."""

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

from stub import Stub, rendered

from synth.config import Config
from synth.farm.driver import render_dataset

HERE = Path(__file__).parent


def render(config: Config, address: str, log: Path, **mishaps: Any) -> int:
    config.farm.address = address
    return render_dataset(config, "", partial(Stub, log=log, **mishaps))


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
