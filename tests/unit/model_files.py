"""A small head, and writers of it in the layouts of other people's models."""

import io
import json
import pickle
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

RINGS, SEGMENTS = 9, 14
HEIGHT = 0.26  # m
EYE = 0.012  # m


@dataclass(kw_only=True, slots=True)
class Head:
    """An egg of triangles with x to the subject's left, y up, z to the viewer (m), and two eyes apart from it."""

    mean: np.ndarray  # float64 [V, 3]
    faces: np.ndarray  # int64 [F, 3], counter-clockwise from outside
    identity: np.ndarray  # float64 [4, V, 3], m per standard deviation
    expression: np.ndarray  # float64 [3, V, 3]
    albedo: np.ndarray  # float64 [V, 3] sRGB in [0, 1]
    albedo_basis: np.ndarray  # float64 [2, V, 3]
    uv: np.ndarray  # float64 [V, 2]
    right_eye: np.ndarray  # int [n]
    left_eye: np.ndarray


def make_head(eyes: bool = False, seed: int = 3) -> Head:
    rng = np.random.default_rng(seed)
    points, faces = egg(np.array([0.075, HEIGHT / 2, 0.1]), np.zeros(3), 0)
    right = left = np.zeros(0, int)
    if eyes:
        parts = [(points, faces)]
        for side in (-1, 1):
            first = sum(len(p) for p, _ in parts)
            parts.append(egg(np.full(3, EYE), np.array([side * 0.031, 0.02, 0.085]), first))
        right, left = (np.arange(len(parts[0][0]) + k * len(parts[1][0]), len(parts[0][0]) + (k + 1) * len(parts[1][0]))
                       for k in range(2))  # fmt: skip
        points, faces = (np.concatenate(values) for values in zip(*parts, strict=True))
    count = len(points)
    moves = 0.002 * rng.normal(size=(4, count, 3))
    for eye in (right, left):  # eyes stay spheres: they move as a whole
        moves[:, eye] = moves[:, eye[:1]]
    return Head(
        mean=points,
        faces=faces,
        identity=moves,
        expression=0.003 * rng.normal(size=(3, count, 3)),
        albedo=rng.uniform(0.3, 0.8, (count, 3)),
        albedo_basis=0.02 * rng.normal(size=(2, count, 3)),
        uv=rng.uniform(0, 1, (count, 2)),
        right_eye=right,
        left_eye=left,
    )


