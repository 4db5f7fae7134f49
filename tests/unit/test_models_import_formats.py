"""Importers read the layouts of other people's models: what comes out is what was put in, in metres and head space."""

import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from model_files import (
    EYE,
    Head,
    flame_arrays,
    in_head_space,
    make_head,
    unit_basis,
    write_bfm2009,
    write_eos,
    write_facescape,
    write_faceverse,
    write_flame,
    write_flame_landmarks,
    write_flame_texture,
    write_gnm,
    write_ict,
    write_lsfm,
    write_statismo,
)

from synth.models import MorphableModel
from synth.models.importers import FORMATS, import_model
from synth.models.importers.assembly import Source, assemble, linear_from_srgb, points_of
from synth.models.schema import arrays, check, texts

SKIN = make_head()
EYED = make_head(eyes=True)
ICT_MINI = Path(__file__).resolve().parents[3] / "shared/data/ict-facekit-mini/FaceXModel"


def write(form: str, folder: Path) -> tuple[Path, Head]:
    """A file of each format, and the head that it holds."""
    folder.mkdir(parents=True, exist_ok=True)
    match form:
        case "ict":
            return write_ict(folder / "FaceXModel", EYED), EYED
        case "bfm2009":
            return write_bfm2009(folder, SKIN), SKIN
        case "bfm":
            return write_statismo(folder / "model2017-1_face12_nomouth.h5", SKIN), SKIN
        case "flame":
            return write_flame(folder / "generic_model.pkl", EYED), EYED
        case "lsfm":
            return write_lsfm(folder / "all_all_all.mat", SKIN), SKIN
        case "eos":
            return write_eos(folder / "sfm_shape_3448.bin", SKIN), SKIN
        case "faceverse":
            return write_faceverse(folder / "faceverse_v3_1.npy", EYED), EYED
        case "facescape":
            return write_facescape(folder / "facescape_bm_v1.6_847_50_52_id_front.npz", SKIN), SKIN
        case "gnm":
            return write_gnm(folder / "gnm_head.npz", EYED), EYED
    raise AssertionError(form)


@pytest.fixture(scope="module")
def imported(tmp_path_factory) -> dict[str, tuple[MorphableModel, Head]]:
    out = {}
    for form in FORMATS:
        path, head = write(form, tmp_path_factory.mktemp(form))
        out[form] = import_model(form, path), head
    return out


def of_source(model: MorphableModel, values: np.ndarray) -> np.ndarray:
    """Values per vertex of the head, for the vertices that the model has."""
    return values[..., model.source_vertices, :]


@pytest.mark.parametrize("form", FORMATS)
def test_a_model_is_in_metres_and_in_head_space(imported, form):
    model, head = imported[form]
    mean = of_source(model, in_head_space(head.mean))
    assert_close(model.mean - model.mean[0], mean - mean[0])


@pytest.mark.parametrize("form", FORMATS)
def test_a_coefficient_of_one_is_one_standard_deviation(imported, form):
    model, head = imported[form]
    count = min(len(model.identity), 4)
    assert_close(model.identity[:count], of_source(model, in_head_space(head.identity[:count])))


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("lsfm", "bfm2009")])
def test_expressions_are_the_sources(imported, form):
    model, head = imported[form]
    assert len(model.expression) > 0
    assert_close(model.expression, of_source(model, in_head_space(head.expression[: len(model.expression)])))


@pytest.mark.parametrize("form", FORMATS)
def test_every_face_looks_outward(imported, form):
    model, _ = imported[form]
    a, b, c = np.moveaxis(model.mean[model.triangles()].astype(np.float64), 1, 0)
    middle = model.mean.mean(axis=0)
    assert ((np.cross(b - a, c - a) * ((a + b + c) / 3 - middle)).sum(axis=-1) > 0).all()


