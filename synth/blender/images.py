"""Images in and out of Blender's world: OpenEXR through the OpenImageIO that comes inside bpy."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np


def _openimageio() -> ModuleType:
    """OpenImageIO lies in bpy's own site-packages, which is not on sys.path."""
    try:
        return importlib.import_module("OpenImageIO")
    except ImportError:
        folder = next(Path(bpy.utils.resource_path("LOCAL")).glob("python/lib/python3*/site-packages"))
        sys.path.append(str(folder))
        return importlib.import_module("OpenImageIO")


def read_exr(path: str | Path) -> dict[str, np.ndarray]:
    """Channels float32 [H, W] of all parts of an image file, by name, top row first. ValueError if unreadable."""
    oiio = _openimageio()
    image = oiio.ImageInput.open(str(path))
    if image is None:
        raise ValueError(f"{path} cannot be read as an image: {oiio.geterror()}")
    channels: dict[str, np.ndarray] = {}
    part = 0
    while image.seek_subimage(part, 0):
        spec = image.spec()
        pixels = image.read_image(part, 0, 0, spec.nchannels, oiio.FLOAT)
        if pixels is None:
            raise ValueError(f"{path} is damaged: {image.geterror()}")
        pixels = pixels.reshape(spec.height, spec.width, spec.nchannels)
        channels |= {name: pixels[..., k] for k, name in enumerate(spec.channelnames)}
        part += 1
    image.close()
    return channels


def read_rgb(path: str | Path) -> np.ndarray:
    """Linear RGB float32 [H, W, 3], top row first. ValueError if it cannot be read."""
    channels = read_exr(path)
    return np.stack([channels[c] for c in "RGB"], axis=-1)


def world_images() -> dict[str, Path]:
    """The eight CC0 world HDRIs that come with Blender, by name."""
    folder = Path(bpy.utils.system_resource("DATAFILES")) / "studiolights" / "world"
    return {path.stem: path for path in sorted(folder.glob("*.exr"))}
