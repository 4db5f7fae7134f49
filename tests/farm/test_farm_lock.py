"""Whose a dataset is: the kernel's lock, and the heart of drivers whose locks the kernel does not know of."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import shapes_config

from synth.farm import lock as lock_module
from synth.farm.folder import claim
from synth.farm.lock import LOCK, STALE_S, locked


def leave_lock(folder, host, quiet_s):
    """The file of a driver on another machine, last touched so long ago."""
    (folder / LOCK).write_text(json.dumps({"host": host, "pid": 4711}))
    then = time.time() - quiet_s
    os.utime(folder / LOCK, (then, then))


def test_a_second_driver_is_told_the_host_and_process_of_the_first(tmp_path):
    with locked(tmp_path), pytest.raises(ValueError, match=rf"is being rendered by process {os.getpid()} on \S+; wait"):
        locked(tmp_path).__enter__()


def test_a_driver_of_another_machine_is_respected_while_its_heart_beats(tmp_path):
    leave_lock(tmp_path, "elsewhere", STALE_S / 2)
    with pytest.raises(ValueError, match=r"by process 4711 on elsewhere, last heard of \d+ s ago"):
        locked(tmp_path).__enter__()


def test_the_lock_of_another_machine_that_is_gone_is_stale(tmp_path):
    leave_lock(tmp_path, "elsewhere", 2 * STALE_S)
    with locked(tmp_path) as lock:
        assert lock.mine


def test_the_lock_of_a_killed_process_of_this_machine_is_stale_at_once(tmp_path):
    code = (
        "import time; from pathlib import Path; from synth.farm.lock import locked\n"
        f"with locked(Path({str(tmp_path)!r})):\n print(flush=True); time.sleep(100)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert holder.stdout
    holder.stdout.readline()
    with pytest.raises(ValueError, match=f"process {holder.pid} on "):
        locked(tmp_path).__enter__()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with locked(tmp_path) as lock:
        assert lock.mine


def test_who_opened_the_file_before_its_holder_deleted_it_does_not_hold_the_dataset(tmp_path, monkeypatch):
    """Else two drivers hold two files of one name: the one that was deleted and the one that came after it."""
    (tmp_path / LOCK).touch()
    deleted = os.open(tmp_path / LOCK, os.O_RDWR)
    (tmp_path / LOCK).unlink()
    opened, real = [deleted], lock_module._open
    monkeypatch.setattr(lock_module, "_open", lambda folder: opened.pop() if opened else real(folder))
    with locked(tmp_path) as lock:
        assert lock.mine
        assert not opened


def test_a_driver_whose_lock_was_taken_writes_no_more(tmp_path):
    with locked(tmp_path) as lock:
        (tmp_path / LOCK).unlink()
        (tmp_path / LOCK).touch()
        with pytest.raises(RuntimeError, match="taken over by another driver"):
            lock.require()
    assert (tmp_path / LOCK).exists(), "it is the other driver's now"


def test_nothing_is_left_of_a_lock(tmp_path):
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_a_driver_leaves_that_was_killed_as_it_asked_the_time_makes_no_folder_foreign(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    lock_module._now(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    assert claim(tmp_path, shapes_config()) == (None, False)


def test_the_heart_beats(tmp_path, monkeypatch):
    monkeypatch.setattr(lock_module, "HEARTBEAT_S", 0.05)
    with locked(tmp_path):
        os.utime(tmp_path / LOCK, (0, 0))
        deadline = time.monotonic() + 20
        while (tmp_path / LOCK).stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (tmp_path / LOCK).stat().st_mtime > 0
