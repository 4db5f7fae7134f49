"""What is freed goes back to the system: large blocks of a render at once, all else when it is asked for.

Each law in a process of its own, whose heap has no holes yet.
"""

import ctypes
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="of glibc's heap"
)
BEGIN = """
import ctypes
from pathlib import Path
from synth.blender.heap import RENDERING, give_back, large_blocks_apart, set_up_heap

FIELDS = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
class Heap(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS]

libc, LARGE = ctypes.CDLL(None), 2 * RENDERING
libc.mallinfo2.restype = Heap
resident = lambda: int(Path("/proc/self/statm").read_text().split()[1]) * 4096
set_up_heap()
"""


def in_a_fresh_process(law: str) -> str:
    """What it says of itself if the law does not hold."""
    run = subprocess.run([sys.executable, "-c", BEGIN + law], capture_output=True, text=True, timeout=60)
    return run.stderr


def test_a_large_block_of_a_render_has_pages_of_its_own_until_it_is_freed():
    law = """
before = libc.mallinfo2().hblks
with large_blocks_apart():
    block = bytearray(LARGE)
    assert libc.mallinfo2().hblks == before + 1
del block
assert libc.mallinfo2().hblks == before
"""
    assert in_a_fresh_process(law) == ""


def test_a_block_that_is_no_renders_lies_in_the_heap():
    law = """
with large_blocks_apart():
    pass
before = libc.mallinfo2().hblks
block = bytearray(LARGE)
assert libc.mallinfo2().hblks == before
"""
    assert in_a_fresh_process(law) == ""


def test_what_is_freed_between_blocks_that_are_kept_goes_back():
    law = """
blocks = [bytearray(b"x" * LARGE) for _ in range(40)]
full, kept = resident(), blocks[::2]
del blocks
give_back()
assert full - resident() > 0.9 * LARGE * len(kept)
"""
    assert in_a_fresh_process(law) == ""
