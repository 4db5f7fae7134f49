"""Laws of building a model from meshes."""

import json

import numpy as np
import pytest
import trimesh

from synth.geometry import rigid, rotation_x, rotation_y, rotation_z, transform
from synth.models.build import build_model, curves_of, principal_model, procrustes, write_curves
from synth.models.meshes import metres_per_unit, read_mesh, read_meshes
from synth.models.schema import arrays, check, texts

TRUE, MESHES = 4, 40
POINTS = b"ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
POINTS += b"0 0 0\n1 0 0\n"


@pytest.fixture(scope="module")
def known():
    """A linear model: mean [V, 3] of a head's size, orthogonal basis [4, V, 3] without rigid parts, triangles."""
    ball = trimesh.creation.icosphere(subdivisions=2)
    mean = 0.1 * np.asarray(ball.vertices) * (0.8, 0.9, 1.2)
    mean[:, 1] -= 0.03 * np.exp(-((mean - (0.01, -0.09, 0.01)) ** 2).sum(axis=1) / 0.001)
    shifts = np.broadcast_to(np.eye(3)[:, None], (3, *mean.shape))
    turns = np.cross(np.eye(3)[:, None], mean[None])
    free = np.random.default_rng(0).normal(size=(TRUE, *mean.shape))
    rows = np.concatenate([shifts, turns, free]).reshape(6 + TRUE, -1)
    basis = np.linalg.qr(rows.T)[0].T[6:].reshape(TRUE, *mean.shape)
    return mean, basis * np.array([0.05, 0.03, 0.02, 0.01])[:, None, None], np.asarray(ball.faces)


@pytest.fixture(scope="module")
def drawn(known):
    coefficients = np.random.default_rng(1).normal(size=(MESHES, TRUE))
    return known[0] + np.einsum("nk,kvx->nvx", coefficients, known[1])


def gram_of(stack):
    flat = (stack - stack.mean(axis=0)).reshape(len(stack), -1)
    return flat @ flat.T


def subspace_angle(a, b):
    """The largest angle (rad) between the spans of rows."""
    q, r = (np.linalg.qr(x.reshape(len(x), -1).T)[0] for x in (a, b))
    return float(np.arccos(np.clip(np.linalg.svd(q.T @ r, compute_uv=False).min(), -1, 1)))


def test_the_space_of_a_known_model_is_recovered(known, drawn):
    _, basis, curves = principal_model(drawn, TRUE)
    assert subspace_angle(basis, known[1]) < 1e-6
    assert curves.compactness[-1] == pytest.approx(1)


def test_a_coefficient_of_one_is_one_standard_deviation(drawn):
    mean, basis, _ = principal_model(drawn, TRUE)
    flat = basis.reshape(TRUE, -1)
    scores = (drawn - mean).reshape(MESHES, -1) @ flat.T / (flat**2).sum(axis=1)
    np.testing.assert_allclose(scores.std(axis=0, ddof=1), 1, rtol=1e-9)
    np.testing.assert_allclose(np.corrcoef(scores.T), np.eye(TRUE), atol=1e-9)


def test_variances_sum_to_that_of_the_meshes(rng):
    stack = rng.normal(size=(8, 50, 3))
    _, basis, curves = principal_model(stack, 7)
    assert (basis**2).sum() == pytest.approx(stack.var(axis=0, ddof=1).sum())
    assert sum(curves.explained) == pytest.approx(1)
    np.testing.assert_allclose(curves.compactness, np.cumsum(curves.explained))


def test_generalisation_falls_to_nothing_at_the_true_number_of_components(drawn):
    error = np.array(principal_model(drawn, TRUE)[2].generalisation)
    assert (np.diff(error) < 0).all()
    assert error[-1] < 1e-9


def test_generalisation_is_the_distance_to_the_model_of_the_others(rng):
    stack = rng.normal(size=(6, 30, 3))
    wanted = []
    for k in range(6):
        rest = np.delete(stack, k, axis=0)
        mean, basis, _ = principal_model(rest, 2)
        q = np.linalg.qr(basis.reshape(2, -1).T)[0]
        off = (stack[k] - mean).ravel()
        wanted.append(((off - q @ (q.T @ off)) ** 2).sum() / 30)
    got = curves_of(gram_of(stack), 30, 2).generalisation[1]
    assert got == pytest.approx(np.sqrt(np.mean(wanted)))


def test_specificity_grows_with_the_components_and_falls_with_more_meshes(rng):
    stack = rng.normal(size=(60, 5, 3))
    few = curves_of(gram_of(stack[:10]), 5, 8).specificity
    assert few[-1] > few[0]
    assert curves_of(gram_of(stack), 5, 1).specificity[0] > 0


def test_a_set_of_one_direction_is_as_specific_as_it_is_dense(rng):
    line = rng.normal(size=(60, 1, 1)) * np.ones((1, 4, 3))
    dense, sparse = (curves_of(gram_of(part), 4, 1).specificity[0] for part in (line, line[:6]))
    assert dense < 0.5 * sparse


def test_procrustes_takes_out_how_each_mesh_is_held_and_keeps_its_size(drawn, rng):
    turn = lambda: rotation_z(rng.normal()) @ rotation_x(rng.normal()) @ rotation_y(rng.normal())
    held = np.stack([transform(rigid(turn(), rng.normal(size=3)), mesh) for mesh in drawn])
    aligned = procrustes(held)
    distance = lambda stack: np.linalg.norm(stack[:, :20] - stack[:, 20:40], axis=-1)
    np.testing.assert_allclose(distance(aligned), distance(drawn), atol=1e-9)
    assert np.sqrt(aligned.var(axis=0).sum()) < 1.05 * np.sqrt(drawn.var(axis=0).sum())


