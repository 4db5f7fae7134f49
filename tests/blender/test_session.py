"""What Blender says is kept off the terminal, and heard."""

import os

import pytest

from synth.blender.session import captured_output, raise_on_errors


def test_lines_written_below_python_are_captured():
    with captured_output() as said:
        os.write(1, b"to standard output\n")
        os.write(2, b"to standard error\n")
    assert said == ["to standard output\nto standard error\n"]


def test_streams_are_restored_after_an_exception(capfd):
    with pytest.raises(KeyError), captured_output():
        raise KeyError
    os.write(1, b"heard")
    assert capfd.readouterr().out == "heard"


@pytest.mark.parametrize(
    "line", ["Error: Out of memory in CUDA queue", "cycles | ERROR Failed to load image", "Illegal address in kernel"]
)
def test_a_render_that_printed_an_error_is_not_trusted(line):
    with pytest.raises(RuntimeError, match="Cycles reported"):
        raise_on_errors(f"Fra: 1 | Mem: 30M\n{line}\n")


def test_the_absence_of_a_gpu_library_is_no_error():
    raise_on_errors("WARNING CUEW initialization failed: Error opening the library\nSaved: '/dev/shm/x.exr'")
