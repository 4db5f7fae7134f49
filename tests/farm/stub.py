"""A pipeline without Blender: records that are functions of (seed, index), and mishaps on demand.

`python stub.py DIR NUM_RECORDS DELAY_S` renders with it, so that a test can send signals to a real driver.
"""

import ctypes
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from scenes.shapes.config import Config as Shapes
from synth.config import Config, FarmConfig, OutputConfig, RenderConfig
from synth.passes import passes_of
from synth.rng import rng

PASSES = ["depth", "camera/K"]


def stub_config(folder: Path, num_records: int, workers: int, **changes: Any) -> Config:
    return Config(
        num_records=num_records,
        output=OutputConfig(dir=str(folder), records_per_shard=3, passes=PASSES),
        render=RenderConfig(hw=[8, 12]),
        farm=FarmConfig(workers=workers, records_per_worker=4),
        scene=Shapes(),
        **changes,
    )


@dataclass
class Stub:
    """A pipeline whose mishaps are real, at the indices that are given.

    log: a folder that gets one file per rendered record. fail: raises each time. kill, crash, hang: once each, by
    SIGKILL, by a segmentation fault in native code, and by native code that sleeps with Python's lock held.
    leak: bytes that every record leaves behind. gpu: that Cycles would find.
    """

    config: Config
    threads: int
    log: Path
    delay: float = 0.0
    kill: tuple[int, ...] = ()
    fail: tuple[int, ...] = ()
    crash: tuple[int, ...] = ()
    hang: tuple[int, ...] = ()
    leak: int = 0
    gpu: str = ""
    leaked: list[bytes] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: {"draw": 0.1, "beauty": 0.2})
    names = passes_of(("depth", "camera/K"), PASSES)
    device_name = "stub"
    device_missed = ""

    def idle_gpu(self) -> str:
        return self.gpu

    def record(self, index: int) -> dict[str, np.ndarray]:
        time.sleep(self.delay)
        if self._once("killed", index, self.kill):
            os.kill(os.getpid(), signal.SIGKILL)
        if self._once("crashed", index, self.crash):
            ctypes.string_at(0)
        if self._once("hung", index, self.hang):
            ctypes.PyDLL(None).sleep(10_000)
        self.leaked.append(os.urandom(self.leak))
        if index in self.fail:
            raise ValueError("the stub was told to fail")
        (self.log / f"rendered-{index}-{time.monotonic_ns()}").touch()
        return {
            "depth": rng(self.config.seed, index, "depth").random((8, 12), np.float32) + 1,
            "camera/K": np.diag([index + 1.0, index + 1.0, 1.0]),
            "meta/index": np.array(index, np.int64),
            "meta/identity_index": np.array(index, np.int64),
            "meta/spec": np.array(b"{}", dtype=object),
        }

    def _once(self, what: str, index: int, indices: tuple[int, ...]) -> bool:
        mark = self.log / f"{what}-{index}"
        if index not in indices or mark.exists():
            return False
        mark.touch()
        return True


def rendered(log: Path) -> list[int]:
    """Indices of all records that were rendered, each as often as it was."""
    return sorted(int(path.name.split("-")[1]) for path in log.glob("rendered-*"))


if __name__ == "__main__":
    from synth.farm.driver import render_dataset

    folder, num_records, delay = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    log = folder.parent / "log"
    log.mkdir(exist_ok=True)
    try:
        render_dataset(stub_config(folder, num_records, 2), "", partial(Stub, log=log, delay=delay))
    except KeyboardInterrupt as error:
        print("interrupted:", error, file=sys.stderr)
        sys.exit(130)
