"""A run from its config to its finished dataset: what is there, what is missing, render it, finish it."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from synth.config import Config
from synth.farm.folder import CONFIG, PREVIEW, begin, claim, delete_dataset, missing_shards, tidy
from synth.farm.lock import locked
from synth.farm.progress import Report
from synth.farm.publish import Publication, dataset_place, published, working_folder
from synth.farm.work import MissingShard, Task, Work
from synth.farm.worker import OpenPipeline, open_pipeline
from synth.scene import load_scene
from synth.storage.codec import require_codec
from synth.storage.files import replacing
from synth.storage.manifest import Manifest, ShardRow, write_manifest
from synth.storage.parts import remove_parts


def render_dataset(config: Config, config_yaml: str, open_pipeline: OpenPipeline = open_pipeline) -> None:
    """Render what the dataset in config.output.dir lacks, and finish it; nothing if it lacks nothing.

    config_yaml: kept in the dataset. ValueError for what the user can mend, RuntimeError for a record that cannot be
    rendered, KeyboardInterrupt when told to stop: what is done is kept each time, and the same call goes on.
    """
    require_codec(config.output.codec.name)
    folder = working_folder(config)
    with locked(folder), published(config, folder) as publication:
        manifest, doomed = claim(folder, config)
        manifest = manifest or begin(config)
        if manifest.num_records > config.num_records:
            print(f"the dataset has {manifest.num_records} records, more than num_records={config.num_records}")
        manifest.num_records = max(manifest.num_records, config.num_records)
        missing = list(missing_shards(folder, manifest, publication and publication.verifier(manifest, doomed)))
        if missing:
            _agree_on_model(manifest, config)
            beginning = Beginning(folder, manifest, config_yaml, doomed, publication)
            _render(config, folder, manifest, missing, beginning, open_pipeline)
        else:
            print(f"all {manifest.num_records} records are there, nothing to render")
        _finish(folder, manifest, config_yaml, publication, rendered=bool(missing))
    place = dataset_place(config)
    verbs = f"python -m synth preview|info|check {shlex.quote(place)}"
    print("next:", f"synth.open_dataset({place!r})" if publication else verbs)


def _agree_on_model(manifest: Manifest, config: Config) -> None:
    """ValueError if the dataset was begun with another model of that name."""
    row = _model_row(config)
    if manifest.model not in (None, row):
        raise ValueError(
            f"model must be the one that the dataset was begun with, {manifest.model}, got {row}; "
            "choose another output.dir, or the other model"
        )
    manifest.model = row


def _model_row(config: Config) -> dict[str, str] | None:
    """Name, licence and checksum of the model, if the scene has one. Builds it here if it is not cached yet."""
    if "params/identity" not in load_scene(config.scene.name, "config").PASSES:
        return None
    from synth.models import checksum, load_model

    model = load_model(config.model)
    return {"name": model.name, "licence": model.licence, "checksum": checksum(model)}


@dataclass(slots=True)
class Beginning:
    """What a run writes first. A dataset that it replaces is deleted only once a worker has its Blender open."""

    folder: Path
    manifest: Manifest
    config_yaml: str
    doomed: bool
    publication: Publication | None = None

    def before_workers(self) -> None:
        """The first files, unless another dataset still has their names."""
        if not self.doomed:
            self._write()

    def worker_opened(self) -> None:
        """Replace the other dataset, once."""
        if self.doomed:
            delete_dataset(self.folder)
            if self.publication:
                self.publication.delete()
            self.doomed = False
            self._write()

    def _write(self) -> None:
        write_manifest(self.folder, self.manifest)  # first: a folder with other files and without it counts as foreign
        _write_config(self.folder, self.config_yaml)
        if self.publication:
            self.publication.push_all(self.manifest)


def _write_config(folder: Path, config_yaml: str) -> None:
    with replacing(folder / CONFIG) as path:
        path.write_text(config_yaml, encoding="utf-8")


def _render(
    config: Config,
    folder: Path,
    manifest: Manifest,
    missing: list[MissingShard],
    beginning: Beginning,
    open_pipeline: OpenPipeline,
) -> None:
    from synth.blender.libraries import require_libraries
    from synth.farm.ray_settings import prepare_ray

    prepare_ray(config.farm.address)
    from synth.farm.supervise import Farm

    if config.farm.address == "local":
        require_libraries()
    beginning.before_workers()
    kept = set() if beginning.doomed else tidy(folder, missing, manifest.records_per_shard)
    total = sum(len(shard.indices()) for shard in missing) - len(kept)
    work = Work(missing, manifest.records_per_shard, kept)
    farm = Farm(config, folder, open_pipeline, most_workers=max(1, total))
    report = Report(manifest.num_records, manifest.num_records - total, len(missing), workers=lambda: farm.ready)
    try:
        with report, farm:
            for task, result in farm.run(work):
                if task.method == "open":
                    beginning.worker_opened()
                _book(folder, manifest, report, task, result, beginning.publication)
    except KeyboardInterrupt:
        done = f"{report.done + report.rendered} of {report.total} records are done"
        raise KeyboardInterrupt(f"{done}; the same command goes on") from None
    print(f"{report.rendered} records in {report.seconds:.0f} s, {report.rate:.2f} records/s once Blender was open")
    print(f"all {manifest.num_records} records are in {folder}")


def _book(
    folder: Path, manifest: Manifest, report: Report, task: Task, result: object, publication: Publication | None
) -> None:
    """Write down what a worker has done."""
    if task.method == "open":
        manifest.device = str(result)
        report.opened()
    elif task.method == "render":
        report.record()
    elif isinstance(result, ShardRow):
        others = [row for row in manifest.shards if row.file != result.file]
        manifest.shards = sorted([*others, result], key=lambda row: row.first)
        write_manifest(folder, manifest)
        if publication:
            publication.push(manifest)
        remove_parts(folder, range(result.first, result.first + result.count))  # not before the manifest has them
        report.shard()


def _finish(
    folder: Path, manifest: Manifest, config_yaml: str, publication: Publication | None = None, rendered: bool = True
) -> None:
    """config.yaml, dataset.h5 and preview.png over all shards, where they are missing, damaged or out of date."""
    from synth.preview import write_preview
    from synth.storage.virtual import virtual_problems, write_virtual

    if publication:
        publication.finish(manifest, config_yaml, rendered)
        return
    if not (folder / CONFIG).is_file():
        _write_config(folder, config_yaml)
    if virtual_problems(folder, manifest):
        write_virtual(folder, manifest)
    newest = max((folder / row.file).stat().st_mtime_ns for row in manifest.shards)
    preview = folder / PREVIEW
    if not preview.is_file() or preview.stat().st_mtime_ns < newest:
        write_preview(folder)
