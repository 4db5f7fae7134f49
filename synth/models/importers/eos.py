"""Models of the library eos, such as the Surrey Face Model: .bin, written by cereal's binary archive, class versions
1 to 4.

Little-endian and without padding. A model is uint32 version; shape PCA; colour PCA; from version 2 expressions (uint8
nothing, then int32 0 blendshapes or 1 PCA); from 3 landmarks (uint8 nothing, then a map of names to vertices);
texture coordinates (uint64 count, float64 pairs); from 4 their triangles. A PCA is mean [3 V], basis times standard
deviations, basis of unit vectors, eigenvalues (variances), triangles (uint64 count, int32 threes). A matrix is int32
rows, int32 columns, float32 values column by column. Blendshapes, also found in a file of their own beside the model
(expression_blendshapes_3448.bin), are uint64 count, then each a name (uint64 length) and a vector [3 V].
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synth.models.importers.assembly import Source, linear_albedo, stacked
from synth.models.importers.containers import read_bytes

VERSIONS = range(1, 5)
IBUG = tuple(str(n) for n in range(1, 69))


class _Archive:
    """Bytes that are read in order."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    def numbers(self, dtype: str, count: int) -> np.ndarray:
        size = np.dtype(dtype).itemsize * count
        if count < 0 or size > len(self._raw) - self._at:
            raise ValueError(f"it is cut off, or no such file: {count} numbers at byte {self._at} of {len(self._raw)}")
        self._at += size
        return np.frombuffer(self._raw, dtype, count, self._at - size)

    def number(self, form: str) -> int:
        return struct.unpack("<" + form, self.numbers("u1", struct.calcsize("<" + form)).tobytes())[0]

    def matrix(self) -> np.ndarray:
        rows, columns = self.number("i"), self.number("i")
        if rows < 0 or columns < 0:
            raise ValueError(f"it is no such file: a matrix of {rows} x {columns} at byte {self._at}")
        return self.numbers("<f4", rows * columns).reshape(rows, columns, order="F")

    def table(self, dtype: str, width: int) -> np.ndarray:
        return self.numbers(dtype, width * self.number("Q")).reshape(-1, width)

    def text(self) -> str:
        return self.numbers("u1", self.number("Q")).tobytes().decode("utf-8", "replace")

    def done(self) -> bool:
        return self._at == len(self._raw)


@dataclass(kw_only=True, slots=True)
class _Held:
    """What a model's file holds. Where there is none of it, arrays are empty and `expression` is None."""

    mean: np.ndarray  # [V, 3]
    identity: np.ndarray  # [Ki, V, 3]
    faces: np.ndarray  # int [F, 3]
    color: tuple[np.ndarray, np.ndarray]  # [V, 3], [Ka, V, 3]
    names: tuple[str, ...]
    expression: np.ndarray | None  # [Ke, V, 3]
    statistical: bool  # expressions are of a PCA model, not blendshapes
    landmarks: dict[str, int]
    uv: np.ndarray  # [T, 2]
    uv_faces: np.ndarray  # int [F, 3]


def read(path: Path) -> Source:
    """The model in a .bin file, with expression_blendshapes*.bin beside it if it has no expressions of its own."""
    held, files = _parsed(_Archive(read_bytes(path))), [path]
    beside = sorted(path.parent.glob("expression_blendshapes*.bin"))
    if held.expression is None and len(beside) == 1 and beside[0] != path:
        held.names, held.expression = _blendshapes_file(beside[0], len(held.mean))
        files.append(beside[0])
    albedo = linear_albedo(*held.color) if len(held.color[0]) == len(held.mean) else (None, None)
    return Source(
        files=files,
        name=path.stem,
        licence="as the model's own; Surrey Face Model: non-commercial (University of Surrey)",
        source=f"model of eos, {', '.join(file.name for file in files)}",
        sigma="eigenvalues are variances; the basis stored with them multiplied in is used",
        mean=held.mean,
        identity=held.identity,
        faces=held.faces,
        expression=held.expression,
        expression_names=held.names,
        expression_unit="standard deviation" if held.statistical else "weight",
        uv=_uv(held.faces, held.uv, held.uv_faces, len(held.mean)),
        albedo_mean=albedo[0],
        albedo_basis=albedo[1],
        landmarks=_ibug(held.landmarks),
        unit="millimetre",
        lacks=("teeth", "inner_mouth", "back_of_head", *(("expression",) if held.expression is None else ())),
    )


