"""300W-LP: OUTPUT/00000000.jpg and OUTPUT/00000000.mat, and their names in OUTPUT/files.txt.

What loaders of 300W-LP and AFLW2000-3D read is there, in their conventions:

pt2d      [2, 68] the points of iBUG in Matlab's pixels: (1, 1) is the centre of the first pixel, so x = u + 0.5.
pt3d_68   [3, 68] the same, and z towards the viewer in pixels, by the weak perspective of Pose_Para.
Pose_Para [1, 7]  pitch, yaw, roll (rad), tx, ty, tz (px), f (px per metre): x = f R S + t with y up, that is
                  (u + 0.5, height + 0.5 - v), and R = R_x(pitch) R_y(yaw) R_z(roll) of 3DDFA. S is a head in
                  metres, +x the subject's left, +y up, +z out of the face. R is exact; f and t fit the 68 points
                  best, because synth's camera is a real one, with perspective. tz is 0.
roi       [1, 4]  the whole image, from 1.

The coefficients are those of synth's model, and NOT the Basel Face Model's: Shape_Para are params/identity in standard
deviations (300W-LP: 199 raw BFM coefficients), Exp_Para params/expression: weights in [0, 1] of ARKit's expressions, or
standard deviations if the model is a statistical one (300W-LP: 29 of FaceWarehouse), Tex_Para params/albedo in standard
deviations, where there are any. Of a model without a basis of identity or expression, Shape_Para or Exp_Para has the
shape [0, 1], and holds nothing. synth.models.load_model(Model) says what they mean. Code that multiplies them with
BFM's bases fails by their number. Against params/yaw_pitch_roll yaw has the other sign, and the factors of R another
order: the angles are equal but for that only where two of them are 0.
"""

from pathlib import Path

import numpy as np

from synth.export.arrays import jpeg, key
from synth.export.formats import Tick, needs_library
from synth.geometry import inverse_rigid, transform
from synth.record import Record
from synth.storage.reader import Dataset

POINTS = 68
COEFFICIENTS = {"Shape_Para": "params/identity", "Exp_Para": "params/expression"}
BFM_FROM_HEAD = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # +x left, +y up, +z out of the face
VIEW_FROM_CAMERA = np.diag([1.0, -1, -1])  # +x right, +y up, +z towards the viewer


def write(dataset: Dataset, folder: Path, tick: Tick) -> None:
    """All records. ValueError without the library scipy, or if coefficients may have been left out."""
    _require_coefficients(dataset)
    with needs_library("300w-lp"):
        from scipy.io import savemat
    model = dataset.manifest.model or {"name": "unknown"}
    names = []
    for record in dataset:
        names.append(key(record))
        (folder / f"{names[-1]}.jpg").write_bytes(jpeg(record["image"]))
        savemat(folder / f"{names[-1]}.mat", fields(record) | {"Model": model["name"]}, do_compression=True)
        tick()
    (folder / "files.txt").write_text("".join(f"{name}\n" for name in names))


def _require_coefficients(dataset: Dataset) -> None:
    """ValueError if records lack coefficients, unless they have all that their model has: then it has no basis."""
    missing = [name for name in COEFFICIENTS.values() if name not in dataset.names]
    asked = dataset.manifest.record_keys.get("output.passes")
    if missing and not (isinstance(asked, list) and ("default" in asked or "all" in asked)):
        raise ValueError(
            f"export 300w-lp: the dataset has no {' and no '.join(missing)}, and was not asked for all that its model "
            "has; render one with 'output.passes=[default]'"
        )


def fields(record: Record) -> dict[str, np.ndarray]:
    """The .mat of a record, float64."""
    height, width = record["image"].shape[:2]
    points_2d = record["landmarks/points_2d"][:POINTS].astype(np.float64) + 0.5
    head_to_camera = record["params/head_to_camera"]
    p_head = transform(inverse_rigid(head_to_camera), record["landmarks/points_3d"][:POINTS].astype(np.float64))
    rotation = VIEW_FROM_CAMERA @ head_to_camera[:3, :3] @ BFM_FROM_HEAD.T
    turned = p_head @ BFM_FROM_HEAD.T @ rotation.T
    f, tx, ty = _weak_perspective(turned, points_2d * [1, -1] + [0, height + 1])
    out = {
        "Pose_Para": np.array([[*angles_3ddfa(rotation), tx, ty, 0, f]]),
        **{name: record.get(source, np.zeros(0))[:, None] for name, source in COEFFICIENTS.items()},
        "pt2d": points_2d.T,
        "pt3d_68": np.column_stack([points_2d, f * turned[:, 2]]).T,
        "roi": np.array([[1, 1, width, height]]),
    }
    if "params/albedo" in record:
        out["Tex_Para"] = record["params/albedo"][:, None]
    return {name: array.astype(np.float64) for name, array in out.items()}


def rotation_3ddfa(pitch: float, yaw: float, roll: float) -> np.ndarray:
    """R [3, 3] = R_x R_y R_z of 3DDFA, whose factors are the transposes of right-handed rotations."""
    (a, b, c), (s, t, r) = np.cos([pitch, yaw, roll]), np.sin([pitch, yaw, roll])
    x = np.array([[1, 0, 0], [0, a, s], [0, -s, a]])
    y = np.array([[b, 0, -t], [0, 1, 0], [t, 0, b]])
    z = np.array([[c, r, 0], [-r, c, 0], [0, 0, 1]])
    return x @ y @ z


def angles_3ddfa(rotation: np.ndarray) -> tuple[float, float, float]:
    """pitch, yaw, roll of `rotation_3ddfa`, yaw in [-pi/2, pi/2]."""
    yaw = -np.arcsin(np.clip(rotation[0, 2], -1, 1))
    pitch = np.arctan2(rotation[1, 2], rotation[2, 2])
    roll = np.arctan2(rotation[0, 1], rotation[0, 0])
    return float(pitch), float(yaw), float(roll)


def _weak_perspective(points: np.ndarray, image_points: np.ndarray) -> tuple[float, float, float]:
    """f, tx, ty with f points[:, :2] + t = image_points, by least squares."""
    flat = points[:, :2] - points[:, :2].mean(axis=0)
    aim = image_points - image_points.mean(axis=0)
    f = (flat * aim).sum() / (flat**2).sum()
    tx, ty = image_points.mean(axis=0) - f * points[:, :2].mean(axis=0)
    return float(f), float(tx), float(ty)
