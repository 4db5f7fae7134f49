"""The judge for the labels: another ray caster sees the same in the geometry that Blender evaluated.

No pixel is left out for being near a silhouette: both sides look along the same ray, and the bounds of issue 3
hold on all covered pixels. docs/labels.md has what was measured over 102 records, 2.28 million pixels.

What lies beyond a bound is explained one by one:

- A pixel centre within `offset_px` of an edge (73 in those records). Embree and Cycles compute
  in float32; a ray that passes an edge of a strand, a silhouette, a seam of the uv map or a border between two
  classes as closely as that is decided by rounding. `is_seen_beside` finds for each such pixel one ray, at most
  `offset_px` away, that sees everything the record says, in all passes at once. A single pixel without such a ray
  fails the test: a fault too small for the bounds, as in the two pixels of an eye, fails it too.
- Two strands at one distance (one pixel of some 200 records): one showed the normal of a strand that lies 4e-8 m
  behind another, a third of what float32 can tell at 1.48 m. `is_seen_just_behind`
  takes the second thing on the very same ray, if it is a strand no farther behind than three roundings, and all
  passes must be its own.
- Layers of cloth at one distance (one pixel of 2.3 million): four of a jacket's hem within half a micrometre at 3.4 m.
  `is_of_a_layer` takes any triangle on the ray no farther behind the first than three roundings.
- The normal of a strand. A strand is thinner than a pixel, so each of its pixels is within a pixel of a
  silhouette, where the issue sets no bound. Its rounded normal turns by s / lever when the ray shifts by s, and
  the lever is a fraction of the strand's radius (a lash's tip has 28 um): Cycles' float32 places, exact to some
  1e-7 m at arm's length, are a degree there. So the shift that explains the error is bounded instead.

A strand is what Cycles draws of it, not the polyline of its points: the spline leaves the polyline by up to
10 mm (long hair; median 0.1 mm, curls 0.5 mm), and its ribbon tapers. Against round cones along the polyline no
useful tolerance exists; against the ribbon none is needed.

Normals are float16 in the record: that alone is up to 0.03 degrees, and nearly all of the error on meshes.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields, replace

import numpy as np
import pytest
from conftest import head_config
from judge import (
    Pieces,
    Scene,
    Triangles,
    bare,
    cast,
    caster_of,
    centers,
    errors,
    evaluated_scene,
    is_seen_beside,
    is_seen_just_behind,
    landmarks_visible,
)

from scenes.head.config import CLASSES, PoseConfig, Spread
from synth.pipeline import Pipeline

BOUNDS = {"depth": 1e-4, "normal": 0.2, "uv": 1e-3, "pncc": 1e-3, "segmentation": 0.5, "shift": 1e-6}  # m, deg, 1
ROUNDING = 3.5e-7  # three roundings of float32; in units of the focal length: how far aside (px) a ray may be
FEW = (1, 2, 8, 18)  # open mouths, profiles, four kinds of hair
MOUTH_INTERIOR, HAIR = ({name: k for k, name in CLASSES.items()}[name] for name in ("mouth_interior", "hair"))


def offset_px(record) -> float:
    """How far aside (px) of a pixel's centre Cycles' float32 may look: 3e-4 px, and more with a telephoto lens."""
    return ROUNDING * max(record["camera/K"][0, 0], 850.0)


def is_of_a_layer(scene: Scene, record, pixel: int) -> bool:
    """Whether what the record says is a triangle no farther behind the first thing than float32 can tell."""
    point = centers(record["depth"].shape)[[pixel]]
    reach = cast(scene, record, point).distance[0] * (1 + ROUNDING)
    for row in triangles_around(scene.triangles.corners, record, point[0]):
        alone = cast(triangle_alone(scene, row), record, point)
        found = errors(record, alone, np.array([pixel]))
        if alone.distance[0] <= reach and all(found[name][0] <= bound for name, bound in BOUNDS.items()):
            return True
    return False


def triangles_around(corners: np.ndarray, record, point_2d: np.ndarray) -> np.ndarray:
    """Rows of the triangles [T, 3, 3] whose rectangles in the image hold a point [2]."""
    world_to_camera = record["camera/world_to_camera"]
    seen = (corners @ world_to_camera[:3, :3].T + world_to_camera[:3, 3]) @ record["camera/K"].T
    points_2d = seen[..., :2] / seen[..., 2:]
    low, high = points_2d.min(axis=1), points_2d.max(axis=1)
    return np.flatnonzero(((low <= point_2d) & (high >= point_2d)).all(axis=-1) & (seen[..., 2] > 0).all(axis=-1))


def triangle_alone(scene: Scene, row: int) -> Scene:
    """The scene of one triangle."""
    part = lambda thing, rows: type(thing)(**{field.name: getattr(thing, field.name)[rows] for field in fields(thing)})
    triangles = part(scene.triangles, slice(row, row + 1))
    return Scene(triangles=triangles, pieces=part(scene.pieces, slice(0)), caster=caster_of(triangles))


class Trial:
    """Records of one resolution, judged: errors of every pixel, and what was in them."""

    def __init__(self, hw: tuple[int, int], indices: Iterable[int]) -> None:
        config = head_config(hw, pose=PoseConfig(spread=Spread.uniform))
        config.output.passes = ["default", "segmentation_bare"]
        config.scene.wear.occluder = 0.1
        pipeline = Pipeline(config)
        self.styles, self.mouths, self.yaws = Counter(), 0, []
        self.explained, self.unexplained, self.landmarks, self.bare = 0, [], [], []
        pixels = []
        for index in indices:
            record = pipeline.record(index)
            pixels.append(self._judge(record))
            spec = json.loads(record["meta/spec"].item())
            self.styles[spec["person"]["hair"]["style"]] += 1
            self.mouths += bool((record["segmentation"] == MOUTH_INTERIOR).any())
            self.yaws.append(abs(np.rad2deg(record["params/yaw_pitch_roll"][0])))
        self.pixels = {name: np.concatenate([found[name] for found in pixels]) for name in pixels[0]}

    def _judge(self, record) -> dict[str, np.ndarray]:
        scene, everywhere = evaluated_scene(), np.arange(record["depth"].size)
        seen = cast(scene, record, centers(record["depth"].shape))
        found = errors(record, seen, everywhere)
        bad = np.flatnonzero(np.any([found[name] > bound for name, bound in BOUNDS.items()], axis=0))
        if len(bad):
            beside = is_seen_beside(scene, record, bad, BOUNDS, offset_px(record))
            lost = bad[~(beside | is_seen_just_behind(scene, record, bad, BOUNDS, ROUNDING))]
            lost = lost[[not is_of_a_layer(scene, record, int(k)) for k in lost]]
            self.explained -= len(lost)
            self.unexplained += [(int(record["meta/index"]), *divmod(k, record["depth"].shape[1])) for k in lost]
        wrong = np.flatnonzero(landmarks_visible(scene, record) != record["landmarks/visible"])
        self.landmarks += [(int(record["meta/index"]), int(k)) for k in wrong]
        self._judge_bare(scene, record)
        covered = np.isfinite(seen.depth) | np.isfinite(record["depth"].ravel())
        self.explained += len(bad)
        return found | {"covered": covered, "strand": seen.strand}

    def _judge_bare(self, scene, record) -> None:
        """segmentation_bare against what is seen of skin and eyes alone."""
        alone, record = bare(scene), record | {"segmentation": record["segmentation_bare"]}
        wrong = cast(alone, record, centers(record["depth"].shape)).segmentation != record["segmentation"].ravel()
        wrong = np.flatnonzero(wrong)
        beside = (
            is_seen_beside(alone, record, wrong, {"segmentation": 0.5}, offset_px(record)) if len(wrong) else wrong > 0
        )
        self.bare += [(int(record["meta/index"]), *divmod(int(k), record["depth"].shape[1])) for k in wrong[~beside]]

    def report(self) -> str:
        """A table of median, 99 %, 99.9 % and most."""
        covered, strand = self.pixels["covered"], self.pixels["strand"]
        parts = {
            "depth (m), meshes": ("depth", covered & ~strand),
            "depth (m), strands": ("depth", strand),
            "normal (deg), meshes": ("normal", covered & ~strand),
            "normal (deg), strands": ("strand_normal", strand),
            "shift (m), strands": ("shift", strand),
            "uv": ("uv", covered),
            "pncc": ("pncc", covered),
        }
        rows = [f"{len(covered)} pixels, {covered.mean():.1%} covered, {strand.mean():.1%} strands"]
        for title, (name, where) in parts.items():
            quantiles = np.quantile(self.pixels[name][where], [0.5, 0.99, 0.999, 1], method="lower")
            beyond = np.count_nonzero(self.pixels[name][where] > BOUNDS.get(name, 0.2))
            rows.append(f"{title:22} " + " ".join(f"{q:9.2e}" for q in quantiles) + f"  beyond the bound {beyond}")
        rows.append(f"segmentation differs at {np.count_nonzero(self.pixels['segmentation'])} pixels")
        rows.append(f"pixels explained by a ray beside: {self.explained}; not explained: {self.unexplained}")
        rows.append(f"segmentation_bare differs at {len(self.bare)} pixels {self.bare}")
        rows.append(f"landmarks, (record, number): {len(self.landmarks)} {self.landmarks}")
        rows.append(f"styles {dict(self.styles)}, mouths open {self.mouths}, yaw to {max(self.yaws):.0f} degrees")
        return "\n".join(rows)


def beyond(trial: Trial, name: str) -> float:
    """Share of pixels whose error exceeds the issue's bound: of all for segmentation, else of those it speaks of."""
    covered, strand = trial.pixels["covered"], trial.pixels["strand"]
    where = {"segmentation": covered | True, "normal": covered & ~strand, "shift": strand}.get(name, covered)
    return float((trial.pixels[name][where] > BOUNDS[name]).mean())


