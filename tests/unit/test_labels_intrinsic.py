"""Intrinsic images multiply and add up to the image."""

import numpy as np
import pytest

from synth.labels.intrinsic import balanced

SHAPE = (5, 7, 3)


@pytest.fixture
def parts(rng) -> tuple[np.ndarray, ...]:
    """image, albedo, shading, specular, some of them 0."""
    image, albedo, shading, specular = rng.uniform(0, 1, (4, *SHAPE)) * (rng.uniform(size=(4, *SHAPE)) > 0.2)
    return 5 * image, albedo, shading, specular


def test_the_parts_are_the_image(parts):
    image, albedo, *_ = parts
    shading, specular = balanced(*parts)
    np.testing.assert_allclose(albedo * shading + specular, image, atol=1e-12)


def test_nothing_is_negative(parts):
    assert min(part.min() for part in balanced(*parts)) >= 0


def test_parts_that_fit_stay(parts):
    _, albedo, shading, specular = parts
    again = balanced(albedo * shading + specular, albedo, shading, specular)
    lit = albedo * shading + specular > 0
    np.testing.assert_allclose(again[0][lit], shading[lit], atol=1e-12)
    np.testing.assert_allclose(again[1][lit], specular[lit], atol=1e-12)


def test_a_brighter_image_has_brighter_parts_in_the_same_proportion():
    shading, specular = balanced(np.full(SHAPE, 0.6), np.full(SHAPE, 0.5), np.full(SHAPE, 0.4), np.full(SHAPE, 0.2))
    np.testing.assert_allclose([shading, specular], [np.full(SHAPE, 0.6), np.full(SHAPE, 0.3)])
