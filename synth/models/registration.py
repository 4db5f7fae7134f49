"""Fitting one surface to another: similarity by points, and non-rigid ICP.

B. Amberg, S. Romdhani and T. Vetter, "Optimal step nonrigid ICP algorithms for surface registration", CVPR 2007:
every vertex of a template has its own affine transform; neighbours' transforms are held together by a stiffness
that is lowered step by step, and at each step the optimal transforms for given correspondences are found at once,
from sparse normal equations.
"""

from dataclasses import dataclass

import numpy as np

from synth.geometry import normalize, rigid, vertex_normals
from synth.models.proximity import Surface, boundary_of, edges_of  # first: it says what to do without scipy

from scipy.sparse import bsr_matrix, csc_matrix, csr_matrix, eye_array, kron  # isort: skip
from scipy.sparse.linalg import splu  # isort: skip

STIFFNESS = (50.0, 15.0, 5.0, 1.5, 0.5, 0.15)
STEPS = 3  # at most, at each stiffness
SETTLED = 1e-4  # of the template's size: a step that moves the vertices by less, root mean square, is the last
TURN = np.cos(np.radians(60))  # normals further apart are not of the same place
LANDMARK_WEIGHT = 20.0  # of one landmark, in vertices
TILT = 0.1  # of the template's size: how much further off a surface that faces the other way counts
MOST = 64  # anchors tried for a vertex's closest point
RIDGE = 1e-7  # holds pieces that nothing else holds where they are


def similarity(
    source: np.ndarray, target: np.ndarray, weights: np.ndarray | None = None, scale: bool = True
) -> np.ndarray:
    """float64 [4, 4] that brings points [N, 3] closest to others [N, 3], by weighted least squares.

    Rotation, translation and, if asked, uniform scale; never a reflection. S. Umeyama, "Least-squares estimation of
    transformation parameters between two point patterns", 1991. Raises ValueError where the points do not fix a
    rotation: fewer than three, or all on a line.
    """
    w = np.ones(len(source)) if weights is None else np.asarray(weights, np.float64)
    if np.count_nonzero(w) < 3:
        raise ValueError(f"a fit needs three points at least, got {np.count_nonzero(w)}; give more landmarks")
    w = w / w.sum()
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    a, b = source - w @ source, target - w @ target
    u, s, vt = np.linalg.svd(b.T @ (w[:, None] * a))
    if s[1] <= 1e-12 * s[0]:
        raise ValueError("points on a line, or all in one place, do not fix a rotation; give landmarks that spread out")
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    linear = (u * sign) @ vt
    if scale:
        linear = linear * ((s * sign).sum() / (w @ (a**2).sum(axis=1)))
    return rigid(linear, w @ target - linear @ (w @ source))


@dataclass(kw_only=True, slots=True, eq=False)
class Landmarks:
    """Places on a template, and where they belong."""

    triangles: np.ndarray  # int [L, 3] vertices of the template
    weights: np.ndarray  # [L, 3] barycentric
    points: np.ndarray  # [L, 3] m


@dataclass(kw_only=True, slots=True, eq=False)
class Fit:
    """A template laid onto a surface."""

    vertices: np.ndarray  # float64 [V, 3]
    distance: np.ndarray  # float64 [V] m to the surface
    matched: np.ndarray  # bool [V]: had a counterpart on the surface in the last step


def nicp(
    vertices: np.ndarray,
    triangles: np.ndarray,
    surface: Surface,
    landmarks: Landmarks | None = None,
    weights: np.ndarray | None = None,
    stiffness: tuple[float, ...] = STIFFNESS,
) -> Fit:
    """Lay a template with vertices [V, 3] (m), already roughly in place, and triangles [T, 3] onto a surface.

    A vertex has no say in a step where its closest point is on the surface's boundary (the template goes on where
    the surface ends) or faces another way; `weights` [V] are its say otherwise. `stiffness` falls from step to step.
    """
    problem = _Problem(vertices, triangles, surface, landmarks)
    own = np.ones(len(vertices)) if weights is None else np.asarray(weights, np.float64)
    current = np.concatenate([np.eye(3), np.zeros((1, 3))])[None].repeat(len(vertices), axis=0)
    for value in stiffness:
        for _ in range(STEPS):
            before = problem.moved(current)
            current = problem.solve(value, current, *problem.counterparts(before, own))
            if np.sqrt(((problem.moved(current) - before) ** 2).sum(axis=1).mean()) < SETTLED * problem.size:
                break
    return problem.fit(current, own)


