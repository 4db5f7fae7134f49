"""A batch for CoarseNet (Guo et al. 2018; Richardson et al. 2016): python examples/coarsenet_batch.py DATASET

The network sees an image and the PNCC of an estimate of its parameters, and corrects the estimate. Training draws
estimates around the truth. Here: noise on the record's parameters, and its mesh seen again in numpy.
"""

import sys

import numpy as np
from rebuild_mesh import model_of, posed

import synth
from synth.geometry import head_rotation, rigid
from synth.labels.mesh_view import map_of, rasterize
from synth.models import MorphableModel

Record = dict[str, np.ndarray]
SPREAD = {"standard deviation": 0.5, "weight": 0.1}  # of an early estimate's coefficients, by their unit


def perturbed(record: Record, model: MorphableModel, rng: np.random.Generator) -> Record:
    """The record with other parameters, as far off as an early estimate is."""
    turn = head_rotation(*rng.normal(0, np.radians(6), 3)) @ head_rotation(0, 0, 0).T  # camera space
    pose = record["params/head_to_camera"]
    shift = rng.normal(0, [0.005, 0.005, 0.02])  # m
    estimate = record | {"params/head_to_camera": rigid(turn @ pose[:3, :3], pose[:3, 3] + shift)}
    for name, unit in coefficients(model).items():
        near = record[name] + rng.normal(0, SPREAD[unit], record[name].shape)
        estimate[name] = (np.clip(near, 0, 1) if unit == "weight" else near).astype(np.float32)
    return estimate


def coefficients(model: MorphableModel) -> dict[str, str]:
    """{pass: unit} of the coefficients that this model has."""
    units = {"params/identity": "standard deviation", "params/expression": model.expression_unit}
    return {name: unit for name, unit in units.items() if name in model.shaping_passes}


def coarsenet_batch(records: list[Record], model: MorphableModel, seed: int) -> tuple[np.ndarray, Record]:
    """Inputs float32 [N, 7, H, W], and what is to be added to the estimates: {name: [N, ...]}.

    Channels: the image in [0, 1]; PNCC of the estimate; its mask, because 0 is a valid code.
    """
    rng = np.random.default_rng(seed)
    estimates = [perturbed(record, model, rng) for record in records]
    inputs = [_channels(record, estimate, model) for record, estimate in zip(records, estimates, strict=True)]
    names = (*coefficients(model), "params/head_to_camera")
    pairs = list(zip(records, estimates, strict=True))
    targets = {name: np.stack([record[name] - estimate[name] for record, estimate in pairs]) for name in names}
    return np.stack(inputs), targets


def _channels(record: Record, estimate: Record, model: MorphableModel) -> np.ndarray:
    triangles = model.triangles()
    number, weights, _ = rasterize(posed(model, estimate), triangles, record["camera/K"], record["image"].shape[:2])
    pncc = map_of(model.pncc(), triangles, number, weights)
    mask = (number >= 0)[..., None]
    channels = np.concatenate([record["image"] / 255, np.where(mask, pncc, 0), mask], axis=-1)
    return np.moveaxis(channels, -1, 0).astype(np.float32)


def main(dataset_dir: str) -> tuple[np.ndarray, Record]:
    dataset = synth.open_dataset(dataset_dir)
    inputs, targets = coarsenet_batch(list(dataset[:4]), model_of(dataset), seed=0)
    print("inputs", inputs.shape, {name: array.shape for name, array in targets.items()})
    return inputs, targets


if __name__ == "__main__":
    main(*sys.argv[1:])
