"""People of the model, drawn by number: their skin, and what lies how high over it."""

import numpy as np
from scipy.spatial import KDTree

from scenes.head import hair
from synth.geometry import vertex_normals


def head(model, k: int) -> tuple[np.ndarray, np.ndarray, hair.HeadField]:
    chance = np.random.default_rng(k)
    expression = np.where(chance.random(len(model.expression)) < 0.1, 0.5, 0.0)
    vertices = model.vertices(np.clip(chance.normal(size=len(model.identity)), -2.5, 2.5), expression)
    outside = np.unique(model.triangles()[model.triangle_part() != 9])
    return vertices, vertex_normals(vertices, model.triangles()), hair.HeadField(vertices[outside])


def heights(model, points: np.ndarray, k: int) -> np.ndarray:
    """Of points over the nearest vertex of the skin of head k, m; inf below the chin where that is far, and beyond the
    rim that the body is cut off at, where normals are no outside's.
    """
    vertices, normals, _ = head(model, k)
    skin = np.unique(model.triangles()[model.triangle_part() != 9])
    distance, near = KDTree(vertices[skin]).query(points)
    height = np.einsum("nk,nk->n", points - vertices[skin][near], normals[skin][near])
    beyond = np.isin(skin[near], rim(model)) & (points[:, 2] < -0.2)
    return np.where(((distance < 0.02) & ~beyond) | (points[:, 2] > -0.1), height, np.inf)


def rim(model) -> np.ndarray:
    """Vertices of edges that have one triangle."""
    edges = np.sort(model.triangles()[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    found, count = np.unique(edges, axis=0, return_counts=True)
    return np.unique(found[count == 1])
