"""Faults put into records on purpose: `check` or a judge catches each of them.

The table FAULTS says who. check: the invariants of synth.record, which need no Blender. labels: the other ray caster
of judge.py. landmarks: the same, for what is visible. rebuild: the mesh, the points and the gaze made anew from params.
"""

from collections.abc import Callable

import numpy as np
import pytest
from conftest import head_config
from judge import cast, centers, errors, evaluated_scene, landmarks_visible
from test_label_judge import BOUNDS

from scenes.head import build
from scenes.head.config import CLASSES, CameraConfig
from synth.blender import render
from synth.camera import Camera, distance_from_depth, project
from synth.geometry import interpolate, inverse_rigid, transform, yaw_pitch_roll
from synth.models import load_model
from synth.pipeline import Pipeline
from synth.record import violations

HW = (96, 128)
INDEX, BEFORE = 1, 8  # a face whose eyes and brows are all seen, and the record before it
PIXELS = np.arange(0, HW[0] * HW[1], 5)
JUDGED = ("depth", "normal", "uv", "pncc", "segmentation")
Record = dict[str, np.ndarray]


class Court:
    """A sound record, the one before it, and all who judge."""

    def __init__(self) -> None:
        config = head_config(HW, camera=CameraConfig(principal_offset=0.1))
        config.output.passes = ["all"]
        self.pipeline = Pipeline(config)
        self.before = self.pipeline.record(BEFORE)
        self.sound = self.pipeline.record(INDEX)
        self.scene = evaluated_scene()
        self.model = load_model("makehuman").subdivided(1)
        self.seen, self.visible = {}, {}  # by what was looked at

    def caught_by(self, record: Record) -> set[str]:
        """Who finds something wrong with a record."""
        judges = {"check": self._check, "labels": self._labels, "landmarks": self._landmarks, "rebuild": self._rebuild}
        return {name for name, wrong in judges.items() if wrong(record)}

    def _check(self, record: Record) -> bool:
        return bool(violations(record, CLASSES))

    def _labels(self, record: Record) -> bool:
        key = record["camera/K"].tobytes() + record["camera/world_to_camera"].tobytes()
        if key not in self.seen:
            self.seen[key] = cast(self.scene, record, centers(HW)[PIXELS])
        found = errors(record, self.seen[key], PIXELS)
        return any(np.count_nonzero(~(found[name] <= BOUNDS[name])) > 2 for name in JUDGED)

    def _landmarks(self, record: Record) -> bool:
        key = b"".join(record[name].tobytes() for name in ("camera/K", "camera/world_to_camera", "landmarks/points_3d"))
        if key not in self.visible:
            self.visible[key] = landmarks_visible(self.scene, record)
        return np.count_nonzero(self.visible[key] != record["landmarks/visible"]) > 1

    def _rebuild(self, record: Record) -> bool:
        posed = transform(record["params/head_to_camera"], self.model.rebuilt(record).astype(np.float64))
        seen = record["triangle"] >= 0
        there = interpolate(posed[self.model.triangles()[record["triangle"][seen]]], record["barycentric"][seen])
        pncc = interpolate(
            self.model.pncc()[self.model.triangles()[record["triangle"][seen]]], record["barycentric"][seen]
        )
        eyes = transform(record["params/head_to_camera"], self.model.eyeballs.centers(record["params/identity"]))
        towards = record["landmarks/points_3d"][68:] - eyes
        gaze = towards / np.linalg.norm(towards, axis=-1, keepdims=True)
        misses = {
            "place": (np.quantile(np.linalg.norm(there - record["position"][seen], axis=-1), 0.99), 2e-5),
            "pncc": (np.quantile(np.abs(pncc - record["pncc"][seen]), 0.99), 1e-5),
            "landmarks": (np.abs(self.model.landmarks(posed) - record["landmarks/points_3d"][:68]).max(), 1e-5),
            "gaze": (np.abs(gaze - record["params/gaze"]).max(), 1e-4),
        }
        return any(not miss <= bound for miss, bound in misses.values())


@pytest.fixture(scope="module")
def court() -> Court:
    return Court()


def of(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Record, Record], Record]:
    """The fault that changes one pass."""
    return lambda record, before: record | {name: change(record[name]).astype(record[name].dtype)}


def stale(*names: str) -> Callable[[Record, Record], Record]:
    """The fault that keeps passes of the record before."""
    return lambda record, before: record | {name: before[name] for name in names}


