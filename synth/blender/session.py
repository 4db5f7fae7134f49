"""The one Blender of this process: an empty scene, and what Cycles says while it renders."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator

import bpy

# What Cycles prints, and goes on after: a render that printed one of these is not to be trusted.
_ERRORS = re.compile(r"(?im)^.*(\berror\b|out of memory|failed to (load|execute|create)|illegal address).*$")
_HARMLESS = re.compile(
    r"CUEW|HIPEW|Error opening the library|initialization failed|Failed to open dir"
    r"|DISK_?CACHE|configuring the database"  # OptiX goes on without its cache of kernels
)


def open_empty_scene() -> bpy.types.Scene:
    """Blender with nothing in it but a scene; whatever was there before is gone."""
    with captured_output():
        bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy.context.scene


def render(scene: bpy.types.Scene) -> None:
    """Renders a scene, from an empty one.

    Around every operator Blender evaluates the scene that it is called from, and a render evaluates its own once more:
    0.01 s of CPU for a head, and 12 MB.
    """
    idle = bpy.data.scenes.get("idle") or bpy.data.scenes.new("idle")
    with bpy.context.temp_override(scene=idle, view_layer=idle.view_layers[0]):
        bpy.ops.render.render(scene=scene.name)


@contextlib.contextmanager
def traced(clock: Callable[[], float]) -> Iterator[list[float]]:
    """Seconds of each render in it that Cycles traces paths and denoises, by when it says so: not those in which it
    takes the scene over, builds its trees and maps, and hands the image back.
    """
    seconds: list[float] = []
    begun: list[float] = []

    def hear(line: str, _: object = None) -> None:
        if "Sample 0/" in line and not begun:
            begun.append(clock())
        if "Finished" in line and begun:
            seconds.append(clock() - begun.pop())

    bpy.app.handlers.render_stats.append(hear)
    try:
        yield seconds
    finally:
        bpy.app.handlers.render_stats.remove(hear)


@contextlib.contextmanager
def captured_output() -> Iterator[list[str]]:
    """Keeps Blender's own lines off the terminal; on leaving, the list holds all that it said, as one text."""
    said: list[str] = []
    streams = (sys.stdout, sys.stderr)
    for stream in streams:
        stream.flush()
    with tempfile.TemporaryFile() as sink:
        outside = [os.dup(number) for number in (1, 2)]
        for number in (1, 2):
            os.dup2(sink.fileno(), number)
        try:
            yield said
        finally:
            for stream in streams:
                stream.flush()
            for number, before in zip((1, 2), outside, strict=True):
                os.dup2(before, number)
                os.close(before)
            sink.seek(0)
            said.append(sink.read().decode(errors="replace"))


def raise_on_errors(text: str) -> None:
    """RuntimeError with the line, if Cycles printed an error: it only prints, and leaves a wrong image."""
    for match in _ERRORS.finditer(text):
        if not _HARMLESS.search(match.group(0)):
            raise RuntimeError(f"Cycles reported: {match.group(0).strip()}")
