"""Laws of shards, parts, the virtual file and the reader."""

import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from storage_records import HW, NAMES, assert_same, make_dataset, make_manifest, make_record

import synth
from synth.passes import PASSES
from synth.storage.manifest import ShardPlan, planned_shards
from synth.storage.parts import finished_parts, load_part, part_path, remove_parts, save_part
from synth.storage.reader import Dataset
from synth.storage.shard import Shard, adopt_shard, read_records, verify_shard, write_shard
from synth.storage.virtual import VIRTUAL, virtual_problems, write_virtual

PLAN = ShardPlan(number=0, first=0, count=4)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("hw", [HW, (17, 9), (1, 1)])
def test_records_are_read_back_byte_for_byte(tmp_path, hw):
    write_shard(tmp_path, PLAN, NAMES, (make_record(i, hw) for i in range(4)))
    for index, record in enumerate(read_records(tmp_path / PLAN.file)):
        assert_same(record, make_record(index, hw))


def test_the_same_records_give_the_same_files_at_any_time(tmp_path):
    first = make_dataset(tmp_path / "a")
    write_virtual(tmp_path / "a", first)
    time.sleep(1.1)  # HDF5's time stamps are whole seconds
    write_virtual(tmp_path / "b", make_dataset(tmp_path / "b"))
    for name in files(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_every_array_carries_its_row_of_the_pass_table(tmp_path):
    make_dataset(tmp_path)
    with h5py.File(tmp_path / PLAN.file) as file:
        for name in NAMES:
            row = PASSES[name]
            said = {key: file[name].attrs[key] for key in ("unit", "space", "empty", "doc")}
            assert said == {"unit": row.unit, "space": row.space, "empty": row.empty, "doc": row.doc}


def test_a_pass_per_pixel_has_one_chunk_per_record(tmp_path):
    make_dataset(tmp_path)
    with h5py.File(tmp_path / PLAN.file) as file:
        datasets = {name: file[name] for name in NAMES if PASSES[name].per_pixel}
        assert all(dataset.chunks == (1, *dataset.shape[1:]) for dataset in datasets.values())  # pyright: ignore


@pytest.mark.parametrize("names", [("meta/index", "meta/identity_index", "meta/spec"), ("image", "meta/index")])
def test_a_shard_holds_the_passes_it_is_asked_for_and_no_others(tmp_path, names):
    write_shard(tmp_path, PLAN, names, (make_record(i, names=names) for i in range(4)))
    with Shard(tmp_path / PLAN.file) as shard:
        assert set(shard.names) == set(names)


def faulty_records(fault):
    yield make_record(0)
    yield make_record(1)
    if fault == "shape":
        yield make_record(2, (8, 8))
    if fault == "interrupt":
        raise KeyboardInterrupt
    if fault == "many":
        yield from (make_record(i) for i in range(2, 9))


@pytest.mark.parametrize(("fault", "words"), [("few", "2 records where 4"), ("many", "more"), ("shape", "record 2")])
def test_wrong_records_leave_no_shard_and_no_temporary_file(tmp_path, fault, words):
    with pytest.raises(ValueError, match=words):
        write_shard(tmp_path, PLAN, NAMES, faulty_records(fault))
    assert files(tmp_path) == []


def test_an_interrupt_leaves_the_old_shard(tmp_path):
    row = write_shard(tmp_path, PLAN, NAMES, (make_record(i) for i in range(4)))
    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path, PLAN, NAMES, faulty_records("interrupt"))
    assert files(tmp_path) == [PLAN.file]
    assert verify_shard(tmp_path, row, deep=True) is None


def test_growth_copies_what_is_there_and_equals_a_shard_written_at_once(tmp_path):
    small, large = ShardPlan(0, 0, 2), ShardPlan(0, 0, 5)
    write_shard(tmp_path, small, NAMES, (make_record(i) for i in range(2)))
    grown = write_shard(tmp_path, large, NAMES, (make_record(i) for i in range(2, 5)), tmp_path / small.file)
    assert grown == write_shard(tmp_path / "b", large, NAMES, (make_record(i) for i in range(5)))


