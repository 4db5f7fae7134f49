"""Faces: what a record says of itself is true, and can be rebuilt from the record and the model file alone."""

from dataclasses import replace

import bpy
import numpy as np
import pytest
from conftest import head_config

from scenes.head.build import build
from scenes.head.config import CLASSES
from scenes.head.sample import Spec, sample
from synth.camera import Camera, pixel_centers, project
from synth.geometry import interpolate, transform, yaw_pitch_roll
from synth.labels.maps import label
from synth.labels.photo import shoulder, srgb_from_linear
from synth.labels.visibility import visible
from synth.models import load_model, locate
from synth.passes import PASSES, as_stored
from synth.pipeline import Pipeline
from synth.record import violations
from synth.rng import Streams
from synth.spec import from_json

HW = (128, 96)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    config = head_config(HW)
    config.output.passes = ["all"]
    return Pipeline(config)


@pytest.fixture(scope="module")
def records(pipeline) -> list:
    return [pipeline.record(k) for k in range(6)]


@pytest.fixture(scope="module")
def model():
    return load_model("makehuman").subdivided(1)


def posed(model, record) -> np.ndarray:
    """The record's mesh in camera space [V, 3], from params alone."""
    return transform(record["params/head_to_camera"], model.rebuilt(record).astype(np.float64))


def test_all_invariants_hold(records):
    for record in records:
        assert violations(record, CLASSES) == []


def test_pncc_decodes_to_the_point_that_projects_onto_the_pixel_centre(records, model):
    errors = []
    for record in records:
        covered = record["pncc"][..., 0] >= 0
        triangle, weights = locate(record["pncc"][covered], model.pncc(), model.triangles())
        assert (triangle >= 0).mean() > 0.999
        found = triangle >= 0
        corners = posed(model, record)[model.triangles()[triangle[found]]]
        pixels = project(record["camera/K"], interpolate(corners, weights[found]))
        errors.append(np.linalg.norm(pixels - pixel_centers(HW)[covered][found], axis=-1))
    error = np.concatenate(errors)
    assert np.median(error) < 0.02
    assert np.quantile(error, 0.99) < 0.1


def test_depth_is_that_of_the_rebuilt_mesh(records, model):
    for record in records:
        covered = record["pncc"][..., 0] >= 0
        triangle, weights = locate(record["pncc"][covered], model.pncc(), model.triangles())
        found = triangle >= 0
        points = interpolate(posed(model, record)[model.triangles()[triangle[found]]], weights[found])
        error = np.abs(points[:, 2] - record["depth"][covered][found])
        assert np.quantile(error, 0.99) < 1e-4


def test_triangle_and_barycentric_say_the_place_that_pncc_says(records, model):
    triangles, pncc = model.triangles(), model.pncc()
    for record in records:
        seen = record["triangle"] >= 0
        again = interpolate(pncc[triangles[record["triangle"][seen]]], record["barycentric"][seen])
        np.testing.assert_allclose(again, record["pncc"][seen], atol=1e-6)


def test_position_is_the_point_of_the_rebuilt_mesh(records, model):
    for record in records:
        seen = record["triangle"] >= 0
        corners = posed(model, record)[model.triangles()[record["triangle"][seen]]]
        expected = interpolate(corners, record["barycentric"][seen].astype(float))
        assert np.quantile(np.linalg.norm(record["position"][seen] - expected, axis=-1), 0.99) < 1e-5


def test_the_photograph_is_image_linear_developed(records):
    for record in records:
        developed = 255 * srgb_from_linear(shoulder(record["image_linear"].astype(np.float32)))
        assert np.abs(developed - record["image"]).max() < 1.5


