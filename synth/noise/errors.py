"""Distances between two images, over the pixels of the subject: those of the background have no noise to speak of."""

import io

import numpy as np
from PIL import Image

from synth.install import to_install
from synth.labels.photo import photograph
from synth.labels.sensor import sensed
from synth.sensor import NoiseSpec, SensorSpec

# The middle of sensor=phone: wells, read noise and gain at the centres of their log-uniform ranges.
PHONE = NoiseSpec(full_well_e=39_000, read_noise_e=4.0, gain=4.0, bits=10)
JPEG_QUALITY = 90


def psnr(image: np.ndarray, reference: np.ndarray, mask: np.ndarray) -> float:
    """Peak signal-to-noise ratio (dB) of images [H, W, 3] in [0, 1] where mask bool [H, W]; inf if they are equal."""
    square = float(np.mean((image[mask].astype(np.float64) - reference[mask]) ** 2))
    return float(-10 * np.log10(square)) if square else float("inf")


def flip(image: np.ndarray, reference: np.ndarray, mask: np.ndarray) -> float:
    """Mean LDR-FLIP (Andersson et al. 2020), 0 to 1, of sRGB images [H, W, 3] in [0, 1] where mask bool [H, W].

    At the 67 pixels per degree of a monitor at 0.7 m. ValueError where flip-evaluator is not installed.
    """
    try:
        from flip_evaluator import evaluate
    except ImportError:
        raise ValueError(f"FLIP needs flip-evaluator; {to_install('--group bench')}") from None
    truth, other = (np.ascontiguousarray(np.clip(each, 0, 1), np.float32) for each in (reference, image))
    error, _, _ = evaluate(truth, other, "LDR", applyMagma=False, computeMeanError=False)
    return float(error[..., 0][mask].mean())


def shown(linear: np.ndarray) -> np.ndarray:
    """The photograph float32 [H, W, 3], sRGB in [0, 1], of image_linear [H, W, 3]."""
    return (photograph(linear, 1.0) / 255).astype(np.float32)


def yardsticks(linear: np.ndarray) -> dict[str, np.ndarray]:
    """What else happens to a picture, as sRGB [H, W, 3] in [0, 1] of a noiseless image_linear [H, W, 3]."""
    code = np.rint(255 * shown(linear)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(code).save(file, "JPEG", quality=JPEG_QUALITY)
    pictures = {
        "8 bits": code,
        f"JPEG at quality {JPEG_QUALITY}": np.asarray(Image.open(file)),
        "noise of a phone's sensor": sensed(linear, 1.0, SensorSpec(seed=0, noise=PHONE)),
    }
    return {name: (picture / 255).astype(np.float32) for name, picture in pictures.items()}
