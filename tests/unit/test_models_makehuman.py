"""Laws of the built-in model, built once through the cache."""

import subprocess
import sys

import numpy as np
import pytest

from synth.geometry import vertex_normals
from synth.models import load_model
from synth.models.makehuman import parts
from synth.models.makehuman.crowding import COMPONENTS
from synth.models.makehuman.landmarks import MIRROR
from synth.models.subdivision import refine
from synth.models.surface import closest_points

ZERO_EXPRESSION = np.zeros(52, dtype=np.float32)
MILLIMETRE = 1e-3


@pytest.fixture(scope="session")
def model():
    return load_model("makehuman")


@pytest.fixture(scope="session")
def fine(model):
    return model.subdivided(1)


def draws(model, count: int) -> np.ndarray:
    """Coefficients of people [count, Ki]: of heads, then of how their teeth stand."""
    rng = np.random.default_rng(0)
    heads = rng.normal(size=(count, len(model.identity) - COMPONENTS))
    return np.concatenate([heads, rng.normal(size=(count, COMPONENTS))], axis=1).astype(np.float32)


def unit(model, **weights: float) -> np.ndarray:
    """Expression weights [52] by name; a name without its side means both sides."""
    x = ZERO_EXPRESSION.copy()
    for name, weight in weights.items():
        for k, full in enumerate(model.expression_names):
            x[k] = weight if full in (name, f"{name}Left", f"{name}Right") else x[k]
    return x


def test_it_keeps_its_promises_of_size(model):
    assert len(model.identity) >= 80
    assert len(model.expression) == 52
    assert len(model.albedo_basis) >= 40
    assert float(model.source.split("components, ")[1].split("%")[0]) >= 98


def test_vertices_are_linear_in_the_coefficients(model):
    a, b = draws(model, 2)
    x = unit(model, jawOpen=0.5)
    exact = model.mean + np.einsum("k,kvx->vx", a + b, model.identity) + np.einsum("k,kvx->vx", x, model.expression)
    np.testing.assert_allclose(model.vertices(a + b, x), exact, atol=1e-6)


def test_vertices_are_the_same_bytes_every_time(model):
    a = draws(model, 1)[0]
    assert model.vertices(a, ZERO_EXPRESSION).tobytes() == model.vertices(a, ZERO_EXPRESSION).tobytes()


def test_subdivision_commutes_with_the_coefficients(model, fine):
    a, x = draws(model, 1)[0], unit(model, mouthSmile=0.7, jawOpen=0.4)
    from synth.models.subdivision import refine

    expected = refine(model.faces, len(model.mean))(model.vertices(a, x))
    np.testing.assert_allclose(fine.vertices(a, x), expected, atol=1e-6)


def test_the_mean_is_symmetric(model):
    flipped = model.mean * np.array([-1, 1, 1], dtype=np.float32)
    for point in flipped[::50]:
        assert (
            np.linalg.norm(model.mean - point, axis=1).min() < 0.5 * MILLIMETRE
        )  # the targets are not quite symmetric


def test_edges_are_manifold_and_wound_alike(model):
    half = np.stack([model.faces, np.roll(model.faces, -1, axis=1)], axis=-1).reshape(-1, 2)
    assert len(np.unique(half, axis=0)) == len(half)  # no half edge twice: two faces at most, wound alike


def test_skin_faces_outward(model):
    triangles = model.triangles()[np.isin(model.triangle_part(), (parts.SKIN, parts.NOSE))]
    corners = model.mean[triangles]
    skull = np.array([0, 0.07, 0.0])
    seen = corners.mean(axis=1)[:, 2] > -0.05
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outward = (normal * (corners.mean(axis=1) - skull)).sum(axis=1)[seen] > 0
    assert outward.mean() > 0.75  # sockets and nostrils turn inwards


