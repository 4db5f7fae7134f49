"""`python -m synth bench farm`: whether the driver scales, what two workers make of two cores, what a face costs.

Without options it plans ten million records and serves a thousand simulated workers; what renders is asked for.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from synth.bench.process import progress
from synth.bench.soak import soak, soak_lines
from synth.config import Config, Device

RECORDS, PER_SHARD = 10_000_000, 250  # 40,000 shards
LIMIT_S, LIMIT_MB, LIMIT_SPEEDUP = 10.0, 500.0, 1.85
MILLION = 1_000_000
# Deciles of core-seconds of 20 faces, `--cost 20 render.hw=[128,128] render.spp=16`: how much records differ.
MEASURED_S = (1.66, 1.69, 1.92, 2.06, 2.14, 2.23, 2.30, 2.48, 2.51, 2.67)


def main(argv: list[str]) -> int:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m synth bench farm", exit_on_error=False)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="Hydra's overrides, of what is rendered")
    parser.add_argument("--workers", type=int, default=1000, help="how many workers are simulated")
    parser.add_argument("--rate", type=float, default=0.3, help="records per second of each of them")
    parser.add_argument("--seconds", type=float, default=30.0, help="for how long they are served")
    parser.add_argument("--scaling", type=int, metavar="N", help="render N records by one and by two workers")
    parser.add_argument("--cost", type=int, metavar="N", help="render N records on one core; price a million")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="render for so long: memory and rate by minute")
    parser.add_argument("--json", action="store_true", help="for programs")
    words = parser.parse_intermixed_args(argv)
    _require_sound(words)
    report: dict[str, Any] = {}
    if words.cost:
        report["cost"] = cost(words.overrides, words.cost)
    if words.scaling:
        report["scaling"] = scaling(words.overrides, words.scaling)
    if words.soak:
        report["soak"] = soak(words.overrides, words.soak)
    if not report:
        report["plan"] = plan()
        report["driver"] = serve(words.workers, words.seconds, seconds_at(words.rate))
    print(json.dumps(report, indent=2) if words.json else "\n".join(table(report)))
    return 0


def _require_sound(words: argparse.Namespace) -> None:
    for key in ("workers", "rate", "seconds", "scaling", "cost", "soak"):
        value = getattr(words, key)
        if value is not None and value <= 0:
            raise ValueError(f"--{key} must be more than 0, got {value}")
    if words.cost is not None and words.cost < 2:
        raise ValueError(f"--cost must be at least 2, got {words.cost}")


def plan(num_records: int = RECORDS, records_per_shard: int = PER_SHARD) -> dict[str, Any]:
    """Planning a dataset of which nothing, half and all but one shard is there: the slowest and the largest."""
    from synth.farm.simulate import measure_plan, pretend_dataset

    shards = -(-num_records // records_per_shard)
    found = []
    for finished in (0, shards // 2, shards - 1):
        with tempfile.TemporaryDirectory() as folder:
            config = _shapes(Path(folder) / "data", num_records, records_per_shard)
            pretend_dataset(Path(folder) / "data", config, finished)
            found.append(measure_plan(Path(folder) / "data", config))
    return {"records": num_records, "shards": shards} | {
        key: max(row[key] for row in found) for key in ("seconds", "tasks_s", "fold_s", "peak_mb")
    }


def seconds_at(rate: float) -> list[float]:
    """Times that differ as measured ones do, of a worker that makes `rate` records per second."""
    mean = float(np.mean(MEASURED_S))
    return [second / mean / rate for second in MEASURED_S]


def serve(workers: int, duration_s: float, seconds: list[float], num_records: int = RECORDS) -> dict[str, float]:
    """How well the driver serves so many workers, and how many records a second it can book at the most."""
    from synth.farm.simulate import expected_rate, pretend_dataset
    from synth.farm.simulate import serve as serve_farm

    result: dict[str, float] = {"workers": workers, "expected_per_s": expected_rate(workers, seconds)}
    for name, times in (("served", seconds), ("most", [])):
        with tempfile.TemporaryDirectory() as folder:
            config = _shapes(Path(folder) / "data", num_records, PER_SHARD)
            config.farm.workers, config.farm.records_per_worker = workers, 10**9
            pretend_dataset(Path(folder) / "data", config, num_records // PER_SHARD // 2)
            found = serve_farm(Path(folder) / "data", config, times, duration_s if times else duration_s / 3)
            result |= {f"{name}_per_s": found["events_per_s"], f"{name}_cpu": found["driver_cpu"]}
    return result


def _shapes(folder: Path, num_records: int, records_per_shard: int) -> Config:
    from synth.compose import compose_config

    config = compose_config(["+experiment=shapes_smoke", f"output.dir={folder}", f"num_records={num_records}"])
    config.output.records_per_shard = records_per_shard
    return config


def cost(overrides: list[str], count: int) -> dict[str, Any]:
    """Core-seconds of `count` records on one core, the writing of their shard included, and of a million."""
    from synth.blender.libraries import require_libraries
    from synth.compose import compose_config

    require_libraries()
    from synth.pipeline import Pipeline
    from synth.storage.manifest import ShardPlan
    from synth.storage.parts import load_part, save_part
    from synth.storage.shard import write_shard

    config = compose_config([*([] if _chosen(overrides) else ["+experiment=faces_large"]), *overrides])
    config.farm.device = Device.cpu
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pipeline = Pipeline(config, threads=1)
    pipeline.record(0)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for index in range(1, count + 1):
            start, cpu = time.perf_counter(), time.process_time()
            save_part(Path(folder), pipeline.record(index))
            part = load_part(Path(folder), index)
            assert part is not None
            row = write_shard(Path(folder), ShardPlan(index, index, 1), pipeline.names, [part], None, "gzip")
            rows.append((time.perf_counter() - start, time.process_time() - cpu, row.bytes))
    wall, core, size = (np.array(column, float) for column in zip(*rows, strict=True))
    return {
        "hw": config.render.hw,
        "spp": config.render.spp,
        "device": pipeline.device_name,
        "records": count,
        "core_s": float(core.mean()),
        "core_s_error": float(core.std(ddof=1) / np.sqrt(count)),
        "core_s_deciles": [round(float(q), 3) for q in np.quantile(core, np.arange(0.05, 1, 0.1))],
        "wall_s": float(wall.mean()),
        "megabytes": float(size.mean() / 1e6),
        "core_hours_per_million": float(core.mean() * MILLION / 3600),
        "gpu_hours_per_million": None,  # not measured: there is no GPU here
    }


def scaling(overrides: list[str], count: int, rounds: int = 3) -> dict[str, Any]:
    """Records per second of one worker on one core, of two on two, and of one on two; interleaved, medians."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise ValueError("--scaling needs two cores, got one")
    cases = {"one": (1, cores[:1]), "two": (2, cores), "one_on_two": (1, cores)}
    rates: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(1, rounds + 1):
        for name, (workers, where) in cases.items():
            progress(f"round {number} of {rounds}: {name.replace('_', ' ')}")
            rates[name].append(_rate(overrides, count, workers, where))
    result: dict[str, Any] = {name: median(found) for name, found in rates.items()}
    speedups = [two / one for one, two in zip(rates["one"], rates["two"], strict=True)]
    return {"records": count, "rounds": rounds} | result | {"speedup": median(speedups), "speedups": speedups}


