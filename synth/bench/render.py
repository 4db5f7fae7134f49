"""`python -m synth bench render`: what a record costs, stage by stage, and beside a bare loop of bpy.

Three processes, each with a Blender of its own, take turns on the same specs, so that a noisy machine is noisy for
all: `synth` makes the record and writes it, with its share of a shard of several; `bare` builds the same scene and
renders the beauty image alone, with the same settings; `defaults` does so with Blender's own importance map, denoiser,
persistence and light tree. It keeps synth's samples, bounces and clamping, and no adaptive sampling: these four are all
that differs. The beauty's parts are by what Cycles says that it does (`synth.bench.children.open_split`).

--memory and --workers-per-gpu are other measurements of the same records, without the bare loops.
"""

import argparse
import json
from collections.abc import Callable, Iterable

from synth.bench.children import BEAUTY, open_bare, open_split
from synth.bench.process import MEMORY, Child, machine, on, progress, quartiles, spread
from synth.config import Config

WAYS = ("synth", "bare", "defaults")
LABELS_AND_WRITING = ("coverage", "label_render", "read_out", "label", "encode", "write")
STAGES = ("draw", "build", *BEAUTY, *LABELS_AND_WRITING)
WORKLOADS = (  # of --workloads: one, and each of its neighbours
    [],
    ["hair=bald"],
    ["render.hw=[128,128]"],
    ["render.hw=[512,512]"],
    ["render.spp=8"],
    ["render.spp=64"],
    ["views_per_identity=4"],
)
BASE = ["hair=even", "render.hw=[256,256]", "render.spp=16", "views_per_identity=1"]


def main(argv: list[str]) -> int:
    """Time the records of an experiment and print what they cost; faces_demo unless another one is named."""
    words = _parser().parse_intermixed_args(argv)
    if words.records < 2:
        raise ValueError(f"--records must be at least 2, got {words.records}")
    from synth.blender.libraries import require_libraries

    require_libraries()
    chosen = any("experiment=" in word for word in words.overrides)
    base = [*([] if chosen else ["+experiment=faces_demo"]), *words.overrides]
    reports, shown = _measured(words, base)
    several = reports if words.workloads else reports[0]
    print(json.dumps(several, indent=2) if words.json else "\n\n".join(shown(reports)))
    return 0