def test_parts_mirror_each_other(model):
    centre = model.mean[model.faces].mean(axis=1)
    for right, left in ((parts.RIGHT_EAR, parts.LEFT_EAR),):
        assert abs((model.part == right).sum() - (model.part == left).sum()) <= 2
        assert centre[model.part == right, 0].max() < 0 < centre[model.part == left, 0].min()
    assert centre[model.part == parts.TOP_LIP, 2].mean() > centre[model.part == parts.BOTTOM_LIP, 2].mean()


@pytest.mark.parametrize("mesh", ["model", "fine"])
def test_landmarks_mirror_each_other(mesh, request):
    model = request.getfixturevalue(mesh)
    points = model.landmarks(model.mean)
    np.testing.assert_allclose(points[MIRROR] * [-1, 1, 1], points, atol=MILLIMETRE)


@pytest.mark.parametrize("mesh", ["model", "fine"])
def test_landmarks_lie_on_the_surface(mesh, request):
    model = request.getfixturevalue(mesh)
    held = np.sort(model.landmark_triangles, axis=1)
    quads = model.faces
    corners = {
        tuple(sorted(q))
        for face in quads.tolist()
        for q in (face[:3], face[1:], face[:1] + face[2:], face[:2] + face[3:])
    }
    assert all(tuple(row) in corners for row in held.tolist())
    assert (model.landmark_weights >= 0).all()
    np.testing.assert_allclose(model.landmark_weights.sum(axis=1), 1, atol=1e-6)


def test_landmarks_are_in_the_order_of_ibug(model):
    p = model.landmarks(model.mean)
    assert (np.diff(p[:17, 0]) > 0).all()  # jaw, from the subject's right
    assert (np.diff(p[17:27, 0]) > 0).all()  # brows
    assert (np.diff(p[27:31, 2]) < 0).all()  # down the nose
    assert (np.diff(p[31:36, 0]) > 0).all()  # nostrils
    assert p[36, 0] < p[39, 0] < p[42, 0] < p[45, 0]
    assert (p[[37, 38, 43, 44], 2] > p[[41, 40, 47, 46], 2]).all()
    assert (np.diff(p[48:55, 0]) > 0).all()
    assert p[51, 2] > p[62, 2] >= p[66, 2] > p[57, 2]


def test_landmarks_barely_move_when_the_mesh_is_subdivided(model, fine):
    moved = np.linalg.norm(fine.landmarks(fine.mean) - model.landmarks(model.mean), axis=1)
    assert moved.max() < 2 * MILLIMETRE


def test_a_face_of_the_subdivided_model_is_the_subdivision_of_the_models_face(model, fine):
    a, x = draws(model, 1)[0], unit(model, jawOpen=0.5)
    step = refine(model.faces, len(model.mean))
    np.testing.assert_allclose(fine.vertices(a, x), step(model.vertices(a, x)), atol=1e-6, rtol=0)


def test_a_subdivided_model_has_the_bases_of_the_model_itself_and_gives_them_at_its_vertices(model, fine):
    a, x = draws(model, 1)[0], unit(model, jawOpen=0.5)
    assert fine.identity is model.identity
    exact = fine.mean + np.einsum("k,kvx->vx", a, fine.at_vertices(fine.identity))
    exact += np.einsum("k,kvx->vx", x, fine.at_vertices(fine.expression))
    np.testing.assert_allclose(fine.vertices(a, x), exact, atol=1e-6, rtol=0)


def test_the_origin_is_between_the_eyes_of_everyone(model):
    for a in draws(model, 5):
        np.testing.assert_allclose(model.eyeballs.centers(a).mean(axis=0), 0, atol=1e-5)


def test_eyeballs_are_linear_in_the_identity(model):
    a = draws(model, 1)[0]
    eyes = model.eyeballs
    np.testing.assert_allclose(
        eyes.centers(a), eyes.center + np.einsum("k,kex->ex", a, eyes.center_identity), atol=1e-6
    )
    np.testing.assert_allclose(eyes.radii(a), eyes.radius + a @ eyes.radius_identity, atol=1e-6)
    assert eyes.center[0, 0] < 0 < eyes.center[1, 0]