def assert_the_bounds_hold(trial: Trial) -> None:
    print(trial.report())
    assert {name: share for name in BOUNDS if (share := beyond(trial, name)) > 1e-3} == {}
    assert trial.unexplained == []


def two_strands(gap: float) -> Scene:
    """One strand across the ray of a pixel, 1 m ahead, and another `gap` m behind it, turned by 90 degrees."""
    far = Triangles(
        corners=np.array([[[0, 0, 9.0], [0, 1, 9], [1, 0, 9]]]),
        normals=np.full((1, 3, 3), [0, 0, -1.0]),
        uv=np.zeros((1, 3, 2)),
        pncc=np.zeros((1, 3, 3)),
        segmentation=np.ones(1, np.uint8),
        name=np.array(["far"]),
    )
    along = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    middle = np.array([[0, 3e-4, 1], [3e-4, 0, 1 + gap]])
    ends = [np.concatenate([middle + side * along, np.full((2, 1), 1e-3)], axis=1) for side in (-0.01, 0.01)]
    tangents = np.repeat(along[:, None], 3, axis=1)
    pieces = Pieces(start=ends[0], end=ends[1], tangents=tangents, segmentation=np.full(2, HAIR, np.uint8))
    return Scene(triangles=far, pieces=pieces, caster=caster_of(far))


