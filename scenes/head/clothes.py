"""Clothes on a body: garments from the inside out, and what is worn around the neck. numpy, head space."""

from dataclasses import dataclass

import numpy as np

from scenes.head.attire import ClothesSpec
from scenes.head.collars import jaw_of
from scenes.head.garments import fit_garment
from scenes.head.neckwear import fit_neckwear
from scenes.head.solids import Solid
from scenes.head.torso import NECK, Torso, lay, prepare_torso
from synth.models import MorphableModel

GARMENT, JACKET, NECKWEAR = "garment", "jacket", "neckwear"
JAW_BELOW, JAW_BEFORE = 0.0, 0.105  # m: z and y of the mean's skin that collars stay under


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What of a model clothes are fitted to, found once on the mean."""

    torso: Torso
    jaw: np.ndarray  # int [n] vertices


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One mesh of what is worn."""

    solid: Solid
    cloth: np.ndarray  # float64 [V, 3] m across and along the cloth; 1 where it is trim


def prepare_body(model: MorphableModel) -> Body:
    """The body of a model that has a garment."""
    head = np.unique(model.triangles()[~np.isin(model.triangle_part(), (NECK, 7, 8, 9))])
    jaw = head[(model.mean[head, 2] < JAW_BELOW) & (model.mean[head, 1] < JAW_BEFORE)]
    return Body(torso=prepare_torso(model), jaw=jaw)


def fit_clothes(spec: ClothesSpec, body: Body, vertices: np.ndarray, cloth: np.ndarray) -> dict[str, Piece]:
    """Meshes by name, on a head with vertices [V, 3] whose model's garment has vertices `cloth` [G, 3] (m)."""
    ground = lay(body.torso, np.concatenate([vertices, cloth]))
    jaw = jaw_of(vertices[body.jaw].astype(np.float64), ground.points.mean(axis=(0, 1))[:2])
    worn, pieces = [], {}
    for name, garment in zip((GARMENT, JACKET), spec.garments, strict=False):
        worn.append(fit_garment(garment, ground, jaw, worn[-1].cut.heights if worn else None))
        pieces[name] = Piece(solid=worn[-1].solid, cloth=worn[-1].cloth)
    if spec.neckwear is not None:
        solid, flat = fit_neckwear(spec.neckwear, worn, jaw)
        pieces[NECKWEAR] = Piece(solid=solid, cloth=flat)
    return pieces
