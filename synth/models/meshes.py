"""Meshes from OBJ, PLY and NPZ files, for `build`. Needs trimesh, of the extra `models`, for PLY."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synth.install import to_install
from synth.models.importers import UNSOUND, wavefront

SUFFIXES = (".npz", ".obj", ".ply")
UNITS = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "micrometre": 1e-6}
LIKELY = (0.09, 0.9)  # m: the largest extent of a head, from a face's mask to a bust; units do not overlap within it


@dataclass(kw_only=True, slots=True, eq=False)
class Mesh:
    """Triangles or quads as the file has them."""

    vertices: np.ndarray  # float64 [V, 3], the file's unit
    faces: np.ndarray  # int [F, 3 or 4]
    path: Path


def mesh_files(folder: Path) -> list[Path]:
    """The meshes' files in a folder, by name; raises ValueError where there are none."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; give one of meshes ({', '.join(SUFFIXES)})")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ValueError(f"{folder} has no meshes; it must hold files that end in {', '.join(SUFFIXES)}")
    return paths


def read_meshes(folder: Path) -> list[Mesh]:
    """Every mesh of a folder, in the order of file names.

    An NPZ has `vertices` [V, 3], or [N, V, 3] for N meshes in correspondence, and `faces` [F, 3 or 4]. Raises
    ValueError, naming the file, where one is none.
    """
    return [mesh for path in mesh_files(folder) for mesh in read_mesh(path)]


def read_mesh(path: Path) -> list[Mesh]:
    """The mesh of a file; several from an NPZ that holds several. Vertices keep their order and number."""
    read = {".npz": _npz, ".obj": _obj}.get(path.suffix.lower(), _ply)
    try:
        vertices, faces = read(path)
    except (ValueError, *UNSOUND) as error:
        raise ValueError(f"{path} cannot be read as a mesh: {' '.join(str(error).split())[:200]}") from error
    stack = vertices[None] if vertices.ndim == 2 else vertices
    _check(path, stack, faces)
    return [Mesh(vertices=v.astype(np.float64), faces=faces.astype(np.int64), path=path) for v in stack]


def _npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        missing = {"vertices", "faces"} - set(file.files)
        if missing:
            raise ValueError(f"it must have the arrays vertices and faces, {', '.join(sorted(missing))} missing")
        return file["vertices"], file["faces"]


def _obj(path: Path) -> tuple[np.ndarray, np.ndarray]:
    mesh = wavefront.read_mesh(path)
    is_triangle = mesh.faces[:, 2] == mesh.faces[:, 3]
    return mesh.vertices, mesh.faces[:, :3] if is_triangle.all() else mesh.faces


def _ply(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Quads become two triangles each."""
    try:
        import trimesh
    except ImportError as error:
        raise ValueError(f"reading it needs trimesh; {to_install('--extra models')}") from error
    mesh = trimesh.load(path, force="mesh", process=False, maintain_order=True)
    if not isinstance(mesh, trimesh.Trimesh):
        raise ValueError(f"it must have faces, got a {type(mesh).__name__}")
    return np.asarray(mesh.vertices), np.asarray(mesh.faces)


def _check(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    if vertices.ndim != 3 or vertices.shape[2] != 3 or vertices.dtype.kind != "f" or not vertices.size:
        raise ValueError(f"{path}: vertices must be floats [V, 3], got {vertices.dtype} {list(vertices.shape[1:])}")
    if not np.isfinite(vertices).all():
        raise ValueError(f"{path}: vertices must be finite; export it again")
    if faces.ndim != 2 or faces.shape[1] not in (3, 4) or faces.dtype.kind not in "iu" or not len(faces):
        raise ValueError(f"{path}: faces must be vertex numbers [F, 3 or 4], got {faces.dtype} {list(faces.shape)}")
    if faces.min() < 0 or faces.max() >= vertices.shape[1]:
        raise ValueError(f"{path}: faces must be of vertices 0 to {vertices.shape[1] - 1}, got up to {faces.max()}")


def metres_per_unit(vertices: np.ndarray) -> float:
    """What one unit of vertices [V, 3] is in metres: the unit in which they have the size of a head."""
    extent = float(np.ptp(vertices, axis=0).max())
    for metres in UNITS.values():
        if LIKELY[0] <= extent * metres < LIKELY[1]:
            return metres
    raise ValueError(
        f"a head measures {LIKELY[0]} to {LIKELY[1]} m in m, cm, mm or micrometres, got {extent:.4g} units"
    )
