"""Lids that lie on the eyeball of every identity, and slide on it in every expression.

MakeHuman's targets move lids and eyeballs apart by up to 2 mm. Here the edge's way along the eyeball's radius is taken
out of the linear bases, to the first order, and out of the skin around it less and less.
"""

import numpy as np

from synth.models.makehuman import parts
from synth.models.makehuman.crop import Cut
from synth.models.makehuman.topology import edge_loop
from synth.models.morphable import Eyeballs

RIM_INSIDE = 0.0003  # m: the back edge of a lid ends so deep in the eyeball, for no gap
MARGIN_OUTSIDE = (
    0.0018  # m at least: the front edge stands so far out, the cornea's bulge being higher than the eyeball
)
LIFT = 0.0012  # m: in MakeHuman the lower lid leaves white below the iris, and the upper one hides a third of it
RINGS = 4  # rows of skin around the edge that go along, less and less
LID_RISE = 0.0026  # m, of the vertex that moves most: the way between two points of a sphere cuts through it


def lid_edges(cut: Cut, mirror: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Of the right and the left eye: the lids' back edge and their front edge, int [n] in the cut's numbers."""
    faces = cut.vertices[cut.faces]
    loops = [edge_loop(faces, *edge) for edge in (parts.LID_RIM, parts.LID_MARGIN)]
    own = lambda loop: np.searchsorted(cut.vertices, loop)
    return tuple((own(turn[loops[0]]), own(turn[loops[1]])) for turn in (np.arange(len(mirror)), mirror))


def spread(cut: Cut, fixed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [n] within RINGS edges of the fixed ones [m], and weights [n, m] that carry a change at these smoothly
    over the skin to nothing: the harmonic extension.
    """
    neighbours = _neighbours(cut.faces)
    ring = {int(v): 0 for v in fixed}
    for step in range(1, RINGS + 1):
        for v in [v for v, at in ring.items() if at == step - 1]:
            ring |= {n: step for n in neighbours[v] if n not in ring}
    near = np.array([v for v, at in sorted(ring.items()) if at < RINGS])
    row = {int(v): k for k, v in enumerate(near)}
    matrix, right = np.eye(len(near)), np.zeros((len(near), len(fixed)))
    for v, k in row.items():
        if ring[v] > 0:
            matrix[k, [row[n] for n in neighbours[v] if n in row]] = -1 / len(neighbours[v])
    right[[row[int(v)] for v in fixed], np.arange(len(fixed))] = 1
    return near, np.linalg.solve(matrix, right)


def _neighbours(faces: np.ndarray) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for a, b in np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2).tolist():
        found.setdefault(a, set()).add(b)
        found.setdefault(b, set()).add(a)
    return found


def lay_on(
    mean: np.ndarray, basis: np.ndarray, eyeballs: Eyeballs, edges: tuple[tuple[np.ndarray, np.ndarray], ...], cut: Cut
) -> None:
    """Moves the lids of a mean [V, 3] and its identity basis [K, V, 3] (m) in place, so that their edges keep their
    distance from the eyeballs.
    """
    for eye, (rim, margin) in enumerate(edges):
        fixed = np.concatenate([rim, margin])
        near, weights = spread(cut, fixed)
        mean[near, 2] += LIFT * weights.sum(axis=1)
        outwards = mean[fixed] - eyeballs.center[eye]
        distance = np.linalg.norm(outwards, axis=1, keepdims=True)
        outwards, height = outwards / distance, distance - eyeballs.radius[eye]
        wish = np.concatenate([np.full((len(rim), 1), -RIM_INSIDE), np.maximum(height[len(rim) :], MARGIN_OUTSIDE)])
        rate = ((basis[:, fixed] - eyeballs.center_identity[:, eye, None]) * outwards).sum(axis=-1)
        rate -= eyeballs.radius_identity[:, eye, None]
        mean[near] += weights @ ((wish - height) * outwards)
        basis[:, near] -= np.einsum("nm,km,mx->knx", weights, rate, outwards)


def slide_on(
    names: tuple[str, ...],
    units: np.ndarray,
    mean: np.ndarray,
    eyeballs: Eyeballs,
    edges: tuple[tuple[np.ndarray, np.ndarray], ...],
    cut: Cut,
) -> None:
    """Turns the lids' way in expressions [52, V, 3] (m) around the eyeballs, in place."""
    for eye, loops in enumerate(edges):
        near, weights = spread(cut, np.concatenate(loops))
        held = weights.sum(axis=1)
        for name, unit in zip(names, units, strict=True):
            if unit[near[held > 0.99]].any():
                rise = LID_RISE if name.startswith("eyeBlink") else 0.0
                unit[near] = slide_on_eyeball(
                    unit[near], mean[near], eyeballs.center[eye], float(eyeballs.radius[eye]), held, rise
                )


def slide_on_eyeball(
    offset: np.ndarray, points: np.ndarray, center: np.ndarray, radius: float, held: np.ndarray, rise: float
) -> np.ndarray:
    """Displacements [n, 3] (m) that keep the distance of points [n, 3] from the eyeball's centre [3], as far as they
    are held, [n] in [0, 1], and raise the one that moves most by `rise` (m). Others come no nearer than a lid's edge.

    The data's own closed lid stands up to 2 mm further out than the open one.
    """
    before, after = points - center, points + offset - center
    travel = np.linalg.norm(offset, axis=1)
    lift = rise * travel / travel.max()
    kept, moved = np.linalg.norm(before, axis=1), np.linalg.norm(after, axis=1)
    free = np.maximum(moved, np.minimum(kept, radius + MARGIN_OUTSIDE) + lift)
    return after * ((held * (kept + lift) + (1 - held) * free) / moved)[:, None] - before
