"""What comes back from workers, and what is told of them: plain data, made by worker and supervisor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from synth.farm.work import Task
from synth.storage.manifest import ShardRow


@dataclass(frozen=True, slots=True)
class Opened:
    """A worker has its Blender open. cores: what it is pinned to, () for no pinning. device: of Cycles, in words.

    folders: what it finds in the folders of the user's files, as `synth.scene.folder_rows`. note: what the user should
    know, in one line; the same from all workers.
    """

    host: str
    pid: int
    device: str
    cores: tuple[int, ...] = ()
    folders: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A record is kept as a part.

    seconds: by stage. wall_s, cpu_s: of all of it. memory: bytes that the worker holds. gpu_use: 0 to 1, None if it is
    not known.
    """

    index: int
    seconds: Mapping[str, float]
    wall_s: float
    cpu_s: float
    memory: int
    gpu_use: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A record raised an exception; error: its kind and words, in one line."""

    index: int
    error: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Assembled:
    """A shard is written. mtime_ns: of its file, to see later whether somebody has changed it."""

    row: ShardRow
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Lost:
    """A shard cannot be assembled: the parts of these records are damaged, or gone."""

    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something went wrong with a task. kind: "raised", "died" or "hung". last: it will not be tried again."""

    task: Task
    worker: str
    kind: str
    error: str
    traceback: str
    tries: int
    last: bool


@dataclass(frozen=True, slots=True)
class Replaced:
    """A worker makes room for another. reason: "worn", "memory", "failed", "died" or "hung".

    "retired": no other comes in its place; why: says so to the user, in one line.
    """

    worker: str
    reason: str
    why: str = ""


Event = Opened | Rendered | Assembled | Fault | Replaced
