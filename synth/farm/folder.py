"""What is in a dataset's folder, whether it may be gone on with, and what it still lacks. No Ray here."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from synth import __version__
from synth.config import Config, record_keys
from synth.farm.lock import LOCK
from synth.farm.work import MissingShard
from synth.passes import passes_of
from synth.scene import load_scene
from synth.storage.files import TEMPORARY, leftovers
from synth.storage.manifest import (
    MANIFEST,
    Manifest,
    differing_keys,
    pass_rows,
    planned_shards,
    read_manifest,
)
from synth.storage.parts import finished_parts, remove_parts
from synth.storage.shard import verify_shard

CONFIG, VIRTUAL, PREVIEW = "config.yaml", "dataset.h5", "preview.png"
OURS = ("shards/shard-*.h5", "parts/record-*", "**/*" + TEMPORARY, CONFIG, VIRTUAL, PREVIEW)  # what `overwrite` deletes


def claim(folder: Path, config: Config) -> tuple[Manifest | None, bool]:
    """The manifest of the dataset that this run goes on with, or None; and whether another one is to be deleted.

    That is so with config.overwrite. ValueError if the folder holds something else, another config's dataset, or one
    that was begun with more records.
    """
    try:
        manifest = read_manifest(folder)
        if manifest is None:
            _refuse_foreign(folder)
            return None, False
        _refuse_other(folder, config, manifest)
    except ValueError:
        if not (config.overwrite and _is_ours(folder / MANIFEST)):
            raise
        return None, True
    return manifest, False


def _is_ours(path: Path) -> bool:
    """Whether a dataset.json, damaged perhaps, was written by synth."""
    return path.is_file() and b'"synth_version"' in path.read_bytes()


def _refuse_foreign(folder: Path) -> None:
    found = sorted(path.name for path in folder.iterdir() if path.name != LOCK and path.suffix != TEMPORARY)
    if found:
        raise ValueError(
            f"output.dir must be empty, new or a dataset of synth, got {str(folder)!r}, which holds {found[0]!r} "
            f"and no {MANIFEST}; choose another output.dir"
        )


def _refuse_other(folder: Path, config: Config, manifest: Manifest) -> None:
    keys = differing_keys(manifest, record_keys(config))
    if keys:
        words = ", ".join(f"{key} is {theirs} there and {ours} here" for key, theirs, ours in keys)
        raise ValueError(
            f"output.dir {str(folder)!r} holds a dataset of another config: {words}; "
            "choose another output.dir, or say overwrite=true to delete it"
        )
    if manifest.num_records > config.num_records and not manifest.complete:
        raise ValueError(
            f"num_records must be at least the {manifest.num_records} that {str(folder)!r} was begun with, "
            f"got {config.num_records}; say num_records={manifest.num_records}, or choose another output.dir"
        )


def delete_dataset(folder: Path) -> None:
    """Delete synth's own files, dataset.json last: an interrupted deletion can be repeated."""
    for pattern in OURS:
        for path in folder.glob(pattern):
            path.unlink()
    for name in ("shards", "parts"):
        with suppress(OSError):  # not there, or not empty: it holds something that is not ours
            (folder / name).rmdir()
    (folder / MANIFEST).unlink()


def begin(config: Config) -> Manifest:
    """The manifest of a dataset that has no shards yet."""
    scene = load_scene(config.scene.name, "config")
    keys = record_keys(config)
    return Manifest(
        synth_version=__version__,
        bpy_version=version("bpy"),
        device="",
        seed=config.seed,
        num_records=config.num_records,
        records_per_shard=config.output.records_per_shard,
        views_per_identity=config.views_per_identity,
        config_hash=hashlib.sha256(json.dumps(keys, sort_keys=True).encode()).hexdigest(),
        record_keys=keys,
        passes=pass_rows(passes_of(scene.PASSES, config.output.passes)),
        classes=dict(scene.CLASSES),
        landmarks=list(scene.LANDMARKS),
    )


def missing_shards(folder: Path, manifest: Manifest) -> Iterator[MissingShard]:
    """Shards that are not there whole. The rows of lost or damaged files leave the manifest."""
    rows = {row.file: row for row in manifest.shards}
    for plan in planned_shards(manifest.num_records, manifest.records_per_shard):
        row = rows.get(plan.file)
        if row is None:
            yield MissingShard(plan)
        elif verify_shard(folder, row, deep=row.count < plan.count):
            manifest.shards.remove(row)
            yield MissingShard(plan)
        elif row.count < plan.count:
            yield MissingShard(plan, previous=row)


def tidy(folder: Path, missing: list[MissingShard], records_per_shard: int) -> set[int]:
    """Indices of the parts that the missing shards can use; other parts and half-written files are deleted."""
    for path in leftovers(folder):
        (folder / path).unlink(missing_ok=True)
    parts = finished_parts(folder)
    wanted = {shard.plan.number: shard.indices() for shard in missing}
    kept = {index for index in parts if index in wanted.get(index // records_per_shard, ())}
    remove_parts(folder, parts - kept)
    return kept
