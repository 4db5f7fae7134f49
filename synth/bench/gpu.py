"""`python -m synth bench render --workers-per-gpu 1,2,4,8,16`: how many Blender processes should share a GPU.

One of them alternates between the CPU's part of a record and the GPU's. This measures, for OptiX and for CUDA, the
records per second of several on one GPU, how busy it is, what each takes of its memory, and what its kernels cost
where they are not in the driver's cache and where they are.
"""

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from synth.bench.children import open_worker
from synth.bench.process import MEMORY, Child, machine, on
from synth.compose import compose_config
from synth.config import Backend, Config
from synth.farm.gpus import gpu_memory, gpu_names, gpu_use

BACKENDS = (Backend.optix, Backend.cuda)
CACHES = ("CUDA_CACHE_PATH", "OPTIX_CACHE_PATH")  # where NVIDIA's driver keeps compiled kernels
EVERY_S = 0.5  # between two looks at the GPU
ENOUGH = 0.97  # of the best rate: fewer workers that reach it are the better choice
GOAL_BUSY = 0.85
MOST = 64

OpenChild = Callable[[Config, int], Any]  # config, threads of each: a Child, or what stands in for one
Use = tuple[float, float] | None  # busy share, bytes


def counts_of(words: str) -> list[int]:
    """Numbers of workers from "1,2,4". ValueError if it is something else."""
    parts = words.split(",")
    if not all(part.isdecimal() and 1 <= int(part) <= MOST for part in parts):
        raise ValueError(f"--workers-per-gpu must be numbers from 1 to {MOST} with commas, got {words!r}")
    return sorted({int(part) for part in parts})


