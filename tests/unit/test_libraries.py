"""Missing system libraries are named with their packages before Blender would fail on them."""

import pytest

from synth.blender import libraries

LDD = """\
\tlinux-vdso.so.1 (0x00007ffd)
\tlibX11.so.6 => not found
\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f)
\tlibstrange.so.9 => not found
"""


def test_a_missing_library_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(libraries, "_ldd", lambda path: LDD)
    with pytest.raises(ValueError, match=r"needs libX11.so.6, libstrange.so.9.*apt-get install libx11-6 \(the package"):
        libraries.require_libraries()


def test_a_system_that_has_all_is_let_through(monkeypatch):
    monkeypatch.setattr(libraries, "_ldd", lambda path: LDD.replace("not found", "/lib/x.so"))
    libraries.require_libraries()
