"""Identity: heads drawn over MakeHuman's targets, and the principal components of their shapes.

A drawn head is the base mesh plus weights [T] times targets [T, V, 3], so the covariance of thousands
of heads follows from that of their weights, and nothing as large as the heads themselves is formed.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

LOCAL_FOLDERS = ("head", "forehead", "eyebrows", "eyes", "nose", "mouth", "cheek", "chin", "ears", "neck", "asym")
LOCAL_SD = {  # of the weight of a folder's targets, or of one pair's
    "head": 0.13,
    "head-scale-horiz-incr": 0.16,
    "head-fat-incr": 0.36,
    "head-triangular": 0.33,
    "nose-nostrils-width-incr": 0.28,
    "forehead": 0.16,
    "neck": 0.15,
    "chin": 0.2,
    "mouth": 0.2,
    "mouth-scale-horiz-incr": 0.25,
    "eye-trans-out": 0.32,
    "asym": 0.07,
}
DEFAULT_SD = 0.22
# Mean weight in women and in men of a pair's second target, 0 for all others: MakeHuman's own heads have narrow skulls,
# close eyes and low noses. Fitted to the surveys of synth/models/anthropometry.py, by least squares with small weights.
LOCAL_MEAN = {
    "head-scale-horiz-incr": (0.2, 0.26),
    "head-scale-vert-incr": (-0.09, 0.13),
    "head-back-scale-depth-incr": (0.12, -0.11),
    "head-fat-incr": (-0.22, -0.12),
    "forehead-scale-vert-incr": (-0.14, -0.37),
    "eye-trans-out": (0.41, 0.37),
    "nose-trans-up": (0.22, 0.35),
    "nose-greek-incr": (-0.03, 0.43),
    "nose-scale-vert-incr": (-0.09, 0.06),
    "nose-nostrils-width-incr": (-0.3, -0.18),
    "mouth-scale-horiz-incr": (0.22, 0.1),
    "chin-height-incr": (0.37, 0.4),
}
SIDE_SD = 0.05  # of the difference between the left and the right target's weight
LOCAL_LIMIT = 2.5  # standard deviations at which draws are cut off; a weight is at most 1, as in MakeHuman
OPPOSITES = (
    ("-decr", "-incr"),
    ("-down", "-up"),
    ("-in", "-out"),
    ("-backward", "-forward"),
    ("-concave", "-convex"),
    ("-compress", "-uncompress"),
    ("-pointed", "-triangle"),
    ("-square", "-round"),
    ("-l", "-r"),  # of the asym targets
)
SEXES = ("female", "male")
ETHNICITIES = ("african", "asian", "caucasian")
LEVELS = ("min", "average", "max")
TRAITS = {  # name: how the names of its targets begin, and how much of it those with a word in their name have
    **{name: (ETHNICITIES, {f"-{name}-": 1.0}) for name in ("male", "old", "child", *ETHNICITIES)},
    "heavy": ("universal", {"-maxweight-": 1.0, "-averageweight-": 0.5}),
    "muscular": ("universal", {"-maxmuscle-": 1.0, "-averagemuscle-": 0.5}),
}


@dataclass(kw_only=True, slots=True)
class Draws:
    """Weights of all targets for the drawn heads."""

    paths: list[Path]  # [T]
    weights: np.ndarray  # float64 [2 N, T]: N heads, then their mirror images


@dataclass(kw_only=True, slots=True)
class Components:
    """K principal components as combinations of targets."""

    mean_weights: np.ndarray  # float64 [T]
    scores: np.ndarray  # float64 [N, K], zero mean and unit variance over the drawn heads
    basis_weights: np.ndarray  # float64 [K, T], of the targets in one standard deviation
    explained: np.ndarray  # float64 [K], share of the total variance


def draw_heads(folder: Path, count: int, children: bool, rng: np.random.Generator) -> Draws:
    """Weights for `count` heads and their mirror images, over age, sex, ethnicity, muscle, weight and local targets.

    With the mirror images the mean is symmetric, and a component is either symmetric or the opposite.
    """
    macro_paths, macro = _draw_macro(folder / "macrodetails", count, children, rng)
    male = macro[:, ["-male-" in path.name for path in macro_paths]].sum(axis=1) / 2  # of two kinds of targets
    local_paths, local = _draw_local(folder, male, rng)
    paths, weights = macro_paths + local_paths, np.concatenate([macro, local], axis=1)
    return Draws(paths=paths, weights=np.concatenate([weights, weights[:, _mirrored(paths)]]))


def principal_components(weights: np.ndarray, targets: np.ndarray, count: int) -> Components:
    """The first `count` components of the shapes weights [N, T] @ targets [T, D], by variance."""
    mean_weights = weights.mean(axis=0)
    centered = weights - mean_weights
    gram = targets.astype(np.float64) @ targets.T.astype(np.float64)
    value, vector = np.linalg.eigh(gram)
    root = vector * np.sqrt(np.maximum(value, 0))  # gram = root @ root.T
    latent = centered @ root  # [N, T]: the shapes, rotated into as few axes as there are targets
    value, vector = np.linalg.eigh(latent.T @ latent / len(weights))
    value, vector = value[::-1], vector[:, ::-1]
    scores = latent @ (vector[:, :count] / np.sqrt(value[:count]))
    basis_weights = scores.T @ centered / len(weights)
    sign = np.sign((basis_weights**3).sum(axis=1, keepdims=True))  # eigenvectors come with either sign
    return Components(
        mean_weights=mean_weights,
        scores=scores * sign.T,
        basis_weights=basis_weights * sign,
        explained=value[:count] / value.sum(),
    )


def read_traits(draws: Draws, components: Components) -> dict[str, np.ndarray]:
    """Name to float64 [1 + K]: the drawn heads' mean share of TRAITS, and its linear regression on the components.

    The coefficients of a head tell what it looks like, not what it was drawn as. Shares are those of a family of
    targets, which sum to 1; of weight and muscle, average counts half.
    """
    stems = [path.name.removesuffix(".target.gz") for path in draws.paths]
    out = {}
    for name, (family, words) in TRAITS.items():
        part = np.array([("macrodetails" in path.parts and path.name.startswith(family)) for path in draws.paths])
        factor = np.array([sum(much * (word in f"-{stem}-") for word, much in words.items()) for stem in stems])
        share = draws.weights[:, part] @ factor[part]
        out[name] = np.concatenate([[share.mean()], components.scores.T @ (share - share.mean()) / len(share)])
    return out


def _draw_macro(folder: Path, count: int, children: bool, rng: np.random.Generator) -> tuple[list[Path], np.ndarray]:
    """MakeHuman's products of factors (its macro.json): ethnicity x sex x age, and sex x age x muscle x weight."""
    sex = _draw_sex(count, rng)
    ages, age = _draw_age(count, children, rng)
    muscle = _levels(np.clip(rng.normal(0.5, 0.2, count), 0, 1))
    weight = _levels(np.clip(rng.normal(0.5, 0.25, count), 0, 1))
    ethnicity = rng.dirichlet(np.full(3, 0.6), count)
    paths, columns = [], []
    for s, sex_name in enumerate(SEXES):
        for a, age_name in enumerate(ages):
            body = sex[:, s] * age[:, a]
            for e, ethnicity_name in enumerate(ETHNICITIES):
                paths.append(folder / f"{ethnicity_name}-{sex_name}-{age_name}.target.gz")
                columns.append(body * ethnicity[:, e])
            for m, muscle_name in enumerate(LEVELS):
                for w, weight_name in enumerate(LEVELS):
                    stem = f"universal-{sex_name}-{age_name}-{muscle_name}muscle-{weight_name}weight"
                    paths.append(folder / f"{stem}.target.gz")
                    columns.append(body * muscle[:, m] * weight[:, w])
    return paths, np.stack(columns, axis=1)


def _draw_sex(count: int, rng: np.random.Generator) -> np.ndarray:
    """float64 [N, 2], shares of female and male: mostly near one of the two."""
    other = np.clip(np.abs(rng.normal(0, 0.18, count)), 0, 0.5)
    male = np.where(rng.random(count) < 0.5, other, 1 - other)
    return np.stack([1 - male, male], axis=1)


def _draw_age(count: int, children: bool, rng: np.random.Generator) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of MakeHuman's ages and shares float64 [N, ages]: from young (25 years) to old (90)."""
    old = np.clip(rng.beta(1.1, 1.6, count), 0, 1)
    adult = np.stack([1 - old, old], axis=1)
    if not children:
        return ("young", "old"), adult
    is_child = rng.random(count) < 0.3
    young = rng.random(count) * is_child + ~is_child  # share of young against child, from 10 years on
    shares = np.stack([1 - young, np.where(is_child, young, adult[:, 0]), np.where(is_child, 0, adult[:, 1])], axis=1)
    return ("child", "young", "old"), shares


def _levels(value: np.ndarray) -> np.ndarray:
    """Values [N] in [0, 1] as piecewise-linear shares [N, 3] of minimum, average and maximum."""
    return np.maximum(0, 1 - 2 * np.abs(value[:, None] - np.array([0, 0.5, 1])))