def test_the_intrinsic_albedo_is_the_albedo_where_it_is_smooth(records):
    for record in records:
        soft, exact = record["intrinsic/albedo"].astype(float), record["albedo"].astype(float)
        around = np.stack([np.roll(exact, (i, j), axis=(0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)])
        smooth = (np.ptp(around, axis=0) < 0.15 * around.mean(axis=0)).all(axis=-1)  # of skin, which is uneven itself
        inner = (record["pncc"][..., 0] >= 0) & (record["alpha"] == 255) & smooth
        ratio = soft[inner] / exact[inner]
        assert inner.sum() > 100
        assert np.median(ratio) == pytest.approx(0.97, abs=0.025)  # what the sheen above reflects is not left for it
        assert np.quantile(np.abs(ratio / np.median(ratio) - 1), 0.9) < 0.06


def test_the_bare_head_shows_the_face_that_its_hair_hides(records):
    for record in records:
        bare, seen = record["segmentation_bare"], record["segmentation"]
        assert (bare[np.isin(seen, [13, 5, 6])] != seen[np.isin(seen, [13, 5, 6])]).all()
        assert np.count_nonzero(np.isin(bare, range(1, 12))) >= np.count_nonzero(record["pncc"][..., 0] >= 0) * 0.4


def test_an_eye_behind_a_closed_lid_is_in_no_label(pipeline):
    drawn = sample(pipeline.config, Streams(0, 1))
    spec = replace(drawn, expression={name: 1.0 for name in ("eyeBlinkLeft", "eyeBlinkRight")})
    shot = build(pipeline._stage, spec)
    fields = label(shot, pipeline.renderer.render(shot), pipeline.names)
    eyes = np.isin(fields["segmentation_bare"], [3, 4])
    assert eyes.sum() <= 0.001 * np.count_nonzero(fields["segmentation_bare"])
    assert not fields["landmarks/visible"][68:].any()
    assert not fields["landmarks/visible_without_hair"][68:].any()


def test_boxes_hold_what_they_are_around(records):
    for record in records:
        u0, v0, u1, v1 = record["boxes/head"]
        v, u = np.nonzero(np.isin(record["segmentation"], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13]))
        assert (u + 1 >= u0).all()
        assert (u <= u1).all()
        assert (v + 1 >= v0).all()
        assert (v <= v1).all()
        face = record["boxes/face"]
        assert (face[:2] >= record["boxes/head"][:2] - 1).all()
        assert (face[2:] <= record["boxes/head"][2:] + 1).all()


def test_landmarks_lie_on_the_rebuilt_mesh(records, model):
    for record in records:
        expected = model.landmarks(posed(model, record))
        np.testing.assert_allclose(record["landmarks/points_3d"][:68], expected, atol=1e-6)


def interpolated(image: np.ndarray, points_2d: np.ndarray) -> np.ndarray:
    """Values [N] of an image [H, W] at points [N, 2] (px) between four pixel centres."""
    u, v = points_2d.T - 0.5
    col, row = np.floor(u).astype(int), np.floor(v).astype(int)
    right, down = u - col, v - row
    above, below = (image[r, col] * (1 - right) + image[r, col + 1] * right for r in (row, row + 1))
    return above * (1 - down) + below * down


def test_a_visible_landmark_is_at_the_depth_that_is_seen_and_a_hidden_one_behind_it(pipeline, records):
    """Where the depth map is smooth around the point: at a silhouette the pixel's centre may miss the surface.

    Seen, it is no deeper than its neighbourhood; hidden, it is behind what the four pixel centres around it say of its
    own place: the neighbourhood may slope by more than a lid or a lip is thick.
    What only a strand or the frame of glasses hides is left out: between two pixel centres, it is in no depth map.
    """
    checked = 0
    for record in records:
        shot = build(pipeline._stage, from_json(Spec, record["meta/spec"].item()))
        thin = [
            index for index, surface in shot.surfaces.items() if surface.triangles is None or 16 in surface.segmentation
        ]
        meshes = {index: surface for index, surface in shot.surfaces.items() if index not in thin}
        hidden = ~visible(record["landmarks/points_3d"].astype(float), replace(shot, surfaces=meshes))[:68]
        u, v = record["landmarks/points_2d"][:68].T
        inside = (u > 1) & (v > 1) & (u < HW[1] - 1) & (v < HW[0] - 1)
        col, row = u[inside].astype(int), v[inside].astype(int)
        around = np.stack([record["depth"][row + i, col + j] for i in (-1, 0, 1) for j in (-1, 0, 1)])
        bare = np.stack([record["pncc"][row + i, col + j, 0] >= 0 for i in (-1, 0, 1) for j in (-1, 0, 1)])
        skin = np.stack([record["segmentation"][row + i, col + j] == 1 for i in (-1, 0, 1) for j in (-1, 0, 1)])
        smooth = (np.ptp(around, axis=0) < 0.008) & (bare | ~skin).all(axis=0)  # lashes are of the skin's class
        depth = record["landmarks/points_3d"][:68][inside][smooth, 2]
        there = interpolated(record["depth"], record["landmarks/points_2d"][:68][inside][smooth])
        seen = record["landmarks/visible"][:68][inside][smooth]
        assert (depth - around[:, smooth].max(axis=0) < 0.002)[seen].all()
        assert (depth > there)[hidden[inside][smooth]].all()
        checked += smooth.sum()
    assert checked > 100


