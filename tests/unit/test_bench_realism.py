"""`bench realism` counts and measures rightly: judges that are known stand in for dlib's."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from storage_records import make_record

from synth.bench import realism
from synth.bench.realism import _detected, _looked_at, _pairs, table

LOOK = SimpleNamespace(left=lambda: -9, top=lambda: -9, right=lambda: 99, bottom=lambda: 99)


def judges(points: np.ndarray) -> dict:
    """A predictor that finds `points`, in dlib's pixels, and an embedding of their mean."""
    parts = [SimpleNamespace(x=x, y=y) for x, y in points]
    return {
        "points": lambda image, box: SimpleNamespace(parts=lambda: parts),
        "embedding": SimpleNamespace(compute_face_descriptor=lambda image, shape: points.mean(axis=0)),
    }


def test_points_that_dlib_finds_where_they_are_have_no_offset():
    record = make_record(0, names=("image", "landmarks/points_2d"))
    found = _looked_at(record, LOOK, judges(record["landmarks/points_2d"][:68] - 0.5))
    np.testing.assert_allclose(found["offsets"], 0, atol=1e-6)


def test_an_offset_is_in_interocular_distances():
    record = make_record(0, names=("image", "landmarks/points_2d"))
    ours = record["landmarks/points_2d"][:68].astype(float)
    apart = np.linalg.norm(ours[42:48].mean(axis=0) - ours[36:42].mean(axis=0))
    found = _looked_at(record, LOOK, judges(ours - 0.5 + [apart, 0]))
    np.testing.assert_allclose(found["offsets"], np.broadcast_to([1, 0], (68, 2)), atol=1e-6)


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
    words = table(report | {"offsets": offsets.tolist()})
    assert "8 (+0.0, +5.0)" in words
    assert "missed: [2, 3]" in words


def test_without_dlib_it_says_how_to_install_it(monkeypatch):
    def missing(name: str):
        raise ImportError(name)

    monkeypatch.setattr(realism, "import_module", missing)
    with pytest.raises(ValueError, match="synth\\[realism\\]"):
        realism.main([])


def test_standard_output_is_the_report_alone(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(realism, "_judges", dict)
    monkeypatch.setattr(realism, "bench_realism", lambda *_: {"detected": 1.0})
    monkeypatch.setattr("synth.verbs.run", lambda words: print("1/1 records") or 0)
    assert realism.main(["--json", "--dataset", str(tmp_path / "none")]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"detected": 1.0}
    assert "1/1 records" in err
