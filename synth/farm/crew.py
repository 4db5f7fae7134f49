"""How many workers, what each of them gets, and how long each may take."""

import math
from dataclasses import dataclass, replace

from synth.config import Config, Device, FarmConfig
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
class Node:
    """What a machine offers to workers: cores, whole GPUs, bytes of memory."""

    cpus: int
    gpus: int
    memory: float


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers of a run. cpus, gpus: Ray's reservation for one worker; threads: of its Cycles.

    memory: bytes; a worker that holds more is replaced. note: what the user should know of it, in one line; else "".
    """

    workers: int
    threads: int
    cpus: float
    gpus: float
    memory: float = math.inf
    note: str = ""

    @property
    def pinned(self) -> bool:
        """Whether each worker can have cores of its own."""
        return self.cpus >= self.threads

    @property
    def sharing(self) -> int:
        """How many workers share a GPU. Without one of Ray's they all do: Cycles may see one that Ray does not."""
        return round(1 / self.gpus) if self.gpus else self.workers


def nodes_to_use(nodes: list[Node], device: Device) -> list[Node]:
    """Those that have a GPU, if GPUs are to be used and there are any; else those that have cores, their GPUs left out.

    A head that is there for the cluster's own processes has neither.
    """
    with_gpu = [node for node in nodes if node.gpus and node.cpus]
    if device is not Device.cpu and with_gpu:
        return with_gpu
    return [replace(node, gpus=0) for node in nodes if node.cpus] or [Node(1, 0, sum(node.memory for node in nodes))]


def plan_crew(wanted: int, most: int, nodes: list[Node], per_gpu: int = WORKERS_PER_GPU) -> Crew:
    """Share a machine or cluster among workers, so that their threads never outnumber the cores.

    wanted: farm.workers, 0 is automatic. most: more would have nothing to do. nodes: as `nodes_to_use` has them.
    per_gpu: how many workers share a GPU when their number is automatic.
    """
    gpus = sum(node.gpus for node in nodes)
    workers = max(1, min(wanted or _automatic(nodes, per_gpu), most))
    if 0 < gpus < workers != wanted:
        workers -= workers % gpus
    sharing = math.ceil(workers / gpus) if gpus else 0
    if gpus:
        there = [min(workers, node.gpus * sharing) for node in nodes]
        cpus = _reservation(min(node.cpus / n for node, n in zip(nodes, there, strict=True)))
    else:
        cpus = _reservation(_cores(nodes, workers))
        there = [min(workers, int(node.cpus / cpus)) for node in nodes]
    memory = max(LEAST_MEMORY, min(node.memory / n for node, n in zip(nodes, there, strict=True) if n))
    share = _floor(1 / sharing) if gpus else 0.0
    return Crew(workers, max(1, int(cpus)), cpus, share, memory, _uneven(workers, gpus))


def workers_per_gpu(farm: FarmConfig, hw: list[int], gpu_bytes: list[float]) -> int:
    """How many workers share a GPU: farm.workers_per_gpu, or what fits in the memory of the smallest one."""
    if farm.workers_per_gpu:
        return farm.workers_per_gpu
    if not gpu_bytes:
        return WORKERS_PER_GPU
    needed = GPU_WORKER_BYTES + GPU_PIXEL_BYTES * hw[0] * hw[1]
    return max(1, min(MOST_PER_GPU, int(0.9 * min(gpu_bytes) // needed)))


def time_limit(config: Config, task: Task, first: bool, gpu: bool) -> float:
    """Seconds after which a worker at this task counts as hung. first: it has just been opened.

    gpu: it renders on one, whose driver may compile kernels for minutes at the first record.
    """
    height, width = config.render.hw
    if task.method == "open":
        return OPEN_S
    if task.method == "assemble":
        return ASSEMBLE_S + config.output.records_per_shard
    limit = config.farm.record_timeout_s or RENDER_S + PIXEL_SAMPLE_S * height * width * config.render.spp
    return limit + (OPEN_S if first and gpu else 0)


def _cores(nodes: list[Node], workers: int) -> float:
    """The most that every worker can have on one machine: whole ones, or an even part of one if there are too few."""
    places = lambda cores: sum(node.cpus // cores for node in nodes)
    most = max(node.cpus for node in nodes)
    whole = next((cores for cores in range(most, 0, -1) if places(cores) >= workers), None)
    return whole or 1 / math.ceil(workers / places(1))


def _reservation(cores: float) -> float:
    """What Ray is to reserve of so many cores: whole ones, or a part of one."""
    return int(cores) or _floor(cores)


def _automatic(nodes: list[Node], per_gpu: int) -> int:
    """As many as have a core and memory; with GPUs as many on each of them, so that none has less to do."""
    if not any(node.gpus for node in nodes):
        return _room(_sum(nodes))
    each = max(1, min(per_gpu, *(_room(node) // node.gpus for node in nodes)))
    return sum(min(_room(node), each * node.gpus) for node in nodes)


def _room(node: Node) -> int:
    return min(node.cpus, int(node.memory // WORKER_BYTES))


def _sum(nodes: list[Node]) -> Node:
    return Node(*(sum(values) for values in zip(*((n.cpus, n.gpus, n.memory) for n in nodes), strict=True)))


def _uneven(workers: int, gpus: int) -> str:
    """What to know of workers that GPUs cannot share evenly: Ray fills one GPU after the other."""
    if not 0 < gpus < workers or workers % gpus == 0:
        return ""
    idle = gpus - math.ceil(workers / math.ceil(workers / gpus))
    return (
        f"farm.workers={workers} does not divide evenly among {gpus} GPUs: the last ones get fewer workers, {idle} of "
        f"them none; say farm.workers={workers - workers % gpus} or {workers - workers % gpus + gpus}"
    )


def _floor(share: float) -> float:
    """Rounded down to Ray's resolution, so that the last worker still fits."""
    return math.floor(share * 10_000) / 10_000
