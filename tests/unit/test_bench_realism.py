"""`bench realism` counts and measures rightly: judges that are known stand in for dlib's."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from storage_records import make_record

from synth.bench import realism
from synth.bench.realism import _detected, _looked_at, _pairs, table

POINTS = ("image", "landmarks/points_2d", "landmarks/outline_2d")
LOOK = SimpleNamespace(left=lambda: -9, top=lambda: -9, right=lambda: 99, bottom=lambda: 99)


def judges(points: np.ndarray) -> dict:
    """A predictor that finds `points` [68, 2] of an image in one twice as large, and an embedding of their mean."""
    points = 2 * points - 0.5
    parts = [SimpleNamespace(x=x, y=y) for x, y in points]
    return {
        "rectangle": lambda *sides: sides,
        "points": lambda image, box: SimpleNamespace(parts=lambda: parts),
        "embedding": SimpleNamespace(compute_face_descriptor=lambda image, shape: points.mean(axis=0)),
    }


def test_points_that_dlib_finds_where_they_are_have_no_offset():
    record = make_record(0, names=POINTS)
    for name, points in (("offsets", "landmarks/outline_2d"), ("offsets_on_mesh", "landmarks/points_2d")):
        found = _looked_at(record, LOOK, judges(record[points][:68]))
        np.testing.assert_allclose(found[name], 0, atol=1e-6)


def test_dlib_sees_the_box_in_the_larger_image():
    seen = []
    record, known = make_record(0, names=POINTS), judges(np.zeros((68, 2)))
    points = known["points"]
    known["points"] = lambda image, box: seen.append((image.shape, box)) or points(image, box)
    box = SimpleNamespace(left=lambda: 3, top=lambda: 4, right=lambda: 9, bottom=lambda: 10)
    _looked_at(record, box, known)
    height, width = record["image"].shape[:2]
    assert seen == [((2 * height, 2 * width, 3), (6, 8, 19, 21))]


def test_an_offset_is_in_interocular_distances():
    record = make_record(0, names=POINTS)
    ours = record["landmarks/points_2d"][:68].astype(float)
    apart = np.linalg.norm(ours[42:48].mean(axis=0) - ours[36:42].mean(axis=0))
    found = _looked_at(record, LOOK, judges(ours + np.array([apart, 0])))
    np.testing.assert_allclose(found["offsets_on_mesh"], np.broadcast_to([1, 0], (68, 2)), atol=1e-6)


def test_a_box_elsewhere_is_not_the_face():
    record = make_record(0, names=("image", "landmarks/points_2d"))
    aside = SimpleNamespace(left=lambda: 900, top=lambda: 0, right=lambda: 999, bottom=lambda: 99)
    assert _detected(record, lambda image, larger: [aside]) is None
    assert _detected(record, lambda image, larger: [aside, LOOK]) is LOOK


def test_views_of_one_person_that_lie_together_are_all_closer():
    assert _pairs([0, 0, 1, 1], np.array([[0.0], [1.0], [10.0], [11.0]])) == 1.0


def test_views_of_one_person_that_lie_apart_are_never_closer():
    assert _pairs([0, 1, 0, 1], np.array([[0.0, 0], [9, 0], [9, 9], [0, 9]])) == 0.0


def test_without_second_views_there_are_no_pairs():
    assert _pairs([0, 1, 2], np.zeros((3, 2))) is None


def test_the_table_names_points_that_lie_aside():
    offsets = np.zeros((68, 2))
    offsets[8] = 0, 0.05
    report = {"dataset": "d", "faces": 4, "detected": 0.5, "missed": [2, 3], "median_error": 0.02, "pairs": None}
    words = table(report | {"median_error_on_mesh": 0.03, "offsets": offsets.tolist()})
    assert "8 (+0.0, +5.0)" in words
    assert "missed: [2, 3]" in words


def test_without_dlib_it_says_how_to_install_it(monkeypatch):
    def missing(name: str):
        raise ImportError(name)

    monkeypatch.setattr(realism, "import_module", missing)
    with pytest.raises(ValueError, match="--extra realism"):
        realism.main([])


def test_standard_output_is_the_report_alone(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(realism, "_judges", dict)
    monkeypatch.setattr(realism, "bench_realism", lambda *_: {"detected": 1.0})
    monkeypatch.setattr("synth.verbs.run", lambda words: print("1/1 records") or 0)
    assert realism.main(["--json", "--dataset", str(tmp_path / "none")]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"detected": 1.0}
    assert "1/1 records" in err
