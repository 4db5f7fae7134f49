"""One run: the missing shards are rendered, every event is booked and shown, and how it ended is written down."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from synth.config import Config
from synth.farm.folder import CONFIG, MIXED, delete_dataset, tidy
from synth.farm.ledger import Ledger
from synth.farm.lock import Lock
from synth.farm.place import dataset_place
from synth.farm.progress import Report
from synth.farm.publish import Publication
from synth.farm.quarantine import write_quarantine
from synth.farm.results import Assembled, Event, Fault, Opened
from synth.farm.summary import write_summary
from synth.farm.tally import Tally
from synth.farm.work import MissingShard, Task, Work
from synth.farm.worker import OpenPipeline
from synth.storage.files import replacing
from synth.storage.manifest import Manifest, write_manifest


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
            if self.publication:
                self.publication.remove_unsound()
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
        write_config(self.folder, self.config_yaml)
        if self.publication:
            self.publication.push(self.manifest, now=True)  # there too
            self.publication.push_all(self.manifest)


def write_config(folder: Path, config_yaml: str) -> None:
    with replacing(folder / CONFIG) as path:
        path.write_text(config_yaml, encoding="utf-8")


def render_missing(
    config: Config,
    missing: list[MissingShard],
    beginning: Beginning,
    lock: Lock,
    open_pipeline: OpenPipeline,
) -> None:
    """Render these shards. Whatever happens, dataset.json then names what is done, and report.json says how it went.

    KeyboardInterrupt says how far it has come; RuntimeError if more records fail than farm.max_failures.
    """
    from synth.blender.libraries import require_libraries
    from synth.farm.ray_settings import prepare_ray

    prepare_ray(config.farm.address)
    from synth.farm.metrics import Metrics
    from synth.farm.supervise import Farm

    if config.farm.address == "local":
        require_libraries()
    beginning.before_workers()
    folder, manifest = beginning.folder, beginning.manifest
    kept = set() if beginning.doomed else tidy(folder, missing, manifest.records_per_shard)
    if not manifest.shards and not kept:
        manifest.device = ""
    left = sum(shard.lacking for shard in missing) - len(kept)
    work = Work(missing, manifest.records_per_shard, kept)
    farm = Farm(config, folder, open_pipeline, most_workers=max(1, left))
    again = sum(len(shard.again) for shard in missing)
    tally = Tally(
        total=manifest.num_records,
        done=manifest.num_records - left,
        shards=len(missing),
        workers=lambda: farm.ready,
        cores=lambda: farm.cores,
        quarantined=len(manifest.quarantined) - again,
    )
    books = Books(config, beginning, Ledger(folder, manifest, lock, beginning.publication), Report(tally, config.seed))
    with books.closed_at_the_end(), books.report, farm:
        books.report.metrics = Metrics(str(folder))
        for worker, task, event in farm.run(work):
            books.see(worker, task, event)
    print(f"{tally.rendered} records in {tally.seconds:.0f} s, {tally.rate:.2f} records/s once Blender was open")
    print(f"all {manifest.num_records} records are in {dataset_place(config)}")


@dataclass(slots=True)
class Books:
    """What is written down while a run goes on: the ledger, the log, the quarantine and the report at its end."""

    config: Config
    beginning: Beginning
    ledger: Ledger
    report: Report

    def see(self, worker: str, task: Task, event: Event) -> None:
        """Book an event. RuntimeError if it is one failure too many, or the dataset is another driver's by now."""
        if self.beginning.publication:
            self.beginning.publication.lock.check()
        if isinstance(event, Opened):
            self._compare_folders(event)
            self.beginning.worker_opened()
            self._note_device(event.device)
        if not self.beginning.doomed:
            words = f"seed {self.config.seed}, {self.report.tally.total - self.report.tally.done} records to render"
            self.report.start_log(self.beginning.folder, f"begins: {words}")
        self.report.see(worker, task, event)
        if isinstance(event, Assembled):
            shard, empty = task.args
            self.ledger.book(shard, empty, event)
        elif isinstance(event, Fault) and event.last:
            self._quarantine(event)

    def _compare_folders(self, opened: Opened) -> None:
        """ValueError if a node has other files than the driver in a folder that the config names."""
        for key, row in self.ledger.manifest.folders.items():
            if opened.folders.get(key) != row:
                raise ValueError(
                    f"{key} must hold the same files on all nodes, {row}, got {opened.folders.get(key)} on "
                    f"{opened.host}; copy the folder there"
                )

    def _note_device(self, device: str) -> None:
        manifest = self.ledger.manifest
        known = manifest.device.split(MIXED) if manifest.device else []
        if device in known:
            return
        if known:
            self.report.tell(f"{device} renders beside {manifest.device}: pixels of the two agree statistically only")
        manifest.device = MIXED.join(sorted([*known, device]))
        self.ledger.fold(now=True)  # before records are kept, which may outlive this driver

    def _quarantine(self, fault: Fault) -> None:
        folder, tally, most = self.beginning.folder, self.report.tally, self.config.farm.max_failures
        path = write_quarantine(folder, self.config, fault)
        if publication := self.beginning.publication:
            publication.quarantine(fault.task.args[0])
        if tally.quarantined > most:
            what = "failed" if fault.kind == "raised" else "ended its worker"
            raise RuntimeError(
                f"{fault.task} (seed {self.config.seed}) {what} {fault.tries} times: {fault.error}; with it "
                f"{tally.quarantined} records are quarantined, more than farm.max_failures={most}; {path} has its spec "
                "and traceback; mend the cause, or say a larger farm.max_failures, and the same command goes on"
            )

    @contextmanager
    def closed_at_the_end(self) -> Iterator[None]:
        """Close the books, however the block ends."""
        tally = self.report.tally
        try:
            yield
        except KeyboardInterrupt:
            self._close("interrupted")
            done = f"{tally.done + tally.rendered} of {tally.total} records are done"
            raise KeyboardInterrupt(f"{done}; the same command goes on") from None
        except BaseException as error:
            self._close(f"failed: {type(error).__name__}: {' '.join(str(error).split())}")
            raise
        self.ledger.fold()
        self._summarise("finished with quarantined records" if self.ledger.quarantined else "success")

    def _close(self, outcome: str) -> None:
        """Write what can be written: the disk may be full, or the dataset another driver's."""
        if not self.beginning.doomed:
            with suppress(OSError, RuntimeError):
                self.ledger.fold()
                self._summarise(outcome)

    def _summarise(self, outcome: str) -> None:
        manifest = self.ledger.manifest
        facts = {
            "seed": self.config.seed,
            "device": manifest.device,
            "synth_version": manifest.synth_version,
            "bpy_version": manifest.bpy_version,
        }
        write_summary(self.beginning.folder, self.report.tally, outcome, manifest.quarantined, facts)
