"""A worker's memory stays where it is, however many records it renders."""

import resource
from pathlib import Path

import pytest
from conftest import head_config

from synth.pipeline import Pipeline


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


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
