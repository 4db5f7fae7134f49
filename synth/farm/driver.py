"""A run from its config to its finished dataset: what is there, what is missing, render it, finish it."""

import shlex
from pathlib import Path

from synth.config import Config, Verify
from synth.farm.folder import CONFIG, PREVIEW, begin, claim, missing_shards, refuse_other_versions, usable_parts
from synth.farm.journal import merge, read_journal
from synth.farm.lock import Lock, locked
from synth.farm.place import dataset_place, working_folder
from synth.farm.publish import Publication, published
from synth.farm.run import Beginning, render_missing, write_config
from synth.farm.signals import stopping_signals
from synth.farm.work import MissingShard
from synth.farm.worker import OpenPipeline, open_pipeline
from synth.scene import folder_rows, model_row
from synth.storage.codec import require_codec
from synth.storage.files import leftovers
from synth.storage.manifest import Manifest, read_manifest, write_manifest


def render_dataset(config: Config, config_yaml: str, open_pipeline: OpenPipeline = open_pipeline) -> int:
    """Render what the dataset in config.output.dir lacks, and finish it; nothing if it lacks nothing.

    Returns how many of its records are quarantined: empty, because they could not be rendered.
    config_yaml: kept in the dataset. ValueError for what the user can mend, RuntimeError if too many records fail,
    KeyboardInterrupt when told to stop: what is done is kept each time, and the same call goes on.
    """
    require_codec(config.output.codec.name)
    folder = working_folder(config)
    with stopping_signals(), locked(folder) as lock, published(config, folder) as publication:
        begun, doomed = claim(folder, config)
        try:
            manifest, missing = _planned(folder, config, begun, publication)
        except ValueError:
            if begun is None or not config.overwrite:
                raise
            doomed = True
            manifest, missing = _planned(folder, config, None, publication)
        if missing:
            beginning = Beginning(folder, manifest, config_yaml, doomed, publication)
            render_missing(config, missing, beginning, lock, open_pipeline)
        else:
            print(f"all {manifest.num_records} records are there, nothing to render")
            _name_shards(folder, manifest, lock, publication)
        _finish(folder, manifest, config_yaml, publication, rendered=bool(missing))
    place = dataset_place(config)
    verbs = f"python -m synth preview|info|check {shlex.quote(place)}"
    print("next:", f"synth.open_dataset({place!r})" if publication else verbs)
    return len(manifest.quarantined)


def _planned(
    folder: Path, config: Config, begun: Manifest | None, publication: Publication | None
) -> tuple[Manifest, list[MissingShard]]:
    """The manifest to go on with, and the shards that are not there. ValueError if what is there is not to be mixed.

    begun: of the dataset that is there; None for a new one, or one that takes its place.
    """
    manifest, journal, sound = begun or begin(config), {}, None
    if begun and publication:
        sound = publication.sound_files(manifest, config.farm.verify is Verify.all)
    elif begun:
        journal = read_journal(folder)
        merge(manifest, journal)
    if manifest.num_records > config.num_records:
        print(f"the dataset has {manifest.num_records} records, more than num_records={config.num_records}")
    manifest.num_records = max(manifest.num_records, config.num_records)
    missing = list(missing_shards(folder, manifest, journal, config.farm, sound))
    if missing:
        parts = usable_parts(folder, missing, manifest.records_per_shard)
        refuse_other_versions(manifest, parts, config.farm.mix_versions)
        _agree_on_model(manifest, config)
        _agree_on_folders(manifest, config)
    return manifest, missing


def _name_shards(folder: Path, manifest: Manifest, lock: Lock, publication: Publication | None) -> None:
    """dataset.json as it is now, where the driver that rendered the last shards was killed before it wrote it."""
    if read_manifest(folder) == manifest:
        return
    lock.require()
    if publication:
        publication.push(manifest, now=True)
    else:
        write_manifest(folder, manifest)


def _agree_on_model(manifest: Manifest, config: Config) -> None:
    """ValueError if the dataset was begun with another model of that name."""
    row, begun = model_row(config), manifest.model
    if begun is not None and (row is None or any(row.get(key) != value for key, value in begun.items())):
        raise ValueError(
            f"model must be the one that the dataset was begun with, {manifest.model}, got {row}; "
            "choose another output.dir or the other model, or say overwrite=true to delete the dataset"
        )
    manifest.model = row


def _agree_on_folders(manifest: Manifest, config: Config) -> None:
    """ValueError if the user's own files are not those that the dataset was begun with."""
    rows, begun = folder_rows(config), manifest.folders
    changed = [key for key in rows if key in begun and begun[key] != rows[key]]
    if changed:
        key = changed[0]
        raise ValueError(
            f"{key} must hold the files that the dataset was begun with, {begun[key]}, got {rows[key]}; "
            "put them back, choose another output.dir, or say overwrite=true to delete the dataset"
        )
    manifest.folders = rows


def _finish(
    folder: Path, manifest: Manifest, config_yaml: str, publication: Publication | None = None, rendered: bool = True
) -> None:
    """config.yaml, dataset.h5 and preview.png over all shards, where they are missing, damaged or out of date."""
    from synth.preview import write_preview
    from synth.storage.virtual import virtual_problems, write_virtual

    if publication:
        publication.finish(manifest, config_yaml, rendered)
        return
    for path in leftovers(folder):  # of workers that were killed
        (folder / path).unlink(missing_ok=True)
    if not (folder / CONFIG).is_file():
        write_config(folder, config_yaml)
    if rendered or virtual_problems(folder, manifest):
        write_virtual(folder, manifest)
    newest = max((folder / row.file).stat().st_mtime_ns for row in manifest.shards)
    preview = folder / PREVIEW
    if not preview.is_file() or preview.stat().st_mtime_ns < newest:
        write_preview(folder)
