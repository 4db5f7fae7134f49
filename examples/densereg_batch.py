"""A batch for DenseReg (Güler et al. 2017): python examples/densereg_batch.py DATASET

Each of u and v is a class, its bin of K (1 to K, 0 where the model is not seen), and a residual within the bin:
u = (bin - 1 + residual) / K.
"""

import sys

import numpy as np

import synth

K = 10  # bins per axis, as in the paper


def quantised(uv: np.ndarray, bins: int = K) -> tuple[np.ndarray, np.ndarray]:
    """uv [..., 2] in [0, 1], -1 where there is none: bin uint8 and residual float32 in [0, 1], [..., 2] each."""
    there = uv >= 0
    scaled = np.where(there, uv, 0) * np.float32(bins)
    number = np.minimum(np.floor(scaled), bins - 1)
    residual = np.where(there, scaled - number, 0)
    return np.where(there, number + 1, 0).astype(np.uint8), residual.astype(np.float32)


def restored(number: np.ndarray, residual: np.ndarray, bins: int = K) -> np.ndarray:
    """The inverse of `quantised`."""
    return np.where(number > 0, (number - 1.0 + residual) / bins, -1).astype(np.float32)


def densereg_batch(dataset, positions: list[int]) -> dict[str, np.ndarray]:
    """image float32 [N, 3, H, W] in [0, 1]; bin uint8 and residual float32 [N, 2, H, W]."""
    arrays = dataset.select(["image", "uv"])[positions].arrays()
    number, residual = quantised(arrays["uv"])
    first = {"image": (arrays["image"] / 255).astype(np.float32), "bin": number, "residual": residual}
    return {name: np.moveaxis(array, -1, 1) for name, array in first.items()}


def main(dataset_dir: str) -> dict[str, np.ndarray]:
    dataset = synth.open_dataset(dataset_dir)
    batch = densereg_batch(dataset, list(range(min(4, len(dataset)))))
    for name, array in batch.items():
        print(f"{name:<10}{array.dtype!s:<10}{array.shape}")
    return batch


if __name__ == "__main__":
    main(*sys.argv[1:])