def test_the_pose_is_that_of_the_matrix(records):
    for record in records:
        angles = yaw_pitch_roll(record["params/head_to_camera"][:3, :3])
        np.testing.assert_allclose(record["params/yaw_pitch_roll"], angles, atol=1e-6)


def test_gaze_starts_at_the_eye_and_goes_through_the_pupil(records, model):
    for record in records:
        centers = transform(record["params/head_to_camera"], model.eyeballs.centers(record["params/identity"]))
        towards = record["landmarks/points_3d"][68:] - centers
        cosine = np.einsum("ek,ek->e", towards, record["params/gaze"]) / np.linalg.norm(towards, axis=-1)
        np.testing.assert_allclose(cosine, 1, atol=1e-5)


def test_a_record_is_rebuilt_from_its_spec_alone(pipeline, records):
    shot = build(pipeline._stage, from_json(Spec, records[2]["meta/spec"].item()))
    fields = label(shot, pipeline.renderer.render(shot), pipeline.names)
    np.testing.assert_array_equal(np.rint(fields["image"]).astype(np.uint8), records[2]["image"])
    np.testing.assert_array_equal(fields["segmentation"], records[2]["segmentation"])


def test_a_record_does_not_depend_on_those_before_it(pipeline, records):
    again = pipeline.record(1)
    for name in again:
        np.testing.assert_array_equal(again[name], records[1][name], err_msg=name)


def test_labels_do_not_depend_on_samples_per_pixel(pipeline, records):
    pipeline.renderer.config = replace(pipeline.renderer.config, spp=5)
    again = pipeline.record(3)
    pipeline.renderer.config = replace(pipeline.renderer.config, spp=2)
    for name in ("depth", "normal", "uv", "pncc", "segmentation", "albedo", "triangle", "barycentric", "position"):
        np.testing.assert_array_equal(again[name], records[3][name], err_msg=name)
    assert (again["image"] != records[3]["image"]).any()


def test_a_head_out_of_the_image_is_an_empty_view_that_holds_all_invariants(pipeline):
    spec = replace(sample(pipeline.config, Streams(0, 0)), head_translation=(30.0, 0.0, 3.0))
    shot = build(pipeline._stage, spec)
    fields = label(shot, pipeline.renderer.render(shot), pipeline.names)
    record = {name: as_stored(PASSES[name], value) for name, value in fields.items()}
    assert violations(record, CLASSES) == []
    assert not record["alpha"].any()
    assert not record["landmarks/visible"].any()
    assert np.isinf(record["depth"]).all()


def test_alpha_is_the_soft_form_of_what_is_seen(records):
    for record in records:
        seen = record["segmentation"] > 0
        assert (record["alpha"] / 255.0 - seen).mean() == pytest.approx(0, abs=0.02)
        assert ((record["alpha"] == 255) & ~seen).mean() < 0.01


def test_hair_coverage_is_the_soft_form_of_hair_seen(records):
    for record in records:
        hair = record["segmentation"] == 13
        assert (record["coverage/hair"] / 255.0 - hair).mean() == pytest.approx(0, abs=0.02)
        assert record["coverage/hair"].any() == hair.any()
        assert record["coverage/brows_and_lashes"].any()


def test_no_data_blocks_are_made_after_the_first_record(pipeline):
    pipeline.record(0)
    kinds = ("meshes", "objects", "materials", "images", "lights", "cameras", "worlds", "hair_curves", "node_groups")
    before = {kind: len(getattr(bpy.data, kind)) for kind in kinds}
    for k in range(1, 5):
        pipeline.record(k)
    assert {kind: len(getattr(bpy.data, kind)) for kind in kinds} == before


def test_the_camera_projects_the_landmarks(records):
    for record in records:
        camera = Camera(record["camera/K"], record["camera/world_to_camera"], HW)
        points = transform(np.linalg.inv(camera.world_to_camera), record["landmarks/points_3d"].astype(np.float64))
        np.testing.assert_allclose(camera.project(points), record["landmarks/points_2d"], atol=1e-3)
