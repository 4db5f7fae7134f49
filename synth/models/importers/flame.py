"""FLAME 2020 and 2023 (MPI for Intelligent Systems): .pkl, as pickled by Python 2 with chumpy arrays or without, or
.npz.

v_template [V, 3], shapedirs [V, 3, 300 + 100] per standard deviation, identity first, posedirs [V, 3, 9 (J - 1)],
J_regressor [J, V], weights [V, J], kintree_table [2, J], f [F, 3] from 0. Metres, y up, z to the viewer. Neck, jaw
and eyes turn by pose: the model keeps them as its rig.

Read as well where they lie beside the model: landmark_embedding.npy (DECA's, 68 points) or flame_static_embedding.pkl
(the 51 without the jaw's), and FLAME_texture.npz (mean and tex_dir, blue first, 0 to 255; vt, ft). 2020's file of
AlbedoMM, with MU and PC, is not.
"""

from pathlib import Path
from typing import Any

import numpy as np

from synth.models.importers.assembly import Source, linear_albedo
from synth.models.importers.containers import npy_payload, npz_names, npz_rows, read_bytes, read_npz
from synth.models.importers.eyes import eyeballs_from
from synth.models.importers.pickles import load_pickle
from synth.models.morphable import Eyeballs
from synth.models.rig import Rig

ARRAYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")
NUM_IDENTITY = 300  # of shapedirs; the rest, if there are any, are expressions
JOINTS = ("root", "neck", "jaw", "left_eye", "right_eye")
LEFT_EYE, RIGHT_EYE = 3, 4
EMBEDDING, STATIC, TEXTURE = "landmark_embedding.npy", "flame_static_embedding.pkl", "FLAME_texture.npz"


def read(path: Path) -> Source:
    """The model in a .pkl or .npz file."""
    held = _checked(_held(path))
    faces = held["f"].astype(np.int64)
    mean, shapes = held["v_template"].astype(np.float64), held["shapedirs"]
    identity, expression = (
        np.ascontiguousarray(np.moveaxis(part, 2, 0)) for part in np.split(shapes, [NUM_IDENTITY], axis=2)
    )
    eyes = [held["weights"][:, joint] > 0.5 for joint in (RIGHT_EYE, LEFT_EYE)] if len(held["weights"].T) == 5 else []
    has_eyes = bool(eyes) and min(mask.sum() for mask in eyes) >= 4
    landmarks, landmark_files = _landmarks(path.parent, faces)
    texture = path.parent / TEXTURE
    uv, albedo = _texture(texture, faces, len(mean)) if texture.is_file() else (None, (None, None))
    return Source(
        files=[path, *landmark_files, *([texture] if texture.is_file() else [])],
        name=path.stem,
        licence="FLAME's, by version: FLAME 2023 Open CC-BY-4.0, others research only; see the file's own",
        source=f"FLAME, {path.name}",
        sigma="shapedirs are per standard deviation",
        mean=mean,
        identity=identity,
        faces=faces,
        expression=expression,
        expression_names=tuple(f"expression-{k:03d}" for k in range(len(expression))),
        expression_unit="standard deviation" if len(expression) else "weight",
        uv=uv,
        albedo_mean=albedo[0],
        albedo_basis=albedo[1],
        landmarks=landmarks,
        eyeballs=_eyeballs(mean, identity, eyes) if has_eyes else None,
        rig=_rig(held, mean, identity, expression),
        layers={"eyes": np.any([mask[faces].all(axis=1) for mask in eyes], axis=0)} if has_eyes else {},
        unit="metre",
        lacks=("teeth", "inner_mouth", *(() if len(expression) else ("expression",))),
    )


def _held(path: Path) -> dict[str, Any]:
    """What the file holds under its names."""
    if path.suffix == ".npz":
        return dict(read_npz(path, ARRAYS))
    return load_pickle(read_bytes(path))


def _checked(held: dict[str, Any]) -> dict[str, np.ndarray]:
    """The arrays, checked against one another's shapes."""
    if missing := [name for name in ARRAYS if not isinstance(held.get(name), np.ndarray)]:
        raise ValueError(f"expected the arrays {', '.join(ARRAYS)}; {', '.join(missing)} missing of {sorted(held)}")
    count, joints = len(held["v_template"]), held["kintree_table"].shape[-1]
    shapes = {
        **{"v_template": (count, 3), "shapedirs": (count, 3, held["shapedirs"].shape[-1]), "weights": (count, joints)},
        **{"posedirs": (count, 3, 9 * (joints - 1)), "J_regressor": (joints, count), "kintree_table": (2, joints)},
    }
    for name, shape in shapes.items():
        if held[name].shape != shape or held[name].dtype.kind not in "iuf":
            raise ValueError(f"expected {name} {list(shape)}, found {held[name].dtype} {list(held[name].shape)}")
    if held["f"].dtype.kind not in "iuf" or held["f"].ndim != 2 or not np.isfinite(held["f"]).all():
        raise ValueError(f"expected triangles f [F, 3], found {held['f'].dtype} {list(held['f'].shape)}")
    if (found := held["shapedirs"].shape[2]) < NUM_IDENTITY:
        raise ValueError(
            f"expected shapedirs of {NUM_IDENTITY} identities and then expressions, found {found} shapes: a file that "
            "was cut down does not say which of them are expressions; give the whole one"
        )
    return {name: held[name] for name in ARRAYS}


