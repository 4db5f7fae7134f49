"""What the command line says of errors of the system, and what it does when nobody reads what it prints."""

import errno
import os
import subprocess
import sys

import pytest
from storage_records import make_dataset

from synth import __main__
from synth.__main__ import main
from synth.storage.files import disk_errors_in_words


@pytest.fixture
def failing(monkeypatch, capsys):
    """Runs a verb that raises the error, and returns the exit code and what was said."""

    def run(error: BaseException) -> tuple[int, str]:
        def dispatch(*_):
            raise error

        monkeypatch.setattr(__main__, "_dispatch", dispatch)
        return main([]), capsys.readouterr().err

    return run


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_an_error_of_the_disk_keeps_the_words_that_name_the_place_and_the_room(failing, tmp_path, number):
    with pytest.raises(OSError, match="cannot write") as caught, disk_errors_in_words(tmp_path / "shard.h5", 3_000_000):
        raise OSError(number, os.strerror(number))
    code, said = failing(caught.value)
    assert code == 1
    assert said == f"error: {caught.value.strerror}\n"
    assert f"shard.h5 in {tmp_path}: {os.strerror(number)}; it takes up to 3.0 MB" in said


def test_a_full_disk_is_named_though_the_system_names_no_file(failing):
    assert "the disk is full (of the dataset)" in failing(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))[1]


def test_an_error_of_a_file_names_it(failing):
    assert "error: x.h5: Permission denied;" in failing(PermissionError(errno.EACCES, "Permission denied", "x.h5"))[1]


def test_a_pipe_that_nobody_reads_ends_it_without_a_word(tmp_path):
    make_dataset(tmp_path, 1, 1, ("depth", "meta/index", "meta/identity_index", "meta/spec"))
    read, write = os.pipe()
    os.close(read)
    words = [sys.executable, "-m", "synth", "info", str(tmp_path), "--json"]
    done = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, timeout=60)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")