def test_a_folder_of_meshes_becomes_a_sound_model_with_curves(known, drawn, tmp_path):
    pytest.importorskip("matplotlib")
    for k, mesh in enumerate(drawn[:12]):
        kind = ("obj", "ply")[k % 2]
        trimesh.Trimesh(1000 * mesh, known[2], process=False).export(tmp_path / f"scan{k:02d}.{kind}")
    model, curves = build_model(tmp_path, "family", None, TRUE)
    write_curves(curves, tmp_path / "out", "family")
    check(arrays(model), texts(model))
    assert subspace_angle(model.identity.astype(float), known[1]) < 0.05  # Procrustes' turns are not quite linear
    assert np.ptp(model.mean, axis=0).max() == pytest.approx(np.ptp(known[0], axis=0).max(), rel=0.1)  # metres
    written = json.loads((tmp_path / "out" / "family-curves.json").read_text())
    assert set(written) == {"explained", "compactness", "generalisation", "specificity"}
    assert (tmp_path / "out" / "family-curves.png").read_bytes().startswith(b"\x89PNG")


def test_scans_are_registered_by_a_template(known, drawn, tmp_path):
    scans, template = tmp_path / "scans", tmp_path / "template.npz"
    scans.mkdir()
    np.savez(template, vertices=known[0], faces=known[2])
    smooth = known[0] * (1.1, 1, 1) - known[0]
    for k in range(3):
        points = known[0] + (k - 1) * 0.8 * smooth
        scan = trimesh.Trimesh(points, known[2], process=False).subdivide()  # another topology
        np.savez(
            scans / f"{k}.npz", vertices=np.asarray(scan.vertices) + np.array([0.3, 0, 0]), faces=np.asarray(scan.faces)
        )
    model, _ = build_model(scans, "family", template, 1)
    assert "template.npz " in model.source_sha256
    assert subspace_angle(model.identity.astype(float), smooth[None]) < 0.3
    np.testing.assert_array_equal(model.faces[:, :3], known[2])


def test_an_npz_holds_many_meshes(known, drawn, tmp_path):
    np.savez(tmp_path / "all.npz", vertices=drawn, faces=known[2])
    assert len(read_meshes(tmp_path)) == MESHES


def test_an_obj_keeps_its_numbers_and_quads_over_materials(tmp_path):
    points = np.random.default_rng(2).normal(size=(7, 3))
    lines = ["v " + " ".join(map(str, point)) for point in points]
    lines += ["vt 0 0", "vt 1 1", "usemtl skin", "f 1/1 2/1 3/2 4/1", "usemtl teeth", "f 4/2 3/1 5/1", "f 6 7 4"]
    (tmp_path / "a.obj").write_text("\n".join(lines) + "\n")
    (mesh,) = read_mesh(tmp_path / "a.obj")
    np.testing.assert_array_equal(mesh.vertices, points)
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2, 3], [3, 2, 4, 4], [5, 6, 3, 3]])


def test_meshes_that_do_not_correspond_are_refused(known, drawn, tmp_path):
    np.savez(tmp_path / "a.npz", vertices=drawn[:2], faces=known[2])
    np.savez(tmp_path / "b.npz", vertices=drawn[2], faces=known[2][:-1])
    with pytest.raises(ValueError, match=r"b\.npz and a\.npz are not in correspondence"):
        build_model(tmp_path, "x", None, 1)


def test_more_components_than_the_meshes_have_are_refused(known, drawn, tmp_path):
    np.savez(tmp_path / "a.npz", vertices=drawn[:3], faces=known[2])
    with pytest.raises(ValueError, match=r"components must be in \[1, 2\]"):
        build_model(tmp_path, "x", None, 3)
    with pytest.raises(ValueError, match="of which the meshes differ"):
        principal_model(drawn, TRUE + 1)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.npz", b"PK nonsense", "cannot be read"),
        ("a.obj", b"v 0 0 0\n", "a.obj"),
        ("a.ply", b"ply\nformat", "a.ply"),
        ("a.ply", b"", "a.ply"),
        ("a.ply", POINTS, "a.ply"),
    ],
)
def test_a_file_that_is_no_mesh_is_named(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=said):
        read_mesh(tmp_path / name)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.95])
def test_a_cut_npz_is_named(known, tmp_path, share):
    np.savez_compressed(tmp_path / "a.npz", vertices=known[0], faces=known[2])
    raw = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(raw[: int(share * len(raw))])
    with pytest.raises(ValueError, match=r"a\.npz cannot be read as a mesh"):
        read_mesh(tmp_path / "a.npz")


def test_a_face_of_a_vertex_that_is_not_there_is_refused(known, tmp_path):
    np.savez(tmp_path / "a.npz", vertices=known[0], faces=known[2] + 1)
    with pytest.raises(ValueError, match=r"a\.npz: faces must be of vertices 0 to 161"):
        read_mesh(tmp_path / "a.npz")


@pytest.mark.parametrize("metres", [1, 1e-2, 1e-3, 1e-6])
def test_a_head_has_its_size_in_one_unit_only(known, metres):
    assert metres_per_unit(known[0] / metres) == metres


def test_what_is_no_head_in_any_unit_is_refused(known):
    with pytest.raises(ValueError, match="a head measures"):
        metres_per_unit(known[0] * 1e5)
