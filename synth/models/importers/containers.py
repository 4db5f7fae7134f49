"""Files of arrays, read without trust: what a file claims is compared with what it holds before memory is asked for."""

import hashlib
import io
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

MOST_BYTES = 3 << 30  # of one array; the largest of a real model is FLAME's texture basis, 1.3 GB
PLAIN_BYTES = 64 << 20  # up to here compression is not looked at
MOST_RATIO = 50  # real bases, which are noise to a compressor, shrink to a half at best; zeros shrink a thousandfold
BLOCK = 1 << 24
MOST_NAMED = 8  # files whose checksums are written one by one


def read_bytes(path: Path) -> bytes:
    """A whole file; raises ValueError where it is none, or larger than any model."""
    if not path.is_file():
        raise ValueError(f"{path} is not a file")
    require_room(path.name, path.stat().st_size, path.stat().st_size)
    return path.read_bytes()


def sha256_of(paths: list[Path]) -> str:
    """Name and SHA-256 of each file, joined by commas; beyond MOST_NAMED files their number and the SHA-256 of that."""
    words = []
    for path in paths:
        with path.open("rb") as file:
            words.append(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}")
    text = ", ".join(words)
    return text if len(words) <= MOST_NAMED else f"{len(words)} files {hashlib.sha256(text.encode()).hexdigest()}"


def require_room(what: str, claimed: int, stored: int) -> None:
    """Raise ValueError where something claims more bytes than a model has, or than its stored bytes can be."""
    if claimed > MOST_BYTES or (claimed > PLAIN_BYTES and claimed > MOST_RATIO * stored):
        raise ValueError(f"{what} claims {claimed} bytes out of {stored} stored ones, more than a model can")


def read_npz(path: Path, names: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Named arrays of an .npz file; raises ValueError naming those that are missing or not plain numbers."""
    with zipfile.ZipFile(path) as archive:
        held = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        if missing := sorted(set(names) - set(held)):
            raise ValueError(f"expected the arrays {', '.join(names)}; {', '.join(missing)} missing of {sorted(held)}")
        out = {}
        for name in (*names, *(n for n in optional if n in held)):
            info = held[name]
            require_room(name, info.file_size, info.compress_size)
            with archive.open(info) as stream:
                out[name] = read_npy(stream, info.file_size, name)
        return out


def npz_names(path: Path) -> set[str]:
    """Names of the arrays in an .npz file."""
    with zipfile.ZipFile(path) as archive:
        return {info.filename.removesuffix(".npy") for info in archive.infolist()}


def npz_rows(path: Path, name: str) -> tuple[tuple[int, ...], Iterator[np.ndarray]]:
    """Shape of an array in an .npz file, and its rows in blocks [n, ...]: never all at once, FaceScape's fill 10 GB."""
    archive = zipfile.ZipFile(path)
    info = archive.getinfo(f"{name}.npy")
    stream = archive.open(info)
    dtype, shape, fortran, header = _npy_header(stream, name)
    _require_size(name, dtype, shape, info.file_size - header)
    if fortran or not shape or min(shape) < 1:
        raise ValueError(f"{name} must be stored row by row and not be empty, got shape {list(shape)}")
    row_bytes = dtype.itemsize * math.prod(shape[1:])
    require_room(f"a row of {name}", row_bytes, info.compress_size)

    def blocks() -> Iterator[np.ndarray]:
        with archive, stream:
            left = shape[0]
            while left:
                count = min(left, max(BLOCK // row_bytes, 1))
                raw = _read_exactly(stream, count * row_bytes, name)
                yield np.frombuffer(raw, dtype).reshape(count, *shape[1:])
                left -= count

    return shape, blocks()


def read_npy(stream: IO[bytes], size: int, name: str) -> np.ndarray:
    """The array in an .npy stream of `size` bytes; ValueError where it holds anything but plain numbers or text."""
    dtype, shape, fortran, header = _npy_header(stream, name)
    _require_size(name, dtype, shape, size - header)
    flat = np.frombuffer(_read_exactly(stream, size - header, name), dtype)
    return flat.reshape(shape, order="F" if fortran else "C")


def npy_payload(raw: bytes) -> bytes | None:
    """The pickle in an .npy file of Python objects; None where its array is a plain one."""
    stream = io.BytesIO(raw)
    dtype, _, _, header = _npy_header(stream, "the file")
    return raw[header:] if dtype.hasobject else None


def _npy_header(stream: IO[bytes], name: str) -> tuple[np.dtype, tuple[int, ...], bool, int]:
    """dtype, shape, whether Fortran-ordered, and how many bytes the header took."""
    form = np.lib.format
    try:
        version = form.read_magic(stream)
        read = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except Exception as error:  # numpy evaluates a literal there: every error that a parser has
        raise ValueError(f"{name} has no sound .npy header: {error}") from error
    return dtype, shape, fortran, stream.tell()


def _require_size(name: str, dtype: np.dtype, shape: tuple[int, ...], size: int) -> None:
    if dtype.hasobject or dtype.kind not in "biufUS":
        raise ValueError(f"{name} must hold plain numbers, got {dtype}")
    if min(shape, default=0) < 0 or dtype.itemsize * math.prod(shape) != size:
        raise ValueError(f"{name} claims {dtype} {list(shape)} in {size} bytes")


def _read_exactly(stream: IO[bytes], count: int, name: str) -> bytes:
    raw = stream.read(count)
    if len(raw) != count:
        raise ValueError(f"{name} is cut off: expected {count} bytes, found {len(raw)}")
    return raw
