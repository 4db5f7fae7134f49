"""`python -m synth bench storage`: bytes and speed of synth's shards against other ways to keep the same records."""

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import product
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median

import numpy as np

from synth.passes import PASSES
from synth.record import Record

DATASET = Path("datasets/faces_demo")
ROUNDS = 3
DISTINCT = 32  # records that are repeated
MAX_BYTES_RATIO, CHECK_RATE = 0.6, 200


def main(argv: list[str]) -> int:
    """Measure and print; the records are those of a dataset, repeated."""
    parser = argparse.ArgumentParser(prog="python -m synth bench storage", exit_on_error=False)
    parser.add_argument("dataset", nargs="?", type=Path, default=DATASET, help=f"whose records to use, {DATASET}")
    parser.add_argument("--records", type=int, default=1000, help="how many each format holds")
    parser.add_argument("--reads", type=int, default=400, help="how many are read in each of the rounds")
    parser.add_argument(
        "--rerender",
        type=int,
        default=0,
        metavar="N",
        help=f"render N records again, so that no format gets its floats rounded, at most {DISTINCT}",
    )
    parser.add_argument("--scratch", type=Path, help="where to write, a temporary folder if not said")
    parser.add_argument("--json", action="store_true", help="for programs")
    words = parser.parse_args(argv)
    for key in ("records", "reads"):
        if getattr(words, key) < 2:
            raise ValueError(f"--{key} must be at least 2, got {getattr(words, key)}")
    if not 0 <= words.rerender <= DISTINCT:
        raise ValueError(f"--rerender must be in [0, {DISTINCT}], got {words.rerender}")
    records = source_records(words.dataset, words.rerender)
    report = {"dataset": str(words.dataset), "records": words.records, "distinct": len(records)}
    report |= {"rounded": not words.rerender, "sizes": {}}
    for grow in (1, 2):
        larger = [enlarged(records, k, grow) for k in range(max(1, len(records) // grow))]
        height, width = larger[0]["image"].shape[:2]
        with tempfile.TemporaryDirectory(dir=words.scratch) as folder:
            measured = measure(Path(folder), words.dataset, larger, words.records, words.reads // grow, grow == 1)
        report["sizes"][f"{height} x {width}"] = measured
    print(json.dumps(report, indent=2) if words.json else table(report))
    return 0


def source_records(dataset_dir: Path, rerender: int = 0) -> list[Record]:
    """Up to 32 records of a dataset, without extras. ValueError if there is none.

    rerender: how many are rendered again instead, with floats that are not rounded; 0: none.
    """
    from synth.storage.reader import open_dataset

    try:
        dataset = open_dataset(dataset_dir)
    except ValueError as error:
        raise ValueError(
            f"{error}; say bench storage DATASET, or render {DATASET}: synth run +experiment=faces_demo"
        ) from None
    names = tuple(name for name in dataset.names if not PASSES[name].extra)
    if not {"image", "landmarks/points_2d"} <= set(names):
        raise ValueError(f"{dataset_dir} has no image or no landmarks/points_2d, which this bench reads at random")
    indices = [int(index) for index in dataset.indices()[: rerender or DISTINCT]]
    if rerender:
        return [{name: record[name] for name in names} for record in _rendered(dataset_dir, indices)]
    return [dataset.record(index, names) for index in indices]


def _rendered(dataset_dir: Path, indices: list[int]) -> Iterator[Record]:
    """Records of a dataset as they were before they were stored."""
    from synth.blender.libraries import require_libraries

    require_libraries()
    from synth.compose import config_from_yaml
    from synth.pipeline import Pipeline

    pipeline = Pipeline(config_from_yaml(dataset_dir / "config.yaml"))
    return map(pipeline.record, indices)


def enlarged(records: list[Record], k: int, grow: int) -> Record:
    """Record k; or at twice the size, four records side by side: real pixels, though not those of a larger render."""
    if grow == 1:
        return records[k]
    four = [records[(k + j) % len(records)] for j in range(4)]
    pixels = {
        name: [[r[name] for r in four[:2]], [r[name] for r in four[2:]]] for name in four[0] if PASSES[name].per_pixel
    }
    grown = {name: np.concatenate([np.concatenate(row, axis=1) for row in rows]) for name, rows in pixels.items()}
    return {name: grown.get(name, array) for name, array in records[k].items()}


def measure(folder: Path, dataset_dir: Path, records: list[Record], count: int, reads: int, full: bool) -> dict:
    """{format: figures} of `count` records; rates are medians of rounds, in which the formats take turns."""
    from synth.storage.rivals import WANTED, plainly, rivals, timed_write

    formats = rivals(folder, dataset_dir)
    names = tuple(name for name in records[0] if PASSES[name].dtype != "str")
    found: dict = {rival.title: {"write_per_s": timed_write(rival, records)} for rival in formats}
    for rival in formats:
        rival.multiply(count)
    formats[1:1] = [plainly(formats[0])]
    found = {rival.title: found.get(rival.title, {"write_per_s": None}) for rival in formats}
    for rival in formats:
        found[rival.title] |= {"bytes_per_record": rival.bytes() / rival.held, "bytes_per_pass": rival.bytes_per_pass()}
    rng = np.random.default_rng(0)
    few = max(2, min(count, reads) // 8)
    tasks = {
        "random_image_landmarks": lambda: (rng.permutation(count)[:reads].tolist(), WANTED),
        "sequential_all": lambda: (list(range(few)), names),
        "random_all": lambda: (rng.permutation(count)[:few].tolist(), names),
    }
    rates: dict = {rival.title: {} for rival in formats}
    with two_processes() as two:
        for _, (task, draw) in product(range(ROUNDS), tasks.items()):
            indices, wanted = draw()
            for (processes, pool), rival in product(((1, None), (2, two)), formats):
                rate = read_rate(rival.read, indices, wanted, pool)
                rates[rival.title].setdefault(f"{task}_{processes}", []).append(rate)
    for title, row in rates.items():
        found[title]["read_per_s"] = {key: median(values) for key, values in row.items()}
    if full:
        found["synth"]["check_per_s"] = check_rate(formats[0].folder, count)
    return found


def read_rate(read: Callable, indices: list[int], names: tuple[str, ...], pool: Executor | None) -> float:
    """Records per second: of a core's own time, whatever else the machine does; in a pool of two, of the clock."""
    if pool is None:
        return len(indices) / seconds_of(read, indices, names, time.process_time)
    halves = [pool.submit(_read_at_once, read, indices[k::2], names) for k in (0, 1)]
    return len(indices) / max(half.result() for half in halves)


@contextmanager
def two_processes() -> Iterator[Executor]:
    """A pool of two that start together. They are spawned: a fork of a process in which Ray has run waits for ever."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, context, _meet_at, (context.Barrier(2),)) as pool:
        yield pool


_gates: list[Barrier] = []  # of a process of the pool


def _meet_at(gate: Barrier) -> None:
    _gates.append(gate)


def _read_at_once(read: Callable, part: list[int], names: tuple[str, ...]) -> float:
    next(iter(read(part[:1], names)))  # what is imported and opened once
    _gates[0].wait(600)
    return seconds_of(read, part, names, time.perf_counter)


def seconds_of(
    read: Callable[..., Iterable], indices: list[int], names: tuple[str, ...], clock: Callable[[], float]
) -> float:
    """How long it takes to have these records decoded in memory, one after the other."""
    start = clock()
    found = sum(1 for _ in read(indices, names))
    seconds = clock() - start
    assert found == len(indices), f"{found} of {len(indices)} records were read"
    return seconds


def check_rate(dataset_dir: Path, count: int) -> float:
    """Records per second and core that `check` reads and judges, its checksums of whole files included."""
    from synth.check import check

    start = time.process_time()
    checked = check(dataset_dir).num_records
    assert checked >= count
    return checked / (time.process_time() - start)


def table(report: dict) -> str:
    """The report for people."""
    floats = "rounded, as the dataset has them" if report["rounded"] else "as rendered"
    lines = [
        f"{report['records']} records in each format: {report['distinct']} of {report['dataset']}, repeated by copying "
        "files; real pixels, all in the page cache",
        f"twice the size is four records side by side; the others get the floats {floats}; rates of one process are "
        "per second of its core, of two per second of the clock; write is per second of a core",
    ]
    for size, formats in report["sizes"].items():
        lines += ["", *_size_table(size, formats), "", *_pass_table(formats), "", *_verdict(formats, report["rounded"])]
    return "\n".join(lines)


def _size_table(size: str, formats: dict) -> list[str]:
    columns = (
        ("image+landmarks, random", "random_image_landmarks"),
        ("all, in order", "sequential_all"),
        ("all, random", "random_all"),
    )
    head = "".join(f"{title + ', 1 | 2':>32}" for title, _ in columns)
    lines = [f"{size} px, records/s", f"{'':<20}{'kB/record':>10}{'write':>8}{head}"]
    for title, row in formats.items():
        rates = "".join(
            f"{row['read_per_s'][f'{key}_1']:>22.0f} | {row['read_per_s'][f'{key}_2']:<7.0f}" for _, key in columns
        )
        wrote = f"{row['write_per_s']:.0f}" if row["write_per_s"] else ""
        lines.append(f"{title:<20}{row['bytes_per_record'] / 1e3:>10.1f}{wrote:>8}{rates}")
    return lines


def _pass_table(formats: dict) -> list[str]:
    kept = {title: row["bytes_per_pass"] for title, row in formats.items() if row["bytes_per_pass"]}
    kept.pop("synth, plain h5py", None)
    lines = [f"{'kB per record':<16}" + "".join(f"{title:>18}" for title in kept)]
    for name in (name for name in kept["synth"] if PASSES[name].per_pixel):
        lines.append(f"{name:<16}" + "".join(f"{sizes.get(name, 0) / 1e3:>18.1f}" for sizes in kept.values()))
    return lines


def _verdict(formats: dict, rounded: bool) -> list[str]:
    key = "random_image_landmarks_1"
    ours, others = formats["synth"], {k: v for k, v in formats.items() if not k.startswith("synth")}
    lines = [f"image + landmarks at random: {ours['read_per_s'][key]:.0f} records/s per core, goal at 256 x 256: 1500"]
    lines += [
        f"  {ours['read_per_s'][key] / row['read_per_s'][key]:.1f} times {title}, goal 3.0"
        for title, row in others.items()
    ]
    theirs = others["gzip-4 HDF5 each"]
    of_passes = {k: [sum(v["bytes_per_pass"].values())] for k, v in (("synth", ours), ("theirs", theirs))}
    ratio = of_passes["synth"][0] / of_passes["theirs"][0]
    goal = f"goal {100 * MAX_BYTES_RATIO:.0f} %"
    lines.append(
        f"bytes: {100 * ours['bytes_per_record'] / theirs['bytes_per_record']:.1f} % of gzip-4 float32 files, "
        f"{100 * ratio:.1f} % of their arrays alone, "
        + (f"which hold rounded floats; the {goal} is of floats as rendered, see --rerender" if rounded else goal)
    )
    if "check_per_s" in ours:
        lines.append(f"check: {ours['check_per_s']:.0f} records per second of a core, goal {CHECK_RATE}")
    return lines
