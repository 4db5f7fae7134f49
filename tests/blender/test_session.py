"""What Blender says is kept off the terminal, and heard."""

import os

import bpy
import numpy as np
import pytest

from synth.blender.images import read_exr
from synth.blender.materials import diffuse_material
from synth.blender.mesh import add_mesh
from synth.blender.render import Renderer
from synth.blender.results import rendered_passes
from synth.blender.session import captured_output, raise_on_errors
from synth.config import RenderConfig


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


@pytest.mark.parametrize(
    "line",
    [
        "WARNING CUEW initialization failed: Error opening the library\nSaved: '/dev/shm/x.exr'",
        "OptiX ERROR OPTIX_ERROR_DISK_CACHE_DATABASE_ERROR: [DISKCACHE] Error when configuring the database",
    ],
)
def test_what_cycles_goes_on_after_is_no_error(line):
    raise_on_errors(line)


def test_passes_read_from_the_buffers_are_those_of_the_file_that_blender_writes(tmp_path):
    scene = Renderer(RenderConfig(hw=[24, 32], spp=2)).scene
    corners = np.array([[-0.4, -0.2, -1], [0.3, -0.1, -2], [0.1, 0.3, -1.5]], np.float32)
    triangle = add_mesh(scene, "triangle", corners, np.array([[0, 1, 2]], np.int32), index=3, smooth=False)
    triangle.data.materials.append(diffuse_material("plain", (0.2, 0.4, 0.6)))
    render, image = scene.render, scene.render.image_settings
    render.resolution_x, render.resolution_y, render.resolution_percentage = 32, 24, 100
    image.media_type, image.file_format = "MULTI_LAYER_IMAGE", "OPEN_EXR_MULTILAYER"
    image.color_depth, render.filepath = "32", str(tmp_path / "passes.exr")
    scene.cycles.samples = 2
    asked = {"aov_depth": "X", "Combined": "RGB", "aov_1": "RGB"}
    with captured_output(), rendered_passes(asked) as passes:
        bpy.ops.render.render(write_still=True)
    written = read_exr(tmp_path / "passes.exr")
    assert len(np.unique(passes["aov_depth"][..., 0])) > 10
    assert passes.keys() == asked.keys()
    for name, channels in asked.items():
        again = np.stack([written[f"ViewLayer.{name}.{channel}"] for channel in channels], axis=-1)
        np.testing.assert_array_equal(passes[name][..., : len(channels)], again, err_msg=name)
