"""`python -m synth bench farm --soak MINUTES`: does a farm that renders for long keep its memory and its rate?"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from synth.bench.process import progress

WARM_MINUTES = 2  # Ray, Blender and the first records of each worker
DRAWS = 4000
ENOUGH = 10**7  # records: more than any soak renders


def soak(overrides: list[str], minutes: float, every_s: float = 60.0) -> dict[str, Any]:
    """Render for so long in a run of its own; samples every minute, and slopes with their 95 % confidence.

    The dataset is deleted, unless overrides say output.dir.
    memory is the proportional set size of the driver and everything it started, in MB; rate is in records/s.
    """
    with tempfile.TemporaryDirectory() as folder:
        data = _chosen(overrides) or Path(folder) / "data"
        process = _start(overrides, data)
        try:
            rows = _watch(process, data, minutes, every_s)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
        report = json.loads((data / "report.json").read_text())
    table = np.array(rows, float)
    kept = table[table[:, 0] > min(WARM_MINUTES, minutes / 3)]
    return {
        "minutes": minutes,
        "rendered": report["records"]["rendered"],
        "faults": report["faults"]["counts"],
        "workers_replaced": report["workers_replaced"],
        "samples": [dict(zip(("minute", "memory_mb", "rate"), row, strict=True)) for row in table.tolist()],
        "memory_mb": _trend(kept[:, 0], kept[:, 1]),
        "rate": _trend(kept[:, 0], kept[:, 2]),
    }


def _chosen(overrides: list[str]) -> Path | None:
    """The folder that they say, if they say one."""
    said = [word.partition("=")[2] for word in overrides if word.startswith("output.dir=")]
    return Path(said[-1]) if said else None


def _start(overrides: list[str], data: Path) -> subprocess.Popen:
    chosen = any("experiment=" in word for word in overrides)
    words = [*([] if chosen else ["+experiment=faces_demo"]), f"num_records={ENOUGH}", f"output.dir={data}", *overrides]
    return subprocess.Popen([sys.executable, "-m", "synth", "run", *words], stdout=subprocess.DEVNULL)


def _watch(process: subprocess.Popen, data: Path, minutes: float, every_s: float) -> list[tuple[float, float, float]]:
    """(minute, MB, records/s since the sample before) of each sample."""
    start = last = time.monotonic()
    rows, before = [], 0
    while (now := time.monotonic()) < start + minutes * 60:
        time.sleep(max(0.0, min(last + every_s, start + minutes * 60) - now))
        if process.poll() is not None:
            raise RuntimeError(f"the run that was watched ended with exit code {process.returncode}")
        now, count = time.monotonic(), records_there(data)
        rows.append(((now - start) / 60, memory_mb(process.pid), (count - before) / (now - last)))
        progress("minute {:.1f}: {:.0f} MB, {:.3f} records/s".format(*rows[-1]))
        last, before = now, count
    return rows


def records_there(data: Path) -> int:
    """Records that are rendered: in finished shards, or as parts."""
    journal = data / "journal.jsonl"
    shards = [json.loads(line) for line in journal.read_text().splitlines()] if journal.is_file() else []
    done = {row["first"]: row["count"] for row in shards}
    parts = [int(m[1]) for path in data.glob("parts/*.npz") if (m := re.fullmatch(r"record-(\d+)\.npz", path.name))]
    covered = [range(first, first + count) for first, count in done.items()]
    return sum(done.values()) + sum(not any(index in some for some in covered[-4:]) for index in parts)


def memory_mb(pid: int) -> float:
    """Proportional set size of a process and all that it started, in MB: shared pages count once."""
    return sum(_pss_kb(one) for one in family(pid)) / 1e3


def family(pid: int) -> set[int]:
    """A process and all that it started."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _pss_kb(pid: int) -> int:
    try:
        found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _trend(minutes: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """Mean, and the slope per hour of a straight line with its 95 % interval, by bootstrap over the samples."""
    if len(values) < 3:
        return {"mean": float(values.mean()) if len(values) else float("nan")}
    hours, rng = minutes / 60, np.random.default_rng(len(values))
    picks = rng.integers(0, len(values), (DRAWS, len(values)))
    x, y = hours[picks], values[picks]
    dx = x - x.mean(axis=1, keepdims=True)
    spread = (dx**2).sum(axis=1)
    slopes = ((dx * y).sum(axis=1) / np.maximum(spread, 1e-12))[spread > 1e-9]
    low, high = np.quantile(slopes, [0.025, 0.975])
    slope = np.polyfit(hours, values, 1)[0]
    return {"mean": float(values.mean()), "slope_per_hour": float(slope), "low": float(low), "high": float(high)}


def soak_lines(found: dict[str, Any]) -> list[str]:
    """The report for people."""
    lines = [f"{found['rendered']} records in {found['minutes']:g} minutes on {os.cpu_count()} cores"]
    for name, unit in (("memory_mb", "MB"), ("rate", "records/s")):
        trend = found[name]
        words = f"{name}: mean {trend['mean']:.4g} {unit}"
        if "low" in trend:
            words += f", slope {trend['slope_per_hour']:+.3g} {unit} per hour"
            words += f" (95 %: {trend['low']:+.3g} to {trend['high']:+.3g})"
        lines.append(words)
    return [*lines, f"workers replaced: {found['workers_replaced'] or 'none'}; faults: {found['faults'] or 'none'}"]
