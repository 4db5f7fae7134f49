"""Records of the real model, seen in numpy: for tests of what rebuilds a mesh from params."""

from pathlib import Path

import numpy as np
from storage_records import make_manifest, make_record

from synth.camera import project
from synth.geometry import head_rotation, inverse_rigid, rigid, transform
from synth.labels.mesh_view import map_of, rasterize
from synth.models import load_model
from synth.passes import PASSES, as_stored
from synth.record import Record
from synth.storage.manifest import planned_shards, write_manifest
from synth.storage.shard import write_shard

HW = (48, 64)
NAMES = (
    *("image", "depth", "normal", "uv", "pncc", "segmentation"),
    *("params/identity", "params/expression", "params/head_to_camera", "params/yaw_pitch_roll", "camera/K"),
    *("landmarks/points_2d", "landmarks/points_3d", "landmarks/visible"),
    *("meta/index", "meta/identity_index", "meta/spec"),
)
K = np.array([[110.0, 0, 30], [0, 110, 26], [0, 0, 1]])  # off-centre


def make_head(index: int, hw: tuple[int, int] = HW, K: np.ndarray = K) -> Record:
    """A head of `makehuman`, unsubdivided, shaded by its normals, with exact labels."""
    model, rng = load_model("makehuman"), np.random.default_rng(index)
    params = rng.normal(0, 0.7, len(model.identity)), rng.uniform(0, 0.3, len(model.expression))
    angles = rng.normal(0, [0.5, 0.15, 0.1])
    pose = rigid(head_rotation(*angles), np.array([*rng.normal(0, 0.01, 2), 0.7]))
    vertices = model.vertices(*(np.float32(p) for p in params))
    points, triangles = transform(pose, vertices.astype(np.float64)), model.triangles()
    number, weights, depth = rasterize(points, triangles, K, hw)
    landmarks = model.landmarks(points)
    landmarks = np.concatenate([landmarks, landmarks[36:42].mean(0)[None], landmarks[42:48].mean(0)[None]])
    seen = number >= 0
    uv = np.full((*hw, 2), -1.0)
    uv[seen] = np.einsum("nck,nc->nk", model.triangle_uv()[number[seen]], weights[seen])
    fields = {
        "image": np.where(seen, 200 - 300 * (depth - depth.min()), 30)[..., None] * [1, 0.8, 0.7],
        "depth": depth,
        "uv": np.clip(uv, -1, 1),
        "pncc": np.clip(map_of(model.pncc(), triangles, number, weights), -1, 1),
        "segmentation": np.where(seen, 1, 0),
        "normal": np.where(seen[..., None], [0, 0, -1.0], 0),
        "params/identity": params[0],
        "params/expression": params[1],
        "params/head_to_camera": pose,
        "params/yaw_pitch_roll": angles,
        "camera/K": K,
        "landmarks/points_3d": landmarks,
        "landmarks/points_2d": project(K, landmarks),
        "landmarks/visible": np.ones(70, bool),
    }
    record = make_record(index, hw, tuple(n for n in NAMES if n not in fields))
    return {name: record[name] if name in record else as_stored(PASSES[name], fields[name]) for name in NAMES}


def make_heads(folder: Path, count: int = 6, hw: tuple[int, int] = HW, K: np.ndarray = K) -> None:
    """A dataset of `count` heads in shards of four."""
    manifest = make_manifest(count, 4, NAMES)
    manifest.record_keys |= {"model": "makehuman", "scene.subdivision": 0}
    for plan in planned_shards(count, 4):
        records = (make_head(index, hw, K) for index in range(plan.first, plan.first + plan.count))
        manifest.shards.append(write_shard(folder, plan, NAMES, records))
    write_manifest(folder, manifest)


def head_points(record: Record) -> np.ndarray:
    """The landmarks in head space [70, 3], m."""
    return transform(inverse_rigid(record["params/head_to_camera"]), record["landmarks/points_3d"].astype(np.float64))
