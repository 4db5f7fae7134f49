"""How good predicted landmarks are: the normalised mean error, by yaw."""

import numpy as np

from synth.geometry import inverse_rigid, normalize, transform, yaw_pitch_roll
from synth.storage.reader import Dataset

POINTS, JAW = 68, 17  # iBUG's points; the first 17 are the jaw, which photographs mark on the outline
BINS = ((0, 30), (30, 60), (60, 180))  # |yaw|, degrees, as of AFLW2000-3D


def nme(found: np.ndarray, points: np.ndarray, first: int = 0) -> np.ndarray:
    """[N] of points [N, 68, 2]: mean distance of points `first` to 67 over the square root of the area of all's box."""
    size = np.sqrt(np.prod(np.ptp(points, axis=1), axis=-1))
    return np.linalg.norm(found - points, axis=-1)[:, first:].mean(axis=-1) / size


def by_yaw(found: np.ndarray, points: np.ndarray, yaw: np.ndarray) -> list[dict[str, float | int | str]]:
    """A row per bin of |yaw| (rad, [N]) that has faces, and one of all: count, NME, NME without the jaw."""
    degrees = np.degrees(np.abs(yaw))
    masks = {f"{low} to {min(high, 90)}": (degrees >= low) & (degrees < high) for low, high in BINS}
    masks["all"] = np.ones(len(yaw), bool)
    whole, inner = nme(found, points), nme(found, points, JAW)
    return [
        {
            "yaw_deg": name,
            "faces": int(mask.sum()),
            "nme": float(whole[mask].mean()),
            "nme_inner": float(inner[mask].mean()),
        }
        for name, mask in masks.items()
        if mask.any()
    ]


def mean_head(dataset: Dataset) -> np.ndarray:
    """The dataset's mean landmarks [68, 3], m, head space: expressions and identities average out."""
    points, poses = dataset.column("landmarks/points_3d"), dataset.column("params/head_to_camera")
    heads = [
        transform(inverse_rigid(pose), p[:POINTS].astype(np.float64)) for pose, p in zip(poses, points, strict=True)
    ]
    return np.mean(heads, axis=0)


def estimated_yaw(points: np.ndarray, head: np.ndarray) -> float:
    """The yaw (rad) at which a head [68, 3] fits image points [68, 2] best, seen from afar: for photographs."""
    affine = np.linalg.lstsq(head - head.mean(axis=0), points - points.mean(axis=0), rcond=None)[0].T  # [2, 3]
    right, down = normalize(affine)
    u, _, v = np.linalg.svd(np.stack([right, down]), full_matrices=False)
    right, down = u @ v  # the nearest pair that is square
    return float(yaw_pitch_roll(np.stack([right, down, np.cross(right, down)]))[0])
