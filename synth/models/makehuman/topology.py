"""Walking on quads: closed edge loops and what they enclose."""

from collections import defaultdict, deque

import numpy as np


def edge_loop(faces: np.ndarray, start: int, towards: int) -> np.ndarray:
    """int32 [n]: the closed loop of edges that runs straight on from the edge start -> towards.

    At every vertex, which must have four edges, it takes the edge that shares no face with the last.
    """
    faces_at: dict[frozenset[int], set[int]] = defaultdict(set)
    neighbours: dict[int, set[int]] = defaultdict(set)
    for index, face in enumerate(faces.tolist()):
        for a, b in zip(face, face[1:] + face[:1], strict=True):
            faces_at[frozenset((a, b))].add(index)
            neighbours[a].add(b)
            neighbours[b].add(a)
    loop = [start, towards]
    while loop[-1] != start:
        last, here = loop[-2:]
        beside = faces_at[frozenset((last, here))]
        (ahead,) = (n for n in neighbours[here] - {last} if not beside & faces_at[frozenset((here, n))])
        loop.append(ahead)
    return np.array(loop[:-1], dtype=np.int32)


def enclosed(faces: np.ndarray, loop: np.ndarray, inside: int) -> np.ndarray:
    """bool [F]: the faces reached from vertex `inside` without crossing the closed loop [n]."""
    walls = {frozenset(edge) for edge in zip(loop.tolist(), np.roll(loop, -1).tolist(), strict=True)}
    faces_at: dict[frozenset[int], list[int]] = defaultdict(list)
    edges = []
    for index, face in enumerate(faces.tolist()):
        edges.append([frozenset(edge) for edge in zip(face, face[1:] + face[:1], strict=True)])
        for edge in edges[-1]:
            faces_at[edge].append(index)
    queue = deque(np.flatnonzero((faces == inside).any(axis=1)).tolist())
    seen = set(queue)
    while queue:
        for edge in edges[queue.popleft()]:
            if edge not in walls:
                fresh = [f for f in faces_at[edge] if f not in seen]
                seen.update(fresh)
                queue.extend(fresh)
    reached = np.zeros(len(faces), dtype=bool)
    reached[list(seen)] = True
    return reached


def boundary_vertices(faces: np.ndarray) -> np.ndarray:
    """int [n]: the vertices of edges that have a single face."""
    edges = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    edges, count = np.unique(edges, axis=0, return_counts=True)
    return np.unique(edges[count == 1])
