"""Which cores a worker is pinned to: those that no other worker on this machine holds, whatever its dataset or driver.

A lock file per core, held as long as the process lives: the kernel gives it back whatever happens to the worker.
"""

import fcntl
import math
import os
import time
from pathlib import Path

PLACE = Path("/tmp")  # whatever TMPDIR is: all workers of a machine have to agree
WAIT_S = 5.0  # a worker that was killed a moment ago may still hold its cores


def take_cores(count: int, counted: float) -> tuple[int, ...]:
    """Pin this process to `count` cores of its own; () if so many are not free, and it stays where it was.

    counted: cores of this machine that Ray gives away. Where the process may use more than these, as in a container
    that has a share of the machine's time, the others' workers have the same cores, and locks that nobody else sees.
    Call it before Blender and its libraries count the cores and start as many threads.
    """
    if not hasattr(os, "sched_getaffinity") or not count <= len(os.sched_getaffinity(0)) <= counted:
        return ()
    deadline = time.monotonic() + WAIT_S
    while len(taken := _take(count)) < count:
        for file in taken.values():
            os.close(file)
        if time.monotonic() > deadline:
            return ()
        time.sleep(0.2)
    os.sched_setaffinity(0, taken)
    return tuple(taken)


def counted_cores() -> float:
    """How many cores Ray counts on this machine; inf where there is no Ray."""
    import ray

    if not ray.is_initialized():
        return math.inf
    here = ray.get_runtime_context().get_node_id()
    return next(node["Resources"].get("CPU", 0.0) for node in ray.nodes() if node["NodeID"] == here)


def _take(count: int) -> dict[int, int]:
    """{core: descriptor of its lock}, of at most `count` free cores."""
    taken: dict[int, int] = {}
    folder = PLACE / f"synth-cores-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for core in sorted(os.sched_getaffinity(0)):
        if len(taken) == count:
            break
        file = os.open(folder / str(core), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            taken[core] = file
        except BlockingIOError:
            os.close(file)
    return taken
