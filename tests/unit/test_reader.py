"""Laws of the reader: positions, views, columns, processes, URLs."""

import multiprocessing
import pickle
import subprocess
import sys

import h5py
import numpy as np
import pytest
from storage_records import NAMES, assert_same, make_dataset, make_manifest, make_record

import synth
from synth.storage.damage import Damaged
from synth.storage.files import sha256
from synth.storage.manifest import planned_shards
from synth.storage.reader import Dataset
from synth.storage.shard import read_records, write_shard

COUNT = 7  # of three shards: 3, 3, 1
SMALL = ("meta/index", "meta/identity_index", "params/yaw_pitch_roll", "meta/spec")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("reader")
    make_dataset(path, COUNT)
    return path


@pytest.fixture(scope="module")
def stored(folder):
    """What the shards hold, in order."""
    return [record for path in sorted((folder / "shards").iterdir()) for record in read_records(path, NAMES)]


def only(record, *names):
    return {name: record[name] for name in names}


def indices(dataset) -> list[int]:
    return [int(record["meta/index"]) for record in dataset]


@pytest.mark.parametrize("position", [0, 6, -1, -7, np.int64(3), np.uint8(5)])
def test_an_int_gives_the_record_at_that_position(folder, stored, position):
    assert_same(synth.open_dataset(folder)[position], stored[int(position)])