def bench_gpu(
    overrides: list[str],
    counts: list[int],
    records: int,
    open_child: OpenChild = lambda config, threads: Child(open_worker, config, threads),
    use: Callable[[], Use] = gpu_use,
) -> dict[str, Any]:
    """By backend: `kernels`, `workers` (a row for each count) and the `best` count, or why it is `missing`.

    ValueError if there is no GPU for any of them.
    """
    found: dict[str, Any] = {}
    cores = (os.process_cpu_count() or 1) // max(1, len(gpu_memory()))  # of one GPU
    for backend in BACKENDS:
        config = compose_config([*overrides, "farm.device=gpu", f"farm.backend={backend.name}"])
        with tempfile.TemporaryDirectory() as folder, _environment(folder):  # OptiX compiles kernels of CUDA, too
            try:
                kernels = _kernels(config, open_child)
            except (ValueError, RuntimeError) as error:
                found[backend.name] = {"missing": str(error)}
                continue
            rows = [_row(config, count, records, max(1, cores // count), open_child, use) for count in counts]
        found[backend.name] = {"kernels": kernels, "workers": rows, "best": best(rows)}
    if all("missing" in row for row in found.values()):
        reasons = "; ".join(row["missing"] for row in found.values())
        raise ValueError(f"--workers-per-gpu needs a GPU that Cycles can use, and there is none: {reasons}")
    facts = {"overrides": overrides, "hw": config.render.hw, "spp": config.render.spp, "records": records}
    return {"machine": machine(), "gpus": gpu_names(), **facts, "backends": found}


@contextlib.contextmanager
def _environment(folder: str) -> Iterator[None]:
    """For the processes of the bench: one GPU, and a cache of kernels that is empty at first."""
    wanted = {"CUDA_VISIBLE_DEVICES": (os.environ.get("CUDA_VISIBLE_DEVICES") or "0").split(",")[0]}
    wanted |= {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", **dict.fromkeys(CACHES, folder)}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _kernels(config: Config, open_child: OpenChild) -> dict[str, float]:
    """Seconds from the start of a process to its first record, less those of a warm record: with an empty cache of
    kernels, and in a process after that; and what a warm record takes.
    """
    found = {}
    for name in ("empty_cache_s", "cached_s"):
        child = open_child(config, 0)
        try:
            first = child.opened_s + sum(child.ask(0).values())
            warm = median(sum(child.ask(index).values()) for index in range(1, 4))
        finally:
            child.close()
        found |= {name: first - warm, "warm_record_s": warm}
    return found


def _row(config: Config, count: int, *rest: Any) -> dict[str, Any]:
    """`_shared`; or why that many do not get on, such as for want of memory."""
    try:
        return _shared(config, count, *rest)
    except (ValueError, RuntimeError) as error:
        return {"workers": count, "failed": str(error)}


def _shared(
    config: Config, count: int, records: int, threads: int, open_child: OpenChild, use: Callable[[], Use]
) -> dict[str, Any]:
    """What `count` workers make of one GPU. All make the same records, each beginning with another."""
    before = use()
    children: list[Any] = []
    try:
        for _ in range(count):
            children.append(open_child(config, threads))
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(lambda child: child.ask(0), children))
            with _watching(use) as watch:
                start = time.perf_counter()
                ends = list(pool.map(lambda k: _ends(children[k], k, records), range(count)))
        peaks = [child.ask(MEMORY)["peak_gb"] for child in children]
    finally:
        for child in children:
            child.close()
    stop = min(row[-1] for row in ends)  # from then on a worker had nothing to do
    done = sum(end <= stop for row in ends for end in row)
    seen = [found for when, found in watch.seen if start <= when <= stop]
    return {
        "workers": count,
        "records_per_s": done / (stop - start),
        "busy": sum(busy for busy, _ in seen) / len(seen) if seen else None,
        "gpu_gb_per_worker": (max(used for _, used in seen) - before[1]) / count / 1e9 if seen and before else None,
        "host_gb_per_worker": max(peaks),
    }


def _ends(child: Any, first: int, records: int) -> list[float]:
    """When each of its records was there."""
    ends = []
    for k in range(records):
        child.ask(1 + (first + k) % records)
        ends.append(time.perf_counter())
    return ends


@dataclass
class _Watch:
    seen: list[tuple[float, tuple[float, float]]] = field(default_factory=list)  # when, (busy share, bytes)


@contextlib.contextmanager
def _watching(use: Callable[[], Use]) -> Iterator[_Watch]:
    """Looks at the GPU now and then, in a thread."""
    watch, over = _Watch(), threading.Event()

    def look() -> None:
        while True:
            found = use()
            if found:
                watch.seen.append((time.perf_counter(), found))
            if over.wait(EVERY_S):
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()


def best(rows: list[dict[str, Any]]) -> int | None:
    """The fewest workers that make nearly as many records as the best number of them; None if no number gets on."""
    rates = {row["workers"]: row["records_per_s"] for row in rows if "failed" not in row}
    return min((count for count, rate in rates.items() if rate >= ENOUGH * max(rates.values())), default=None)


def gpu_table(report: dict[str, Any]) -> str:
    """The report for people."""
    height, width = report["hw"]
    lines = [
        on(report["machine"]) + "".join(f"; {name}" for name in report["gpus"]),
        f"{height} x {width}, {report['spp']} spp, {report['records']} records of each worker: "
        + " ".join(report["overrides"]),
    ]
    for name, found in report["backends"].items():
        lines += ["", name.upper()]
        if "missing" in found:
            lines.append(f"not measured: {found['missing']}")
            continue
        kernels = found["kernels"]
        lines.append(
            f"from the start of a process to its first record: {kernels['empty_cache_s']:.1f} s with an empty cache of "
            f"kernels, {kernels['cached_s']:.1f} s in the next process; then {kernels['warm_record_s']:.2f} s a record"
        )
        lines.append(f"{'workers':>8}{'records/s':>12}{'GPU busy':>10}{'GPU GB each':>13}{'host GB each':>14}")
        lines += map(_line, found["workers"])
        if found["best"] is None:
            continue
        seen = [row["busy"] for row in found["workers"] if row.get("busy") is not None]
        lines.append(
            f"say farm.workers_per_gpu={found['best']} farm.backend={name}; busiest "
            f"{_or_unknown(max(seen, default=None), '.0%')} (at least {GOAL_BUSY:.0%})"
        )
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> str:
    if "failed" in row:
        return f"{row['workers']:>8}  {row['failed']}"
    return (
        f"{row['workers']:>8}{row['records_per_s']:>12.2f}{_or_unknown(row['busy'], '.0%'):>10}"
        f"{_or_unknown(row['gpu_gb_per_worker'], '.2f'):>13}{row['host_gb_per_worker']:>14.2f}"
    )


def _or_unknown(value: float | None, form: str) -> str:
    return "unknown" if value is None else format(value, form)
