"""One driver per dataset behind a URL, however many find the lock of a dead one. No Ray here."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from synth.farm import remote_lock
from synth.farm.remote_lock import LOCK, RemoteLock, locked_remotely
from synth.farm.run import Books
from synth.storage.upload import Bucket


def lock_of(token: str, beat: float) -> bytes:
    return json.dumps({"host": "elsewhere", "pid": 1, "beat": beat, "token": token}).encode()


@pytest.fixture
def bucket(monkeypatch):
    """With the lock of a driver that died long ago."""
    monkeypatch.setattr(remote_lock, "SETTLE_S", 0.5)
    bucket = Bucket("memory://locks/set")
    bucket.write(LOCK, lock_of("dead", 0.0))
    yield bucket
    MemoryFileSystem.store.clear()


def is_held(lock: RemoteLock) -> bool:
    try:
        lock.require()
    except RuntimeError:
        return False
    return True


def test_of_many_drivers_that_find_a_stale_lock_at_once_one_takes_it(bucket):
    together = threading.Barrier(8)

    def drive(_: int) -> bool:
        """Whether it thought that it had it."""
        together.wait()
        try:
            with locked_remotely(bucket):
                time.sleep(2)
                return True
        except ValueError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(drive, range(8))).count(True) == 1


@pytest.mark.parametrize("slow", ["_is_stale", "_holder"])
def test_a_driver_that_was_slow_to_judge_a_stale_lock_does_not_take_it_from_the_next(bucket, monkeypatch, slow):
    held, judge = [], getattr(remote_lock, slow)

    def judged(what):
        verdict = judge(what)
        if not held:
            held.append(None)
            held.append(drivers.enter_context(locked_remotely(bucket)))
        return verdict

    with ExitStack() as drivers:
        monkeypatch.setattr(remote_lock, slow, judged)
        with pytest.raises(ValueError, match="is being rendered by"):
            drivers.enter_context(locked_remotely(bucket))
        assert is_held(held[1])


def test_a_driver_whose_lock_is_another_ones_hears_of_it_from_its_beat_and_stops(bucket, monkeypatch):
    monkeypatch.setattr(remote_lock, "BEAT_S", 0.01)
    bucket.remove([LOCK])
    with locked_remotely(bucket) as lock:
        lock.check()
        bucket.write(LOCK, lock_of("another", time.time()))
        deadline = time.monotonic() + 20
        while lock.lost is None and time.monotonic() < deadline:
            time.sleep(0.01)
        books = Books(None, SimpleNamespace(publication=SimpleNamespace(lock=lock)), None, None)
        with pytest.raises(RuntimeError, match="has been taken over by process 1 on elsewhere"):
            books.see("0", None, None)
    assert bucket.read(LOCK) is not None
