"""`check`: is a dataset whole, unchanged, and true to its contract, as far as that can be told without Blender."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from synth.record import Record, violations
from synth.storage.files import leftovers
from synth.storage.manifest import Manifest, ShardRow, pass_rows, planned_shard
from synth.storage.parts import finished_parts
from synth.storage.reader import open_dataset
from synth.storage.shard import Shard, verify_shard
from synth.storage.virtual import VIRTUAL, virtual_problems

DEEPEST, DIGITS = 100, 308  # of a spec: what every reader's stack holds, and a float64
FILES = ("config.yaml", VIRTUAL, "preview.png")  # of a finished dataset, beside dataset.json


def _whole(text: str) -> int:
    if len(text) > DIGITS:
        raise OverflowError(f"it has a number of {len(text)} digits, at most {DIGITS} fit a float64")
    return int(text)


SYNTAX = json.JSONDecoder(parse_float=str, parse_int=_whole)  # is it JSON: twice as fast as with the numbers


@dataclass(frozen=True, slots=True)
class CheckReport:
    """problems: one line each, in the order of the records. num_records: how many were checked."""

    problems: list[str]
    num_records: int

    @property
    def ok(self) -> bool:
        return not self.problems


def check(dataset_dir: Path, progress: Callable[[int, int], None] | None = None) -> CheckReport:
    """Check files, checksums, counts, the pass table and every record of a dataset.

    progress: called with (records checked, records there) after every record.
    ValueError if there is no dataset, or its dataset.json is damaged.
    """
    folder = Path(dataset_dir)
    manifest = open_dataset(folder).manifest
    problems = [*_manifest_problems(manifest), *_file_problems(folder, manifest)]
    done, kinds = 0, {}

    def tick() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, manifest.records_done)

    for row in manifest.shards:
        problems += _shard_problems(folder, row, manifest, kinds, tick)
    return CheckReport(problems, done)


def _manifest_problems(manifest: Manifest) -> Iterator[str]:
    size, there = (manifest.num_records, manifest.records_per_shard), set[int]()
    for row in manifest.shards:
        plan = planned_shard(row.first // manifest.records_per_shard, *size)
        there |= {plan.number} if (plan.file, plan.first) == (row.file, row.first) else set()
        if (plan.file, plan.first, plan.count) != (row.file, row.first, row.count):
            yield f"dataset.json: {row.file} with {row.count} records from {row.first} is not a shard of this dataset"
    missing = planned_shard(next(number for number in count() if number not in there), *size)
    if missing.count > 0:
        yield (
            f"dataset.json: {manifest.records_done} of {manifest.num_records} records are there, {missing.file} is "
            "the first shard that is not; run the same command again to go on"
        )
    if manifest.passes != pass_rows(manifest.names, manifest.schema_version, manifest.rows):
        yield "dataset.json: the rows of its passes are not those of the pass table"


def _file_problems(folder: Path, manifest: Manifest) -> Iterator[str]:
    for path in leftovers(folder):
        yield f"{path.as_posix()} was left by a writer that died; delete it"
    if not manifest.complete:
        return
    if parts := finished_parts(folder):
        yield f"parts holds {len(parts)} records of a finished dataset, the first is {min(parts)}; delete it"
    missing = [name for name in FILES if not (folder / name).is_file()]
    yield from (f"{name} is missing" for name in missing)
    if VIRTUAL not in missing:
        yield from virtual_problems(folder, manifest)


def _shard_problems(
    folder: Path, row: ShardRow, manifest: Manifest, kinds: dict[str, object], tick: Callable[[], None]
) -> Iterator[str]:
    """Everything wrong with a shard and its records. kinds: {pass: shape and dtype}, filled by the first shard."""
    changed = verify_shard(folder, row, deep=True)
    if changed:
        yield changed
    if not (folder / row.file).is_file():
        return
    try:
        shard = Shard(folder / row.file, manifest.names)
    except ValueError as error:
        yield str(error)
        return
    with shard:
        if (shard.first, shard.count) != (row.first, row.count):
            yield f"{row.file} holds {shard.count} records from {shard.first}, dataset.json says otherwise"
            return
        try:
            shard.require()
        except ValueError as error:
            yield str(error)
            return
        yield from [] if changed else shard.attribute_problems()
        for name in manifest.names:
            if kinds.setdefault(name, shard.kind(name)) != shard.kind(name):
                yield f"{row.file}: {name} has another shape than in the first shard, {list(shard.kind(name)[0])}"
        record: Record = {}
        for at in range(shard.count):
            try:
                record = shard.record(at, into=record)
            except ValueError as error:
                yield str(error)
            else:
                yield from _record_problems(shard, at, record, manifest)
            tick()


def _record_problems(shard: Shard, at: int, record: Record, manifest: Manifest) -> Iterator[str]:
    index = shard.first + at
    invariants = [] if index in manifest.quarantined else violations(record, manifest.classes)
    for text in (*invariants, *_meta_problems(record, index, manifest.views_per_identity)):
        yield f"{shard.file}, record {index}: {text}"


def _meta_problems(record: Record, index: int, views_per_identity: int) -> Iterator[str]:
    """What is wrong with the meta passes of record `index`."""
    if record["meta/index"] != index:
        yield f"meta/index is {record['meta/index']}, must be {index}"
    if record["meta/identity_index"] != index // views_per_identity:
        yield f"meta/identity_index is {record['meta/identity_index']}, must be {index // views_per_identity}"
    try:
        spec = SYNTAX.decode(record["meta/spec"].item().decode())
        if not isinstance(spec, Mapping):
            yield f"meta/spec is a JSON {type(spec).__name__}, must be an object"
        else:
            _require_shallow(spec)
    except ValueError as error:
        yield f"meta/spec is not JSON: {error}"
    except (RecursionError, OverflowError) as error:
        yield f"meta/spec cannot be read: {error}"


def _require_shallow(tree: Mapping) -> None:
    """RecursionError if plain data is nested more than DEEPEST deep."""
    level, depth = [tree], 0
    while level:
        if (depth := depth + 1) > DEEPEST:
            raise RecursionError(f"it is nested more than {DEEPEST} deep")
        inside = (node.values() if isinstance(node, Mapping) else node for node in level)
        level = [child for children in inside for child in children if type(child) in (dict, list)]
