"""numpy's matrix products, on one thread. Never imports bpy.

OpenBLAS starts a thread a core, which wait for the next product by spinning: of 0.26 s that the build of a head took
0.07 s were theirs, for products of a tenth of a millisecond.
"""

import ctypes
import importlib

# What numpy's own OpenBLAS calls it, and a system's.
_SETTERS = ("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads", "openblas_set_num_threads")


def set_up_algebra() -> None:
    """One thread for all products of this process from now on. Where numpy has another library, nothing is done."""
    numpy = ctypes.CDLL(importlib.import_module("numpy._core._multiarray_umath").__file__)
    for name in _SETTERS:  # are found in what numpy's own library has loaded
        setter = getattr(numpy, name, None)
        if setter is not None:
            setter(1)
