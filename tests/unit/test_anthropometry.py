"""A thousand drawn people: none twice, and all of human measure."""

import numpy as np
import pytest
from conftest import head_config

from scenes.head.model import model_of
from scenes.head.population import sample_shape
from synth.models.anthropometry import NORMS, face_vertices, measure_all, nearest_pairs, standard_scores
from synth.rng import Streams

MODEL = model_of("makehuman")
NO_EXPRESSION = np.zeros(len(MODEL.expression), np.float32)


@pytest.fixture(scope="module")
def people() -> np.ndarray:
    """Identity coefficients [1000, Ki], as the default config draws them."""
    identity = head_config().scene.identity
    return np.array([sample_shape(identity, MODEL, Streams(7, index)) for index in range(1000)])


@pytest.fixture(scope="module")
def scores_and_males(people) -> tuple[np.ndarray, np.ndarray]:
    measures, males = measure_all(MODEL, people)
    return standard_scores(measures, males), males


@pytest.mark.parametrize("sex", ["women", "men"])
def test_means_lie_within_half_a_deviation_of_the_surveys(scores_and_males, sex):
    scores, males = scores_and_males
    mean = dict(zip(NORMS, scores[males == (sex == "men")].mean(axis=0), strict=True))
    assert {name: off for name, off in mean.items() if abs(off) > 0.5} == {}


@pytest.mark.parametrize("sex", ["women", "men"])
def test_people_differ_as_much_as_those_of_the_surveys(scores_and_males, sex):
    scores, males = scores_and_males
    spread = dict(zip(NORMS, scores[males == (sex == "men")].std(axis=0), strict=True))
    assert {name: found for name, found in spread.items() if not 0.6 < found < 1.6} == {}


def test_nobody_is_out_of_human_measure(scores_and_males):
    scores, _ = scores_and_males
    assert np.abs(scores).max() < 6  # about the furthest of 8000 people and ten measures with their heavier tails
    assert (np.abs(scores) > 4).mean() < 0.001


def test_men_and_women_are_as_many(scores_and_males):
    assert 0.45 < scores_and_males[1].mean() < 0.55


def test_no_two_people_are_near_duplicates(people):
    face = face_vertices(MODEL)[::20]
    shapes = np.array([MODEL.vertices(person, NO_EXPRESSION)[face] for person in people], np.float64)
    _, distance = nearest_pairs(shapes, count=2)
    typical = np.sqrt(((shapes[:500] - shapes[500:]) ** 2).sum(axis=2).mean(axis=1)).mean()
    assert distance.min() > 0.2 * typical