def _rate(overrides: list[str], count: int, workers: int, cores: list[int]) -> float:
    """Records per second once Blender was open, of a run of its own on these cores."""
    with tempfile.TemporaryDirectory() as folder:
        words = [*([] if _chosen(overrides) else ["+experiment=faces_demo"]), *overrides, f"num_records={count}"]
        words += [f"output.dir={folder}/data", f"farm.workers={workers}", "farm.device=cpu"]
        subprocess.run(
            [sys.executable, "-m", "synth", "run", *words],
            check=True,
            capture_output=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        return json.loads((Path(folder) / "data/report.json").read_text())["records_per_second"]


def _chosen(overrides: list[str]) -> bool:
    return any("experiment=" in word for word in overrides)


def table(report: dict[str, Any]) -> list[str]:
    """The report for people."""
    lines = []
    if found := report.get("plan"):
        lines += [
            f"plan and resume scan of {found['records']:,} records in {found['shards']:,} shards: "
            f"{found['seconds']:.1f} s (at most {LIMIT_S:g}), {found['peak_mb']:.0f} MB (at most {LIMIT_MB:g})",
            f"handing out 10,000 tasks: {found['tasks_s']:.3f} s; writing dataset.json once: {found['fold_s']:.1f} s",
        ]
    if found := report.get("driver"):
        share = found["served_per_s"] / found["expected_per_s"]
        lines += [
            f"{found['workers']:,} simulated workers make {found['expected_per_s']:.0f} records/s; "
            f"{found['served_per_s']:.0f} were booked ({share:.1%}), by {found['served_cpu']:.2f} of a core",
            f"at the most the driver booked {found['most_per_s']:.0f} records/s, workers and driver sharing "
            f"{os.cpu_count()} cores",
        ]
    if found := report.get("cost"):
        height, width = found["hw"]
        lines += [
            f"{height} x {width}, {found['spp']} spp, {found['device']}: {found['core_s']:.2f} core-seconds per record "
            f"(standard error {found['core_s_error']:.2f}, {found['records']} records), {found['megabytes']:.2f} MB",
            f"a million: {found['core_hours_per_million']:,.0f} core-hours, "
            f"{found['megabytes'] * MILLION / 1e6:.1f} TB; GPU-hours: not measured",
            f"core-seconds, deciles: {', '.join(f'{s:.2f}' for s in found['core_s_deciles'])}; "
            f"wall: {found['wall_s']:.2f} s on a core that others may have used too",
        ]
    if found := report.get("scaling"):
        lines += [
            f"records/s: one worker on one core {found['one']:.3f}, two on two {found['two']:.3f}, "
            f"one on two {found['one_on_two']:.3f} ({found['records']} records, median of {found['rounds']})",
            f"two over one: {found['speedup']:.2f} (at least {LIMIT_SPEEDUP}); rounds: "
            + ", ".join(f"{s:.2f}" for s in found["speedups"]),
        ]
    if found := report.get("soak"):
        lines += soak_lines(found)
    return lines
