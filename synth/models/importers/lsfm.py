"""Large Scale Facial Model (Imperial College): .mat with mean [3 V], components [3 V, K] of unit vectors, eigenvalues
[K], which are variances, trilist [F, 3] and n_training_samples, as menpo's lsfm package documents and reads it.

trilist counts from 0 or, in files that MATLAB wrote, from 1: then its greatest number is V.
"""

from pathlib import Path

import numpy as np

from synth.models.importers.assembly import Source, points_of, stacked
from synth.models.importers.mat import read_mat


def read(path: Path) -> Source:
    """The model in a .mat file."""
    held = read_mat(path, ("mean", "components", "eigenvalues", "trilist"))
    mean, variance = points_of(held["mean"], "mean"), held["eigenvalues"].ravel().astype(np.float64)
    basis = held["components"]
    basis = basis if basis.shape == (mean.size, len(variance)) else basis.T
    if basis.shape != (mean.size, len(variance)):
        raise ValueError(f"expected components [{mean.size}, {len(variance)}], found {list(held['components'].shape)}")
    if not (np.isfinite(variance).all() and (variance >= 0).all()):
        raise ValueError("expected eigenvalues, which are variances, of 0 or more")
    return Source(
        files=[path],
        name="lsfm",
        licence="LSFM licence (Imperial College London): non-commercial research, not to be passed on",
        source=f"Large Scale Facial Model, {path.name}",
        sigma="eigenvalues are variances; components are multiplied by their square roots",
        mean=mean,
        identity=stacked(basis, np.sqrt(variance)),
        faces=_faces(held["trilist"], len(mean)),
        lacks=("expression", "teeth", "inner_mouth", "back_of_head"),
    )


def _faces(trilist: np.ndarray, count: int) -> np.ndarray:
    values = trilist.astype(np.float64)
    if trilist.ndim != 2 or 3 not in trilist.shape or not np.isfinite(values).all() or not values.size:
        raise ValueError(f"expected triangles trilist [F, 3], found {trilist.dtype} {list(trilist.shape)}")
    if values.min() < 0 or values.max() > count:
        raise ValueError(f"expected trilist to count {count} vertices, found {values.min():g} to {values.max():g}")
    triangles = (values if trilist.shape[1] == 3 else values.T).astype(np.int64)
    return triangles - (1 if triangles.max() == count else 0)
