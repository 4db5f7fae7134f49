"""The jaw line as photographs show it: landmarks of the jaw that slide over the face to the edge of what is seen.

People who mark photographs put the points of the jaw on the visible outline, so where a head turns away the points are
on its cheek, not on the jaw behind it. Here each point of the jaw has a curve on the mesh that runs from it towards the
middle of the face, in the half plane through the point and a line from back to front through the base of the nose.
In a view it is where that curve is farthest out; on the near side, and from the front, that is the point itself. And
they space the points evenly, from the ear to the chin and from the chin to the other ear. The first step is after Zhu
et al., High-Fidelity Pose and Expression Normalization, CVPR 2015 ("landmark marching").
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from synth.camera import Camera
from synth.geometry import transform
from synth.models.morphable import MorphableModel
from synth.models.unwrap import MOUTH_INTERIOR
from synth.passes import JAW

CHIN, NOSE_BASE = 8, 33  # of iBUG's points, the middle of the jaw, and where the curves run to
INNER = 0.4  # where a curve ends, as a part of the way from the base of the nose to the landmark


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Curves on a mesh, one after the other, each from its landmark inwards.

    corners: int32 [n, 3] vertices; weights: float64 [n, 3]; first: int [17] where each curve begins; outwards:
    float64 [17, 2] unit, from the middle of the mean face, to its left and up.
    """

    corners: np.ndarray
    weights: np.ndarray
    first: np.ndarray
    outwards: np.ndarray

    def seen(self, vertices: np.ndarray, camera: Camera, head_to_world: np.ndarray) -> np.ndarray:
        """The jaw (u, v) [17, 2] (px) in the image of vertices [V, 3] (m, head space), evenly spaced on either side."""
        jaw = self.points(vertices, camera.world_to_camera @ head_to_world)
        points_2d = camera.project(transform(head_to_world, jaw))
        return np.concatenate([_evenly(points_2d[: CHIN + 1]), _evenly(points_2d[CHIN:])[1:]])

    def points(self, vertices: np.ndarray, head_to_camera: np.ndarray) -> np.ndarray:
        """The jaw [17, 3] of vertices [V, 3] (m, head space), as a camera sees it: float64, head space."""
        curves = (vertices.astype(np.float64)[self.corners] * self.weights[..., None]).sum(axis=1)
        seen = curves @ head_to_camera[:3, :3].T + head_to_camera[:3, 3]
        seen = seen[:, :2] / seen[:, 2:]
        outwards = self.outwards @ _face_axes(head_to_camera)
        ends = [*self.first[1:], len(curves)]
        places = [a + int(np.argmax(seen[a:b] @ e)) for a, b, e in zip(self.first, ends, outwards, strict=True)]
        return curves[places]


def outline_of(model: MorphableModel) -> Outline:
    """The curves on a model that has all its landmarks, found on its mean, outside of the mouth."""
    mean, marks = model.mean.astype(np.float64), model.landmarks(model.mean).astype(np.float64)
    triangles, middle = model.triangles()[model.triangle_part() != MOUTH_INTERIOR], marks[NOSE_BASE]
    corners, weights, first, outwards = [], [], [], []
    for k in range(JAW):
        out = np.array([marks[k, 0] - middle[0], 0.0, marks[k, 2] - middle[2]])
        reach = float(np.linalg.norm(out))
        out /= reach
        edges, share = _curve(mean, triangles, marks[k], middle, out, INNER * reach)
        first.append(sum(map(len, corners)))
        corners.append(np.concatenate([model.landmark_triangles[k : k + 1], edges[:, (0, 1, 1)]]))
        weights.append(np.concatenate([model.landmark_weights[k : k + 1], np.stack([1 - share, share, 0 * share], 1)]))
        outwards.append(out[[0, 2]])
    return Outline(
        corners=np.concatenate(corners).astype(np.int32),
        weights=np.concatenate(weights).astype(np.float64),
        first=np.array(first),
        outwards=np.array(outwards),
    )


def _curve(
    mean: np.ndarray, triangles: np.ndarray, mark: np.ndarray, middle: np.ndarray, out: np.ndarray, inner: float
) -> tuple[np.ndarray, np.ndarray]:
    """Where the mesh meets the half plane, from a landmark forwards: edges int [n, 2], the share [n] of their second
    vertex."""
    height = (mean - middle) @ np.cross(out, [0.0, 1.0, 0.0])
    edges, links = _section(triangles, height >= 0)
    share = height[edges[:, 0]] / (height[edges[:, 0]] - height[edges[:, 1]])
    points = mean[edges[:, 0]] * (1 - share)[:, None] + mean[edges[:, 1]] * share[:, None]
    start = int(np.linalg.norm(points - mark, axis=1).argmin())
    path = _walked(start, links, points, (points - middle) @ out, inner)
    return edges[path], share[path]


def _section(triangles: np.ndarray, above: np.ndarray) -> tuple[np.ndarray, dict[int, list[int]]]:
    """The edges [n, 2] that a plane cuts, and which of them lie in one triangle with each."""
    cut = triangles[above[triangles].any(axis=1) & ~above[triangles].all(axis=1)]
    sides = np.sort(np.stack([cut, np.roll(cut, -1, axis=1)], axis=-1), axis=-1)  # [t, 3, 2]
    crossed = above[sides[..., 0]] != above[sides[..., 1]]  # two of three
    edges, number = np.unique(sides[crossed], axis=0, return_inverse=True)
    links = defaultdict(list)
    for a, b in number.reshape(-1, 2).tolist():
        links[a].append(b)
        links[b].append(a)
    return edges, links


def _walked(start: int, links: dict[int, list[int]], points: np.ndarray, reach: np.ndarray, inner: float) -> list[int]:
    """From a point of a section towards the front, as far in as `inner`."""
    path, at = [start], start
    ahead = sorted(links[start], key=lambda k: points[k, 1])  # the face looks along -y
    while ahead and reach[at] > inner:
        at = ahead[0]
        path.append(at)
        ahead = [k for k in links[at] if k not in path]
    return path


def _evenly(line: np.ndarray) -> np.ndarray:
    """As many points [n, 2] along a line through points [n, 2], as far from one to the next; the ends stay."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    where = np.linspace(0.0, along[-1], len(line))
    return np.stack([np.interp(where, along, coordinate) for coordinate in line.T], axis=1)


def _face_axes(head_to_camera: np.ndarray) -> np.ndarray:
    """[2, 2], rows in the image: the face's left, at a right angle to its up, and its up. Of a head seen from behind
    the left is where it is seen, too."""
    up = head_to_camera[:2, 2] / max(np.linalg.norm(head_to_camera[:2, 2]), 1e-9)
    left = np.array([-up[1], up[0]])
    return np.stack([left if left @ head_to_camera[:2, 0] >= 0 else -left, up])
