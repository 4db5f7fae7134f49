"""Farms that are too large to rent, to see what the driver makes of them: ten million records that are to be planned, a
thousand workers that are to be served. Driver, ledger, log and Ray are the real ones; only the rendering is a sleep.
"""

import asyncio
import itertools
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from synth.config import Config
from synth.farm.folder import begin, claim, missing_shards, tidy
from synth.farm.journal import Entry, append_entries, merge, read_journal
from synth.farm.results import Assembled, Opened, Rendered
from synth.farm.work import MissingShard, Work
from synth.memory import peak_bytes
from synth.rng import rng
from synth.storage.manifest import Manifest, ShardRow, planned_shards, write_manifest
from synth.storage.parts import part_path

SHARD_BYTES = 700_000_000  # of 256 faces at 512 x 512; sparse files, they take no room
HOSTS = 2  # processes that the simulated workers share


def pretend_dataset(folder: Path, config: Config, finished: int) -> None:
    """The first `finished` shards of a dataset, as far as a driver looks at them; half of the next one is in parts."""
    manifest, entries = begin(config), []
    plans = planned_shards(config.num_records, manifest.records_per_shard)
    (folder / "shards").mkdir(parents=True)
    for plan in plans[:finished]:
        path = folder / plan.file
        with path.open("wb") as file:
            file.truncate(SHARD_BYTES)
        row = ShardRow(plan.file, plan.first, plan.count, SHARD_BYTES, "0" * 64)
        entries.append(Entry(row, path.stat().st_mtime_ns))
    manifest.shards = [entry.row for entry in entries]
    write_manifest(folder, manifest)
    append_entries(folder, entries)
    for plan in plans[finished : finished + 1]:
        for index in range(plan.first, plan.first + plan.count // 2):
            part_path(folder, index).parent.mkdir(exist_ok=True)
            part_path(folder, index).touch()


def measure_plan(folder: Path, config: Config) -> dict[str, float]:
    """What planning and the scan of what is there cost the driver, in a process of its own: see `_plan`."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_plan, folder, config).result()


def _resumed(folder: Path, config: Config) -> tuple[Manifest, Work, int, int]:
    """What a driver makes of a dataset that is there: the manifest, the work, and the records and shards left."""
    manifest, _ = claim(folder, config)
    assert manifest is not None
    journal = read_journal(folder)
    merge(manifest, journal)
    missing = list(missing_shards(folder, manifest, journal, config.farm))
    kept = tidy(folder, missing, manifest.records_per_shard)
    left = sum(shard.lacking for shard in missing) - len(kept)
    return manifest, Work(missing, manifest.records_per_shard, kept), left, len(missing)


def _plan(folder: Path, config: Config) -> dict[str, float]:
    """seconds: of all that a driver does before its first task. peak_mb: of the process, Ray's library included.

    left: records to be rendered. tasks_s: of handing out 10,000 of them. fold_s: of writing dataset.json once.
    """
    import synth.farm.supervise  # noqa: F401 (a driver has it loaded)

    start = time.perf_counter()
    manifest, work, left, _ = _resumed(folder, config)
    work.next()
    planned = time.perf_counter()
    for _ in range(10_000):
        work.next()
    handed_out = time.perf_counter()
    write_manifest(folder, manifest)
    written = time.perf_counter()
    return {
        "seconds": planned - start,
        "tasks_s": handed_out - planned,
        "fold_s": written - handed_out,
        "left": left,
        "peak_mb": peak_bytes() / 1e6,
    }


class Host:
    """Many workers in one process, all of whose records take the time that one of `seconds` took. Ray makes an actor
    of it, whose methods run at the same time as they are asynchronous.
    """

    def __init__(self, seconds: list[float], folder: Path) -> None:
        self._seconds, self._folder = seconds, folder

    async def open(self) -> Opened:
        """At once."""
        return Opened(socket.gethostname(), os.getpid(), "simulated")

    async def render(self, index: int) -> Rendered:
        """A sleep."""
        seconds = float(rng(0, index, "simulate").choice(self._seconds)) if self._seconds else 0.0
        await asyncio.sleep(seconds)
        return Rendered(index, {"beauty": seconds}, seconds, seconds, 10**9)

    async def assemble(self, shard: MissingShard, empty: tuple[int, ...]) -> Assembled:
        """A row without a file."""
        plan = shard.plan
        return Assembled(ShardRow(plan.file, plan.first, plan.count, SHARD_BYTES, "0" * 64), time.time_ns())


def serve(folder: Path, config: Config, seconds: list[float], duration_s: float) -> dict[str, float]:
    """Let the driver of `config` serve config.farm.workers workers for so long, once all of them are there.

    seconds: that records took, drawn from; empty for records that take no time. The dataset in `folder` is a pretended
    one. Gives events_per_s: records that the driver booked; driver_cpu: cores that its process took.
    """
    from synth.farm.ray_settings import prepare_ray

    prepare_ray(config.farm.address)
    from synth.farm.ledger import Ledger
    from synth.farm.lock import locked
    from synth.farm.progress import Report
    from synth.farm.run import Beginning, Books
    from synth.farm.tally import Tally

    with locked(folder) as lock:
        manifest, work, left, shards = _resumed(folder, config)
        farm = _simulated_farm(config, folder, seconds)
        tally = Tally(manifest.num_records, manifest.num_records - left, shards, lambda: farm.ready)
        books = Books(config, Beginning(folder, manifest, "", False), Ledger(folder, manifest, lock),
                      Report(tally, config.seed))  # fmt: skip
        with books.report, farm:
            events = farm.run(work)
            return _timed(events, books, farm, duration_s)


def _simulated_farm(config: Config, folder: Path, seconds: list[float]) -> Any:
    import ray

    from synth.farm.supervise import Farm

    class Simulated(Farm):
        """A farm whose workers are shared."""

        _shared: Iterator[Any] | None = None

        def _new_actor(self) -> Any:
            if self._shared is None:
                each = -(-config.farm.workers // HOSTS)
                make = ray.remote(num_cpus=0, max_concurrency=each)  # type: ignore[call-overload]
                self._shared = itertools.cycle([make(Host).remote(seconds, folder) for _ in range(HOSTS)])
            return next(self._shared)

        def _kill(self, slot: Any) -> None:
            """Not a host that other workers are on; Ray ends them with the run."""

    return Simulated(config, folder, lambda *_: None, config.farm.workers)  # type: ignore[arg-type]


def _timed(events: Iterator[Any], books: Any, farm: Any, duration_s: float) -> dict[str, float]:
    start = cpu = 0.0
    count = 0
    for worker, task, event in events:
        books.see(worker, task, event)
        if not start and farm.ready == farm.crew.workers:
            start, cpu = time.perf_counter(), time.process_time()
        if start and isinstance(event, Rendered):
            count += 1
        if start and time.perf_counter() - start >= duration_s:
            break
    wall = time.perf_counter() - start
    return {"events_per_s": count / wall, "driver_cpu": (time.process_time() - cpu) / wall, "seconds": wall}


def expected_rate(workers: int, seconds: list[float]) -> float:
    """Records per second of workers that never wait."""
    return workers / float(np.mean(seconds))
