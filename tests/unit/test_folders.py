"""Laws of the user's own folders: listed once, pinned by content, errors that name key, file and way out."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scenes.head.backdrops import display_linear, read_photograph
from scenes.head.config import Config as HeadConfig
from scenes.head.place import PhotographSpec, sample_background, sample_light
from scenes.head.place_config import BackgroundConfig, LightConfig
from synth.config import Config
from synth.farm.driver import _agree_on_folders
from synth.farm.folder import begin
from synth.folders import folder_row, listed
from synth.labels.photo import shoulder, srgb_from_linear
from synth.rng import Streams
from synth.scene import folder_rows
from synth.storage.manifest import read_manifest, write_manifest

KEY, SUFFIXES = "scene.background.folder", (".jpg", ".png")
PART = PhotographSpec(file="b.png", zoom=1.0, place=(0.5, 0.5), mirrored=False)


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Two photographs and a text."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, color in (("b.png", (200, 30, 30)), ("a.JPG", (30, 200, 30))):
        Image.new("RGB", (60, 40), color).save(folder / name)
    (folder / "c.txt").write_text("no picture")
    (folder / ".hidden.png").write_bytes(b"")
    return folder


def test_files_are_listed_in_the_order_of_their_names(pictures):
    assert listed(str(pictures), SUFFIXES, KEY) == ("a.JPG", "b.png")


def test_a_folder_is_listed_once_per_process(pictures):
    before = listed(str(pictures), SUFFIXES, KEY)
    (pictures / "0.png").write_bytes((pictures / "b.png").read_bytes())
    assert listed(str(pictures), SUFFIXES, KEY) == before


@pytest.mark.parametrize("path", ["nowhere", "empty"])
def test_a_folder_that_is_missing_or_empty_is_an_error_with_its_key_and_the_way_out(tmp_path, path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=rf"{KEY} must .*{path}.*say {KEY}=''"):
        listed(str(tmp_path / path), SUFFIXES, KEY)


def change_name(folder: Path) -> None:
    (folder / "b.png").rename(folder / "z.png")


def change_content(folder: Path) -> None:
    data = bytearray((folder / "b.png").read_bytes())
    data[-20] ^= 1
    (folder / "b.png").write_bytes(data)


def change_count(folder: Path) -> None:
    (folder / "a.JPG").unlink()


@pytest.mark.parametrize("change", [change_name, change_content, change_count])
def test_whatever_changes_in_a_folder_changes_its_checksum(pictures, change):
    before = folder_row(str(pictures), SUFFIXES, KEY)
    change(pictures)
    listed.cache_clear()
    assert folder_row(str(pictures), SUFFIXES, KEY)["sha256"] != before["sha256"]


def test_another_file_beside_the_pictures_changes_nothing(pictures):
    before = folder_row(str(pictures), SUFFIXES, KEY)
    (pictures / "notes.md").write_text("mine")
    listed.cache_clear()
    assert folder_row(str(pictures), SUFFIXES, KEY) == before


def head(folder: Path | str) -> Config:
    return Config(scene=HeadConfig(background=BackgroundConfig(folder=str(folder))))


def test_the_manifest_says_what_is_in_the_folders_and_is_read_again(pictures, tmp_path):
    manifest = begin(head(pictures))
    _agree_on_folders(manifest, head(pictures))
    assert manifest.folders == {KEY: folder_row(str(pictures), (".jpeg", ".jpg", ".png"), KEY)}
    write_manifest(tmp_path, manifest)
    again = read_manifest(tmp_path)
    assert again is not None
    assert again.folders == manifest.folders
    assert folder_rows(head("")) == {}


def test_a_folder_that_has_changed_since_is_refused_with_its_key_and_the_way_out(pictures):
    manifest = begin(head(pictures))
    _agree_on_folders(manifest, head(pictures))
    change_content(pictures)
    listed.cache_clear()
    with pytest.raises(ValueError, match=rf"{KEY} must hold the files .* begun with.*put them back.*overwrite=true"):
        _agree_on_folders(manifest, head(pictures))


def test_half_of_the_records_have_a_photograph_where_there_is_a_folder(pictures):
    config = BackgroundConfig(folder=str(pictures))
    drawn = [sample_background(config, Streams(0, k)) for k in range(400)]
    files = [background.photograph.file for background in drawn if background.photograph]
    assert len(files) == pytest.approx(200, abs=40)
    assert set(files) == {"a.JPG", "b.png"}
    everywhere = BackgroundConfig(folder=str(pictures), folder_share=1.0)
    assert all(sample_background(everywhere, Streams(0, k)).photograph for k in range(20))


def test_a_folder_of_lights_is_drawn_from_in_the_same_way(tmp_path):
    (tmp_path / "sky.exr").write_bytes(b"-")
    (tmp_path / "old.hdr").write_bytes(b"-")
    drawn = [sample_light(LightConfig(folder=str(tmp_path)), np.array([0, -1.0, 0]), Streams(0, k)) for k in range(200)]
    assert {light.environment for light in drawn if light.kind == "folder"} == {"old.hdr", "sky.exr"}
    assert np.mean([light.kind == "folder" for light in drawn]) == pytest.approx(0.5, abs=0.12)


def test_a_photograph_comes_back_out_of_the_camera_as_it_went_in(pictures):
    shown = read_photograph(pictures, PART, (20, 30))
    assert shown.shape == (20, 30, 3)
    developed = srgb_from_linear(shoulder(display_linear(shown)))
    np.testing.assert_allclose(255 * developed, np.broadcast_to([200, 30, 30], (20, 30, 3)), atol=0.5)


def test_a_part_of_a_photograph_has_the_records_aspect_and_is_not_stretched(tmp_path):
    """Columns are numbered by their red value: a square part of a wide picture has as many as it has rows."""
    wide = np.zeros((40, 200, 3), np.uint8)
    wide[..., 0] = np.arange(200)
    Image.fromarray(wide).save(tmp_path / "b.png")
    for place, first in (((0.0, 0.5), 0), ((0.5, 0.5), 80), ((1.0, 0.5), 160)):
        part = read_photograph(tmp_path, PhotographSpec(file="b.png", zoom=1.0, place=place, mirrored=False), (40, 40))
        np.testing.assert_allclose(255 * part[20, 1:-1, 0], first + np.arange(1, 39), atol=1)
    mirrored = read_photograph(tmp_path, PhotographSpec(file="b.png", zoom=1.0, place=(0, 0), mirrored=True), (40, 40))
    np.testing.assert_allclose(255 * mirrored[20, 1:-1, 0], np.arange(1, 39)[::-1], atol=1)


@pytest.mark.parametrize("content", [b"no picture", b"\x89PNG\r\n\x1a\n broken", b""])
def test_a_photograph_that_cannot_be_read_is_an_error_with_its_key_and_file(tmp_path, content):
    (tmp_path / "b.png").write_bytes(content)
    with pytest.raises(ValueError, match=rf"{KEY}: .*b\.png cannot be read.*take it out of the folder"):
        read_photograph(tmp_path, PART, (20, 30))


def test_a_truncated_photograph_is_an_error_and_not_half_a_picture(tmp_path, rng):
    Image.fromarray(rng.integers(0, 255, (80, 80, 3), np.uint8)).save(tmp_path / "b.png")
    data = (tmp_path / "b.png").read_bytes()
    (tmp_path / "b.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="cannot be read as a photograph"):
        read_photograph(tmp_path, PART, (20, 30))
