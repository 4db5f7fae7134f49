"""`python -m synth bench render --memory N`: does a worker that makes many records keep its memory?"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from synth.bench.children import open_worker
from synth.bench.process import MEMORY, Child, machine, on, progress
from synth.config import Config

WARM = 50  # records: every style, environment and background has been there
LEAST = 20
LIMIT_GB, LIMIT_GROWTH = 1.0, 1.03


def bench_memory(config: Config, count: int, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """What the process of one worker holds (GB, resident) after each of `count` records, and how that grows.

    peak_gb: the most that it ever held; files_gb: programs' files, which all workers of a machine share. growth: the
    last quarter's median over the first's, both after the records that warm it up. slope_mb: per 1,000 records, of a
    straight line through the same. ValueError for a few records.
    """
    if count < LEAST:
        raise ValueError(f"--memory must be at least {LEAST}, got {count}")
    child = Child(open_worker, config)
    try:
        opened = child.ask(MEMORY)["gb"]
        samples = [_after(child, index) for index in range(count)]
        last = child.ask(MEMORY)
    finally:
        child.close()
    return {
        "machine": machine(),
        "overrides": list(overrides),
        "hw": config.render.hw,
        "spp": config.render.spp,
        "records": count,
        "opened_gb": opened,
        "peak_gb": last["peak_gb"],
        "files_gb": last["files_gb"],
        **growth(samples),
        "samples_gb": [round(gb, 4) for gb in samples],
    }


def _after(child: Child, index: int) -> float:
    child.ask(index)
    held = float(child.ask(MEMORY)["gb"])
    if (index + 1) % WARM == 0:
        progress(f"{index + 1} records: {held:.2f} GB")
    return held


def growth(samples: list[float]) -> dict[str, float]:
    """median_gb, growth and slope_mb of samples in GB, one for each record, without those that warm it up."""
    first = min(WARM, len(samples) // 5)
    kept = np.array(samples[first:])
    quarter = max(len(kept) // 4, 1)
    slope = np.polyfit(np.arange(len(kept)), kept, 1)[0]  # GB per record, which is TB per 1,000
    return {
        "median_gb": float(np.median(kept)),
        "growth": float(np.median(kept[-quarter:]) / np.median(kept[:quarter])),
        "slope_mb": float(1e6 * slope),
    }


def memory_table(report: dict[str, Any]) -> str:
    """The report for people."""
    height, width = report["hw"]
    return "\n".join(
        [
            on(report["machine"]),
            f"{height} x {width}, {report['spp']} spp, {report['records']} records: {' '.join(report['overrides'])}",
            f"opened: {report['opened_gb']:.2f} GB; with records: {report['median_gb']:.2f} GB; at the most: "
            f"{report['peak_gb']:.2f} GB (at most {LIMIT_GB:g}); {report['files_gb']:.2f} GB of each are programs' "
            "files, which all workers of a machine share",
            f"the last quarter over the first: {report['growth']:.3f} (at most {LIMIT_GROWTH:g}); "
            f"{report['slope_mb']:+.0f} MB per 1,000 records",
        ]
    )
