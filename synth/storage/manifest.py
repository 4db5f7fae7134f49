"""dataset.json: what a dataset is, by whom it was made, and one row per finished shard."""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from synth.config import MOST_RECORDS
from synth.passes import PASSES, STATISTICAL, Pass
from synth.storage.files import replacing
from synth.storage.rounding import ROUNDING, Rounding

SCHEMA_VERSION = 2  # 1: floats were not rounded, text had no checksums
MANIFEST = "dataset.json"
META = ("meta/index", "meta/identity_index", "meta/spec")

CONVENTIONS = MappingProxyType(
    {
        "world space": "right-handed, +z up, metres",
        "camera space": "+x right, +y down, +z forward (OpenCV), metres",
        "a_to_b": "float64 [4, 4], p_b = a_to_b @ p_a, column vectors",
        "image coordinates": "(u, v) px, origin at the corner of the top-left pixel; "
        "the centre of [row, col] is (col + 0.5, row + 0.5)",
        "hw": "(height, width)",
        "angles": "radians; yaw > 0 turns the face to the image's right",
        "left and right": "the subject's",
    }
)


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """A shard that is to be: records first to first + count - 1."""

    number: int
    first: int
    count: int

    @property
    def file(self) -> str:
        """Its path in the dataset, with forward slashes."""
        return f"shards/shard-{self.number:06d}.h5"


@dataclass(frozen=True, slots=True)
class ShardRow:
    """A finished shard. file: relative to the dataset, forward slashes."""

    file: str
    first: int
    count: int
    bytes: int
    sha256: str


@dataclass(kw_only=True, slots=True)
class Manifest:
    """The content of dataset.json."""

    synth_version: str
    bpy_version: str
    device: str
    seed: int
    num_records: int  # of the finished dataset; `shards` tells what is there
    records_per_shard: int
    views_per_identity: int
    config_hash: str
    record_keys: dict[str, Any]  # config.record_keys: tells which keys differ from another run's
    passes: list[dict[str, Any]]  # pass_rows
    classes: dict[int, str]
    landmarks: list[str]
    conventions: dict[str, str] = field(default_factory=lambda: dict(CONVENTIONS))
    model: dict[str, Any] | None = None  # name, licence, checksum, and what else the scene says of it
    folders: dict[str, Any] = field(default_factory=dict)  # of the user's own files: config key to folders.folder_row
    quarantined: list[int] = field(default_factory=list)  # records that could not be rendered, and are empty
    shards: list[ShardRow] = field(default_factory=list)
    schema_version: int = SCHEMA_VERSION
    version: int = 0  # of the dataset, output.version; 0 where there are no versions

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the passes that every record holds."""
        return tuple(row["name"] for row in self.passes)

    @property
    def rows(self) -> dict[str, Pass]:
        """The pass table's rows of these passes, in the form that the dataset's model has."""
        units = {row["name"]: row.get("unit") for row in self.passes}
        fits = lambda name: name in STATISTICAL and units[name] == STATISTICAL[name].unit
        return {name: STATISTICAL[name] if fits(name) else PASSES[name] for name in self.names}

    @property
    def records_done(self) -> int:
        return sum(row.count for row in self.shards)

    @property
    def complete(self) -> bool:
        return self.records_done >= self.num_records


def pass_rows(
    names: tuple[str, ...], version: int = SCHEMA_VERSION, rows: Mapping[str, Pass] = PASSES
) -> list[dict[str, Any]]:
    """Rows of the pass table, or those in `rows`, for a manifest of that schema version, as plain data."""
    return [_pass_row(rows.get(name, PASSES[name]), ROUNDING.get(name) if version > 1 else None) for name in names]


def _pass_row(known: Pass, rounding: Rounding | None) -> dict[str, Any]:
    row = dataclasses.asdict(known) | {"shape": list(known.shape)}
    return row | ({"rounding": rounding.words, "bound": rounding.bound} if rounding else {})


def planned_shards(num_records: int, records_per_shard: int) -> list[ShardPlan]:
    """All shards of a dataset, in order; the last may be shorter."""
    count = len(range(0, num_records, records_per_shard))
    return [planned_shard(number, num_records, records_per_shard) for number in range(count)]


def planned_shard(number: int, num_records: int, records_per_shard: int) -> ShardPlan:
    """One of `planned_shards`, without the others."""
    first = number * records_per_shard
    return ShardPlan(number, first, min(records_per_shard, num_records - first))


def differing_keys(manifest: Manifest, record_keys: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """(key, the dataset's value, ours) of every config key that changes records; None where a side lacks the key."""
    theirs, ours = manifest.record_keys, json.loads(json.dumps(record_keys))
    keys = sorted(theirs.keys() | ours.keys())
    return [(key, theirs.get(key), ours.get(key)) for key in keys if theirs.get(key) != ours.get(key)]


def write_manifest(dataset_dir: Path, manifest: Manifest) -> None:
    """Replace dataset.json, all of it or nothing."""
    content = dataclasses.asdict(manifest)
    content = {"schema_version": content.pop("schema_version")} | content
    content["shards"].sort(key=lambda row: row["first"])
    with replacing(Path(dataset_dir) / MANIFEST) as path:
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_manifest(dataset_dir: Path) -> Manifest | None:
    """The dataset's manifest, None if there is none.

    ValueError in one line if it is damaged, of a newer schema, or names a file outside of the dataset.
    """
    path = Path(dataset_dir) / MANIFEST
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged: not JSON ({error}); restore it, or render again with overwrite=true"
        ) from None
    try:
        return _manifest(content)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} cannot be read: {_in_words(error)}") from None