@pytest.mark.parametrize(("gap", "explained"), [(4e-8, True), (1e-6, False)])
def test_a_strand_behind_another_explains_a_pixel_only_where_float32_cannot_tell(gap, explained):
    record = {
        "camera/K": np.array([[100.0, 0, 0.5], [0, 100, 0.5], [0, 0, 1]]),
        "camera/world_to_camera": np.eye(4),
        "depth": np.ones((1, 1)),
        "segmentation": np.full((1, 1), HAIR),
        "uv": np.full((1, 1, 2), -1.0),
        "pncc": np.full((1, 1, 3), -1.0),
        "normal": np.array([[[-0.3, 0, -np.sqrt(1 - 0.09)]]]),  # of the strand behind, 0.3 radii beside its middle
    }
    scene, pixel = two_strands(gap), np.zeros(1, int)
    assert errors(record, cast(scene, record, centers((1, 1))), pixel)["shift"] > BOUNDS["shift"]
    assert is_seen_just_behind(scene, record, pixel, BOUNDS, ROUNDING).tolist() == [explained]


@pytest.mark.parametrize(("gap", "explained"), [(4e-8, True), (1e-6, False)])
def test_a_layer_of_cloth_explains_a_pixel_only_where_float32_cannot_tell(gap, explained):
    front = np.array([[-1.0, -1, 1], [-1, 3, 1], [3, -1, 1]])
    tilted = np.array([0.6, 0, -0.8])
    layers = Triangles(
        corners=np.stack([front, front + np.array([0, 0, gap])]),
        normals=np.stack([np.full((3, 3), [0, 0, -1.0]), np.tile(tilted, (3, 1))]),
        uv=np.full((2, 3, 2), np.nan),
        pncc=np.full((2, 3, 3), np.nan),
        segmentation=np.full(2, 15, np.uint8),
        name=np.array(["jacket", "jacket"]),
    )
    scene = replace(two_strands(gap), triangles=layers, caster=caster_of(layers))
    scene = replace(scene, pieces=triangle_alone(scene, 0).pieces)
    record = {
        "camera/K": np.array([[100.0, 0, 0.5], [0, 100, 0.5], [0, 0, 1]]),
        "camera/world_to_camera": np.eye(4),
        "depth": np.ones((1, 1)),
        "segmentation": np.full((1, 1), 15),
        "uv": np.full((1, 1, 2), -1.0),
        "pncc": np.full((1, 1, 3), -1.0),
        "normal": tilted[None, None],
    }
    assert is_of_a_layer(scene, record, 0) == explained
    assert is_of_a_layer(scene, record | {"normal": np.array([[[0, 0, -1.0]]])}, 0)


@pytest.fixture(scope="module")
def trial() -> Trial:
    return Trial((96, 128), FEW)


def test_the_judge_sees_what_the_labels_say(trial):
    assert_the_bounds_hold(trial)


def test_the_judge_sees_segmentation_bare_in_the_bare_head(trial):
    assert trial.bare == []


def test_a_landmark_is_visible_when_the_judge_sees_it(trial):
    assert trial.landmarks == []


@pytest.fixture(
    scope="module",
    params=[(96, 128, 1000), (168, 112, 2000), (150, 240, 3000)],
    ids=str,
)
def long_trial(request) -> Trial:
    height, width, start = request.param
    return Trial((height, width), range(start, start + 34))


@pytest.mark.slow
def test_the_judge_sees_what_the_labels_say_on_many_records(long_trial):
    assert_the_bounds_hold(long_trial)
    assert len(long_trial.styles) >= 8
    assert long_trial.mouths > 10
    assert max(long_trial.yaws) > 80


@pytest.mark.slow
def test_landmarks_are_visible_when_the_judge_sees_them_on_many_records(long_trial):
    assert long_trial.landmarks == []
    assert long_trial.bare == []
