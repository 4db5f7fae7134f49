"""Laws of the exports: each is read back with its own library, and says what the records say."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from storage_records import make_dataset, make_manifest, make_record, make_statistical

import synth
from synth.__main__ import main
from synth.camera import project
from synth.export.formats import FORMATS, export
from synth.export.w300lp import angles_3ddfa, rotation_3ddfa
from synth.geometry import head_rotation, rigid, transform
from synth.passes import ALWAYS, PASSES
from synth.storage.manifest import planned_shards, write_manifest
from synth.storage.shard import write_shard

NAMES = (
    *("image", "alpha", "depth", "normal", "uv", "pncc", "segmentation", "triangle", "distance", "coverage/hair"),
    *("params/identity", "params/expression", "params/albedo", "params/light_sh", "params/head_to_camera"),
    *("params/yaw_pitch_roll", "camera/K", "landmarks/points_2d", "landmarks/points_3d", "landmarks/visible"),
    *("boxes/face", "meta/index", "meta/identity_index", "meta/spec"),
)
COUNT = 5  # of two shards; record 3 is an empty view
HEAD_TO_CAMERA = rigid(head_rotation(0.5, -0.2, 0.3), np.array([0.01, -0.02, 1.1]))
POINTS_HEAD = np.random.default_rng(0).uniform(-0.08, 0.08, (70, 3))  # m


def record_of(index: int):
    """A record whose landmarks are a head's, seen by its camera: what the pose of 300W-LP is fitted to."""
    record = make_record(index, names=NAMES)
    record["params/head_to_camera"] = HEAD_TO_CAMERA
    points = transform(HEAD_TO_CAMERA, POINTS_HEAD)
    record["landmarks/points_3d"] = points.astype(np.float32)
    record["landmarks/points_2d"] = project(record["camera/K"], points).astype(np.float32)
    return record


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "faces"
    manifest = make_manifest(COUNT, 3, NAMES)
    manifest.landmarks = [
        *(f"jaw_{k}" for k in range(17)),
        *(f"point_{k}" for k in range(51)),
        "right_pupil",
        "left_pupil",
    ]
    for plan in planned_shards(COUNT, 3):
        records = (record_of(i) for i in range(plan.first, plan.first + plan.count))
        manifest.shards.append(write_shard(path, plan, NAMES, records))
    write_manifest(path, manifest)
    return path


@pytest.fixture(scope="module")
def records(folder):
    """What is exported, as the reader gives it."""
    return list(synth.open_dataset(folder))


def equal(ours, theirs):
    assert np.asarray(theirs).dtype == ours.dtype
    np.testing.assert_array_equal(theirs, ours)


# --- what all formats have in common


