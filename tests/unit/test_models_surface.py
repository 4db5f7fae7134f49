"""Points of a surface are found on it again."""

import numpy as np
import pytest

from synth.geometry import interpolate
from synth.models import load_model, locate


@pytest.fixture(scope="module")
def mesh():
    model = load_model("makehuman")
    return model.pncc(), model.triangles()


def test_a_point_inside_a_triangle_is_found_in_it(mesh, rng):
    vertices, triangles = mesh
    chosen = rng.integers(len(triangles), size=2000)
    weights = rng.dirichlet(np.full(3, 3.0), 2000)
    points = interpolate(vertices[triangles[chosen]].astype(np.float64), weights).astype(np.float32)
    found, where = locate(points, vertices, triangles)
    assert (found >= 0).all()
    again = interpolate(vertices[triangles[found]].astype(np.float64), where)
    assert np.abs(again - points).max() < 1e-6


def test_a_point_off_the_surface_is_not_found(mesh):
    vertices, triangles = mesh
    points = np.array([[0.5, 0.5, 2.0], [-1, -1, -1.0]])
    found, where = locate(points, vertices, triangles)
    assert (found == -1).all()
    assert np.isnan(where).all()
