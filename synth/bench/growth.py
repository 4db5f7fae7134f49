"""`python -m synth bench growth`: how the cost of a record grows, as exponents.

One thing is varied at a time: pixels, samples, strands, vertices, lamps, records. The same records are rendered under
all of its values in turns, each by a process of its own, and timed in seconds of all cores together. An exponent is
the slope of log(seconds) over log(how many): 1 is in proportion. Each record has its own; medians with quartiles.
"""

import argparse
import json
from itertools import accumulate
from typing import Any

import numpy as np

from synth.bench.children import Seconds, open_counted
from synth.bench.process import Child, machine, on, quartiles, spread
from synth.compose import compose_config
from synth.config import flatten, record_keys

# Long hair on every head and nothing over it: so that strands are there, and their number stays while another varies.
WORKLOAD = ("wear=none", "beard=none", "scene.hair.strands=5000", "scene.hair.styles.long_straight=1e6")
AXES: dict[str, tuple[str, str, tuple[int, ...]]] = {  # axis: the key, how a value is written, the values
    "pixels": ("render.hw", "[{0},{0}]", (64, 128, 256, 512)),
    "spp": ("render.spp", "{0}", (4, 16, 64)),
    "strands": ("scene.hair.strands", "{0}", (2500, 5000, 10000, 20000)),
    "vertices": ("scene.subdivision", "{0}", (0, 1, 2)),
    "lamps": ("scene.light.lamps", "[{0},{0}]", (1, 2, 4, 8)),
}
RECORDS = "records"
BLOCK = 16  # records whose sums tell the exponent of their number
SMALL = ("render.hw=[64,64]", "render.spp=4")  # of what is counted in records, which cost what they cost
STAGES = ("record", "build", "beauty", "label_render", "label", "write")


def main(argv: list[str]) -> int:
    """Measure the exponents and print them."""
    words = _parser().parse_intermixed_args(argv)
    if words.records < 1:
        raise ValueError(f"--records must be at least 1, got {words.records}")
    axes = words.axes.split(",") if words.axes else [*AXES, RECORDS]
    if unknown := sorted(set(axes) - {*AXES, RECORDS}):
        raise ValueError(f"--axes must be among {', '.join((*AXES, RECORDS))}, got {', '.join(unknown)}")
    from synth.blender.libraries import require_libraries

    require_libraries()
    chosen = any("experiment=" in word for word in words.overrides)
    base = [*([] if chosen else ["+experiment=faces_demo", *WORKLOAD]), *words.overrides]
    report = bench_growth(base, axes, words.records, words.most)
    print(json.dumps(report, indent=2) if words.json else "\n".join(table(report)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m synth bench growth", description=__doc__, exit_on_error=False)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="Hydra's overrides")
    parser.add_argument("--records", type=int, default=6, help="how many to time under each value, after a warm one")
    parser.add_argument("--axes", help=f"comma-separated, of {', '.join((*AXES, RECORDS))}; all if it is not given")
    parser.add_argument("--most", type=int, default=512, help="px: larger images are left out")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser


def bench_growth(overrides: list[str], axes: list[str], records: int, most: int) -> dict[str, Any]:
    """By axis: its values, how many that is, seconds of a record and exponents by stage. Axes that the scene has no key
    for are left out.
    """
    config = compose_config(overrides)
    keys = flatten(record_keys(config))
    found = {axis: _axis(overrides, axis, records, most) for axis in axes if axis != RECORDS and AXES[axis][0] in keys}
    if RECORDS in axes:
        found[RECORDS] = _records(overrides, max(records, 3))
    facts = {"overrides": overrides, "hw": config.render.hw, "spp": config.render.spp, "records": records}
    return {"machine": machine(), **facts, "axes": found}


def _axis(overrides: list[str], axis: str, records: int, most: int) -> dict[str, Any]:
    key, form, values = AXES[axis]
    values = tuple(value for value in values if axis != "pixels" or value <= most)
    children = [Child(open_counted, compose_config([*overrides, f"{key}={form.format(value)}"])) for value in values]
    try:
        for child in children:
            child.ask(0)
        rows = [[child.ask(index) for child in children] for index in range(1, records + 1)]
    finally:
        for child in children:
            child.close()
    sizes = [_size(axis, value, counts) for value, (_, counts) in zip(values, rows[0], strict=True)]
    return {"values": list(values), **exponents(sizes, [[seconds for seconds, _ in row] for row in rows])}


def _size(axis: str, value: int, counts: dict[str, int]) -> int:
    """How many there are: of strands and vertices what Blender has in its scene."""
    return value**2 if axis == "pixels" else counts.get(axis, value)


def _records(overrides: list[str], blocks: int) -> dict[str, Any]:
    child = Child(open_counted, compose_config([*overrides, *SMALL]))
    try:
        child.ask(0)
        rows = [
            [child.ask(1 + BLOCK * block + k)[0] for k in range(BLOCK)] for block in range(blocks)
        ]  # fmt: skip
    finally:
        child.close()
    sizes = [2**k for k in range(BLOCK.bit_length())]
    return {"values": sizes, **exponents(sizes, [[_summed(row)[size - 1] for size in sizes] for row in rows])}


def _summed(row: list[Seconds]) -> list[Seconds]:
    """Sums over the first one, two, three ... records, by stage."""
    return list(accumulate(row, lambda a, b: {name: a.get(name, 0.0) + b.get(name, 0.0) for name in a | b}))


def exponents(sizes: list[int], rows: list[list[Seconds]]) -> dict[str, Any]:
    """Of rows of seconds by stage, one for each of the sizes: `seconds` of the whole record by size, and by stage the
    exponent over all sizes, and `top`, the one between the two largest sizes.
    """
    found: dict[str, Any] = {"sizes": sizes, "seconds": []}
    total = [[sum(seconds.values()) for seconds in row] for row in rows]
    found["seconds"] = [spread(list(column)) for column in zip(*total, strict=True)]
    found["exponents"], found["top"] = {}, {}
    for stage in STAGES:
        table = np.array(total if stage == "record" else [[s.get(stage, 0.0) for s in row] for row in rows])
        if (table > 0).all():
            found["exponents"][stage] = spread([_slope(sizes, row) for row in table])
            found["top"][stage] = spread([_slope(sizes[-2:], row[-2:]) for row in table])
    return found


def _slope(sizes: list[int], seconds: np.ndarray) -> float:
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def table(report: dict[str, Any]) -> list[str]:
    """The report for people."""
    height, width = report["hw"]
    lines = [
        on(report["machine"]),
        f"{report['records']} records, {height} x {width}, {report['spp']} spp where it is not varied: "
        + " ".join(report["overrides"]),
        "",
        f"{'':<10}{'how many':<34}{'CPU s of a record':<34}"
        + "".join(f"{stage:>24}" for stage in STAGES)
        + f"{'record, at the top':>24}",
    ]
    for axis, found in report["axes"].items():
        sizes, seconds = (
            ", ".join(map(str, found["sizes"])),
            ", ".join(f"{row['median']:.2f}" for row in found["seconds"]),
        )
        cells = [found["exponents"].get(stage) for stage in STAGES] + [found["top"].get("record")]
        lines.append(f"{axis:<10}{sizes:<34}{seconds:<34}" + "".join(f"{_exponent(cell):>24}" for cell in cells))
    return lines


def _exponent(row: dict[str, float] | None) -> str:
    return f"{row['median']:.2f} ({quartiles(row, 2)})" if row else "-"