KEYS = [
    slice(None),
    slice(1, 6, 2),
    slice(None, None, -1),
    slice(-2, None),
    slice(5, 2),
    [3, -1, 3],
    [],
    np.array([6, 0], np.int32),
    np.arange(COUNT) % 2 == 0,
    [True, *[False] * 6],
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_a_view_has_the_records_that_numpy_would_pick(folder, key):
    key_of_numpy = key if isinstance(key, slice) or len(key) else np.array([], int)
    view = synth.open_dataset(folder, "meta/index")[key]
    expected = np.arange(COUNT)[key_of_numpy]
    assert indices(view) == expected.tolist() == view.indices().tolist()
    assert len(view) == len(expected)


def test_views_of_views_compose(folder, stored):
    view = synth.open_dataset(folder)[::-1][1:6][[0, -1, 2]]
    assert indices(view) == [5, 1, 3]
    assert_same(view[-1], stored[3])


@pytest.mark.parametrize("key", [7, -8, [0, 7], [-8], np.ones(6, bool)], ids=str)
def test_a_position_outside_is_an_index_error(folder, key):
    with pytest.raises(IndexError, match=r"outside of 7 records|shape \[7\]"):
        synth.open_dataset(folder)[key]


@pytest.mark.parametrize("key", ["image", 1.5, [1.5], [[1]], None], ids=str)
def test_what_is_no_position_is_a_type_error(folder, key):
    with pytest.raises(TypeError, match=r"position|column|int"):
        synth.open_dataset(folder)[key]


def test_what_a_user_does_to_a_record_changes_no_later_one(folder, stored):
    dataset = synth.open_dataset(folder)
    record = dataset[2]
    for name in ("landmarks/points_2d", "image", "meta/index"):
        record[name] += 1
    assert_same(dataset[2], stored[2])


def test_a_choice_of_fields_gives_these_alone_in_their_order(folder, stored):
    names = ("depth", "meta/index")
    dataset = synth.open_dataset(folder, names)
    assert_same(dataset[4], only(stored[4], *names))
    assert_same(dataset.select("image")[4], only(stored[4], "image"))
    assert dataset.names == names


def test_a_view_of_no_pass_has_records_of_none(folder):
    assert synth.open_dataset(folder, [])[0] == {}


@pytest.mark.parametrize(
    ("name", "words"),
    [("landmark/points_2d", "did you mean landmarks/points_2d"), ("yaw_pitch", "params/yaw_pitch_roll"), ("", "image")],
)
def test_a_misspelt_field_is_told_its_near_matches(folder, name, words):
    with pytest.raises(ValueError, match=words):
        synth.open_dataset(folder).select(name)


def test_a_field_that_was_not_rendered_is_told_the_key_that_renders_it(tmp_path):
    make_dataset(tmp_path, names=("image", *SMALL))
    with pytest.raises(ValueError, match=r"output\.passes=\[default,triangle\]"):
        synth.open_dataset(tmp_path, ["image", "triangle"])


@pytest.mark.parametrize("name", ["params/yaw_pitch_roll", "meta/spec", "depth", "landmarks/visible"])
def test_a_column_is_that_pass_of_all_records_of_a_view(folder, stored, name):
    view = synth.open_dataset(folder, "image")[[6, 0, 3, 3]]
    expected = np.stack([stored[index][name] for index in (6, 0, 3, 3)])
    column = view.column(name)
    assert column.dtype == expected.dtype
    np.testing.assert_array_equal(column, expected)


def test_the_column_of_an_empty_view_has_its_shape_and_dtype(folder):
    column = synth.open_dataset(folder)[[]].column("landmarks/points_2d")
    assert (column.shape, column.dtype) == ((0, 70, 2), np.float32)


def test_arrays_stack_the_records(folder, stored):
    arrays = synth.open_dataset(folder, ["image", "meta/index"])[[2, 5]].arrays()
    np.testing.assert_array_equal(arrays["image"], [stored[2]["image"], stored[5]["image"]])
    assert arrays["meta/index"].tolist() == [2, 5]


def test_a_batch_with_a_damaged_record_is_stacked_without_it_if_told_so(tmp_path):
    manifest = make_dataset(tmp_path)
    (tmp_path / manifest.shards[1].file).unlink()  # records 3 to 5
    with pytest.raises(Damaged):
        synth.open_dataset(tmp_path, "meta/index")[1:5].arrays()
    dataset = synth.open_dataset(tmp_path, "meta/index", damaged="skip")
    with pytest.warns(UserWarning, match=r"record [345] is skipped"):
        assert dataset[1:5].arrays()["meta/index"].tolist() == [1, 2]
    with (
        pytest.warns(UserWarning, match=r"record [34] is skipped"),
        pytest.raises(ValueError, match="none of the 2 records"),
    ):
        dataset[3:5].arrays()


def test_a_filter_keeps_what_its_condition_says_and_filters_compose(folder, stored):
    dataset = synth.open_dataset(folder)
    yaw = np.array([record["params/yaw_pitch_roll"][0] for record in stored])
    turned = dataset.where(lambda column: column("params/yaw_pitch_roll")[:, 0] > 0)
    assert turned.indices().tolist() == np.flatnonzero(yaw > 0).tolist()
    late = turned.where(turned.column("meta/index") >= 3)
    assert late.indices().tolist() == [k for k in range(3, COUNT) if yaw[k] > 0]


@pytest.mark.parametrize("mask", [[1, 0], np.zeros(COUNT), np.zeros(COUNT, int)], ids=str)
def test_a_filter_takes_masks_only(folder, mask):
    with pytest.raises(ValueError, match=r"bool mask \[7\]"):
        synth.open_dataset(folder).where(mask)


def test_a_filter_on_params_reads_no_image(tmp_path):
    manifest = make_dataset(tmp_path)
    for row in manifest.shards:
        with h5py.File(tmp_path / row.file, "r+") as file:
            del file["image"], file["depth"]
    dataset = synth.open_dataset(tmp_path)
    assert len(dataset.where(lambda column: column("meta/identity_index") == 1)) == 2


def test_the_views_of_identities_partition_the_records(folder):
    views = synth.open_dataset(folder)[::-1].by_identity()
    assert {identity: view.indices().tolist() for identity, view in views.items()} == {
        0: [1, 0], 1: [3, 2], 2: [5, 4], 3: [6]
    }  # fmt: skip
    assert synth.open_dataset(folder)[[]].by_identity() == {}


def test_positions_skip_what_is_not_rendered_yet(tmp_path):
    manifest = make_manifest(9, 3)
    for plan in (planned_shards(9, 3)[0], planned_shards(9, 3)[2]):
        records = (make_record(i) for i in range(plan.first, plan.first + plan.count))
        manifest.shards.append(write_shard(tmp_path, plan, NAMES, records))
    dataset = Dataset(tmp_path, manifest)
    assert [int(dataset[k]["meta/index"]) for k in range(len(dataset))] == [0, 1, 2, 6, 7, 8]
    assert dataset[2:5].column("meta/index").tolist() == [2, 6, 7]
    assert dataset.shard_numbers().tolist() == [0, 0, 0, 1, 1, 1]
    with pytest.raises(IndexError, match="record 4"):
        dataset.record(4)


TWO_PROCESSES = """
import multiprocessing, sys
import synth

def found(view):
    return [int(record["meta/index"]) for record in view]

if __name__ == "__main__":
    view = synth.open_dataset(sys.argv[1], "meta/index")[::-2]
    here = found(view)  # its files are open
    with multiprocessing.get_context(sys.argv[2]).Pool(2) as pool:
        assert pool.map(found, [view, view[1:]]) == [here, here[1:]], here
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_open_view_is_read_by_processes_of_either_kind(folder, method, tmp_path):
    """In an interpreter of its own: here other tests may have started Ray, whose threads do not survive a fork."""
    (tmp_path / "two.py").write_text(TWO_PROCESSES)
    done = subprocess.run([sys.executable, tmp_path / "two.py", folder, method], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_pickled_view_is_small_and_equal(folder, stored):
    view = synth.open_dataset(folder)[[5, 2]]
    view[0]["image"]
    again = pickle.loads(pickle.dumps(view))
    assert_same(again[1], stored[2])
    assert len(pickle.dumps(view)) < 50_000
    assert again.names == view.names


def test_threads_read_at_once(folder, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setattr("synth.storage.pool.OPEN_SHARDS", 1)
    dataset = synth.open_dataset(folder, "meta/index")
    order = list(range(COUNT)) * 30
    with ThreadPoolExecutor(4) as threads:
        assert [int(r["meta/index"]) for r in threads.map(dataset.__getitem__, order)] == order


def test_reading_loads_neither_blender_nor_ray_nor_torch_nor_fsspec(folder):
    heavy = "{'bpy', 'ray', 'torch', 'hydra', 'fsspec', 'datasets', 'scipy', 'rich'}"
    code = f"import sys, synth; synth.open_dataset(sys.argv[1])[0]; print(*({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


# --- URLs


@pytest.fixture
def url(folder):
    """The dataset in fsspec's filesystem in memory."""
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    files.put(str(folder), "/bucket/faces", recursive=True)
    yield "memory://bucket/faces"
    files.rm("/bucket", recursive=True)


def test_a_url_is_read_like_a_folder(url, stored, tmp_path):
    dataset = synth.open_dataset(url, cache_dir=tmp_path)
    assert_same(dataset[4], stored[4])
    assert dataset[::3].column("meta/index").tolist() == [0, 3, 6]


def test_only_shards_that_are_read_are_fetched_and_only_once(folder, url, stored, tmp_path):
    synth.open_dataset(url, cache_dir=tmp_path)[4]
    assert [path.stem for path in tmp_path.rglob("*.h5")] == [sha256(folder / "shards/shard-000001.h5")]
    import fsspec

    fsspec.filesystem("memory").rm("/bucket/faces/shards", recursive=True)
    assert_same(synth.open_dataset(url, cache_dir=tmp_path)[5], stored[5])
    with pytest.raises(ValueError, match=r"shard-000002\.h5 is missing"):
        synth.open_dataset(url, cache_dir=tmp_path)[6]


def test_a_changed_shard_behind_a_url_is_refused_and_not_kept(url, tmp_path):
    import fsspec

    files = fsspec.filesystem("memory")
    path = "/bucket/faces/shards/shard-000000.h5"
    content = bytearray(files.cat_file(path))
    content[len(content) // 2] ^= 1
    files.pipe_file(path, bytes(content))
    with pytest.raises(ValueError, match="SHA-256"):
        synth.open_dataset(url, cache_dir=tmp_path)[0]
    assert list(tmp_path.rglob("*.h5*")) == []


def _indices_there(dataset) -> list[int]:
    return indices(dataset)


def test_a_file_url_is_read_by_spawned_processes(folder, tmp_path):
    pytest.importorskip("fsspec")
    dataset = synth.open_dataset(f"file://{folder}", "meta/index", cache_dir=tmp_path)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(_indices_there, [dataset]) == [list(range(COUNT))]


@pytest.mark.parametrize(("url", "words"), [("memory://nothing", "no dataset"), ("nothing://x", "nothing")])
def test_a_url_without_a_dataset_is_said(url, words, tmp_path):
    pytest.importorskip("fsspec")
    with pytest.raises(ValueError, match=words):
        synth.open_dataset(url, cache_dir=tmp_path)
