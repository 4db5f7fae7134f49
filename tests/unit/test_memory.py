"""What a process says that it takes."""

import subprocess
import sys

from synth.memory import peak_bytes, resident_bytes

MEGABYTE = 1 << 20


def test_what_is_held_is_below_the_most_that_was_held():
    assert 5 * MEGABYTE < resident_bytes() <= peak_bytes()


def test_a_block_that_was_held_and_freed_is_in_the_peak_alone():
    before = peak_bytes()
    block = bytearray(before)  # so that the peak must grow, whatever the tests before have held
    assert peak_bytes() >= resident_bytes() > before
    del block
    assert resident_bytes() < before + before // 2 < peak_bytes()


def test_the_peak_is_not_that_of_the_process_that_started_it():
    block = bytearray(200 * MEGABYTE)
    word = "from synth.memory import peak_bytes; print(peak_bytes())"
    found = subprocess.run([sys.executable, "-c", word], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 100 * MEGABYTE < len(block)
