"""A record's seconds by what Cycles does: they add up, and looking at them changes no record."""

import time

import pytest
from conftest import shapes_config

from synth.bench import children
from synth.bench.children import BEAUTY, open_split, open_worker
from synth.blender.session import traced
from synth.pipeline import Pipeline

HW = (48, 72)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(shapes_config(HW))


def test_cycles_traces_within_each_render(pipeline):
    with traced(time.perf_counter) as renders:
        pipeline.record(0)
    beauty, labels = renders
    assert 0 < beauty < pipeline.seconds["beauty"]
    assert 0 < labels < pipeline.seconds["label_render"]


def test_nothing_listens_any_more(pipeline):
    with traced(time.perf_counter) as renders:
        pass
    pipeline.record(0)
    assert renders == []


def test_timing_the_denoiser_changes_no_record(pipeline):
    before, config = pipeline.record(1)["image"], pipeline.renderer.config
    assert children._denoising(pipeline.renderer) >= 0
    assert pipeline.renderer.config == config
    assert (pipeline.record(1)["image"] == before).all()


def test_the_parts_add_up_to_the_beauty_and_the_writing(pipeline, monkeypatch):
    monkeypatch.setattr(children, "_pipeline", lambda config, cpu: pipeline)
    monkeypatch.setattr(children, "_written", lambda pipeline, record: 5.0)
    seconds = open_split(pipeline.config)(2)
    assert sum(seconds[name] for name in BEAUTY) == pytest.approx(pipeline.seconds["beauty"])
    assert seconds["encode"] + seconds["write"] == 5.0
    assert min(seconds[name] for name in ("sync", "encode")) > 0
    assert min(seconds[name] for name in ("path_tracing", "denoising")) >= 0  # of so few pixels one may be all
    assert "beauty" not in seconds


def test_a_worker_of_the_bench_writes_its_records_into_shards(pipeline, monkeypatch):
    written = []
    monkeypatch.setattr(children, "_pipeline", lambda config, cpu, threads: pipeline)
    monkeypatch.setattr(children, "SHARD", 2)
    monkeypatch.setattr(children, "_write_shard", lambda folder, names, kept, config: written.append([*kept]))
    work = open_worker(pipeline.config)
    assert all(work(index)["write"] > 0 for index in range(5))
    assert written == [[0, 1], [2, 3]]
