"""Wavefront .obj files as models ship them: vertices, texture coordinates, polygons of three or four corners,
materials.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synth.models.importers.containers import read_bytes


@dataclass(kw_only=True, slots=True)
class Mesh:
    """One .obj file. Numbers from 0; a triangle repeats its last corner."""

    vertices: np.ndarray  # float64 [V, 3]
    faces: np.ndarray  # int32 [F, 4]
    uv: np.ndarray | None  # float64 [F, 4, 2], where every corner has them
    material: np.ndarray  # int [F], into materials
    materials: list[str]


def read_vertices(path: Path, polygons: int) -> np.ndarray:
    """float64 [V, 3]: the lines that begin with v; raises ValueError where the file has not this many polygons."""
    raw = read_bytes(path)
    if (found := raw.count(b"\nf ")) != polygons:
        raise ValueError(f"{path.name}: expected {polygons} polygons, found {found}")
    return _numbers(path, raw.splitlines(), b"v ", 3)


def read_mesh(path: Path) -> Mesh:
    """A whole mesh; raises ValueError naming the line that is none."""
    lines = read_bytes(path).splitlines()
    vertices, coordinates = _numbers(path, lines, b"v ", 3), _numbers(path, lines, b"vt ", 2)
    corners, textures, material, materials = _polygons(path, lines)
    for name, values, least, count in (
        ("vertices", corners, 0, len(vertices)),
        ("texture coordinates", textures, -1, len(coordinates)),
    ):
        if len(values) and (values.min() < least or values.max() >= count):
            found = values.min() if values.min() < least else values.max()
            raise ValueError(f"{path.name}: expected {name} 1 to {count} in its polygons, found {found + 1}")
    uv = coordinates[textures] if len(coordinates) and len(textures) and textures.min() >= 0 else None
    return Mesh(vertices=vertices, faces=corners, uv=uv, material=material, materials=materials)


def _numbers(path: Path, lines: list[bytes], key: bytes, count: int) -> np.ndarray:
    """float64 [n, count] of the lines that begin with a key."""
    text = b" ".join(line[len(key) :] for line in lines if line.startswith(key))
    rows = sum(line.startswith(key) for line in lines)
    try:
        values = np.array(text.split(), dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"{path.name}: expected numbers after {key.decode()!r}: {error}") from error
    if rows and len(values) % rows == 0 and len(values) // rows >= count:
        return values.reshape(rows, -1)[:, :count]
    if rows:
        raise ValueError(
            f"{path.name}: expected {count} numbers after {key.decode()!r}, found {len(values)} in {rows} lines"
        )
    return np.zeros((0, count))


def _polygons(path: Path, lines: list[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Vertices int32 [F, 4], texture coordinates int32 [F, 4] (-1 is none), material [F], and the materials' names."""
    corners, textures, material, materials = [], [], [], [""]
    for number, line in enumerate(lines, 1):
        if line.startswith(b"usemtl "):
            materials.append(line[7:].strip().decode("utf-8", "replace"))
        elif line.startswith(b"f "):
            try:
                polygon = [word.split(b"/") for word in line[2:].split()]
                corner = [int(c[0]) - 1 for c in polygon]
                texture = [int(c[1]) - 1 if len(c) > 1 and c[1] else -1 for c in polygon]
            except ValueError as error:
                raise ValueError(f"{path.name}: line {number} is no polygon: {line[:60]!r}") from error
            if len(polygon) not in (3, 4):
                raise ValueError(f"{path.name}: line {number} has {len(polygon)} corners, expected 3 or 4")
            corners.append(corner if len(corner) == 4 else [*corner, corner[2]])
            textures.append(texture if len(texture) == 4 else [*texture, texture[2]])
            material.append(len(materials) - 1)
    try:
        faces = [np.array(values, dtype=np.int32).reshape(-1, 4) for values in (corners, textures)]
    except OverflowError as error:
        raise ValueError(f"{path.name}: a polygon names a vertex beyond any mesh") from error
    return faces[0], faces[1], np.array(material, dtype=np.int64), materials
