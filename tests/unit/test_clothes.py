"""Clothes: outside of every body, of one topology, drawn as often as the config says."""

from collections import Counter

import numpy as np
import pytest
from scipy.spatial import cKDTree

from scenes.head.attire import CLOSED, CLOTHS_OF, OPEN, UNDER, ClothesSpec, sample_cloth, sample_clothes
from scenes.head.attire_config import CLOTHES_KINDS, CLOTHS, PATTERNS, ClothesConfig
from scenes.head.cloth import SIZE, tile
from scenes.head.clothes import fit_clothes, prepare_body
from scenes.head.config import HairConfig
from scenes.head.cut import COLUMNS
from scenes.head.garments import ROWS
from scenes.head.garments import template as garment_template
from scenes.head.hair import HeadField
from scenes.head.hairstyles import grow_hair
from scenes.head.hairstyles.scalp import prepare_scalp
from scenes.head.hairstyles.spec import sample_hair
from scenes.head.neckwear import template as neckwear_template
from scenes.head.torso import lay
from synth.compose import compose_config
from synth.geometry import vertex_normals
from synth.models import load_model
from synth.rng import rng
from synth.spec import from_json, to_json

DRAWS = 200
DEEPEST = 0.0005  # m that a vertex may be below the nearest vertex's plane: the skin bends between vertices
BORDER = 0.02  # m from where the model's skin ends


@pytest.fixture(scope="module")
def model():
    return load_model("makehuman").subdivided(1)


@pytest.fixture(scope="module")
def body(model):
    return prepare_body(model)