def _parsed(archive: _Archive) -> _Held:
    version = archive.number("I")
    if version not in VERSIONS:
        raise ValueError(f"expected a model of eos, class version 1 to 4, found {version}")
    mean, identity, faces = _pca(archive)
    color, color_basis, _ = _pca(archive)
    kind = archive.number("i") if version >= 2 and not archive.number("B") else -1
    names, expression, offset = _expressions(archive, kind)
    held = _Held(
        mean=mean + offset if len(offset) == len(mean) else mean,
        identity=identity,
        faces=faces,
        color=(color, color_basis),
        names=names,
        expression=expression,
        statistical=kind == 1,
        landmarks=_landmarks(archive) if version >= 3 and not archive.number("B") else {},
        uv=archive.table("<f8", 2),
        uv_faces=archive.table("<i4", 3) if version >= 4 else np.zeros((0, 3), int),
    )
    if not archive.done():
        raise ValueError("expected the end of the file after the texture coordinates, found more")
    return held


def _pca(archive: _Archive) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean [V, 3], basis [K, V, 3] per standard deviation and triangles int [F, 3]; empty where there is no model."""
    mean, scaled, unit, variance = (archive.matrix() for _ in range(4))
    triangles = archive.table("<i4", 3).astype(np.int64)
    if mean.size % 3 or scaled.shape[0] != mean.size or scaled.shape != unit.shape or scaled.shape[1] != variance.size:
        if mean.size or scaled.size:
            raise ValueError(f"expected a basis [{mean.size}, {variance.size}], found {list(scaled.shape)}")
        return np.zeros((0, 3)), np.zeros((0, 0, 3)), triangles
    return mean.reshape(-1, 3), stacked(scaled), triangles


def _expressions(archive: _Archive, kind: int) -> tuple[tuple[str, ...], np.ndarray | None, np.ndarray]:
    """Names, basis [Ke, V, 3] or None, and the mean displacement [V, 3] of a PCA model of expressions, or [0, 3]."""
    if kind == 0:
        return *_blendshapes(archive), np.zeros((0, 3))
    if kind == 1:
        mean, basis, _ = _pca(archive)
        return tuple(f"expression-{k:03d}" for k in range(len(basis))), basis, mean
    if kind == -1:
        return (), None, np.zeros((0, 3))
    raise ValueError(f"expected expressions that are blendshapes (0) or a PCA model (1), found {kind}")


def _blendshapes(archive: _Archive) -> tuple[tuple[str, ...], np.ndarray]:
    shapes: dict[str, np.ndarray] = {}
    for _ in range(archive.number("Q")):
        name, vector = archive.text(), archive.matrix()
        if vector.size % 3 or not vector.size:
            raise ValueError(f"expected a blendshape of 3 V numbers, found {vector.size}")
        shapes[name] = vector.reshape(-1, 3)
    if not shapes or len({len(shape) for shape in shapes.values()}) != 1:
        raise ValueError("expected blendshapes of as many vertices each, found none or others")
    return tuple(shapes), np.stack(list(shapes.values()))


def _blendshapes_file(path: Path, count: int) -> tuple[tuple[str, ...], np.ndarray]:
    names, expression = _blendshapes(_Archive(read_bytes(path)))
    if expression.shape[1] != count:
        raise ValueError(f"{path.name}: expected blendshapes of {count} vertices, found {expression.shape[1]}")
    return names, expression


def _landmarks(archive: _Archive) -> dict[str, int]:
    return {archive.text(): archive.number("i") for _ in range(min(archive.number("Q"), 100_000))}


def _ibug(landmarks: dict[str, int]) -> tuple[np.ndarray, np.ndarray] | None:
    """Those of the 68 points that the model names 1 to 68, as iBUG does; weights 0 for the others."""
    if not set(IBUG) & set(landmarks):
        return None
    vertices = np.array([landmarks.get(name, 0) for name in IBUG])
    known = np.array([name in landmarks for name in IBUG])
    return np.tile(vertices[:, None], 3), np.where(known[:, None], (1.0, 0, 0), 0)


def _uv(faces: np.ndarray, uv: np.ndarray, uv_faces: np.ndarray, count: int) -> np.ndarray | None:
    """float64 [F, 3, 2], the origin at the bottom left; eos has it at the top left."""
    if not len(uv) or (not len(uv_faces) and len(uv) != count):
        return None
    corners = uv_faces if len(uv_faces) else faces
    if corners.shape != faces.shape or corners.min() < 0 or corners.max() >= len(uv):
        raise ValueError(f"expected triangles of {len(uv)} texture coordinates, found {list(corners.shape)}")
    return np.stack([uv[corners][..., 0], 1 - uv[corners][..., 1]], axis=-1)