def _in_words(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else " ".join(str(error).split())


def _manifest(content: dict[str, Any]) -> Manifest:
    version = content["schema_version"]
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        raise ValueError(f"its schema_version is {version!r}, this synth reads 1 to {SCHEMA_VERSION}; update synth")
    for key, kind in _KINDS.items():
        if not isinstance(content[key], kind) or isinstance(content[key], bool):
            raise ValueError(f"{key} must be {kind.__name__}, got {content[key]!r:.80}")
    for key in ("num_records", "records_per_shard", "views_per_identity"):
        if content[key] < 1:
            raise ValueError(f"{key} must be at least 1, got {content[key]}")
    if content["num_records"] > MOST_RECORDS:
        raise ValueError(f"num_records must be at most {MOST_RECORDS:,}, got {content['num_records']}")
    if type(content.get("version", 0)) is not int or content.get("version", 0) < 0:
        raise ValueError(f"version must be an int of 0 or more, got {content['version']!r:.80}")
    if not isinstance(content.get("folders", {}), dict):
        raise ValueError(f"folders must be dict, got {content['folders']!r:.80}")
    classes = {int(number): str(name) for number, name in content["classes"].items()}
    if not all(0 <= number <= 255 for number in classes):
        raise ValueError(f"classes must be numbered 0 to 255, got {sorted(classes)}")
    quarantined = content.get("quarantined", [])
    if not isinstance(quarantined, list) or not all(type(index) is int and index >= 0 for index in quarantined):
        raise ValueError(f"quarantined must be a list of record numbers, got {quarantined!r:.80}")
    _require_model(content.get("model"))
    _require_passes(content["passes"])
    return Manifest(**content | {"classes": classes, "shards": _shard_rows(content["shards"])})


_KINDS = {
    **dict.fromkeys(("synth_version", "bpy_version", "device", "config_hash"), str),
    **dict.fromkeys(("seed", "num_records", "records_per_shard", "views_per_identity"), int),
    **dict.fromkeys(("record_keys", "classes", "conventions"), dict),
    **dict.fromkeys(("passes", "landmarks", "shards"), list),
}


def _require_model(model: object) -> None:
    """ValueError unless there is none, or it says what everybody asks it for."""
    fits = isinstance(model, dict) and all(isinstance(model.get(key), str) for key in ("name", "licence"))
    if model is not None and not fits:
        raise ValueError(f"model must be null, or have a name and a licence, got {model!r:.80}")


def _require_passes(rows: list[dict[str, Any]]) -> None:
    """ValueError unless they are rows of the pass table, those of META among them."""
    names = [row["name"] for row in rows]
    unknown = [name for name in names if name not in PASSES]
    if unknown:
        raise ValueError(f"passes names {unknown}, which are not in the pass table")
    missing = [name for name in META if name not in names]
    if missing:
        raise ValueError(f"passes lacks {', '.join(missing)}, which every dataset has")
    for row in rows:
        for key, kind in (("dtype", str), ("shape", list), ("unit", str), ("empty", str)):
            if not isinstance(row[key], kind):
                raise ValueError(f"passes must say the {key} of {row['name']}, got {row[key]!r:.80}")


def _shard_rows(rows: list[dict[str, Any]]) -> list[ShardRow]:
    """Checked rows in the order of their records, without overlap."""
    shards = sorted((checked_row(**row) for row in rows), key=lambda row: row.first)
    for before, after in pairwise(shards):
        if after.first < before.first + before.count:
            raise ValueError(f"{after.file} and {before.file} hold the same record {after.first}")
    return shards


_FILE = re.compile(r"shards/[A-Za-z0-9][\w.-]*\.h5", re.ASCII)


def checked_row(file: str, first: int, count: int, bytes: int, sha256: str) -> ShardRow:
    """A row as it was read. ValueError if its numbers cannot be, or its path leaves the dataset."""
    if not all(type(n) is int and n >= 0 for n in (first, count, bytes)):
        raise ValueError(
            f"shard {file!r} needs first, count and bytes of 0 or more, got {first!r}, {count!r}, {bytes!r}"
        )
    if first + count > MOST_RECORDS:
        raise ValueError(f"shard {file!r} must end within {MOST_RECORDS:,} records, got first {first}, count {count}")
    if not _FILE.fullmatch(file):
        raise ValueError(f"the shard path {file!r} leaves the dataset, or is not shards/NAME.h5")
    return ShardRow(file, first, count, bytes, str(sha256))
