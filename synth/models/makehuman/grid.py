"""What results are rounded to, so that machines whose linear algebra rounds differently agree on every byte."""

import numpy as np

GRID = 2.0**-23  # m
ALBEDO_GRID = 2.0**-16
TRAIT_GRID = 2.0**-16


def rounded(values: np.ndarray, grid: float = GRID) -> np.ndarray:
    """float32, on a grid that hides the last bits of linear algebra."""
    return (np.round(values / grid) * grid).astype(np.float32)