def _measured(words: argparse.Namespace, base: list[str]) -> tuple[list[dict], Callable[[list[dict]], Iterable[str]]]:
    """The reports that were asked for, and what makes text of them."""
    from synth.compose import compose_config

    if words.workers_per_gpu:
        from synth.bench.gpu import bench_gpu, counts_of, gpu_table

        return [bench_gpu(base, counts_of(words.workers_per_gpu), words.records)], lambda found: map(gpu_table, found)
    if words.memory is not None:
        from synth.bench.memory import bench_memory, memory_table

        return [bench_memory(compose_config(base), words.memory, base)], lambda found: map(memory_table, found)
    ways = WAYS[:1] if words.alone else WAYS
    loads = [[*base, *BASE, *more] for more in WORKLOADS] if words.workloads else [base]
    reports = []
    for k, load in enumerate(loads, 1):
        if len(loads) > 1:
            progress(f"load {k} of {len(loads)}: {' '.join(load)}")
        reports.append(bench_render(compose_config(load), words.records, ways, load, words.cpu))
    return reports, lambda found: [workload_table(found)] if words.workloads else map(table, found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m synth bench render", description=__doc__, exit_on_error=False)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="Hydra's overrides")
    parser.add_argument("--records", type=int, default=12, help="how many to time, after one to warm up")
    parser.add_argument("--alone", action="store_true", help="only synth's own way, by stage")
    parser.add_argument(
        "--workloads",
        action="store_true",
        help="hair at 256 x 256, 16 spp, and by turns bald, 128, 512, 8 spp, 64 spp, four views",
    )
    parser.add_argument("--cpu", action="store_true", help="seconds of all cores together instead of the clock's")
    parser.add_argument("--memory", type=int, metavar="N", help="render N records and see what the process holds")
    parser.add_argument("--workers-per-gpu", metavar="1,2,4", help="records/s of so many workers that share a GPU")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser


def bench_render(
    config: Config, count: int, ways: Iterable[str] = WAYS, overrides: Iterable[str] = (), cpu: bool = False
) -> dict:
    """Seconds of `count` records after a warm one, by way and stage, as medians with quartiles, and their ratios.

    cpu: of all cores together. Opening is always the clock's.
    """
    benches = {way: _child(way, config, cpu) for way in ways}
    try:
        opened = {way: bench.opened_s() for way, bench in benches.items()}
        first = {way: bench.ask(0) for way, bench in benches.items()}
        rows = [_timed(benches, index, count) for index in range(1, count + 1)]
        memory = {way: bench.ask(MEMORY)["peak_gb"] for way, bench in benches.items()}
    finally:
        for bench in benches.values():
            bench.close()
    seconds = {way: [sum(row[way].values()) for row in rows] for way in benches}
    own = [row["synth"] for row in rows]
    beauty, labels = ([_of(row, names) for row in own] for names in (BEAUTY, LABELS_AND_WRITING))
    stages = {name: spread([_of(row, (name,)) for row in own]) for name in STAGES}
    return {
        "machine": machine(),
        "clock": "CPU" if cpu else "wall",
        "overrides": list(overrides),
        "scene": config.scene.name,
        "hw": config.render.hw,
        "spp": config.render.spp,
        "records": count,
        "open_s": opened,
        "first_record_s": {way: sum(first[way].values()) for way in benches},
        "records_per_s": {way: count / sum(seconds[way]) for way in benches},
        "seconds": {way: spread(seconds[way]) for way in benches},
        "stages_s": stages,
        "synth_over": {way: spread([a / b for a, b in zip(seconds["synth"], seconds[way], strict=True)])
                       for way in benches if way != "synth"},
        "beauty_s": spread(beauty),
        "over_beauty_s": spread([all_s - s for all_s, s in zip(seconds["synth"], beauty, strict=True)]),
        "over_path_tracing_s": spread([sum(row.values()) - _of(row, BEAUTY[1:2]) for row in own]),
        "labels_and_writing_over_beauty": spread([a / b for a, b in zip(labels, beauty, strict=True)]),
        "peak_memory_gb": memory,
    }  # fmt: skip


def _of(seconds: dict[str, float], stages: Iterable[str]) -> float:
    return sum(seconds.get(name, 0.0) for name in stages)


def _timed(benches: dict[str, Child], index: int, count: int) -> dict[str, dict[str, float]]:
    """Seconds by way and stage of a record, and how many of them are done."""
    row = {way: bench.ask(index) for way, bench in benches.items()}
    progress(f"{index} of {count} records")
    return row


def _child(way: str, config: Config, cpu: bool) -> Child:
    if way == "synth":
        return Child(open_split, config, cpu)
    return Child(open_bare, config, way == "defaults", cpu)


def table(report: dict) -> str:
    """The report for people."""
    height, width = report["hw"]
    lines = [
        on(report["machine"]),
        f"{report['scene']}, {height} x {width}, {report['spp']} spp, {report['records']} records, {report['clock']} "
        f"seconds: {' '.join(report['overrides'])}",
        "",
        f"{'':<10}{'records/s':>10}{'median s':>10}{'quartiles':>20}{'open s':>8}{'first s':>8}{'GB':>6}",
    ]
    for way, row in report["seconds"].items():
        numbers = (report["records_per_s"][way], row["median"])
        rest = (report["open_s"][way], report["first_record_s"][way], report["peak_memory_gb"][way])
        lines.append(f"{way:<10}{numbers[0]:>10.3f}{numbers[1]:>10.3f}{quartiles(row):>20}"
                     f"{rest[0]:>8.1f}{rest[1]:>8.1f}{rest[2]:>6.2f}")  # fmt: skip
    for way, row in report["synth_over"].items():
        lines.append(f"synth over {way}: {row['median']:.3f} ({quartiles(row)})")
    for name, what in (("over_beauty_s", "the beauty"), ("over_path_tracing_s", "the path tracing")):
        row = report[name]
        lines.append(f"over {what} of a warm worker: {row['median']:.3f} s ({quartiles(row)})")
    row = report["labels_and_writing_over_beauty"]
    lines += [f"labels and writing over beauty: {row['median']:.3f} ({quartiles(row)})", ""]
    beauty = report["beauty_s"]["median"]
    lines.append(f"{'stage':<14}{'median s':>10}{'quartiles':>20}{'of beauty':>12}")
    for name, row in report["stages_s"].items():
        lines.append(f"{name:<14}{row['median']:>10.3f}{quartiles(row):>20}{100 * row['median'] / beauty:>10.1f} %")
    return "\n".join(lines)


def workload_table(reports: list[dict]) -> str:
    """Medians of all workloads for people, a line each; the first names what they share, the others what is theirs."""
    shared = reports[0]["overrides"]
    lines = [
        on(reports[0]["machine"]),
        f"{reports[0]['records']} records of each, {reports[0]['clock']} seconds: {' '.join(shared)}",
        "",
        f"{'':<24}{'synth s':>9}{'over bare':>11}{'over defaults':>15}{'over beauty s':>15}"
        f"{'over path tracing s':>21}{'GB':>6}",
    ]
    for report in reports:
        name = " ".join(report["overrides"][len(shared) :]) or "as above"
        over = [report["synth_over"].get(way, {}).get("median", float("nan")) for way in ("bare", "defaults")]
        lines.append(
            f"{name:<24}{report['seconds']['synth']['median']:>9.2f}{over[0]:>11.3f}{over[1]:>15.3f}"
            f"{report['over_beauty_s']['median']:>15.3f}"
            f"{report['over_path_tracing_s']['median']:>21.3f}{report['peak_memory_gb']['synth']:>6.2f}"
        )
    return "\n".join(lines)
