"""One driver per dataset behind a URL, where no kernel keeps a lock: a small file that its holder writes anew."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from synth.storage.upload import Bucket

LOCK = ".lock"
BEAT_S = 30.0
STALE_S = 600.0  # without a beat: its holder is dead, or has been cut off
SETTLE_S = 5.0  # after which all that saw the same stale lock have written theirs: it is the last one's
LOOKS = 10  # at a lock that changes hands meanwhile


@dataclass(slots=True)
class RemoteLock:
    """A lock that is held. `require` says whether it still is: a driver that was cut off for long may have lost it.

    lost: what the last beat has heard of its loss, in words.
    """

    bucket: Bucket
    token: str
    lost: str | None = field(init=False, default=None)
    _ended: threading.Event = field(init=False, default_factory=threading.Event)

    def require(self) -> None:
        """RuntimeError if another driver has taken the dataset."""
        holder = _holder(self.bucket.read(LOCK))
        if holder.get("token") != self.token:
            raise RuntimeError(f"{self.bucket.url} has been taken over by {_in_words(holder)}; this run stops")

    def check(self) -> None:
        """RuntimeError if the last beat has found the lock in other hands. Costs nothing: for after each record."""
        if self.lost is not None:
            raise RuntimeError(self.lost)

    def beat(self) -> None:
        """Write it anew again and again until it is given back, or lost. A beat that fails is left to the next one."""
        while not self._ended.wait(BEAT_S):
            try:
                self.require()
                self.bucket.write(LOCK, _content(self.token))
            except OSError:
                continue
            except RuntimeError as error:
                self.lost = str(error)
                return

    def end(self) -> None:
        """No more beats."""
        self._ended.set()


@contextmanager
def locked_remotely(bucket: Bucket) -> Iterator[RemoteLock]:
    """Hold the lock of the dataset behind a URL. ValueError names the host and process of the driver that has it."""
    lock = RemoteLock(bucket, f"{socket.gethostname()}-{os.getpid()}-{time.monotonic_ns()}")
    _take(bucket, lock.token)
    thread = threading.Thread(target=lock.beat, daemon=True, name="synth-lock")
    thread.start()
    try:
        yield lock
    finally:
        lock.end()
        thread.join()
        if _holder(bucket.read(LOCK)).get("token") == lock.token:
            bucket.remove([LOCK])


def _take(bucket: Bucket, token: str) -> None:
    """ValueError if another driver has it, or takes the same stale one."""
    for _ in range(LOOKS):
        if bucket.create(LOCK, _content(token)):
            return
        found = bucket.read(LOCK)
        holder = _holder(found)
        if found is not None and not _is_stale(holder):
            raise ValueError(
                f"output.dir {bucket.url!r} is being rendered by {_in_words(holder)}; wait for it, or choose another "
                f"output.dir (if it died, its lock counts no more {STALE_S / 60:.0f} minutes after its last sign of "
                "life)"
            )
        if found is not None and bucket.read(LOCK) == found:  # else it is gone, or another driver's by now
            bucket.write(LOCK, _content(token))
            time.sleep(SETTLE_S)
            if _holder(bucket.read(LOCK)).get("token") == token:
                return
    raise ValueError(f"output.dir {bucket.url!r} has just been taken by another driver; wait for it")


def _is_stale(holder: dict) -> bool:
    """Whether its process is gone, as far as it can be seen from here, or has given no sign of life for long."""
    beat, pid = holder.get("beat"), holder.get("pid")
    if holder.get("host") == socket.gethostname() and isinstance(pid, int) and not _is_alive(pid):
        return True
    return not isinstance(beat, (int, float)) or time.time() - beat > STALE_S


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _content(token: str) -> bytes:
    return json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "beat": time.time(), "token": token}).encode()


def _holder(content: bytes | None) -> dict:
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _in_words(holder: dict) -> str:
    return f"process {holder['pid']} on {holder['host']}" if {"pid", "host"} <= holder.keys() else "another process"
