"""Read a record and plot its maps side by side: python examples/read_and_plot.py DATASET OUT.png [POSITION]"""

import sys

import numpy as np
from PIL import Image, ImageDraw

import synth


def plot(record: dict[str, np.ndarray], out: str) -> None:
    """The image with its landmarks, depth, normals and classes, in one picture."""
    near = np.isfinite(record["depth"])
    depth = np.where(near, record["depth"], np.nan)
    low, high = (np.nanmin(depth), np.nanmax(depth)) if near.any() else (0.0, 1.0)
    tiles = [
        with_landmarks(record),
        grey(np.where(near, 255 - 200 * (depth - low) / max(high - low, 1e-6), 0)),
        (127.5 * (record["normal"].astype(np.float32) * [1, -1, -1] + 1)).astype(np.uint8),  # x right, y up, z to us
        grey(record["segmentation"].astype(int) * 53 % 256),
    ]
    Image.fromarray(np.concatenate(tiles, axis=1)).save(out)


def with_landmarks(record: dict[str, np.ndarray]) -> np.ndarray:
    """The image with a dot per landmark: green where it is visible, red where something hides it."""
    picture = Image.fromarray(record["image"])
    draw = ImageDraw.Draw(picture)
    for (u, v), visible in zip(record["landmarks/points_2d"], record["landmarks/visible"], strict=True):
        col, row = int(np.floor(u)), int(np.floor(v))  # the pixel that the point lies in: its centre is at + 0.5
        draw.ellipse([col - 1, row - 1, col + 1, row + 1], fill="lime" if visible else "red")
    return np.asarray(picture)


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values.astype(np.uint8)[..., None], 3, axis=-1)


def main(dataset_dir: str, out: str, position: str = "0") -> None:
    record = synth.open_dataset(dataset_dir)[int(position)]
    for name, array in record.items():
        print(f"{name:<28}{array.dtype!s:<10}{list(array.shape)}")
    plot(record, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
