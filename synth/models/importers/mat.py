"""Numeric arrays of MATLAB's .mat files: version 5 to 7 (with or without compression) and 7.3, which is HDF5.

Own code, because scipy.io.loadmat, which reads all of MATLAB, ends the process with a segmentation fault on damaged
files. The format: "MAT-File Format", The MathWorks, R2023b.
"""

import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from synth.models.importers.containers import read_bytes, require_room

MATRIX, COMPRESSED = 14, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
CLASSES = range(6, 16)  # double, single, int8 ... uint64
COMPLEX = 0x0800
HEAD = 4096  # bytes of an array that hold its class, shape and name
HDF5 = b"\x89HDF\r\n\x1a\n"


def read_mat(path: Path, names: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Named numeric arrays of a .mat file; raises ValueError naming what is missing or not numbers."""
    wanted = (*names, *optional)
    raw = read_bytes(path)
    found = _read_hdf5(path, wanted) if HDF5 in raw[:1024] else _read_mat5(raw, wanted)
    if missing := sorted(set(names) - set(found)):
        raise ValueError(f"expected the arrays {', '.join(names)}; {', '.join(missing)} missing")
    return found


def _read_mat5(raw: bytes, wanted: tuple[str, ...]) -> dict[str, np.ndarray]:
    if raw[124:128] == b"\x01\x00MI":
        raise ValueError(
            "expected a little-endian .mat file, found a big-endian one; save it again with a MATLAB of today"
        )
    if raw[126:128] != b"IM" or raw[124:126] != b"\x00\x01":
        raise ValueError(f"expected a .mat file of version 5 or 7.3, found the beginning {raw[:20]!r}")
    out = {}
    for kind, body in _elements(raw):
        packed, head, whole = kind == COMPRESSED, body, len(body)
        if packed:
            head = _inflated(body, HEAD)
            kind, whole = _words(head, 0) if len(head) >= 8 else (0, 0)
            head = head[8:]
        if kind == MATRIX and (name := _name(head)) in wanted:
            require_room(name, whole, len(body))
            out[name] = _matrix(_inflated(body, whole + 8)[8:] if packed else body, name)
    return out


def _elements(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and bytes of each element after the file's header."""
    at = 128
    while at + 8 <= len(raw):
        kind, size = _words(raw, at)
        body = raw[at + 8 : at + 8 + size]
        if len(body) != size:
            raise ValueError(f"it is cut off: an element of {size} bytes has {len(body)}")
        yield kind, body
        at += 8 + size + (-size % 8 if kind != COMPRESSED else 0)


def _words(raw: bytes, at: int) -> tuple[int, int]:
    kind, size = np.frombuffer(raw, "<u4", 2, at)
    return int(kind), int(size)


def _inflated(body: bytes, most: int) -> bytes:
    return zlib.decompressobj().decompress(body, most)


def _part(raw: bytes, at: int) -> tuple[int, bytes, int]:
    """Type and bytes of the part that begins at `at`, and where the next begins."""
    if at + 8 > len(raw):
        raise ValueError("an array of it is cut off")
    kind, size = _words(raw, at)
    if kind >> 16:  # a small part, in the tag itself
        return kind & 0xFFFF, raw[at + 4 : at + 4 + min(kind >> 16, 4)], at + 8
    return kind, raw[at + 8 : at + 8 + size], at + 8 + size + -size % 8


def _name(raw: bytes) -> str:
    """The name of an array, from its first bytes; empty where there is none."""
    try:
        at = _part(raw, _part(raw, 0)[2])[2]
        return _part(raw, at)[1].decode("ascii")
    except (ValueError, UnicodeDecodeError):
        return ""


def _matrix(raw: bytes, name: str) -> np.ndarray:
    """The numbers of an array, in the dtype that they are stored in."""
    _, flags, at = _part(raw, 0)
    _, dims, at = _part(raw, at)
    _, _, at = _part(raw, at)
    kind, body, _ = _part(raw, at)
    if (
        len(flags) != 8
        or len(dims) % 4
        or flags[0] not in CLASSES
        or _words(flags, 0)[0] & COMPLEX
        or kind not in NUMBERS
    ):
        raise ValueError(f"{name} must be a full array of real numbers, got class {flags[:1].hex()} type {kind}")
    shape, dtype = np.frombuffer(dims, "<i4").tolist(), np.dtype(f"<{NUMBERS[kind]}")
    if min(shape, default=-1) < 0 or math.prod(shape) * dtype.itemsize != len(body):
        raise ValueError(f"{name} claims {dtype} {shape} in {len(body)} bytes")
    return np.frombuffer(body, dtype).reshape(shape, order="F")


def _read_hdf5(path: Path, wanted: tuple[str, ...]) -> dict[str, np.ndarray]:
    from synth.models.importers.hdf5 import read_datasets

    return {name: value.T for name, value in read_datasets(path, (), wanted).items()}  # MATLAB's order is the other one
