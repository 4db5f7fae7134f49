"""Glasses: they sit on nose and ears of every head, and cut into none."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from scenes.head import facewear
from scenes.head.config import FACEWEAR_KINDS, GLASSES_SHAPES, WearConfig
from scenes.head.eyes import Eyes
from scenes.head.glasses import (
    ARM,
    AROUND,
    BRIDGE,
    LASHES,
    LENGTH,
    RINGS,
    SECTION,
    TEMPLE,
    fit_glasses,
    only,
    outline,
    prepare_seat,
    template,
)
from scenes.head.worn import GlassesSpec, sample_facewear, sample_glasses
from synth.geometry import vertex_normals
from synth.models import load_model
from synth.rng import rng
from synth.spec import from_json, to_json

DRAWS, MASKED = 200, 60
SIDE = AROUND * SECTION + (ARM * SECTION + 2) + (TEMPLE * SECTION + 2)  # vertices of one side's part of a frame
LENS, PAD = RINGS * AROUND + 1, LENGTH * SECTION + 2  # vertices of a lens and of a pad


@pytest.fixture(scope="module")
def model():
    return load_model("makehuman").subdivided(1)


@pytest.fixture(scope="module")
def fits(model):
    """Of every draw: spec, frame, lenses with pads, heights (m) over the skin of frame and pads, eyes, ears' roots."""
    triangles, outside = model.triangles(), np.unique(model.triangles()[model.triangle_part() != 9])
    seat, found = prepare_seat(model, triangles), []
    near = outside[(np.abs(model.mean[outside, 2] + 0.01) < 0.08)]
    for k in range(DRAWS):
        chance = np.random.default_rng(k)
        identity = np.clip(chance.normal(size=len(model.identity)), -2.5, 2.5)
        vertices = model.vertices(identity, np.where(chance.random(len(model.expression)) < 0.08, 0.5, 0))
        normals, ears = vertex_normals(vertices, triangles), model.landmarks(vertices)[[0, 16]]
        spec = sample_glasses(WearConfig(glasses=1.0), rng(0, k, "glasses"))
        eyes = Eyes(model.eyeballs.centers(identity), model.eyeballs.radii(identity), np.array([[0, -1.0, 0]] * 2))
        frame, lenses = fit_glasses(spec, seat, vertices, normals, eyes, float(np.linalg.norm(ears[1] - ears[0])))
        points = np.concatenate([frame[0], *pads(lenses[0])])
        distance, nearest = cKDTree(vertices[near]).query(points)
        height = np.einsum("nk,nk->n", points - vertices[near][nearest], normals[near][nearest])
        height = np.where(distance < 0.02, height, np.inf)
        found.append((spec, frame, lenses, height, eyes, [vertices[seat.roots[s]] for s in (0, 1)]))
    return found


def pads(glass: np.ndarray) -> list[np.ndarray]:
    """The pads' points [PAD, 3] among those of lenses and pads."""
    return [glass[side * (LENS + PAD) + LENS :][:PAD] for side in (0, 1)]


def test_no_frame_cuts_into_the_skin(fits):
    deepest = np.array([height.min() for _, _, _, height, _, _ in fits])
    assert (deepest > -0.0005).mean() >= 0.97
    assert deepest.min() > -0.002


def test_the_pads_lie_on_the_nose(fits):
    for _, frame, _, height, _, _ in fits:
        for side in (0, 1):
            assert 0 < height[len(frame[0]) + side * PAD :][:PAD].min() < 0.002


def test_the_temples_lie_on_the_ears_roots(fits):
    for _, frame, _, _, _, roots in fits:
        for side, root in enumerate(roots):
            temple = frame[0][BRIDGE * SECTION + 2 + (side + 1) * SIDE - TEMPLE * SECTION - 2 :][: TEMPLE * SECTION]
            gap = cKDTree(temple).query(root)[0].min()
            assert gap < 0.009


def test_lenses_stand_before_the_eyes_and_off_the_lashes(fits):
    gaps = []
    for _, _, (points, _), _, eyes, _ in fits:
        front = eyes.centers[:, 1] - 1.08 * eyes.radii
        for side in (0, 1):
            lens = points[side * (LENS + PAD) :][:LENS]
            inside = (np.abs(lens[:, [0, 2]] - eyes.centers[side, [0, 2]]) < 0.008).all(axis=1)
            gaps.append((front[side] - lens[inside, 1]).min())
    assert min(gaps) > 0.8 * LASHES
    assert np.median(gaps) < 0.02


