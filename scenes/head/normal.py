"""Normal numbers within a bound."""

from statistics import NormalDist

import numpy as np


def truncated_normal(rng: np.random.Generator, sigma: float, bound: float, count: int) -> np.ndarray:
    """Float64 [count] normal numbers of deviation `sigma` within [-bound, bound], by their inverse distribution."""
    if bound <= 0 or sigma <= 0:
        return np.zeros(count)
    normal = NormalDist(0.0, sigma)
    low, high = normal.cdf(-bound), normal.cdf(bound)
    u = np.clip(rng.uniform(low, high, count), 1e-300, 1 - 1e-16)
    return np.clip([normal.inv_cdf(p) for p in u], -bound, bound)
