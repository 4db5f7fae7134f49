"""How many workers, and what each of them gets."""

import math
from dataclasses import dataclass

WORKER_BYTES = 1.2e9  # a Blender with a head: 0.75 GB resident (reference/cycles-facts.md), and room for large images
WORKERS_PER_GPU = 4  # one process alternates between the CPU's sync and the GPU: a few keep it busy


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers of a run. cpus, gpus: Ray's reservation for one worker; threads: of its Cycles."""

    workers: int
    threads: int
    cpus: float
    gpus: float


def plan_crew(wanted: int, most: int, cpus: int, node_cpus: int, gpus: float, memory: float) -> Crew:
    """Share a machine or cluster among workers, so that their threads never outnumber the cores.

    wanted: farm.workers, 0 is automatic. most: more would have nothing to do. node_cpus: cores of one machine.
    gpus: to be used, 0 for none. memory: bytes.
    """
    workers = wanted or _automatic(cpus, gpus, memory)
    workers = max(1, min(workers, most))
    threads = max(1, min(cpus // workers, node_cpus))
    share = _floor(1 / math.ceil(workers / gpus)) if gpus else 0.0
    return Crew(workers, threads, threads if workers <= cpus else _floor(cpus / workers), share)


def _automatic(cpus: int, gpus: float, memory: float) -> int:
    fitting = int(memory // WORKER_BYTES)
    return min(cpus, fitting, math.ceil(gpus * WORKERS_PER_GPU) if gpus else cpus)


def _floor(share: float) -> float:
    """Rounded down to Ray's resolution, so that the last worker still fits."""
    return math.floor(share * 10_000) / 10_000