class _Problem:
    """What stays the same over all steps. Inside, coordinates are centred and divided by the template's size, so
    that stiffness means the same for every template."""

    def __init__(
        self, vertices: np.ndarray, triangles: np.ndarray, surface: Surface, landmarks: Landmarks | None
    ) -> None:
        self.vertices, self.triangles, self.surface = np.asarray(vertices, np.float64), triangles, surface
        self.center = self.vertices.mean(axis=0)
        self.size = float(np.sqrt(((self.vertices - self.center) ** 2).sum(axis=1).mean()))
        self.rows = np.concatenate([(self.vertices - self.center) / self.size, np.ones((len(vertices), 1))], axis=1)
        edges, _ = edges_of(triangles)
        self.smooth = _edge_energy(edges, len(vertices))
        self.boundary = boundary_of(surface.triangles, len(surface.vertices)).astype(float)
        self.normals = vertex_normals(surface.vertices, surface.triangles)
        self.pull = csc_matrix(self.smooth.shape), np.zeros((4 * len(vertices), 3))
        if landmarks is not None and len(landmarks.points):
            self.pull = self._landmark_energy(landmarks)

    def _landmark_energy(self, landmarks: Landmarks) -> tuple[csc_matrix, np.ndarray]:
        count = len(landmarks.points)
        columns = 4 * landmarks.triangles[..., None] + np.arange(4)
        entries = landmarks.weights[..., None] * self.rows[landmarks.triangles]
        index = np.repeat(np.arange(count), 12), columns.ravel()
        matrix = csr_matrix((entries.ravel(), index), shape=(count, 4 * len(self.rows)))
        goal = (landmarks.points - self.center) / self.size
        return csc_matrix(LANDMARK_WEIGHT * (matrix.T @ matrix)), LANDMARK_WEIGHT * (matrix.T @ goal)

    def moved(self, affine: np.ndarray) -> np.ndarray:
        """float64 [V, 3] m: where transforms [V, 4, 3] bring the template."""
        return np.einsum("vk,vkx->vx", self.rows, affine) * self.size + self.center

    def counterparts(self, points: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The closest points [V, 3] of the surface to a moved template, and their weights [V]."""
        normals = vertex_normals(points, self.triangles)
        feet = self.surface.closest(points, normals, turn=TILT * self.size, most=MOST)
        there = normalize(self.surface.at(feet, self.normals))
        is_inside = self.surface.at(feet, self.boundary) < 1 - 1e-6
        return feet.points, own * (is_inside & ((normals * there).sum(axis=1) > TURN))

    def solve(self, stiffness: float, current: np.ndarray, goal: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Transforms [V, 4, 3] of least energy for goals [V, 3] (m) with weights [V]."""
        count = len(self.rows)
        blocks = (weights[:, None] * self.rows)[:, :, None] * self.rows[:, None]
        data = bsr_matrix((blocks, np.arange(count), np.arange(count + 1)), shape=(4 * count, 4 * count))
        matrix = stiffness * self.smooth + data + self.pull[0] + RIDGE * eye_array(4 * count)
        towards = ((goal - self.center) / self.size)[:, None] * (weights[:, None] * self.rows)[:, :, None]
        right = towards.reshape(-1, 3) + self.pull[1] + RIDGE * current.reshape(-1, 3)
        options = {"SymmetricMode": True}  # with the ordering below it is six times as fast as the default
        factors = splu(csc_matrix(matrix), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options)
        return factors.solve(right).reshape(-1, 4, 3)

    def fit(self, affine: np.ndarray, own: np.ndarray) -> Fit:
        """The result for transforms [V, 4, 3]."""
        points = self.moved(affine)
        _, weights = self.counterparts(points, own)
        return Fit(vertices=points, distance=self.surface.closest(points).distance, matched=weights > 0)


def _edge_energy(edges: np.ndarray, count: int) -> csc_matrix:
    """[4 V, 4 V]: the sum over edges [E, 2] of the squared difference of the transforms at both ends."""
    each = np.arange(len(edges))
    values = np.concatenate([-np.ones(len(edges)), np.ones(len(edges))])
    incidence = csr_matrix((values, (np.tile(each, 2), edges.T.ravel())), shape=(len(edges), count))
    return csc_matrix(kron(incidence.T @ incidence, eye_array(4)))
