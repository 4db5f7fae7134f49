"""Expression: the 52 units with ARKit's names, in alphabetical order, at weight 1."""

from pathlib import Path

import numpy as np

from synth.models.makehuman.data import read_targets

NUM_UNITS = 52


def expression_units(folder: Path, vertices: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Names [52], and float32 [52, V, 3] displacements (m) of the listed base vertices [V]."""
    paths = sorted((folder / "faceunits").glob("*.target"))
    assert len(paths) == NUM_UNITS, f"{folder} must hold {NUM_UNITS} units, got {len(paths)}"
    return tuple(path.stem for path in paths), read_targets(paths, vertices)