@pytest.fixture(scope="module")
def masked(model):
    """Of every draw: vertices of the skin, mask, frame, and its heights (m) over the mask, inf beside it."""
    triangles, found = model.triangles(), []
    seat, skin = prepare_seat(model, triangles), triangles[model.triangle_part() != 9]
    for k in range(MASKED):
        chance = np.random.default_rng(k)
        identity = np.clip(chance.normal(size=len(model.identity)), -2.5, 2.5)
        vertices = model.vertices(identity, np.where(chance.random(len(model.expression)) < 0.08, 0.5, 0))
        landmarks, kind = model.landmarks(vertices), FACEWEAR_KINDS[k % len(FACEWEAR_KINDS)]
        spec = sample_facewear(WearConfig(facewear=1.0, facewear_kinds={kind: 1.0}), rng(0, k, "facewear"))
        below = skin[(vertices[skin, 2] < 0.02).all(axis=1)]
        mask = facewear.fit_facewear(spec, vertices, below, landmarks, seat.roots, seat.sides)
        eyes = Eyes(model.eyeballs.centers(identity), model.eyeballs.radii(identity), np.array([[0, -1.0, 0]] * 2))
        width = float(np.linalg.norm(landmarks[16] - landmarks[0]))
        glasses = sample_glasses(WearConfig(glasses=1.0), rng(0, k, "glasses"))
        face = facewear.lifted(vertices, mask)
        frame, lenses = fit_glasses(
            glasses, seat, face, vertex_normals(face, triangles), eyes, width, facewear.outside(mask)
        )
        points = np.concatenate([frame[0], *pads(lenses[0])])
        found.append((vertices, mask, points, over(points, mask)))
    return found


def over(points: np.ndarray, mask: facewear.Sheet) -> np.ndarray:
    """Heights [N] (m) of points [N, 3] over the outside of a mask, from its axis; inf where it is not."""
    outside = mask.solid[0][: facewear.DOWN * facewear.ACROSS] - [0, facewear.AXIS_Y, 0]
    radius = np.hypot(*outside.T[:2]).reshape(facewear.DOWN, facewear.ACROSS)
    turn, reach = (
        np.arctan2(points[:, 0], facewear.AXIS_Y - points[:, 1]),
        np.hypot(points[:, 0], points[:, 1] - facewear.AXIS_Y),
    )
    column = np.interp(turn, mask.angle, np.arange(facewear.ACROSS))
    left = np.minimum(column.astype(int), facewear.ACROSS - 2)
    at = lambda table, row: table[row, left] + (column - left) * (table[row, left + 1] - table[row, left])
    top, low = at(mask.height, 0), at(mask.height, -1)
    row = (points[:, 2] - top) / (low - top) * (facewear.DOWN - 1)
    upper = np.clip(row.astype(int), 0, facewear.DOWN - 2)
    there = at(radius, upper) + (row - upper) * (at(radius, upper + 1) - at(radius, upper))
    beside = (np.abs(turn) > facewear.SPAN) | (row < 0) | (row > facewear.DOWN - 1)
    return np.where(beside, np.inf, reach - there)


def test_no_frame_cuts_into_a_mask(masked):
    deepest = np.array([height.min() for _, _, _, height in masked])
    assert np.isfinite(deepest).mean() > 0.5  # the others end above it
    assert deepest.min() > -0.0002


def test_pads_lie_on_the_mask_or_on_the_nose_above_it(masked):
    for vertices, mask, frame, height in masked:
        for side in (0, 1):
            start = BRIDGE * SECTION + 2 + 2 * SIDE + side * PAD
            pad = slice(start, start + PAD)
            outside = mask.solid[0][: facewear.DOWN * facewear.ACROSS]
            on_skin = cKDTree(vertices).query(frame[pad])[0].min()
            on_mask = min(height[pad].min(), cKDTree(outside).query(frame[pad])[0].min())
            assert min(on_skin, on_mask) < 0.003


