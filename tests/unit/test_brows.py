"""Brows and lashes: where they grow, how many and how long they are."""

from dataclasses import replace

import numpy as np
import pytest
from heads import head, heights

from scenes.head import hair
from scenes.head.hairstyles.brows import POINTS, grow_brow, grow_lashes
from scenes.head.hairstyles.spec import sample_brows
from synth.models import load_model
from synth.rng import rng

DRAWS = 11


@pytest.fixture(scope="module")
def model():
    return load_model("makehuman")


def test_brows_grow_on_the_brow_and_lie_on_it(model):
    triangles = model.triangles()
    for k in range(DRAWS):
        vertices, normals, _ = head(model, k)
        spec = sample_brows(0.1 * k, rng(0, k, "brows"))
        for side, region in ((-1, "right_brow"), (1, "left_brow")):
            roots = hair.place_roots(model.mean, triangles, model.regions[region], 300, 60)
            strands = grow_brow(spec, roots, vertices, normals, side)
            assert 60 < len(strands) <= 300
            assert strands.shape[1:] == (POINTS, 3)
            assert (heights(model, strands.reshape(-1, 3), k) > -0.002).mean() > 0.98


def test_a_thin_brow_has_less_hair_and_no_less_length(model):
    vertices, normals, _ = head(model, 0)
    roots = hair.place_roots(model.mean, model.triangles(), model.regions["left_brow"], 400, 60)
    spec = sample_brows(0.5, rng(0, 0, "brows"))
    thin, thick = (grow_brow(replace(spec, thickness=t), roots, vertices, normals, 1) for t in (0.3, 1.0))
    assert len(thin) < 0.7 * len(thick)
    assert np.ptp(thin[:, 0, 0]) > 0.8 * np.ptp(thick[:, 0, 0])


def test_lashes_are_as_many_and_as_long_as_drawn(model):
    vertices, _, _ = head(model, 0)
    margin = vertices[model.paths["left_upper_lash"]].astype(float)
    eye = model.eyeballs.centers(np.zeros(len(model.identity)))[1]
    spec = replace(sample_brows(0.5, rng(0, 0, "brows")), lash_density=0.5, lash_length=0.008, lash_curl=0.0)
    lashes = grow_lashes(spec, margin, eye, True, 100)
    assert lashes.shape == (50, POINTS, 3)
    assert 0.003 < np.median(np.linalg.norm(lashes[:, -1] - lashes[:, 0], axis=-1)) < 0.011
