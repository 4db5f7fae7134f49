"""The farm in this process, without Ray: one worker, which does one task after the other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from synth.config import Config
from synth.farm.ray_settings import prepare_ray
from synth.farm.results import Failed, Fault, Lost
from synth.farm.work import Task, Work
from synth.farm.worker import OpenPipeline, Worker


class InProcess:
    """A farm with one worker, without Ray."""

    ready, cores = 1, 1.0

    def __init__(self, config: Config, folder: Path, open_pipeline: OpenPipeline, most_workers: int) -> None:
        self._worker = Worker(config, folder, 1, False, False, open_pipeline)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was started."""

    def run(self, work: Work) -> Iterator[tuple[str, Task, Any]]:
        yield "0", Task("open"), self._worker.open()
        while (task := work.next()) is not None:
            result = getattr(self._worker, task.method)(*task.args)
            if isinstance(result, Failed):
                work.quarantine(task)
                result = Fault(task, "0", "raised", result.error, result.traceback, 1, True)
            elif isinstance(result, Lost):
                work.lost(task.args[0], result.indices)
                continue
            elif task.method == "render":
                work.done(task)
            assert result is not None, f"{task} has no example"
            yield "0", task, result


@pytest.fixture
def here(monkeypatch):
    """In place of a cluster's address: the farm of this process."""
    prepare_ray("local")
    monkeypatch.setattr("synth.farm.supervise.Farm", InProcess)
    return "auto"
