"""From linear light to the photograph that a camera of synth.sensor's kind would have taken. numpy and pillow, no bpy.

In the order of a camera: the lens (vignetting, lateral chromatic aberration, blur), the photosites (their number, the
exposure, shot and read noise, the converter), the processing (white balance, demosaicing, monochrome, the film curve
of synth.labels.photo, saturation, gamma, contrast, noise reduction, sharpening, 8 bits), the file (JPEG), and the
enlargement to the size that is asked for: a small face was small on the sensor and in the file.

Nothing here moves the image against its labels: green stays where it is, filters are symmetric, and sizes change
about the image's corners. All is a function of the spec; noise comes from the spec's seed.
"""

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image

from synth.labels.photo import shoulder, srgb_from_linear
from synth.sensor import JpegSpec, NoiseSpec, SensorSpec

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # ITU-R BT.709-6
SATURATION = 2.0  # image_linear at which a photosite is full: a stop above white, where the film curve is at 0.998
# Of red, green and blue photosites to white daylight. Cameras multiply red by about 2 and blue by about 1.5 to balance
# it (the white balance scales of DxOMark's measurements of colour response), and their noise with it.
RESPONSE = np.array([0.5, 1.0, 0.65], np.float32)


def sensed(radiance: np.ndarray, exposure: float, sensor: SensorSpec, center: np.ndarray | None = None) -> np.ndarray:
    """The photograph uint8 [H, W, 3], sRGB, of linear radiance float32 [H, W, 3] >= 0.

    center: where the optical axis meets the image, (u, v) px; None is its middle.
    """
    hw = radiance.shape[:2]
    light = lens(exposure * radiance, sensor, np.array([hw[1] / 2, hw[0] / 2]) if center is None else center)
    light = photosites(_shrunk(light, sensor.shrink), sensor)
    code = np.rint(np.clip(255 * developed(light, sensor), 0, 255)).astype(np.uint8)
    if sensor.jpeg is not None:
        code = jpeg(code, sensor.jpeg)
    if code.shape[:2] != hw:
        code = np.asarray(Image.fromarray(code).resize((hw[1], hw[0]), Image.Resampling.BICUBIC))
    return code


def lens(light: np.ndarray, sensor: SensorSpec, center: np.ndarray) -> np.ndarray:
    """What reaches the sensor's plane of linear light [H, W, 3]: vignetted, colours apart, blurred."""
    if sensor.vignetting:
        light = light * _vignette(light.shape[:2], center, sensor.vignetting)[..., None]
    if any(sensor.aberration):
        red, green, blue = np.moveaxis(light, -1, 0)
        red, blue = (_magnified(*pair, center) for pair in zip((red, blue), sensor.aberration, strict=True))
        light = np.stack([red, green, blue], axis=-1)
    return blurred(light, sensor.softness)


def _vignette(hw: tuple[int, int], center: np.ndarray, loss: float) -> np.ndarray:
    """Float32 [H, W] in [1 - loss, 1]: the law of natural vignetting, cos^4 of the angle off the axis.

    cos^4 = (1 + tan^2)^-2, tan proportional to the distance from the axis; `loss` is that of the farthest corner.
    """
    u, v = np.arange(hw[1]) + 0.5 - center[0], np.arange(hw[0]) + 0.5 - center[1]
    square = np.add.outer(v**2, u**2)
    farthest = max(center[0], hw[1] - center[0]) ** 2 + max(center[1], hw[0] - center[1]) ** 2
    return ((1 + ((1 - loss) ** -0.5 - 1) * square / farthest) ** -2).astype(np.float32)


def _magnified(channel: np.ndarray, excess: float, center: np.ndarray) -> np.ndarray:
    """A channel [H, W] enlarged by 1 + excess about `center` (px), by cubic interpolation; the border repeats."""
    for axis, middle in ((0, center[1]), (1, center[0])):
        place = (np.arange(channel.shape[axis]) + 0.5 - middle) / (1 + excess) + middle - 0.5
        channel = _at(channel, place, axis)
    return np.maximum(channel, 0)


