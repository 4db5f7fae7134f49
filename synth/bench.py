"""`python -m synth bench render`: where the time of a record goes, stage by stage, in this process and one Blender."""

import argparse
import json
import tempfile
import time
from importlib import import_module
from pathlib import Path
from statistics import median, quantiles

from synth.config import Config

STAGES = ("draw", "build", "beauty", "coverage", "label_render", "read_out", "label", "write")
LABELS_AND_WRITING = ("coverage", "label_render", "read_out", "label", "write")
# Benches of other things: the module whose `main` takes the words.
OTHERS = {"learning": "synth.bench_learning", "storage": "synth.bench_storage"}
LIMIT = 0.20  # of the beauty render's own time, the project's goal at 256 x 256 and 16 spp


def main(argv: list[str]) -> int:
    """Time the records of an experiment and print the split; faces_demo unless another one is named."""
    if argv[:1] and argv[0] in OTHERS:
        return import_module(OTHERS[argv[0]]).main(argv[1:])
    epilog = "bench learning has options of its own, --dataset, --photos, --epochs ...: see bench learning --help"
    parser = argparse.ArgumentParser(prog="python -m synth bench", exit_on_error=False, epilog=epilog)
    about = "render: draw, build, path tracing, labels, writing; learning: a network is trained from shards and tested"
    parser.add_argument("what", choices=["render", *OTHERS], help=about)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="Hydra's overrides")
    parser.add_argument("--records", type=int, default=12, help="how many to time, after one to warm up")
    parser.add_argument("--json", action="store_true", help="for programs")
    words = parser.parse_intermixed_args(argv)
    if words.records < 2:
        raise ValueError(f"--records must be at least 2, got {words.records}")
    from synth.compose import compose_config

    chosen = any("experiment=" in word for word in words.overrides)
    config = compose_config([*([] if chosen else ["+experiment=faces_demo"]), *words.overrides])
    report = bench_render(config, words.records)
    print(json.dumps(report, indent=2) if words.json else _table(report))
    return 0


def bench_render(config: Config, count: int) -> dict:
    """Seconds by stage of `count` records after a warm one: {stage: {median, low, high}}, and what follows."""
    from synth.blender.libraries import require_libraries

    require_libraries()
    from synth.pipeline import Pipeline

    start = time.perf_counter()
    pipeline = Pipeline(config)
    opened = time.perf_counter()
    pipeline.record(0)
    first = time.perf_counter()
    rows = [_timed_record(pipeline, index) for index in range(1, count + 1)]
    totals = [sum(row.values()) for row in rows]
    ratios = [sum(row[stage] for stage in LABELS_AND_WRITING) / row["beauty"] for row in rows]
    return {
        "scene": config.scene.name,
        "hw": config.render.hw,
        "spp": config.render.spp,
        "device": pipeline.device_name,
        "records": count,
        "open_s": opened - start,
        "first_record_s": first - opened,
        "records_per_s": count / sum(totals),
        "stages_s": {stage: _spread([row[stage] for row in rows]) for stage in STAGES},
        "total_s": _spread(totals),
        "labels_and_writing_over_beauty": _spread(ratios),
        "peak_memory_gb": _peak_memory_gb(),
    }


def _timed_record(pipeline, index: int) -> dict[str, float]:
    """Seconds by stage of one record, written as a shard of its own."""
    from synth.storage.manifest import ShardPlan
    from synth.storage.parts import load_part, save_part
    from synth.storage.shard import write_shard

    record = pipeline.record(index)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        save_part(Path(folder), record)
        part = load_part(Path(folder), index)
        assert part is not None
        write_shard(Path(folder), ShardPlan(0, index, 1), pipeline.names, [part])
        seconds = time.perf_counter() - start
    return {**pipeline.seconds, "write": seconds}


def _spread(values: list[float]) -> dict[str, float]:
    """Median, and the quartiles around it."""
    low, _, high = quantiles(values, n=4)
    return {"median": median(values), "low": low, "high": high}


def _peak_memory_gb() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _table(report: dict) -> str:
    """The report for people."""
    height, width = report["hw"]
    beauty = report["stages_s"]["beauty"]["median"]
    lines = [
        f"{report['scene']}, {height} x {width}, {report['spp']} spp, {report['device']}, {report['records']} records",
        f"open {report['open_s']:.1f} s, first record {report['first_record_s']:.1f} s, "
        f"then {report['records_per_s']:.2f} records/s, peak memory {report['peak_memory_gb']:.2f} GB",
        "",
        f"{'stage':<14}{'median s':>10}{'quartiles':>20}{'of beauty':>12}",
    ]
    for name, row in [*report["stages_s"].items(), ("total", report["total_s"])]:
        spread = f"{row['low']:.3f} to {row['high']:.3f}"
        lines.append(f"{name:<14}{row['median']:>10.3f}{spread:>20}{100 * row['median'] / beauty:>10.1f} %")
    ratio = report["labels_and_writing_over_beauty"]
    lines += [
        "",
        f"labels and writing over beauty: {100 * ratio['median']:.1f} % "
        f"({100 * ratio['low']:.1f} to {100 * ratio['high']:.1f} %), goal at 256 x 256 and 16 spp: {100 * LIMIT:.0f} %",
    ]
    return "\n".join(lines)
