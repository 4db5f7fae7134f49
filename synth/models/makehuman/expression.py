"""Expression: the 52 units with ARKit's names, in alphabetical order, at weight 1."""

from pathlib import Path

import numpy as np

from synth.models.makehuman.data import read_targets

NUM_UNITS = 52
LID_RISE = 0.0012  # m, of the vertex that moves most


def expression_units(folder: Path, vertices: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Names [52], and float32 [52, V, 3] displacements (m) of the listed base vertices [V]."""
    paths = sorted((folder / "faceunits").glob("*.target"))
    assert len(paths) == NUM_UNITS, f"{folder} must hold {NUM_UNITS} units, got {len(paths)}"
    return tuple(path.stem for path in paths), read_targets(paths, vertices)


def slide_on_eyeball(offset: np.ndarray, points: np.ndarray, center: np.ndarray, lids: np.ndarray) -> np.ndarray:
    """A blink's displacements [V, 3] (m) such that the lids follow the eyeball around its centre [3].

    The data's own closed lid stands up to 2 mm further out than the open one. A straight way between
    two points of a sphere cuts through it, so that the closed lid must stand out by LID_RISE at least.
    `points` [V, 3] are the open lids', `lids` [V] in [0, 1] says how far a vertex belongs to them.
    """
    before, after = points - center, points + offset - center
    travel = np.linalg.norm(offset, axis=1) / np.linalg.norm(offset, axis=1).max()
    pull = (np.linalg.norm(before, axis=1) + LID_RISE * travel) / np.linalg.norm(after, axis=1)
    return after * (1 + lids * (pull - 1))[:, None] - before
