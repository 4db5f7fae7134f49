"""Heads of people in the layouts of other people's models, made from the built-in one: importing them takes the whole
way, from a file to a model that the head scene renders."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from model_files import Head, egg, write_statismo

from synth.models import MorphableModel, load_model
from synth.models.file import save_model
from synth.models.importers import import_model
from synth.models.importers.finishing import finished

MOUTH_INTERIOR, NECK = 9, 12
IDENTITIES, EXPRESSIONS = 6, ("jawOpen", "mouthSmileLeft")


def human(front: bool = False, eyes: bool = False) -> Head:
    """The built-in model without its mouth's inside, x left, y up, z to the viewer: another person is the mean.

    front: only the face, without ears, back and neck. eyes: as spheres of the mesh.
    """
    model = load_model("makehuman")
    expression = [model.expression[model.expression_names.index(name)] for name in EXPRESSIONS]
    person = 0.6 * np.random.default_rng(4).standard_normal(len(model.identity)).astype(np.float32)
    mean = model.vertices(person, np.zeros(len(model.expression), np.float32)).astype(np.float64)
    triangles = model.triangles()
    keep = model.triangle_part() != MOUTH_INTERIOR
    if front:
        corners = mean[triangles]
        keep &= (corners[..., 1].max(axis=1) < 0.05) & (corners[..., 2].min(axis=1) > -0.125)
    used, faces = np.unique(triangles[keep], return_inverse=True)
    points, moves = mean[used], model.identity[:IDENTITIES, used]
    faces, right, left = faces.reshape(-1, 3).astype(np.int64), np.zeros(0, int), np.zeros(0, int)
    looks = 0.3 * np.stack(expression)[:, used]
    if eyes:
        points, faces, moves, looks, (right, left) = _with_eyes(model, person, points, faces, moves, looks)
    return Head(
        mean=_y_up(points),
        faces=faces,
        identity=_y_up(moves.astype(np.float64)),
        expression=_y_up(looks.astype(np.float64)),
        albedo=np.full(points.shape, 0.7) * [1.0, 0.8, 0.7],
        albedo_basis=np.stack([np.full(points.shape, 0.05), 0.02 * np.sin(300 * points)]),
        uv=np.zeros((len(points), 2)),
        right_eye=right,
        left_eye=left,
    )


def _with_eyes(model: MorphableModel, person: np.ndarray, points, faces, moves, looks):
    centers, radii = model.eyeballs.centers(person), model.eyeballs.radii(person)
    numbers = []
    for k in range(2):
        sphere, triangles = egg(np.full(3, radii[k]), np.zeros(3), len(points))
        numbers.append(np.arange(len(points), len(points) + len(sphere)))
        points, faces = np.concatenate([points, sphere + centers[k]]), np.concatenate([faces, triangles])
        shift = model.eyeballs.center_identity[:IDENTITIES, k, None]
        moves = np.concatenate([moves, np.broadcast_to(shift, (IDENTITIES, len(sphere), 3))], axis=1)
        looks = np.concatenate([looks, np.zeros((len(looks), len(sphere), 3))], axis=1)
    return points, faces, moves, looks, numbers


def _y_up(points: np.ndarray) -> np.ndarray:
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


def write_human_flame(path: Path) -> Path:
    """Five joints as FLAME's: the neck carries the head, the jaw the chin; 300 identities, 294 of them nothing, and
    2 expressions.
    """
    head = human(eyes=True)
    x, y, z = head.mean.T
    count = len(head.mean)
    nothing = np.zeros((300 - len(head.identity), count, 3))
    weights = np.zeros((count, 5))
    step = lambda t: np.clip(t, 0, 1) ** 2 * (3 - 2 * np.clip(t, 0, 1))
    weights[:, 1] = step((y + 0.20) / 0.06)
    weights[:, 2] = (
        weights[:, 1] * step((-0.072 - y) / 0.02) * step((z + 0.03) / 0.03) * step((0.07 - np.abs(x)) / 0.02)
    )
    weights[:, 1] -= weights[:, 2]
    weights[:, 0] = 1 - weights.sum(axis=1)
    for joint, eye in ((3, head.left_eye), (4, head.right_eye)):
        weights[eye] = np.eye(5)[joint]
    arrays = {
        "v_template": head.mean,
        "shapedirs": np.moveaxis(np.concatenate([head.identity, nothing, head.expression]), 0, 2),
        "posedirs": 1e-4 * np.random.default_rng(2).normal(size=(count, 3, 36)) * weights[:, 2, None, None],
        "J_regressor": _regressor(head),
        "weights": weights,
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], dtype=np.uint32),
        "f": head.faces.astype(np.uint32),
    }
    np.savez(path, **arrays)
    return path


def _regressor(head: Head) -> np.ndarray:
    """[5, V]: root and neck in the middle of slices of the neck, the jaw at the ears' height, eyes in their middles."""
    places: Sequence[np.ndarray] = [
        np.exp(-(((head.mean - at) / 0.03) ** 2).sum(axis=1)) for at in ([0, -0.2, -0.06], [0, -0.15, -0.07])
    ]
    places = [*places, np.exp(-(((head.mean * [0, 1, 1] - [0, -0.03, -0.045]) / 0.02) ** 2).sum(axis=1))]
    count = np.arange(len(head.mean))
    rows = np.stack([*places, np.isin(count, head.left_eye), np.isin(count, head.right_eye)]).astype(np.float64)
    return rows / rows.sum(axis=1, keepdims=True)


def write_human_bfm(path: Path) -> Path:
    """A face without ears, back, neck and eyes."""
    return write_statismo(path, human(front=True))


def imported(form: str, path: Path, out: Path) -> MorphableModel:
    """As `models import` does: read, fill the gaps, write the model file `out`."""
    model, _ = finished(import_model(form, path), load_model("makehuman"))
    save_model(model, out)
    return model
