"""What a run says while it renders: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

LINE_EVERY_S = 10.0


class Report:
    """Counts records and shards, and shows them on standard error. A context manager.

    total: records of the dataset; done: those that were there before. workers: how many are ready.
    """

    def __init__(self, total: int, done: int, shards: int, workers: Callable[[], int]) -> None:
        self.total, self.done, self.shards, self._workers = total, done, shards, workers
        self.rendered = self.shards_done = 0
        self._start = self._said = time.monotonic()
        self._opened = self._start  # when the first worker was ready
        console = Console(stderr=True)
        self._bar = (
            Progress(BarColumn(), TextColumn("{task.description}"), console=console) if console.is_terminal else None
        )

    def __enter__(self) -> "Report":
        if self._bar:
            self._bar.start()
            self._row = self._bar.add_task("starting Ray and Blender", total=self.total, completed=self.done)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._start

    @property
    def rate(self) -> float:
        """Records per second since the first worker was ready."""
        return self.rendered / max(time.monotonic() - self._opened, 1e-3)

    def opened(self) -> None:
        """A worker is ready."""
        if self._workers() <= 1 and not self.rendered:
            self._opened = time.monotonic()
        self._show(now=False)

    def record(self) -> None:
        """A record is rendered."""
        self.rendered += 1
        self._show(now=False)

    def shard(self) -> None:
        """A shard is written."""
        self.shards_done += 1
        self._show(now=True)

    def _show(self, now: bool) -> None:
        if self._bar:
            self._bar.update(self._row, completed=self.done + self.rendered, description=self.line())
        elif now or time.monotonic() - self._said >= LINE_EVERY_S:
            self._said = time.monotonic()
            print(self.line(), file=sys.stderr, flush=True)

    def line(self) -> str:
        """Everything in one line."""
        done, workers = self.done + self.rendered, self._workers()
        left = _clock((self.total - done) / self.rate) if self.rendered else "?"
        return (
            f"{done}/{self.total} records, {self.rate:.2f} records/s, {left} left, "
            f"{self.shards_done}/{self.shards} shards, {workers} worker{'s' * (workers != 1)}"
        )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
