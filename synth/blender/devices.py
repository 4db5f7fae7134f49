"""Which device Cycles renders on."""

import bpy

from synth.blender.session import captured_output
from synth.config import Backend, Device

BACKENDS = tuple(backend.name.upper() for backend in Backend if backend is not Backend.auto)  # in the order of trial


def choose_device(scene: bpy.types.Scene, device: Device, backend: Backend = Backend.auto) -> str:
    """Sets Cycles to a GPU or the CPU and returns its name. ValueError if a GPU is demanded and none is found."""
    with captured_output():  # Cycles warns of every kind of GPU that is not there
        return _choose_device(scene, device, _tried(backend))


def idle_gpu(backend: Backend = Backend.auto) -> str:
    """The GPU that Cycles finds while it renders on the CPU, in words; "" if there is none."""
    with captured_output():
        found = _first_backend(_tried(backend))
    preferences = bpy.context.preferences.addons["cycles"].preferences
    names = [device.name for device in preferences.devices if device.type == found]
    preferences.compute_device_type = "NONE"
    return f"{found} {', '.join(names)}" if found else ""


def _tried(backend: Backend) -> tuple[str, ...]:
    return BACKENDS if backend is Backend.auto else (backend.name.upper(),)


def _choose_device(scene: bpy.types.Scene, device: Device, backends: tuple[str, ...]) -> str:
    backend = None if device is Device.cpu else _first_backend(backends)
    if backend is None and device is Device.gpu:
        raise ValueError(
            "farm.device must be one that this machine has, got gpu, and Cycles finds no GPU here "
            f"(tried {', '.join(backends)}); say farm.device=cpu or auto"
        )
    preferences = bpy.context.preferences.addons["cycles"].preferences
    scene.cycles.device = "GPU" if backend else "CPU"
    preferences.compute_device_type = backend or "NONE"
    if backend is None:
        return "CPU"
    names = []
    for found in preferences.devices:
        found.use = found.type == backend
        if found.use:
            names.append(found.name)
    scene.cycles.denoising_use_gpu = True
    return f"{backend} {', '.join(names)}"


def _first_backend(backends: tuple[str, ...]) -> str | None:
    preferences = bpy.context.preferences.addons["cycles"].preferences
    offered = {item[0] for item in preferences.get_device_types(bpy.context)}
    for backend in backends:
        if backend in offered:
            preferences.compute_device_type = backend
            preferences.refresh_devices()
            if any(found.type == backend for found in preferences.devices):
                return backend
    return None
