"""FaceVerse 1 to 3 (Tsinghua University): a pickled dictionary in an .npy file, as the project's own
FaceVerseModel.py reads.

meanshape [V, 3], idBase [3 V, K], exBase [3 V, Ke], meantex and texBase (0 to 255, red first), tri [F, 3] from 0.
Version 3 adds ver_inds (where the face and either eye end); its y is up and z to the viewer, those of 1
and 2 are both the other way. The files say neither unit nor standard deviations: the unit is the one that makes a
head, and a coefficient of 1 is taken as one deviation.
"""

from pathlib import Path
from typing import Any

import numpy as np

from synth.models.importers.assembly import Y_UP, Source, linear_albedo, points_of, stacked
from synth.models.importers.containers import npy_payload, read_bytes
from synth.models.importers.eyes import eyeballs_from
from synth.models.importers.pickles import load_pickle

NEEDED = ("meanshape", "idBase", "exBase", "tri")
TURNED = Y_UP @ np.diag([1.0, -1, -1])


def read(path: Path) -> Source:
    """The model in an .npy file."""
    raw = read_bytes(path)
    payload = npy_payload(raw)
    if payload is None:
        raise ValueError("expected a dictionary of arrays, found one array")
    held = load_pickle(payload)
    if missing := [name for name in NEEDED if not isinstance(held.get(name), np.ndarray)]:
        raise ValueError(f"expected the arrays {', '.join(NEEDED)}; {', '.join(missing)} missing of {sorted(held)}")
    mean = points_of(held["meanshape"], "meanshape")
    faces, ends = _faces(held["tri"]), _ends(held, len(mean))
    identity, expression = _basis(held, "idBase", len(mean)), _basis(held, "exBase", len(mean))
    faces = faces if ends is None else faces[(faces < ends[2]).all(axis=1)]
    layers, eyeballs = ({}, None) if ends is None else _eyes(mean, identity, faces, ends)
    albedo = _albedo(held, len(mean))
    return Source(
        files=[path],
        name="faceverse",
        licence="FaceVerse licence (Tsinghua University): non-commercial research, not to be passed on",
        source=f"FaceVerse, {path.name}",
        sigma="the file says none: a coefficient of 1 is taken as one standard deviation",
        mean=mean,
        identity=identity,
        faces=faces,
        expression=expression,
        expression_names=tuple(f"expression-{k:03d}" for k in range(len(expression))),
        albedo_mean=albedo[0],
        albedo_basis=albedo[1],
        layers=layers,
        eyeballs=eyeballs,
        axes=TURNED if ends is None else Y_UP,
        lacks=("teeth", "inner_mouth"),
    )


def _faces(tri: np.ndarray) -> np.ndarray:
    if tri.ndim != 2 or tri.shape[1] != 3 or tri.dtype.kind not in "iuf" or not np.isfinite(tri.astype(float)).all():
        raise ValueError(f"expected triangles tri [F, 3], found {tri.dtype} {list(tri.shape)}")
    return tri.astype(np.int64)


def _basis(held: dict[str, Any], name: str, count: int) -> np.ndarray:
    values = held[name]
    if values.dtype.kind not in "iuf" or values.size == 0 or values.size % (3 * count):
        raise ValueError(f"expected {name} [{3 * count}, K], found {values.dtype} {list(values.shape)}")
    return stacked(values.reshape(3 * count, -1))


def _ends(held: dict[str, Any], count: int) -> np.ndarray | None:
    """Where the face, the left and the right eye end; None before version 3."""
    if "ver_inds" not in held:
        return None
    ends = np.asarray(held["ver_inds"]).ravel()
    if len(ends) < 3 or ends.dtype.kind not in "iu" or not 0 < ends[0] < ends[1] < ends[2] <= count:
        raise ValueError(f"expected three ascending numbers up to {count} in ver_inds, found {ends[:6].tolist()}")
    return ends[:3].astype(np.int64)


def _eyes(mean: np.ndarray, identity: np.ndarray, faces: np.ndarray, ends: np.ndarray):
    eyes = np.arange(ends[0], ends[1]), np.arange(ends[1], ends[2])
    right, left = sorted(
        eyes, key=lambda eye: mean[eye, 0].mean()
    )  # whose left is meant, the viewer's or the subject's
    mask = (faces >= ends[0]).all(axis=1)
    if min(len(left), len(right)) < 4 or not mask.any():
        return {}, None
    return {"eyes": mask}, eyeballs_from(mean, identity, right, left, np.array([0.0, 0, 1]))


def _albedo(held: dict[str, Any], count: int) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    mean = held.get("meantex")
    if not isinstance(mean, np.ndarray) or mean.size != 3 * count or not isinstance(held.get("texBase"), np.ndarray):
        return None, None
    return linear_albedo(mean.reshape(-1, 3) / 255, _basis(held, "texBase", count) / 255)
