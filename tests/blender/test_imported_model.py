"""Imported models: every law of a record holds of them as of the built-in one, with joints and without."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from conftest import head_config
from imported_models import imported, write_human_bfm, write_human_flame

from scenes.head.build import build
from scenes.head.config import CLASSES
from scenes.head.model import model_row
from scenes.head.sample import Spec, sample
from synth.camera import pixel_centers, project
from synth.config import Config
from synth.geometry import interpolate, transform
from synth.labels.maps import label
from synth.models import MorphableModel, load_model, locate, save_model
from synth.models.surface import closest_points
from synth.passes import passes_of
from synth.pipeline import Pipeline
from synth.record import violations
from synth.rng import Streams
from synth.scene import offered_passes
from synth.spec import from_json

pytestmark = pytest.mark.slow  # minutes

ICT = Path(__file__).resolve().parents[3] / "shared" / "data" / "ict-facekit-mini"
HW = (96, 72)
KINDS = ("ict", "flame", "bfm")
pytest.importorskip("scipy")


@dataclass(slots=True)
class Rendered:
    """Records of one model, the pipeline that made them, and the mesh that their params are of."""

    kind: str
    config: Config
    pipeline: Pipeline
    records: list
    model: MorphableModel


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    sources = {
        "flame": write_human_flame(folder / "head.npz"),
        "bfm": write_human_bfm(folder / "face.h5"),
    } | ({"ict": ICT} if ICT.is_dir() else {})
    for kind, source in sources.items():
        imported(kind, source, folder / f"{kind}-imported.h5")
    return {kind: folder / f"{kind}-imported.h5" for kind in sources}


def config_of(path: Path) -> Config:
    config = head_config(HW)
    config.model, config.output.passes = str(path), ["all"]
    config.scene.wear.glasses, config.scene.beard.men = 0.5, 0.7
    config.scene.expression.neutral, config.scene.joints.jaw_open = 0.0, 1.0  # faces at rest have their jaws closed
    return config


@pytest.fixture(scope="module", params=KINDS)
def rendered(request, files) -> Rendered:
    if request.param not in files:
        pytest.skip(f"{ICT} is not there: the real ICT-FaceKit is not tested")
    config = config_of(files[request.param])
    pipeline = Pipeline(config)
    model = load_model(config.model).subdivided(config.scene.subdivision)
    return Rendered(request.param, config, pipeline, [pipeline.record(k) for k in range(2)], model)


def posed(model: MorphableModel, record) -> np.ndarray:
    """The record's mesh in camera space [V, 3], from params alone."""
    return transform(record["params/head_to_camera"], model.rebuilt(record).astype(np.float64))


def test_all_invariants_hold(rendered):
    for record in rendered.records:
        assert violations(record, CLASSES) == []


def test_pncc_decodes_to_the_point_that_projects_onto_the_pixel_centre(rendered):
    triangles = rendered.model.triangles()
    for record in rendered.records:
        covered = record["pncc"][..., 0] >= 0
        triangle, weights = locate(record["pncc"][covered], rendered.model.pncc(), triangles)
        found = triangle >= 0
        assert found.mean() > 0.999
        corners = posed(rendered.model, record)[triangles[triangle[found]]]
        miss = project(record["camera/K"], interpolate(corners, weights[found])) - pixel_centers(HW)[covered][found]
        error = np.linalg.norm(miss, axis=-1)
        assert np.median(error) < 0.02
        assert np.quantile(error, 0.99) < 0.1


def test_position_is_the_point_of_the_mesh_that_the_params_rebuild(rendered):
    for record in rendered.records:
        seen = record["triangle"] >= 0
        corners = posed(rendered.model, record)[rendered.model.triangles()[record["triangle"][seen]]]
        expected = interpolate(corners, record["barycentric"][seen].astype(float))
        assert np.quantile(np.linalg.norm(record["position"][seen] - expected, axis=-1), 0.99) < 1e-5


def test_landmarks_lie_on_the_rebuilt_mesh(rendered):
    for record in rendered.records:
        expected = rendered.model.landmarks(posed(rendered.model, record))
        np.testing.assert_allclose(record["landmarks/points_3d"][:68], expected, atol=1e-6)
        assert np.ptp(record["landmarks/points_3d"][:68], axis=0).min() > 0.03


def test_eyes_are_in_their_lids_and_show_where_the_lids_are_open(rendered):
    """Midway between its corners, a few mm behind: whatever the pose of joints."""
    for record in rendered.records:
        points = record["landmarks/points_3d"]
        for pupil, lids in ((68, slice(36, 42)), (69, slice(42, 48))):
            assert np.linalg.norm(points[pupil] - points[lids].mean(axis=0)) < 0.011
    drawn = sample(rendered.config, Streams(0, 0))
    plain = replace(drawn, expression={}, yaw_pitch_roll=(0.0, 0.0, 0.0), wear=replace(drawn.wear, glasses=None))
    fields = label(build(rendered.pipeline._stage, plain), _buffers(rendered, plain), rendered.pipeline.names)
    assert {3, 4} <= set(np.unique(fields["segmentation_bare"]).tolist())


