"""Headwear and masks: outside of every head, closed, over the hair."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from scenes.head import facewear, headwear
from scenes.head.config import FACEWEAR_KINDS, HEADWEAR_KINDS, WearConfig
from scenes.head.glasses import prepare_seat
from scenes.head.headscarf import WRAP
from scenes.head.headwear import AROUND, BRIM, CROWN
from scenes.head.worn import FacewearSpec, HeadwearSpec, sample_facewear, sample_headwear
from synth.geometry import vertex_normals
from synth.models import load_model
from synth.rng import rng
from synth.spec import from_json, to_json

DRAWS, FACES = 5, 16  # of each kind of headwear, of masks
SHEET = facewear.DOWN * facewear.ACROSS


@pytest.fixture(scope="module")
def model():
    return load_model("makehuman").subdivided(1)


@pytest.fixture(scope="module")
def skin(model):
    return model.triangles()[model.triangle_part() != 9]


def posed(model, k: int) -> np.ndarray:
    chance = np.random.default_rng(k)
    expression = np.where(chance.random(len(model.expression)) < 0.08, 0.5, 0)
    return model.vertices(np.clip(chance.normal(size=len(model.identity)), -2.5, 2.5), expression)


def hat(kind: str, k: int) -> HeadwearSpec:
    return sample_headwear(WearConfig(headwear=1.0, headwear_kinds={kind: 1.0}), rng(0, k, "headwear"))


def mask(kind: str, k: int) -> FacewearSpec:
    return sample_facewear(WearConfig(facewear=1.0, facewear_kinds={kind: 1.0}), rng(0, k, "facewear"))


def heights(points, vertices, skin) -> np.ndarray:
    """Of points over the nearest vertex of the skin, m; inf where that is far."""
    used = np.unique(skin)
    normals = vertex_normals(vertices, skin)[used]
    distance, near = cKDTree(vertices[used]).query(points)
    return np.where(distance < 0.02, np.einsum("nk,nk->n", points - vertices[used][near], normals[near]), np.inf)


@pytest.mark.parametrize("kind", HEADWEAR_KINDS)
def test_headwear_lies_outside_of_the_head(model, skin, kind):
    for k in range(DRAWS):
        vertices = posed(model, k)
        shell = headwear.fit_headwear(hat(kind, k), vertices, skin)
        assert np.isfinite(shell.solid[0]).all()
        outside = shell.solid[0][: CROWN * AROUND]
        outside = outside[outside[:, 2] > -0.12]  # below, a headscarf goes into the collar
        assert heights(outside, vertices, skin).min() > -0.0005


@pytest.mark.parametrize("kind", HEADWEAR_KINDS)
def test_headwear_has_the_triangles_that_its_mesh_was_made_with(model, skin, kind):
    solid = headwear.fit_headwear(hat(kind, 0), posed(model, 0), skin).solid
    np.testing.assert_array_equal(solid[1], headwear.template()[1])
    assert solid[0].shape == headwear.template()[0].shape


@pytest.mark.parametrize("kind", HEADWEAR_KINDS)
def test_headwear_is_closed_and_turned_outwards(model, skin, kind):
    points, triangles = headwear.fit_headwear(hat(kind, 1), posed(model, 1), skin).solid
    edges = np.concatenate([triangles[:, (0, 1)], triangles[:, (1, 2)], triangles[:, (2, 0)]])
    assert {tuple(e) for e in edges} == {tuple(e[::-1]) for e in edges}
    a, b, c = np.moveaxis(points[triangles[(triangles < 2 * (CROWN + BRIM) * AROUND).all(axis=1)]], 1, 0)
    assert np.einsum("nk,nk->", a, np.cross(b, c)) > 0


def test_eyes_and_mouth_stay_free_of_headwear(model, skin):
    for kind in HEADWEAR_KINDS:
        for k in range(DRAWS):
            vertices = posed(model, k)
            points, triangles = headwear.fit_headwear(hat(kind, k), vertices, skin).solid
            seen = model.landmarks(vertices)[17:]  # brows, nose, eyes and mouth
            flat, at = points[triangles][..., [0, 2]], seen[:, None, [0, 2]]
            in_front = points[triangles][..., 1].mean(axis=1) < seen[:, None, 1]
            turn = lambda p, q, r: (q - p)[..., 0] * (r - p)[..., 1] - (q - p)[..., 1] * (r - p)[..., 0]
            signs = [np.sign(turn(flat[:, i], flat[:, (i + 1) % 3], at)) for i in range(3)]
            inside = (np.abs(np.sum(signs, axis=0)) == 3) & in_front
            assert not inside[10:].any(), (kind, k)  # the visor of a cap may shade the brows


def test_a_ribbon_goes_around_the_crown_as_high_as_drawn(model, skin):
    for k in range(DRAWS):
        spec = hat("hat", k)
        shell = headwear.fit_headwear(spec, posed(model, k), skin)
        assert shell.marks.shape == (len(shell.solid[0]), 3)
        crown = shell.solid[0][: CROWN * AROUND].reshape(CROWN, AROUND, 3)
        high = np.linalg.norm(crown - crown[-1], axis=-1)
        ribbon = (shell.marks[:, 0] < spec.band)[: CROWN * AROUND].reshape(CROWN, AROUND)
        assert ribbon[-1].all() == (spec.band > 0)
        assert high[ribbon].max(initial=0.0) < 1.3 * spec.band + 1e-6


def test_a_cap_has_a_seam_down_the_middle_of_its_front_and_others_have_none(model, skin):
    for kind in HEADWEAR_KINDS:
        beside = headwear.fit_headwear(hat(kind, 0), posed(model, 0), skin).marks[:, 1]
        assert (beside[: CROWN * AROUND].reshape(CROWN, AROUND)[:, 0] < 1e-9).all() == (kind == "cap")
        assert (beside < 0.002).any() == (kind == "cap")


def test_hair_is_pressed_under_the_crown(model, skin):
    for kind in HEADWEAR_KINDS[:-1]:
        vertices = posed(model, 2)
        shell = headwear.fit_headwear(hat(kind, 2), vertices, skin)
        chance = np.random.default_rng(0)
        direction = chance.normal(size=(400, 5, 3)) + np.array([0, 0, 1.5])
        strands = headwear.CENTER + 0.3 * direction / np.linalg.norm(direction, axis=-1, keepdims=True)
        pressed = headwear.press(strands, shell).reshape(-1, 3)
        _, elevation, radius = headwear._polar(pressed)
        under = elevation > shell.rim.max()
        assert under.sum() > 300
        assert radius[under].max() < shell.inner.max()
        assert heights(pressed[under], vertices, skin).min() > -0.002


def test_no_hair_is_left_under_a_headscarf(model, skin):
    shell = headwear.fit_headwear(hat("headscarf", 0), posed(model, 0), skin)
    assert len(headwear.press(np.zeros((7, 4, 3)), shell)) == 0


@pytest.fixture(scope="module")
def masks(model, skin):
    seat, found = prepare_seat(model, model.triangles()), []
    for kind in FACEWEAR_KINDS:
        for k in range(FACES):
            vertices = posed(model, k)
            front = skin[(vertices[skin, 2] < 0.02).all(axis=1)]
            landmarks = model.landmarks(vertices)
            sheet = facewear.fit_facewear(mask(kind, k), vertices, front, landmarks, seat.roots, seat.sides)
            found.append((vertices, landmarks, sheet))
    return found


def test_masks_lie_outside_of_the_face(masks, skin):
    for vertices, _, sheet in masks:
        assert np.isfinite(sheet.solid[0]).all()
        assert heights(sheet.solid[0][: 2 * SHEET], vertices, skin).min() > -0.0005
        assert np.quantile(heights(sheet.solid[0][2 * SHEET :], vertices, skin), 0.02) > -0.002


def test_masks_cover_mouth_and_nostrils_and_leave_the_eyes(masks):
    for _, landmarks, sheet in masks:
        low, high = sheet.height[-1, facewear.ACROSS // 2], sheet.height[0, facewear.ACROSS // 2]
        assert (landmarks[[33, 48, 54, 57, 8], 2] > low).all()
        assert (landmarks[[33, 48, 54, 57, 30], 2] < high).all()
        assert (landmarks[36:48, 2] > sheet.height[0].max()).mean() > 0.9


def test_masks_have_no_points_over_noses_and_lips(masks):
    """A membrane over the tip of a nose has one; cloth is stiff."""
    for _, _, sheet in masks[: 2 * FACES]:  # a respirator has a fold down its middle
        r = sheet.radius
        around = 0.25 * (r[2:, 1:-1] + r[:-2, 1:-1] + r[1:-1, 2:] + r[1:-1, :-2])
        assert (r[1:-1, 1:-1] - around).max() < 0.0016


def test_masks_have_the_triangles_that_their_mesh_was_made_with_and_face_outwards(masks):
    for _, _, sheet in masks:
        np.testing.assert_array_equal(sheet.solid[1], facewear.template()[1])
        edges = np.concatenate([sheet.solid[1][:, k] for k in ((0, 1), (1, 2), (2, 0))])
        assert {tuple(e) for e in edges} == {tuple(e[::-1]) for e in edges}
        normals = vertex_normals(sheet.solid[0], sheet.solid[1])[:SHEET].reshape(facewear.DOWN, facewear.ACROSS, 3)
        assert (normals[3:-3, facewear.ACROSS // 2, 1] < 0).all()


def test_a_beard_is_pressed_under_a_mask(masks):
    _, landmarks, sheet = masks[0]
    strand = np.linspace(landmarks[57], landmarks[57] - [0, 0.2, 0], 6)[None]
    pressed = facewear.press(strand, sheet)
    assert np.abs(pressed[0, -1, 1] - landmarks[57, 1]) < 0.03
    np.testing.assert_allclose(pressed[0, :, 2], strand[0, :, 2])


@pytest.mark.parametrize(("draw", "name"), [(sample_headwear, "headwear"), (sample_facewear, "facewear")])
def test_things_are_as_frequent_as_the_config_says_and_survive_as_json(draw, name):
    specs = [draw(WearConfig(headwear=0.2, facewear=0.2), rng(3, k, name)) for k in range(1500)]
    worn = [spec for spec in specs if spec]
    assert len(worn) / 1500 == pytest.approx(0.2, abs=0.03)
    assert from_json(type(worn[0]), to_json(worn[0])) == worn[0]


def test_the_defaults_are_digifaces():
    config = WearConfig()
    assert (config.glasses, config.headwear, config.facewear) == (0.15, 0.15, 0.01)


def test_a_headscarf_lies_on_the_shoulders_and_on_what_is_worn_there(model, skin):
    for k in range(DRAWS):
        vertices = posed(model, k)
        used = np.unique(skin)
        body = vertices[used][vertices[used, 2] < -0.14]
        cloth = body + 0.01 * vertex_normals(vertices, skin)[used][vertices[used, 2] < -0.14]
        points = headwear.fit_headwear(hat("headscarf", k), vertices, skin, cloth).solid[0][
            2 * (CROWN + BRIM) * AROUND :
        ]
        outside = points[: WRAP * AROUND].reshape(WRAP, AROUND, 3)
        sides = outside[WRAP // 2 :, [AROUND // 4, 3 * AROUND // 4]].reshape(-1, 3)
        over = cKDTree(cloth).query(sides)[0]
        assert np.median(over) < 0.02
        assert (heights(outside[1:].reshape(-1, 3), vertices, skin) > 0).all()


def test_a_headscarf_hangs_from_its_own_edge_and_leaves_no_neck_bare(model, skin):
    behind = slice(AROUND // 4, 3 * AROUND // 4)
    for k in range(DRAWS):
        points = headwear.fit_headwear(hat("headscarf", k), posed(model, k), skin).solid[0]
        rim = points[(CROWN - 1) * AROUND : CROWN * AROUND][behind]
        first = points[2 * (CROWN + BRIM) * AROUND :][:AROUND][behind]
        assert np.linalg.norm((first - rim)[:, :2], axis=1).max() < 0.003
        assert (first[:, 2] - rim[:, 2]).min() > -0.003


def test_a_headscarf_lies_on_the_face_around_it(model, skin):
    for k in range(DRAWS):
        vertices = posed(model, k)
        rim = headwear.fit_headwear(hat("headscarf", k), vertices, skin).solid[0][(CROWN - 1) * AROUND :][:AROUND]
        away = cKDTree(vertices[np.unique(skin)]).query(rim[rim[:, 1] < 0.05])[0]
        assert away.max() < 0.0085
