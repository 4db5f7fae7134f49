"""Which expressions are drawn."""

import numpy as np

from scenes.head.config import ExpressionConfig
from scenes.head.expression import sample_expression
from scenes.head.model import model_of
from synth.rng import rng

NAMES = model_of("makehuman").expression_names
SIDES = [(name, name[:-4] + "Right") for name in NAMES if name.endswith("Left") and not name.startswith("eyeLook")]


def test_most_faces_are_even_and_a_few_are_one_sided():
    found = []
    for k in range(600):
        weights = sample_expression(ExpressionConfig(), model_of("makehuman"), rng(4, k, "expression"))
        found.append(max(abs(weights.get(left, 0.0) - weights.get(right, 0.0)) for left, right in SIDES))
    uneven = np.array(found)
    assert np.median(uneven) < 0.03
    assert 0.05 < (uneven > 0.1).mean() < 0.18
    assert 0.02 < (uneven > 0.3).mean() < 0.06
