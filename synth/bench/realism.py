"""`python -m synth bench realism`: what networks that were trained on photographs see in drawn faces.

dlib's frontal detector, its 68-point predictor and its face embedding judge; nobody here made or trained them.
dlib puts (0, 0) at the centre of the first pixel, synth at its corner: its points are moved by half a pixel. It rounds
its points to whole pixels, so images are shown to it twice as large. Photographs' points of the jaw are on the outline,
so its points are compared with `landmarks/outline_2d`, and for comparison with `landmarks/points_2d`.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from synth.bench.process import render_dataset
from synth.install import to_install
from synth.record import Record
from synth.storage.manifest import read_manifest
from synth.storage.reader import open_dataset

NEEDED = ("image", "landmarks/points_2d", "landmarks/outline_2d", "params/yaw_pitch_roll", "class_pixels")
RENDERED = ["+experiment=faces_demo", "wear=none", "views_per_identity=2", f"output.passes=[{','.join(NEEDED)}]"]
MODELS = {
    "points": "shape_predictor_68_face_landmarks.dat",
    "embedding": "dlib_face_recognition_resnet_model_v1.dat",
}
LAST_YAW_DEG = 30.0  # beyond it the frontal detector is not asked
LARGER = 2  # times the image's size that dlib places its points in
EYES = ((36, 42), (42, 48))  # points of the right and left eye; the interocular distance is between their means
GOALS = {"detected": 0.99, "median_error": 0.04, "offset": 0.03, "pairs": 0.95}


def main(argv: list[str]) -> int:
    """Render what is missing, let dlib look, print what it found."""
    words = _parser().parse_intermixed_args(argv)
    judges = _judges()
    manifest = read_manifest(words.dataset)
    if words.overrides or manifest is None or not manifest.complete:
        render_dataset([*RENDERED, f"num_records={words.records}", f"output.dir={words.dataset}", *words.overrides])
    report = bench_realism(words.dataset, judges)
    print(json.dumps(report, indent=2) if words.json else table(report))
    return 0


def bench_realism(dataset_dir: Path, judges: dict[str, Any]) -> dict[str, Any]:
    """Shares and errors over the records of a dataset; errors are parts of the interocular distance."""
    dataset = open_dataset(dataset_dir, [*NEEDED, "meta/identity_index"])
    found, missed, frontal = [], [], 0
    for index, record in enumerate(dataset):
        if abs(np.rad2deg(record["params/yaw_pitch_roll"][0])) >= LAST_YAW_DEG:
            continue
        frontal += 1
        box = _detected(record, judges["detector"])
        if box is None:
            missed.append(index)
        else:
            found.append({"identity": int(record["meta/identity_index"]), **_looked_at(record, box, judges)})
    if not found:
        raise ValueError(f"{dataset_dir} has no face under {LAST_YAW_DEG:g} degrees of yaw that dlib finds")
    errors, on_mesh = (np.stack([row[name] for row in found]) for name in ("offsets", "offsets_on_mesh"))
    return {
        "dataset": str(dataset_dir),
        "faces": frontal,
        "detected": len(found) / frontal,
        "missed": missed,
        "median_error": float(np.median(np.linalg.norm(errors, axis=-1))),
        "median_error_on_mesh": float(np.median(np.linalg.norm(on_mesh, axis=-1))),
        "offsets": np.median(errors, axis=0).tolist(),
        "pairs": _pairs([row["identity"] for row in found], np.stack([row["embedding"] for row in found])),
    }


def _looked_at(record: Record, box: Any, judges: dict[str, Any]) -> dict[str, np.ndarray]:
    """offsets and offsets_on_mesh [68, 2], dlib's points less ours in parts of the interocular distance, and the
    embedding [128]."""
    height, width = record["image"].shape[:2]
    image = Image.fromarray(record["image"]).resize((LARGER * width, LARGER * height), Image.Resampling.BICUBIC)
    shape = judges["points"](np.asarray(image), _larger(box, judges["rectangle"]))
    theirs = np.array([[point.x + 0.5, point.y + 0.5] for point in shape.parts()]) / LARGER
    outline, mesh = (record[f"landmarks/{name}"][:68].astype(np.float64) for name in ("outline_2d", "points_2d"))
    right, left = (mesh[first:last].mean(axis=0) for first, last in EYES)
    apart = np.linalg.norm(left - right)
    embedding = np.array(judges["embedding"].compute_face_descriptor(np.asarray(image), shape))
    return {"offsets": (theirs - outline) / apart, "offsets_on_mesh": (theirs - mesh) / apart, "embedding": embedding}


def _larger(box: Any, rectangle: Callable[[int, int, int, int], Any]) -> Any:
    """The same rectangle in the larger image; dlib's last column and row are inside."""
    right, bottom = LARGER * (box.right() + 1) - 1, LARGER * (box.bottom() + 1) - 1
    return rectangle(LARGER * box.left(), LARGER * box.top(), right, bottom)