def test_temples_pass_outside_of_a_masks_loops(masked):
    for _, mask, frame, _ in masked:
        loops = mask.solid[0][2 * facewear.DOWN * facewear.ACROSS :].reshape(2, -1, 3)
        for side, s in enumerate((-1, 1)):
            rings = loops[side][: facewear.LOOP * facewear.SECTION].reshape(facewear.LOOP, facewear.SECTION, 3)
            t = np.linspace(0, 1, 20, endpoint=False)[:, None, None]
            loop = (rings[:-1, None] * (1 - t) + rings[1:, None] * t).reshape(-1, 3)
            temple = frame[BRIDGE * SECTION + 2 + (side + 1) * SIDE - TEMPLE * SECTION - 2 :][: TEMPLE * SECTION]
            steps = temple.reshape(TEMPLE, SECTION, 3)
            inner = (steps[:-1, None] * (1 - t) + steps[1:, None] * t).reshape(-1, 3)
            away, near = cKDTree(loop[:, 1:]).query(inner[:, 1:], distance_upper_bound=0.0008)
            beside = np.isfinite(away)
            assert (s * (inner[beside, 0] - loop[near[beside], 0])).min(initial=1.0) > -0.0003


def test_lenses_and_pads_are_parted_without_a_rest(fits):
    for _, _, glass, _, _, _ in fits[:5]:
        lenses, clear = only(False, glass)[0], only(True, glass)[0]
        for side in (0, 1):
            start = side * (LENS + PAD)
            lens, pad = slice(start, start + LENS), slice(start + LENS, start + LENS + PAD)
            np.testing.assert_array_equal(lenses[lens], glass[0][lens])
            np.testing.assert_array_equal(clear[pad], glass[0][pad])
            assert np.ptp(clear[lens], axis=0).max() == np.ptp(lenses[pad], axis=0).max() == 0


def test_every_frame_has_the_triangles_that_the_mesh_was_made_with(fits):
    for _, frame, lenses, _, _, _ in fits[:20]:
        np.testing.assert_array_equal(frame[1], template()[0][1])
        np.testing.assert_array_equal(lenses[1], template()[1][1])
        assert len(frame[0]) == len(template()[0][0])


def test_frames_are_closed_and_turned_outwards(fits):
    points, triangles = fits[0][1]
    edges = np.concatenate([triangles[:, (0, 1)], triangles[:, (1, 2)], triangles[:, (2, 0)]])
    assert {tuple(e) for e in edges} == {tuple(e[::-1]) for e in edges}
    for first, last in (
        (0, BRIDGE * SECTION + 2),
        *((start, start + AROUND * SECTION) for start in (BRIDGE * SECTION + 2, BRIDGE * SECTION + 2 + SIDE)),
    ):
        a, b, c = np.moveaxis(points[triangles[(triangles >= first).all(1) & (triangles < last).all(1)]], 1, 0)
        assert np.einsum("nk,nk->", a - points[first], np.cross(b - points[first], c - points[first])) > 0


def test_lenses_face_forward(fits):
    for _, _, (points, triangles), _, _, _ in fits[:20]:
        normals = vertex_normals(points, triangles)
        for side in (0, 1):
            assert (normals[side * (LENS + PAD) :][:LENS, 1] < -0.5).all()


@pytest.mark.parametrize("shape", GLASSES_SHAPES)
def test_an_outline_fills_its_box_and_turns_once(shape):
    flat = outline(shape)
    np.testing.assert_allclose(np.abs(flat).max(axis=0), 1)
    turn = np.unwrap(np.arctan2(flat[:, 1], flat[:, 0]))
    assert (np.diff(turn) > 0).all()


def test_glasses_are_as_frequent_as_the_config_says():
    draws = [sample_glasses(WearConfig(glasses=0.15, dark_lenses=0.3), rng(3, k, "glasses")) for k in range(2000)]
    worn = [spec for spec in draws if spec]
    assert len(worn) / 2000 == pytest.approx(0.15, abs=0.025)
    assert np.mean([spec.dark for spec in worn]) == pytest.approx(0.3, abs=0.08)
    assert all(max(spec.tint) < 0.4 for spec in worn if spec.dark)
    assert all(min(spec.tint) > 0.75 for spec in worn if not spec.dark)


def test_glasses_survive_as_json():
    spec = sample_glasses(WearConfig(glasses=1.0), rng(0, 0, "glasses"))
    assert from_json(GlassesSpec, to_json(spec)) == spec


def test_an_unknown_shape_is_named():
    with pytest.raises(ValueError, match=r"scene\.wear\.glasses_shapes.*monocle"):
        WearConfig(glasses_shapes={"monocle": 1.0})
