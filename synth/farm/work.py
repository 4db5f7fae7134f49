"""What is left to do: records to render, and shards to assemble once all their records are there. No Ray here."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from synth.storage.manifest import ShardPlan, ShardRow


@dataclass(frozen=True, slots=True)
class Task:
    """One call of a worker's method. A frozen key: attempts are counted by it."""

    method: str  # "open", "render" or "assemble"
    args: tuple[Any, ...] = ()

    def __str__(self) -> str:
        words = {"open": "opening Blender", "render": "record {0}", "assemble": "shard {0.plan.file}"}
        return words[self.method].format(*self.args)


@dataclass(frozen=True, slots=True)
class MissingShard:
    """A shard that is to be made. previous: a sound file of the same shard, whose records are kept but for `again`.

    again: indices of records in `previous` that are to be rendered again, sorted.
    """

    plan: ShardPlan
    previous: ShardRow | None = None
    again: tuple[int, ...] = ()

    @property
    def first_missing(self) -> int:
        return self.plan.first + (self.previous.count if self.previous else 0)

    @property
    def lacking(self) -> int:
        """How many records are to be rendered."""
        return len(self.again) + self.plan.first + self.plan.count - self.first_missing

    def indices(self) -> tuple[int, ...]:
        """The records that are to be rendered, sorted."""
        return (*self.again, *range(self.first_missing, self.plan.first + self.plan.count))


@dataclass(slots=True)
class Work:
    """Hands out the tasks of the missing shards in order, shard by shard: ten million records are never one list.

    kept: indices of the records that earlier runs finished. quarantined: those that this run has given up.
    blocked: shards to be assembled with empty records, whose shape only another record tells; none has been rendered.
    """

    shards: Iterable[MissingShard]
    records_per_shard: int
    kept: set[int]
    quarantined: set[int] = field(default_factory=set)
    blocked: list[Task] = field(init=False, default_factory=list)
    _queue: deque[Task] = field(init=False, default_factory=deque)
    _waiting: dict[int, MissingShard] = field(init=False, default_factory=dict)  # by number
    _left: dict[int, int] = field(init=False, default_factory=dict)  # records that a waiting shard lacks
    _rendered: int = field(init=False, default=0)
    _looked: dict[Task, int] = field(init=False, default_factory=dict)  # _rendered, when it was put off last

    def __post_init__(self) -> None:
        self.shards = iter(self.shards)

    def more(self) -> bool:
        """Whether there is a task that can be done now."""
        while not self._queue and (shard := next(self.shards, None)) is not None:  # type: ignore[call-overload]
            self._open(shard)
        return bool(self._queue)

    def next(self) -> Task | None:
        """A task that can be done now; None if all are done or in other hands."""
        return self._queue.popleft() if self.more() else None

    def again(self, task: Task) -> None:
        """Put back a task that was not done."""
        self._queue.appendleft(task)

    def later(self, task: Task) -> None:
        """Put off the assembly of a shard that found no record to go by until another has been rendered."""
        if self._looked.get(task) == self._rendered:
            self.blocked.append(task)
        else:  # it may have looked before the last one was there
            self._looked[task] = self._rendered
            self._queue.append(task)

    def done(self, task: Task) -> None:
        """The last record of a shard makes it ready to be assembled, before any other task."""
        if task.method == "render":
            self._rendered += 1
            self._queue.extendleft(self.blocked)
            self.blocked.clear()
            self._end(task)

    def quarantine(self, task: Task) -> None:
        """Give up a record: its shard will hold an empty one."""
        self.quarantined.add(task.args[0])
        self._end(task)

    def lost(self, shard: MissingShard, indices: tuple[int, ...]) -> None:
        """Parts of a shard that was to be assembled are damaged: these records are rendered again first.

        With records of its previous file among them that file is lost: it counts no more, nor what was empty in it.
        """
        if not set(indices) <= set(shard.indices()):
            shard = MissingShard(shard.plan)
        self.kept.difference_update(indices)
        self._waiting[shard.plan.number], self._left[shard.plan.number] = shard, len(indices)
        self._queue.extendleft(Task("render", (index,)) for index in reversed(indices))

    def _open(self, shard: MissingShard) -> None:
        missing = [index for index in shard.indices() if index not in self.kept]
        number = shard.plan.number
        self._waiting[number], self._left[number] = shard, len(missing)
        self._queue.extend(Task("render", (index,)) for index in missing)
        self._assemble_if_complete(number)

    def _end(self, task: Task) -> None:
        number = task.args[0] // self.records_per_shard
        self._left[number] -= 1
        self._assemble_if_complete(number)

    def _assemble_if_complete(self, number: int) -> None:
        if self._left[number] == 0:
            shard = self._waiting.pop(number)
            del self._left[number]
            empty = tuple(index for index in shard.indices() if index in self.quarantined)
            self._queue.appendleft(Task("assemble", (shard, empty)))