def egg(radii: np.ndarray, center: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Points [n, 3] and triangles [t, 3], numbered from `first`, of a closed ellipsoid."""
    angle = np.linspace(0, np.pi, RINGS + 2)[1:-1]
    turn = np.linspace(0, 2 * np.pi, SEGMENTS, endpoint=False)
    ring = np.stack([np.outer(np.sin(angle), np.sin(turn)), np.outer(np.cos(angle), np.ones(SEGMENTS)),
                     np.outer(np.sin(angle), np.cos(turn))], axis=-1).reshape(-1, 3)  # fmt: skip
    points = np.concatenate([ring, [[0, 1, 0], [0, -1, 0]]]) * radii + center
    number = np.arange(RINGS * SEGMENTS).reshape(RINGS, SEGMENTS)
    a, b, c, d = number[:-1], number[1:], np.roll(number[1:], -1, 1), np.roll(number[:-1], -1, 1)
    top, bottom = len(ring), len(ring) + 1
    caps = [np.stack([np.full(SEGMENTS, top), number[0], np.roll(number[0], -1)], 1),
            np.stack([np.full(SEGMENTS, bottom), np.roll(number[-1], -1), number[-1]], 1)]  # fmt: skip
    quads = [np.stack([x.ravel() for x in t], 1) for t in ((a, b, c), (a, c, d))]
    return points, np.concatenate([*quads, *caps]) + first


def in_head_space(points: np.ndarray) -> np.ndarray:
    """From x left, y up, z forward to x left, y backward, z up."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1)


def unit_basis(basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A basis [K, V, 3] as columns of length 1 [3 V, K], and their lengths [K]."""
    flat = basis.reshape(len(basis), -1).T
    length = np.linalg.norm(flat, axis=0)
    return flat / length, length


def write_ict(folder: Path, head: Head, identities: int = 4, expressions: int = 2) -> Path:
    """FaceXModel, with eyes of the materials of the kit; centimetres, quads nowhere."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ["browDown_L", "jawOpen", "mouthSmile_R"]
    landmarks = [int(n) for n in np.linspace(0, RINGS * SEGMENTS - 1, 68)]
    (folder / "vertex_indices.json").write_text(json.dumps({"expressions": names, "idx_to_landmark_verts": landmarks}))
    write_obj(folder / "generic_neutral_mesh.obj", head, head.mean)
    for k in range(identities):
        write_obj(folder / f"identity{k:03d}.obj", head, head.mean + head.identity[k])
    for k in range(expressions):
        write_obj(folder / f"{names[k]}.obj", head, head.mean + head.expression[k])
    return folder


def write_obj(path: Path, head: Head, points: np.ndarray) -> None:
    lines = ["# a comment", "mtllib ICTFaceModelMaterial.mtl"]
    lines += ["v " + " ".join(f"{x:.6f}" for x in 100 * p) for p in points]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in head.uv]
    eye = np.isin(head.faces[:, 0], head.right_eye) + 2 * np.isin(head.faces[:, 0], head.left_eye)
    for kind, name in enumerate(("M_Face", "M_ScleraRight", "M_ScleraLeft")):
        lines.append(f"usemtl {name}")
        lines += ["f " + " ".join(f"{n + 1}/{n + 1}" for n in face) for face in head.faces[eye == kind]]
    path.write_text("\n".join(lines) + "\n")


def write_mat(path: Path, arrays: dict[str, np.ndarray], packed: bool = True) -> Path:
    """A .mat file of version 5, written by hand: arrays of doubles and singles, Fortran-ordered."""
    out = b"MATLAB 5.0 MAT-file".ljust(116) + bytes(8) + b"\x00\x01IM"
    for name, value in arrays.items():
        single = value.dtype == np.float32
        raw = np.asfortranarray(value, "<f4" if single else "<f8").tobytes("F")
        parts = [(6, struct.pack("<II", 7 if single else 6, 0)), (5, struct.pack(f"<{value.ndim}i", *value.shape)),
                 (1, name.encode()), (7 if single else 9, raw)]  # fmt: skip
        body = b"".join(struct.pack("<II", kind, len(part)) + part + bytes(-len(part) % 8) for kind, part in parts)
        element = struct.pack("<II", 14, len(body)) + body
        squeezed = zlib.compress(element)
        out += struct.pack("<II", 15, len(squeezed)) + squeezed if packed else element
    path.write_bytes(out)
    return path


def write_bfm2009(folder: Path, head: Head, expression: bool = True, packed: bool = True) -> Path:
    """Micrometres, standard deviations, triangles from 1 and backwards; the expression basis leaves 5 vertices out."""
    folder.mkdir(parents=True, exist_ok=True)
    shape, deviation = unit_basis(1e6 * head.identity)
    texture, texture_deviation = unit_basis(255 * head.albedo_basis)
    column = lambda values: values.reshape(-1, 1)
    write_mat(
        folder / "01_MorphableModel.mat",
        {
            **{
                "shapeMU": column(1e6 * head.mean).astype("f4"),
                "shapePC": shape.astype("f4"),
                "shapeEV": column(deviation),
            },
            **{"texMU": column(255 * head.albedo), "texPC": texture, "texEV": column(texture_deviation)},
            **{"tl": head.faces[:, ::-1] + 1.0, "segbin": np.ones((len(head.mean), 4))},
        },
        packed,
    )
    if expression:
        rows = np.arange(len(head.mean) - 5)
        basis, deviation = unit_basis(1e6 * head.expression[:, rows])
        raw = (
            struct.pack("<i", len(deviation))
            + np.zeros(3 * len(rows), "<f4").tobytes()
            + basis.T.astype("<f4").tobytes()
        )
        (folder / "Exp_Pca.bin").write_bytes(raw)
        (folder / "std_exp.txt").write_text(" ".join(f"{x:.8e}" for x in deviation))
        write_mat(folder / "BFM_exp_idx.mat", {"trimIndex": rows[:, None] + 1.0})
    return folder / "01_MorphableModel.mat"


def write_statismo(path: Path, head: Head) -> Path:
    """Millimetres, variances, cells [3, F]; the expressions' mean is half of the first expression."""
    with h5py.File(path, "w") as file:
        offset = 500 * head.expression[0]
        shape, expression = (1000 * head.mean - offset, 1000 * head.identity), (offset, 1000 * head.expression)
        kinds = {"shape": shape, "expression": expression, "color": (head.albedo, head.albedo_basis)}
        for kind, (mean, basis) in kinds.items():
            columns, deviation = unit_basis(basis)
            file[f"{kind}/model/mean"] = mean.ravel().astype("f4")
            file.create_dataset(f"{kind}/model/pcaBasis", data=columns.astype("f4"), compression="gzip")
            file[f"{kind}/model/pcaVariance"] = (deviation**2).astype("f4")
            file[f"{kind}/representer/cells"] = head.faces.T.astype("i4")
    return path


class Ch:
    """As chumpy writes an array: a state of which x is the array."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x

    def __getstate__(self) -> dict:
        return {"x": self.x, "_dirty_vars": {"x"}, "_itr": None, "_depends_on_deps": {}}


Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"


def flame_arrays(head: Head) -> dict[str, np.ndarray]:
    """FLAME's arrays: five joints; the eyes follow theirs; 300 identities, most of them nothing, and one expression."""
    count = len(head.mean)
    identity = np.concatenate([head.identity, np.zeros((300 - len(head.identity), count, 3))])
    weights = np.zeros((count, 5))
    weights[:, 1] = np.clip(0.5 - head.mean[:, 1] / HEIGHT, 0, 1)
    weights[:, 2] = (1 - weights[:, 1]) / 2
    weights[:, 0] = 1 - weights.sum(axis=1)
    for joint, eye in ((3, head.left_eye), (4, head.right_eye)):
        weights[eye] = np.eye(5)[joint]
    regressor = np.random.default_rng(1).random((5, count))
    rng = np.random.default_rng(2)
    return {
        "v_template": head.mean,
        "shapedirs": np.moveaxis(np.concatenate([identity, head.expression[:1]]), 0, 2),
        "posedirs": 1e-4 * rng.normal(size=(count, 3, 36)),
        "J_regressor": regressor / regressor.sum(axis=1, keepdims=True),
        "weights": weights,
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], dtype=np.uint32),
        "f": head.faces.astype(np.uint32),
    }


