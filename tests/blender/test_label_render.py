"""The label render asks of Cycles where surfaces are and nothing of their light."""

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np
import pytest
from conftest import head_config

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
    assert not bpy.data.objects["clear_lenses"].hide_render
    with heard() as again:
        pipeline._renderer.labels()
    assert [line for line in again if "BVH" in line] == []


def test_labelled_surfaces_are_not_lit(pipeline, monkeypatch):
    monkeypatch.setitem(WANTED, "label_render", ("Combined", "place"))
    passes = pipeline._renderer.labels()
    seen = passes["place"][..., 1] > 0
    assert seen.mean() > 0.2
    assert (passes["Combined"][seen][:, :3] == 0).all()


def test_the_image_after_a_label_render_is_lit(pipeline):
    pipeline._renderer.labels()
    passes = pipeline._renderer.beauty()
    seen = passes["coverage_0"][..., 0] == 1
    assert np.median(passes["Combined"][seen][:, :3]) > 0.01
