"""What a worker does. Ray makes an actor of it and calls it by name; it knows nothing of Ray."""

import os
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from synth.blender.scratch import remove_stale_scratch
from synth.config import Config, Device
from synth.farm.cores import counted_cores, take_cores
from synth.farm.gpus import GpuGauge
from synth.farm.publish import depot_of
from synth.farm.quarantine import empty_record, example_record
from synth.farm.results import Assembled, Failed, Lost, Opened, Rendered
from synth.farm.work import MissingShard
from synth.memory import resident_bytes
from synth.passes import PASSES
from synth.record import Record
from synth.scene import folder_rows, offered_passes
from synth.storage.damage import DamagedShard
from synth.storage.files import DISK_ERRORS
from synth.storage.manifest import ShardRow
from synth.storage.parts import part_path


class Renders(Protocol):
    """What a worker needs of a Pipeline."""

    names: tuple[str, ...]
    seconds: dict[str, float]  # by stage, of the record made last

    @property
    def device_name(self) -> str: ...

    @property
    def device_missed(self) -> str: ...

    def idle_gpu(self) -> str: ...

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
    """One process with one Blender. folder: the dataset's, absolute.

    pinned: whether it takes `threads` cores for itself, if Ray gives away all there are. gpu: whether Ray has given
    it one, or a part of one.
    """

    config: Config
    folder: Path
    threads: int
    pinned: bool
    gpu: bool
    open_pipeline: OpenPipeline
    _pipeline: Renders = field(init=False)
    _gauge: GpuGauge | None = field(init=False, default=None)

    def open(self) -> Opened:
        """Start Blender. Cores are taken before bpy is imported; the GPU was set by Ray when the process began.

        Without one, farm.device=auto is the CPU: Ray hides no GPUs from such workers, and each would take all of them.
        """
        os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # Ray counts so; CUDA by itself the fastest first
        remove_stale_scratch()
        cores = take_cores(self.threads, counted_cores()) if self.pinned else ()
        on_cpu = not self.gpu and self.config.farm.device is Device.auto
        config = replace(self.config, farm=replace(self.config.farm, device=Device.cpu)) if on_cpu else self.config
        self._pipeline = self.open_pipeline(config, self.threads)
        self._gauge = GpuGauge() if self.gpu else None
        folders = folder_rows(self.config)
        note = self._idle_words(self._pipeline.idle_gpu()) if on_cpu else self._missed_words()
        return Opened(socket.gethostname(), os.getpid(), self._pipeline.device_name, cores, folders, note)

    def render(self, index: int) -> Rendered | Failed:
        """Render a record and keep it as a part. OSError if the disk does not take it."""
        from synth.storage.parts import save_part

        start, cpu = time.perf_counter(), time.process_time()
        try:
            record = self._pipeline.record(index)
        except Exception as error:  # whatever it is, the run is to survive it
            if isinstance(error, OSError) and error.errno in DISK_ERRORS:
                raise
            return Failed(index, f"{type(error).__name__}: {' '.join(str(error).split())}", traceback.format_exc())
        rendered = time.perf_counter()
        save_part(self.folder, record)
        seconds = dict(self._pipeline.seconds) | {"save": time.perf_counter() - rendered}
        wall_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu
        return Rendered(index, seconds, wall_s, cpu_s, resident_bytes(), self._gauge.use() if self._gauge else None)

    def assemble(self, shard: MissingShard, empty: tuple[int, ...]) -> Assembled | Lost | None:
        """Write a shard from its previous file and the parts, with empty records at `empty`.

        Lost names the parts that are damaged. None if there is no record yet that tells the shape of empty ones.
        """
        from synth.storage.parts import load_part
        from synth.storage.shard import write_shard

        example = self._example() if empty else None
        if empty and example is None:
            return None
        try:
            older = self._older(shard.previous) if shard.previous else None
        except DamagedShard:
            older, shard = None, MissingShard(shard.plan)
        needed = [index for index in shard.indices() if index not in empty]
        lost = tuple(index for index in needed if not part_path(self.folder, index).is_file())
        try:
            if not lost:
                records = self._records(shard, older, empty, example)
                table = PASSES | offered_passes(self.config)
                row = write_shard(self.folder, shard.plan, self._pipeline.names, records, None, self._codec, table)
        except PartDamaged:
            lost = tuple(index for index in needed if load_part(self.folder, index) is None)
        if lost:
            return Lost(lost)
        mtime_ns = (self.folder / row.file).stat().st_mtime_ns
        if depot := depot_of(self.config, self.folder):
            depot.publish(row)
        return Assembled(row, mtime_ns)

    def _idle_words(self, gpu: str) -> str:
        here = self.config.farm.address == "local"
        way_out = "say farm.device=gpu to use it" if here else "`ray start --num-gpus=N` there lets workers use it"
        return gpu and f"Cycles finds {gpu}, but Ray counts no GPU, so that workers render on the CPU; {way_out}"

    def _missed_words(self) -> str:
        if not self.gpu or self._pipeline.device_name != "CPU":
            return ""
        why = self._pipeline.device_missed or "Cycles finds none"
        return f"Ray gives workers a GPU, but they render on the CPU: {why}"

    @property
    def _codec(self) -> str:
        return self.config.output.codec.name

    def _example(self) -> Record | None:
        """Any record of the dataset, for the shapes of its arrays; None if there is none yet."""
        names, depot = self._pipeline.names, depot_of(self.config, self.folder)
        found = example_record(self.folder, names)
        return depot.example(names) if found is None and depot else found

    def _older(self, row: ShardRow) -> Path:
        """The shard's previous file, here. DamagedShard if its bytes are not those that were written."""
        from synth.storage.shard import verify_shard

        if depot := depot_of(self.config, self.folder):
            return depot.fetch(row)
        if problem := verify_shard(self.folder, row, deep=True):  # the driver has looked at its size and time only
            raise DamagedShard(problem)
        return self.folder / row.file

    def _records(
        self, shard: MissingShard, older: Path | None, empty: tuple[int, ...], example: Record | None
    ) -> Iterator[Record]:
        from synth.storage.shard import read_records

        again, kept = set(shard.again), read_records(older, self._pipeline.names) if older else ()
        for index, record in enumerate(kept, shard.plan.first):
            yield self._new(index, empty, example) if index in again else record
        for index in range(shard.first_missing, shard.plan.first + shard.plan.count):
            yield self._new(index, empty, example)

    def _new(self, index: int, empty: tuple[int, ...], example: Record | None) -> Record:
        from synth.storage.parts import load_part

        record = empty_record(self.config, example, index) if example and index in empty else None
        record = record or load_part(self.folder, index)
        if record is None:
            raise PartDamaged(index)
        return record


class PartDamaged(Exception):
    """A part that was to go into a shard cannot be read."""