def _detected(record: Record, detector: Any) -> Any:
    """dlib's rectangle around the face whose points these are, or None. Small images are looked at twice as large."""
    points = record["landmarks/points_2d"][:68]
    for box in detector(record["image"], 1):
        inside = (points >= [box.left(), box.top()]) & (points <= [box.right(), box.bottom()])
        if inside.all(axis=-1).mean() > 0.5:
            return box
    return None


def _pairs(identities: list[int], embeddings: np.ndarray) -> float | None:
    """Share of (two views of a person, a view of another) where the two are closer; None without two views."""
    distance = np.linalg.norm(embeddings[:, None] - embeddings[None], axis=-1)
    same = np.array(identities)[:, None] == np.array(identities)
    closer = [distance[a, b] < distance[a, ~same[a]] for a, b in _of_one_person(same)]
    return float(np.concatenate(closer).mean()) if closer and not same.all() else None


def _of_one_person(same: np.ndarray) -> Iterator[tuple[int, int]]:
    """Ordered pairs of different views of the same person."""
    return ((int(a), int(b)) for a, b in np.argwhere(same) if a != b)


def _judges() -> dict[str, Any]:
    """dlib's detector, predictor and embedding. ValueError says how to install them."""
    try:
        dlib = import_module("dlib")
        there = {path.name: path.locate() for path in files("face_recognition_models") or []}
    except (ImportError, PackageNotFoundError):
        raise ValueError(f"bench realism needs dlib and its models; {to_install('--extra realism')}") from None
    return {
        "detector": dlib.get_frontal_face_detector(),
        "rectangle": dlib.rectangle,
        "points": dlib.shape_predictor(str(there[MODELS["points"]])),
        "embedding": dlib.face_recognition_model_v1(str(there[MODELS["embedding"]])),
    }


def table(report: dict[str, Any]) -> str:
    """The report for people."""
    offsets = np.array(report["offsets"])
    lengths = np.linalg.norm(offsets, axis=-1)
    far = [k for k in np.argsort(-lengths) if lengths[k] > GOALS["offset"]]
    goals = {name: f"goal {100 * goal:.0f} %" for name, goal in GOALS.items()}
    lines = [
        f"{report['dataset']}: {report['faces']} faces under {LAST_YAW_DEG:g} degrees of yaw",
        f"detected {100 * report['detected']:.1f} % ({goals['detected']}); missed: {report['missed'] or 'none'}",
        f"median error of a point {100 * report['median_error']:.2f} % of the interocular distance "
        f"({goals['median_error']}); {100 * report['median_error_on_mesh']:.2f} % with a jaw that stays on the mesh",
        f"median offsets over {100 * GOALS['offset']:.0f} %: "
        + (", ".join(f"{k} ({100 * offsets[k, 0]:+.1f}, {100 * offsets[k, 1]:+.1f})" for k in far) or "none"),
    ]
    if report["pairs"] is not None:
        lines.append(f"views of one person closer than another's: {100 * report['pairs']:.1f} % ({goals['pairs']})")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m synth bench realism", exit_on_error=False, description=__doc__)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="Hydra's overrides of what is rendered")
    parser.add_argument("--dataset", type=Path, default=Path("datasets/realism"), help="rendered if not complete")
    parser.add_argument("--records", type=int, default=300, help="how many to render, if any are missing")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser
