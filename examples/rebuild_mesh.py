"""Rebuild a record's mesh from its params and draw it over the image: python examples/rebuild_mesh.py DATASET OUT.png

The dataset's own model and subdivision come from dataset.json.
"""

import sys

import numpy as np
from PIL import Image, ImageDraw

import synth
from synth.camera import project
from synth.geometry import transform
from synth.labels.mesh_view import map_of, rasterize
from synth.models import MorphableModel, load_model


def model_of(dataset) -> MorphableModel:
    """The mesh that was rendered, of which the records' params are coefficients."""
    keys = dataset.manifest.record_keys
    return load_model(keys["model"]).subdivided(keys["scene.subdivision"])


def posed(model: MorphableModel, record: dict[str, np.ndarray]) -> np.ndarray:
    """The record's vertices [V, 3], m, camera space."""
    vertices = model.rebuilt(record)  # from params/identity, expression and gaze, and params/pose if it has joints
    return transform(record["params/head_to_camera"], vertices.astype(np.float64))


def overlay(
    record: dict[str, np.ndarray], points: np.ndarray, triangles: np.ndarray, number: np.ndarray
) -> Image.Image:
    """The image with the outlines of those triangles drawn over it that are seen in some pixel of `number`."""
    picture = Image.fromarray(record["image"])
    draw = ImageDraw.Draw(picture, "RGBA")
    pixels = np.floor(project(record["camera/K"], points)).astype(int)  # that each vertex lies in
    for a, b, c in pixels[triangles[np.unique(number[number >= 0])]].tolist():
        draw.line([*a, *b, *c, *a], fill=(0, 255, 255, 60))
    return picture


def main(dataset_dir: str, out: str) -> float:
    dataset = synth.open_dataset(dataset_dir)
    record, model = dataset[0], model_of(dataset)
    points, triangles = posed(model, record), model.triangles()
    number, weights, _ = rasterize(points, triangles, record["camera/K"], record["depth"].shape)
    overlay(record, points, triangles, number).save(out)
    both = (number >= 0) & (record["pncc"][..., 0] >= 0)  # hair and clothes hide some of the mesh
    miss = np.abs(map_of(model.pncc(), triangles, number, weights) - record["pncc"])[both].max(axis=-1)
    print(f"pncc of the rebuilt mesh and of the record differ by {np.median(miss):.2g} in the median pixel")
    return float(np.median(miss))


if __name__ == "__main__":
    main(*sys.argv[1:])