@pytest.mark.parametrize("form", FORMATS)
def test_the_way_back_to_the_files_own_coordinates_is_kept(imported, form):
    model, head = imported[form]
    to_head = model.source_to_head
    own = (model.mean - to_head[:3, 3]) @ np.linalg.inv(to_head[:3, :3]).T
    scale = np.cbrt(np.linalg.det(to_head[:3, :3]))
    lengths = np.linalg.norm(np.diff(own, axis=0), axis=-1) * scale
    wanted = np.linalg.norm(np.diff(of_source(model, head.mean), axis=0), axis=-1)
    np.testing.assert_allclose(lengths, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_imported_is_a_sound_model_with_its_origin_written_down(imported, form):
    model, _ = imported[form]
    check(arrays(model), texts(model))
    assert model.licence
    assert model.sigma
    assert model.source_unit
    assert len(model.source_sha256.split(",")[0].split()[-1]) == 64


@pytest.mark.parametrize("form", ["bfm2009", "bfm", "eos", "faceverse"])
def test_albedo_is_linear_reflectance(imported, form):
    model, head = imported[form]
    np.testing.assert_allclose(model.albedo_mean, of_source(model, linear_from_srgb(head.albedo)), atol=2e-5)


def test_a_small_albedo_coefficient_moves_reflectance_as_it_moves_the_srgb_values(imported):
    model, head = imported["bfm2009"]
    moved = linear_from_srgb(head.albedo + 0.01 * head.albedo_basis[1])
    np.testing.assert_allclose(model.albedo(np.array([0, 0.01])), moved, atol=2e-6)


@pytest.mark.parametrize("form", ["ict", "flame", "faceverse", "gnm"])
def test_eyes_are_spheres_and_no_skin(imported, form):
    model, head = imported[form]
    np.testing.assert_allclose(model.eyeballs.radius, EYE, rtol=1e-3)
    np.testing.assert_allclose(model.eyeballs.center, [[-0.031, 0, 0], [0.031, 0, 0]], atol=1e-5)
    moves = in_head_space(head.identity[: len(model.identity), [head.right_eye[0], head.left_eye[0]]])
    np.testing.assert_allclose(model.eyeballs.center_identity[: len(moves)], moves, atol=2e-5)
    assert len(model.layers["eyes"].mean) + len(model.mean) == len(head.mean)


def test_layers_move_with_the_coefficients(imported):
    model, head = imported["ict"]
    moved = model.layers["eyes"].vertices(np.array([0, 1, 0, 0]), np.zeros(2))
    eyes = np.concatenate([head.right_eye, head.left_eye])
    assert_close(moved - model.layers["eyes"].mean, in_head_space(head.identity[1, eyes]))


def test_a_part_of_ict_is_a_model_of_what_is_there(tmp_path):
    model = import_model("ict", write_ict(tmp_path, EYED, identities=2, expressions=1))
    assert model.identity_names == ("identity000", "identity001")
    assert model.expression_names == ("browDown_L",)


@pytest.mark.parametrize("inner", [".", "..", "generic_neutral_mesh.obj"])
def test_ict_is_found_from_its_folder_the_one_above_and_a_file(tmp_path, inner):
    folder = write_ict(tmp_path / "FaceXModel", EYED)
    assert len(import_model("ict", folder / inner).identity) == 4


def test_bfm2009_without_its_expression_basis_lacks_expressions(tmp_path):
    model = import_model("bfm2009", write_bfm2009(tmp_path, SKIN, expression=False, packed=False))
    assert len(model.expression) == 0
    assert "expression" in model.lacks


def test_the_expression_basis_of_bfm2009_moves_the_vertices_that_its_index_names(imported):
    model, head = imported["bfm2009"]
    expected = in_head_space(head.expression)
    expected[:, -5:] = 0
    assert_close(model.expression, expected)
    assert model.expression_unit == "standard deviation"


@pytest.mark.parametrize("first", [0, 1])
def test_triangles_of_lsfm_may_count_from_either(tmp_path, first):
    model = import_model("lsfm", write_lsfm(tmp_path / "lsfm.mat", SKIN, first))
    assert len(model.faces) == len(SKIN.faces)


def with_uv(uv: np.ndarray) -> Source:
    """A head whose eyes are a layer, with texture coordinates [F, 3, 2]."""
    eye = EYED.faces[:, 0] >= EYED.right_eye[0]
    words = {"files": [], "name": "n", "licence": "l", "source": "s", "sigma": "s", "layers": {"eyes": eye}}
    return Source(**words, mean=EYED.mean, identity=EYED.identity, faces=EYED.faces, uv=uv)


def test_each_tile_of_a_udim_layout_has_a_square_of_its_own():
    eye, own = EYED.faces[:, 0] >= EYED.right_eye[0], EYED.uv[EYED.faces]
    tile = np.where(eye, 6, np.arange(len(EYED.faces)) % 3)
    model = assemble(with_uv(own + np.stack([tile, 0 * tile], axis=-1)[:, None]))
    corner = np.array([[0, 0], [0.5, 0], [0, 0.5]])[tile[~eye]]
    np.testing.assert_allclose(model.uv[:, :3], corner[:, None] + own[~eye] / 2, atol=1e-6)
    np.testing.assert_allclose(model.layers["eyes"].uv[:, :3], own[eye], atol=1e-6)


def test_a_face_on_the_far_edge_of_a_tile_makes_no_other_tile():
    uv = EYED.uv[EYED.faces]
    uv[0], uv[1] = 1, (0, 1)
    np.testing.assert_allclose(assemble(with_uv(uv)).uv[:, :3], uv[EYED.faces[:, 0] < EYED.right_eye[0]], atol=1e-6)


@pytest.mark.parametrize("value", [1.7, -0.2, np.nan])
def test_texture_coordinates_that_leave_their_tile_are_refused(value):
    uv = 0.5 * EYED.uv[EYED.faces]
    uv[0, 1, 0] = value
    with pytest.raises(ValueError, match=r"texture coordinates .* found 1 faces of"):
        assemble(with_uv(uv))


def test_triangles_of_lsfm_count_from_one_where_one_names_the_last_vertex(tmp_path):
    loose = replace(SKIN, faces=SKIN.faces[(SKIN.faces != 0).all(axis=1)])  # none of them has the first vertex
    for first in (0, 1):
        model = import_model("lsfm", write_lsfm(tmp_path / "lsfm.mat", loose, first))
        np.testing.assert_array_equal(model.source_vertices, np.unique(loose.faces))


@pytest.mark.parametrize("shape", [(-1,), (1, -1), (-1, 1), (-1, 3)])
def test_a_mean_is_a_vector_or_a_row_for_each_vertex(shape):
    np.testing.assert_array_equal(points_of(SKIN.mean.reshape(shape), "mean"), SKIN.mean)


@pytest.mark.parametrize("shape", [(3, -1), (2, -1), (0, 3)])
def test_a_mean_of_another_shape_is_refused(shape):
    values = SKIN.mean[: 0 if 0 in shape else None]
    with pytest.raises(ValueError, match=r"expected the mean \[3 V\] or \[V, 3\]"):
        points_of(values.reshape(shape), "the mean")


def test_a_model_of_scalismo_at_its_default_path_claims_nothing_of_basel(tmp_path):
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        columns, deviation = unit_basis(100 * SKIN.identity)
        held = {"mean": 100 * SKIN.mean.ravel(), "pcaBasis": columns, "pcaVariance": deviation**2}
        for name, values in held.items():
            file[f"model/{name}"] = values.astype("f4")
        file["representer/cells"] = SKIN.faces.T.astype("i4")
    model = import_model("bfm", tmp_path / "plain.h5")
    mean = in_head_space(SKIN.mean)
    assert_close(model.mean - model.mean[0], mean - mean[0])
    assert_close(model.identity, in_head_space(SKIN.identity))
    assert model.source_unit == "centimetre"
    assert "Basel" not in model.licence


@pytest.mark.parametrize("version", [1, 2, 3, 4])
@pytest.mark.parametrize("apart", [True, False])
def test_every_version_of_eos_is_read(tmp_path, version, apart):
    model = import_model("eos", write_eos(tmp_path / "model.bin", SKIN, version, apart))
    assert model.expression_names == (("anger", "fear", "joy") if apart or version > 1 else ())
    np.testing.assert_allclose(model.uv[:, :3], SKIN.uv[SKIN.faces], atol=1e-6)
    assert (model.landmark_weights.sum() > 0) == (version >= 3)


@pytest.mark.parametrize("name", ["flame.npz", "flame.pkl"])
def test_flame_without_chumpy_is_the_same_model(imported, tmp_path, name):
    model = import_model("flame", write_flame(tmp_path / name, EYED, chumpy=False))
    np.testing.assert_array_equal(model.rig.correctives, imported["flame"][0].rig.correctives)
    np.testing.assert_array_equal(model.identity, imported["flame"][0].identity)


def test_flame_takes_landmarks_and_textures_that_lie_beside_it(tmp_path):
    write_flame_landmarks(tmp_path, EYED)
    write_flame_texture(tmp_path, EYED)
    model = import_model("flame", write_flame(tmp_path / "flame.npz", EYED))
    np.testing.assert_allclose(model.landmark_weights.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(model.albedo_mean, of_source(model, linear_from_srgb(EYED.albedo)), atol=1e-5)
    assert model.albedo_basis.shape == (2, len(model.mean), 3)
    assert model.uv.any()


def test_flame_of_300_shapes_has_no_expressions(tmp_path):
    held = flame_arrays(EYED)
    np.savez(tmp_path / "flame.npz", **held | {"shapedirs": held["shapedirs"][..., :300]})
    model = import_model("flame", tmp_path / "flame.npz")
    assert (len(model.identity), len(model.expression)) == (300, 0)
    assert "expression" in model.lacks
    assert model.expression_unit == "weight"


def test_flame_of_fewer_shapes_does_not_say_which_are_identities_and_is_refused(tmp_path):
    held = flame_arrays(EYED)
    np.savez(tmp_path / "flame.npz", **held | {"shapedirs": held["shapedirs"][..., :150]})
    with pytest.raises(ValueError, match=r"300 identities .* found 150 shapes"):
        import_model("flame", tmp_path / "flame.npz")


def test_flame_poses_as_its_formula_says(imported):
    model, head = imported["flame"]
    rng = np.random.default_rng(4)
    identity, expression, pose = rng.normal(size=300), rng.normal(size=1), 0.4 * rng.normal(size=(5, 3))
    posed = model.posed(identity, expression, in_head_space(pose))
    expected = smpl(flame_arrays(head), np.append(identity, expression), pose)
    to_head = model.source_to_head
    assert_close(posed, (expected @ to_head[:3, :3].T + to_head[:3, 3])[model.source_vertices])


def smpl(held: dict[str, np.ndarray], shape: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """SMPL's formula with 4 x 4 matrices, in the file's axes; Loper et al. 2015."""
    from scipy.spatial.transform import Rotation

    turns = Rotation.from_rotvec(pose).as_matrix()
    shaped = held["v_template"] + held["shapedirs"] @ shape
    joints = held["J_regressor"] @ shaped
    shaped = shaped + held["posedirs"] @ (turns[1:] - np.eye(3)).ravel()
    world = []
    for j, parent in enumerate(held["kintree_table"][0].astype(np.int64)):
        local = np.eye(4)
        local[:3, :3], local[:3, 3] = turns[j], joints[j] - (joints[parent] if j else 0)
        world.append(local if j == 0 else world[parent] @ local)
    for j, matrix in enumerate(world):
        world[j] = matrix @ np.block([[np.eye(3), -joints[j][:, None]], [np.zeros((1, 3)), 1]])
    blended = np.einsum("vj,jab->vab", held["weights"], np.stack(world))
    return np.einsum("vab,vb->va", blended, np.c_[shaped, np.ones(len(shaped))])[:, :3]


def test_the_joints_of_gnm_turn_about_their_own_places(imported):
    model, _ = imported["gnm"]
    pose = np.zeros((2, 3))
    pose[0] = (0, 0, np.pi / 2)
    rest, turned = (model.posed(np.zeros(4), np.zeros(3), p) for p in (np.zeros((2, 3)), pose))
    assert_close(rest, model.mean)
    about = model.rig.joints[0]
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    corrected = rest + np.einsum("f,fvc->vc", (quarter - np.eye(3)).ravel(), model.rig.correctives[:9])
    assert_close(turned, (corrected - about) @ quarter.T + about)


def test_parts_that_a_source_names_are_known(imported):
    assert set(imported["gnm"][0].part.tolist()) == {0, 9}


def test_faceverse_before_version_3_has_its_axes_turned(imported, tmp_path):
    model = import_model("faceverse", write_faceverse(tmp_path / "faceverse_simple_v2.npy", SKIN, version=2))
    mean = in_head_space(SKIN.mean)
    assert_close(model.mean - model.mean[0], mean - mean[0])


def test_a_subdivided_import_keeps_joints_and_layers(imported):
    fine = imported["flame"][0].subdivided(1)
    assert fine.rig.weights.shape == (len(fine.mean), 5)
    np.testing.assert_allclose(fine.rig.weights.sum(axis=1), 1, atol=1e-5)
    assert fine.posed(np.ones(300), np.ones(1), np.zeros((5, 3))).shape == fine.mean.shape


def test_an_import_survives_its_model_file(imported, tmp_path):
    from synth.models import checksum
    from synth.models.file import read_model, save_model

    model, _ = imported["flame"]
    save_model(model, tmp_path / "flame.h5")
    assert checksum(read_model(tmp_path / "flame.h5")) == checksum(model)


def test_a_model_file_of_schema_1_is_read_still(imported, tmp_path):
    import h5py

    from synth.models.file import read_model, save_model

    bare = {name: None for name in ("rig", "source_to_head", "source_vertices")}
    absent = {"layers": {}, "lacks": (), "supplied": (), "sigma": "", "source_unit": "", "source_sha256": ""}
    model = replace(imported["ict"][0], **bare, **absent)
    save_model(model, tmp_path / "old.h5")
    with h5py.File(tmp_path / "old.h5", "r+") as file:
        assert set(file.attrs) == {*texts(model), "schema", "checksum"}
        file.attrs["schema"] = 1
    np.testing.assert_array_equal(read_model(tmp_path / "old.h5").mean, model.mean)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rig/parents", np.array([-1, 0, 2, 1, 1], np.int32)),
        ("rig/correctives", np.zeros((3, 128, 3), np.float32)),
        ("rig/weights", np.full((128, 5), 0.1, np.float32)),
        ("layers/eyes/faces", np.full((504, 4), 256, np.int32)),
        ("layers/eyes/mean", np.zeros((2, 3), np.float32)),
        ("source_vertices", np.full(128, -1, np.int32)),
        ("source_to_head", np.eye(3)),
    ],
)
def test_a_bad_value_of_what_imports_add_is_named(imported, name, value):
    model, _ = imported["flame"]
    with pytest.raises(ValueError, match=name.rpartition("/")[0] or name):
        check({**arrays(model), name: value}, texts(model))


def test_a_unit_that_makes_no_head_is_refused(tmp_path):
    giant = make_head()
    giant.mean *= 5
    with pytest.raises(ValueError, match=r"head 0\.1 to 0\.75 m high, found 1\.3"):
        import_model("bfm2009", write_bfm2009(tmp_path, giant, expression=False))


def test_a_file_that_is_not_there_is_named_with_what_is_wanted(tmp_path):
    with pytest.raises(ValueError, match=r"nothing\.pkl is not there; give \.pkl or \.npz of FLAME"):
        import_model("flame", tmp_path / "nothing.pkl")


def test_an_unknown_format_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="ict, bfm2009"):
        import_model("obj", tmp_path)


