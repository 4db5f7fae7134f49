"""What is in a dataset's folder, whether it may be gone on with, and what it still lacks. No Ray here."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from synth import __version__
from synth.config import Config, FarmConfig, Verify, record_keys
from synth.farm.journal import JOURNAL, Entry
from synth.farm.lock import LOCK
from synth.farm.place import dataset_place
from synth.farm.verify import sound_files
from synth.farm.work import MissingShard
from synth.passes import passes_of
from synth.scene import load_scene, offered_passes
from synth.storage.files import FOLDERS, LEFTOVERS, TEMPORARY, leftovers
from synth.storage.manifest import (
    MANIFEST,
    SCHEMA_VERSION,
    Manifest,
    differing_keys,
    pass_rows,
    planned_shards,
    read_manifest,
)
from synth.storage.parts import finished_parts, remove_parts

MIXED = " + "  # between the versions of a dataset that several have rendered
CONFIG, VIRTUAL, PREVIEW = "config.yaml", "dataset.h5", "preview.png"
REPORTS = ("run.log", "report.json", "report.txt", "report.html", "report.png")  # of the runs, and the datasheet
SHARDS = "shards/shard-*.h5"
OURS = (  # what `overwrite` deletes
    *(SHARDS, "parts/record-*", "quarantine/record-*.json", JOURNAL),
    *(CONFIG, VIRTUAL, PREVIEW, *REPORTS, *LEFTOVERS),
)


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
        _refuse_other(config, manifest)
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


def _refuse_other(config: Config, manifest: Manifest) -> None:
    place = dataset_place(config)
    if manifest.schema_version < SCHEMA_VERSION:
        raise ValueError(
            f"output.dir {place!r} holds a dataset of schema version {manifest.schema_version}, which synth "
            f"{manifest.synth_version} wrote; it can be read and checked, but not gone on with by this synth, which "
            f"writes version {SCHEMA_VERSION}; choose another output.dir, or say overwrite=true to delete it"
        )
    keys = differing_keys(manifest, record_keys(config))
    if keys:
        words = ", ".join(f"{key} is {theirs} there and {ours} here" for key, theirs, ours in keys)
        raise ValueError(
            f"output.dir {place!r} holds a dataset of another config: {words}; "
            "choose another output.dir, or say overwrite=true to delete it"
        )
    if manifest.num_records > config.num_records and not manifest.complete:
        raise ValueError(
            f"num_records must be at least the {manifest.num_records} that {place!r} was begun with, "
            f"got {config.num_records}; say num_records={manifest.num_records}, or choose another output.dir"
        )


def delete_dataset(folder: Path) -> None:
    """Delete synth's own files, dataset.json last: an interrupted deletion can be repeated."""
    for pattern in OURS:
        for path in folder.glob(pattern):
            if not path.parent.is_symlink():  # what lies behind a link is not in this dataset
                path.unlink()
    for name in FOLDERS:
        with suppress(OSError):  # not there, or not empty: it holds something that is not ours
            (folder / name).rmdir()
    (folder / MANIFEST).unlink()


def begin(config: Config) -> Manifest:
    """The manifest of a dataset that has no shards yet."""
    scene, offered = load_scene(config.scene.name, "config"), offered_passes(config)
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
        passes=pass_rows(passes_of(tuple(offered), config.output.passes), rows=offered),
        classes=dict(scene.CLASSES),
        landmarks=list(scene.LANDMARKS),
        version=config.output.version,
    )


def missing_shards(
    folder: Path,
    manifest: Manifest,
    journal: dict[str, Entry],
    farm: FarmConfig,
    sound: set[str] | None = None,
) -> Iterator[MissingShard]:
    """Shards that are not there whole. The rows of lost or damaged files leave the manifest.

    With farm.retry_quarantined also those that hold empty records.
    sound: the files that are, of shards that are not in the folder itself.
    """
    if sound is None:
        sound = sound_files(folder, manifest.shards, journal, farm.verify is Verify.all)
    manifest.shards = [row for row in manifest.shards if row.file in sound]
    rows = {row.file: row for row in manifest.shards}
    there = {row.first // manifest.records_per_shard for row in manifest.shards}
    manifest.quarantined = [i for i in manifest.quarantined if i // manifest.records_per_shard in there]
    empty = manifest.quarantined if farm.retry_quarantined else []
    for plan in planned_shards(manifest.num_records, manifest.records_per_shard):
        row = rows.get(plan.file)
        again = tuple(index for index in empty if row and row.first <= index < row.first + row.count)
        if row is None:
            yield MissingShard(plan)
        elif again or row.count < plan.count:
            yield MissingShard(plan, previous=row, again=again)


def refuse_other_versions(manifest: Manifest, parts: set[int], mix: bool) -> None:
    """ValueError if other versions of synth or Blender rendered what is there; with `mix` the manifest names them all.

    Labels and pixels may differ from version to version, and one dataset is to be of one piece.
    parts: as of `usable_parts`; they count like shards.
    """
    for key, ours in (("synth_version", __version__), ("bpy_version", version("bpy"))):
        theirs = getattr(manifest, key).split(MIXED)
        if not manifest.shards and not parts:
            setattr(manifest, key, ours)
        elif ours not in theirs and mix:
            setattr(manifest, key, MIXED.join([*theirs, ours]))
        elif ours not in theirs:
            raise ValueError(
                f"{key} must be the one that the dataset was rendered with, {theirs[-1]}, got {ours}; go on with that "
                "version, say farm.mix_versions=true, choose another output.dir, or say overwrite=true to delete it"
            )


def tidy(folder: Path, missing: list[MissingShard], records_per_shard: int) -> set[int]:
    """Indices of the parts that the missing shards can use; other parts and half-written files are deleted."""
    for path in leftovers(folder):
        (folder / path).unlink(missing_ok=True)
    kept = usable_parts(folder, missing, records_per_shard)
    remove_parts(folder, finished_parts(folder) - kept)
    return kept


def usable_parts(folder: Path, missing: list[MissingShard], records_per_shard: int) -> set[int]:
    """Indices of the parts that the missing shards can use."""
    parts = finished_parts(folder)
    begun = {index // records_per_shard for index in parts}
    wanted = {shard.plan.number: set(shard.indices()) for shard in missing if shard.plan.number in begun}
    return {index for index in parts if index in wanted.get(index // records_per_shard, ())}
