"""What is seen behind a head, as radiance pixel by pixel: the place that the light comes from, or something else."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from scenes.head.light import LUMA, Environment
from scenes.head.noise import fractal, hashed
from scenes.head.patterns import pattern
from scenes.head.place import BackgroundSpec, BokehSpec, PhotographSpec, WallSpec
from scenes.head.room import Room
from synth.camera import Camera, pixel_directions
from synth.geometry import rotation_x, rotation_y
from synth.labels.photo import SHOULDER

COARSE = 3.0  # px of blur from which on a place is looked at in every second pixel


def seen_background(
    spec: BackgroundSpec, environment: Environment, camera: Camera, exposure: float, folder: str = ""
) -> np.ndarray:
    """Radiance float32 [H, W, 3] behind the head. folder: of the user's photographs. ValueError if one is damaged."""
    width = camera.hw[1]
    if spec.kind == "gradient":
        shown = _smooth_colors(np.array(spec.colors).reshape(3, 3, 3), camera.hw) / exposure
    elif spec.wall is not None:
        shown = _leveled(_wall(spec.wall, camera), spec.level) / exposure
    elif spec.bokeh is not None:
        shown = _bokeh(spec.bokeh, camera.hw) / exposure
    elif spec.photograph is not None:
        shown = display_linear(read_photograph(Path(folder), spec.photograph, camera.hw)) / exposure
    elif spec.room is not None:
        shown = _leveled(_looked_at(Room(spec.room).radiance, camera, spec.blur * width), spec.level) / exposure
    else:
        shown = environment.strength * _looked_at(environment.radiance, camera, spec.blur * width)
    return blurred(shown.astype(np.float32), spec.blur * width)


def _looked_at(radiance, camera: Camera, blur_px: float) -> np.ndarray:
    """radiance(world directions) of all pixels [H, W, 3]; of every second one if it is blurred anyhow."""
    rays = camera.world_rays()
    if blur_px < COARSE:
        return radiance(rays)
    few = radiance(rays[::2, ::2])
    return np.repeat(np.repeat(few, 2, axis=0), 2, axis=1)[: rays.shape[0], : rays.shape[1]]


def _leveled(image: np.ndarray, level: float) -> np.ndarray:
    """Scaled to a mean luminance; a lamp in the picture counts no more than a white wall."""
    luminance = image @ LUMA
    mean = np.minimum(luminance, 4 * np.median(luminance) + 1e-9).mean()
    return image * (level / max(float(mean), 1e-9))


def _wall(spec: WallSpec, camera: Camera) -> np.ndarray:
    """Reflectance times light [H, W, 3]."""
    rays = pixel_directions(camera.K, camera.hw)
    tilt = rotation_y(spec.turn) @ rotation_x(spec.lean)
    facing = np.maximum(rays @ tilt[:, 2], 0.05)
    points = rays * (spec.distance / facing)[..., None] @ tilt[:, :2] * [1, -1]
    cover = spec.cover
    share = pattern(cover.pattern, points.reshape(-1, 2) / cover.scale, cover.seed).reshape(camera.hw)[..., None]
    color = np.array(cover.color) * (1 - share) + np.array(cover.second) * share
    worn = 0.85 + 0.3 * fractal(points / (4 * cover.scale), cover.seed + 77, octaves=4)
    v, u = (np.linspace(-0.5, 0.5, n) for n in camera.hw)
    light = np.exp(spec.falloff[0] * u - spec.falloff[1] * v[:, None])
    return color * (worn * light)[..., None]


def _bokeh(spec: BokehSpec, hw: tuple[int, int]) -> np.ndarray:
    """Display-linear [H, W, 3]: discs or polygons of light, each as bright as its lamp."""
    height, width = hw
    out = np.ones((height, width, 3)) * np.array(spec.dark)
    k = np.arange(spec.count)
    drawn = lambda n: hashed(spec.seed + n, k)
    low, high = spec.radius
    radii = np.maximum(width * (low + (high - low) * drawn(0)), 1.0)
    gains = 0.04 * (10 ** (1.2 * drawn(1)))
    colors = np.array(spec.hues)[np.searchsorted([0.5, 0.85], drawn(2))] * gains[:, None]
    for u, v, radius, color in zip(width * drawn(3), height * drawn(4), radii, colors, strict=True):
        left, top = max(int(u - radius) - 1, 0), max(int(v - radius) - 1, 0)
        right, bottom = int(u + radius) + 2, int(v + radius) + 2
        part = out[top:bottom, left:right]
        y, x = np.mgrid[top : top + part.shape[0], left : left + part.shape[1]] + 0.5
        part += (_disc(x - u, y - v, radius, spec.blades) * (1 if radius > 2 else 0.7))[..., None] * color
    return out


