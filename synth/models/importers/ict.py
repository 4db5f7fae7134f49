"""ICT-FaceKit, "ICT Face Model Light" (USC ICT, MIT): a folder of .obj files, each a whole mesh, and
vertex_indices.json.

Identity shapes are drawn with standard normal weights in the kit's own sample_random.py, so one identity mesh less
the neutral is one standard deviation. Expressions are blend shapes with ARKit's names and weights in [0, 1]. What the
kit calls eyeballs, lacrimal fluid, eye blend, eye occlusion and eyelashes is not skin: it comes along as layers, and
the eyeballs also as spheres.
"""

import json
import re
from pathlib import Path

import numpy as np

from synth.models.importers.assembly import Source
from synth.models.importers.containers import read_bytes
from synth.models.importers.eyes import eyeballs_from
from synth.models.importers.wavefront import Mesh, read_mesh, read_vertices
from synth.models.morphable import Eyeballs

NEUTRAL, INDICES = "generic_neutral_mesh.obj", "vertex_indices.json"
LAYERS = {  # name: materials of the kit
    "eyes": ("M_ScleraLeft", "M_IrisLeft", "M_ScleraRight", "M_IrisRight"),
    "tear_film": ("M_LacrimalFluid",),
    "eye_blend": ("M_EyeBlend",),
    "eye_occlusion": ("M_EyeOcclusion",),
    "lashes": ("M_EyeLashes",),
}
MOUTH_MATERIALS = ("M_GumsTongue", "M_Teeth")
MOUTH_SOCKET = range(11248, 13294)  # vertices, by the table in the kit's README
MOUTH = 9  # segmentation class


def read(path: Path) -> Source:
    """The whole kit or a part of it: as many identities and expressions as the folder has."""
    folder = _folder(path)
    indices = _indices(folder / INDICES)
    neutral = read_mesh(folder / NEUTRAL)
    mean = neutral.vertices
    identities = sorted(p for p in folder.glob("identity*.obj") if re.fullmatch(r"identity\d+", p.stem))
    expressions = [p for name in indices["expressions"] if (p := folder / f"{name}.obj").is_file()]
    if not identities:
        raise ValueError(f"expected identity000.obj and so on in {folder}, found none")
    identity, expression = (_displacements(paths, neutral) for paths in (identities, expressions))
    landmarks = np.tile(np.array(indices["idx_to_landmark_verts"])[:, None], 3)
    return Source(
        files=[folder / INDICES, folder / NEUTRAL, *identities, *expressions],
        name="ict",
        licence="MIT",
        source=f"ICT-FaceKit, ICT Face Model Light, {len(identities)} identities, {len(expressions)} expressions",
        sigma="weights are standard normal: an identity mesh less the neutral one is one standard deviation",
        mean=mean,
        identity=identity,
        faces=neutral.faces,
        expression=expression,
        expression_names=tuple(p.stem for p in expressions),
        identity_names=tuple(p.stem for p in identities),
        uv=neutral.uv,
        part=_parts(neutral),
        landmarks=(landmarks, np.tile([1.0, 0, 0], (68, 1))),
        eyeballs=_eyeballs(neutral, identity),
        layers={name: mask for name, names in LAYERS.items() if (mask := _of_material(neutral, names)).any()},
        unit="centimetre",
    )


def _folder(path: Path) -> Path:
    """The folder of the meshes, from itself, the kit's folder above, or a file in it."""
    for folder in (path, path / "FaceXModel", path.parent):
        if (folder / NEUTRAL).is_file() and (folder / INDICES).is_file():
            return folder
    raise ValueError(f"expected the folder FaceXModel with {NEUTRAL} and {INDICES}, found neither in {path}")


def _indices(path: Path) -> dict[str, list]:
    """Landmarks [68] and names of expressions, checked."""
    try:
        loaded = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is no JSON: {error}") from error
    loaded = loaded if isinstance(loaded, dict) else {}
    landmarks, names = loaded.get("idx_to_landmark_verts"), loaded.get("expressions")
    if not (isinstance(landmarks, list) and len(landmarks) == 68 and all(type(n) is int for n in landmarks)):
        raise ValueError(f"{path.name}: expected 68 vertices under idx_to_landmark_verts")
    if not (isinstance(names, list) and all(isinstance(n, str) and re.fullmatch(r"\w+", n) for n in names)):
        raise ValueError(f"{path.name}: expected names of expressions under expressions")
    return {"idx_to_landmark_verts": landmarks, "expressions": names}


def _displacements(paths: list[Path], neutral: Mesh) -> np.ndarray:
    """float32 [K, V, 3]: each file's mesh less the neutral one."""
    mean = neutral.vertices
    out = np.empty((len(paths), *mean.shape), np.float32)
    for k, path in enumerate(paths):
        vertices = read_vertices(path, len(neutral.faces))
        if vertices.shape != mean.shape:
            raise ValueError(f"{path.name}: expected {len(mean)} vertices as in {NEUTRAL}, found {len(vertices)}")
        out[k] = vertices - mean
    return out


def _of_material(mesh: Mesh, names: tuple[str, ...]) -> np.ndarray:
    """bool [F]"""
    return np.isin(mesh.material, [k for k, name in enumerate(mesh.materials) if name in names])


def _parts(mesh: Mesh) -> np.ndarray:
    """uint8 [F]: the inside of the mouth; the rest is not known."""
    inside = _of_material(mesh, MOUTH_MATERIALS) | np.isin(mesh.faces, MOUTH_SOCKET).all(axis=1)
    return np.where(inside, MOUTH, 0).astype(np.uint8)


def _eyeballs(mesh: Mesh, identity: np.ndarray) -> Eyeballs | None:
    """Spheres through the whites of the eyes; None where the part of the kit has none."""
    sides = [np.unique(mesh.faces[_of_material(mesh, (name,))]) for name in ("M_ScleraRight", "M_ScleraLeft")]
    if min(len(side) for side in sides) < 4:
        return None
    return eyeballs_from(mesh.vertices, identity, sides[0], sides[1], forward=np.array([0.0, 0, 1]))
