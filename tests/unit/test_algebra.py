"""Products of matrices keep to one thread, in a process of its own: what is set is the whole process's."""

import ctypes
import importlib
import os
import subprocess
import sys

import pytest

NUMPY = importlib.import_module("numpy._core._multiarray_umath").__file__
GETTER = "scipy_openblas_get_num_threads64_"
pytestmark = pytest.mark.skipif(not hasattr(ctypes.CDLL(NUMPY), GETTER), reason="of numpy with an OpenBLAS of its own")


def threads_after(law: str) -> str:
    """How many threads OpenBLAS has in a process that was given two, and ran this."""
    code = f"import ctypes, numpy; {law}; print(ctypes.CDLL({NUMPY!r}).{GETTER}())"
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True).stdout.strip()


def test_products_take_one_thread_whatever_the_process_was_given():
    set_up = "from synth.blender.algebra import set_up_algebra; set_up_algebra()"
    assert (threads_after("pass"), threads_after(set_up)) == ("2", "1")
