"""What a run says while it renders: a bar on a terminal or a line now and then, run.log, and Prometheus metrics."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from synth.farm.results import Assembled, Event, Fault, Opened, Rendered, Replaced
from synth.farm.tally import Tally
from synth.farm.work import Task

if TYPE_CHECKING:
    from synth.farm.metrics import Metrics  # imports Ray, which has to wait for ray_settings

LOG = "run.log"
LINE_EVERY_S = 10.0
LOG_EVERY_S = 60.0


class Report:
    """Shows a tally on standard error, and writes it to the log. A context manager.

    seed: named in every line about a record. metrics: None until Ray has started.
    """

    def __init__(self, tally: Tally, seed: int) -> None:
        self.tally, self._seed = tally, seed
        self.metrics: Metrics | None = None
        self._said = self._logged = time.monotonic()
        self._told: set[str] = set()
        self._log: TextIO | None = None
        console = Console(stderr=True)
        self._bar = (
            Progress(BarColumn(), TextColumn("{task.description}"), console=console) if console.is_terminal else None
        )

    def __enter__(self) -> "Report":
        if self._bar:
            self._bar.start()
            tally = self.tally
            self._row = self._bar.add_task("starting Ray and Blender", total=tally.total, completed=tally.done)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
        if self._log:
            self.log(self.tally.line())
            if kind is not None:
                self.log(f"stopped: {kind.__name__}: {' '.join(str(error).split())}")
            self._log.close()
            self._log = None

    def start_log(self, folder: Path, words: str) -> None:
        """Go on with the log of the dataset, once the folder is ours."""
        if self._log is None:
            self._log = (folder / LOG).open("a", encoding="utf-8", buffering=1)
            self.log(words)

    def log(self, words: str) -> None:
        """A line for the log alone, with the time (UTC)."""
        if self._log:
            self._log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {words}\n")

    def tell(self, words: str) -> None:
        """A line for people and for the log."""
        self.log(words)
        if self._bar:
            self._bar.console.print(escape(words), highlight=False)
        else:
            print(words, file=sys.stderr, flush=True)

    def _tell_once(self, words: str) -> None:
        if words and words not in self._told:
            self._told.add(words)
            self.tell(words)

    def see(self, worker: str, task: Task, event: Event) -> None:
        """Count an event, and show it."""
        tally = self.tally
        if isinstance(event, Opened):
            tally.opened()
            cores = f", cores {','.join(map(str, event.cores))}" if event.cores else ""
            self.log(f"worker {worker} renders on {event.device}{cores}")
            self._tell_once(event.note)
        elif isinstance(event, Rendered):
            tally.record(event, worker)
        elif isinstance(event, Assembled):
            tally.shards_done += 1
            self.log(
                f"{event.row.file} is written, records {event.row.first} to {event.row.first + event.row.count - 1}"
            )
        elif isinstance(event, Fault):
            tally.fault(event)
            self.tell(self._fault_words(event))
        elif isinstance(event, Replaced):
            tally.replacement(event)
            if event.reason == "retired":
                self.tell(f"worker {event.worker} is retired: {event.why}; the others go on")
            else:
                self.log(f"worker {event.worker} is replaced: {event.reason}")
        if self.metrics:
            self.metrics.see(event, tally)
        self._show()

    def _fault_words(self, fault: Fault) -> str:
        what = {"raised": "failed", "died": "ended its worker", "hung": "took too long, its worker was ended"}[
            fault.kind
        ]
        then = "it is quarantined" if fault.last else "it is tried again"
        seed = f" (seed {self._seed})" if fault.task.method == "render" else ""
        return f"{fault.task}{seed} {what} (try {fault.tries}, worker {fault.worker}): {fault.error}; {then}"

    def _show(self) -> None:
        now, line = time.monotonic(), None
        if self._bar:
            line = self.tally.line()
            self._bar.update(self._row, completed=self.tally.done + self.tally.rendered, description=line)
        elif now - self._said >= LINE_EVERY_S:
            self._said, line = now, self.tally.line()
            print(line, file=sys.stderr, flush=True)
        if now - self._logged >= LOG_EVERY_S:
            self._logged = now
            self.log(line or self.tally.line())
