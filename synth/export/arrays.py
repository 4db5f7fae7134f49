"""Arrays as bytes of files that everybody reads."""

import io

import numpy as np
from PIL import Image

from synth.record import Record


def png(array: np.ndarray) -> bytes:
    """PNG of uint8 [H, W] (grey) or [H, W, 3] (RGB), lossless."""
    return _encoded(array, "PNG", compress_level=3)


def jpeg(array: np.ndarray) -> bytes:
    """JPEG of uint8 [H, W, 3], quality 95, colours at full resolution."""
    return _encoded(array, "JPEG", quality=95, subsampling=0)


def npy(array: np.ndarray) -> bytes:
    """NumPy's .npy."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def is_picture(array: np.ndarray) -> bool:
    """Whether a per-pixel array is what PNG holds: uint8, one channel or three."""
    return array.dtype == np.uint8 and (array.ndim == 2 or (array.ndim == 3 and array.shape[-1] == 3))


def text(array: np.ndarray) -> str:
    """The str of a text pass."""
    return array.item().decode()


def key(record: Record) -> str:
    """What the files of a record are named by."""
    return f"{int(record['meta/index']):08d}"


def _encoded(array: np.ndarray, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()
