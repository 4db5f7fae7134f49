"""Photographs that carry 68 annotated points: a folder of images with iBUG's .pts files beside them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

POINTS = 68
KINDS = (".png", ".jpg", ".jpeg", ".bmp")
MARGIN = 2.0  # side of what is kept of a photograph, in the longer sides of the box of its points


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """image: uint8 [S, S, 3]. points: float64 [68, 2], its image coordinates, px."""

    image: np.ndarray
    points: np.ndarray


def read_pts(path: Path) -> np.ndarray:
    """The points of a .pts file, float64 [68, 2], in synth's image coordinates, px.

    iBUG counts pixels as Matlab does, (1, 1) is the first one's centre: u = x - 0.5. ValueError names what is wrong.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    inside = text.partition("{")[2].partition("}")[0].split()
    try:
        points = np.array(inside, np.float64).reshape(-1, 2)
    except ValueError:
        raise ValueError(f"{path} is no .pts file: between {{ and }} it must hold pairs of numbers") from None
    if len(points) != POINTS or not np.isfinite(points).all():
        raise ValueError(f"{path} holds {len(points)} points, must hold the {POINTS} of iBUG")
    return points - 0.5


def read_photos(folder: Path, size: int) -> list[Photo]:
    """Every image of the folder, and of those in it, that has a .pts file, cut around its points to [size, size].

    ValueError if there is none, or a .pts file is damaged.
    """
    pairs = [(image, pts) for pts in sorted(folder.rglob("*.pts")) if (image := _image_of(pts))]
    if not pairs:
        raise ValueError(f"{folder} holds no image with a .pts file of the same name ({', '.join(KINDS)})")
    return [cut(np.asarray(Image.open(image).convert("RGB")), read_pts(pts), size) for image, pts in pairs]


def cut(image: np.ndarray, points: np.ndarray, size: int) -> Photo:
    """The square around the points, resampled to [size, size] without aliasing; black outside of the image."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = MARGIN * max(float((high - low).max()), 1.0)
    corner = (low + high) / 2 - side / 2
    first = np.floor(corner).astype(int)
    whole = Image.fromarray(image).crop((*first, *(np.ceil(corner + side).astype(int) + 1)))
    left, top = (float(v) for v in corner - first)
    box = (left, top, left + side, top + side)
    small = whole.resize((size, size), Image.Resampling.BILINEAR, box=box, reducing_gap=None)
    return Photo(np.asarray(small), (points - corner) * size / side)


def _image_of(pts: Path) -> Path | None:
    return next((path for kind in (*KINDS, *map(str.upper, KINDS)) if (path := pts.with_suffix(kind)).is_file()), None)
