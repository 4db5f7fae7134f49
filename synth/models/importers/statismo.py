"""Basel Face Model 2017 and 2019, and other statistical models that scalismo or statismo wrote: .h5.

Groups shape, color and expression, each with model/mean, model/pcaBasis [3 V, K] of unit vectors and model/pcaVariance
[K], which are variances; shape/representer/cells has the triangles [3, F], from 0. Lengths are millimetres. The
expression mean is a displacement, added to the shape's mean.
"""

from pathlib import Path

import numpy as np

from synth.models.importers.assembly import Source, linear_albedo, points_of, stacked
from synth.models.importers.hdf5 import read_datasets

PARTS = ("mean", "pcaBasis", "pcaVariance")
CELLS = "shape/representer/cells"


def read(path: Path) -> Source:
    """The model in an .h5 file."""
    wanted = {kind: tuple(f"{kind}/model/{part}" for part in PARTS) for kind in ("shape", "color", "expression")}
    held = read_datasets(path, (*wanted["shape"], CELLS), (*wanted["color"], *wanted["expression"]))
    models = {kind: _model(held, kind) for kind, names in wanted.items() if set(names) <= set(held)}
    mean, identity = models["shape"]
    for kind, (other, _) in models.items():
        if other.shape != mean.shape:
            raise ValueError(f"expected {len(mean)} vertices in {kind}/model, as in shape/model, found {len(other)}")
    expression = models.get("expression")
    albedo = linear_albedo(*models["color"]) if "color" in models else (None, None)
    return Source(
        files=[path],
        name=path.stem,
        licence="Basel Face Model licence (University of Basel): academic, not to be passed on",
        source=f"statistical model of scalismo's layout, {path.name}",
        sigma="pcaVariance are variances; unit vectors of pcaBasis are multiplied by their square roots",
        mean=mean if expression is None else mean + expression[0],
        identity=identity,
        faces=_faces(held[CELLS]),
        expression=None if expression is None else expression[1],
        expression_names=() if expression is None else tuple(f"expression-{k:03d}" for k in range(len(expression[1]))),
        expression_unit="weight" if expression is None else "standard deviation",
        albedo_mean=albedo[0],
        albedo_basis=albedo[1],
        unit="millimetre",
        lacks=("teeth", "inner_mouth", "back_of_head", *(("expression",) if expression is None else ())),
    )


def _model(held: dict[str, np.ndarray], kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean [V, 3] and basis [K, V, 3] per standard deviation."""
    mean, basis, variance = (held[f"{kind}/model/{part}"] for part in PARTS)
    variance = variance.ravel().astype(np.float64)
    if basis.shape != (mean.size, len(variance)):
        raise ValueError(f"expected {kind}/model/pcaBasis [{mean.size}, {len(variance)}], found {list(basis.shape)}")
    if not (np.isfinite(variance).all() and (variance >= 0).all()):
        raise ValueError(f"expected variances of 0 or more in {kind}/model/pcaVariance")
    return points_of(mean, f"{kind}/model/mean"), stacked(basis, np.sqrt(variance))


def _faces(cells: np.ndarray) -> np.ndarray:
    if cells.ndim != 2 or 3 not in cells.shape or cells.dtype.kind not in "iu":
        raise ValueError(f"expected triangles {CELLS} [3, F], found {cells.dtype} {list(cells.shape)}")
    return (cells.T if cells.shape[0] == 3 else cells).astype(np.int64)
