"""Eyeballs as spheres, from the vertices of a model's own eyes."""

import numpy as np

from synth.models.morphable import Eyeballs


def eyeballs_from(
    mean: np.ndarray, identity: np.ndarray, right: np.ndarray, left: np.ndarray, forward: np.ndarray
) -> Eyeballs:
    """Spheres through the vertices `right` and `left` (int [n]) of a mean [V, 3], linear in the identity [Ki, V, 3].

    In the mesh's own unit and axes; `forward` [3] is where the eyes look at rest.
    """
    centers, radii, moves, stretches = zip(
        *(_sphere_of(mean[eye], identity[:, eye]) for eye in (right, left)), strict=True
    )
    return Eyeballs(
        center=np.stack(centers),
        center_identity=np.stack(moves, axis=1),
        radius=np.array(radii),
        radius_identity=np.stack(stretches, axis=1),
        axis=np.tile(forward.astype(np.float64), (2, 1)),
    )


def _sphere_of(points: np.ndarray, moves: np.ndarray) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """Centre [3], radius, and their change [K, 3], [K] with displacements [K, n, 3] of points [n, 3] on a sphere.

    To first order: a sphere that moves by c and grows by r moves its points by c + r n along their normals n.
    """
    if not (np.isfinite(points).all() and np.isfinite(moves).all()):
        raise ValueError("expected finite numbers in the mean and the identity, found others at an eye")
    points = points.astype(np.float64)
    system = np.concatenate([2 * points, np.ones((len(points), 1))], axis=1)
    solution = np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)[0]
    center = solution[:3]
    radius = float(np.sqrt(max(solution[3] + center @ center, 0)))
    if not radius > 0:
        raise ValueError("expected eyes that are spheres, found points that lie on none")
    outward = (points - center) / radius
    outward = outward / np.linalg.norm(outward, axis=-1, keepdims=True)
    along = np.concatenate([outward, np.ones((len(points), 1))], axis=1)  # n . (c + r n) = n . c + r
    change = np.linalg.lstsq(along, np.einsum("knc,nc->nk", moves.astype(np.float64), outward), rcond=None)[0]
    return center, radius, change[:3].T, change[3]