def _eyeballs(mean: np.ndarray, identity: np.ndarray, eyes: list[np.ndarray]) -> Eyeballs:
    right, left = (np.flatnonzero(mask) for mask in eyes)
    return eyeballs_from(mean, identity, right, left, forward=np.array([0.0, 0, 1]))


def _rig(held: dict[str, np.ndarray], mean: np.ndarray, identity: np.ndarray, expression: np.ndarray) -> Rig:
    regress = held["J_regressor"].astype(np.float64)
    parents = held["kintree_table"][0].astype(np.int64)
    count = len(parents)
    turns = np.zeros((9 * count, *mean.shape), np.float32)  # the root's turn corrects nothing
    turns[9:] = np.moveaxis(held["posedirs"], 2, 0)
    return Rig(
        joint_names=JOINTS if count == len(JOINTS) else tuple(f"joint-{k}" for k in range(count)),
        parents=np.where((parents < 0) | (parents >= count), -1, parents).astype(np.int32),
        joints=regress @ mean,
        joints_identity=np.einsum("jv,kvc->kjc", regress, identity, optimize=True),
        joints_expression=np.einsum("jv,kvc->kjc", regress, expression, optimize=True),
        weights=held["weights"],
        correctives=turns,
    )


def _landmarks(folder: Path, faces: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray] | None, list[Path]]:
    """Triangles [68, 3] and weights [68, 3] of the embedding beside the model, and the files read."""
    if (folder / EMBEDDING).is_file():
        raw = read_bytes(folder / EMBEDDING)
        held = load_pickle(npy_payload(raw) or raw)
        return _embedded(held, "full_lmk_faces_idx", "full_lmk_bary_coords", faces, 0), [folder / EMBEDDING]
    if (folder / STATIC).is_file():
        return _embedded(load_pickle(read_bytes(folder / STATIC)), "lmk_face_idx", "lmk_b_coords", faces, 17), [
            folder / STATIC
        ]
    return None, []


def _embedded(
    held: dict[str, Any], index: str, weight: str, faces: np.ndarray, first: int
) -> tuple[np.ndarray, np.ndarray]:
    """The 68 points from the one numbered `first` on; those before are not known."""
    rows, weights = (np.asarray(held.get(name, [])) for name in (index, weight))
    rows, weights = rows.reshape(-1), weights.reshape(-1, 3) if weights.size % 3 == 0 else weights
    if rows.dtype.kind not in "iu" or len(rows) != 68 - first or weights.shape != (len(rows), 3):
        raise ValueError(
            f"expected {68 - first} landmarks in {index} and {weight}, found {len(rows)} and {weights.shape}"
        )
    if rows.min() < 0 or rows.max() >= len(faces):
        raise ValueError(f"expected landmarks on triangles 0 to {len(faces) - 1}, found {rows.min()} to {rows.max()}")
    triangles, out = np.zeros((68, 3), np.int64), np.zeros((68, 3))
    triangles[first:], out[first:] = faces[rows], weights
    return triangles, out


def _texture(
    path: Path, faces: np.ndarray, count: int
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray] | tuple[None, None]]:
    """Texture coordinates [F, 3, 2], and the texture space read off at the vertices, as linear reflectance."""
    held = read_npz(path, ("mean", "vt", "ft"))
    vt, ft, mean = held["vt"].astype(np.float64), held["ft"].astype(np.int64), held["mean"]
    if ft.shape != faces.shape or vt.ndim != 2 or vt.shape[1] != 2 or ft.min() < 0 or ft.max() >= len(vt):
        raise ValueError(f"{path.name}: expected ft {list(faces.shape)} into vt, found {list(ft.shape)}")
    if mean.ndim != 3 or mean.shape[2] != 3:
        raise ValueError(f"{path.name}: expected mean [H, W, 3], found {list(mean.shape)}")
    place = np.zeros((count, 2))
    place[faces.ravel()] = np.clip(vt[ft].reshape(-1, 2), 0, 1)
    height, width = mean.shape[:2]
    rows = np.minimum(((1 - place[:, 1]) * height).astype(int), height - 1)
    columns = np.minimum((place[:, 0] * width).astype(int), width - 1)
    basis = _texture_basis(path, mean.shape, rows, columns) if "tex_dir" in npz_names(path) else np.zeros((0, count, 3))
    return vt[ft], linear_albedo(mean[rows, columns, ::-1] / 255, basis / 255)


def _texture_basis(path: Path, shape: tuple[int, ...], rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """float32 [K, V, 3], red first, of tex_dir [H, W, 3, K], which is never held whole."""
    whole, blocks = npz_rows(path, "tex_dir")
    if len(whole) != 4 or whole[:3] != shape:
        raise ValueError(f"{path.name}: expected tex_dir {[*shape, 'K']}, found {list(whole)}")
    out = np.zeros((whole[3], len(rows), 3), np.float32)
    start = 0
    for block in blocks:
        here = np.flatnonzero((rows >= start) & (rows < start + len(block)))
        out[:, here] = np.moveaxis(block[rows[here] - start, columns[here], ::-1], 2, 0)
        start += len(block)
    return out
