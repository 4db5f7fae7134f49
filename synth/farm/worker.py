"""What a worker does. Ray makes an actor of it and calls it by name; it knows nothing of Ray."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from synth.config import Config
from synth.farm.work import MissingShard
from synth.record import Record
from synth.storage.manifest import ShardPlan, ShardRow


class Renders(Protocol):
    """What a worker needs of a Pipeline."""

    names: tuple[str, ...]

    @property
    def device_name(self) -> str: ...

    def record(self, index: int) -> Record: ...


OpenPipeline = Callable[[Config, int], Renders]


def open_pipeline(config: Config, threads: int) -> Renders:
    """The Pipeline of this process. ValueError names the system libraries that Blender lacks here."""
    from synth.blender.libraries import require_libraries

    require_libraries()
    from synth.pipeline import Pipeline

    return Pipeline(config, threads=threads)


@dataclass(slots=True, repr=False)  # Ray asks for the repr before there is a pipeline
class Worker:
    """One process with one Blender. folder: the dataset's, absolute. cores: what it is pinned to, () for no pinning."""

    config: Config
    folder: Path
    threads: int
    cores: tuple[int, ...]
    open_pipeline: OpenPipeline
    _pipeline: Renders = field(init=False)

    def open(self) -> str:
        """Start Blender and return the name of the device that it renders on."""
        if self.cores:  # before Blender and its libraries count the cores and start as many threads
            os.sched_setaffinity(0, self.cores)
        self._pipeline = self.open_pipeline(self.config, self.threads)
        return self._pipeline.device_name

    def render(self, index: int) -> None:
        """Render a record and keep it as a part."""
        from synth.storage.parts import save_part

        save_part(self.folder, self._pipeline.record(index))

    def assemble(self, plan: ShardPlan, previous: ShardRow | None) -> ShardRow:
        """Write a shard from `previous` and the parts; a part that is damaged is rendered again."""
        from synth.storage.shard import write_shard

        older = self.folder / previous.file if previous else None
        records = self._records(MissingShard(plan, previous).indices())
        return write_shard(self.folder, plan, self._pipeline.names, records, older)

    def _records(self, indices: range) -> Iterator[Record]:
        from synth.storage.parts import load_part

        for index in indices:
            yield load_part(self.folder, index) or self._pipeline.record(index)
