"""Which device Cycles renders on."""

from collections.abc import Iterator
from dataclasses import dataclass

import bpy

from synth.blender.session import captured_output, raise_on_errors, render
from synth.config import Backend, Device

BACKENDS = tuple(backend.name.upper() for backend in Backend if backend is not Backend.auto)  # in the order of trial


@dataclass(frozen=True, slots=True)
class Chosen:
    """name: what Cycles renders on. missed: why it is no GPU, though Cycles has found one; "" otherwise."""

    name: str
    missed: str = ""


def choose_device(scene: bpy.types.Scene, device: Device, backend: Backend = Backend.auto) -> Chosen:
    """Sets Cycles to a GPU that has rendered something, or to the CPU. ValueError if a GPU is demanded and none can."""
    backends = () if device is Device.cpu else _tried(backend)
    with captured_output():  # Cycles warns of every kind of GPU that is not there
        chosen = _first_that_renders(scene, backends)
    if device is Device.gpu and chosen.name == "CPU":
        raise ValueError(
            "farm.device must be one that this machine has, got gpu, and Cycles "
            + (f"cannot use the GPU here: {chosen.missed}" if chosen.missed else "finds no GPU here")
            + f" (tried {', '.join(backends)}); say farm.device=cpu or auto"
        )
    return chosen


def idle_gpu(backend: Backend = Backend.auto) -> str:
    """The GPU that Cycles finds while it renders on the CPU, in words; "" if there is none."""
    with captured_output():
        found = next(_found(_tried(backend)), None)
    _preferences().compute_device_type = "NONE"
    return f"{found[0]} {', '.join(found[1])}" if found else ""


def _tried(backend: Backend) -> tuple[str, ...]:
    return BACKENDS if backend is Backend.auto else (backend.name.upper(),)


def _first_that_renders(scene: bpy.types.Scene, backends: tuple[str, ...]) -> Chosen:
    """A GPU that is listed may be in another's use, have a driver that is too old, or no memory left, which only shows
    when it renders.
    """
    missed = []
    for backend, names in _found(backends):
        try:
            trial("GPU")
        except RuntimeError as error:
            missed.append(f"{backend}: {' '.join(str(error).split())}")
            continue
        scene.cycles.device, scene.cycles.denoising_use_gpu = "GPU", True
        return Chosen(f"{backend} {', '.join(names)}")
    _preferences().compute_device_type = "NONE"
    scene.cycles.device = "CPU"
    return Chosen("CPU", "; ".join(missed))


def _found(backends: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """The backends of these that have devices, and their names. Each one's are in use as it is told."""
    preferences = _preferences()
    offered = {item[0] for item in preferences.get_device_types(bpy.context)}
    for backend in backends:
        if backend not in offered:
            continue
        preferences.compute_device_type = backend
        preferences.refresh_devices()
        for found in preferences.devices:
            found.use = found.type == backend
        if names := [found.name for found in preferences.devices if found.use]:
            yield backend, names


def _preferences() -> bpy.types.AddonPreferences:
    return bpy.context.preferences.addons["cycles"].preferences


def trial(device: str) -> None:
    """Renders some pixels of nothing on "GPU" or "CPU", for which kernels are loaded, and compiled where they are in no
    cache. RuntimeError if Cycles does not.
    """
    scene = bpy.data.scenes.new("trial")
    camera = bpy.data.cameras.new("trial")
    thing = bpy.data.objects.new("trial", camera)
    try:
        scene.collection.objects.link(thing)
        scene.camera, scene.render.engine = thing, "CYCLES"
        scene.render.resolution_x = scene.render.resolution_y = 8
        scene.cycles.device, scene.cycles.samples, scene.cycles.use_denoising = device, 1, False
        with captured_output() as said:
            render(scene)
        raise_on_errors(said[0])
    finally:
        bpy.data.scenes.remove(scene)
        bpy.data.objects.remove(thing)
        bpy.data.cameras.remove(camera)