def test_a_shard_whose_writer_died_before_the_manifest_named_it_is_adopted_if_it_is_whole(tmp_path):
    row = write_shard(tmp_path, PLAN, NAMES, (make_record(i) for i in range(4)))
    assert adopt_shard(tmp_path, PLAN, NAMES) == row
    assert adopt_shard(tmp_path, ShardPlan(0, 0, 5), NAMES) is None
    (tmp_path / PLAN.file).write_bytes((tmp_path / PLAN.file).read_bytes()[:-9])
    assert adopt_shard(tmp_path, PLAN, NAMES) is None


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path[:0] = [sys.argv[2]]
from storage_records import NAMES, make_record
from synth.storage.manifest import ShardPlan
from synth.storage.reader import Dataset
from synth.storage.shard import write_shard
records = [make_record(i) for i in range(8)]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in (0, 100, 5000, 30000, 90000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_shard(Path(sys.argv[1]), ShardPlan(1, 8, 8), NAMES, records)
    except OSError as error:
        print(error.strerror)
"""


def test_a_disk_that_fills_up_is_one_clear_line_and_the_process_lives_on(tmp_path):
    """The limit on file sizes makes every write beyond it fail, as a full disk does, at five different moments."""
    write_shard(tmp_path, PLAN, NAMES, (make_record(i) for i in range(4)))
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(Path(__file__).parent)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()
    assert (run.returncode, run.stderr, len(lines)) == (0, "", 5)
    assert all(str(tmp_path) in line and "MB are free" in line and "make room" in line for line in lines)
    assert files(tmp_path) == [PLAN.file]


def test_verify_names_a_missing_a_truncated_and_a_changed_shard(tmp_path):
    row = write_shard(tmp_path, PLAN, NAMES, (make_record(i) for i in range(4)))
    path = tmp_path / PLAN.file
    content = path.read_bytes()
    path.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
    changed = verify_shard(tmp_path, row, deep=True)
    path.write_bytes(content[:-100])
    truncated = verify_shard(tmp_path, row)
    path.unlink()
    found = [changed or "", truncated or "", verify_shard(tmp_path, row) or ""]
    assert [word in text for text, word in zip(found, ("SHA-256", "bytes", "missing"), strict=True)] == [True] * 3
    assert all(PLAN.file in text for text in found)


# --- parts


def test_a_part_is_read_back_byte_for_byte(tmp_path):
    save_part(tmp_path, make_record(12))
    loaded = load_part(tmp_path, 12)
    assert loaded is not None
    assert_same(loaded, make_record(12))


def test_finished_parts_are_those_saved_and_not_removed(tmp_path):
    for index in (3, 5, 12_345_678_901):
        save_part(tmp_path, make_record(index))
    remove_parts(tmp_path, [5, 6])
    assert finished_parts(tmp_path) == {3, 12_345_678_901}
    remove_parts(tmp_path, finished_parts(tmp_path))
    assert finished_parts(tmp_path) == set()
    assert files(tmp_path) == []


@pytest.mark.parametrize("length", [0, 100, 5000, -1])
def test_a_truncated_part_counts_as_missing(tmp_path, length):
    save_part(tmp_path, make_record(0))
    path = part_path(tmp_path, 0)
    path.write_bytes(path.read_bytes()[:length])
    assert load_part(tmp_path, 0) is None


def test_a_part_under_another_index_counts_as_missing(tmp_path):
    save_part(tmp_path, make_record(0))
    part_path(tmp_path, 0).rename(part_path(tmp_path, 1))
    assert load_part(tmp_path, 1) is None


def test_a_part_with_any_byte_flipped_is_missing_or_whole(tmp_path):
    save_part(tmp_path, make_record(0))
    path, sound = part_path(tmp_path, 0), make_record(0)
    content = path.read_bytes()
    for at in np.random.default_rng(0).integers(len(content), size=150):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])
        loaded = load_part(tmp_path, 0)
        if loaded is not None:
            assert_same(loaded, sound)


# --- dataset.h5


def test_plain_h5py_reads_the_dataset_after_it_moved_and_from_another_folder(tmp_path):
    write_virtual(tmp_path / "a", make_dataset(tmp_path / "a"))
    shutil.move(tmp_path / "a", tmp_path / "b")
    code = (
        "import h5py, sys; file = h5py.File(sys.argv[1]); assert 'synth' not in sys.modules;"
        "print(file['meta/index'][:].tolist(), file['meta/spec'].asstr()[4], file['depth'].attrs['unit'],"
        "file['image'][6].sum(), file['landmarks/visible'].dtype)"
    )
    command = [sys.executable, "-c", code, "b/" + VIRTUAL]
    out = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    total = make_record(6)["image"].sum()
    assert out == f'[0, 1, 2, 3, 4, 5, 6] {{"index": 4, "name": "Grüße"}} m {total} bool\n'


def test_a_virtual_file_of_other_shards_is_a_problem(tmp_path):
    manifest = make_dataset(tmp_path)
    write_virtual(tmp_path, manifest)
    manifest.shards.pop()
    assert len(virtual_problems(tmp_path, manifest)) == len(NAMES)


# --- the reader


def test_the_reader_gives_every_record_by_its_index(tmp_path):
    make_dataset(tmp_path)
    dataset = synth.open_dataset(tmp_path)
    for index in (6, 0, 3, 2, 6):
        assert_same(dataset.record(index), make_record(index))


def test_the_reader_gives_chosen_passes_alone(tmp_path):
    make_dataset(tmp_path)
    names = ("depth", "meta/index")
    assert_same(synth.open_dataset(tmp_path).record(5, names), make_record(5, names=names))


def test_the_reader_of_an_unfinished_dataset_has_the_records_that_are_there(tmp_path):
    manifest = make_manifest(9, 3)
    plan = planned_shards(9, 3)[1]
    manifest.shards.append(write_shard(tmp_path, plan, NAMES, (make_record(i) for i in range(3, 6))))
    dataset = Dataset(tmp_path, manifest)
    assert [int(record["meta/index"]) for record in dataset] == [3, 4, 5]
    assert len(dataset) == 3
    with pytest.raises(IndexError, match="record 6"):
        dataset.record(6)


def test_an_open_reader_survives_pickle(tmp_path):
    make_dataset(tmp_path)
    dataset = synth.open_dataset(tmp_path)
    dataset.record(0)
    assert_same(pickle.loads(pickle.dumps(dataset)).record(4), make_record(4))
    assert_same(dataset.record(5), make_record(5))


def test_a_damaged_record_is_named_and_its_neighbours_are_read(tmp_path):
    manifest = make_dataset(tmp_path)
    path = tmp_path / manifest.shards[1].file
    with h5py.File(path) as file:
        at = file["pncc"].id.get_chunk_info(1).byte_offset + 60
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    dataset = synth.open_dataset(tmp_path)
    with pytest.raises(ValueError, match=r"shards/shard-000001\.h5, record 4, pncc"):
        dataset.record(4)
    assert_same(dataset.record(5), make_record(5))


def test_a_missing_shard_is_named(tmp_path):
    manifest = make_dataset(tmp_path)
    (tmp_path / manifest.shards[2].file).unlink()
    with pytest.raises(ValueError, match=r"shards/shard-000002\.h5 is missing"):
        synth.open_dataset(tmp_path).record(6)


def test_importing_synth_loads_no_h5py():
    code = "import sys, synth; assert 'h5py' not in sys.modules; synth.open_dataset; assert 'h5py' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_a_record_read_into_another_has_its_values_in_the_same_memory(tmp_path, codec):
    if codec == "zstd":
        pytest.importorskip("hdf5plugin")
    write_shard(
        tmp_path, PLAN, NAMES, (make_record(i) for i in range(PLAN.first, PLAN.first + PLAN.count)), codec=codec
    )
    with Shard(tmp_path / PLAN.file) as shard:
        first = shard.record(0)
        second = shard.record(1, into=first)
        assert_same(second, make_record(PLAN.first + 1))
        assert all(second[name] is first[name] for name in NAMES if PASSES[name].per_pixel)