def write_flame(path: Path, head: Head, chumpy: bool = True) -> Path:
    """A .pkl with chumpy arrays and a sparse regressor, or a .npz."""
    from scipy.sparse import csc_matrix

    arrays = flame_arrays(head)
    if path.suffix == ".npz":
        np.savez(path, **arrays)
        return path
    held = {**arrays, "J_regressor": csc_matrix(arrays["J_regressor"]), "bs_type": "lrotmin", "bs_style": "lbs"}
    if chumpy:
        held |= {name: Ch(arrays[name]) for name in ("v_template", "shapedirs", "posedirs", "weights")}
    path.write_bytes(chumpy_pickle(held))
    return path


def chumpy_pickle(held: dict) -> bytes:
    """A pickle of protocol 2 whose Ch is chumpy's, which is not installed."""
    import sys
    import types

    package, module = types.ModuleType("chumpy"), types.ModuleType("chumpy.ch")
    module.Ch = Ch  # type: ignore[attr-defined]
    sys.modules |= {"chumpy": package, "chumpy.ch": module}
    try:
        return pickle.dumps(held, protocol=2)
    finally:
        del sys.modules["chumpy"], sys.modules["chumpy.ch"]


def write_flame_landmarks(folder: Path, head: Head) -> None:
    rng = np.random.default_rng(5)
    weights = rng.dirichlet(np.ones(3), 68)
    rows = rng.integers(0, len(head.faces) // 4, 68)
    held = {"full_lmk_faces_idx": rows[None], "full_lmk_bary_coords": weights[None]}
    np.save(folder / "landmark_embedding.npy", np.array(held, dtype=object), allow_pickle=True)


def write_flame_texture(folder: Path, head: Head) -> None:
    """Every vertex has a pixel of its own, blue first."""
    side = 24
    rows, columns = np.divmod(np.arange(len(head.mean)), side)
    vt = np.stack([(columns + 0.5) / side, 1 - (rows + 0.5) / side], axis=1)
    mean, basis = np.zeros((side, side, 3)), np.zeros((side, side, 3, 2), np.float32)
    mean[rows, columns] = 255 * head.albedo[:, ::-1]
    basis[rows, columns] = 255 * np.moveaxis(head.albedo_basis, 0, 2)[:, ::-1]
    np.savez_compressed(folder / "FLAME_texture.npz", mean=mean, tex_dir=basis, vt=vt, ft=head.faces.astype(np.uint32))


def write_lsfm(path: Path, head: Head, first: int = 0) -> Path:
    basis, deviation = unit_basis(1000 * head.identity)
    return write_mat(
        path,
        {
            **{"mean": 1000 * head.mean.reshape(-1, 1), "components": basis, "eigenvalues": deviation[:, None] ** 2},
            **{"trilist": head.faces + float(first), "n_training_samples": np.array([[9663.0]])},
        },
    )


def write_eos(path: Path, head: Head, version: int = 1, apart: bool = True) -> Path:
    """A model with colour and texture coordinates; blendshapes in a file beside it, or inside from version 2."""
    shapes = struct.pack("<Q", 3) + b"".join(
        struct.pack("<Q", len(name)) + name + _matrix(1000 * shape.reshape(-1, 1))
        for name, shape in zip((b"anger", b"fear", b"joy"), head.expression, strict=True)
    )
    raw = struct.pack("<I", version) + _pca(1000 * head.mean, 1000 * head.identity, head.faces)
    raw += _pca(head.albedo, head.albedo_basis, head.faces)
    if version >= 2:
        raw += b"\x01" if apart else b"\x00" + struct.pack("<i", 0) + shapes
    if version >= 3:
        names = {b"31": 5, b"9": 40, b"chin": 3}
        raw += b"\x00" + struct.pack("<Q", len(names))
        raw += b"".join(struct.pack("<Q", len(n)) + n + struct.pack("<i", v) for n, v in names.items())
    raw += struct.pack("<Q", len(head.uv)) + np.stack([head.uv[:, 0], 1 - head.uv[:, 1]], 1).astype("<f8").tobytes()
    if version >= 4:
        raw += struct.pack("<Q", len(head.faces)) + head.faces.astype("<i4").tobytes()
    path.write_bytes(raw)
    if apart:
        (path.parent / "expression_blendshapes_3448.bin").write_bytes(shapes)
    return path


def _pca(mean: np.ndarray, basis: np.ndarray, faces: np.ndarray) -> bytes:
    columns, deviation = unit_basis(basis)
    matrices = (mean.reshape(-1, 1), columns * deviation, columns, (deviation**2)[:, None])
    return b"".join(map(_matrix, matrices)) + struct.pack("<Q", len(faces)) + faces.astype("<i4").tobytes()


def _matrix(values: np.ndarray) -> bytes:
    return struct.pack("<ii", *values.shape) + values.astype("<f4").tobytes("F")


def write_facescape(path: Path, head: Head) -> Path:
    """Millimetres; a core that is exactly linear, with factors of mean 0.5 and given variances."""
    center, variance = np.array([0.5, 1.0, -0.25, 2.0]), np.array([0.04, 0.09, 0.01, 0.25])
    slope = 1000 * head.identity / np.sqrt(variance)[:, None, None]
    # One factor more is always 1: it carries the mean and the expressions.
    core = np.zeros((3 * len(head.mean), 4, 5))
    base = 1000 * head.mean - np.einsum("k,kvc->vc", center, slope)
    for e in range(4):
        core[:, e, :4] = slope.reshape(4, -1).T
        core[:, e, 4] = (base + (1000 * head.expression[e - 1] if e else 0)).ravel()
    np.savez_compressed(
        path,
        shape_bm_core=core,
        id_mean=np.append(center, 1.0),
        id_var=np.append(variance, 0.0),
        fv_indices=head.faces + 1,
        ft_indices=head.faces + 1,
        texcoords=head.uv,
        lm_list_v16=np.linspace(0, RINGS * SEGMENTS - 1, 68).astype(int),
        vc_dict_front=np.array({1: 2}, dtype=object),
    )
    return path


def write_faceverse(path: Path, head: Head, version: int = 3) -> Path:
    """Decimetres and turned before version 3, millimetres from then on."""
    turn = np.array([1.0, 1, 1]) if version == 3 else np.array([1.0, -1, -1])
    scale = (1000 if version == 3 else 10) * turn
    flat = lambda basis: (scale * basis).reshape(len(basis), -1).T
    held = {
        **{"meanshape": scale * head.mean, "idBase": flat(head.identity), "exBase": flat(head.expression)},
        **{"meantex": 255 * head.albedo, "texBase": 255 * head.albedo_basis.reshape(2, -1).T, "tri": head.faces},
    }
    if version == 3:
        held["ver_inds"] = np.array([head.right_eye[0], head.left_eye[0], len(head.mean)])
    np.save(path, np.array(held, dtype=object), allow_pickle=True)
    return path


def write_gnm(path: Path, head: Head) -> Path:
    """GNM's arrays, with triangles as quads and one joint more than the root."""
    count = len(head.mean)
    groups = np.zeros((3, count), np.float32)
    groups[0, head.right_eye], groups[1, head.left_eye], groups[2, :20] = 1, 1, 1
    weights = np.stack([np.linspace(0, 1, count), 1 - np.linspace(0, 1, count)])
    quads = head.faces[:, (0, 1, 2, 2)]
    tile = np.stack([np.arange(len(quads)) % 2, np.zeros(len(quads))], axis=-1)
    np.savez(
        path,
        version="3.0",
        variant="head",
        template_vertex_positions=head.mean.astype(np.float32),
        vertex_identity_basis=head.identity.astype(np.float32),
        expression_basis=head.expression.astype(np.float32),
        quads=quads,
        quad_uvs=head.uv[quads] + tile[:, None],
        template_joint_positions=np.array([[0, -0.1, 0], [0, 0.02, 0]]),
        joint_identity_basis=1e-3 * np.ones((4, 2, 3)),
        joint_parent_indices=np.array([0, 0]),
        skinning_weights=weights,
        identity_names=np.array([f"head_{k}" for k in range(4)]),
        expression_names=np.array([f"mouth_{k}" for k in range(3)]),
        joint_names=np.array(["neck", "head"]),
        vertex_group_names=np.array(["right_eye", "left_eye", "tongue"]),
        vertex_groups=groups,
        pose_correctives_regressor=1e-5 * np.random.default_rng(8).normal(size=(18, 3 * count)),
    )
    return path


def npy_of(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()
