"""Ray: starts it or joins it, keeps every worker busy with one task at a time, and replaces workers that die.

A task is one record (0.1 s at the least; handing it out takes 1 ms), so that whatever happens to a worker, it is
known which record it had, and no more than that one is lost.
"""

import itertools
import os
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from synth.config import Config, Device
from synth.farm.crew import Crew, plan_crew
from synth.farm.work import Task, Work
from synth.farm.worker import OpenPipeline, Worker

OPEN = Task("open")
TRIES = 2  # of a record that raises an exception
DEATHS = 3  # of workers, at the same task
POLL_S = 0.5
OBJECT_STORE_BYTES = 80 * 2**20  # Ray's least: records never go through it


@dataclass(slots=True, eq=False)
class Slot:
    """The place of a worker: when one dies or wears out, the next takes it."""

    cores: tuple[int, ...]
    actor: Any = None
    task: Task | None = None
    ready: bool = False
    rendered: int = 0


class Farm:
    """Ray and its workers. A context manager: leaving it ends every process that it started."""

    def __init__(self, config: Config, folder: Path, open_pipeline: OpenPipeline, most_workers: int) -> None:
        self._config, self._folder, self._open_pipeline = config, folder, open_pipeline
        self._most_workers = most_workers
        self._attempts: Counter[tuple[Task, str]] = Counter()
        self._busy: dict[Any, Slot] = {}  # by the reference of what it is doing
        self._slots: list[Slot] = []

    def __enter__(self) -> "Farm":
        self._temporary = _start_ray(self._config.farm.address)
        try:
            self.crew = _plan(self._config, self._most_workers)
        except BaseException:
            self.__exit__()
            raise
        self._slots = [Slot(cores) for cores in _cores(self.crew, self._config.farm.address)]
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the workers and stop Ray, undisturbed by a second Ctrl-C."""
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for slot in self._slots:
                if slot.actor is not None:
                    ray.kill(slot.actor)
            ray.shutdown()
            if self._temporary:
                shutil.rmtree(self._temporary, ignore_errors=True)
        finally:
            signal.signal(signal.SIGINT, before)

    @property
    def ready(self) -> int:
        """How many workers have their Blender open."""
        return sum(slot.ready for slot in self._slots)

    def run(self, work: Work) -> Iterator[tuple[Task, Any]]:
        """Do all the work; gives each finished task with its result as it comes.

        ValueError or OSError of a worker that cannot open its Blender; RuntimeError names a record that cannot be
        rendered, its seed and the cause.
        """
        while True:
            self._hand_out(work)
            if not self._busy:
                return
            for reference in self._finished():
                slot = self._busy.pop(reference)
                task, slot.task = slot.task, None
                assert task is not None
                yield from self._collect(reference, slot, task, work)

    def _hand_out(self, work: Work) -> None:
        for slot in self._slots:
            if slot.task is None and (task := work.next()) is not None:
                if slot.rendered >= self._config.farm.records_per_worker:
                    self._discard(slot)
                if not slot.ready:
                    work.again(task)
                    task = OPEN
                    slot.actor = self._new_actor(slot)
                slot.task = task
                self._busy[getattr(slot.actor, task.method).remote(*task.args)] = slot

    def _finished(self) -> list[Any]:
        """References of tasks that have ended; none, now and then, so that signals are seen."""
        references = list(self._busy)
        if not ray.wait(references, num_returns=1, timeout=POLL_S)[0]:
            return []
        return ray.wait(references, num_returns=len(references), timeout=0)[0]

    def _collect(self, reference: Any, slot: Slot, task: Task, work: Work) -> Iterator[tuple[Task, Any]]:
        try:
            result = ray.get(reference)
        except RayTaskError as error:
            self._again(task, work, "raised", error.cause or error)
        except RayError as error:
            self._discard(slot)
            self._again(task, work, "died", error)
        else:
            slot.ready = True
            slot.rendered += task.method == "render"
            self._attempts.pop((task, "died"), None)
            work.done(task)
            yield task, result

    def _again(self, task: Task, work: Work, how: str, cause: BaseException) -> None:
        """Try a task once more, or give up in words."""
        self._attempts[task, how] += 1
        count = self._attempts[task, how]
        if how == "raised" and task == OPEN:
            raise cause if isinstance(cause, (ValueError, OSError)) else RuntimeError(f"a worker cannot start: {cause}")
        if count >= (TRIES if how == "raised" else DEATHS):
            raise RuntimeError(self._gave_up(task, how, count, cause)) from cause
        if task != OPEN:
            work.again(task)

    def _gave_up(self, task: Task, how: str, count: int, cause: BaseException) -> str:
        done = f"{self._folder} keeps what is done, and the same command goes on"
        record = f"{task} (seed {self._config.seed})"
        if how == "died":
            last_line = str(cause).strip().splitlines()[-1]
            return f"{record} ended its worker {count} times: {last_line.strip()}; {done}"
        return f"{record} failed {count} times: {type(cause).__name__}: {' '.join(str(cause).split())}; {done}"

    def _new_actor(self, slot: Slot) -> Any:
        crew = self.crew
        make = ray.remote(num_cpus=crew.cpus, num_gpus=crew.gpus, max_restarts=0, max_task_retries=0)(Worker)
        return make.remote(self._config, self._folder, crew.threads, slot.cores, self._open_pipeline)

    def _discard(self, slot: Slot) -> None:
        """Empty a slot; its process is gone or will be."""
        ray.kill(slot.actor)
        slot.actor, slot.ready, slot.rendered = None, False, 0


def _start_ray(address: str) -> Path | None:
    """Start Ray here, without a word and without a port to the outside, or join a cluster.

    Returns the folder of Ray's files that is to be removed, if there is one. ValueError if the cluster is not there.
    """
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "namespace": "synth"}
    if address != "local":
        try:
            ray.init(address=address, **quiet)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"farm.address must be a running Ray cluster, got {address!r} ({reason})") from error
        temporary = None
    else:
        # In /tmp whatever TMPDIR is: the names of sockets must be short.
        temporary = Path(tempfile.mkdtemp(prefix="synth-ray-", dir="/tmp"))
        ray.init(
            "local",
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            _temp_dir=str(temporary),
            **quiet,
        )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # Ray's own would leave its processes behind
        signal.signal(number, signal.default_int_handler)
    return temporary


def _plan(config: Config, most: int) -> Crew:
    have = ray.cluster_resources()
    cpus, node_cpus = int(have.get("CPU", 1)), int(min(n["Resources"].get("CPU", 1) for n in ray.nodes() if n["Alive"]))
    if config.farm.address == "local":
        cpus = node_cpus = min(cpus, os.process_cpu_count() or 1)
    gpus = have.get("GPU", 0.0) if config.farm.device is not Device.cpu else 0.0
    return plan_crew(config.farm.workers, most, cpus, node_cpus, gpus, have.get("memory", 0.0))


def _cores(crew: Crew, address: str) -> list[tuple[int, ...]]:
    """The cores of each worker; () where they are another machine's, or have to be shared."""
    if address != "local" or crew.cpus < crew.threads or not hasattr(os, "sched_getaffinity"):
        return [()] * crew.workers
    ours = sorted(os.sched_getaffinity(0))
    return list(itertools.batched(ours, crew.threads, strict=False))[: crew.workers]