def lid_gap(model, identity: np.ndarray, weight: float, side: str) -> np.ndarray:
    """Height of the upper over the lower lash path at the middle third of the eye, m."""
    points = model.vertices(identity, unit(model, **{f"eyeBlink{side.capitalize()}": weight}))
    upper, lower = (points[model.paths[f"{side}_{lid}_lash"]] for lid in ("upper", "lower"))
    first, last = np.sort(upper[[0, -1], 0])
    x = np.linspace(first, last, 9)[3:6]
    return np.subtract(*(np.interp(x, *lid[np.argsort(lid[:, 0])][:, (0, 2)].T) for lid in (upper, lower)))


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_blink_closes_an_open_lid(model, side):
    for a in draws(model, 10) * 0.7:
        assert (lid_gap(model, a, 0, side) > 3 * MILLIMETRE).all()
        assert (lid_gap(model, a, 1, side) < 0.3 * MILLIMETRE).all()


@pytest.mark.parametrize("weight", [0, 0.25, 0.5, 0.75, 1])
def test_lids_stay_outside_the_eyeballs(model, weight):
    points = model.vertices(np.zeros(len(model.identity)), unit(model, eyeBlink=weight))
    for eye, side in enumerate(("right", "left")):
        lashes = np.concatenate([model.paths[f"{side}_upper_lash"], model.paths[f"{side}_lower_lash"]])
        distance = np.linalg.norm(points[lashes] - model.eyeballs.center[eye], axis=1)
        assert distance.min() > model.eyeballs.radius[eye]


def drawn(model, count: int) -> np.ndarray:
    """Coefficients of people [count, Ki] within the bound of the scene's own draws."""
    return np.clip(draws(model, count), -2.5, 2.5)


@pytest.mark.parametrize("units", [{}, {"eyeBlink": 0.3}, {"eyeLookUp": 1}, {"eyeLookDown": 1}, {"eyeSquint": 0.7}])
def test_lids_stay_on_the_eyeballs_of_everyone(model, units):
    for a in drawn(model, 40):
        points = model.vertices(a, unit(model, **units))
        centers, radii = model.eyeballs.centers(a), model.eyeballs.radii(a)
        for eye, side in enumerate(("right", "left")):
            path = np.concatenate([model.paths[f"{side}_{lid}_lash"] for lid in ("upper", "lower")])
            height = np.linalg.norm(points[path] - centers[eye], axis=1) - radii[eye]
            assert height.min() > 1.2 * MILLIMETRE  # more than the cornea stands out where lids are
            assert height.max() < 5 * MILLIMETRE


def test_parted_lips_show_the_upper_incisors_of_everyone(model):
    edge = incisor_edge(model)
    for a in drawn(model, 40):
        points = model.vertices(a, ZERO_EXPRESSION)
        lip = model.landmarks(points)[62]
        incisors = points[edge].mean(axis=0)
        assert 1 * MILLIMETRE < lip[2] - incisors[2] < 4 * MILLIMETRE
        assert 3 * MILLIMETRE < incisors[1] - lip[1] < 7 * MILLIMETRE


def test_a_smile_shows_two_to_eight_millimetres_of_teeth(model):
    edge = incisor_edge(model)
    for a in drawn(model, 10):
        points = model.vertices(a, unit(model, mouthSmile=0.7, mouthUpperUp=0.25, jawOpen=0.15))
        assert 2 * MILLIMETRE < model.landmarks(points)[62, 2] - points[edge, 2].mean() < 8 * MILLIMETRE