def _at(channel: np.ndarray, place: np.ndarray, axis: int) -> np.ndarray:
    """Values of [H, W] at places (in samples) along an axis, by Catmull-Rom splines."""
    first = np.floor(place).astype(int)
    t = (place - first).astype(np.float32)
    weights = np.array([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]) / 2
    shape = (-1, 1) if axis == 0 else (1, -1)
    rows = (np.clip(first + k, 0, channel.shape[axis] - 1) for k in range(-1, 3))
    taken = (np.take(channel, row, axis) * w.reshape(shape) for row, w in zip(rows, weights, strict=True))
    return sum(taken, np.zeros(1, np.float32)).astype(np.float32)


def blurred(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """A Gaussian blur of [H, W, C]; no light is lost, because the border reflects."""
    if sigma_px <= 0:
        return image
    radius = int(np.ceil(3 * sigma_px))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_px) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for axis in (0, 1):
        padded = np.pad(image, [(radius, radius) if k == axis else (0, 0) for k in range(3)], mode="symmetric")
        length = image.shape[axis]
        image = sum(
            (w * (padded[k : k + length] if axis == 0 else padded[:, k : k + length]) for k, w in enumerate(kernel)),
            np.zeros(1, np.float32),
        )
    return image


def _shrunk(light: np.ndarray, factor: float) -> np.ndarray:
    """Linear light [H, W, 3] on fewer photosites, each the mean over its area; on 8 a side at least, if it has them."""
    height, width = (min(n, max(8, round(factor * n))) for n in light.shape[:2])
    if (height, width) == light.shape[:2]:
        return light
    box = lambda channel: Image.fromarray(channel).resize((width, height), Image.Resampling.BOX)
    channels = np.moveaxis(light.astype(np.float32), -1, 0)
    return np.stack([np.asarray(box(np.ascontiguousarray(channel))) for channel in channels], axis=-1)


def photosites(light: np.ndarray, sensor: SensorSpec) -> np.ndarray:
    """What the processing starts from: light [H, W, 3] as counted by the photosites, balanced, in full colour."""
    if sensor.exposure_ev:
        light = light * np.float32(2.0**sensor.exposure_ev)
    response, balance = RESPONSE, np.array(sensor.white_balance, np.float32)
    if sensor.mosaic:
        filters = bayer(light.shape[:2])
        light, response, balance = _through(light, filters), RESPONSE[filters], balance[filters]
    if sensor.noise is not None:
        light = counted(light, response, sensor.noise, np.random.default_rng(sensor.seed))
    if sensor.white_balance != (1.0, 1.0, 1.0):
        light = light * balance
    return demosaiced(light) if sensor.mosaic else light


def counted(light: np.ndarray, response: np.ndarray, noise: NoiseSpec, rng: np.random.Generator) -> np.ndarray:
    """Light [...] as a photosite of that response (broadcast) counts it, in units of light again.

    In electrons, mean e: shot noise is Poisson's, so the variance is e + read_noise_e^2, and the converter's step
    squared over 12. In units of light y = k e the law reads var = (k read)^2 + k y. Values are cut at a full
    converter and, as cameras keep a black level, not at 0. EMVA Standard 1288, release 4.0, section 2.
    """
    full = noise.full_well_e / noise.gain
    per_light = full * response / SATURATION
    electrons = rng.poisson(np.clip(light * per_light, 0, 4 * full)) + noise.read_noise_e * rng.standard_normal(
        light.shape
    )
    step = full / (2**noise.bits - 1)
    electrons = np.minimum(np.rint(electrons / step) * step, full)
    return (electrons / per_light).astype(np.float32)


def bayer(hw: tuple[int, int]) -> np.ndarray:
    """Which colour (0, 1, 2) each photosite [H, W] sees: rows of red and green, then of green and blue."""
    tile = np.array([[0, 1], [1, 2]])
    return tile[np.ix_(np.arange(hw[0]) % 2, np.arange(hw[1]) % 2)]


