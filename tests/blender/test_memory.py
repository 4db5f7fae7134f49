"""A worker's memory stays where it is, however many records it renders, and nothing of it is kept for nothing."""

import dataclasses
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import head_config

from scenes.head.config import HairConfig
from synth.bench.children import open_worker
from synth.bench.memory import LIMIT_GB
from synth.bench.process import MEMORY, Child
from synth.blender.render import WANTED, Renderer
from synth.pipeline import Pipeline

SLACK = 3.0  # what an array may hold, over its own bytes: a coordinate of points is such a view


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def arrays(thing: Any) -> Iterator[np.ndarray]:
    """All arrays of dataclasses, dictionaries and sequences within each other."""
    if isinstance(thing, np.ndarray):
        yield thing
    elif dataclasses.is_dataclass(thing):
        for each in dataclasses.fields(thing):
            yield from arrays(getattr(thing, each.name))
    elif isinstance(thing, dict | list | tuple):
        for value in thing.values() if isinstance(thing, dict) else thing:
            yield from arrays(value)


def held(array: np.ndarray) -> int:
    """Bytes that stay because the array does."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.nbytes


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(head_config((64, 48)))


def test_no_array_of_a_stage_is_a_small_part_of_one_that_stays_for_its_sake(pipeline):
    found = list(arrays(pipeline._stage))
    assert len(found) > 100
    assert [(a.shape, held(a)) for a in found if held(a) > SLACK * a.nbytes + 1e5] == []


def test_blenders_own_copy_of_the_strands_has_no_more_points_than_they(pipeline):
    pipeline.record(0)
    strands = [thing.data for thing in pipeline._stage.growth.objects.values() if len(thing.data.curves)]
    for curves in strands:
        pieces = np.empty(len(curves.curves), np.int32)
        curves.attributes["resolution"].data.foreach_get("value", pieces)
        assert (pieces == 1).all()
    assert len(strands) > 2


def test_all_renders_have_the_same_passes_and_none_that_nobody_reads(pipeline, monkeypatch):
    had = []
    timed = pipeline.renderer._timed

    def seen(self, stage):
        had.append([aov.name for aov in self.scene.view_layers[0].aovs])
        return timed(stage)

    monkeypatch.setattr(Renderer, "_timed", seen)
    pipeline.record(0)
    assert len(had) == 2
    assert had[0] == had[1]  # other ones would have Cycles compile every material anew
    assert set(had[0]) <= {name for names in WANTED.values() for name in names}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc to see the memory")
def test_images_of_clothes_that_come_and_go_are_given_back():
    worker = Child(open_worker, head_config((64, 48)))

    def after(count: int) -> float:
        for index in range(count):
            worker.ask(index % 20)
        return worker.ask(MEMORY)["gb"]

    before = after(60)
    grown = after(100) - before
    worker.close()
    assert grown < 0.018  # GB: a tile of 0.25 MB a record, if none were


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc to see the memory")
def test_a_worker_holds_no_more_than_the_limit_at_512_px_with_hair():
    config = head_config((512, 512), hair=HairConfig())
    config.render.spp = 1
    worker = Child(open_worker, config)
    for index in range(12):
        worker.ask(index)
    most = worker.ask(MEMORY)["peak_gb"]
    worker.close()
    assert most < LIMIT_GB


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc to see the memory")
def test_memory_does_not_grow_over_300_records():
    pipeline = Pipeline(head_config((64, 48)))
    for index in range(40):  # every style, environment and background has been there once
        pipeline.record(index)
    before = resident_mb()
    for index in range(40, 340):
        pipeline.record(index)
    assert resident_mb() < 1.03 * before
