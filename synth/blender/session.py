"""The one Blender of this process: an empty scene, and what Cycles says while it renders."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

import bpy

# What Cycles prints, and goes on after: a render that printed one of these is not to be trusted.
_ERRORS = re.compile(r"(?im)^.*(\berror\b|out of memory|failed to (load|execute|create)|illegal address).*$")
_HARMLESS = re.compile(r"CUEW|HIPEW|Error opening the library|initialization failed|Failed to open dir")


def open_empty_scene() -> bpy.types.Scene:
    """Blender with nothing in it but a scene; whatever was there before is gone."""
    with captured_output():
        bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy.context.scene


@contextlib.contextmanager
def captured_output() -> Iterator[list[str]]:
    """Keeps Blender's own lines off standard output; on leaving, the list holds what it said, as one text."""
    said: list[str] = []
    sys.stdout.flush()
    with tempfile.TemporaryFile() as sink:
        outside = os.dup(1)
        os.dup2(sink.fileno(), 1)
        try:
            yield said
        finally:
            os.dup2(outside, 1)
            os.close(outside)
            sink.seek(0)
            said.append(sink.read().decode(errors="replace"))


def raise_on_errors(text: str) -> None:
    """RuntimeError with the line, if Cycles printed an error: it only prints, and leaves a wrong image."""
    for match in _ERRORS.finditer(text):
        if not _HARMLESS.search(match.group(0)):
            raise RuntimeError(f"Cycles reported: {match.group(0).strip()}")
