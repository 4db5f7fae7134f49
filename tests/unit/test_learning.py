"""Laws of `bench learning`: conventions of photographs, scores, crops; and that it runs, on tiny data."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from model_records import HW, head_points, make_head, make_heads
from PIL import Image

from synth.__main__ import main
from synth.bench.learning import NEEDED
from synth.compose import compose_config
from synth.geometry import head_rotation
from synth.learning.photos import cut, read_photos, read_pts
from synth.learning.score import by_yaw, estimated_yaw, nme

ROOT = Path(__file__).resolve().parents[2]


def write_photo(folder: Path, name: str, image: np.ndarray, points: np.ndarray) -> None:
    """An image and its points, as iBUG writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(folder / f"{name}.png")
    rows = "\n".join(f"{u + 0.5:.6f} {v + 0.5:.6f}" for u, v in points[:68])
    (folder / f"{name}.pts").write_text(f"version: 1\nn_points:  68\n{{\n{rows}\n}}\n")


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learning") / "heads"
    make_heads(folder, 26)
    return folder


def test_points_of_ibug_count_pixels_from_one(tmp_path):
    points = np.random.default_rng(0).uniform(0, 40, (68, 2))
    write_photo(tmp_path, "a", np.zeros((50, 60, 3), np.uint8), points)
    np.testing.assert_allclose(read_pts(tmp_path / "a.pts"), points, atol=1e-6)


@pytest.mark.parametrize("text", ["", "{1 2 3}", "{\n1 2\n}", "{ a b }", "version: 1\n{" + "nan nan\n" * 68 + "}"])
def test_a_damaged_pts_file_is_named(tmp_path, text):
    (tmp_path / "a.pts").write_text(text)
    with pytest.raises(ValueError, match=r"a\.pts"):
        read_pts(tmp_path / "a.pts")


def test_a_folder_without_annotated_photos_is_said(tmp_path):
    (tmp_path / "a.pts").write_text("")
    with pytest.raises(ValueError, match="holds no image"):
        read_photos(tmp_path, 64)


@pytest.mark.parametrize("shape", [(90, 130), (40, 300)])
def test_a_cut_photo_shows_its_points_where_they_were(shape):
    image = np.zeros((*shape, 3), np.uint8)
    image[30:34, 50:54] = 255  # centre (52, 32)
    points = np.full((68, 2), [52.0, 32.0])
    points[0], points[1] = [30, 10], [74, 54]  # the box is 44 wide
    photo = cut(image, points, 176)  # half a pixel of the photograph per pixel
    rows, cols = np.nonzero(photo.image[..., 0] > 127)
    np.testing.assert_allclose([cols.mean() + 0.5, rows.mean() + 0.5], photo.points[5], atol=0.3)
    np.testing.assert_allclose(np.ptp(photo.points, axis=0), [88, 88])


def test_photos_are_found_in_folders_of_folders(tmp_path):
    for name in ("a/x", "b"):
        record = make_head(0)
        write_photo(tmp_path / name, "face", record["image"], record["landmarks/points_2d"])
    assert [photo.image.shape for photo in read_photos(tmp_path, 80)] == [(80, 80, 3)] * 2


def test_the_error_of_points_that_are_off_by_a_tenth_of_the_box_is_a_tenth():
    points = np.random.default_rng(0).uniform(0, 1, (5, 68, 2))
    points[:, 0], points[:, 1] = [0, 0], [1, 1]
    points *= [40, 90]  # sqrt of the area is 60
    np.testing.assert_allclose(nme(points + np.array([6, 0]), points), 0.1)
    found = points.copy()
    found[:, :17] += 50
    np.testing.assert_allclose(nme(found, points, first=17), 0)


def test_bins_of_yaw_partition_the_faces():
    points = np.random.default_rng(0).uniform(0, 1, (7, 68, 2))
    yaw = np.radians([0, -29, 31, -59, 61, 89, -95])
    rows = by_yaw(points, points, yaw)
    assert [(row["yaw_deg"], row["faces"]) for row in rows] == [
        ("0 to 30", 2),
        ("30 to 60", 2),
        ("60 to 90", 3),
        ("all", 7),
    ]


