"""What a process says that it takes."""

import mmap
import subprocess
import sys

from synth.memory import file_bytes, peak_bytes, resident_bytes

MEGABYTE = 1 << 20


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
