"""Basel Face Model 2009: 01_MorphableModel.mat, and beside it, if there, an expression basis made from FaceWarehouse.

Traps: lengths are micrometres, shapeEV and texEV are standard deviations (not variances), tl counts from 1 and is
wound backwards (assembly.py turns faces outward whichever way they come), texture values are 0 to 255.

The expression basis is Guo et al.'s (2018): Exp_Pca.bin is an int32 count n, a float32 mean [3 V'] and n float32
vectors [3 V'] of length 1, std_exp.txt has their n standard deviations, both in micrometres. V' is 53,215 of the
53,490 vertices, those that trimIndex of BFM_exp_idx.mat (from 1) names; without that file the two counts must be the
same.
"""

from pathlib import Path

import numpy as np

from synth.models.importers.assembly import Source, linear_albedo, points_of, stacked
from synth.models.importers.containers import read_bytes
from synth.models.importers.mat import read_mat

SHAPE, TEXTURE = ("shapeMU", "shapePC", "shapeEV", "tl"), ("texMU", "texPC", "texEV")
EXPRESSIONS, DEVIATIONS, INDEX = "Exp_Pca.bin", "std_exp.txt", "BFM_exp_idx.mat"


def read(path: Path) -> Source:
    """The model in a .mat file, or in a folder that has 01_MorphableModel.mat."""
    path = path / "01_MorphableModel.mat" if path.is_dir() else path
    held = read_mat(path, SHAPE, TEXTURE)
    mean = points_of(held["shapeMU"], "shapeMU")
    files, expression = [path], None
    if (path.parent / EXPRESSIONS).is_file():
        expression, read_files = _expression(path.parent, len(mean))
        files += read_files
    albedo = _albedo(held, len(mean)) if set(TEXTURE) <= set(held) else (None, None)
    count = 0 if expression is None else len(expression)
    return Source(
        files=files,
        name="bfm2009",
        licence="Basel Face Model 2009 licence (University of Basel): academic, not to be passed on",
        source=f"Basel Face Model 2009, {path.name}" + (f", with {EXPRESSIONS}" if count else ""),
        sigma="shapeEV, texEV and std_exp.txt are standard deviations; bases are multiplied by them",
        mean=mean,
        identity=_scaled(held, "shape", mean.size),
        faces=_faces(held["tl"]),
        expression=expression,
        expression_names=tuple(f"expression-{k:03d}" for k in range(count)),
        expression_unit="standard deviation" if count else "weight",
        albedo_mean=albedo[0],
        albedo_basis=albedo[1],
        unit="micrometre",
        lacks=("teeth", "inner_mouth", "back_of_head", *(() if count else ("expression",))),
    )


def _scaled(held: dict[str, np.ndarray], kind: str, size: int) -> np.ndarray:
    """float32 [K, V, 3]: the basis times its standard deviations."""
    basis, deviation = held[f"{kind}PC"], held[f"{kind}EV"].ravel()
    if basis.ndim != 2 or basis.shape != (size, len(deviation)):
        raise ValueError(f"expected {kind}PC [{size}, {len(deviation)}], found {list(basis.shape)}")
    return stacked(basis, deviation)


def _faces(tl: np.ndarray) -> np.ndarray:
    if tl.ndim != 2 or 3 not in tl.shape:
        raise ValueError(f"expected triangles tl [F, 3], found {list(tl.shape)}")
    triangles = (tl if tl.shape[1] == 3 else tl.T).astype(np.float64)
    if not np.isfinite(triangles).all() or np.abs(triangles).max(initial=0) > 2**31 or triangles.min(initial=1) < 1:
        raise ValueError("expected triangles tl that count vertices from 1")
    return triangles.astype(np.int64) - 1


def _albedo(held: dict[str, np.ndarray], count: int) -> tuple[np.ndarray, np.ndarray]:
    if held["texMU"].size != 3 * count:
        raise ValueError(f"expected texMU of {3 * count} values, found {held['texMU'].size}")
    return linear_albedo(points_of(held["texMU"], "texMU") / 255, _scaled(held, "tex", 3 * count) / 255)


def _expression(folder: Path, count: int) -> tuple[np.ndarray, list[Path]]:
    """float32 [n, V, 3] (micrometres per standard deviation), and the files read."""
    raw = read_bytes(folder / EXPRESSIONS)
    n = int(np.frombuffer(raw, "<i4", 1)[0]) if len(raw) >= 4 else 0
    deviation = _deviations(folder / DEVIATIONS)
    if n < 1 or n != len(deviation) or (len(raw) - 4) % (12 * (n + 1)):
        raise ValueError(
            f"{EXPRESSIONS} has {len(raw)} bytes for {n} vectors and {DEVIATIONS} {len(deviation)} numbers"
        )
    values = np.frombuffer(raw, "<f4", offset=4).reshape(n + 1, -1, 3)
    basis = values[1:] * deviation[:, None, None].astype(np.float32)
    if (folder / INDEX).is_file():
        rows = read_mat(folder / INDEX, ("trimIndex",))["trimIndex"].ravel().astype(np.int64) - 1
        if len(rows) != basis.shape[1] or rows.min() < 0 or rows.max() >= count:
            raise ValueError(f"{INDEX}: expected {basis.shape[1]} vertices 1 to {count}, found {len(rows)}")
        whole = np.zeros((n, count, 3), np.float32)
        whole[:, rows] = basis
        return whole, [folder / name for name in (EXPRESSIONS, DEVIATIONS, INDEX)]
    if basis.shape[1] != count:
        raise ValueError(
            f"{EXPRESSIONS} has {basis.shape[1]} vertices of {count}; put {INDEX}, which says which, beside it"
        )
    return basis, [folder / name for name in (EXPRESSIONS, DEVIATIONS)]


def _deviations(path: Path) -> np.ndarray:
    try:
        return np.array(read_bytes(path).split(), dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"expected {path.name} beside {EXPRESSIONS}, a list of numbers: {error}") from error
