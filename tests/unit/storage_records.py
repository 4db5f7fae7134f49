"""Sound records of an ellipsoid with face-like labels, made by numpy alone: for tests of storage, check and preview."""

import json
from pathlib import Path

import numpy as np

from synth.camera import pixel_directions, project
from synth.geometry import head_rotation, rigid
from synth.passes import PASSES, STATISTICAL, as_stored
from synth.record import Record
from synth.storage.files import sha256
from synth.storage.manifest import Manifest, pass_rows, planned_shards, write_manifest
from synth.storage.rounding import rounded
from synth.storage.shard import write_shard

CLASSES = {0: "background", 1: "skin", 2: "nose", 13: "hair", 255: "ignore"}
HW = (24, 40)
NAMES = tuple(PASSES)
PLACE, RADIUS = np.array([0.03, -0.02, 1.0]), 0.25
ROLLED = np.array([[0.8, -0.6, 0, 0], [0.6, 0.8, 0, 0], [0, 0, 1, 2], [0, 0, 0, 1.0]])  # world_to_camera
WORN = {"beard": 14, "glasses": 16, "headwear": 17, "facewear": 18}


def make_record(index: int, hw: tuple[int, int] = HW, names: tuple[str, ...] = NAMES) -> Record:
    """Record `index` as it is stored, sound in every law of `violations`; record 3 of every 4 is an empty view."""
    rng = np.random.default_rng(index)
    fields = _pixels(rng, hw, empty=index % 4 == 3) | _params(rng) | _points(rng, hw, empty=index % 4 == 3)
    fields |= {"meta/index": index, "meta/identity_index": index // 2}
    fields["meta/spec"] = json.dumps({"index": index, "name": "Grüße"}, ensure_ascii=False)
    return {name: rounded(name, as_stored(PASSES[name], fields[name])) for name in names}


def camera_of(hw: tuple[int, int]) -> np.ndarray:
    """K [3, 3] of every record: the principal point is off the middle."""
    return np.array([[hw[1], 0, hw[1] * 0.45], [0, hw[1], hw[0] * 0.6], [0, 0, 1.0]])


def _pixels(rng, hw, empty):
    """A ball of RADIUS (m) at PLACE (camera space, m), seen by the rays of K."""
    rays = pixel_directions(camera_of(hw), hw)
    along, square = rays @ PLACE, (rays**2).sum(axis=-1)
    root = along**2 - square * (PLACE @ PLACE - RADIUS**2)
    seen = (root > 0) & (not empty)
    depth = (along - np.sqrt(np.maximum(root, 0))) / square
    normal = (depth[..., None] * rays - PLACE) / RADIUS
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    x, y, z = np.moveaxis(normal, -1, 0)
    pncc = np.clip(np.stack([x / 2 + 0.5, y / 2 + 0.5, -z], -1), 0, 1)
    code = np.where(y > 0.3, 2, np.where(y < -0.6, 13, 1))
    image = 255 * np.clip(0.4 - 0.3 * z[..., None] * [1, 0.8, 0.7] + rng.normal(0, 0.02, (*hw, 3)), 0, 1)
    where = seen[..., None]
    return {
        "image": image,
        "alpha": 255 * seen,
        "depth": np.where(seen, depth, np.inf),
        "normal": np.where(where, normal, 0),
        "uv": np.where(where, pncc[..., :2], -1),
        "pncc": np.where(where, pncc, -1),
        "segmentation": np.where(seen, code, 0),
        "albedo": np.where(where, pncc * 0.8, 0),
    } | _extras(seen, normal, image, np.where(where, depth[..., None] * rays, 0), code)


def _extras(seen, normal, image, position, code):
    where = seen[..., None]
    return {
        "image_linear": image / 255,
        "intrinsic/albedo": np.where(where, [0.5, 0.5, 0.5], 0),
        "intrinsic/shading": np.where(where, 1.2 * image / 255, 0),
        "intrinsic/specular": np.where(where, 0.4, 1) * image / 255,
        "segmentation_bare": np.where(seen, code, 0),
        "coverage/hair": 255 * (seen & (code == 13)),
        "coverage/brows_and_lashes": 20 * (seen & (code == 1)),
        **{f"coverage/{name}": 255 * (seen & (code == number)) for name, number in WORN.items()},
        "distance": np.where(seen, np.linalg.norm(position, axis=-1), np.inf),
        "position": position,
        "normal_world": np.where(where, normal @ ROLLED[:3, :3], 0),
        "displacement": 1e-3 * np.sin(np.arange(16 * 16).reshape(16, 16)),
        "depth_fine": np.where(seen, position[..., 2], np.inf),
        "normal_fine": np.where(where, normal, 0),
        "triangle": np.where(seen, 7, -1),
        "barycentric": np.where(where, [0.2, 0.3, 0.5], 0),
        "class_pixels": np.bincount(np.where(seen, code, 0).ravel(), minlength=256),
    }


def _params(rng):
    gaze, angles = rng.normal(size=(2, 3)), rng.uniform(-1, 1, 3)
    return {
        "params/identity": rng.normal(size=8),
        "params/expression": rng.uniform(size=5),
        "params/pose": np.tile(0.1 * np.array(angles), (5, 1)),
        "params/albedo": rng.normal(size=3),
        "params/light_sh": rng.normal(size=(9, 3)),
        "params/head_to_camera": rigid(head_rotation(*angles), PLACE),
        "params/yaw_pitch_roll": angles,
        "params/gaze": gaze / np.linalg.norm(gaze, axis=-1, keepdims=True),
    }


def _points(rng, hw, empty):
    """70 points on the ball; those on its far side are hidden."""
    K = camera_of(hw)
    out = rng.normal(size=(70, 3))
    out /= np.linalg.norm(out, axis=-1, keepdims=True)
    points_3d = (PLACE + RADIUS * out).astype(np.float32)
    points_2d = project(K, points_3d.astype(np.float64))
    inside = ((points_2d >= 0) & (points_2d <= hw[::-1])).all(axis=-1)
    near = inside & (np.einsum("nk,nk->n", out, points_3d) < 0) & (not empty)
    visible = near & (rng.uniform(size=70) < 0.7)
    return {
        "camera/K": K,
        "camera/world_to_camera": ROLLED.copy(),
        "landmarks/points_2d": points_2d,
        "landmarks/points_3d": points_3d,
        "landmarks/visible": visible,
        "landmarks/visible_without_hair": near,
        "landmarks/outline_2d": points_2d + 0.5 * (np.arange(70) < 17)[:, None],
        "boxes/face": np.concatenate([points_2d[:68].min(axis=0), points_2d[:68].max(axis=0)]),
        "boxes/head": np.array([0, 1, 5, 6.0]),
    }


def make_manifest(num_records: int, records_per_shard: int, names: tuple[str, ...] = NAMES) -> Manifest:
    """A manifest without shards."""
    return Manifest(
        synth_version="0",
        bpy_version="0",
        device="cpu",
        seed=0,
        num_records=num_records,
        records_per_shard=records_per_shard,
        views_per_identity=2,
        config_hash="0",
        record_keys={"seed": 0, "render.hw": list(HW)},
        passes=pass_rows(names),
        classes=CLASSES,
        landmarks=[],
    )


def make_dataset(
    folder: Path, num_records: int = 7, records_per_shard: int = 3, names: tuple[str, ...] = NAMES, hw=HW
) -> Manifest:
    """A whole dataset in `folder`."""
    manifest = make_manifest(num_records, records_per_shard, names)
    for plan in planned_shards(num_records, records_per_shard):
        records = (make_record(index, hw, names) for index in range(plan.first, plan.first + plan.count))
        manifest.shards.append(write_shard(folder, plan, names, records))
    write_manifest(folder, manifest)
    return manifest


def make_statistical(folder: Path, num_records: int = 3, names: tuple[str, ...] = NAMES) -> Manifest:
    """A dataset of a model whose expressions are standard deviations, of any sign."""
    table = PASSES | STATISTICAL
    manifest = make_manifest(num_records, num_records, names)
    manifest.passes = pass_rows(names, rows=table)
    (plan,) = planned_shards(num_records, num_records)
    records = (make_record(index, names=names) for index in range(num_records))
    manifest.shards.append(write_shard(folder, plan, names, records, table=table))
    write_manifest(folder, manifest)
    return manifest


def update_checksum(folder: Path, manifest: Manifest, number: int) -> None:
    """Make the manifest agree with a shard that a test has changed."""
    row = manifest.shards[number]
    path = folder / row.file
    manifest.shards[number] = type(row)(row.file, row.first, row.count, path.stat().st_size, sha256(path))
    write_manifest(folder, manifest)


def assert_same(ours: Record, theirs: Record) -> None:
    """Equal names, dtypes, shapes and bytes."""
    assert list(ours) == list(theirs)
    for name, array in ours.items():
        other = theirs[name]
        assert (array.dtype, array.shape) == (other.dtype, other.shape), name
        assert array.item() == other.item() if array.dtype == object else array.tobytes() == other.tobytes(), name


def replace(file, name, *args, **kwargs):
    """Another dataset under the name of a pass, with the attributes of the old one."""
    attributes = dict(file[name].attrs)
    del file[name]
    dataset = file.create_dataset(name, *args, track_times=False, **kwargs)
    dataset.attrs.update(attributes)
    return dataset
