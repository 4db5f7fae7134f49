"""The verb `models`: what it writes, says and refuses. Gaps are left open (--bare) where the fit is not the matter."""

import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from model_files import make_head, write_flame, write_ict, write_lsfm, write_statismo
from PIL import Image

from synth.__main__ import main
from synth.geometry import rigid, transform
from synth.models import checksum, library, load_model
from synth.models.bare import bare_model
from synth.models.correspondence import moved
from synth.models.importers import FORMATS, import_model
from synth.models.importers.finishing import finished
from synth.models.picture import write_picture

EYED = make_head(eyes=True)


@pytest.fixture(autouse=True)
def user_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "user_data_dir", lambda name: str(tmp_path / "user" / name))
    return tmp_path / "user" / "synth" / "models"


@pytest.fixture
def ict(tmp_path):
    return write_ict(tmp_path / "FaceXModel", EYED)


def test_an_imported_model_is_found_by_its_name(ict, user_folder, capsys):
    assert main(["models", "import", "ict", str(ict), "--bare"]) == 0
    shown = capsys.readouterr().out
    model = load_model("ict")
    assert model.identity_names[0] == "identity000"
    assert checksum(model) in shown
    assert "render with model=ict" in shown
    assert sorted(path.name for path in user_folder.iterdir()) == ["ict.h5", "ict.png"]


def test_an_output_is_a_model_file_by_its_path(ict, tmp_path, user_folder):
    assert main(["models", "import", "ict", str(ict), "--bare", "--output", str(tmp_path / "mine.h5")]) == 0
    assert load_model(str(tmp_path / "mine.h5")).name == "ict"
    assert not user_folder.exists()


def test_list_and_info_show_what_was_imported(ict, capsys):
    main(["models", "import", "ict", str(ict), "--bare", "--name", "mine"])
    capsys.readouterr()
    assert main(["models", "list"]) == 0
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("mine ")]
    assert row.split() == ["mine", "128", "4", "2", "MIT"]
    assert main(["models", "info", "mine"]) == 0
    shown = capsys.readouterr().out
    assert "lacks      parts, albedo" in shown
    assert "generic_neutral_mesh.obj " in shown
    assert "m, from centimetres" in shown


def test_a_file_whose_name_is_no_models_does_not_end_the_list(ict, user_folder, capsys):
    main(["models", "import", "ict", str(ict), "--bare", "--name", "mine"])
    (user_folder / "my model.h5").write_bytes((user_folder / "mine.h5").read_bytes())
    capsys.readouterr()
    assert main(["models", "list"]) == 0
    shown = capsys.readouterr().out
    assert "\nmine " in shown
    assert "my model.h5" in shown
    assert "my model" not in library.list_models()


def test_the_same_files_may_be_imported_again_and_others_not_over_them(ict, tmp_path, capsys):
    words = ["models", "import", "ict", str(ict), "--bare"]
    assert main(words) == 0
    assert main(words) == 0
    other = write_ict(tmp_path / "other", EYED, identities=3)
    assert main(["models", "import", "ict", str(other), "--bare"]) == 2
    assert "is another model" in capsys.readouterr().err


def test_no_file_but_a_model_of_synth_is_written_over(tmp_path, capsys):
    source, other = write_statismo(tmp_path / "bfm.h5", make_head()), tmp_path / "mine.h5"
    with h5py.File(other, "w") as file:
        file["precious"] = np.arange(5)
    before = source.read_bytes(), other.read_bytes()
    words = ["models", "import", "bfm", str(source), "--bare", "--output"]
    assert main([*words, str(source)]) == 2
    assert "is what is imported" in capsys.readouterr().err
    assert main([*words, str(other)]) == 2
    assert "mine.h5 is there and no model file of synth" in capsys.readouterr().err
    assert (source.read_bytes(), other.read_bytes()) == before


def test_a_damaged_model_file_is_mended_by_the_command_that_wrote_it(ict, tmp_path, user_folder):
    for place, words in ((user_folder / "ict.h5", []), (tmp_path / "mine.h5", ["--output", str(tmp_path / "mine.h5")])):
        assert main(["models", "import", "ict", str(ict), "--bare", *words]) == 0
        with h5py.File(place, "r+") as file:
            file["mean"][0] += 1
        assert main(["models", "import", "ict", str(ict), "--bare", *words]) == 0
        assert load_model(str(place)).name == "ict"


BAD = {
    "an unknown format": ["import", "obj", "."],
    "a path that is not there": ["import", "ict", "/nowhere"],
    "a name that is no file's": ["import", "ict", "ICT", "--name", "../mine"],
    "a built-in name": ["import", "ict", "ICT", "--name", "makehuman"],
    "an output that is no .h5": ["import", "ict", "ICT", "--output", "mine.npz"],
    "no verb": [],
    "a verb that is none": ["export"],
    "an unknown model": ["info", "nobody"],
    "a folder to build of that is not there": ["build", "/nowhere", "--name", "mine", "--components", "2"],
    "a build without a name": ["build", "ICT", "--components", "2"],
    "a build of a name that is taken": ["build", "ICT", "--components", "2", "--name", "makehuman"],
}


