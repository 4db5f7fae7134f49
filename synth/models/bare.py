"""Models that lack things: how each gap is written down, and what a given model has gaps in.

A gap is a value that the schema takes and that no whole model has, so that a bare model is saved and read like any.

| what | the gap |
|---|---|
| landmarks | a row of landmark_weights is 0; single points may be missing |
| parts | all 0 (background, which no face is) |
| uv | all 0 |
| albedo | albedo_mean is all 0 |
| eyeballs | a radius up to 1 mm, which no eye has |
| regions, paths, garment | a name, or the garment, is not there |
"""

import numpy as np

from synth.models.morphable import Eyeballs, MorphableModel

NO_RADIUS = 1e-3  # m: an eyeball up to this is none
SMALLEST = 1e-4  # m: the least radius that the schema takes


def bare_model(
    mean: np.ndarray,
    identity: np.ndarray,
    faces: np.ndarray,
    *,
    name: str,
    licence: str,
    source: str,
    expression: np.ndarray | None = None,
    expression_names: tuple[str, ...] = (),
    uv: np.ndarray | None = None,
) -> MorphableModel:
    """A model of mean [V, 3] (m), identity [K, V, 3] (m per standard deviation), faces [F, 3 or 4], and gaps else."""
    if faces.shape[1] == 3:
        faces = faces[:, (0, 1, 2, 2)]
    expression = np.zeros((0, *mean.shape)) if expression is None else expression
    return MorphableModel(
        mean=mean.astype(np.float32),
        identity=identity.astype(np.float32),
        expression=expression.astype(np.float32),
        faces=faces.astype(np.int32),
        uv=np.zeros((len(faces), 4, 2), np.float32) if uv is None else uv.astype(np.float32),
        part=np.zeros(len(faces), np.uint8),
        name=name,
        licence=licence,
        source=source,
        identity_names=tuple(f"identity-{k:03d}" for k in range(len(identity))),
        expression_names=expression_names,
        albedo_mean=np.zeros(mean.shape, np.float32),
        albedo_basis=np.zeros((0, *mean.shape), np.float32),
        landmark_triangles=np.zeros((68, 3), np.int32),
        landmark_weights=np.zeros((68, 3), np.float32),
        eyeballs=no_eyeballs(len(identity)),
    )


def no_eyeballs(num_identity: int) -> Eyeballs:
    """The eyes of a model that has none."""
    return Eyeballs(
        center=np.zeros((2, 3), np.float32),
        center_identity=np.zeros((num_identity, 2, 3), np.float32),
        radius=np.full(2, SMALLEST, np.float32),
        radius_identity=np.zeros((num_identity, 2), np.float32),
        axis=np.tile(np.array([0, -1, 0], np.float32), (2, 1)),
    )


def known_landmarks(model: MorphableModel) -> np.ndarray:
    """bool [68]: the landmarks that a model has."""
    return model.landmark_weights.sum(axis=1) > 0


def lacks(model: MorphableModel, reference: MorphableModel) -> tuple[str, ...]:
    """What a model has gaps in beside a whole one, in a fixed order: landmarks, parts, ..., regions/scalp, ..."""
    gaps = {
        "landmarks": not known_landmarks(model).all(),
        "parts": not model.part.any(),
        "uv": not model.uv.any(),
        "albedo": not model.albedo_mean.any(),
        "eyeballs": bool((model.eyeballs.radius <= NO_RADIUS).any()),
        "garment": model.garment is None and reference.garment is not None,
    }
    names = [name for name, gap in gaps.items() if gap]
    names += [f"regions/{name}" for name in sorted(set(reference.regions) - set(model.regions))]
    return tuple(names + [f"paths/{name}" for name in sorted(set(reference.paths) - set(model.paths))])
