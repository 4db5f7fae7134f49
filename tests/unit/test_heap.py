"""What is freed goes back to the system: large blocks of a render at once, all else when it is asked for."""

import ctypes
import sys
from pathlib import Path

import pytest

from synth.blender.heap import RENDERING, give_back, large_blocks_apart, set_up_heap

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="of glibc's heap"
)
LARGE = 2 * RENDERING
FIELDS = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")


class Heap(ctypes.Structure):
    """glibc's struct mallinfo2."""

    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS]


def blocks_apart() -> int:
    """How many blocks have pages of their own."""
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = Heap
    return libc.mallinfo2().hblks


def resident() -> int:
    """Bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_a_large_block_of_a_render_has_pages_of_its_own_until_it_is_freed():
    set_up_heap()
    before = blocks_apart()
    with large_blocks_apart():
        block = bytearray(LARGE)
        assert blocks_apart() == before + 1
    del block
    assert blocks_apart() == before


def test_a_block_that_is_no_renders_lies_in_the_heap():
    set_up_heap()
    with large_blocks_apart():
        pass
    before = blocks_apart()
    block = bytearray(LARGE)
    assert (blocks_apart(), len(block)) == (before, LARGE)


def test_what_is_freed_between_blocks_that_are_kept_goes_back():
    set_up_heap()
    blocks = [bytearray(b"x" * LARGE) for _ in range(40)]
    full = resident()
    kept = blocks[::2]
    del blocks
    give_back()
    assert full - resident() > 0.9 * LARGE * len(kept)
