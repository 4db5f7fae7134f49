"""What the head scene asks of a morphable model, does without, and says of it in dataset.json."""

from functools import lru_cache
from typing import Any

import numpy as np

from scenes.head.config import CLASSES
from scenes.head.config import PASSES as NAMES
from scenes.head.optics import require_distances
from scenes.head.population import trait_ranges
from synth.config import Config
from synth.models import MorphableModel, checksum, load_model
from synth.models.bare import NO_RADIUS, known_landmarks
from synth.models.morphable import fine_level
from synth.passes import PASSES, STATISTICAL, Pass

WORN_AND_GROWN = {  # what a head may have: the parts of the model that it hangs on
    "hair": ("regions/scalp",),
    "brows": ("regions/right_brow", "regions/left_brow"),
    "lashes": tuple(f"paths/{side}_{lid}_lash" for side in ("right", "left") for lid in ("upper", "lower")),
    "beard": tuple(f"regions/{name}" for name in ("beard", "lips", "nose", "ears", "inner_mouth")),
    "glasses": ("regions/ears", "regions/nose", "regions/inner_mouth"),
    "headwear": ("regions/scalp",),
    "headscarf": ("throat",),
    "facewear": ("regions/ears", "regions/nose", "regions/inner_mouth"),
    "clothes": ("garment",),
    "earrings": ("regions/ears", "parts/right_ear", "parts/left_ear"),
    "headphones": ("regions/ears", "parts/right_ear", "parts/left_ear"),
}
MAY_BE_EMPTY = ("inner_mouth",)  # of a face whose mouth is a surface
LEAST_INSIDE = 4  # vertices of a region that is there
NUMBER_OF = {name: number for number, name in CLASSES.items()}
SCALP = 0.035  # m2: less of a scalp has no back; MakeHuman's has 0.054
THROAT_Z, THROAT = -0.145, (0.02, 0.012)  # m: where a headscarf finds the neck, and how far aside, up and down
BELOW_THROAT = 0.02  # m that the mean's neck goes on: that of others is shorter by less
CHIN = 0.108  # m: the chin below the eyes of a head of size 1; `makehuman` is 1.07


@lru_cache(maxsize=1)
def model_of(name: str) -> MorphableModel:
    """The morphable model, loaded once per process. ValueError if faces cannot be made of it."""
    model = load_model(name)
    missing = _missing(model)
    if missing:
        raise ValueError(
            f"model={name} lacks {', '.join(missing)}, without which no face can be labelled; import it again with "
            "python -m synth models import, without --bare, which takes them over from makehuman"
        )
    return model


def _missing(model: MorphableModel) -> list[str]:
    """What labels cannot do without: see synth/models/bare.py for how models write down that they lack it."""
    gaps = {
        "landmarks": not known_landmarks(model).all(),
        "parts": bool((model.part == 0).any()),
        "uv": not model.uv.any(),
        "albedo": not model.albedo_mean.any(),
        "eyeballs": bool((model.eyeballs.radius <= NO_RADIUS).any()),
    }
    return [name for name, gap in gaps.items() if gap]


@lru_cache(maxsize=2)
def without(model: MorphableModel) -> tuple[str, ...]:
    """What heads of this model never have, of WORN_AND_GROWN: what it would hang on is not there."""
    return tuple(name for name, needs in WORN_AND_GROWN.items() if not all(_has(model, part) for part in needs))


def _has(model: MorphableModel, part: str) -> bool:
    group, _, name = part.partition("/")
    if group == "garment":
        return model.garment is not None
    if group == "paths":
        return name in model.paths
    if group == "throat":
        skin = model.mean[np.unique(model.faces[model.part != NUMBER_OF["mouth_interior"]])]
        return bool(at_throat(skin).any() and at_throat(skin + np.array([0, 0, BELOW_THROAT])).any())
    if group == "parts":
        return int(np.count_nonzero(model.part == NUMBER_OF[name])) >= LEAST_INSIDE
    if name not in model.regions:
        return False
    inside = model.regions[name] > 0.5
    if name == "ears":
        return all(np.count_nonzero(inside & (s * model.mean[:, 0] > 0)) >= LEAST_INSIDE for s in (-1, 1))
    if name == "scalp":
        return _area(model, model.regions[name]) >= SCALP * size(model) ** 2
    return name in MAY_BE_EMPTY or int(np.count_nonzero(inside)) >= LEAST_INSIDE


def at_throat(skin: np.ndarray) -> np.ndarray:
    """bool [N]: which points [N, 3] (m, head space) are in the middle of the throat, or of the nape behind it."""
    aside, high = THROAT
    return (np.abs(skin[:, 2] - THROAT_Z) < high) & (np.abs(skin[:, 0]) < aside)


def _area(model: MorphableModel, mask: np.ndarray) -> float:
    """m2 of the mean's surface within a soft mask [V]."""
    triangles = model.triangles()
    a, b, c = (model.mean[triangles[:, k]].astype(np.float64) for k in range(3))
    return float((np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2 * mask[triangles].mean(axis=1)).sum())


def size(model: MorphableModel) -> float:
    """The mean face's size over MakeHuman's, by the chin's distance from the eyes; in hundredths."""
    return round(float(-model.landmarks(model.mean)[8, 2]) / CHIN, 2)


def passes(config: Config) -> dict[str, Pass]:
    """The passes that records of this config may have, by name, with the units of its model."""
    model = model_of(config.model)
    absent = {
        "params/identity": not len(model.identity),
        "params/expression": not len(model.expression),
        "params/albedo": not len(model.albedo_basis),
        "params/pose": model.rig is None,
    }
    rows = {name: PASSES[name] for name in NAMES if not absent.get(name)}
    if "params/expression" in rows and model.expression_unit != PASSES["params/expression"].unit:
        rows["params/expression"] = STATISTICAL["params/expression"]
    return rows


def model_row(config: Config) -> dict[str, Any]:
    """What dataset.json says of the model; what says nothing is left out. ValueError as of `trait_ranges` and
    `require_distances`.
    """
    model = model_of(config.model)
    trait_ranges(config.scene.identity, model)
    require_distances(config.scene.camera, config.render.hw, model.name, size(model))
    levels = config.scene.subdivision
    more = {
        "supplied": list(model.supplied),
        "lacks": list(model.lacks),
        "done_without": list(without(model)),
        "layers_left_out": list(model.layers),
        "sigma": model.sigma,
        "source_sha256": model.source_sha256,
        "joints": list(model.rig.joint_names) if model.rig else [],
    }
    return {
        "name": model.name,
        "licence": model.licence,
        "checksum": checksum(model),
        "expression_unit": model.expression_unit,
        "subdivision": fine_level(len(model.mean)) if levels is None else levels,
        **{key: value for key, value in more.items() if value},
    }