def _through(light: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """[H, W]: of light [H, W, 3] what passes each photosite's filter."""
    return np.take_along_axis(light, filters[..., None], axis=-1)[..., 0]


# Malvar, He and Cutler, High-quality linear interpolation for demosaicing of Bayer-patterned color images (ICASSP
# 2004), figure 2: taps {(row, column): weight} in eighths, for each its mirror images too.
GREEN = {(0, 0): 4, (0, 1): 2, (1, 0): 2, (0, 2): -1, (2, 0): -1}  # at red and blue
ALONG = {(0, 0): 5, (0, 1): 4, (0, 2): -1, (1, 1): -1, (2, 0): 0.5}  # red or blue at green, neighbours in its row
ACROSS = {(column, row): weight for (row, column), weight in ALONG.items()}  # neighbours in its column
OPPOSITE = {(0, 0): 6, (1, 1): 2, (0, 2): -1.5, (2, 0): -1.5}  # red at blue, blue at red


def demosaiced(mosaic: np.ndarray) -> np.ndarray:
    """Full colour [H, W, 3] of a mosaic [H, W], H and W at least 3."""
    filters = bayer(mosaic.shape)
    padded = np.pad(mosaic, 2, mode="reflect")  # reflection about a sample keeps the order of the filters
    red_row = (np.arange(mosaic.shape[0]) % 2 == 0)[:, None]
    green = filters == 1
    along, across, opposite = (_filtered(padded, taps) for taps in (ALONG, ACROSS, OPPOSITE))
    red = np.select([filters == 0, green & red_row, green], [mosaic, along, across], opposite)
    blue = np.select([filters == 2, green & ~red_row, green], [mosaic, along, across], opposite)
    return np.stack([red, np.where(green, mosaic, _filtered(padded, GREEN)), blue], axis=-1)


def _filtered(padded: np.ndarray, taps: Mapping[tuple[int, int], float]) -> np.ndarray:
    """The symmetric filter of `taps` (in eighths) over an image padded by 2."""
    height, width = padded.shape[0] - 4, padded.shape[1] - 4
    out = np.zeros((height, width), padded.dtype)
    for (row, column), weight in taps.items():
        for v in {-row, row}:
            for u in {-column, column}:
                out += np.float32(weight / 8) * padded[2 + v : 2 + v + height, 2 + u : 2 + u + width]
    return out


def developed(light: np.ndarray, sensor: SensorSpec) -> np.ndarray:
    """Code values [H, W, 3], in [0, 1] but for what sharpening overshoots, of linear light."""
    if sensor.monochrome:
        light = np.repeat((light @ LUMA)[..., None], 3, axis=-1)
    light = shoulder(light)
    if sensor.saturation != 1:
        grey = (light @ LUMA)[..., None]
        light = np.maximum(grey + np.float32(sensor.saturation) * (light - grey), 0)
    code = tone(srgb_from_linear(light), sensor.gamma, sensor.contrast)
    if sensor.noise_reduction:
        code = _smoothed(code, sensor.noise_reduction)
    if sensor.sharpening:
        code = code + np.float32(sensor.sharpening) * (code - blurred(code, 1.0))
    return code


def _smoothed(code: np.ndarray, sigma_px: float) -> np.ndarray:
    """Code values [H, W, 3] with their colour blurred, and their luminance a third as wide, as cameras hide noise."""
    grey = (code @ LUMA)[..., None]
    return blurred(grey, sigma_px / 3) + blurred(code - grey, sigma_px)


def tone(code: np.ndarray, gamma: float, contrast: float) -> np.ndarray:
    """Code values in [0, 1] through a power and an S of slope 1 + contrast / 2 in the middle; black and white stay.

    Rising everywhere for a contrast in [-1, 1].
    """
    if gamma != 1:
        code = code ** np.float32(gamma)
    return code + np.float32(contrast) * code * (1 - code) * (2 * code - 1) if contrast else code


def jpeg(code: np.ndarray, spec: JpegSpec) -> np.ndarray:
    """The picture uint8 [H, W, 3] written as a baseline JPEG file and read again. A grey picture stays grey."""
    grey = (code == code[..., :1]).all()
    file = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(code[..., 0]) if grey else code)
    picture.save(file, "JPEG", quality=spec.quality, subsampling=2 if spec.subsampled and not grey else 0)
    return np.asarray(Image.open(file).convert("RGB"))
