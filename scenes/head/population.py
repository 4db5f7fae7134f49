"""Who is drawn: shapes, and what a user asks of them in the model's own traits (male, old, heavy ...)."""

import numpy as np

from scenes.head.config import IdentityConfig
from scenes.head.normal import truncated_normal
from synth.models import MorphableModel
from synth.rng import Streams

SEXES = 0.97, 0.24  # standard deviations: where each sex's shapes lie from the middle, and how they spread around it;
# together they have the variance of the model's own normal distribution, in which most are neither man nor woman
HELD = 1e-2  # of the most that traits change: a sum of theirs that changes less is the same of all, as of shares 1
OTHERS = [-0.5, 1.5]  # what shapes have of a trait that is not asked for, as of the third of three shares
APART = 0.1  # of such a sum, its weights of length 1: how far ranges may miss it


def sample_shape(config: IdentityConfig, model: MorphableModel, streams: Streams) -> np.ndarray:
    """Identity coefficients float64 [Ki]: normal within a bound, with the traits that are asked for, and of one sex.

    A trait is a linear function of the shape. Each that is asked for gets a value, even over its range, and the shape
    is moved to them by the least number of standard deviations. Values that no shape has together, as of shares whose
    sum is not 1, are met in the least-squares sense, if need be out of their ranges. ValueError as of `trait_ranges`.
    """
    shape = truncated_normal(streams.of_identity("shape"), 1.0, config.bound, len(model.identity))
    shape *= config.shape_sigma
    wanted, rng = trait_ranges(config, model), streams.of_identity("traits")
    values = {name: rng.uniform(low, high) for name, (low, high) in wanted.items()}
    if "male" in model.traits and "male" not in values:
        values["male"] = _draw_sex(config, model, streams.of_identity("sex"))
    if not values:
        return shape
    mean, change = _linear(model, tuple(values))
    return shape + np.linalg.pinv(change, rcond=HELD) @ (np.array(list(values.values())) - mean - change @ shape)


def _draw_sex(config: IdentityConfig, model: MorphableModel, rng: np.random.Generator) -> float:
    """A value of the trait "male" around that of women or of men, as often."""
    mean, change = _linear(model, ("male",))
    away = rng.choice((-1.0, 1.0)) * SEXES[0] + truncated_normal(rng, SEXES[1], config.bound, 1)[0]
    return float(mean[0] + config.shape_sigma * away * np.linalg.norm(change))


def trait_ranges(config: IdentityConfig, model: MorphableModel) -> dict[str, list[float]]:
    """What is asked of the model's traits. ValueError for one that it lacks, for values that no shape within
    scene.identity.bound has, and for ranges that are far from all that a shape has together.
    """
    unknown = sorted(set(config.traits) - set(model.traits))
    if unknown:
        known = ", ".join(sorted(model.traits)) or "none"
        raise ValueError(f"scene.identity.traits must be among those of model={model.name} ({known}), got {unknown}")
    for name, bounds in config.traits.items():
        mean, change = _linear(model, (name,))
        reach = config.bound * float(np.linalg.norm(change))
        if max(abs(bound - mean[0]) for bound in bounds) > reach:
            raise ValueError(
                f"scene.identity.traits.{name} must be within [{mean[0] - reach:.2f}, {mean[0] + reach:.2f}], what "
                f"shapes of model={model.name} within scene.identity.bound have, got {bounds}"
            )
    if config.traits:
        for others in ({}, *({name: OTHERS} for name in model.traits if name not in config.traits)):
            _require_together(config.traits | others, model)
    return config.traits


def _require_together(traits: dict[str, list[float]], model: MorphableModel) -> None:
    """ValueError where a sum of traits that is the same of every shape is far from what the ranges add up to."""
    mean, change = _linear(model, tuple(traits))
    squares, sums = np.linalg.eigh(change @ change.T)
    for weights in sums.T[squares <= HELD**2 * squares[-1]]:
        ends = weights[:, None] * np.array(list(traits.values()))
        low, high, always = ends.min(axis=1).sum(), ends.max(axis=1).sum(), weights @ mean
        if not low - APART <= always <= high + APART:
            largest = weights[np.abs(weights).argmax()]
            words = " + ".join(f"{w / largest:.1f} {n}" for n, w in zip(traits, weights, strict=True) if abs(w) > 0.05)
            low, high = sorted((low / largest, high / largest))
            raise ValueError(
                f"scene.identity.traits must be ranges that a shape can have together: {words} is "
                f"{always / largest:.2f} of every shape of model={model.name}, got {low:.2f} to {high:.2f} of {traits}"
            )


def _linear(model: MorphableModel, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Values [T] of the mean shape, and their change per standard deviation [T, Ki], float64."""
    rows = np.array([model.traits[name] for name in names], np.float64)
    return rows[:, 0], rows[:, 1:]