def _draw_local(folder: Path, male: np.ndarray, rng: np.random.Generator) -> tuple[list[Path], np.ndarray]:
    """One signed parameter for each pair of opposite targets; a lone target takes its positive half."""
    paths, columns = [], []
    for name in LOCAL_FOLDERS:
        both_sides: dict[str, np.ndarray] = {}
        for negative, positive in _pairs(folder / name):
            side, stem = _sided(positive.name.removesuffix(".target.gz"))
            if side is None or stem not in both_sides:
                both_sides[stem] = _draw_pair(stem, name, male, rng)
            value = both_sides[stem] if side is None else both_sides[stem] + _truncated(len(male), SIDE_SD, rng)
            paths.append(positive)
            columns.append(np.clip(value, 0, 1))
            if negative is not None:
                paths.append(negative)
                columns.append(np.clip(-value, 0, 1))
    return paths, np.stack(columns, axis=1)


def _draw_pair(stem: str, folder: str, male: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """float64 [N]: the weight of a pair's second target, less that of its first, for these shares of male [N]."""
    women, men = LOCAL_MEAN.get(stem, (0.0, 0.0))
    sd = LOCAL_SD.get(stem, LOCAL_SD.get(folder, DEFAULT_SD))
    return women + (men - women) * male + _truncated(len(male), sd, rng)


def _sided(stem: str) -> tuple[str | None, str]:
    """Which side's target it is, l or r, or None, and its name without that."""
    side, _, rest = stem.partition("-")
    return (side, rest) if side in ("l", "r") else (None, stem)


def _mirrored(paths: list[Path]) -> np.ndarray:
    """int [T]: for each target the one that does the same on the other side of the face."""
    row = {path.name.removesuffix(".target.gz"): k for k, path in enumerate(paths)}
    swap = str.maketrans("lr", "rl")

    def other(stem: str) -> str:
        if stem.startswith("asym-"):
            return stem[:-1] + stem[-1].translate(swap)
        return stem[0].translate(swap) + stem[1:] if stem[:2] in ("l-", "r-") else stem

    return np.array([row[other(stem)] for stem in row])


def _pairs(folder: Path) -> list[tuple[Path | None, Path]]:
    """Every target of a folder once, with its opposite if it has one, in the order of names."""
    files = {p.name.removesuffix(".target.gz"): p for p in sorted(folder.glob("*.target.gz"))}
    pairs: list[tuple[Path | None, Path]] = []
    done: set[str] = set()
    for stem, path in files.items():
        for low, high in OPPOSITES:
            other = stem.removesuffix(low) + high
            if stem.endswith(low) and other in files:
                pairs.append((path, files[other]))
                done |= {stem, other}
    return pairs + [(None, path) for stem, path in files.items() if stem not in done]


def _truncated(count: int, sd: float, rng: np.random.Generator) -> np.ndarray:
    """float64 [N], normal with this standard deviation, cut off at LOCAL_LIMIT of them."""
    return sd * np.clip(rng.normal(size=count), -LOCAL_LIMIT, LOCAL_LIMIT)
