"""Records that cannot be rendered: what is kept of them, and what stands in their place in a shard.

quarantine/record-XXXXXXXX.json holds the spec, the seed and the traceback, to find the cause with. The record itself
is an empty one, dataset.json names it under `quarantined`, and `open_dataset` leaves it out.
"""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from synth.config import Config
from synth.farm.results import Fault
from synth.passes import PASSES, Pass
from synth.record import Record
from synth.rng import Streams
from synth.scene import load_scene
from synth.spec import to_json
from synth.storage.files import replacing
from synth.storage.parts import finished_parts, load_part
from synth.storage.shard import Shard

QUARANTINE = "quarantine"
_FILE = re.compile(QUARANTINE + r"/record-(\d+)\.json")


def quarantine_file(index: int) -> str:
    """The file of a quarantined record, relative to the dataset."""
    return f"{QUARANTINE}/record-{index:08d}.json"


def spec_of(config: Config, index: int) -> str:
    """The record's spec as JSON, drawn without Blender; "{}" if even that fails."""
    streams = Streams(config.seed, index, config.views_per_identity)
    try:
        return to_json(load_scene(config.scene.name, "sample").sample(config, streams))
    except Exception:  # the fault of the record may be its draw; the traceback tells
        return "{}"


def write_quarantine(folder: Path, config: Config, fault: Fault) -> Path:
    """Keep what is known of a record that was given up."""
    index = fault.task.args[0]
    content = {
        "index": index,
        "seed": config.seed,
        "kind": fault.kind,
        "error": fault.error,
        "tries": fault.tries,
        "worker": fault.worker,
        "traceback": fault.traceback.splitlines(),
        "spec": json.loads(spec_of(config, index)),
    }
    with replacing(folder / quarantine_file(index)) as path:
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder / quarantine_file(index)


def quarantine_files(folder: Path) -> set[int]:
    """Indices of all records that have a file in quarantine/."""
    there = (folder / QUARANTINE).iterdir() if (folder / QUARANTINE).is_dir() else ()
    return indices_of(f"{QUARANTINE}/{path.name}" for path in there)


def indices_of(files: Iterable[str]) -> set[int]:
    """Indices of the records whose quarantine files are among these, named relative to the dataset."""
    return {int(match[1]) for file in files if (match := _FILE.fullmatch(file))}


def release(folder: Path, indices: Iterable[int]) -> None:
    """Delete the files of records that have been rendered after all, and the folder when it is empty."""
    for index in indices:
        (folder / quarantine_file(index)).unlink(missing_ok=True)
    with suppress(OSError):  # not there, or not empty
        (folder / QUARANTINE).rmdir()


def example_record(folder: Path, names: tuple[str, ...]) -> Record | None:
    """Any record that is kept in the folder; None if there is none."""
    for index in sorted(finished_parts(folder)):
        if (record := load_part(folder, index)) is not None:
            return record
    for path in sorted(folder.glob("shards/shard-*.h5")):
        with suppress(ValueError), Shard(path, names) as shard:
            return shard.record(0)
    return None


def empty_record(config: Config, example: Record, index: int) -> Record:
    """What stands in the place of a quarantined record.

    Every pass has the table's `empty` value; where that names none, NaN for floats and 0 for the others. The spec is
    the record's own, so that it can be rendered alone later.
    """
    record = {name: _empty(PASSES[name], array) for name, array in example.items()}
    return record | {
        "meta/index": np.array(index, np.int64),
        "meta/identity_index": np.array(index // config.views_per_identity, np.int64),
        "meta/spec": np.array(spec_of(config, index).encode(), dtype=object),
    }


def _empty(row: Pass, example: np.ndarray) -> np.ndarray:
    if row.dtype == "str":
        return np.array(b"", dtype=object)
    nothing = np.nan if np.issubdtype(example.dtype, np.floating) else 0
    value = [float(number) for number in row.empty.strip("()").split(",")] if row.empty else nothing
    return np.broadcast_to(np.asarray(value).astype(example.dtype), example.shape).copy()
