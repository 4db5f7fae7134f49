"""Floats are stored as finely as they mean something, with the bound of the error in the attributes of the pass.

Bits beyond that are noise, which no codec packs: they are two thirds of a lossless file. Rounding keeps the dtype.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Rounding:
    """To the nearest multiple of 2**-bits, or, if relative, to `bits` binary places after the leading one."""

    bits: int
    relative: bool = False

    @property
    def bound(self) -> float:
        """The largest error, absolute or as a part of the value."""
        return 2.0 ** -(self.bits + 1)

    @property
    def words(self) -> str:
        """What is done, for attributes."""
        return f"{self.bits} bits after the leading one" if self.relative else f"multiples of 2**-{self.bits}"


NORMAL = Rounding(10)  # 0.05 degrees at most
ROUNDING = {
    "depth": Rounding(17, relative=True),
    "distance": Rounding(17, relative=True),  # as depth, so that it stays the larger one
    "position": Rounding(18),
    "normal": NORMAL,
    "normal_world": NORMAL,
    "depth_fine": Rounding(17, relative=True),  # as depth, so that both agree where there is no relief
    "normal_fine": NORMAL,
    "displacement": Rounding(20),  # a thousandth of a millimetre
    "uv": Rounding(16),  # an eighth of a texel of an 8192 px texture
    "pncc": Rounding(18),  # finds the pixel again within 0.002 px at 512 x 512
    "barycentric": Rounding(18),
    "albedo": Rounding(11),  # the spacing of half floats below 1
}


def rounded(name: str, array: np.ndarray) -> np.ndarray:
    """The array of a pass as it is stored: same dtype and shape, inf and NaN as they are, no -0; again is the same."""
    rounding = ROUNDING.get(name)
    if rounding is None:
        return array
    return _fewer_bits(array, rounding.bits) if rounding.relative else _on_grid(array, rounding.bits)


def _on_grid(array: np.ndarray, bits: int) -> np.ndarray:
    values = array * np.float64(2.0**bits)
    np.rint(values, out=values)
    values *= 2.0**-bits
    values += 0.0  # -0 becomes 0
    return values.astype(array.dtype)


def _fewer_bits(array: np.ndarray, bits: int) -> np.ndarray:
    """float32 alone. Half of the last place is added to the bits of the number, and what is below it cut off."""
    drop = 23 - bits
    words = array.view(np.uint32)
    cut = (words + np.uint32(1 << (drop - 1))) & np.uint32(2**32 - (1 << drop))
    return np.where(np.isfinite(array), cut, words).view(np.float32)
