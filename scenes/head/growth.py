"""Grows what a person has, hair, beard, brows and lashes, as objects that are made once and rewritten."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scenes.head import beards, hair
from scenes.head.dress import Posed, Worn
from scenes.head.hairstyles import grow_hair
from scenes.head.hairstyles.brows import grow_brow, grow_lashes
from scenes.head.hairstyles.pigment import hair_color, hair_material, hair_pigments, set_pigments, strand_pigments
from scenes.head.hairstyles.scalp import Scalp, prepare_scalp, tint
from scenes.head.hairstyles.spec import BrowSpec
from scenes.head.sample import PersonSpec
from synth.blender.mesh import add_strands, set_strands
from synth.geometry import transform
from synth.labels.shot import Surface
from synth.models import MorphableModel

HAIR, RIGHT_BROW, LEFT_BROW, LASHES, BEARD = range(5, 10)  # pass indices, after those of build
NAMES = {HAIR: "hair", RIGHT_BROW: "right_brow", LEFT_BROW: "left_brow", LASHES: "lashes", BEARD: "beard"}
LOOK = {**NAMES, RIGHT_BROW: "brows", LEFT_BROW: "brows"}  # by the names of `strand_pigments`
CLASS = {HAIR: 13, RIGHT_BROW: 5, LEFT_BROW: 6, LASHES: 1, BEARD: 14}
RADIUS = {RIGHT_BROW: 8e-5, LEFT_BROW: 8e-5, LASHES: 7e-5, BEARD: beards.RADIUS}  # m
TIP = 0.35  # radius at the end over that at the root
BROW_STRANDS, LASH_STRANDS = 700, {"upper": 150, "lower": 80}
STRANDS_PER_PX = 35  # of the image's shorter side: at a common size of the head a strand is a third of a pixel wide


@dataclass(slots=True)
class Growth:
    """Where things grow on a model, and the objects, by pass index. None where the model has no place for it."""

    objects: dict[int, Any]
    outside: np.ndarray  # int [n] vertices of the skin, without the mouth's inside
    scalp: Scalp | None
    brows: dict[int, hair.Roots]
    lashes: dict[str, tuple[np.ndarray, np.ndarray]]  # lid: the margins of the right and the left eye, vertices
    beards: beards.Beards | None


def strand_count(hw: list[int]) -> int:
    """Of a full scalp: fewer and thicker ones at small images, so that noise and time follow the pixels."""
    return int(np.clip(STRANDS_PER_PX * min(hw), 2500, 24000))


def prepare_growth(
    scene: Any,
    model: MorphableModel,
    triangles: np.ndarray,
    outside: np.ndarray,
    strands: int,
    missing: tuple[str, ...],
) -> Growth:
    """Places on a model with triangles [T, 3], and an object each; `missing`: see scenes.head.model.without."""
    objects = {index: add_strands(scene, name, index) for index, name in NAMES.items()}
    looks = {look: hair_material(look) for look in LOOK.values()}
    for index, look in LOOK.items():
        objects[index].data.materials.append(looks[look])
    brows = {} if "brows" in missing else {RIGHT_BROW: "right_brow", LEFT_BROW: "left_brow"}
    lids = {} if "lashes" in missing else LASH_STRANDS
    return Growth(
        objects=objects,
        outside=outside,
        scalp=None if "hair" in missing else prepare_scalp(model, triangles, strands),
        brows={
            index: hair.place_roots(model.mean, triangles, model.regions[name], BROW_STRANDS, 60)
            for index, name in brows.items()
        },
        lashes={lid: (model.paths[f"right_{lid}_lash"], model.paths[f"left_{lid}_lash"]) for lid in lids},
        beards=None if "beard" in missing else beards.prepare_beards(model, triangles),
    )


def tinted(growth: Growth, person: PersonSpec, model: MorphableModel, albedo: np.ndarray) -> np.ndarray:
    """Reflectance [V, 3] of the skin, coloured by the roots of hair, brows and beard."""
    over = np.zeros(len(albedo)) if growth.scalp is None else tint(person.hair, growth.scalp)
    albedo = _stained(albedo, over, np.array(hair_pigments(person.hair).root))
    if growth.brows:
        brows = np.maximum(model.regions["right_brow"], model.regions["left_brow"])
        natural = np.array(hair_color(person.hair.melanin, person.hair.redness))
        albedo = _stained(albedo, 0.3 * person.brow_density * brows, natural)
    if person.beard is None or growth.beards is None:
        return albedo
    beard = person.beard
    where = 0.45 * beards.beard_field(beard, growth.beards.marks, growth.beards.vertices)
    return _stained(albedo, where, np.array(hair_color(beard.melanin, beard.redness)) + 0.013)


def _stained(albedo: np.ndarray, amount: np.ndarray, color: np.ndarray) -> np.ndarray:
    share = amount[:, None]
    return (albedo * (1 - share) + np.minimum(1.5 * color, albedo) * share).astype(np.float32)


def grow(growth: Growth, person: PersonSpec, posed: Posed, worn: Worn, head_to_world: np.ndarray) -> dict[int, Surface]:
    """Hair, beard, brows and lashes on the posed head, under what is worn: rewrites the objects."""
    pigments, surfaces = strand_pigments(person.hair, person.beard), {}
    found = _strands(growth, person, posed, worn)
    for index, thing in growth.objects.items():
        strands, radius = found.get(index, (np.zeros((0, 2, 3)), np.zeros(2)))
        points = transform(head_to_world, strands).astype(np.float32)
        set_strands(thing, points, np.broadcast_to(radius, strands.shape[:2]))
        if not len(strands):
            continue
        set_pigments(thing.data.materials[0], pigments[LOOK[index]])
        surfaces[index] = Surface(
            points=points.reshape(-1, 3),
            segmentation=np.array([CLASS[index]], np.uint8),
            strand_points=strands.shape[1],
            radius=radius,
        )
    return surfaces


def _strands(growth: Growth, person: PersonSpec, posed: Posed, worn: Worn) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Points [S, P, 3] (m, head space) and radius [P] by pass index."""
    vertices, normals, found = posed.vertices, posed.normals, {}
    field = hair.HeadField(np.concatenate([vertices[growth.outside], worn.cloth]))  # hair lies on clothes
    if growth.scalp is not None:
        strands = grow_hair(person.hair, growth.scalp, vertices, normals, field)
        found[HAIR] = worn.hair(strands.points), strands.radius
    plain = {}
    if growth.beards is not None:
        plain[BEARD] = worn.beard(beards.grow_beard(person.beard, growth.beards, vertices, normals, field))
    for index, roots in growth.brows.items():
        side, some = -1 if index == RIGHT_BROW else 1, roots.first(int(person.brow_density * BROW_STRANDS))
        plain[index] = grow_brow(person.brows, some, vertices, normals, side)
    if growth.lashes:
        plain[LASHES] = _lashes(growth, person.brows, vertices, posed.eyes.centers)
    tapering = lambda index, points: RADIUS[index] * np.linspace(1.0, TIP, points.shape[1])
    return found | {index: (points, tapering(index, points)) for index, points in plain.items()}


def _lashes(growth: Growth, spec: BrowSpec, vertices: np.ndarray, eye_centers: np.ndarray) -> np.ndarray:
    """All four rows of lashes, [S, P, 3]."""
    rows = [
        grow_lashes(spec, vertices[margin].astype(np.float64), eye, lid == "upper", LASH_STRANDS[lid])
        for lid, margins in growth.lashes.items()
        for margin, eye in zip(margins, eye_centers, strict=True)
    ]
    return np.concatenate(rows)
