"""The label render asks of Cycles where surfaces are and nothing of their light."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np
import pytest
from conftest import head_config

from synth.blender.mesh import is_shown, shown_data
from synth.blender.render import WANTED
from synth.pipeline import Pipeline


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    config = head_config((40, 40))
    config.scene.wear.glasses, config.scene.wear.dark_lenses = 1.0, 0.0
    made = Pipeline(config)
    made.record(0)
    return made


@contextmanager
def heard() -> Iterator[list[str]]:
    """What Cycles says it does, line by line."""
    lines: list[str] = []
    hear = lambda line: lines.append(str(line))
    bpy.app.handlers.render_stats.append(hear)
    try:
        yield lines
    finally:
        bpy.app.handlers.render_stats.remove(hear)


def test_a_render_of_the_same_geometry_builds_no_tree_anew(pipeline):
    with heard() as beauty:
        pipeline.record(1)
    assert any("Building" in line for line in beauty)
    assert is_shown(bpy.data.objects["clear_lenses"])
    with heard() as again:  # the labels were rendered last
        pipeline.renderer.beauty()
        pipeline.renderer.labels()
    assert [line for line in again if "BVH" in line] == []


def test_labelled_surfaces_are_not_lit(pipeline, monkeypatch):
    monkeypatch.setitem(WANTED, "label_render", ("Combined", "aov_index"))
    passes = pipeline.renderer.labels()
    seen = passes["aov_index"][..., 0] > 0
    assert seen.mean() > 0.2
    assert (passes["Combined"][seen][:, :3] == 0).all()


def test_the_image_after_a_label_render_is_lit(pipeline):
    pipeline.renderer.labels()
    passes = pipeline.renderer.beauty()
    seen = passes["aov_0"][..., 0] == 1
    assert np.median(passes["Combined"][seen][:, :3]) > 0.01


def test_strands_are_of_two_objects_so_that_cycles_gives_them_a_tree_of_their_own(pipeline):
    pipeline.record(1)
    shown_curves = shown_data(bpy.context.scene)
    shown = [thing for thing in bpy.context.scene.objects if thing.type == "CURVES" and thing.data in shown_curves]
    assert {thing.data.name for thing in shown} >= {"hair", "lashes", "left_brow", "right_brow"}
    assert Counter(thing.data.name for thing in shown if thing.pass_index) == Counter(
        thing.data.name for thing in shown if not thing.pass_index
    )
    assert not any(thing.visible_camera or thing.visible_shadow for thing in shown if not thing.pass_index)