@pytest.mark.parametrize("angles", [(0, 0, 0), (0.6, 0.1, -0.3), (-1.3, -0.2, 0.4)])
def test_the_yaw_of_a_head_seen_from_afar_is_found(angles):
    head = head_points(make_head(0))[:68]
    seen = head @ head_rotation(*angles).T
    assert estimated_yaw(300 * seen[:, :2] + [50, 40], head) == pytest.approx(angles[0], abs=1e-6)


def test_crops_show_the_points_where_they_say(heads):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from synth.learning.train import cropped

    image = np.zeros((1, 3, *HW), np.uint8)
    image[..., 20:22, 33:35] = 255  # centre (34, 21)
    points = np.full((1, 68, 2), [34.0, 21.0], np.float32)
    points[0, 0], points[0, 1] = [20, 8], [44, 40]
    torch.manual_seed(0)
    for jitter in (False, True):
        crops, wanted = cropped(torch.from_numpy(image), torch.from_numpy(points), jitter)
        share = (crops[0, 0] / crops[0, 0].sum()).numpy()
        centers = (np.arange(96) + 0.5) / 48 - 1
        np.testing.assert_allclose([share.sum(0) @ centers, share.sum(1) @ centers], wanted[0, 5].numpy(), atol=0.01)


def test_it_trains_and_tests_on_shards_and_photographs(heads, tmp_path, capsys):
    pytest.importorskip("torch", reason="torch is not installed")
    for k in range(3):
        record = make_head(100 + k)
        write_photo(tmp_path / "photos", str(k), record["image"], record["landmarks/points_2d"])
    words = ["--dataset", str(heads), "--photos", str(tmp_path / "photos"), "--epochs", "30", "--device", "cpu"]
    assert main(["bench", "learning", *words, "--json"]) == 0
    shown = capsys.readouterr().out
    report = json.loads(shown[shown.index("{") :])
    assert report["trained_on"] == 22
    assert report["synthetic"][-1]["faces"] == 4
    assert report["photos"][-1]["faces"] == 3
    assert report["synthetic"][-1]["nme"] < 0.25  # an untrained network is off by more than that


def test_without_torch_it_says_what_to_install(heads):
    code = "import sys; sys.modules['torch'] = None; from synth.__main__ import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "bench", "learning", "--dataset", heads]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env=os.environ)
    assert (done.returncode, done.stderr) == (
        2,
        "error: bench learning needs torch; say `uv sync --inexact --extra torch` in synth's folder\n",
    )


@pytest.mark.parametrize("words", [["--epochs", "0"], ["--records", "0"], ["--nothing"]], ids=" ".join)
def test_bad_words_are_one_line(words, capsys):
    assert main(["bench", "learning", *words]) == 2
    assert words[0] in capsys.readouterr().err


def test_what_it_renders_if_faces_are_missing_is_a_config_with_all_that_it_needs(monkeypatch, tmp_path):
    monkeypatch.setattr("synth.bench.learning._need_torch", lambda: None)
    rendered = []
    monkeypatch.setattr("synth.verbs.run", lambda words: rendered.append(compose_config(words)))
    monkeypatch.setattr("synth.bench.learning.bench_learning", lambda *words: {"told": str(words[0])})
    assert main(["bench", "learning", "--dataset", str(tmp_path / "new"), "render.spp=4", "--json"]) == 0
    (config,) = rendered
    assert (config.num_records, config.render.hw, config.render.spp) == (2400, [128, 128], 4)
    assert config.output.dir == str(tmp_path / "new")
    assert set(NEEDED) == set(config.output.passes)


def test_a_complete_dataset_is_not_rendered_again(monkeypatch, heads, capsys):
    monkeypatch.setattr("synth.bench.learning._need_torch", lambda: None)
    monkeypatch.setattr("synth.bench.learning.bench_learning", lambda *words: {"told": str(words[0])})
    assert main(["bench", "learning", "--dataset", str(heads), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"told": str(heads)}
