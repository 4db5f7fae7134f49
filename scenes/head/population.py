"""Who is drawn: shapes, and what a user asks of them in the model's own traits (male, old, heavy ...)."""

import numpy as np

from scenes.head.config import IdentityConfig
from scenes.head.normal import truncated_normal
from synth.models import MorphableModel
from synth.rng import Streams

SEXES = 0.97, 0.24  # standard deviations: where each sex's shapes lie from the middle, and how they spread around it;
# together they have the variance of the model's own normal distribution, in which most are neither man nor woman


def sample_shape(config: IdentityConfig, model: MorphableModel, streams: Streams) -> np.ndarray:
    """Identity coefficients float64 [Ki]: normal within a bound, with the traits that are asked for, and of one sex.

    A trait is a linear function of the shape. Each that is asked for gets a value, even over its range, and the shape
    is moved to them by the least number of standard deviations. ValueError as of `trait_ranges`.
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
    return shape + np.linalg.pinv(change) @ (np.array(list(values.values())) - mean - change @ shape)


def _draw_sex(config: IdentityConfig, model: MorphableModel, rng: np.random.Generator) -> float:
    """A value of the trait "male" around that of women or of men, as often."""
    mean, change = _linear(model, ("male",))
    away = rng.choice((-1.0, 1.0)) * SEXES[0] + truncated_normal(rng, SEXES[1], config.bound, 1)[0]
    return float(mean[0] + config.shape_sigma * away * np.linalg.norm(change))


def trait_ranges(config: IdentityConfig, model: MorphableModel) -> dict[str, list[float]]:
    """What is asked of the model's traits. ValueError for one that it lacks, and for values that no shape within
    scene.identity.bound has.
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
    return config.traits


def _linear(model: MorphableModel, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Values [T] of the mean shape, and their change per standard deviation [T, Ki], float64."""
    rows = np.array([model.traits[name] for name in names], np.float64)
    return rows[:, 0], rows[:, 1:]