@pytest.mark.parametrize("words", BAD.values(), ids=BAD)
def test_bad_words_give_one_line_and_a_failure(ict, words, capsys):
    assert main(["models", *(str(ict) if word == "ICT" else word for word in words)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1


def write_meshes(folder: Path, seed: int) -> Path:
    """A folder of nine meshes in correspondence."""
    head, rng = make_head(), np.random.default_rng(seed)
    vertices = head.mean + np.einsum("nk,kvc->nvc", rng.normal(size=(9, 4)), head.identity)
    folder.mkdir()
    np.savez(folder / "faces.npz", vertices=vertices, faces=head.faces)
    return folder


def test_meshes_in_correspondence_become_a_model_with_curves_beside_it(tmp_path, user_folder, capsys):
    pytest.importorskip("matplotlib")
    words = ["--name", "mine", "--components", "4", "--licence", "mine", "--bare"]
    folder = write_meshes(tmp_path / "meshes", seed=1)
    assert main(["models", "build", str(folder), *words]) == 0, capsys.readouterr().err
    model = load_model("mine")
    assert (len(model.mean), len(model.identity), model.licence) == (len(make_head().mean), 4, "mine")
    assert model.source_sha256.startswith("faces.npz ")
    assert {path.name for path in user_folder.iterdir()} == {
        *("mine.h5", "mine.png", "mine-curves.json", "mine-curves.png")
    }


def test_a_build_of_other_meshes_or_components_is_refused_before_anything_is_read_or_written(
    tmp_path, user_folder, capsys, monkeypatch
):
    first, other = (write_meshes(tmp_path / f"set{k}", seed=k) for k in range(2))
    words = ["--name", "mine", "--bare", "--components"]
    assert main(["models", "build", str(first), *words, "4"]) == 0
    assert main(["models", "build", str(first), *words, "4"]) == 0
    before = {path.name: path.read_bytes() for path in user_folder.iterdir()}
    monkeypatch.setattr("synth.models.build.read_meshes", None)
    for folder, components in ((other, "4"), (first, "3")):
        capsys.readouterr()
        assert main(["models", "build", str(folder), *words, components]) == 2
        assert "is another model" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in user_folder.iterdir()} == before


def test_curves_are_written_without_matplotlib_but_not_drawn(tmp_path, user_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    folder = write_meshes(tmp_path / "meshes", seed=1)
    with pytest.warns(UserWarning, match="matplotlib"):
        assert main(["models", "build", str(folder), "--name", "mine", "--components", "4", "--bare"]) == 0
    assert {path.name for path in user_folder.iterdir()} == {"mine.h5", "mine.png", "mine-curves.json"}


def test_help_of_import_names_every_format(capsys):
    assert main(["models", "import", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown and row.models in shown for name, row in FORMATS.items())


def test_what_a_source_says_stays_and_what_hangs_on_the_model_follows_it(tmp_path, monkeypatch):
    model = import_model("flame", write_flame(tmp_path / "flame.npz", EYED))
    known = np.where(np.arange(len(model.faces)) < 10, 9, 0).astype(np.uint8)
    model = replace(model, part=known)
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    motion = rigid(turn, np.array([0.01, 0.02, 0.03]))
    place = lambda points: transform(motion, points.astype(np.float64)).astype(np.float32)

    def complete(model, reference):
        assert not model.part.any()
        return moved(replace(model, part=np.full(len(model.faces), 12, np.uint8)), motion), {"fit": 0.5}

    monkeypatch.setattr("synth.models.transfer.complete", complete)
    whole, residuals = finished(model, load_model("makehuman"))
    assert residuals == {"fit": 0.5}
    assert whole.part.tolist() == [9] * 10 + [12] * (len(model.faces) - 10)
    assert "parts" in whole.supplied
    assert "landmarks" in whole.lacks
    np.testing.assert_allclose(whole.layers["eyes"].mean, place(model.layers["eyes"].mean), atol=1e-6)
    np.testing.assert_allclose(whole.source_to_head, motion @ model.source_to_head, atol=1e-6)
    pose = 0.3 * np.random.default_rng(0).normal(size=(5, 3))
    posed = model.posed(np.ones(300), np.ones(1), pose)
    np.testing.assert_allclose(whole.posed(np.ones(300), np.ones(1), pose @ turn.T), place(posed), atol=2e-6)


def test_a_picture_shows_the_mesh_its_parts_and_its_landmarks(tmp_path):
    head = make_head()
    model = bare_model(
        head.mean[:, (0, 2, 1)] * (1, -1, 1), head.identity, head.faces, name="n", licence="l", source="s"
    )
    known = np.zeros((68, 3), np.float32)
    known[30] = (1, 0, 0)
    nose = np.tile(np.int32(head.mean[:, 2].argmax()), (68, 3))
    model = replace(model, landmark_weights=known, landmark_triangles=nose, part=np.full(len(model.faces), 9, np.uint8))
    write_picture(model, tmp_path / "picture.png")
    image = np.asarray(Image.open(tmp_path / "picture.png")).astype(int)
    assert image.shape == (640, 1280, 3)
    dots = np.argwhere((image == (20, 220, 90)).all(axis=-1))
    assert (dots[:, 1] < 640).any()
    assert (dots[:, 1] > 640).any()
    mouth = (image[..., 0] > 1.5 * image[..., 1]) & (image[..., 0] > 40)
    assert 0.15 < mouth[:, :640].mean() < 0.75


def test_a_name_of_a_file_becomes_one_of_a_model(tmp_path, user_folder):
    path = write_lsfm(tmp_path / "lsfm.mat", make_head())
    assert main(["models", "import", "lsfm", str(path), "--bare"]) == 0
    assert (user_folder / "lsfm.h5").is_file()
