"""What a process says that it takes."""

import ctypes
import mmap
import subprocess
import sys

import pytest

from synth.memory import file_bytes, let_go_of_files, peak_bytes, resident_bytes

MEGABYTE = 1 << 20
linux = pytest.mark.skipif(sys.platform != "linux", reason="of Linux")


def test_what_is_held_is_below_the_most_that_was_held():
    assert 5 * MEGABYTE < resident_bytes() <= peak_bytes()


def test_a_block_is_no_file_and_a_mapped_file_is(tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 64 * MEGABYTE)
    before = file_bytes()
    block = bytearray(64 * MEGABYTE)
    assert file_bytes() - before < 16 * MEGABYTE < len(block)
    with (tmp_path / "file").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert sum(mapped[::4096]) > 0
        assert file_bytes() - before > 48 * MEGABYTE


def test_a_block_that_was_held_and_freed_is_in_the_peak_alone():
    before = peak_bytes()
    block = bytearray(before)  # so that the peak must grow, whatever the tests before have held
    assert peak_bytes() >= resident_bytes() > before
    del block
    assert resident_bytes() < peak_bytes() - before // 2


def test_the_peak_is_not_that_of_the_process_that_started_it():
    block = bytearray(200 * MEGABYTE)
    word = "from synth.memory import peak_bytes; print(peak_bytes())"
    found = subprocess.run([sys.executable, "-c", word], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 100 * MEGABYTE < len(block)


@linux
def test_files_are_let_go_of_and_come_back_as_they_are(tmp_path):
    content = bytes(range(256)) * 4 * 4096
    (tmp_path / "file").write_bytes(content)
    with (
        (tmp_path / "file").open("rb") as file,
        mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ) as mapped,
    ):
        assert mapped[:] == content
        held = file_bytes()
        let_go_of_files()
        assert file_bytes() < held - len(content) + MEGABYTE
        assert mapped[:] == content


@linux
def test_what_was_written_into_a_mapped_file_stays_though_it_cannot_be_written_to_any_more(tmp_path):
    """As the tables are that the linker fills in and closes; without them the process would be gone."""
    (tmp_path / "file").write_bytes(b"x" * MEGABYTE)
    writable = mmap.PROT_READ | mmap.PROT_WRITE
    with (tmp_path / "file").open("rb") as file, mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, writable) as mapped:
        mapped[:5] = b"other"
        there = ctypes.c_char.from_buffer(mapped)
        closed = ctypes.CDLL(None).mprotect(ctypes.c_void_p(ctypes.addressof(there)), MEGABYTE, mmap.PROT_READ)
        del there
        assert closed == 0
        let_go_of_files()
        assert mapped[:6] == b"otherx"
