"""A GPU that is listed is tried before it is relied on. Stands in for GPUs, which are not there."""

import os

import bpy
import pytest

from synth.blender import devices
from synth.blender.devices import Chosen, choose_device, idle_gpu, trial
from synth.blender.session import open_empty_scene
from synth.config import Backend, Device


@pytest.fixture
def scene(monkeypatch) -> bpy.types.Scene:
    """Of a machine that lists a GPU for both of NVIDIA's backends."""
    there = {"OPTIX": ["H200"], "CUDA": ["H200", "A16"]}
    monkeypatch.setattr(devices, "_found", lambda wanted: ((name, there[name]) for name in wanted if name in there))
    return open_empty_scene()


def refusing(*refused: str):
    """A trial that fails for the first few backends, with these words."""
    words = iter(refused)

    def stub(device: str) -> None:
        assert device == "GPU"
        if why := next(words, ""):
            raise RuntimeError(why)

    return stub


def test_the_first_backend_that_renders_is_taken(scene, monkeypatch):
    monkeypatch.setattr(devices, "trial", refusing())
    assert choose_device(scene, Device.auto) == Chosen("OPTIX H200")
    assert scene.cycles.device == "GPU"


def test_a_backend_that_does_not_render_is_passed_over(scene, monkeypatch):
    monkeypatch.setattr(devices, "trial", refusing("the driver is too old"))
    assert choose_device(scene, Device.auto) == Chosen("CUDA H200, A16")


def test_only_the_backend_that_was_asked_for_is_taken(scene, monkeypatch):
    monkeypatch.setattr(devices, "trial", refusing())
    assert choose_device(scene, Device.gpu, Backend.cuda) == Chosen("CUDA H200, A16")


def test_where_none_renders_it_is_the_cpu_and_says_why(scene, monkeypatch):
    monkeypatch.setattr(devices, "trial", refusing("the driver\nis too old", "no memory left"))
    found = choose_device(scene, Device.auto)
    assert found == Chosen("CPU", "OPTIX: the driver is too old; CUDA: no memory left")
    assert scene.cycles.device == "CPU"


def test_a_gpu_that_was_demanded_and_does_not_render_is_refused_with_the_reason(scene, monkeypatch):
    monkeypatch.setattr(devices, "trial", refusing("no memory left"))
    with pytest.raises(ValueError, match=r"cannot use the GPU here: CUDA: no memory left \(tried CUDA\)"):
        choose_device(scene, Device.gpu, Backend.cuda)


def test_the_cpu_needs_no_trial(scene, monkeypatch):
    monkeypatch.setattr(devices, "trial", refusing("never asked"))
    assert choose_device(scene, Device.cpu) == Chosen("CPU")


def test_the_trial_renders_and_leaves_nothing_behind():
    open_empty_scene()
    trial("CPU")
    assert [scene.name for scene in bpy.data.scenes if scene.name != "idle"] == ["Scene"]
    assert not len(bpy.data.objects)
    assert not len(bpy.data.cameras)


def test_a_trial_fails_as_a_render_does(monkeypatch):
    open_empty_scene()
    monkeypatch.setattr(devices, "render", lambda scene: os.write(1, b"Error: System is out of GPU memory"))
    with pytest.raises(RuntimeError, match="out of GPU memory"):
        trial("GPU")


def test_cycles_tells_of_a_gpu_that_it_leaves_alone(scene):
    assert choose_device(scene, Device.cpu) == Chosen("CPU")
    assert (idle_gpu(), idle_gpu(Backend.cuda), idle_gpu(Backend.hip)) == ("OPTIX H200", "CUDA H200, A16", "")
    assert bpy.context.preferences.addons["cycles"].preferences.compute_device_type == "NONE"
    assert scene.cycles.device == "CPU"
