"""Keeps every worker busy with one task at a time, and replaces workers that die, hang, wear out or fail.

A task is one record (0.1 s at the least; handing it out takes 1 ms), so that whatever happens to a worker, it is
known which record it had, and no more than that one is lost.
"""

import os
import re
import signal
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from synth.config import Config, Device
from synth.farm.crew import Crew, Node, nodes_to_use, plan_crew, time_limit, workers_per_gpu
from synth.farm.gpus import gpu_memory
from synth.farm.ray_start import running_ray
from synth.farm.results import Assembled, Event, Failed, Fault, Lost, Opened, Rendered, Replaced
from synth.farm.signals import ignoring_interrupts, stopping_signals
from synth.farm.work import Task, Work
from synth.farm.worker import OpenPipeline, Worker

OPEN = Task("open")
OPENS = 3  # deaths of workers that open Blender, one after the other, before it is not worth another
MOST_PAUSE_S = 300.0  # between two that die so, while others work
OUT_OF_MEMORY = re.compile(r"out[ _]of[ _](GPU[ _])?memory", re.IGNORECASE)  # of a GPU: Cycles, CUDA and OptiX
RAISED_OPENS = 6  # of one slot in a row, in a minute, before it is retired while others work
POLL_S = 0.5


@dataclass(slots=True, eq=False)
class Slot:
    """The place of a worker: when one dies or wears out, the next takes it.

    since: when it got its task. wait_until: it stays empty so long, after workers failed to open Blender.
    works: whether Blender opened when it was tried last. unopened: how often in a row that raised.
    """

    number: int
    actor: Any = None
    task: Task | None = None
    opened: Opened | None = None
    rendered: int = 0
    memory: int = 0
    since: float = 0.0
    wait_until: float = 0.0
    works: bool = False
    unopened: int = 0

    @property
    def name(self) -> str:
        """For the log: its number, machine and process."""
        return f"{self.number} ({self.opened.host}, process {self.opened.pid})" if self.opened else str(self.number)


