"""What `bench render` writes is packed as a run's shards are."""

import time
from types import SimpleNamespace

import pytest
from storage_records import make_record

from synth.bench.children import _encoding, _written
from synth.config import Codec, Config, OutputConfig
from synth.storage import shard

NAMES = ("image", "depth", "meta/index", "meta/identity_index", "meta/spec")


@pytest.mark.parametrize("codec", Codec)
def test_the_bench_writes_with_the_codec_of_the_config(codec, monkeypatch):
    if codec is Codec.zstd:
        pytest.importorskip("hdf5plugin", reason="the extra `codecs` is not installed")
    used, create = set(), shard.create
    monkeypatch.setattr(shard, "create", lambda *args: used.add(args[-1]) or create(*args))
    config = Config(output=OutputConfig(codec=codec))
    assert _written(SimpleNamespace(clock=time.perf_counter, names=NAMES, config=config), make_record(0, names=NAMES))
    assert used == {codec.name}


def test_encoding_is_told_apart_where_it_is_done_apart():
    record = make_record(0, names=NAMES)
    assert _encoding(record, time.perf_counter, Codec.gzip) > 0
    assert _encoding(record, time.perf_counter, Codec.zstd) == 0
