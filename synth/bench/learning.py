"""`python -m synth bench learning`: trains a small landmark network from shards, and tests it on other faces."""

import argparse
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from synth.bench.process import render_dataset
from synth.install import to_install
from synth.learning.photos import read_photos
from synth.learning.score import POINTS, by_yaw, estimated_yaw, mean_head
from synth.storage.manifest import read_manifest
from synth.storage.reader import open_dataset

HELD_OUT = 6  # each sixth identity is for testing
NEEDED = ("image", "landmarks/points_2d", "landmarks/points_3d", "params/head_to_camera", "params/yaw_pitch_roll")
LEAST = 2000  # faces, of what is rendered here
RENDERED = ["+experiment=faces_demo", "render.hw=[128,128]", f"output.passes=[{','.join(NEEDED)}]"]


def main(argv: list[str]) -> int:
    """Render what is missing, train, test, print the normalised mean error per yaw bin."""
    words = _parser().parse_intermixed_args(argv)
    for name in ("records", "epochs"):
        if getattr(words, name) < 1:
            raise ValueError(f"--{name} must be at least 1, got {getattr(words, name)}")
    _need_torch()
    if words.overrides or not _is_complete(words.dataset):
        render_dataset([*RENDERED, f"num_records={words.records}", f"output.dir={words.dataset}", *words.overrides])
    report = bench_learning(words.dataset, words.photos, words.epochs, words.device, words.seed, words.workers)
    print(json.dumps(report, indent=2) if words.json else _table(report))
    return 0


def bench_learning(
    dataset_dir: Path, photos: Path | None, epochs: int, device: str = "auto", seed: int = 0, workers: int = 0
) -> dict[str, Any]:
    """{synthetic: rows of `by_yaw` on held-out identities, photos: rows or None, ...}. ValueError as of the reader."""
    from synth.learning.train import device_of, predict, train

    device = device_of(device)
    dataset = open_dataset(dataset_dir, NEEDED)
    held_out = dataset.column("meta/identity_index") % HELD_OUT == HELD_OUT - 1
    learnt, unseen = dataset.where(~held_out), dataset.where(held_out)
    if not len(learnt) or not len(unseen):
        raise ValueError(
            f"{dataset_dir} has {len(dataset)} records, too few: each {HELD_OUT}th identity is for testing"
        )
    found_photos = read_photos(photos, max(dataset[0]["image"].shape[:2])) if photos else []
    net = train(learnt, epochs, device, seed, workers)
    points = unseen.column("landmarks/points_2d")[:, :POINTS].astype(np.float64)
    found = predict(net, unseen.column("image"), points, device)
    report = {
        "dataset": str(dataset_dir),
        "device": device,
        "epochs": epochs,
        "trained_on": len(learnt),
        "parameters": sum(p.numel() for p in net.parameters()),
        "synthetic": by_yaw(found, points, unseen.column("params/yaw_pitch_roll")[:, 0]),
        "photos": None,
    }
    if found_photos:
        points = np.stack([photo.points for photo in found_photos])
        found = predict(net, np.stack([photo.image for photo in found_photos]), points, device)
        head = mean_head(learnt)
        report["photos"] = by_yaw(found, points, np.array([estimated_yaw(p, head) for p in points]))
    return report


def _is_complete(folder: Path) -> bool:
    manifest = read_manifest(folder)
    return manifest is not None and manifest.complete


def _need_torch() -> None:
    try:
        import_module("synth.learning.train")
    except ImportError:
        raise ValueError(f"bench learning needs torch; {to_install('--extra torch')}") from None


def _table(report: dict[str, Any]) -> str:
    """The report for people."""
    lines = [
        f"a network of {report['parameters']:,} numbers, trained on {report['trained_on']:,} faces of "
        f"{report['dataset']} for {report['epochs']} epochs on {report['device']}",
        "normalised mean error, % of the square root of the area of the box of the 68 points; crops by the true box",
    ]
    tests = {"held-out identities": report["synthetic"], "photographs (yaw is estimated)": report["photos"] or []}
    for title, rows in tests.items():
        if rows:
            lines += ["", f"{title:<32}{'faces':>8}{'68 points':>12}{'without jaw':>14}"]
        for row in rows:
            name = row["yaw_deg"] if row["yaw_deg"] == "all" else f"|yaw| {row['yaw_deg']} degrees"
            lines.append(f"{name:<32}{row['faces']:>8}{100 * row['nme']:>12.2f}{100 * row['nme_inner']:>14.2f}")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m synth bench learning", exit_on_error=False, description=__doc__)
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="Hydra's overrides of what is rendered")
    parser.add_argument(
        "--dataset", type=Path, default=Path("datasets/learning"), help="rendered if it is not complete"
    )
    parser.add_argument("--records", type=int, default=LEAST + 400, help="how many to render, if any are missing")
    parser.add_argument("--photos", type=Path, help="a folder of images with 68 points in .pts files (iBUG)")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--device", default="auto", help="cpu, cuda, or auto: a GPU where there is one")
    parser.add_argument("--workers", type=int, default=0, help="processes that read shards")
    parser.add_argument("--seed", type=int, default=0, help="of the training")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser
