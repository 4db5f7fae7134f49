"""The C library's heap, made to give back to the system what is freed. Never imports bpy.

glibc keeps freed blocks for the next ones, and what a build and a render free lies in pieces between what they keep:
200 MB of a worker. Where there is no glibc, nothing here does anything.
"""

import contextlib
import ctypes
import sys
from collections.abc import Iterator

# The parameters' numbers in glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
# Bytes from which a block has pages of its own, which go back when it is freed. New pages take time: 0.1 s a record, if
# numpy's arrays had theirs. What a render takes is large, and taken once.
USUAL, RENDERING = 32 << 20, 1 << 20  # the former is the most that glibc comes to by itself
KEPT = 64 << 20  # bytes at the heap's end that are kept for what comes next, as glibc does by itself


def set_up_heap() -> None:
    """One arena for all threads, so that what one frees is another's; Cycles' threads take little while they render."""
    for parameter, value in ((_ARENA_MAX, 1), (_TRIM_THRESHOLD, KEPT), (_MMAP_THRESHOLD, USUAL)):
        _call("mallopt", parameter, value)


@contextlib.contextmanager
def large_blocks_apart() -> Iterator[None]:
    """Within, what a render takes is given back as soon as it is freed."""
    _call("mallopt", _MMAP_THRESHOLD, RENDERING)
    try:
        yield
    finally:
        _call("mallopt", _MMAP_THRESHOLD, USUAL)


def give_back() -> None:
    """Give all free pages back to the system, some 3 ms."""
    _call("malloc_trim", 0)


def _call(name: str, *numbers: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    if function is not None:
        function(*numbers)
