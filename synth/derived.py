"""Columns that follow from others: the lens as photographers name it, and the skin tone of the model's coefficients."""

import warnings

import numpy as np

from synth.columns import Column, Columns
from synth.models import MorphableModel, checksum, load_model
from synth.models.skin.tone import TONES, tone_codes, typology_angle
from synth.storage.manifest import Manifest

SENSOR_MM = 36.0  # the width of a full-frame image, which focal lengths in mm refer to
SKIN = 1  # the class of skin


def add_derived(columns: Columns, model: MorphableModel | None) -> None:
    """Add what follows from the columns that have been read.

    camera/focal_mm; with the model skin/ita_deg and skin/tone, and model/TRAIT for what it says of a shape (male, old).
    """
    K, width = columns.array("camera/K"), _width(columns)
    if K is not None and width:
        columns.add(Column("camera/focal_mm", "focal length (36 mm wide)", "mm", K[:, 0] * SENSOR_MM / width))
    albedo = columns.array("params/albedo")
    if model is not None and albedo is not None and albedo.shape[1] == len(model.albedo_basis):
        angle = typology_angle(skin_albedo(model, albedo))
        columns.add(Column("skin/ita_deg", "skin tone ITA", "°", angle))
        columns.add(Column("skin/tone", "skin tone", "", tone_codes(angle), [name for name, _ in TONES]))
    identity = columns.array("params/identity")
    if model is not None and identity is not None and identity.shape[1] == len(model.identity):
        for name, weights in model.traits.items():
            columns.add(Column(f"model/{name}", f"{name} shape", "", weights[0] + identity @ weights[1:]))


def _width(columns: Columns) -> int:
    hw = columns.dataset.manifest.record_keys.get("render.hw")
    return int(hw[1]) if isinstance(hw, list) and len(hw) == 2 else 0


def skin_albedo(model: MorphableModel, coefficients: np.ndarray) -> np.ndarray:
    """Mean reflectance [N, 3] of the cheeks and forehead, linear RGB, for albedo coefficients [N, Ka].

    A model without these regions is averaged over its skin. Unclipped: the mean of a linear model is linear.
    """
    weight = np.zeros(len(model.mean))
    for region in ("cheeks", "forehead"):
        weight += model.regions.get(region, 0)
    if not weight.any():
        weight[np.unique(model.faces[model.part == SKIN])] = 1
    weight = weight / weight.sum()
    basis = np.einsum("kvc,v->kc", model.albedo_basis.astype(np.float64), weight)
    return np.clip(weight @ model.albedo_mean + coefficients @ basis, 0, 1)


def model_of(manifest: Manifest) -> tuple[MorphableModel | None, str]:
    """The dataset's morphable model; or None, and why not in words."""
    if manifest.model is None:
        return None, "this scene has no morphable model"
    name = str(manifest.record_keys.get("model", manifest.model["name"]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a cache that cannot be written is the model's affair
            model = load_model(name)
    except (ValueError, OSError) as error:
        return None, f"the model {name} cannot be read: {error}"
    if checksum(model) != manifest.model.get("checksum"):
        return None, f"the model {name} has changed since the dataset was made: its checksum is another"
    return model, ""
