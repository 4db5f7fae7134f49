"""Hair by families: where it grows, that it stays on the head and out of it, and how wide it is."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from heads import head, heights
from scipy.spatial import KDTree

from scenes.head import hair, hairstyles, headwear
from scenes.head.config import HAIR_STYLES, HairConfig, WearConfig
from scenes.head.hairstyles.grow import at_steps, first_hairs
from scenes.head.hairstyles.scalp import TOP, behind, cover, prepare_scalp, tint
from scenes.head.hairstyles.spec import HairSpec, sample_hair
from scenes.head.hairstyles.tied import _tie, tied
from scenes.head.shoulders import Shoulders
from scenes.head.worn import sample_headwear
from synth.geometry import normalize
from synth.models import load_model
from synth.rng import rng

GROWN = HAIR_STYLES[1:]
DRAWS = 11  # of each family: some 200 heads
FALLING = [style for style in GROWN if hairstyles.FAMILIES[style].falls and style != "fringe"]


@pytest.fixture(scope="module")
def model():
    return load_model("makehuman")


@pytest.fixture(scope="module")
def scalp(model):
    return prepare_scalp(model, model.triangles(), 1500)


def drawn(style: str, k: int = 0, **changes) -> HairSpec:
    config = HairConfig(styles={style: 1.0})
    return replace(sample_hair(config, 0.5, 0.4, 0.0, 0.4, rng(0, k, "hair")), **changes)


def grown(model, scalp, style: str, k: int = 0, **changes: Any) -> hairstyles.Strands:
    return hairstyles.grow_hair(drawn(style, k, **changes), scalp, *head(model, k))


@pytest.mark.parametrize("style", GROWN)
def test_strands_start_on_the_scalp_in_steps_that_are_short(model, scalp, style):
    for k in range(DRAWS):
        strands = grown(model, scalp, style, k).points
        assert strands.dtype == np.float32  # or the memory of all that follows is twice as much
        assert np.isfinite(strands).all()
        assert len(strands) > 0.1 * len(scalp.roots.corners)
        distance, _ = KDTree(scalp.roots.at(head(model, k)[0])).query(strands[:, 0])
        assert distance.max() < 1e-9
        steps = np.linalg.norm(np.diff(strands, axis=1), axis=-1)
        assert np.quantile(steps, 0.999) < 0.04
        assert steps.max() < 0.07


@pytest.mark.parametrize("style", GROWN)
def test_no_strand_is_wider_than_long(model, scalp, style):
    for k in range(4):
        strands = grown(model, scalp, style, k)
        length = np.linalg.norm(np.diff(strands.points, axis=1), axis=-1).sum(axis=1)
        assert length.min() > 2 * min(strands.radius.max(), hairstyles.WIDE)


@pytest.mark.parametrize("style", GROWN)
def test_strands_do_not_go_through_the_head(model, scalp, style):
    inside = [
        heights(model, grown(model, scalp, style, k).points[:, 1:].reshape(-1, 3), k) < -0.002 for k in range(DRAWS)
    ]
    assert np.concatenate(inside).mean() < 0.004


@pytest.mark.parametrize("style", FALLING)
def test_hair_that_falls_leaves_the_eyes_free(model, scalp, style):
    for k in range(DRAWS):
        points = grown(model, scalp, style, k).points
        eyes = model.eyeballs.centers(np.zeros(len(model.identity)))
        hidden = [(np.abs(points - eye)[..., [0, 2]] < 0.012).all(-1) & (points[..., 1] < 0.0) for eye in eyes]
        assert np.any(hidden, axis=(0, 2)).mean() < 0.02


LONG = [style for style in FALLING if style != "bob"]


@pytest.mark.parametrize("style", LONG)
def test_long_hair_goes_over_the_shoulders_and_down(model, scalp, style):
    for k in range(DRAWS):
        points = grown(model, scalp, style, k, length=0.45, frizz=0.2, volume=0.015).points
        low = points[..., 2] < -0.16
        beside = np.abs(points[..., 0][~low]).max()
        assert np.abs(points[..., 0][low]).max() < beside + 0.02  # it does not slide outwards
        away = np.where(low, np.abs(points[..., 1] - 0.08), 0)
        assert np.quantile(away[low], 0.99) < 0.19  # nor pool before or behind
        reaches = points[..., 2].min(axis=1) < TOP - 0.45 + 0.1
        ends = np.linalg.norm(points[:, 0] - points[:, -1], axis=-1) > 0.1  # without the hairline's short hairs
        assert reaches[ends].mean() > 0.9


@pytest.mark.parametrize("style", LONG)
def test_long_hair_lies_on_chest_and_back(model, scalp, style):
    over = []
    for k in range(3):
        points = grown(model, scalp, style, k, length=0.45, volume=0.015).points.reshape(-1, 3)
        low = points[(points[:, 2] < -0.18) & (points[:, 2] > -0.26)]
        over.append(heights(model, low, k)[np.abs(low[:, 0]) < 0.12])
    over = np.concatenate(over)
    assert np.quantile(over[np.isfinite(over)], 0.25) < 0.006


def test_a_tail_lies_on_the_back_wherever_it_is_tied(model):
    fine = model.subdivided(1)  # as it is rendered: a back of few vertices has cells of none
    for k in range(4):
        tail = (
            grown(fine, prepare_scalp(fine, fine.triangles(), 300), "ponytail", k, length=0.45, tie=0.3 * k)
            .points[:, 14:]
            .reshape(-1, 3)
        )
        distance = KDTree(head(fine, k)[0]).query(tail)[0]
        assert np.quantile(distance[(tail[:, 2] < -0.18) & (tail[:, 2] > -0.26)], 0.25) < 0.01
        assert np.quantile(distance[(tail[:, 2] < -0.02) & (tail[:, 2] > -0.12)], 0.25) < 0.04  # the nape is hollow


def test_nothing_presses_hair_where_there_is_no_body():
    """Of a model that is a face alone, in a record without clothes."""
    points = np.random.default_rng(1).uniform([-0.2, -0.1, -0.5], [0.2, 0.3, -0.1], (1000, 3)).astype(np.float32)
    near, short, leaving = Shoulders(np.zeros((0, 3))).pressed(points, 0.001)
    assert len(near) == len(short) == len(leaving) < 5


def test_a_body_is_where_its_points_are(model):
    ball = normalize(np.random.default_rng(0).normal(size=(60000, 3)))
    middle, radius = np.array([0.0, 0.08, -0.3]), np.array([0.3, 0.16, 0.14])
    body = Shoulders(middle + radius * ball)
    way = normalize(ball[:500] / radius)[np.abs(ball[:500, 0]) < 0.7]
    points = (middle + radius * ball[:500])[np.abs(ball[:500, 0]) < 0.7]
    high = points[:, 2] > -0.28
    for off in (-0.01, 0.004, 0.02):
        which, short, leaving = body.pressed((points + off * way)[high], 0.03)
        assert len(which) == high.sum()
        np.testing.assert_allclose(0.03 - short, off, atol=0.003)
        left = body.pressed((points + off * way)[high] + short[:, None] * leaving, 0.03)[1]
        assert np.concatenate([left, [0]]).max() < 0.002


@pytest.mark.parametrize("style", FALLING)
def test_falling_hair_ends_in_no_plane(model, scalp, style):
    for k in range(3):
        points = grown(model, scalp, style, k, frizz=0.1, curl=0.0).points
        ends = points[np.linalg.norm(points[:, 0] - points[:, -1], axis=-1) > 0.1, -1]
        shape = np.column_stack([np.ones(len(ends)), ends[:, :2], ends[:, :2] ** 2])
        off = ends[:, 2] - shape @ np.linalg.lstsq(shape, ends[:, 2], rcond=None)[0]
        most = np.histogram(off, np.arange(-0.1, 0.1, 0.002))[0].max()
        assert most < 0.2 * len(ends)


def test_the_ends_of_a_bob_turn_in_to_the_neck(model, scalp):
    for k in range(4):
        points = grown(model, scalp, "bob", k, length=0.22, curl=0.0, frizz=0.1).points
        points = points[points[:, -1, 2] < -0.07]
        far = np.linalg.norm(points[..., :2] - [0.0, 0.07], axis=-1)
        assert np.median(far[:, -6] - far[:, -1]) > 0.006


@pytest.mark.parametrize("style", [style for style in GROWN if style != "fringe"])
def test_no_strand_crosses_a_forehead_alone(model, style):
    many = prepare_scalp(model, model.triangles(), 5000)
    x, y, z = many.vertices.points.T
    for k in range(3):
        spec, (vertices, normals, field) = drawn(style, k), head(model, k)
        strands = hairstyles.grow_hair(spec, many, vertices, normals, field).points
        bare = (np.abs(x) < 0.05) & (y < 0.02) & (z > 0.0) & (behind(spec, many.vertices) < -0.008)
        strands = strands[(strands[..., 1] < 0.02).any(axis=1)]
        points = at_steps(strands, np.linspace(0, strands.shape[1] - 1, 160)[None].repeat(len(strands), 0))
        points = np.where(points[..., 1:2] < 0.02, points, np.inf)
        over = np.isfinite(points[..., 0])
        distance, near = KDTree(vertices).query(points[over])
        over[over] = bare[near] & (distance < 0.03)
        row = np.nonzero(over)[0]
        others = KDTree(points[over]).query_ball_point(points[over], 0.006)
        alone = np.array([len({*row[found]}) < 2 for found in others], bool)
        steps = np.linalg.norm(np.diff(strands, axis=1), axis=-1).sum(axis=1)[row] / 160
        assert np.bincount(row[alone], steps[alone], minlength=1).max(initial=0) < 0.015


def spaced(strands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points [N, 3] every 3 mm along strands [S, P, 3], and the strand [N] of each."""
    steps = np.linalg.norm(np.diff(strands, axis=1), axis=-1)
    way = np.cumsum(np.pad(steps, ((0, 0), (1, 0))), axis=1) + 10.0 * np.arange(len(strands))[:, None]
    row = np.repeat(np.arange(len(strands)), ((way[:, -1] - way[:, 0]) / 0.003).astype(int))
    at = 0.003 * (np.arange(len(row)) - np.searchsorted(row, row) + 1) + way[row, 0]
    flat = [np.interp(at, way.ravel(), strands[..., k].ravel()) for k in range(3)]
    return np.stack(flat, axis=-1), row


