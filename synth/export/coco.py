"""COCO: OUTPUT/images/00000000.png, OUTPUT/annotations/parts.json and, where there are landmarks, keypoints.json.

parts.json has an annotation per class that a picture shows: its mask (RLE), box and area; the category's id is the
number of the class. keypoints.json has one face per picture: the box of its 68 points, the mask of everything that is
no background, and the landmarks as keypoints. A keypoint's v is 2 where it is visible, 1 where something hides it,
0 (with x = y = 0) where it lies outside of the picture. v is landmarks/visible: landmarks without it are refused.

COCO's boxes are in image coordinates as synth's are: (0, 0) is the corner of the first pixel. Its keypoints count
pixels, (0, 0) is the first pixel's centre: x = u - 0.5, y = v - 0.5.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from synth.export.arrays import key, png
from synth.export.formats import Tick, needs_library
from synth.record import Record
from synth.storage.manifest import Manifest
from synth.storage.reader import Dataset

BACKGROUND, IGNORE = 0, 255
FACE = 1  # the category of keypoints.json
FACE_POINTS = 68  # of the landmarks; the pupils that follow do not bound the face


def write(dataset: Dataset, folder: Path, tick: Tick) -> None:
    """All records. ValueError without the library pycocotools, or with landmarks of which none tells what is seen."""
    if "landmarks/points_2d" in dataset.names and "landmarks/visible" not in dataset.names:
        raise ValueError(
            "export coco: the dataset has landmarks/points_2d but no landmarks/visible, which is the v of keypoints; "
            "render one that has, with 'output.passes=[default,landmarks/visible]'"
        )
    with needs_library("coco"):
        import pycocotools.mask  # noqa: F401
    (folder / "images").mkdir()
    (folder / "annotations").mkdir()
    images, parts, faces = [], [], []
    for record in dataset:
        (folder / "images" / f"{key(record)}.png").write_bytes(png(record["image"]))
        images.append(_image(record))
        parts += _parts(record, len(parts))
        if "landmarks/points_2d" in record:
            faces.append(_face(record, len(faces)))
        tick()
    manifest = dataset.manifest
    _write(folder / "annotations/parts.json", manifest, images, parts, _part_categories(manifest))
    if "landmarks/points_2d" in dataset.names:
        _write(folder / "annotations/keypoints.json", manifest, images, faces, [_face_category(manifest)])


def _image(record: Record) -> dict[str, Any]:
    height, width = record["image"].shape[:2]
    return {
        "id": int(record["meta/index"]),
        "file_name": f"{key(record)}.png",
        "height": height,
        "width": width,
        "license": 1,
    }


def _parts(record: Record, before: int) -> list[dict[str, Any]]:
    """An annotation per class; `before`: how many there are already, because ids count from 1."""
    segmentation = record["segmentation"]
    numbers = [int(number) for number in np.unique(segmentation) if number not in (BACKGROUND, IGNORE)]
    return [_masked(record, before + k, segmentation == number, number) for k, number in enumerate(numbers, 1)]


def _masked(record: Record, number: int, mask: np.ndarray, category: int) -> dict[str, Any]:
    from pycocotools.mask import area, encode, toBbox

    rle: Any = encode(np.asfortranarray(mask, np.uint8))
    return {
        "id": number,
        "image_id": int(record["meta/index"]),
        "category_id": category,
        "iscrowd": 0,
        "segmentation": {"size": list(rle["size"]), "counts": rle["counts"].decode()},
        "area": int(area(rle)),
        "bbox": toBbox(rle).tolist(),
    }


def _face(record: Record, before: int) -> dict[str, Any]:
    mask = (record["segmentation"] != BACKGROUND) & (record["segmentation"] != IGNORE)
    points = record["landmarks/points_2d"].astype(np.float64)
    height, width = record["image"].shape[:2]
    inside = ((points >= 0) & (points <= [width, height])).all(axis=-1)
    rows = np.where(inside[:, None], np.column_stack([points - 0.5, 1 + record["landmarks/visible"]]), 0)
    u0, v0, u1, v1 = _face_box(record, points[:FACE_POINTS])
    return _masked(record, before + 1, mask, FACE) | {
        "bbox": [u0, v0, u1 - u0, v1 - v0],
        "keypoints": [round(float(value), 4) for value in rows.ravel()],
        "num_keypoints": int(inside.sum()),
    }


def _face_box(record: Record, points: np.ndarray) -> list[float]:
    box = record["boxes/face"] if "boxes/face" in record else [*points.min(axis=0), *points.max(axis=0)]
    return [float(value) for value in box]


def _part_categories(manifest: Manifest) -> list[dict[str, Any]]:
    return [{"id": number, "name": name, "supercategory": "part"} for number, name in manifest.classes.items()
            if number not in (BACKGROUND, IGNORE)]  # fmt: skip


def _face_category(manifest: Manifest) -> dict[str, Any]:
    """skeleton: lines between consecutive points of one name, jaw_0 to jaw_1; from 1, as COCO counts them."""
    names = manifest.landmarks
    stems = [name.rpartition("_")[0] for name in names]
    lines = [[k, k + 1] for k, (a, b) in enumerate(pairwise(stems), 1) if a == b and a not in ("right", "left")]
    return {"id": FACE, "name": "face", "supercategory": "person", "keypoints": names, "skeleton": lines}


def _write(path: Path, manifest: Manifest, images: list, annotations: list, categories: list) -> None:
    model = manifest.model or {"name": "none", "licence": "see dataset.json"}
    content = {
        "info": {"description": f"rendered by synth {manifest.synth_version}, seed {manifest.seed}", "version": "1"},
        "licenses": [{"id": 1, "name": model["licence"], "url": ""}],
        "categories": categories,
        "images": images,
        "annotations": annotations,
    }
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
