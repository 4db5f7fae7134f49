"""What a start believes of the shards that are there, and which versions may go on. No Ray, no Blender."""

import os
from pathlib import Path

import pytest
from conftest import shapes_config
from storage_records import make_dataset

from synth.config import FarmConfig, Verify
from synth.farm.folder import missing_shards, refuse_other_versions
from synth.farm.journal import JOURNAL, Entry, append_entries, merge, read_journal
from synth.farm.ledger import Ledger
from synth.farm.lock import locked
from synth.farm.results import Assembled
from synth.farm.work import MissingShard
from synth.storage.manifest import ShardPlan, ShardRow, read_manifest, write_manifest


@pytest.fixture
def dataset(tmp_path) -> Path:
    make_dataset(tmp_path / "dataset")
    return tmp_path / "dataset"


def row(number: int) -> ShardRow:
    return ShardRow(f"shards/shard-{number:06d}.h5", 3 * number, 3, 100, f"{number:064x}")


def files(missing) -> list[str]:
    return [shard.plan.file for shard in missing]


def missing(folder: Path, **farm) -> list[str]:
    manifest = read_manifest(folder)
    assert manifest is not None
    return files(missing_shards(folder, manifest, read_journal(folder), FarmConfig(**farm)))


def test_the_journal_is_read_as_it_was_written_and_the_last_line_of_a_shard_counts(tmp_path):
    entries = [Entry(row(0), 1), Entry(row(1), 2, (4,)), Entry(row(0), 3)]
    append_entries(tmp_path, entries[:1])
    append_entries(tmp_path, entries[1:])
    assert read_journal(tmp_path) == {row(0).file: entries[2], row(1).file: entries[1]}


def test_a_torn_line_counts_for_nothing_and_spoils_no_other(tmp_path):
    append_entries(tmp_path, [Entry(row(0), 1), Entry(row(1), 2)])
    content = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(content[:-20])
    append_entries(tmp_path, [Entry(row(2), 3)])
    assert list(read_journal(tmp_path)) == [row(0).file, row(2).file]


def test_a_line_that_leaves_the_dataset_is_not_believed(tmp_path):
    append_entries(tmp_path, [Entry(ShardRow("../outside.h5", 0, 3, 100, ""), 1)])
    assert read_journal(tmp_path) == {}


def test_shards_that_a_killed_driver_only_wrote_into_the_journal_are_not_rendered_again(dataset):
    manifest = read_manifest(dataset)
    rows = list(manifest.shards)
    append_entries(dataset, [Entry(r, (dataset / r.file).stat().st_mtime_ns) for r in rows])
    manifest.shards = rows[:1]
    merge(manifest, read_journal(dataset))
    assert manifest.shards == rows
    assert files(missing_shards(dataset, manifest, read_journal(dataset), FarmConfig())) == []


def test_a_shard_without_a_line_is_read_once_and_then_known_by_its_time(dataset, capsys):
    assert missing(dataset) == []
    assert "comparing" in capsys.readouterr().err
    assert missing(dataset) == []
    assert "comparing" not in capsys.readouterr().err


@pytest.mark.parametrize(("keep_time", "verify", "found"), [(0, "changed", 1), (1, "changed", 0), (1, "all", 1)])
def test_a_flipped_bit_is_found_where_the_file_was_written_to_or_all_are_compared(dataset, keep_time, verify, found):
    assert missing(dataset) == []
    path = min((dataset / "shards").iterdir())
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    if keep_time:
        os.utime(path, ns=times)
    assert missing(dataset, verify=Verify[verify]) == [f"shards/{path.name}"] * found


def test_a_file_that_was_found_damaged_is_not_believed_at_later_starts_until_it_is_written_anew(dataset, capsys):
    assert missing(dataset) == []
    path = min((dataset / "shards").iterdir())
    times, whole = (path.stat().st_atime_ns, path.stat().st_mtime_ns), path.read_bytes()
    path.write_bytes(whole[:-1] + b"?")
    os.utime(path, ns=times)
    assert missing(dataset, verify=Verify.all) == missing(dataset) == [f"shards/{path.name}"]
    path.write_bytes(whole)
    os.utime(path, ns=times)
    assert missing(dataset) == missing(dataset) == []
    assert capsys.readouterr().err.count("comparing 1 shards") == 2


def test_the_manifest_is_not_rewritten_for_each_shard(tmp_path):
    make_dataset(tmp_path)
    manifest = read_manifest(tmp_path)
    manifest.shards = []
    write_manifest(tmp_path, manifest)
    before = (tmp_path / "dataset.json").stat().st_ino
    with locked(tmp_path) as lock:
        ledger = Ledger(tmp_path, manifest, lock)
        for number in range(100):
            ledger.book(MissingShard(ShardPlan(number, 3 * number, 3)), (), Assembled(row(number), 1))
        assert (tmp_path / "dataset.json").stat().st_ino == before
        ledger.fold()
    assert len(read_manifest(tmp_path).shards) == len(read_journal(tmp_path)) == 100


def test_quarantined_records_are_asked_for_alone(dataset):
    manifest = read_manifest(dataset)
    manifest.quarantined = [1, 4]
    shards = list(missing_shards(dataset, manifest, {}, FarmConfig(retry_quarantined=True)))
    assert [index for shard in shards for index in shard.indices()] == [1, 4]


def test_another_version_is_refused_with_a_way_out_and_named_where_it_is_let_in(dataset):
    from synth import __version__

    manifest = read_manifest(dataset)
    manifest.synth_version, ours = "0.0.1", __version__
    manifest.bpy_version = shapes_version()
    with pytest.raises(ValueError, match=rf"synth_version .* 0\.0\.1, got {ours}; .* farm\.mix_versions=true"):
        refuse_other_versions(manifest, set(), mix=False)
    refuse_other_versions(manifest, set(), mix=True)
    assert manifest.synth_version == f"0.0.1 + {ours}"
    refuse_other_versions(manifest, set(), mix=False)  # it is one of them now


def shapes_version() -> str:
    from synth.farm.folder import begin

    return begin(shapes_config()).bpy_version
