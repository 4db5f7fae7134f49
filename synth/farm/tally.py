"""What a run counts: records, rates, times by stage, faults. Pure arithmetic; who shows it is elsewhere."""

import heapq
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from synth.farm.results import Fault, Rendered, Replaced

SLOWEST = 10
FAULTS = 1000  # the report names so many of them
WINDOW_S, SAMPLES = 10.0, 60  # rate and CPU use are those of the last ten minutes


@dataclass(slots=True)
class Tally:
    """The counts of one run.

    total: records of the dataset; done: those that were there before; shards: that are to be written.
    workers: how many are ready. cores: of all of them. quarantined: of the whole dataset.
    """

    total: int
    done: int
    shards: int
    workers: Callable[[], int]
    cores: Callable[[], float] = lambda: 1.0
    quarantined: int = 0
    clock: Callable[[], float] = time.monotonic
    rendered: int = 0
    shards_done: int = 0
    cpu_s: float = 0.0
    stages: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)  # by kind
    replaced: Counter[str] = field(default_factory=Counter)  # by reason
    named_faults: list[dict[str, Any]] = field(default_factory=list)
    _gpus: dict[str, float] = field(default_factory=dict)  # how busy each worker's is
    _slowest: list[tuple[float, int, str]] = field(default_factory=list)
    _samples: deque[tuple[float, int, float]] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    _start: float = field(init=False)
    _opened: float | None = None

    def __post_init__(self) -> None:
        self._start = self.clock()

    def opened(self) -> None:
        """A worker is ready."""
        if self._opened is None:
            self._opened = self.clock()
            self._samples.append((self._opened, 0, 0.0))

    def record(self, event: Rendered, worker: str = "") -> None:
        """A record is rendered."""
        self.rendered += 1
        self.cpu_s += event.cpu_s
        self.stages.update(dict(event.seconds))
        if event.gpu_use is not None:
            self._gpus[worker] = event.gpu_use
        entry = (event.wall_s, event.index, worker)
        (heapq.heappush if len(self._slowest) < SLOWEST else heapq.heappushpop)(self._slowest, entry)
        if self.clock() - self._samples[-1][0] >= WINDOW_S if self._samples else True:
            self._samples.append((self.clock(), self.rendered, self.cpu_s))

    def fault(self, event: Fault) -> None:
        """Something went wrong."""
        self.faults[event.kind] += 1
        self.quarantined += event.last
        if len(self.named_faults) < FAULTS:
            named = {"what": str(event.task), "worker": event.worker, "kind": event.kind, "error": event.error}
            self.named_faults.append(named | {"try": event.tries, "quarantined": event.last})

    def replacement(self, event: Replaced) -> None:
        """A worker makes room for another."""
        self.replaced[event.reason] += 1
        self._gpus.pop(event.worker, None)

    @property
    def gpu_use(self) -> float | None:
        """How busy the workers' GPUs are, 0 to 1, the mean of what each saw last; None if that is not known."""
        return sum(self._gpus.values()) / len(self._gpus) if self._gpus else None

    @property
    def seconds(self) -> float:
        """Since the start."""
        return self.clock() - self._start

    @property
    def rate(self) -> float:
        """Records per second since the first worker was ready."""
        return self.rendered / max(self.clock() - (self._opened or self._start), 1e-3)

    @property
    def recent_rate(self) -> float:
        """Records per second of the last ten minutes."""
        return self._since(1, self.rendered)

    @property
    def seconds_left(self) -> float | None:
        """At the rate of the last ten minutes; None before the first record."""
        rate = self.recent_rate
        return (self.total - self.done - self.rendered) / rate if rate else None

    @property
    def cpu_use(self) -> float:
        """0 to 1: of the cores that the workers were given, in the last ten minutes."""
        return self._since(2, self.cpu_s) / max(self.cores(), 1e-3)

    @property
    def slowest(self) -> list[dict[str, Any]]:
        """The records that took longest, the longest first."""
        return [{"index": i, "seconds": round(s, 3), "worker": w} for s, i, w in sorted(self._slowest, reverse=True)]

    def _since(self, column: int, now: float) -> float:
        if not self._samples:
            return 0.0
        oldest = self._samples[0]
        return (now - oldest[column]) / max(self.clock() - oldest[0], 1e-3)

    def line(self) -> str:
        """Everything in one line."""
        done, workers = self.done + self.rendered, self.workers()
        left = "?" if self.seconds_left is None else clock_words(self.seconds_left)
        return (
            f"{done}/{self.total} records, {self.recent_rate:.2f} records/s, {left} left, "
            f"{self.shards_done}/{self.shards} shards, {workers} worker{'s' * (workers != 1)}, {self.cpu_use:.0%} CPU"
            + (f", {self.gpu_use:.0%} GPU" if self.gpu_use is not None else "")
            + (f", {total} fault{'s' * (total != 1)}" if (total := self.faults.total()) else "")
            + (f", {self.quarantined} quarantined" if self.quarantined else "")
        )


def clock_words(seconds: float) -> str:
    """1:02:03, or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