@pytest.mark.parametrize("name", FORMATS)
def test_an_output_that_is_in_the_way_is_refused_and_kept(folder, tmp_path, name):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="in the way"):
        export(name, folder, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(("name", "lost"), [(name, lost) for name in FORMATS for lost in FORMATS[name].needs[:-1]])
def test_a_pass_that_a_format_lacks_is_named_with_the_key_that_renders_it(tmp_path, name, lost):
    make_dataset(tmp_path / "data", 2, names=tuple(n for n in NAMES if n != lost))
    with pytest.raises(ValueError, match=rf"export {name}: .*no {lost}.*output\.passes=\[default,{lost}\]"):
        export(name, tmp_path / "data", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_export_that_fails_leaves_nothing(folder, tmp_path, monkeypatch):
    def fail(dataset, folder, tick):
        (folder / "half").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr("synth.export.webdataset.write", fail)
    with pytest.raises(KeyboardInterrupt):
        export("webdataset", folder, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_every_record(folder, tmp_path):
    seen = []
    export("webdataset", folder, tmp_path / "out", ["image"], None, lambda done, total: seen.append((done, total)))
    assert seen == [(k, COUNT) for k in range(1, COUNT + 1)]


def test_a_missing_library_is_said_with_the_way_to_install_it(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(ValueError, match=r"needs scipy.*--extra export"):
        export("300w-lp", folder, tmp_path / "out")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["foo", "DATA", "out"], "webdataset, coco"),
        (["coco", "nowhere", "out"], "no dataset"),
        (["folder", "DATA", "out", "--passes", "imge"], "did you mean image"),
        (["coco", "DATA", "out", "--passes", "image"], "--passes"),
        (["coco", "DATA", "out", "--count", "0"], "--count"),
    ],
    ids=str,
)
def test_bad_words_are_one_line(folder, tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert main(["export", *(str(folder) if word == "DATA" else word for word in words)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_the_verb_exports_the_first_records(folder, tmp_path, capsys):
    words = [str(folder), str(tmp_path / "out"), "--passes", "image,depth", "--count", "2"]
    assert main(["export", "webdataset", *words]) == 0
    assert "2 records" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").glob("*.tar")] == ["shard-000000.tar"]


# --- each format by its own library


def test_webdataset_reads_every_array_as_it_was(folder, records, tmp_path):
    wds = pytest.importorskip("webdataset")
    export("webdataset", folder, tmp_path / "out")
    urls = sorted(str(path) for path in (tmp_path / "out").glob("*.tar"))
    samples = list(wds.WebDataset(urls, shardshuffle=False, empty_check=False).decode())
    assert [sample["__key__"] for sample in samples] == [f"{k:08d}" for k in range(COUNT)]
    for sample, index in zip(samples, range(COUNT), strict=True):
        record = records[index]
        for name, array in record.items():
            stem = name.replace("/", ".").lower()  # webdataset lowers the letters of keys
            if name == "meta/spec":
                assert sample[f"{stem}.json"] == json.loads(array.item())
            elif f"{stem}.png" in sample:
                equal(array, np.asarray(Image.open(io.BytesIO(sample[f"{stem}.png"]))))
            else:
                equal(array, sample[f"{stem}.npy"])


def test_webdataset_files_depend_on_the_records_alone(folder, tmp_path):
    for name in "ab":
        export("webdataset", folder, tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_folder_of_plain_files_holds_every_array_as_it_was(folder, records, tmp_path):
    OpenEXR = pytest.importorskip("OpenEXR")
    export("folder", folder, out := tmp_path / "out")
    for index in range(COUNT):
        record, key = records[index], f"{index:08d}"
        labels = np.load(out / "labels" / f"{key}.npz")
        for name, array in record.items():
            if (path := out / name / f"{key}.png").exists():
                equal(array, np.asarray(Image.open(path)))
            elif (path := out / name / f"{key}.exr").exists():
                channels = OpenEXR.File(str(path), separate_channels=True).channels()
                planes = [channels[c].pixels for c in ("Z", "Y", "R", "G", "B") if c in channels]
                equal(array, np.stack(planes, -1) if array.ndim == 3 else planes[0])
            elif name == "meta/spec":
                assert str(labels[name]) == array.item().decode()
            else:
                equal(array, labels[name])
    assert not (out / "triangle").exists()


def test_coco_masks_and_boxes_are_those_of_the_segmentation(folder, records, tmp_path, capsys):
    coco = pytest.importorskip("pycocotools.coco")
    export("coco", folder, out := tmp_path / "out")
    data = coco.COCO(str(out / "annotations/parts.json"))
    assert data.getImgIds() == list(range(COUNT))
    for index in range(COUNT):
        segmentation = records[index]["segmentation"]
        found = data.loadAnns(data.getAnnIds(index))
        assert [a["category_id"] for a in found] == [n for n in np.unique(segmentation) if n]
        for annotation in found:
            mask = segmentation == annotation["category_id"]
            equal(mask.astype(np.uint8), data.annToMask(annotation))
            rows, cols = np.nonzero(mask)
            box = [cols.min(), rows.min(), cols.max() + 1 - cols.min(), rows.max() + 1 - rows.min()]
            assert annotation["bbox"] == box  # corners of pixels: the last one belongs to it
            assert annotation["area"] == mask.sum()
        (image,) = data.loadImgs(index)
        equal(records[index]["image"], np.asarray(Image.open(out / "images" / image["file_name"])))
    assert data.cats[13]["name"] == "hair"


def test_coco_keypoints_count_from_the_centre_of_the_first_pixel(folder, records, tmp_path, capsys):
    coco = pytest.importorskip("pycocotools.coco")
    export("coco", folder, tmp_path / "out")
    data = coco.COCO(str(tmp_path / "out/annotations/keypoints.json"))
    for annotation in data.loadAnns(data.getAnnIds(2)):
        record = records[2]
        points = np.reshape(annotation["keypoints"], (70, 3))
        inside = points[:, 2] > 0
        np.testing.assert_allclose(points[inside, :2] + 0.5, record["landmarks/points_2d"][inside], atol=1e-4)
        np.testing.assert_array_equal(points[:, 2] == 2, record["landmarks/visible"] & inside)
        assert inside.sum() == annotation["num_keypoints"] > 0
    category = data.cats[1]
    assert category["keypoints"][68:] == ["right_pupil", "left_pupil"]
    assert category["skeleton"][:2] == [[1, 2], [2, 3]]
    assert [17, 18] not in category["skeleton"]
    assert max(max(line) for line in category["skeleton"]) == 68


def test_coco_refuses_landmarks_of_which_none_tells_whether_it_is_seen(tmp_path):
    pytest.importorskip("pycocotools")
    make_dataset(tmp_path / "data", 2, names=("image", "segmentation", "landmarks/points_2d", *ALWAYS))
    with pytest.raises(ValueError, match=r"export coco: .*no landmarks/visible.*output\.passes=\[default,landmarks/"):
        export("coco", tmp_path / "data", tmp_path / "out")
    make_dataset(tmp_path / "without", 2, names=("image", "segmentation", *ALWAYS))
    export("coco", tmp_path / "without", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out/annotations").iterdir()] == ["parts.json"]


def test_pycocotools_gives_a_perfect_score_to_its_own_keypoints(folder, tmp_path, capsys):
    coco = pytest.importorskip("pycocotools.coco")
    from pycocotools.cocoeval import COCOeval

    export("coco", folder, tmp_path / "out")
    truth = coco.COCO(str(tmp_path / "out/annotations/keypoints.json"))
    found = [{k: a[k] for k in ("image_id", "category_id", "keypoints")} | {"score": 1.0} for a in truth.anns.values()]
    score = COCOeval(truth, truth.loadRes(found), "keypoints")
    score.params.kpt_oks_sigmas = np.full(70, 0.05)
    score.evaluate(), score.accumulate(), score.summarize()
    assert score.stats[0] == pytest.approx(1)


def test_300w_lp_projects_the_head_by_its_pose_to_within_its_perspective(folder, records, tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    export("300w-lp", folder, out := tmp_path / "out")
    assert (out / "files.txt").read_text().split() == [f"{k:08d}" for k in range(COUNT)]
    record, content = records[1], scipy_io.loadmat(out / "00000001.mat")
    height, width = record["image"].shape[:2]
    pitch, yaw, roll, tx, ty, tz, f = content["Pose_Para"][0]
    S = POINTS_HEAD[:68] @ np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]).T
    x = f * S @ rotation_3ddfa(pitch, yaw, roll).T + [tx, ty, tz]
    pt2d = content["pt2d"].T
    span = np.ptp(pt2d, axis=0).max()
    miss = np.linalg.norm(np.column_stack([x[:, 0], height + 1 - x[:, 1]]) - pt2d, axis=1)
    assert miss.max() < 0.1 * span  # a head of 16 cm at 1.1 m: depths differ by 7 % either way
    np.testing.assert_allclose(x[:, 2], content["pt3d_68"][2], atol=1e-4)
    assert content["roi"].tolist() == [[1, 1, width, height]]


def test_300w_lp_counts_pixels_from_one_and_keeps_the_coefficients(folder, records, tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    export("300w-lp", folder, out := tmp_path / "out")
    record, content = records[4], scipy_io.loadmat(out / "00000004.mat")
    np.testing.assert_allclose(content["pt2d"].T - 0.5, record["landmarks/points_2d"][:68], atol=1e-5)
    np.testing.assert_array_equal(content["pt3d_68"][:2], content["pt2d"])
    for name, source in {"Shape_Para": "identity", "Exp_Para": "expression", "Tex_Para": "albedo"}.items():
        np.testing.assert_array_equal(content[name][:, 0], record[f"params/{source}"])
    shown = np.asarray(Image.open(out / "00000004.jpg")).astype(int)
    assert abs(shown - record["image"]).mean() < 5


LP = ("image", "landmarks/points_2d", "landmarks/points_3d", "params/head_to_camera")
BASES = {"Shape_Para": "params/identity", "Exp_Para": "params/expression"}


@pytest.mark.parametrize("lacks", BASES)
def test_300w_lp_has_no_coefficients_of_a_basis_that_the_model_has_not(tmp_path, lacks):
    scipy_io = pytest.importorskip("scipy.io")
    (has,) = BASES.keys() - {lacks}
    manifest = make_dataset(tmp_path / "data", 2, names=(*LP, BASES[has], *ALWAYS))
    manifest.record_keys["output.passes"] = ["default"]
    write_manifest(tmp_path / "data", manifest)
    export("300w-lp", tmp_path / "data", tmp_path / "out")
    content = scipy_io.loadmat(tmp_path / "out/00000001.mat")
    assert (content[lacks].shape, content[lacks].dtype) == ((0, 1), np.float64)
    np.testing.assert_array_equal(content[has][:, 0], make_record(1)[BASES[has]])


@pytest.mark.parametrize("lost", BASES.values())
def test_300w_lp_refuses_coefficients_that_the_run_may_have_left_out(tmp_path, lost):
    pytest.importorskip("scipy.io")
    names = (*LP, *(name for name in BASES.values() if name != lost), *ALWAYS)
    manifest = make_dataset(tmp_path / "data", 2, names=names)
    for asked in (None, list(names)):
        manifest.record_keys["output.passes"] = asked
        write_manifest(tmp_path / "data", manifest)
        with pytest.raises(ValueError, match=rf"export 300w-lp: .*no {lost}.*output\.passes=\[default\]"):
            export("300w-lp", tmp_path / "data", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("angles", [(0.3, 0.2, -0.4), (-0.5, 1.4, 0.1), (0, -1.5, 2.5)])
def test_angles_of_3ddfa_are_those_of_its_rotation(angles):
    np.testing.assert_allclose(angles_3ddfa(rotation_3ddfa(*angles)), angles, atol=1e-9)


def test_a_face_that_turns_to_the_images_right_has_negative_yaw_in_300w_lp():
    from synth.export.w300lp import fields

    record = record_of(0)
    record["params/head_to_camera"] = rigid(head_rotation(0.4, 0, 0), np.array([0, 0, 1.0]))
    record["landmarks/points_3d"] = transform(record["params/head_to_camera"], POINTS_HEAD)
    record["landmarks/points_2d"] = project(record["camera/K"], record["landmarks/points_3d"])
    np.testing.assert_allclose(fields(record)["Pose_Para"][0, :3], [0, -0.4, 0], atol=1e-9)


LOAD = """
import datasets, sys
data = datasets.load_dataset(sys.argv[1], cache_dir=sys.argv[2], split="train")
import numpy as np
np.savez(sys.argv[3], count=len(data), **{f"{k}:{name.replace('/', '|')}": np.asarray(value)
         for k, row in enumerate(data) for name, value in row.items()})
print(data.features["image"], data.features["depth"])
"""


def test_hugging_face_datasets_loads_every_array_as_it_was(folder, records, tmp_path):
    pytest.importorskip("datasets")
    export("huggingface", folder, tmp_path / "out")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    words = [sys.executable, "-c", LOAD, tmp_path / "out", tmp_path / "cache", tmp_path / "back.npz"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Image")
    back = np.load(tmp_path / "back.npz")
    assert back["count"] == COUNT
    for index in range(COUNT):
        for name, array in records[index].items():
            value = back[f"{index}:{name.replace('/', '|')}"]
            if PASSES[name].dtype == "str":
                assert str(value) == array.item().decode()
            else:
                wide = array.astype(np.float32) if array.dtype == np.float16 else array
                np.testing.assert_array_equal(value, wide, err_msg=name)


def test_the_card_of_hugging_face_tells_the_conventions(folder, tmp_path):
    pytest.importorskip("datasets")
    export("huggingface", folder, tmp_path / "out", ["image", "depth"])
    card = (tmp_path / "out/README.md").read_text()
    assert "the centre of [row, col] is (col + 0.5, row + 0.5)" in card
    assert f"| `depth` | m | camera | inf | {PASSES['depth'].doc} |" in card


def test_the_card_has_the_units_of_a_statistical_model(tmp_path):
    pytest.importorskip("datasets")
    make_statistical(tmp_path / "data", 2, ("image", "params/expression", *ALWAYS))
    export("huggingface", tmp_path / "data", tmp_path / "out")
    assert "| `params/expression` | standard deviations |" in (tmp_path / "out/README.md").read_text()


@pytest.mark.parametrize("module", ["synth.export.formats", "synth.export.command"])
def test_no_library_of_a_format_is_loaded_before_it_is_needed(module):
    heavy = "{'scipy', 'datasets', 'pyarrow', 'pycocotools', 'OpenEXR', 'webdataset', 'bpy', 'ray', 'torch'}"
    code = f"import sys, {module}; print(*({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []


def test_an_export_is_no_dataset_but_carries_what_dataset_json_says(folder, tmp_path):
    export("webdataset", folder, tmp_path / "out", ["image"])
    with pytest.raises(ValueError, match="no dataset"):
        synth.open_dataset(tmp_path / "out")
    assert json.loads((tmp_path / "out/synth-dataset.json").read_text())["num_records"] == COUNT