def alone(points: np.ndarray, row: np.ndarray, radius: float, which: np.ndarray) -> np.ndarray:
    """Metres [S] that each strand goes without another within a radius (m), counted where `which` [N]."""
    distance, near = KDTree(points).query(points, k=40, distance_upper_bound=radius)
    other = np.append(row, -1)[near]
    lone = ~((other != row[:, None]) & np.isfinite(distance)).any(axis=1)
    return 0.003 * np.bincount(row[lone & which])


@pytest.mark.parametrize("style", ["short", "side_part", "bob", "long_wavy", "curls", "braids"])
def test_no_strand_stands_over_the_crown_alone(model, style):
    many = prepare_scalp(model, model.triangles(), 9000)
    for k in range(2):
        points, row = spaced(grown(model, many, style, k).points)
        crown = points[:, 2] > 0.05
        points, row = points[crown], row[crown]
        high = head(model, k)[2].around(points)[0] > 0.004
        arcs = (alone(points, row, 0.006, high) > 0.014).sum()
        assert arcs <= (12 if style == "curls" else 0)  # between ringlets there is air


@pytest.mark.parametrize("style", ["braids", "cornrows"])
def test_braids_do_not_begin_in_splayed_tufts(model, style):
    many = prepare_scalp(model, model.triangles(), 9000)
    for k in range(2):
        points, row = spaced(grown(model, many, style, k).points)
        first = np.arange(len(row)) - np.searchsorted(row, row) < 4  # 12 mm
        assert (alone(points[first], row[first], 0.0025, first[first]) > 0.006).mean() < 0.01


