"""The tongue: MakeHuman's, with a furrow along its middle, and paler than the mucosa around it."""

import numpy as np

from synth.models.makehuman.crop import Cut
from synth.models.makehuman.data import Source
from synth.models.skin.components import MUCOSA, Albedo

FURROW, FURROW_WIDTH = 0.0013, 0.002  # m: its depth, and half of its width
SLICE = 0.002  # m of the tongue's length over which its back is told from its underside
COLOR = np.array([0.405, 0.183, 0.172])  # linear RGB of L* 55, a* 20, b* 10: by eye


def tongue_vertices(source: Source, cut: Cut) -> np.ndarray:
    """int [n] in the cut's own numbers."""
    return np.searchsorted(cut.vertices, np.unique(source.faces["helper-tongue"]))


def furrow(mean: np.ndarray, tongue: np.ndarray) -> None:
    """Lowers the middle of the back of a tongue [n] in the vertices [V, 3] (m), in place."""
    x, y, z = mean[tongue].T
    middle = np.array([z[np.abs(y - each) < SLICE].mean() for each in y])
    mean[tongue, 2] -= FURROW * np.exp(-((x / FURROW_WIDTH) ** 2)) * (z > middle)


def color(albedo: Albedo, tongue: np.ndarray) -> None:
    """Gives a tongue [n] its colour, mean and basis in place: as a factor on that of all mucosa."""
    albedo.mean[tongue] *= COLOR / MUCOSA
    albedo.basis[:, tongue] *= COLOR / MUCOSA
