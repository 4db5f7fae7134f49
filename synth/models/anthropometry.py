"""Heads measured as anthropometrists do, beside what surveys of adults found: whether a model's range is human.

Sources, means and standard deviations in mm of men and of women:
ANSUR II: Gordon et al., 2012 Anthropometric Survey of U.S. Army Personnel, NATICK/TR-15/007 (4082 and 1986 people);
head height is its (sitting height - eye height, sitting) + menton-sellion length - 12 mm from sellion to eye.
NIOSH: Zhuang and Bradtmiller, J. Occup. Environ. Hyg. 2 (2005) 567: U.S. workers of all ethnic groups in 2003, data set
RD-10130-2020-0, unweighted (2543 and 1454 people).
"""

from dataclasses import dataclass

import numpy as np

from synth.geometry import transform
from synth.models.morphable import MorphableModel
from synth.models.registration import similarity

MALE = 0.5  # a shape of that trait or more counts as a man's
MILLIMETRES = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Norm:
    """What a survey found, mm."""

    men: tuple[float, float]  # mean, standard deviation
    women: tuple[float, float]
    source: str


NORMS: dict[str, Norm] = {
    "head length": Norm(men=(199.5, 7.0), women=(189.8, 7.4), source="ANSUR II"),
    "head breadth": Norm(men=(154.3, 5.5), women=(147.8, 5.2), source="ANSUR II"),
    "head height": Norm(men=(224.0, 11.6), women=(210.0, 10.8), source="ANSUR II, derived"),
    "bizygomatic breadth": Norm(men=(143.9, 6.9), women=(136.2, 6.5), source="NIOSH"),
    "bigonial breadth": Norm(men=(120.7, 10.7), women=(111.6, 9.3), source="NIOSH"),
    "face length": Norm(men=(123.2, 7.2), women=(114.2, 6.5), source="NIOSH"),
    "interpupillary distance": Norm(men=(65.1, 3.8), women=(63.1, 4.0), source="NIOSH"),
    "nose breadth": Norm(men=(37.8, 4.8), women=(35.8, 4.9), source="NIOSH"),
    "nose height": Norm(men=(51.9, 4.1), women=(47.7, 3.8), source="NIOSH"),
    "mouth breadth": Norm(men=(51.7, 4.3), women=(49.2, 4.5), source="NIOSH"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Callipers:
    """Where on a model each measure is taken: vertices [n] among which the outermost count; of the jaw, single ones."""

    glabella: np.ndarray
    sellion: np.ndarray
    back: np.ndarray
    crown: np.ndarray
    skull: np.ndarray
    cheeks: np.ndarray
    nose: np.ndarray
    menton: np.ndarray  # [1]: where the chin turns backwards
    gonia: np.ndarray  # [2]: where the jaw turns upwards, right and left


def callipers(model: MorphableModel) -> Callipers:
    """Found on the mean of a model with ears, nose and landmarks."""
    v, marks = model.mean, model.landmarks(model.mean)
    ears, mouth = model.regions["ears"] > 0.02, model.regions["inner_mouth"] > 0
    x, y, z = v.T
    skin = ~ears & ~mouth & (z > -0.2)
    front_of_ears, above_ears = y[ears].min() - 0.004, z[ears].max() + 0.006
    middle, ahead = skin & (np.abs(x) < 0.002), y < 0.03
    masks = {
        "glabella": middle & ahead & (z > 0.006) & (z < 0.03),
        "sellion": middle & ahead & (np.abs(z) < 0.012),
        "back": middle & (y > 0.1) & (z > -0.07),
        "crown": skin & (z > 0.06),
        "skull": skin & (z > above_ears),
        "cheeks": skin & (y < front_of_ears) & (y > 0.005) & (z < 0.002) & (z > marks[30, 2]),
        "nose": model.regions["nose"] > 0.5,
    }
    under = np.flatnonzero(middle & (y < 0) & (z < marks[57, 2]))
    jaw = np.flatnonzero(skin)
    turns = [(marks[4] + marks[5]) / 2, (marks[11] + marks[12]) / 2]
    return Callipers(
        **{name: np.flatnonzero(mask) for name, mask in masks.items()},
        menton=under[[np.argmin(v[under] @ [0, 1, 2])]],
        gonia=np.array([jaw[np.linalg.norm(v[jaw] - turn, axis=1).argmin()] for turn in turns]),
    )


def measure(model: MorphableModel, at: Callipers, identity: np.ndarray) -> np.ndarray:
    """float64 [len(NORMS)] (mm): the measures of a head with coefficients [Ki] and no expression, in NORMS' order."""
    vertices = model.vertices(identity, np.zeros(len(model.expression), np.float32)).astype(np.float64)
    marks, eyes = model.landmarks(vertices), model.eyeballs.centers(identity)
    apart = lambda a, b: float(np.linalg.norm(a - b))
    broad = lambda which: float(np.ptp(vertices[which, 0]))
    glabella = vertices[at.glabella[vertices[at.glabella, 1].argmin()]]
    sellion = vertices[at.sellion[vertices[at.sellion, 1].argmax()]]
    menton, gonia = vertices[at.menton[0]], vertices[at.gonia]
    found = {
        "head length": max(apart(glabella, point) for point in vertices[at.back]),
        "head breadth": broad(at.skull),
        "head height": vertices[at.crown, 2].max() - menton[2],
        "bizygomatic breadth": broad(at.cheeks),
        "bigonial breadth": apart(*gonia),
        "face length": apart(sellion, menton),
        "interpupillary distance": apart(eyes[0], eyes[1]),
        "nose breadth": broad(at.nose),
        "nose height": apart(sellion, marks[33]),
        "mouth breadth": apart(marks[48], marks[54]),
    }
    return MILLIMETRES * np.array([found[name] for name in NORMS])


def measure_all(model: MorphableModel, identities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float64 [N, len(NORMS)] (mm) of heads with coefficients [N, Ki], and bool [N]: which are men's by their shape."""
    at = callipers(model)
    males = np.array([(model.trait("male", identity) or 0.0) >= MALE for identity in identities])
    return np.array([measure(model, at, identity) for identity in identities]), males


def standard_scores(measures: np.ndarray, males: np.ndarray) -> np.ndarray:
    """float64 [N, len(NORMS)]: how many of the survey's standard deviations each head is off its own sex's mean."""
    men, women = (np.array([getattr(norm, sex) for norm in NORMS.values()]) for sex in ("men", "women"))
    own = np.where(males[:, None, None], men, women)
    return (measures - own[..., 0]) / own[..., 1]


def table(measures: np.ndarray, males: np.ndarray) -> str:
    """Lines of text: each measure's mean and deviation by sex, over the survey's, and the furthest head."""
    scores = standard_scores(measures, males)
    lines = [f"{'mm':24} {'men':>13} {'survey':>13} {'off':>6} {'spread':>6}   {'women':>13} {'survey':>13}"]
    lines[0] += f" {'off':>6} {'spread':>6}   {'furthest':>8}  source"
    for k, (name, norm) in enumerate(NORMS.items()):
        cells = []
        for sex, (mean, sigma) in ((males, norm.men), (~males, norm.women)):
            own = measures[sex, k]
            cells.append(f"{own.mean():6.1f} ({own.std():4.1f}) {mean:6.1f} ({sigma:4.1f})")
            cells[-1] += f" {(own.mean() - mean) / sigma:+6.2f} {own.std() / sigma:6.2f}"
        furthest = scores[np.abs(scores[:, k]).argmax(), k]
        lines.append(f"{name:24} {cells[0]}   {cells[1]}   {furthest:+8.1f}  {norm.source}")
    return "\n".join(lines)


def face_vertices(model: MorphableModel) -> np.ndarray:
    """int [n]: vertices of the skin from forehead to chin, without what is inside the mouth."""
    v, mouth = model.mean, model.regions["inner_mouth"] > 0
    return np.flatnonzero(~mouth & (v[:, 1] < 0.05) & (v[:, 2] > -0.115) & (v[:, 2] < 0.085))


def nearest_pairs(shapes: np.ndarray, count: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Pairs int [count, 2] of the nearest of shapes [N, n, 3] (m), and their distances [count] (m), nearest first.

    The distance is the root mean square of those of the vertices after the best rigid alignment of one to the other.
    Candidates are found with all shapes aligned to their mean.
    """
    mean = shapes.mean(axis=0)
    flat = np.stack([_laid(shape, mean) for shape in shapes]).reshape(len(shapes), -1)
    flat -= flat.mean(axis=0)
    squares = (flat**2).sum(axis=1)
    apart = squares[:, None] + squares - 2 * flat @ flat.T
    first, second = np.triu_indices(len(shapes), 1)
    near = np.argsort(apart[first, second])[: 4 * count]
    pairs = np.stack([first[near], second[near]], axis=1)
    exact = np.array([aligned_distance(shapes[a], shapes[b]) for a, b in pairs])
    order = np.argsort(exact)[:count]
    return pairs[order], exact[order]


def aligned_distance(shape: np.ndarray, other: np.ndarray) -> float:
    """Root mean square distance (m) of the vertices of shapes [n, 3] after the best rigid alignment."""
    return float(np.sqrt(((_laid(shape, other) - other) ** 2).sum(axis=1).mean()))


def _laid(shape: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A shape [n, 3] moved and turned to lie as close as it can to another."""
    return transform(similarity(shape, other, scale=False), shape)