def test_locks_go_on_when_their_leaders_do_not_grow(model):
    roots = prepare_scalp(model, model.triangles(), 5000).roots
    roots = roots.pick(np.flatnonzero(roots.lock != np.arange(len(roots.lock))))
    size = np.bincount(roots.lock, minlength=len(roots.lock))[roots.lock]
    assert np.mean(size < hair.COMPANY) < 0.03
    assert (roots.guide[roots.guide] == roots.guide).all()


@pytest.mark.parametrize("style", ["bun", "ponytail"])
def test_hair_that_is_tied_leaves_no_strand_alone_around_an_ear_or_over_the_neck(model, style):
    many = prepare_scalp(model, model.triangles(), 9000)
    for k in range(3):
        strands = grown(model, many, style, k).points[:, :12]
        points = at_steps(strands, np.linspace(0, 11, 40)[None].repeat(len(strands), 0))
        low = (points[..., 2] < 0.0) & (points[..., 1] > 0.03)
        row = np.nonzero(low)[0]
        _, near = KDTree(points[low]).query(points[low], k=24, distance_upper_bound=0.006)
        other = np.append(row, -1)[near]
        alone = ~((other != row[:, None]) & (other >= 0)).any(axis=1)
        steps = np.linalg.norm(np.diff(strands, axis=1), axis=-1).sum(axis=1)[row] / 40
        assert np.bincount(row[alone], steps[alone], minlength=1).max(initial=0) < 0.015