@pytest.mark.skipif(not ICT_MINI.is_dir(), reason="needs ../shared/data/ict-facekit-mini")
def test_the_real_part_of_ict_is_a_head_with_landmarks_where_they_belong():
    model = import_model("ict", ICT_MINI)
    points = model.landmarks(model.mean)
    assert len(model.mean) == 21451
    assert (len(model.identity), len(model.expression)) == (10, 10)
    assert points[8, 2] == points[:, 2].min()  # the chin is lowest
    assert points[30, 1] == points[:, 1].min()  # the nose's tip is nearest to the viewer
    assert points[0, 0] < points[36, 0] < points[39, 0] < 0 < points[42, 0] < points[45, 0] < points[16, 0]
    lids = points[36:42].mean(axis=0) - model.eyeballs.center[0]
    assert abs(lids[0]) < 0.006
    assert abs(lids[2]) < 0.006
    assert set(model.layers) == {"eyes", "tear_film", "eye_blend", "eye_occlusion", "lashes"}
    for mesh in (model, *model.layers.values()):
        a, b, c = np.moveaxis(mesh.triangle_uv().astype(np.float64), 1, 0)
        assert (np.linalg.det(np.stack([b - a, c - a], axis=-1)) != 0).mean() > 0.99


@pytest.mark.skipif(not ICT_MINI.is_dir(), reason="needs ../shared/data/ict-facekit-mini")
def test_the_files_of_the_real_part_of_ict_are_rebuilt_by_unit_coefficients(tmp_path):
    for name in (
        "generic_neutral_mesh.obj",
        "vertex_indices.json",
        "identity000.obj",
        "identity007.obj",
        "jawOpen.obj",
    ):
        shutil.copy(ICT_MINI / name, tmp_path / name)
    model = import_model("ict", tmp_path)
    identity, expression = np.array([0, 1.0]), np.array([1.0])
    both = model.vertices(identity, expression)
    names = ("identity007.obj", "jawOpen.obj", "generic_neutral_mesh.obj")
    lines = [[line.split()[1:] for line in (ICT_MINI / name).open() if line.startswith("v ")] for name in names]
    one, other, neutral = np.array(lines, dtype=float)
    expected = (one + other - neutral) @ model.source_to_head[:3, :3].T + model.source_to_head[:3, 3]
    assert_close(both, expected[model.source_vertices])


def assert_close(actual: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-6)
