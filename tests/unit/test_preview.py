"""Laws of the contact sheet."""

import numpy as np
import pytest
from PIL import Image
from storage_records import CLASSES, HW, NAMES, make_dataset, make_manifest, make_record

from synth.passes import PASSES
from synth.preview import MARGIN, PALETTE, PAPER, PICTURES, contact_sheet, write_preview
from synth.storage.manifest import write_manifest

ALWAYS = ("meta/index", "meta/identity_index", "meta/spec")


def test_the_preview_is_a_picture_of_the_dataset_and_the_same_each_time(tmp_path):
    make_dataset(tmp_path)
    first = write_preview(tmp_path).read_bytes()
    assert Image.open(tmp_path / "preview.png").size[0] > 1000
    assert write_preview(tmp_path, tmp_path / "other.png").read_bytes() == first


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("index", [0, 3])
def test_every_picture_has_the_records_hw_and_three_channels(name, index):
    record = make_record(index)
    hw = record[name].shape if name == "displacement" else HW  # it is a map over uv
    picture = PICTURES[name](record)
    assert (picture.shape, picture.dtype) == ((*hw, 3), np.uint8)


@pytest.mark.parametrize("hw", [(16, 40), (40, 16), (1, 1)])
def test_a_tile_keeps_the_images_proportions(hw):
    sheet = contact_sheet([make_record(0, hw, ("image", *ALWAYS))], CLASSES, tile_px=80)
    inside = np.asarray(sheet)[MARGIN:-MARGIN, MARGIN:-MARGIN]
    tile = (inside != PAPER).any(axis=-1)
    solid = tile.mean(axis=0) > 0.2
    expected = round(80 * hw[1] / max(hw))
    assert abs(np.count_nonzero(solid) - expected) <= 2


@pytest.mark.parametrize("names", [("image",), ("depth", "segmentation"), ("landmarks/points_2d",), ("camera/K",)])
def test_a_scene_with_few_passes_has_a_sheet_too(names):
    records = [make_record(i, names=(*names, *ALWAYS)) for i in range(2)]
    assert contact_sheet(records, CLASSES).size[0] > 0


def test_classes_are_shown_in_colours_that_differ():
    colours = PALETTE[[*range(19), 255]].astype(int)
    apart = np.abs(colours[:, None] - colours[None]).sum(axis=-1) + 999 * np.eye(len(colours), dtype=int)
    assert apart.min() >= 60
    assert len(np.unique(PALETTE, axis=0)) == 256


def test_every_pass_per_pixel_has_a_picture():
    assert {name for name in NAMES if PASSES[name].per_pixel} <= set(PICTURES)


def test_a_dataset_without_records_has_no_preview(tmp_path):
    write_manifest(tmp_path, make_manifest(4, 2))
    with pytest.raises(ValueError, match="nothing to preview"):
        write_preview(tmp_path)