@pytest.mark.parametrize("style", ["bun", "ponytail"])
def test_a_strand_that_grows_where_it_is_tied_goes_the_way_of_the_others(model, scalp, style):
    spec, (vertices, normals, field) = drawn(style), head(model, 0)
    grown, _ = hairstyles._rooted(spec, hairstyles.FAMILIES[style], scalp, vertices, normals)
    many = np.flatnonzero(~first_hairs(grown))[:20]
    grown.place[many] = _tie(spec, field)[1]
    strands = tied(spec, 30, grown, field)[many]
    assert np.linalg.norm(np.diff(strands, axis=1), axis=-1).max() < 0.04


def test_nobody_grows_hair_inside_the_mouth_or_before_the_own_hairline(model):
    many = prepare_scalp(model, model.triangles(), 6000)
    inner = (np.abs(many.rooted.points[:, 0]) < 0.055) & (many.rooted.points[:, 2] < 0.0)
    inner &= many.rooted.points[:, 1] < 0.1
    assert not inner.any()
    for k in range(DRAWS):
        spec = drawn("short", k)
        assert (cover(spec, many.rooted)[behind(spec, many.rooted) < -0.012] == 0).all()


def test_the_hairline_is_a_third_of_the_face_over_the_brows_and_differs_between_people(model, scalp):
    brow, base = 0.012, model.landmarks(model.mean)[33, 2]  # z of the glabella, and of the nose's base
    middle = (np.abs(scalp.vertices.points[:, 0]) < 0.004) & (scalp.vertices.points[:, 1] < 0.03)
    order = np.argsort(scalp.vertices.points[middle, 2])
    height = [
        np.interp(0, behind(drawn("short", k, hairline=0.0), scalp.vertices)[middle][order],
                  scalp.vertices.points[middle, 2][order])
        for k in range(60)
    ]  # fmt: skip
    share = (np.array(height) - brow) / (brow - base)
    assert np.mean(share) == pytest.approx(
        57 / 67, abs=0.1
    )  # Farkas 1994: trichion to glabella over glabella to subnasale
    assert 0.04 < np.std(share) < 0.2


def test_the_first_hairs_of_the_hairline_are_few_and_short(model):
    many = prepare_scalp(model, model.triangles(), 9000)
    spec = drawn("short", 2, hairline=0.0, density=1.0)
    depth, share = behind(spec, many.rooted), cover(spec, many.rooted)
    front = many.rooted.points[:, 2] > 0.03
    means = [share[front & (depth > at) & (depth < at + 0.004)].mean() for at in (-0.006, -0.002, 0.002, 0.01)]
    assert (np.diff(means) > 0.02).all()
    strands = hairstyles.grow_hair(spec, many, *head(model, 2)).points
    grows = share > many.roots.numbers[:, 5]
    length = np.linalg.norm(np.diff(strands, axis=1), axis=-1).sum(axis=1)
    first, full = (length[(front & within)[grows]] for within in (depth < 0.0, depth > 0.02))
    assert np.median(first) < 0.4 * np.median(full)


def test_the_bald_have_no_strands(model, scalp):
    assert grown(model, scalp, "bald").points.shape == (0, 2, 3)


@pytest.mark.parametrize("style", GROWN)
def test_fewer_strands_are_as_much_thicker(model, style):
    def width(count: int) -> float:
        """Area (m2) that all strands would cover side by side."""
        strands = grown(model, prepare_scalp(model, model.triangles(), count), style)
        steps = np.linalg.norm(np.diff(strands.points, axis=1), axis=-1)
        return float((steps * (strands.radius[1:] + strands.radius[:-1])).sum())

    assert width(1500) == pytest.approx(width(6000), rel=0.06)