def scaled(*factors: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda array: array * np.array(factors, array.dtype)


def swapped(a: int, b: int) -> Callable[[np.ndarray], np.ndarray]:
    """Two classes for each other."""
    return lambda array: np.where(array == a, b, np.where(array == b, a, array))


def offset(u: float, v: float) -> Callable[[np.ndarray], np.ndarray]:
    """The principal point, moved."""
    return lambda K: K + np.array([[0, 0, u], [0, 0, v], [0, 0, 0]])


def averaged(array: np.ndarray) -> np.ndarray:
    """Each pixel the mean of its neighbours, as an antialiased pass has it."""
    values = array.astype(np.float64)
    around = [np.roll(values, (i, j), axis=(0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return np.mean(around, axis=0)


def seen_only(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Changed where there is a code, -1 elsewhere."""
    return lambda array: np.where(array[..., :1] >= 0, change(array), array)


def mirrored_landmarks(record: Record, before: Record) -> Record:
    """Right for left, as a flipped image wants them, on an image that is not flipped."""
    order = np.array(
        [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1), 45, 44, 43, 42, 47, 46]
    )
    order = np.array([*order, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55])
    order = np.array([*order, 64, 63, 62, 61, 60, 67, 66, 65, 69, 68])
    names = ("landmarks/points_2d", "landmarks/points_3d", "landmarks/visible", "landmarks/visible_without_hair")
    return record | {name: record[name][order] for name in names}


def moved_landmarks(record: Record, before: Record) -> Record:
    """The list of points begins one too late, in all passes alike."""
    names = ("landmarks/points_2d", "landmarks/points_3d", "landmarks/visible", "landmarks/visible_without_hair")
    return record | {name: np.roll(record[name], 1, axis=0) for name in names}


def half_pixel_points(record: Record, before: Record) -> Record:
    """Points in OpenCV's image coordinates."""
    return record | {"landmarks/points_2d": record["landmarks/points_2d"] - np.float32(0.5)}


def distance_for_depth(record: Record, before: Record) -> Record:
    return record | {"depth": distance_from_depth(record["depth"], record["camera/K"]).astype(np.float32)}


def centred_everywhere(record: Record, before: Record) -> Record:
    """K without the shift, and everything that follows from it computed with that K."""
    K = record["camera/K"].copy()
    K[:2, 2] = HW[1] / 2, HW[0] / 2
    view, depth = Camera(K, np.eye(4), HW), record["depth"]
    position = np.where(np.isfinite(depth)[..., None], view.unproject(np.where(np.isfinite(depth), depth, 1)), 0)
    return record | {
        "camera/K": K,
        "position": position.astype(np.float32),
        "distance": distance_from_depth(depth, K).astype(np.float32),
        "landmarks/points_2d": project(K, record["landmarks/points_3d"].astype(np.float64)).astype(np.float32),
    }


def head_to_camera(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Record, Record], Record]:
    """Another pose, whose angles agree with it."""

    def fault(record: Record, before: Record) -> Record:
        pose = change(record["params/head_to_camera"].copy())
        return record | {
            "params/head_to_camera": pose,
            "params/yaw_pitch_roll": yaw_pitch_roll(pose[:3, :3]).astype(np.float32),
        }

    return fault


def without_place(pose: np.ndarray) -> np.ndarray:
    pose[:3, 3] = 0
    return pose


def blender_axes(pose: np.ndarray) -> np.ndarray:
    return np.diag([1.0, -1, -1, 1]) @ pose


FAULTS: dict[str, tuple[Callable[[Record, Record], Record], set[str]]] = {
    "normal with x flipped": (of("normal", scaled(-1, 1, 1)), {"check", "labels"}),
    "normal with y flipped": (of("normal", scaled(1, -1, 1)), {"check", "labels"}),
    "normal with z flipped": (of("normal", scaled(1, 1, -1)), {"check", "labels"}),
    "normal in world space": (lambda r, b: r | {"normal": r["normal_world"]}, {"check", "labels"}),
    "normal in Blender's camera space": (of("normal", scaled(1, -1, -1)), {"check", "labels"}),
    "half a pixel in K": (of("camera/K", offset(-0.5, -0.5)), {"check", "labels"}),
    "K without shift": (of("camera/K", lambda K: np.array([[K[0, 0], 0, 64], [0, K[1, 1], 48], [0, 0, 1]])), {"check"}),
    "K without shift, and all that follows from it": (centred_everywhere, {"labels", "rebuild"}),
    "K with the aspect ratio": (of("camera/K", lambda K: K * np.array([[1], [0.75], [1]])), {"check", "labels"}),
    "distance for depth": (distance_for_depth, {"check", "labels"}),
    "depth for distance": (lambda r, b: r | {"distance": r["depth"]}, {"check"}),
    "depth in millimetres": (of("depth", scaled(1000)), {"check", "labels"}),
    "depth, antialiased": (of("depth", averaged), {"check", "labels"}),
    "segmentation, antialiased": (of("segmentation", averaged), {"check", "labels"}),
    "segmentation, a pixel aside": (of("segmentation", lambda s: np.roll(s, 1, axis=1)), {"check", "labels"}),
    "eyes swapped in segmentation": (of("segmentation", swapped(3, 4)), {"check", "labels"}),
    "brows swapped in segmentation": (of("segmentation", swapped(5, 6)), {"labels"}),
    "a class that does not exist": (of("segmentation", lambda s: np.where(s == 2, 19, s)), {"check", "labels"}),
    "nose for skin": (of("segmentation", lambda s: np.where(s == 2, 1, s)), {"check", "labels"}),
    "uv with u flipped": (of("uv", seen_only(lambda uv: np.stack([1 - uv[..., 0], uv[..., 1]], -1))), {"labels"}),
    "uv with v flipped": (of("uv", seen_only(lambda uv: np.stack([uv[..., 0], 1 - uv[..., 1]], -1))), {"labels"}),
    "pncc with axes swapped": (of("pncc", lambda p: p[..., [1, 0, 2]]), {"labels", "rebuild"}),
    "pncc rounded to 8 bits": (of("pncc", seen_only(lambda p: np.rint(255 * p) / 255)), {"labels", "rebuild"}),
    "pncc for 0 where there is none": (of("pncc", lambda p: np.maximum(p, 0)), {"check", "labels"}),
    "depth of the record before": (stale("depth"), {"check", "labels"}),
    "normal of the record before": (stale("normal"), {"check", "labels"}),
    "alpha of the record before": (stale("alpha"), {"check"}),
    "identity of the record before": (stale("params/identity"), {"rebuild"}),
    "expression of the record before": (stale("params/expression"), {"rebuild"}),
    "landmarks of the record before": (
        stale("landmarks/points_3d", "landmarks/points_2d", "landmarks/visible", "landmarks/visible_without_hair"),
        {"rebuild", "landmarks"},
    ),
    "landmarks off by one": (moved_landmarks, {"rebuild"}),
    "landmarks with right for left": (mirrored_landmarks, {"rebuild"}),
    "landmarks in OpenCV's image coordinates": (half_pixel_points, {"check"}),
    "visibility inverted": (of("landmarks/visible", np.logical_not), {"landmarks"}),
    "all landmarks visible": (of("landmarks/visible", np.ones_like), {"check", "landmarks"}),
    "camera_to_world for world_to_camera": (of("camera/world_to_camera", inverse_rigid), {"labels"}),
    "the pose transposed": (
        head_to_camera(lambda p: np.block([[p[:3, :3].T, p[:3, 3:]], [np.zeros((1, 3)), 1]])),
        {"rebuild"},
    ),
    "the pose without its place": (head_to_camera(without_place), {"rebuild"}),
    "the pose in Blender's axes": (head_to_camera(blender_axes), {"rebuild"}),
    "yaw with the other sign": (of("params/yaw_pitch_roll", scaled(-1, 1, 1)), {"check"}),
    "gaze of the other eye": (of("params/gaze", lambda gaze: gaze[::-1]), {"rebuild"}),
    "gaze in head space": (
        lambda r, b: r | {"params/gaze": (r["params/gaze"] @ r["params/head_to_camera"][:3, :3]).astype(np.float32)},
        {"rebuild"},
    ),
    "triangles numbered from 1": (of("triangle", lambda t: np.where(t >= 0, t + 1, t)), {"rebuild"}),
    "weights of other corners": (of("barycentric", lambda w: w[..., [1, 2, 0]]), {"rebuild"}),
    "hair in no alpha": (
        lambda r, b: r | {"alpha": r["alpha"] - np.minimum(r["coverage/hair"], r["alpha"])},
        {"check"},
    ),
    "shading with the albedo in it": (
        lambda r, b: r | {"intrinsic/shading": r["intrinsic/shading"] * r["intrinsic/albedo"]},
        {"check"},
    ),
}


def test_a_sound_record_is_acquitted(court):
    assert court.caught_by(court.sound) == set()
    assert np.linalg.norm(court.sound["camera/K"][:2, 2] - [64, 48]) > 2


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_caught(court, name):
    fault, judges = FAULTS[name]
    caught = court.caught_by(fault(court.sound, court.before))
    print(f"{name}: {', '.join(sorted(caught))}")
    assert caught >= judges > set()


class TestFaultsInTheEngine:
    """Faults in what is done with Blender, one at a time."""

    def test_a_mesh_that_is_not_rewritten_is_caught(self, court, monkeypatch):
        court.pipeline.record(BEFORE)
        monkeypatch.setattr(build, "move_vertices", lambda *_: None)
        assert {"labels", "rebuild"} <= court.caught_by(court.pipeline.record(INDEX))

    def test_a_camera_without_shift_is_caught(self, court, monkeypatch):
        set_camera = render.set_camera

        def without_shift(scene, camera):
            set_camera(scene, camera)
            scene.camera.data.shift_x = scene.camera.data.shift_y = 0

        monkeypatch.setattr(render, "set_camera", without_shift)
        assert {"labels", "rebuild"} <= court.caught_by(court.pipeline.record(INDEX))

    def test_a_camera_that_stays_where_it_was_is_caught(self, court, monkeypatch):
        court.pipeline.record(BEFORE)
        monkeypatch.setattr(render, "set_camera", lambda *_: None)
        assert {"check", "labels"} <= court.caught_by(court.pipeline.record(INDEX))

    def test_labels_of_many_samples_name_triangles_that_are_not_there(self, court, monkeypatch):
        one = render.Renderer._pass
        many = lambda self, stage, samples, bounces: one(self, stage, max(samples, 8), bounces)
        monkeypatch.setattr(render.Renderer, "_pass", many)
        monkeypatch.setitem(render.FILTER_WIDTH, "label_render", 1.5)
        with pytest.raises(IndexError):
            court.pipeline.record(INDEX)
