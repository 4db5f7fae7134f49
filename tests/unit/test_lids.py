"""Lids touch the eyeballs of every face that is drawn: no eyeball comes through a lid, and no lid stands off."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from conftest import head_config

from scenes.head.params import params_of
from scenes.head.sample import sample
from synth.models import load_model
from synth.models.eyeball import eye_shape
from synth.models.lids import FALL, eyeball_below, lids_of, on_eyeballs
from synth.models.makehuman import parts
from synth.models.makehuman.crop import head_cut
from synth.models.makehuman.data import read_source
from synth.models.makehuman.topology import edge_loop, enclosed
from synth.models.subdivision import refine
from synth.rng import Streams

HW = (64, 64)
MESH = 3e-5  # m that the rendered eyeball, of 64 segments, is within the true one at most
NEAR = 0.03  # m from an eyeball's centre
GRID = np.array([(i, j, 6 - i - j) for i in range(7) for j in range(7 - i)]) / 6.0  # of places on a triangle
MILLIMETRE = 1e-3


@pytest.fixture(scope="module")
def model():
    return load_model("makehuman").subdivided(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eye:
    """What of the rendered mesh is around an eye, after hm08's own loops."""

    skin: np.ndarray  # int [T, 3] triangles up to the lids' front edge
    rim: np.ndarray  # int [n, 2] edges along the lids' back edge
    socket: np.ndarray  # int [T, 3] triangles behind that


@pytest.fixture(scope="module")
def eyes(model) -> list[Eye]:
    source, coarse = read_source(), load_model("makehuman")
    cut = head_cut(source)
    faces, refinement, found = cut.vertices[cut.faces], refine(coarse.faces, len(coarse.mean)), []
    own = lambda loop: np.searchsorted(cut.vertices, loop)  # the model has other teeth, after what is around eyes
    for eye, turn in enumerate((np.arange(len(source.mirror)), source.mirror)):
        margin, rim = (own(turn[edge_loop(faces, *start)]) for start in (parts.LID_MARGIN, parts.LID_RIM))
        inside = int(own(turn[parts.SOCKET_VERTEX]))
        behind = enclosed(coarse.faces, margin, inside)[refinement.parent]
        center = model.mean[model.faces].mean(axis=1) - coarse.eyeballs.center[eye]
        skin = model.faces[~behind & (model.part != parts.MOUTH) & (np.linalg.norm(center, axis=1) < NEAR)]
        middle = refinement.edge_vertices(rim, np.roll(rim, -1))
        edges = np.concatenate([np.stack([rim, middle], 1), np.stack([middle, np.roll(rim, -1)], 1)])
        socket = model.faces[enclosed(coarse.faces, rim, inside)[refinement.parent]]
        halves = [np.concatenate([quads[:, (0, 1, 2)], quads[:, (0, 2, 3)]]) for quads in (skin, socket)]
        found.append(Eye(skin=halves[0], rim=edges, socket=halves[1]))
    return found


def drawn(model, count: int) -> Iterator[tuple[int, dict[str, np.ndarray], np.ndarray]]:
    """Number, params, and the eyes' directions in head space, of faces of the default config."""
    config = head_config(HW)
    for k in range(count):
        params, eyes = params_of(model, sample(config, Streams(0, k)))
        yield k, params, eyes.directions


def heights(model, points: np.ndarray, params, directions: np.ndarray, eye: int) -> np.ndarray:
    """Of points [N, 3] over an eyeball, m."""
    identity, shape = params["params/identity"], eye_shape(float(model.eyeballs.radius.mean()))
    center, radius = model.eyeballs.centers(identity)[eye], float(model.eyeballs.radii(identity)[eye])
    points = points.reshape(-1, 3).astype(np.float64)
    distance, _, reach = eyeball_below(points, shape, center, radius, directions[eye])
    return distance - reach


def check_lids(model, eyes: list[Eye], count: int) -> None:
    for k, params, directions in drawn(model, count):
        vertices = model.rebuilt(params)
        for side, eye in enumerate(eyes):
            skin = heights(model, np.einsum("gc,tcx->gtx", GRID, vertices[eye.skin]), params, directions, side)
            assert skin.min() > 0, f"record {k}: the eyeball comes {-skin.min():.6f} m through a lid"
            socket = heights(model, np.einsum("gc,tcx->gtx", GRID, vertices[eye.socket]), params, directions, side)
            assert socket.max() < 0, f"record {k}: a socket is {socket.max():.6f} m out of the eyeball"
            rim = heights(
                model, np.stack([vertices[eye.rim[:, 0]], vertices[eye.rim].mean(axis=1)]), params, directions, side
            )
            assert rim.max() < -MESH, f"record {k}: a lid is {rim.max():.6f} m off the eyeball"


def test_no_eyeball_comes_through_a_lid_and_no_lid_stands_off(model, eyes):
    check_lids(model, eyes, 40)


@pytest.mark.slow
def test_no_eyeball_comes_through_a_lid_of_a_thousand_faces(model, eyes):
    check_lids(model, eyes, 1000)


def test_lids_move_smoothly_and_by_a_few_millimetres(model):
    lids, moved = lids_of(model), 0
    for _, params, directions in drawn(model, 40):
        linear = model.vertices(params["params/identity"], params["params/expression"])
        shift = np.linalg.norm(on_eyeballs(model, linear, params["params/identity"], directions) - linear, axis=1)
        seen = np.concatenate([eye.vertices[eye.outside] for eye in lids])
        moved += int(shift[seen].max() > 0)
        assert shift[seen].max() < 4 * MILLIMETRE
        for eye in lids:
            own = shift[eye.vertices]
            step = np.linalg.norm(model.mean[eye.vertices][eye.neighbours] - model.mean[eye.vertices][:, None], axis=-1)
            steep = np.abs(own[eye.neighbours] - own[:, None]) / np.maximum(step, 0.4 * MILLIMETRE)
            assert steep[eye.outside].max() < 2 * MILLIMETRE / FALL
    assert 5 < moved < 35


def test_what_is_far_from_the_eyes_stays_as_it_is(model):
    far = np.linalg.norm(model.mean[:, None] - model.eyeballs.center, axis=-1).min(axis=1) > 0.04
    for _, params, _ in drawn(model, 10):
        linear = model.vertices(params["params/identity"], params["params/expression"])
        np.testing.assert_array_equal(model.rebuilt(params)[far], linear[far])


def test_without_a_gaze_a_rebuilt_mesh_is_linear(model):
    _, params, _ = next(drawn(model, 1))
    shape = {name: params[name] for name in ("params/identity", "params/expression")}
    np.testing.assert_array_equal(model.rebuilt(shape), model.vertices(*shape.values()))


def test_lids_of_models_whose_eyes_were_supplied_stay(model):
    for name in ("eyeballs", "paths/right_upper_lash"):
        assert lids_of(replace(model, supplied=(name,))) == ()
    assert lids_of(replace(model, paths={})) == ()