def incisor_edge(model) -> np.ndarray:
    """The vertices at the middle of the upper front teeth's edge, one of each of the two foremost that the jaw does not
    move."""
    jaw = np.abs(model.expression[model.expression_names.index("jawOpen")]).max(axis=1)
    tooth = np.isin(np.arange(len(model.mean)), model.faces[model.part == parts.MOUTH]) & (jaw == 0)
    tooth &= (model.regions["teeth"] > 0.5) & (np.abs(model.mean[:, 0]) < MILLIMETRE)
    rows = np.flatnonzero(tooth)
    front = rows[model.mean[rows, 1] < model.mean[rows, 1].min() + 4 * MILLIMETRE]
    return front[model.mean[front, 2] < model.mean[front, 2].min() + 1e-2 * MILLIMETRE]


@pytest.mark.parametrize("side", ["right", "left"])
def test_lashes_run_from_the_inner_to_the_outer_corner(model, side):
    for lid in ("upper", "lower"):
        path = model.mean[model.paths[f"{side}_{lid}_lash"]]
        assert abs(path[0, 0]) < abs(path[-1, 0])
    upper, lower = model.paths[f"{side}_upper_lash"], model.paths[f"{side}_lower_lash"]
    assert upper[0] == lower[0]
    assert upper[-1] == lower[-1]


def test_the_jaw_takes_the_lower_teeth_along(model):
    moved = model.expression[model.expression_names.index("jawOpen")][:, 2]
    inside = np.isin(np.arange(len(moved)), model.faces[model.part == parts.MOUTH])
    assert moved[inside].min() < -15 * MILLIMETRE
    assert moved[inside].max() > -1 * MILLIMETRE


def test_the_garment_stays_outside_the_skin(model):
    for a in draws(model, 3):
        skin, garment = model.vertices(a, ZERO_EXPRESSION), model.garment.vertices(a, ZERO_EXPRESSION)
        triangles = model.triangles()[model.triangle_part() == parts.NECK]
        normals = vertex_normals(skin, triangles)
        for point in garment[::10]:
            row, weight = closest_points(point, skin[triangles])
            assert (point - weight @ skin[triangles[row]]) @ (weight @ normals[triangles[row]]) > 0


def test_regions_are_masks_and_do_not_overlap_where_they_must_not(model):
    assert all(mask.min() >= 0 and mask.max() == pytest.approx(1, abs=0.05) for mask in model.regions.values())
    r = model.regions
    assert (r["scalp"] * r["ears"]).max() < 0.3
    assert (r["scalp"] * r["forehead"]).max() < 0.5
    assert (r["beard"] * r["lips"]).max() < 0.3
    assert (r["right_brow"] * r["left_brow"]).max() == 0


def srgb(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def test_skin_is_ordered_red_green_blue_from_light_to_dark(model):
    cheek = model.regions["forehead"] > 0.9
    rows = []
    for first in (-1.3, 0, 2.0):  # as far as people are drawn
        coefficients = np.zeros(len(model.albedo_basis))
        coefficients[0] = first
        rows.append(srgb(model.albedo(coefficients)[cheek].mean(axis=0)))
    dark, medium, light = rows
    for color in rows:
        assert color[0] > color[1] > color[2] > 0.05
    assert dark.max() < 0.42
    assert 0.5 < medium.max() < 0.75
    assert 0.78 < light.max() < 0.92


def test_pncc_spans_the_unit_cube(fine):
    code = fine.pncc()
    assert code.min(axis=0).tolist() == [0, 0, 0]
    assert code.max(axis=0).tolist() == [1, 1, 1]


def test_triangles_cover_every_face_once(fine):
    assert len(fine.triangles()) == len(fine.triangle_uv()) == len(fine.triangle_part()) == 2 * len(fine.faces)


def test_loading_imports_neither_blender_nor_anny():
    code = (
        "import sys; import synth.models; assert 'h5py' not in sys.modules; synth.models.load_model('makehuman'); "
        "sys.exit(bool({'bpy', 'anny', 'torch', 'ray', 'hydra', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