def _disc(x: np.ndarray, y: np.ndarray, radius: float, blades: int) -> np.ndarray:
    """Coverage [h, w], a little brighter at its rim, as lenses have it."""
    distance, reach = np.hypot(x, y), radius
    if blades:
        step = 2 * np.pi / blades
        around = (np.arctan2(y, x) % step) - step / 2
        reach = radius * np.cos(step / 2) / np.cos(around)
    inside = np.clip(reach - distance + 0.5, 0, 1)
    return inside * (0.75 + 0.35 * np.clip(distance / reach, 0, 1) ** 4)


def read_photograph(folder: Path, spec: PhotographSpec, hw: tuple[int, int]) -> np.ndarray:
    """sRGB float32 [H, W, 3] in [0, 1] of a part of a photograph. ValueError with the file if it cannot be read."""
    path, (height, width) = folder / spec.file, hw
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as file:
            image = ImageOps.exif_transpose(file).convert("RGB")
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"scene.background.folder: {path} cannot be read as a photograph ({' '.join(str(error).split())}); "
            "mend it, or take it out of the folder"
        ) from None
    size = min(image.width / width, image.height / height) / spec.zoom * np.array([width, height])
    left, top = (np.array(image.size) - size) * spec.place
    part = image.resize((width, height), Image.Resampling.LANCZOS, (left, top, left + size[0], top + size[1]))
    pixels = np.asarray(part, np.float32) / 255
    return pixels[:, ::-1] if spec.mirrored else pixels


def display_linear(image: np.ndarray) -> np.ndarray:
    """image_linear float32 [H, W, 3] whose photograph has these sRGB values [H, W, 3]; white is a little darker."""
    x = np.minimum(image, 0.98)
    linear = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1
    over = np.maximum(linear - SHOULDER, 0) / (1 - SHOULDER)
    return np.minimum(linear, SHOULDER) - (1 - SHOULDER) * np.log1p(-over)


def _smooth_colors(grid: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    """A colour field [H, W, 3] through a grid [3, 3, 3], with quadratic Bernstein weights."""
    weights = []
    for length in hw:
        t = (np.arange(length) + 0.5) / length
        weights.append(np.stack([(1 - t) ** 2, 2 * t * (1 - t), t**2], axis=-1))
    return np.einsum("hi,wj,ijc->hwc", weights[0], weights[1], grid)


def blurred(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """A Gaussian-like blur (three box filters) of an image [H, W, C]; the border repeats."""
    radius = round(sigma_px)  # three boxes of width 2 r + 1 have a variance of r (r + 1)
    if radius < 1:
        return image
    for axis in (0, 1):
        rows = np.moveaxis(image, axis, 0)
        shape, rows = rows.shape, rows.reshape(len(rows), -1)
        for _ in range(3):
            rows = _box_filtered(rows, radius)
        image = np.moveaxis(rows.reshape(shape), 0, axis)
    return image


def _box_filtered(rows: np.ndarray, radius: int) -> np.ndarray:
    """Means float32 [H, n] of rows [H, n] and so many before and after; the first and the last repeat."""
    height, width = len(rows), 2 * radius + 1
    which = np.clip(np.arange(-radius - 1, height + radius), 0, height - 1)
    total = np.empty((len(which), rows.shape[1]))
    total[0] = rows[0]
    for k in range(1, len(which)):  # a fifth of the time of np.cumsum along the first axis
        np.add(total[k - 1], rows[which[k]], out=total[k])
    return ((total[width:] - total[:-width]) / width).astype(np.float32)
