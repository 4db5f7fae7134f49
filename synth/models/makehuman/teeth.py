"""Teeth where people have theirs: MakeHuman's stand a centimetre behind the lips, and end above where these meet."""

import numpy as np

from synth.models.makehuman.crop import Cut
from synth.models.makehuman.data import Source

JAWS = ("upper", "lower")
SHOWN = 0.002  # m, of the upper incisors below the upper lip at rest: 1 to 4 mm by age and sex (Vig and Brundo 1978)
BEHIND = 0.0035  # m, from where the lips meet back to the upper incisors
OVERJET = OVERBITE = 0.002  # m, of the upper incisors before and below the lower ones' edge (Proffit)
CROWN = (0.009, 0.013)  # m from the edge: all tooth, all gum


def teeth_vertices(source: Source, cut: Cut) -> dict[str, np.ndarray]:
    """int [n] by jaw, in the cut's own numbers."""
    return {jaw: np.flatnonzero(np.isin(cut.vertices, np.unique(source.faces[f"helper-{jaw}-teeth"]))) for jaw in JAWS}


def seat(
    mean: np.ndarray, basis: np.ndarray, teeth: dict[str, np.ndarray], tongue: np.ndarray, lip: tuple[np.ndarray, ...]
) -> None:
    """Moves teeth [n] and tongue [m] of a mean [V, 3] and its identity basis [K, V, 3] (m) in place, both jaws by the
    way that brings the upper incisors to the lip, a point at weights of vertices, in every identity.
    """
    corners, weights = lip
    meeting, motion = weights @ mean[corners], np.einsum("c,kcx->kx", weights, basis[:, corners])
    edge = {jaw: incisor(mean, rows, jaw) for jaw, rows in teeth.items()}
    wish = {"upper": meeting + np.array([0, BEHIND, -SHOWN])}
    wish["lower"] = wish["upper"] + np.array([0, OVERJET, OVERBITE])
    follow = (motion - basis[:, edge["upper"]]) * [0, 1, 1]
    for jaw, rows in teeth.items():
        way = (wish[jaw] - mean[edge[jaw]]) * [0, 1, 1]
        front = _front(mean[rows, 1])  # roots stay where they are: before them is the chin, or the nose
        root = np.abs(mean[rows, 2] - mean[edge[jaw], 2]) / np.abs(mean[rows, 2] - mean[edge[jaw], 2]).max()
        mean[rows] += np.stack([0 * front, way[1] * (1 - root), way[2] * front], axis=-1)
        basis[:, rows] += follow[:, None]
        if jaw == "lower":
            mean[tongue] += way
            basis[:, tongue] += follow[:, None]


def incisor(mean: np.ndarray, rows: np.ndarray, jaw: str) -> int:
    """The vertex in the middle of a jaw's front edge."""
    middle = rows[np.abs(mean[rows, 0]) < 1e-3]
    foremost = middle[mean[middle, 1] < mean[middle, 1].min() + 0.004]
    height = mean[foremost, 2]
    return int(foremost[np.argmin(height) if jaw == "upper" else np.argmax(height)])


def _front(y: np.ndarray) -> np.ndarray:
    """1 at the incisors, 0 at the last molars, whose rows stay on one another."""
    return (y.max() - y) / np.ptp(y)


def enamel(mean: np.ndarray, teeth: dict[str, np.ndarray]) -> np.ndarray:
    """float64 [V]: 1 on teeth, 0 on the gums above and below them and on all else."""
    out = np.zeros(len(mean))
    for jaw, rows in teeth.items():
        up = 1 if jaw == "upper" else -1
        line = mean[rows, 2] * up
        # The edge rises towards the molars; the crown is measured from the lowest vertex at the same depth.
        edge = np.array([line[np.abs(mean[rows, 1] - y) < 0.006].min() for y in mean[rows, 1]])
        out[rows] = 1 - np.clip((line - edge - CROWN[0]) / (CROWN[1] - CROWN[0]), 0, 1)
    return out
