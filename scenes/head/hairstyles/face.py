"""Keeps the face clear: a strand that lies over it alone, as no comb leaves one, ends before it does. Head space, m."""

import numpy as np

from scenes.head.hair import HeadField
from scenes.head.hairstyles.grow import at_steps
from scenes.head.hairstyles.scalp import Scalp, behind
from scenes.head.hairstyles.spec import HairSpec
from synth.geometry import lengths

BEFORE, ASIDE, CHIN, AHEAD = 0.006, 0.07, -0.09, 0.03  # m: the face is so far before the hairline, and within
CLOSE = 0.05  # m over the skin: what is higher is over no face
COMPANY, LEAST = 1 / 1500, 5  # of a scalp's strands, and in all, in 6 mm by 6: fewer are alone
ALONE = 0.006  # m: tips may be so far ahead of their neighbours
FINE = 0.003  # m from place to place along a strand


def off_the_face(spec: HairSpec, scalp: Scalp, strands: np.ndarray, vertices: np.ndarray, field: HeadField):
    """Strands [S, P, 3] of a head with vertices [V, 3], of which those alone over the face are shortened."""
    near = np.flatnonzero(_ahead(strands).any(axis=1))
    if not len(near):
        return strands
    some = strands[near].astype(np.float32)
    way = lengths(np.diff(some, axis=1)).sum(axis=1)
    count = int(np.clip(way.max() / FINE, 2, 120))
    steps = np.linspace(0, strands.shape[1] - 1, count)
    where = _cells(at_steps(some, steps[None].repeat(len(near), 0)), field, _face(spec, scalp, vertices, field))
    alone = _alone(where, max(COMPANY * len(scalp.roots.corners), LEAST))
    chosen = np.flatnonzero(alone.sum(axis=1) * way / (count - 1) > ALONE)
    ends = np.maximum(steps[alone[chosen].argmax(axis=1)], 0.05)
    out = strands.copy()
    out[near[chosen]] = at_steps(strands[near[chosen]], ends[:, None] * np.linspace(0, 1, strands.shape[1]))
    return out


def _ahead(points: np.ndarray) -> np.ndarray:
    """Bool [...]: which of points [..., 3] may be over a face."""
    return (points[..., 1] < AHEAD) & (points[..., 2] > CHIN) & (np.abs(points[..., 0]) < ASIDE)


def _face(spec: HairSpec, scalp: Scalp, vertices: np.ndarray, field: HeadField) -> np.ndarray:
    """Bool [cells]: which cells of the head's grid have skin before the hairline in or beside them, and no other."""
    front = np.flatnonzero(_ahead(scalp.vertices.points))
    bare, cell = behind(spec, scalp.vertices.pick(front)) < -BEFORE, field.over(vertices[front])[0]
    found, wide = np.zeros(field.cells, bool), field.GRID[2]
    found[(cell[bare] + np.array([[0], [1], [-1], [wide], [-wide]])) % field.cells] = True
    found[cell[~bare]] = False
    return found


def _cells(points: np.ndarray, field: HeadField, face: np.ndarray) -> np.ndarray:
    """The cell [S, n] over which each of points [S, n, 3] is; -1 where it is not over the face."""
    ahead = _ahead(points)
    cell, height = field.over(points[ahead])
    found = np.full(ahead.shape, -1, np.intp)
    found[ahead] = np.where(face[cell] & (height < CLOSE), cell, -1)
    return found


def _alone(where: np.ndarray, company: float) -> np.ndarray:
    """Bool [S, n]: which of the places in cells [S, n] few other strands share."""
    strand = np.arange(len(where))[:, None]
    size = where.max() + 2
    each = np.unique((strand * size + where + 1).ravel()) % size
    strands = np.bincount(each, minlength=size)
    return (where >= 0) & (strands[where + 1] < company)