def test_less_density_and_a_receding_hairline_grow_less_hair_of_the_same_width(model, scalp):
    full = grown(model, scalp, "short", density=1.0, hairline=0.0)
    for density, hairline in ((0.6, 0.0), (1.0, 0.7)):
        less = grown(model, scalp, "short", density=density, hairline=hairline)
        assert len(less.points) < 0.85 * len(full.points)
        np.testing.assert_array_equal(less.radius, full.radius)


def test_a_hairline_recedes_from_the_temples_and_leaves_a_wreath(scalp):
    front = scalp.rooted.depth < 0.02
    low = (scalp.rooted.points[:, 2] < 0.0) & (scalp.rooted.points[:, 1] > 0.1)
    shares = [cover(drawn("receding", hairline=h, density=1.0), scalp.rooted) for h in (0.0, 0.3, 0.6, 1.0)]
    assert (np.diff([share[front].mean() for share in shares]) < 0).all()
    assert min(share[low].mean() for share in shares) > 0.95


def test_the_scalp_is_coloured_where_hair_grows(scalp):
    for style in GROWN:
        stain = tint(drawn(style), scalp)
        assert stain.min() >= 0
        assert stain.max() <= 0.8
        assert (stain[scalp.mask == 0] == 0).all()


@pytest.mark.parametrize("name", ["length", "curl", "volume"])
def test_shape_follows_its_parameter(model, scalp, name):
    style = {"length": "bob", "curl": "curls", "volume": "bob"}[name]
    low, high = {"length": (0.17, 0.26), "curl": (0.002, 0.009), "volume": (0.005, 0.03)}[name]
    change: list[dict[str, Any]] = [{"frizz": 0.0, name: low}, {"frizz": 0.0, name: high}]
    small, large = (grown(model, scalp, style, **values).points for values in change)
    if name == "length":
        assert np.median(small[:, -1, 2]) - np.median(large[:, -1, 2]) == pytest.approx(0.09, abs=0.015)
    else:
        reach = lambda strands: np.ptp(strands.reshape(-1, 3)[:, 0]) + np.ptp(strands.reshape(-1, 3)[:, 1])
        assert reach(large) > reach(small)


@pytest.mark.parametrize("kind", ["beanie", "cap", "hat", "helmet"])
def test_no_family_sticks_through_a_hat(model, scalp, kind):
    skin = model.triangles()[model.triangle_part() != 9]
    config = WearConfig(headwear=1.0, headwear_kinds={kind: 1.0})
    for k, style in enumerate(GROWN):
        vertices, _, _ = head(model, k)
        spec = sample_headwear(config, rng(0, k, "headwear"))
        assert spec is not None
        shell = headwear.fit_headwear(spec, vertices, skin)
        pressed = headwear.press(grown(model, scalp, style, k).points, shell).reshape(-1, 3)
        azimuth, elevation, radius = headwear._polar(pressed)
        column = np.round((azimuth + np.pi / 2) / (2 * np.pi) * headwear.AROUND).astype(int) % headwear.AROUND
        under = elevation > shell.rim[column] + 0.05
        assert (radius[under] < shell.inner.max(axis=0)[column[under]] + 1e-6).all(), style


@pytest.mark.parametrize("kind", ["beanie", "cap", "hat", "helmet"])
@pytest.mark.parametrize("style", ["long_straight", "long_wavy", "braids", "ponytail"])
def test_no_hair_on_the_back_is_torn_by_a_hat(model, scalp, kind, style):
    skin = model.triangles()[model.triangle_part() != 9]
    config = WearConfig(headwear=1.0, headwear_kinds={kind: 1.0})
    for k in range(4):
        spec = sample_headwear(config, rng(0, k, "headwear"))
        assert spec is not None
        shell = headwear.fit_headwear(spec, head(model, k)[0], skin)
        pressed = headwear.press(grown(model, scalp, style, k).points, shell)
        assert np.linalg.norm(np.diff(pressed, axis=1), axis=-1).max() < 0.06


@pytest.mark.parametrize("style", ["buzz", "crop"])
def test_few_strands_leave_nobody_bald(model, style):
    few = prepare_scalp(model, model.triangles(), 100)
    whole = prepare_scalp(model, model.triangles(), 4000)
    shares = [len(grown(model, some, style).points) / len(some.roots.corners) for some in (few, whole)]
    assert shares[0] > 0.7 * shares[1]