class Farm:
    """Ray and its workers. A context manager: leaving it ends every process that it started."""

    def __init__(self, config: Config, folder: Path, open_pipeline: OpenPipeline, most_workers: int) -> None:
        self._config, self._folder, self._open_pipeline = config, folder, open_pipeline
        self._most_workers = most_workers
        self._attempts: Counter[Task] = Counter()
        self._crowded: Counter[Task] = Counter()  # slots that a record has cost by finding a GPU's memory full
        self._busy: dict[Any, Slot] = {}  # by the reference of what it is doing
        self._slots: list[Slot] = []
        self._free: deque[Slot] = deque()
        self._hung: set[Slot] = set()
        self._deadline: float | None = None  # of the records in hand, once SIGTERM has come

    def __enter__(self) -> "Farm":
        with ExitStack() as stack:
            stack.enter_context(running_ray(self._config.farm))
            stack.enter_context(stopping_signals(self._terminate))
            self.crew = plan(self._config, self._most_workers)
            self._slots = [Slot(number) for number in range(self.crew.workers)]
            self._free.extend(self._slots)
            stack.callback(self._end_workers)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the workers and stop Ray, undisturbed by a second Ctrl-C."""
        with ignoring_interrupts():
            self._stack.close()

    def _end_workers(self) -> None:
        for slot in self._slots:
            if slot.actor is not None:
                self._kill(slot)

    def _terminate(self, *_: object) -> None:
        """SIGTERM: finish what is in hand, within the grace time. A second one ends it at once."""
        if self._deadline is not None:
            raise KeyboardInterrupt
        self._deadline = time.monotonic() + self._config.farm.grace_s

    @property
    def _on_gpu(self) -> bool:
        return self.crew.gpus > 0 or self._config.farm.device is Device.gpu

    @property
    def cores(self) -> float:
        """Of all workers together."""
        return len(self._slots) * self.crew.cpus

    @property
    def ready(self) -> int:
        """How many workers have their Blender open."""
        return sum(slot.opened is not None for slot in self._slots)

    def run(self, work: Work) -> Iterator[tuple[str, Task, Event]]:
        """Do all the work; gives what happens: to which worker, at which task, and what.

        ValueError or OSError of a worker that cannot open its Blender or write; RuntimeError if workers do not open,
        or a shard cannot be assembled; KeyboardInterrupt after SIGTERM.
        """
        while True:
            if self._deadline is None:
                yield from self._hand_out(work)
            in_hand = any(slot.task != OPEN for slot in self._busy.values())
            if self._deadline is not None and (not in_hand or time.monotonic() > self._deadline):
                raise KeyboardInterrupt
            if not in_hand and not work.more():
                if work.blocked:
                    raise RuntimeError(
                        f"{work.blocked[0]} cannot be written: every record of the dataset has failed so far"
                    )
                return
            for reference in self._finished():
                slot = self._busy.pop(reference)
                task, slot.task = slot.task, None
                assert task is not None
                self._free.append(slot)
                yield from self._collect(reference, slot, task, work)
            self._kill_hung()

    def _hand_out(self, work: Work) -> Iterator[tuple[str, Task, Event]]:
        for _ in range(len(self._free)):
            slot = self._free.popleft()
            if reason := self._reason_to_replace(slot):
                yield slot.name, OPEN, self._replaced(slot, reason)
            if not work.more() or time.monotonic() < slot.wait_until:
                self._free.append(slot)
            elif slot.opened is None:
                slot.actor = self._new_actor()
                self._start(slot, OPEN)
            elif (task := work.next()) is not None:
                self._start(slot, task)

    def _start(self, slot: Slot, task: Task) -> None:
        slot.task, slot.since = task, time.monotonic()
        self._busy[getattr(slot.actor, task.method).remote(*task.args)] = slot

    def _reason_to_replace(self, slot: Slot) -> str | None:
        if slot.opened is not None and slot.rendered >= self._config.farm.records_per_worker:
            return "worn"
        bound = self._config.farm.memory_gb * 1e9 or self.crew.memory
        return "memory" if slot.opened is not None and slot.memory > bound else None

    def _finished(self) -> list[Any]:
        """References of tasks that have ended; none, now and then, so that signals are seen."""
        references = list(self._busy)
        if not references:
            time.sleep(POLL_S)
            return []
        if not ray.wait(references, num_returns=1, timeout=POLL_S)[0]:
            return []
        return ray.wait(references, num_returns=len(references), timeout=0)[0]

    def _kill_hung(self) -> None:
        """Kill workers that have been at their task for too long: they then count as dead."""
        now = time.monotonic()
        for slot in self._busy.values():
            assert slot.task is not None
            limit = time_limit(self._config, slot.task, slot.rendered == 0, self._on_gpu)
            if slot not in self._hung and now - slot.since > limit:
                if slot.task == OPEN and not self.ready:
                    raise RuntimeError(
                        f"no worker has opened Blender within {now - slot.since:.0f} s: see that the cluster has "
                        f"{self.crew.cpus:g} cores and {self.crew.gpus:g} GPUs free for one"
                    )
                self._hung.add(slot)
                self._kill(slot)

    def _collect(self, reference: Any, slot: Slot, task: Task, work: Work) -> Iterator[tuple[str, Task, Event]]:
        try:
            result = ray.get(reference)
        except RayTaskError as error:
            words = _in_words(error, task, self._config.seed)
            if task != OPEN or not self._others_work(slot):
                raise words from error
            yield from self._unopened(slot, words)
            return
        except RayError as error:
            yield from self._died(slot, task, work, error)
            return
        self._hung.discard(slot)
        if isinstance(result, Failed):
            yield from self._failed(slot, task, work, result)
        elif isinstance(result, Opened):
            slot.opened, slot.works, slot.unopened = result, True, 0
            self._attempts.pop(OPEN, None)
            yield slot.name, task, replace(result, note=result.note or self.crew.note)
        elif isinstance(result, Rendered):
            slot.rendered, slot.memory = slot.rendered + 1, result.memory
            self._attempts.pop(task, None)
            self._crowded.pop(task, None)
            work.done(task)
            yield slot.name, task, result
        elif isinstance(result, Assembled):
            yield slot.name, task, result
        elif isinstance(result, Lost):
            work.lost(task.args[0], result.indices)
        else:
            work.later(task)

    def _failed(self, slot: Slot, task: Task, work: Work, failed: Failed) -> Iterator[tuple[str, Task, Event]]:
        """A record raised: Blender may be in any state, above all after an error of Cycles.

        Where a GPU's memory is full its workers are too many, and that is no fault of the record. One that has cost as
        many slots as share a GPU but for the last does not fit on one.
        """
        error = failed.error
        if self._on_gpu and OUT_OF_MEMORY.search(error):
            if self._others_work(slot) and self._crowded[task] < max(1, self.crew.sharing - 1):
                self._crowded[task] += 1
                work.again(task)
                why = f"{task} found its GPU's memory full ({error}): say a smaller farm.workers_per_gpu"
                yield slot.name, task, self._retired(slot, why)
                return
            error += " (say a smaller farm.workers_per_gpu, or a smaller render.hw)"
        yield slot.name, task, self._fault(slot, task, work, "raised", error, failed.traceback)
        yield slot.name, task, self._replaced(slot, "failed")

    def _others_work(self, slot: Slot) -> bool:
        return any(other.works for other in self._slots if other is not slot)

    def _unopened(self, slot: Slot, error: Exception) -> Iterator[tuple[str, Task, Event]]:
        """Blender did not open, and others work: it is tried again after a pause, but not for ever."""
        slot.works, slot.unopened = False, slot.unopened + 1
        words = f"{type(error).__name__}: {' '.join(str(error).split())}"
        if slot.unopened == RAISED_OPENS:
            why = f"it did not open Blender {RAISED_OPENS} times in a row: {words}"
            yield slot.name, OPEN, self._retired(slot, why)
            return
        slot.wait_until = time.monotonic() + min(2.0**slot.unopened, MOST_PAUSE_S)
        yield slot.name, OPEN, Fault(OPEN, slot.name, "raised", words, words, slot.unopened, False)
        yield slot.name, OPEN, self._replaced(slot, "failed")

    def _retired(self, slot: Slot, why: str) -> Replaced:
        """End a slot for good. It is among the free ones."""
        self._free.remove(slot)
        self._slots.remove(slot)
        return replace(self._replaced(slot, "retired"), why=why)

    def _died(self, slot: Slot, task: Task, work: Work, error: RayError) -> Iterator[tuple[str, Task, Event]]:
        """A worker's process has ended, or its machine has. The machine's end is no fault of the record."""
        kind = "hung" if slot in self._hung else "died"
        self._hung.discard(slot)
        words = " ".join(str(error).split())
        lost = "node has died" in words or getattr(error, "preempted", False)
        slot.works = task != OPEN and not lost
        if lost or (task == OPEN and kind == "hung"):
            if task != OPEN:
                work.again(task)
        else:
            yield slot.name, task, self._fault(slot, task, work, kind, _last_line(error), words)
        yield slot.name, task, self._replaced(slot, kind)

    def _fault(self, slot: Slot, task: Task, work: Work, kind: str, error: str, traceback: str) -> Fault:
        """Book a fault, and put the task back or give it up."""
        self._attempts[task] += 1
        tries = self._attempts[task]
        last = tries > self._config.farm.retries
        if task == OPEN:
            slot.wait_until = time.monotonic() + min(2.0**tries, MOST_PAUSE_S)
        if task == OPEN and tries >= OPENS and not self.ready:
            raise RuntimeError(f"workers died {tries} times one after the other while they opened Blender: {error}")
        if task.method == "assemble" and last:
            raise RuntimeError(f"{task} ended its worker {tries} times: {error}; the same command goes on")
        if task.method == "render" and last:
            work.quarantine(task)
        elif task != OPEN:
            work.again(task)
        return Fault(task, slot.name, kind, error, traceback, tries, last and task.method == "render")

    def _new_actor(self) -> Any:
        crew = self.crew
        make = ray.remote(num_cpus=crew.cpus, num_gpus=crew.gpus, max_restarts=0, max_task_retries=0)(Worker)
        return make.remote(self._config, self._folder, crew.threads, crew.pinned, crew.gpus > 0, self._open_pipeline)

    def _replaced(self, slot: Slot, reason: str) -> Replaced:
        """Empty a slot; its process is gone or will be."""
        event = Replaced(slot.name, reason)
        if reason in ("died", "hung"):
            slot.opened = None  # its process number may be another's by now
        self._kill(slot)
        slot.actor, slot.opened, slot.rendered, slot.memory = None, None, 0, 0
        return event

    def _kill(self, slot: Slot) -> None:
        ray.kill(slot.actor)
        if slot.opened is not None and self._config.farm.address == "local":  # Ray's own way needs the process's help
            with suppress(ProcessLookupError):
                os.kill(slot.opened.pid, signal.SIGKILL)


def _in_words(error: RayTaskError, task: Task, seed: int) -> Exception:
    """What the worker raised, for the user: of the disk or of a Blender that does not open."""
    cause = error.cause or error
    if isinstance(cause, (ValueError, OSError)):
        return cause
    return RuntimeError(f"{task} (seed {seed}) stopped its worker: {' '.join(str(cause).split())}")


def _last_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[-1].strip()


def plan(config: Config, most: int) -> Crew:
    """The crew for what Ray offers now. most: workers; more would have nothing to do.

    ValueError if a cluster that has told Ray of no GPU is to render on one.
    """
    farm, machines = config.farm, [node for node in ray.nodes() if node["Alive"]]
    nodes = nodes_to_use([_node(machine["Resources"], farm.address == "local") for machine in machines], farm.device)
    counted = any(node.gpus for node in nodes)
    if farm.device is Device.gpu and not counted and farm.address != "local":
        raise ValueError(
            f"farm.device must be one that the cluster has, got gpu, and none of its {len(machines)} machines has "
            "told Ray of a GPU; `ray start --num-gpus=N` tells it, or say farm.device=cpu"
        )
    on_gpu = not farm.workers and (counted or farm.device is Device.gpu)
    per_gpu = workers_per_gpu(farm, config.render.hw, _gpu_sizes(config, machines) if on_gpu else [])
    if on_gpu and not counted:  # of this machine, where Cycles may see one that Ray does not: they all share it
        most = min(most, per_gpu)
    return plan_crew(farm.workers, most, nodes, per_gpu)


def _node(resources: dict[str, float], here: bool) -> Node:
    """What Ray says of a machine: it leaves out what there is none of. here: this machine; its cores may be fewer."""
    cpus = int(resources.get("CPU", 0))
    cpus = min(cpus, os.process_cpu_count() or 1) if here else cpus
    return Node(cpus, int(resources.get("GPU", 0)), resources.get("memory", 0.0))


def _gpu_sizes(config: Config, nodes: list[dict[str, Any]]) -> list[float]:
    """Bytes of every GPU, as far as its machine can tell."""
    if config.farm.address == "local":
        return gpu_memory()
    ask = ray.remote(num_cpus=0, max_retries=0)(gpu_memory)
    places = [node["NodeID"] for node in nodes if node["Resources"].get("GPU")]
    asked = [
        ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(place, soft=False)).remote() for place in places
    ]
    return [size for sizes in ray.get(asked, timeout=60) for size in sizes]
