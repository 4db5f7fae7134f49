"""Who is drawn: traits of the model that are asked for, and shapes that stay people."""

import numpy as np
import pytest
from conftest import head_config

from scenes.head.config import IdentityConfig
from scenes.head.model import model_of, model_row
from scenes.head.normal import truncated_normal
from scenes.head.population import sample_shape
from synth.rng import Streams

MODEL = model_of("makehuman")
SOME = [Streams(5, index) for index in range(40)]


def shapes(**words) -> np.ndarray:
    return np.array([sample_shape(IdentityConfig(**words), MODEL, streams) for streams in SOME])


def test_shapes_have_the_traits_that_are_asked_for_evenly():
    found = shapes(traits={"male": [0.1, 0.3], "old": [0.8, 0.9]})
    male, old = (np.array([MODEL.trait(name, shape) for shape in found]) for name in ("male", "old"))
    assert (male.min() >= 0.1 - 1e-5, male.max() <= 0.3 + 1e-5) == (True, True)
    assert (old.min() >= 0.8 - 1e-5, old.max() <= 0.9 + 1e-5) == (True, True)
    assert np.histogram(male, 4, (0.1, 0.3))[0].min() >= 4


def test_a_trait_moves_a_shape_along_its_own_direction_alone():
    moved = shapes(traits={"male": [1.0, 1.0]}) - shapes(traits={"male": [0.0, 0.0]})
    assert np.linalg.matrix_rank(moved, tol=1e-6) == 1
    assert np.abs(moved).max() > 0.1


@pytest.mark.parametrize(
    "ranges",
    [
        {"african": [0.2, 0.5], "asian": [0.2, 0.5], "caucasian": [0.2, 0.5]},
        {"african": [0.0, 0.2], "asian": [0.0, 0.2], "caucasian": [0.7, 1.0]},
        {"african": [0.5, 0.8], "asian": [0.0, 0.4], "caucasian": [0.0, 0.1], "male": [0.8, 1.0]},
    ],
)
def test_shares_that_sum_to_one_are_met_as_nearly_as_people_can(ranges):
    config = IdentityConfig(traits=ranges)
    found = np.array([sample_shape(config, MODEL, Streams(0, index)) for index in range(200)])
    assert np.abs(found).max() < 4
    for name, (low, high) in ranges.items():
        values = [MODEL.trait(name, shape) for shape in found]
        assert low - 0.17 < min(values) <= max(values) < high + 0.17  # a third of what the draws' sum may miss 1 by


def test_traits_that_do_not_hang_together_are_met_by_the_least_move_to_the_bit():
    config = IdentityConfig(traits={"male": [0.1, 0.3], "african": [0.3, 0.6], "asian": [0.1, 0.3]})
    rows = np.array([MODEL.traits[name] for name in config.traits], np.float64)
    for streams in SOME[:8]:
        free = truncated_normal(streams.of_identity("shape"), 1.0, config.bound, len(MODEL.identity))
        chance = streams.of_identity("traits")
        values = np.array([chance.uniform(low, high) for low, high in config.traits.values()])
        moved = free + np.linalg.pinv(rows[:, 1:]) @ (values - rows[:, 0] - rows[:, 1:] @ free)
        np.testing.assert_array_equal(sample_shape(config, MODEL, streams), moved)


def test_most_shapes_are_clearly_of_one_sex_and_as_many_of_each():
    config = IdentityConfig()
    male = np.array([MODEL.trait("male", sample_shape(config, MODEL, Streams(6, index))) for index in range(1000)])
    assert np.mean(np.abs(male - 0.5) < 0.15) < 0.1
    assert abs(np.mean(male > 0.5) - 0.5) < 0.05
    assert male.std() == pytest.approx(np.linalg.norm(MODEL.traits["male"][1:]), rel=0.05)


def test_without_spread_everyone_is_the_mean():
    assert np.abs(shapes(shape_sigma=0.0)).max() < 1e-6


def test_what_is_not_asked_for_stays_as_it_was_drawn():
    free = np.array([MODEL.trait("old", shape) for shape in shapes()])
    asked = np.array([MODEL.trait("old", shape) for shape in shapes(traits={"male": [0.9, 0.9]})])
    np.testing.assert_allclose(asked, free, atol=0.03)  # the two directions are all but at right angles


@pytest.mark.parametrize(
    ("traits", "words"),
    [
        ({"tall": [0, 1]}, r"scene\.identity\.traits must be among .*male.*got \['tall'\]"),
        ({"male": [0, 5]}, r"scene\.identity\.traits\.male must be within \[-0\.\d+, 1\.\d+\]"),
        ({"child": [0.5, 1]}, r"scene\.identity\.traits\.child must be within \[0\.00, 0\.00\]"),
        (
            {"old": [0.7, 0.9], "african": [0.7, 0.9], "asian": [0.7, 0.9], "caucasian": [0.7, 0.9]},
            r"scene\.identity\.traits must .*1\.0 african \+ 1\.0 asian \+ 1\.0 caucasian is 1\.00 .*2\.10 to 2\.70",
        ),
        (
            {"african": [0.9, 1], "asian": [0.9, 1]},
            r"scene\.identity\.traits must .*1\.0 african \+ 1\.0 asian \+ 1\.0 caucasian is 1\.00 .*",
        ),
    ],
)
def test_what_the_model_cannot_give_is_refused_before_blender_starts(traits, words):
    with pytest.raises(ValueError, match=words):
        model_row(head_config(identity=IdentityConfig(traits=traits)))


@pytest.mark.parametrize("bounds", [[0.5], [0.7, 0.2], [float("nan"), 1.0]])
def test_a_range_that_is_none_is_refused(bounds):
    with pytest.raises(ValueError, match=r"scene\.identity\.traits\.male"):
        IdentityConfig(traits={"male": bounds})
