"""How many workers, what each of them gets, and how long each may take."""

import math
from dataclasses import dataclass

from synth.config import Config, FarmConfig
from synth.farm.work import Task

WORKER_BYTES = 1.2e9  # a Blender with a head: 0.75 GB resident (reference/cycles-facts.md), and room for large images
WORKERS_PER_GPU = 4  # where its memory is not known: one process alternates between the CPU's sync and the GPU
MOST_PER_GPU = 8
GPU_WORKER_BYTES = (
    3e9  # the driver's context, kernels, scene, textures and Cycles' path states: an estimate on the safe side
)
GPU_PIXEL_BYTES = 1000  # film of 36 channels, twice, and the denoiser's
LEAST_MEMORY = 2e9  # a worker that is allowed less would be replaced all the time
OPEN_S = 900.0  # importing bpy, the model, and what a GPU compiles at its first render
RENDER_S, PIXEL_SAMPLE_S = 300.0, 1e-4  # thirty times what a core takes for a face (cycles-facts.md)
ASSEMBLE_S = 900.0


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers of a run. cpus, gpus: Ray's reservation for one worker; threads: of its Cycles.

    memory: bytes; a worker that holds more is replaced.
    """

    workers: int
    threads: int
    cpus: float
    gpus: float
    memory: float = math.inf

    @property
    def pinned(self) -> bool:
        """Whether each worker can have cores of its own."""
        return self.cpus >= self.threads


def plan_crew(
    wanted: int, most: int, cpus: int, node_cpus: int, gpus: float, memory: float, per_gpu: int = WORKERS_PER_GPU
) -> Crew:
    """Share a machine or cluster among workers, so that their threads never outnumber the cores.

    wanted: farm.workers, 0 is automatic. most: more would have nothing to do. node_cpus: cores of one machine.
    gpus: to be used, 0 for none. memory: bytes. per_gpu: how many workers share a GPU when their number is automatic.
    """
    workers = wanted or _automatic(cpus, gpus, memory, per_gpu)
    workers = max(1, min(workers, most))
    threads = max(1, min(cpus // workers, node_cpus))
    share = _floor(1 / math.ceil(workers / gpus)) if gpus else 0.0
    bound = max(LEAST_MEMORY, memory / workers)
    return Crew(workers, threads, threads if workers <= cpus else _floor(cpus / workers), share, bound)


def workers_per_gpu(farm: FarmConfig, hw: list[int], gpu_bytes: list[float]) -> int:
    """How many workers share a GPU: farm.workers_per_gpu, or what fits in the memory of the smallest one."""
    if farm.workers_per_gpu:
        return farm.workers_per_gpu
    if not gpu_bytes:
        return WORKERS_PER_GPU
    needed = GPU_WORKER_BYTES + GPU_PIXEL_BYTES * hw[0] * hw[1]
    return max(1, min(MOST_PER_GPU, int(0.9 * min(gpu_bytes) // needed)))


def time_limit(config: Config, task: Task, first: bool) -> float:
    """Seconds after which a worker at this task counts as hung. first: it has just been opened."""
    height, width = config.render.hw
    if task.method == "open":
        return OPEN_S
    if task.method == "assemble":
        return ASSEMBLE_S + config.output.records_per_shard
    if config.farm.record_timeout_s:
        return config.farm.record_timeout_s
    return RENDER_S + PIXEL_SAMPLE_S * height * width * config.render.spp + (OPEN_S if first else 0)


def _automatic(cpus: int, gpus: float, memory: float, per_gpu: int) -> int:
    fitting = int(memory // WORKER_BYTES)
    return min(cpus, fitting, math.ceil(gpus * per_gpu) if gpus else cpus)


def _floor(share: float) -> float:
    """Rounded down to Ray's resolution, so that the last worker still fits."""
    return math.floor(share * 10_000) / 10_000
