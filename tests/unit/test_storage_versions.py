"""Datasets that an older synth wrote are read; those of a newer one say so."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from storage_records import NAMES, make_dataset, make_record, replace, update_checksum

import synth
from synth.check import check
from synth.config import Config
from synth.farm.folder import claim
from synth.passes import PASSES
from synth.storage.damage import DamagedShard
from synth.storage.manifest import SCHEMA_VERSION, write_manifest


def as_version_1(path: Path) -> None:
    """What synth 0.1.0 wrote before floats were rounded: no bounds, text of variable length, zlib's level 1."""
    with h5py.File(path, "r+", libver=("v110", "v110")) as file:
        file.attrs["schema_version"] = 1
        for name in NAMES:
            if "bound" in file[name].attrs:
                del file[name].attrs["bound"], file[name].attrs["rounding"]
        for name in (n for n in NAMES if not PASSES[n].per_pixel and n != "meta/spec"):
            values = file[name][()]
            replace(file, name, data=values, chunks=values.shape, fletcher32=True)
        depth, texts = file["depth"][()], file["meta/spec"][()]
        options = {"chunks": (1, *depth.shape[1:]), "compression": 1, "shuffle": True}
        replace(file, "depth", data=depth + np.float32(1e-7), **options)
        replace(file, "meta/spec", data=[bytes(text) for text in texts], dtype=h5py.string_dtype())


@pytest.mark.skipif(SCHEMA_VERSION != 2, reason="says what version 1 was")
def test_a_dataset_of_version_1_is_read_and_checked(tmp_path):
    manifest = make_dataset(tmp_path)
    for number, row in enumerate(manifest.shards):
        as_version_1(tmp_path / row.file)
        update_checksum(tmp_path, manifest, number)
    manifest.schema_version = 1
    manifest.passes = [{key: row[key] for key in row if key not in ("rounding", "bound")} for row in manifest.passes]
    write_manifest(tmp_path, manifest)
    dataset = synth.open_dataset(tmp_path)
    np.testing.assert_array_equal(dataset.record(0)["depth"], make_record(0)["depth"] + np.float32(1e-7))
    assert [text for text in check(tmp_path).problems if "shard" in text or "dataset.json" in text] == []


def test_a_dataset_of_version_1_is_not_gone_on_with_and_the_way_out_is_said(tmp_path):
    manifest = make_dataset(tmp_path)
    manifest.schema_version = 1
    write_manifest(tmp_path, manifest)
    with pytest.raises(ValueError, match=r"schema version 1, .* can be read and checked, .* overwrite=true"):
        claim(tmp_path, Config())
    assert claim(tmp_path, Config(overwrite=True)) == (None, True)


def test_a_shard_of_a_newer_version_says_to_update(tmp_path):
    manifest = make_dataset(tmp_path)
    with h5py.File(tmp_path / manifest.shards[0].file, "r+") as file:
        file.attrs["schema_version"] = SCHEMA_VERSION + 1
    with pytest.raises(DamagedShard, match=r"shard-000000\.h5 .* schema_version is 3, this synth reads 1 to 2; update"):
        synth.open_dataset(tmp_path).record(0)