def _buffers(rendered: Rendered, spec: Spec):
    return rendered.pipeline.renderer.render(build(rendered.pipeline._stage, spec))


def test_a_record_does_not_depend_on_those_before_it(rendered):
    again = rendered.pipeline.record(0)
    for name in again:
        np.testing.assert_array_equal(again[name], rendered.records[0][name], err_msg=name)


def test_a_record_is_rebuilt_from_its_spec_alone(rendered):
    spec = from_json(Spec, rendered.records[1]["meta/spec"].item())
    fields = label(build(rendered.pipeline._stage, spec), _buffers(rendered, spec), rendered.pipeline.names)
    np.testing.assert_array_equal(fields["segmentation"], rendered.records[1]["segmentation"])


def test_every_strand_grows_out_of_the_skin(rendered):
    for record in rendered.records:
        shot = build(rendered.pipeline._stage, from_json(Spec, record["meta/spec"].item()))
        corners = shot.surfaces[1].points[rendered.model.triangles()]
        strands = {i: s for i, s in shot.surfaces.items() if s.triangles is None}
        for surface in strands.values():
            for root in surface.points.reshape(-1, surface.strand_points, 3)[::300, 0]:
                near = corners[np.argsort(((corners.mean(axis=1) - root) ** 2).sum(axis=-1))[:60]]
                row, weights = closest_points(root, near)
                assert np.linalg.norm(weights @ near[row] - root) < 0.0005


def test_a_model_with_joints_has_poses_and_one_without_has_none(rendered):
    has = rendered.kind == "flame"
    assert ("params/pose" in rendered.records[0]) == has
    assert ("joints" in model_row(rendered.config)) == has
    if has:
        poses = np.stack([record["params/pose"] for record in rendered.records])
        assert poses.shape[1:] == (5, 3)
        assert np.abs(poses[:, 1] + poses[:, 0]).max() < 1e-7  # the shoulders turn, the head stays
        assert np.abs(poses).max(axis=(0, 2)).min() > 0.01


def test_the_unit_of_expressions_is_the_models(rendered):
    row = offered_passes(rendered.config)["params/expression"]
    statistical = rendered.kind != "ict"
    assert row.unit == ("standard deviations" if statistical else "weight")
    assert model_row(rendered.config)["expression_unit"] == ("standard deviation" if statistical else "weight")
    drawn = np.stack([record["params/expression"] for record in rendered.records])
    assert (drawn != 0).any()


def test_what_a_face_without_back_and_ears_cannot_have_is_done_without_and_said(rendered):
    row = model_row(rendered.config)
    spec = from_json(Spec, rendered.records[0]["meta/spec"].item())
    if rendered.kind == "bfm":
        assert set(row["done_without"]) >= {"hair", "glasses", "headwear", "clothes"}
        assert (spec.person.hair.style, spec.wear.glasses, spec.wear.clothes) == ("bald", None, None)
        assert not np.isin(rendered.records[0]["segmentation"], [13, 15, 16, 17]).any()
    else:
        assert "done_without" not in row
        assert row["supplied"]


def test_a_dense_model_is_rendered_as_it_is(rendered):
    level = model_row(rendered.config)["subdivision"]
    assert level == {"ict": 0, "flame": 1, "bfm": 1}[rendered.kind]
    assert rendered.records[0]["triangle"].max() < len(rendered.model.triangles())


def test_a_model_that_lacks_what_labels_need_is_refused_before_blender_starts(files, tmp_path):
    whole = load_model(str(files["flame"]))
    gaps = {
        "landmarks": {"landmark_weights": np.zeros_like(whole.landmark_weights)},
        "eyeballs": {"eyeballs": replace(whole.eyeballs, radius=np.full(2, 1e-4, np.float32))},
        "parts": {"part": np.zeros_like(whole.part)},
    }
    for name, gap in gaps.items():
        save_model(replace(whole, **gap), tmp_path / f"{name}.h5")
        with pytest.raises(ValueError, match=rf"lacks {name}.*models import.*without --bare"):
            model_row(config_of(tmp_path / f"{name}.h5"))


def test_regions_and_lines_that_are_missing_are_done_without(files, tmp_path):
    whole = load_model(str(files["flame"]))
    save_model(replace(whole, regions={}, paths={}, garment=None), tmp_path / "plain.h5")
    config = config_of(tmp_path / "plain.h5")
    done_without = model_row(config)["done_without"]
    assert isinstance(done_without, list)
    assert len(done_without) == 10
    record = Pipeline(config).record(0)
    assert violations(record, CLASSES) == []
    assert set(np.unique(record["segmentation"]).tolist()) <= {0, 1, 2, 3, 4, 7, 8, 10, 11, 12}


def test_poses_are_offered_by_models_with_joints_only(files):
    config = config_of(files["bfm"])
    with pytest.raises(ValueError, match="params/pose"):
        passes_of(tuple(offered_passes(config)), ["params/pose"])
