"""Laws of `bench storage`: every format gives the same records back, so that their speeds can be compared."""

import json

import numpy as np
import pytest
from storage_records import make_dataset

from synth.bench import main
from synth.bench.storage import source_records, table
from synth.check import check
from synth.storage.rivals import WANTED, plainly, rivals

TITLES = ["synth", "synth, plain h5py", "synth zstd", "PNG + NPZ", "WebDataset", "gzip-4 HDF5 each"]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A dataset of five records, and what the bench takes of it."""
    pytest.importorskip("webdataset")
    pytest.importorskip("hdf5plugin")
    folder = tmp_path_factory.mktemp("source")
    make_dataset(folder, 5, 5)
    return folder, source_records(folder)


@pytest.fixture(scope="module")
def written(source, tmp_path_factory):
    """{title: format} that holds 65 records or a few more, made of five."""
    formats = rivals(tmp_path_factory.mktemp("formats"), source[0])
    for rival in formats:
        rival.write(source[1])
        rival.multiply(65)
    formats.insert(1, plainly(formats[0]))
    return {rival.title: rival for rival in formats}


def test_all_formats_are_compared(written):
    assert list(written) == TITLES


@pytest.mark.parametrize("title", TITLES)
def test_a_format_gives_back_the_records_that_it_was_given(source, written, title):
    names = tuple(name for name in source[1][0] if not name.startswith("meta/"))
    (found,) = written[title].read([5], names)  # a copy of record 0
    kept = len(found) - len(names)  # formats that cannot read some passes alone give meta/* too
    assert kept == (0 if title.startswith("synth") or title.startswith("gzip") else 2)
    left = [array.tobytes() for array in map(np.float64, found)]
    for name in names:
        left.remove(source[1][0][name].astype(np.float64).tobytes())
    assert len(left) == kept


@pytest.mark.parametrize("title", TITLES)
def test_image_and_landmarks_are_read_alone(source, written, title):
    (image, points), *_ = written[title].read([5, 6], WANTED)
    np.testing.assert_array_equal(image, source[1][0]["image"])
    np.testing.assert_array_equal(points, source[1][0]["landmarks/points_2d"])


def test_the_multiplied_shards_are_a_sound_dataset(written):
    report = check(written["synth"].folder)
    assert report.num_records == written["synth"].held == 120
    assert [text for text in report.problems if text.startswith("shards/")] == []


def test_the_bench_prints_every_format_at_two_sizes(source, capsys, tmp_path):
    words = ["storage", str(source[0]), "--records", "8", "--reads", "8", "--scratch", str(tmp_path), "--json"]
    assert main(words) == 0
    report = json.loads(capsys.readouterr().out)
    assert {size: list(formats) for size, formats in report["sizes"].items()} == {"24 x 40": TITLES, "48 x 80": TITLES}
    text = table(report)
    assert all(title in text for title in (*TITLES, "24 x 40", "48 x 80", "goal", "check:"))
    assert list(tmp_path.iterdir()) == []


def test_the_bench_of_a_dataset_that_is_not_there_says_how_to_make_one(tmp_path):
    with pytest.raises(ValueError, match=r"no dataset.* synth run \+experiment=faces_demo"):
        main(["storage", str(tmp_path)])
    with pytest.raises(ValueError, match="--reads must be at least 2, got 1"):
        main(["storage", str(tmp_path), "--reads", "1"])
    with pytest.raises(ValueError, match=r"--rerender must be in \[0, 32\], got 33"):
        main(["storage", str(tmp_path), "--rerender", "33"])
