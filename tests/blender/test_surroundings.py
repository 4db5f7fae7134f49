"""The user's own HDRIs as light, and hands before faces in the labels."""

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from conftest import head_config

from scenes.head.build import build
from scenes.head.config import CLASSES, PoseConfig, WearConfig
from scenes.head.holding import HAND, THING
from scenes.head.place_config import LightConfig
from scenes.head.sample import sample
from scenes.head.surroundings import read_environment
from synth.blender.images import world_images
from synth.folders import listed
from synth.labels.maps import label
from synth.passes import PASSES, as_stored
from synth.pipeline import Pipeline
from synth.record import violations
from synth.rng import Streams

HW = (96, 80)
IGNORE = 255


def shown(pipeline, spec) -> dict[str, np.ndarray]:
    shot = build(pipeline._stage, spec)
    fields = label(shot, pipeline.renderer.render(shot), pipeline.names)
    return {name: as_stored(PASSES[name], value) for name, value in fields.items() if name in PASSES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two of Blender's HDRIs as a user's."""
    place = tmp_path_factory.mktemp("hdris")
    for name in ("forest", "sunset"):
        (place / f"{name}.exr").write_bytes(world_images()[name].read_bytes())
    return place


@pytest.fixture(scope="module")
def pipeline(folder) -> Pipeline:
    config = head_config(
        HW,
        pose=PoseConfig(yaw_max_deg=15, pitch_max_deg=8),
        light=LightConfig(folder=str(folder), folder_share=0.5),
        wear=WearConfig(
            glasses=0, headwear=0, facewear=0, earrings_women=0, earrings_men=0, headphones=0, occluder=1.0
        ),
    )
    config.output.passes = ["all"]
    return Pipeline(config)


@pytest.fixture(scope="module")
def specs(pipeline) -> list:
    return [sample(pipeline.config, Streams(0, k, 1)) for k in range(8)]


def test_a_users_hdri_lights_as_blenders_own(pipeline, specs):
    """But for what Blender's has below zero, which a user's has not: 0.002 at most."""
    own = next(spec for spec in specs if spec.light.kind == "folder")
    name = own.light.environment.removesuffix(".exr")
    same = replace(own, light=replace(own.light, kind="environment", environment=name))
    first, again = shown(pipeline, own), shown(pipeline, same)
    np.testing.assert_allclose(first["image"].astype(int), again["image"].astype(int), atol=2)
    np.testing.assert_allclose(first["params/light_sh"], again["params/light_sh"], atol=1e-4)


@pytest.mark.parametrize("content", [b"", b"no picture", b"#?RADIANCE\nbroken"])
def test_an_hdri_that_cannot_be_read_is_an_error_with_its_key_and_file(tmp_path, content):
    for name in ("bad.exr", "bad.hdr"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=rf"scene\.light\.folder: .*{name} .*take it out"):
            read_environment(tmp_path / name)


def test_a_folder_that_is_not_there_is_an_error_before_anything_is_rendered(tmp_path):
    with pytest.raises(ValueError, match=r"scene\.light\.folder must be a folder"):
        listed(str(tmp_path / "nowhere"), (".exr",), "scene.light.folder")


def test_all_invariants_hold_with_hands_before_faces(pipeline, specs):
    for spec in specs:
        assert violations(shown(pipeline, spec), CLASSES) == []


def test_a_hand_is_ignored_by_the_classes_and_the_face_behind_it_is_in_the_bare_mask(pipeline, specs):
    hidden = 0
    for spec in specs:
        covered = shown(pipeline, spec)
        bare = shown(pipeline, replace(spec, wear=replace(spec.wear, occluder=None)))
        hand = covered["segmentation"] == IGNORE
        assert hand.any()
        assert not (bare["segmentation"] == IGNORE).any()
        np.testing.assert_array_equal(covered["segmentation_bare"], bare["segmentation_bare"])
        np.testing.assert_array_equal(covered["landmarks/points_2d"], bare["landmarks/points_2d"])
        assert (covered["uv"][hand] == -1).all()
        assert (covered["depth"][hand] <= bare["depth"][hand]).all()
        assert not (covered["landmarks/visible"] & ~bare["landmarks/visible"]).any()
        hidden += int((bare["landmarks/visible"] & ~covered["landmarks/visible"]).sum())
        np.testing.assert_array_equal(covered["boxes/head"], bare["boxes/head"])
    assert hidden > 20


def test_hands_and_things_are_surfaces_of_the_shot(pipeline, specs):
    for spec in specs:
        surfaces = build(pipeline._stage, spec).surfaces
        assert HAND in surfaces
        assert (THING in surfaces) == (spec.wear.occluder.thing is not None)


def test_the_world_alone_has_no_light_tree_and_shows_the_same_with_one(pipeline, specs):
    renderer, trees = pipeline.renderer, set()
    for spec in specs:
        renderer.place(build(pipeline._stage, spec))
        trees.add(bpy.context.scene.cycles.use_light_tree)
        if bpy.context.scene.cycles.use_light_tree:
            continue
        without = renderer.beauty()["Combined"]
        bpy.context.scene.cycles.use_light_tree = True
        differs = np.abs(renderer.beauty()["Combined"] - without) / (without + 0.01)
        assert np.quantile(differs, 0.98) < 0.01  # rounding, and paths that it turns; other noise is 0.3
    assert trees == {True, False}


def test_a_record_is_the_same_after_other_hands_and_other_lights(pipeline, specs):
    assert len({spec.light.environment is None for spec in specs}) == 2
    assert {len(spec.light.lamps) for spec in specs} >= {0, 1}  # with a tree of lights, and some of them without
    before = [shown(pipeline, spec) for spec in specs]
    for k in (2, 0, 5, 3, 7, 1, 6, 4):
        again = shown(pipeline, specs[k])
        for name in again:
            np.testing.assert_array_equal(again[name], before[k][name], err_msg=name)
