"""Basel Face Model 2017 and 2019, and other statistical models that scalismo or statismo wrote: .h5.

Groups shape, color and expression, each with model/mean, model/pcaBasis [3 V, K] of unit vectors and model/pcaVariance
[K], which are variances; shape/representer/cells has the triangles [3, F], from 0. Lengths are millimetres. The
expression mean is a displacement, added to the shape's mean.

scalismo's own default is one model at the root: model/mean and so on, representer/cells. Such a file is not Basel's,
and says no unit: the one that makes a head is taken.
"""

from pathlib import Path

import numpy as np

from synth.models.importers.assembly import Source, linear_albedo, points_of, stacked
from synth.models.importers.hdf5 import read_datasets

PARTS = ("mean", "pcaBasis", "pcaVariance")
CELLS = "representer/cells"


def read(path: Path) -> Source:
    """The model in an .h5 file."""
    shape = _place_of_shape(path)
    places = {"shape": shape, "color": "color/", "expression": "expression/"} if shape else {"shape": ""}
    wanted = {kind: tuple(f"{place}model/{part}" for part in PARTS) for kind, place in places.items()}
    others = tuple(name for kind, names in wanted.items() if kind != "shape" for name in names)
    held = read_datasets(path, (*wanted["shape"], shape + CELLS), others)
    models = {kind: _model(held, names) for kind, names in wanted.items() if set(names) <= set(held)}
    mean, identity = models["shape"]
    for kind, (other, _) in models.items():
        if other.shape != mean.shape:
            raise ValueError(f"expected {len(mean)} vertices in {kind}/model, as in shape/model, found {len(other)}")
    expression = models.get("expression")
    albedo = linear_albedo(*models["color"]) if "color" in models else (None, None)
    basel = "Basel Face Model licence (University of Basel): academic, not to be passed on"
    return Source(
        files=[path],
        name=path.stem,
        licence=basel if shape else "as the model's own",
        source=f"statistical model of scalismo's layout, {path.name}",
        sigma="pcaVariance are variances; unit vectors of pcaBasis are multiplied by their square roots",
        mean=mean if expression is None else mean + expression[0],
        identity=identity,
        faces=_faces(held[shape + CELLS]),
        expression=None if expression is None else expression[1],
        expression_names=() if expression is None else tuple(f"expression-{k:03d}" for k in range(len(expression[1]))),
        expression_unit="weight" if expression is None else "standard deviation",
        albedo_mean=albedo[0],
        albedo_basis=albedo[1],
        unit="millimetre" if shape else None,
        lacks=("teeth", "inner_mouth", "back_of_head", *(("expression",) if expression is None else ())),
    )


def _place_of_shape(path: Path) -> str:
    """What stands before the names of the shape's model: "shape/", or nothing where the file is one model."""
    held = read_datasets(path, (), ("shape/model/mean", "model/mean"))
    return "" if set(held) == {"model/mean"} else "shape/"


def _model(held: dict[str, np.ndarray], names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mean [V, 3] and basis [K, V, 3] per standard deviation."""
    mean, basis, variance = (held[name] for name in names)
    variance = variance.ravel().astype(np.float64)
    if basis.shape != (mean.size, len(variance)):
        raise ValueError(f"expected {names[1]} [{mean.size}, {len(variance)}], found {list(basis.shape)}")
    if not (np.isfinite(variance).all() and (variance >= 0).all()):
        raise ValueError(f"expected variances of 0 or more in {names[2]}")
    return points_of(mean, names[0]), stacked(basis, np.sqrt(variance))


def _faces(cells: np.ndarray) -> np.ndarray:
    if cells.ndim != 2 or 3 not in cells.shape or cells.dtype.kind not in "iu":
        raise ValueError(f"expected triangles {CELLS} [3, F], found {cells.dtype} {list(cells.shape)}")
    return (cells.T if cells.shape[0] == 3 else cells).astype(np.int64)
