"""`python -m synth bench render`: what a record costs, stage by stage, and beside a bare loop of bpy.

Three processes, each with a Blender of its own, take turns on the same specs, so that a noisy machine is noisy for
all: `synth` makes the record and writes it as a shard; `bare` builds the same scene and renders the beauty image
alone, with the same settings; `defaults` does so with Blender's own importance map, denoiser and persistence.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterable
from itertools import product
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from synth.config import Config

WAYS = ("synth", "bare", "defaults")
LABELS_AND_WRITING = ("coverage", "label_render", "read_out", "label", "write")
STAGES = ("draw", "build", "beauty", "coverage", "label_render", "read_out", "label", "write")
GRID = {  # of --grid: bald and haired, sizes, samples, views
    "": (["hair=bald"], []),
    "render.hw": ("[128,128]", "[256,256]", "[512,512]"),
    "render.spp": ("8", "16", "64"),
    "views_per_identity": ("1", "4"),
}


def main(argv: list[str]) -> int:
    """Time the records of an experiment and print what they cost; faces_demo unless another one is named."""
    words = _parser().parse_intermixed_args(argv)
    if words.records < 2:
        raise ValueError(f"--records must be at least 2, got {words.records}")
    from synth.blender.libraries import require_libraries
    from synth.compose import compose_config

    require_libraries()
    chosen = any("experiment=" in word for word in words.overrides)
    base = [*([] if chosen else ["+experiment=faces_demo"]), *words.overrides]
    ways = WAYS[:1] if words.alone else WAYS
    loads = [[*base, *more] for more in grid()] if words.grid else [base]
    reports = [bench_render(compose_config(load), words.records, ways, load) for load in loads]
    print(
        json.dumps(reports if words.grid else reports[0], indent=2) if words.json else "\n\n".join(map(table, reports))
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m synth bench render", description=__doc__, exit_on_error=False)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="Hydra's overrides")
    parser.add_argument("--records", type=int, default=12, help="how many to time, after one to warm up")
    parser.add_argument("--alone", action="store_true", help="only synth's own way, by stage")
    parser.add_argument(
        "--grid", action="store_true", help="bald and haired, three sizes, three spp, one view and four"
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser


def grid() -> list[list[str]]:
    """Overrides of all workloads of --grid."""
    hair, *keys = GRID
    return [[*bald, *(f"{key}={value}" for key, value in zip(keys, values, strict=True))]
            for bald, *values in product(GRID[hair], *(GRID[key] for key in keys))]  # fmt: skip


def bench_render(config: Config, count: int, ways: Iterable[str] = WAYS, overrides: Iterable[str] = ()) -> dict:
    """Seconds of `count` records after a warm one, by way and stage, as medians with quartiles, and their ratios."""
    benches = {way: _Bench(way, config) for way in ways}
    try:
        opened = {way: bench.ask(None) for way, bench in benches.items()}
        first = {way: bench.ask(0) for way, bench in benches.items()}
        rows = [{way: bench.ask(index) for way, bench in benches.items()} for index in range(1, count + 1)]
        memory = {way: bench.ask("memory")["gb"] for way, bench in benches.items()}
    finally:
        for bench in benches.values():
            bench.close()
    seconds = {way: [sum(row[way].values()) for row in rows] for way in benches}
    labels = [sum(row["synth"].get(name, 0.0) for name in LABELS_AND_WRITING) / row["synth"]["beauty"] for row in rows]
    stages = {name: _spread([row["synth"].get(name, 0.0) for row in rows]) for name in STAGES}
    return {
        "overrides": list(overrides),
        "scene": config.scene.name,
        "hw": config.render.hw,
        "spp": config.render.spp,
        "records": count,
        "open_s": {way: sum(opened[way].values()) for way in benches},
        "first_record_s": {way: sum(first[way].values()) for way in benches},
        "records_per_s": {way: count / sum(seconds[way]) for way in benches},
        "seconds": {way: _spread(seconds[way]) for way in benches},
        "stages_s": stages,
        "synth_over": {way: _spread([a / b for a, b in zip(seconds["synth"], seconds[way], strict=True)])
                       for way in benches if way != "synth"},
        "over_path_tracing_s": _spread([sum(row["synth"].values()) - row["synth"]["beauty"] for row in rows]),
        "labels_and_writing_over_beauty": _spread(labels),
        "peak_memory_gb": memory,
    }  # fmt: skip


class _Bench:
    """A process that renders in one way, and answers each question with {stage: seconds}."""

    def __init__(self, way: str, config: Config) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(way, config, theirs), daemon=True)
        self._process.start()

    def ask(self, question: int | str | None) -> dict[str, float]:
        """About a record, "memory", or None: how long it took to open. RuntimeError if the process died."""
        try:
            self._pipe.send(question)
            return self._pipe.recv()
        except (EOFError, BrokenPipeError):
            raise RuntimeError("a process of the bench ended; its own message is above") from None

    def close(self) -> None:
        self._pipe.close()
        self._process.join(timeout=10)
        self._process.terminate()


def _serve(way: str, config: Config, pipe: Connection) -> None:
    start = time.perf_counter()
    render = _synth(config) if way == "synth" else _bare(config, defaults=way == "defaults")
    opened = {"open": time.perf_counter() - start}
    while True:
        try:
            question = pipe.recv()
        except EOFError:
            return
        if question is None:
            pipe.send(opened)
        elif question == "memory":
            pipe.send({"gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6})
        else:
            pipe.send(render(question))


def _synth(config: Config):
    """Makes a record and writes it as a shard of its own."""
    from synth.pipeline import Pipeline
    from synth.storage.manifest import ShardPlan
    from synth.storage.parts import load_part, save_part
    from synth.storage.shard import write_shard

    pipeline = Pipeline(config)

    def render(index: int) -> dict[str, float]:
        record = pipeline.record(index)
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            save_part(Path(folder), record)
            part = load_part(Path(folder), index)
            assert part is not None
            write_shard(Path(folder), ShardPlan(0, index, 1), pipeline.names, [part])
            return {**pipeline.seconds, "write": time.perf_counter() - start}

    return render


def _bare(config: Config, defaults: bool):
    """Draws, builds and renders the beauty alone."""
    from synth.blender.bare import BareRenderer
    from synth.rng import Streams
    from synth.scene import load_scene

    renderer = BareRenderer(config.render, config.farm.device)
    build, sample = load_scene(config.scene.name, "build"), load_scene(config.scene.name, "sample")
    stage = build.prepare(config)
    if defaults:
        renderer.use_defaults()

    def render(index: int) -> dict[str, float]:
        start = time.perf_counter()
        renderer.render(
            build.build(stage, sample.sample(config, Streams(config.seed, index, config.views_per_identity)))
        )
        return {"all": time.perf_counter() - start}

    return render


def _spread(values: list[float]) -> dict[str, Any]:
    """Median, and the quartiles around it."""
    low, _, high = quantiles(values, n=4)
    return {"median": median(values), "low": low, "high": high}


def table(report: dict) -> str:
    """The report for people."""
    height, width = report["hw"]
    lines = [
        f"{report['scene']}, {height} x {width}, {report['spp']} spp, {report['records']} records: "
        + " ".join(report["overrides"]),
        "",
        f"{'':<10}{'records/s':>10}{'median s':>10}{'quartiles':>20}{'open s':>8}{'first s':>8}{'GB':>6}",
    ]
    for way, row in report["seconds"].items():
        numbers = (report["records_per_s"][way], row["median"])
        rest = (report["open_s"][way], report["first_record_s"][way], report["peak_memory_gb"][way])
        lines.append(f"{way:<10}{numbers[0]:>10.3f}{numbers[1]:>10.3f}{_quartiles(row):>20}"
                     f"{rest[0]:>8.1f}{rest[1]:>8.1f}{rest[2]:>6.2f}")  # fmt: skip
    for way, row in report["synth_over"].items():
        lines.append(f"synth over {way}: {row['median']:.3f} ({_quartiles(row)})")
    row = report["over_path_tracing_s"]
    lines.append(f"over the path tracing of a warm worker: {row['median']:.3f} s ({_quartiles(row)})")
    row = report["labels_and_writing_over_beauty"]
    lines += [f"labels and writing over beauty: {row['median']:.3f} ({_quartiles(row)})", ""]
    beauty = report["stages_s"]["beauty"]["median"]
    lines.append(f"{'stage':<14}{'median s':>10}{'quartiles':>20}{'of beauty':>12}")
    for name, row in report["stages_s"].items():
        lines.append(f"{name:<14}{row['median']:>10.3f}{_quartiles(row):>20}{100 * row['median'] / beauty:>10.1f} %")
    return "\n".join(lines)


def _quartiles(row: dict[str, float]) -> str:
    return f"{row['low']:.3f} to {row['high']:.3f}"
