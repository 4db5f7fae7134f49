"""How the chunks of per-pixel passes are packed: by codecs that HDF5 knows, so that every reader of it unpacks them.

The default, gzip with shuffle, is packed and unpacked here, by libdeflate and numpy: the format of HDF5's own filters,
but smaller, and read four times as fast. The door of deflate and hdf5plugin.
"""

import math
from dataclasses import dataclass
from types import MappingProxyType

import deflate
import h5py
import numpy as np

from synth.install import to_install

GZIP_LEVEL = 6  # of libdeflate: 9 takes thrice the time for 0.5 %, 12 a second per record for 3 %
GZIP_RATIO = 1032  # no stream of deflate holds more: 258 bytes in 2 bits
ZSTD_LEVEL = 15  # 2 % smaller than gzip; 19 takes half a second per record for 3 % more
ZSTD_FILTER = 32015  # registered with The HDF Group
FLETCHER = h5py.h5z.FILTER_FLETCHER32

# zlib's stream ends in a checksum of its own; zstd's gets HDF5's, which cannot tell 0x0000 from 0xffff.
LAYOUTS = MappingProxyType(
    {
        "gzip": {"compression": "gzip", "compression_opts": GZIP_LEVEL, "shuffle": True},
        "zstd": {"compression": ZSTD_FILTER, "compression_opts": (ZSTD_LEVEL,), "shuffle": True, "fletcher32": True},
    }
)
FILTERS = MappingProxyType(
    {
        "gzip": (h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE),
        "zstd": (h5py.h5z.FILTER_SHUFFLE, ZSTD_FILTER, FLETCHER),
    }
)
TEXT_LAYOUT = MappingProxyType({"compression": "gzip", "compression_opts": GZIP_LEVEL})
TEXT_FILTERS = (h5py.h5z.FILTER_DEFLATE,)
PLAIN_FILTERS = (FLETCHER,)  # of small arrays in version 1


def require_codec(codec: str) -> None:
    """ValueError if this codec cannot be used here; a plug-in that it needs is loaded."""
    if codec != "zstd":
        return
    try:
        import hdf5plugin  # noqa: F401 (it registers its filters)
    except ImportError:
        raise ValueError(
            f"the codec zstd needs hdf5plugin; {to_install('--extra codecs')}, or choose output.codec=gzip"
        ) from None


def filters(dataset: h5py.Dataset) -> tuple[int, ...]:
    """Numbers of the dataset's filters, in the order in which they were applied."""
    plan = dataset.id.get_create_plist()
    return tuple(plan.get_filter(k)[0] for k in range(plan.get_nfilters()))


def chunks_of(dataset: h5py.Dataset) -> "Chunks":
    """The chunks of a per-pixel dataset. ValueError if its filters are none of ours, or need a plug-in."""
    found = filters(dataset)
    codec = next((name for name, expected in FILTERS.items() if expected == found), None)
    if codec is None:
        raise ValueError(f"its filters are {found}, must be those of one of {', '.join(FILTERS)}")
    require_codec(codec)
    return Chunks(dataset, codec, dataset.shape[1:], dataset.dtype)


@dataclass(frozen=True, slots=True)
class Chunks:
    """The arrays of a per-pixel pass, one chunk per record. shape, dtype: of one record's."""

    dataset: h5py.Dataset
    codec: str
    shape: tuple[int, ...]
    dtype: np.dtype

    def write(self, row: int, array: np.ndarray) -> None:
        """Store one record's array."""
        if self.codec == "gzip":
            self.dataset.id.write_direct_chunk(self._corner(row), pack(array))
        else:
            self.dataset[row] = array

    def read(self, row: int, into: np.ndarray | None = None) -> np.ndarray:
        """One record's array. ValueError or an error of h5py if it is not there or cannot be true.

        The size is judged before anything of that size is allocated.
        into: filled and returned, instead of a new array; its content is lost whatever happens.
        """
        stored = self.dataset.id.get_chunk_info_by_coord(self._corner(row))
        size = math.prod(self.shape) * self.dtype.itemsize
        if not stored.size:
            raise ValueError("it was never written")
        if stored.size > 2 * size + 4096:
            raise ValueError(f"{stored.size} stored bytes are too many for an array of {size}")
        if self.codec != "gzip" or stored.filter_mask:
            array = np.empty(self.shape, self.dtype) if into is None else into
            self.dataset.read_direct(array, np.s_[row])
            return array
        if size > GZIP_RATIO * stored.size:
            raise ValueError(f"{stored.size} stored bytes are too few for an array of {size}")
        return unpack(self.dataset.id.read_direct_chunk(self._corner(row))[1], self.shape, self.dtype, into)

    def _corner(self, row: int) -> tuple[int, ...]:
        return (row, *(0 for _ in self.shape))


def pack(array: np.ndarray) -> bytes:
    """What HDF5's shuffle and gzip filters make of an array, all of it one chunk."""
    planes = np.ascontiguousarray(array).reshape(-1).view(np.uint8).reshape(-1, array.dtype.itemsize)
    shuffled = np.empty(planes.shape[::-1], np.uint8)
    for k, plane in enumerate(shuffled):
        plane[:] = planes[:, k]
    return bytes(deflate.zlib_compress(shuffled, GZIP_LEVEL))


def unpack(chunk: bytes, shape: tuple[int, ...], dtype: np.dtype, into: np.ndarray | None = None) -> np.ndarray:
    """The array of which `pack` made the chunk, or `into` filled with it. ValueError if bytes or checksum are wrong.

    Memory that a process touches for the first time costs as much as what fills it: who reads many records and keeps
    none says `into`.
    """
    size = math.prod(shape) * dtype.itemsize
    try:
        content = deflate.zlib_decompress(chunk, size)
    except deflate.DeflateError:
        raise ValueError("its stream or its checksum is wrong") from None
    if len(content) != size:
        raise ValueError(f"it holds {len(content)} bytes where {size} were expected")
    if dtype.itemsize == 1 and into is None:
        return np.frombuffer(content, dtype).reshape(shape)
    array = np.empty(shape, dtype) if into is None else into
    _unshuffle(np.frombuffer(content, np.uint8), array)
    return array


def _unshuffle(content: np.ndarray, array: np.ndarray) -> None:
    """Fill an array from bytes [itemsize * n], first bytes first; five times as fast as a transposed copy."""
    words = array.reshape(-1).view(f"u{array.itemsize}")
    planes = content.reshape(array.itemsize, -1)
    if len(planes) == 1:
        words[:] = planes[0]
    else:
        _join(planes, words)


def _join(planes: np.ndarray, words: np.ndarray | None = None) -> np.ndarray:
    """Integers [n] of as many bytes as there are planes [2**k, n]. By halves: short integers are quicker to handle."""
    half = len(planes) // 2
    if not half:
        return planes[0]
    if words is None:
        words = np.empty(planes.shape[1], f"u{len(planes)}")
    words[:] = _join(planes[half:])
    words <<= 8 * half
    words |= _join(planes[:half])
    return words