def posed(model, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Skin and the model's own garment of somebody."""
    chance = np.random.default_rng(k)
    identity = np.clip(chance.normal(size=len(model.identity)), -2.5, 2.5)
    expression = np.where(chance.random(len(model.expression)) < 0.08, 0.5, 0)
    return model.vertices(identity, expression), model.garment.vertices(identity, expression)


def drawn(k: int, **changes) -> ClothesSpec:
    spec = sample_clothes(ClothesConfig(**({"scarf": 0.15} | changes)), rng(0, k, "clothes"))
    assert spec is not None
    return spec


@pytest.fixture(scope="module")
def outfits(model, body):
    """Of every draw: spec, skin, and its pieces; each kind in turn."""
    found = []
    for k in range(DRAWS):
        spec = drawn(k, kinds={CLOTHES_KINDS[k % len(CLOTHES_KINDS)]: 1.0})
        vertices, garment = posed(model, k)
        found.append((spec, vertices, fit_clothes(spec, body, vertices, garment)))
    return found


@pytest.fixture(scope="module")
def border(model):
    """Vertices at the lower end of the skin."""
    triangles = model.triangles()
    edges = np.sort(np.concatenate([triangles[:, (0, 1)], triangles[:, (1, 2)], triangles[:, (2, 0)]]), axis=1)
    edges, count = np.unique(edges, axis=0, return_counts=True)
    ends = np.unique(edges[count == 1])
    return ends[model.mean[ends, 2] < -0.2]


@pytest.fixture(scope="module")
def measured(model, border) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of the skin, and its vertices further than BORDER from its end, where it is crumpled."""
    skin = model.triangles()[model.triangle_part() != 9]
    used = np.unique(skin)
    return skin, used[cKDTree(model.mean[border]).query(model.mean[used])[0] > BORDER]


def lowest(points: np.ndarray, vertices: np.ndarray, measured: tuple[np.ndarray, np.ndarray]) -> float:
    """The least height (m) of points [N, 3] over the plane of the nearest vertex of the skin."""
    skin, inner = measured
    used = np.unique(skin)
    distance, near = cKDTree(vertices[used]).query(points, distance_upper_bound=0.02)
    near = used[near[np.isfinite(distance)]]
    height = np.einsum("nk,nk->n", points[np.isfinite(distance)] - vertices[near], vertex_normals(vertices, skin)[near])
    return float(height[np.isin(near, inner)].min(initial=1.0))


def test_no_clothes_go_into_neck_or_shoulders(outfits, measured):
    for spec, vertices, pieces in outfits:
        for name, piece in pieces.items():
            assert lowest(piece.solid[0], vertices, measured) > -DEEPEST, (spec.kind, name)


@pytest.mark.slow
def test_none_of_twelve_hundred_clothes_go_into_neck_or_shoulders(model, body, measured):
    for k in range(1200):
        spec = drawn(k, kinds={CLOTHES_KINDS[k % len(CLOTHES_KINDS)]: 1.0})
        vertices, garment = posed(model, k)
        for name, piece in fit_clothes(spec, body, vertices, garment).items():
            assert lowest(piece.solid[0], vertices, measured) > -DEEPEST, (k, spec.kind, name)


def test_cloth_has_no_lumps_where_arms_leave_the_body(model, body):
    for k in range(60):
        ground = lay(body.torso, np.concatenate(posed(model, k)))
        shoulders = ground.torso.rows > 0.1
        assert ground.lift[shoulders].max() < 0.005


def test_a_garment_begins_on_the_neck_and_goes_on_below_the_picture(outfits):
    for _, _, pieces in outfits:
        points = pieces["garment"].solid[0][: COLUMNS * ROWS].reshape(ROWS, COLUMNS, 3)
        assert points[..., 2].min() < -0.36
        assert points[:, [0, COLUMNS // 2], 2].max() > -0.3


def test_sleeves_hang_down_from_where_arms_are_widest(outfits):
    wider = []
    for spec, _, pieces in outfits:
        points = list(pieces.values())[len(spec.garments) - 1].solid[0][: COLUMNS * ROWS]
        high, low = (np.abs(points[np.abs(points[:, 2] - z) < 0.015, 0]).max() for z in (-0.30, -0.40))
        wider.append(low - high)
    assert np.mean(wider) < 0.008


def test_every_piece_has_the_triangles_that_its_mesh_was_made_with(outfits):
    for _, _, pieces in outfits[:24]:
        for name, piece in pieces.items():
            points, triangles = neckwear_template() if name == "neckwear" else garment_template()
            np.testing.assert_array_equal(piece.solid[1], triangles)
            assert piece.solid[0].shape == points.shape == piece.cloth.shape


def test_points_and_their_places_on_the_cloth_are_finite(outfits):
    for _, _, pieces in outfits:
        for piece in pieces.values():
            assert np.isfinite(piece.solid[0]).all()
            assert np.isfinite(piece.cloth).all()


def test_a_body_faces_outwards(outfits):
    for _, _, pieces in outfits[:24]:
        points, triangles = pieces["garment"].solid
        normals = vertex_normals(points, triangles)[: COLUMNS * ROWS].reshape(ROWS, COLUMNS, 3)
        assert (normals[8:-8, 5, 1] < 0).mean() > 0.9  # in front
        assert (normals[8:-8, COLUMNS // 2, 1] > 0).mean() > 0.9  # behind


def test_what_is_worn_over_lies_over(outfits):
    layered = [pieces for spec, _, pieces in outfits if spec.kind in OPEN]
    assert len(layered) > 30
    for pieces in layered:
        inner, outer = (
            pieces[name].solid[0][: COLUMNS * ROWS].reshape(ROWS, COLUMNS, 3) for name in ("garment", "jacket")
        )
        shoulder = COLUMNS // 4
        height = lambda points: np.interp(0.12, points[6:30, shoulder, 0], points[6:30, shoulder, 2])  # noqa: B023
        assert height(outer) > height(inner)


def test_a_garment_follows_the_body_it_is_on(model, body):
    spec = drawn(0, kinds={"crew_neck": 1.0})
    made = [fit_clothes(spec, body, *posed(model, k))["garment"].solid[0] for k in (1, 2)]
    assert np.abs(made[0] - made[1]).max() > 0.005


@pytest.mark.parametrize("cloth", CLOTHS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_tiles_are_finite_reflectances_that_go_on_over_their_edges(cloth, pattern):
    for k in range(3):
        spec = sample_cloth(ClothesConfig(), {cloth: 1.0}, "crew_neck", rng(0, k, "cloth"))
        values = tile(type(spec)(**{name: getattr(spec, name) for name in spec.__slots__} | {"pattern": pattern}))
        assert values.shape == (SIZE, SIZE, 4)
        assert values.dtype == np.float32
        assert ((values >= 0) & (values <= 1)).all()
        inside = np.abs(np.diff(values, axis=0)).mean(axis=(0, 1)) + 1e-3
        over = np.abs(values[0] - values[-1]).mean(axis=0)
        assert (over < 8 * inside + 0.1).all()


def test_every_kind_is_drawn_with_its_weight():
    kinds = {"crew_neck": 3.0, "blazer": 1.0}
    drawn_kinds = Counter(drawn(k, kinds=kinds).kind for k in range(1200))
    assert drawn_kinds["crew_neck"] / 1200 == pytest.approx(0.75, abs=0.04)
    assert set(drawn_kinds) == set(kinds)
    assert {drawn(k).kind for k in range(600)} == set(CLOTHES_KINDS)


def test_a_kind_that_is_left_out_is_not_drawn_beneath_where_another_can_be():
    inner = lambda kinds: {drawn(k, kinds=kinds).garments[0].kind for k in range(120)}
    assert inner({"cardigan": 1.0, "blazer": 1.0, "shirt": 0.5, "tank": 0.0}) == {"shirt"}
    assert inner({"cardigan": 1.0, "jacket": 1.0, "crew_neck": 0.1, "v_neck": 0.1, "shirt": 0.0}) == {
        "crew_neck",
        "v_neck",
    }
    assert inner({"cardigan": 1.0}) == set(UNDER["cardigan"])


def test_nobody_wears_clothes_whose_probability_is_0():
    assert all(sample_clothes(ClothesConfig(worn=0.0), rng(0, k, "clothes")) is None for k in range(50))
    bare = [drawn(k, scarf=0.0, tie=0.0) for k in range(300)]
    assert not any(spec.neckwear for spec in bare)


def test_ties_are_worn_with_shirts_alone_which_are_buttoned_up_for_them():
    worn = [drawn(k, scarf=0.0, tie=0.5, kinds={"shirt": 1.0, "polo": 1.0}) for k in range(400)]
    tied = [spec for spec in worn if spec.neckwear]
    assert {spec.neckwear.kind for spec in tied} == {"tie"}
    assert all(spec.garments[0].kind == "shirt" and spec.garments[0].depth < CLOSED for spec in tied)
    shirts = [spec for spec in worn if spec.garments[0].kind == "shirt"]
    assert 0.4 < len(tied) / len(shirts) < 0.6
    assert any(spec.garments[0].depth >= CLOSED for spec in shirts)


def test_most_of_those_in_formal_clothes_wear_a_tie():
    config = compose_config(["+experiment=faces_demo", "clothes=formal"])
    drawn = [sample_clothes(config.scene.clothes, rng(0, k, "clothes")) for k in range(400)]
    assert np.mean([spec is not None and spec.neckwear is not None for spec in drawn]) > 0.6


@pytest.mark.parametrize("style", ["buzz", "crop"])
def test_a_hood_throws_no_hair_of_the_nape_out_over_its_edge(model, body, style):
    scalp = prepare_scalp(model, model.triangles(), 2500)
    outside = np.unique(model.triangles()[model.triangle_part() != 9])
    hair_config = HairConfig(styles={style: 1.0})
    for k in range(8):
        vertices, garment = posed(model, k)
        pieces = fit_clothes(drawn(k, kinds={"hoodie": 1.0}), body, vertices, garment)
        field = HeadField(np.concatenate([vertices[outside], *(piece.solid[0] for piece in pieces.values())]))
        spec = sample_hair(hair_config, 0.5, 0.4, 0.0, 0.4, rng(0, k, "hair"))
        points = grow_hair(spec, scalp, vertices, vertex_normals(vertices, model.triangles()), field).points
        steps = np.linalg.norm(np.diff(points, axis=1), axis=-1)
        assert (steps.max(axis=1) < np.maximum(0.0201, 3.01 * np.median(steps, axis=1))).all()
        assert len(points) > 500


def test_a_cloth_that_is_switched_off_is_not_drawn_where_there_is_another():
    cloths = dict.fromkeys(CLOTHS, 1.0) | {"jersey": 0.0}
    garments = [garment for k in range(400) for garment in drawn(k, cloths=cloths).garments]
    assert not any(garment.cloth.cloth == "jersey" for garment in garments)
    assert all(garment.cloth.cloth in CLOTHS_OF[garment.kind] for garment in garments)


def test_clothes_survive_as_json():
    for k in range(20):
        assert from_json(ClothesSpec, to_json(drawn(k))) == drawn(k)


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match=r"scene\.clothes\.kinds.*toga"):
        ClothesConfig(kinds={"toga": 1.0})
