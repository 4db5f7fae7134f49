"""What a spec says of shape and pose as params: what the record holds, and what the mesh is made of."""

import numpy as np

from scenes.head.eyes import Eyes, optical_axes
from scenes.head.joints import head_motion, pose_of
from scenes.head.sample import Spec
from synth.geometry import head_rotation, rigid, transform
from synth.models import MorphableModel


def params_of(model: MorphableModel, spec: Spec) -> tuple[dict[str, np.ndarray], Eyes]:
    """Params by pass name, float32 [Ki] and [Ke] and, of a model with joints, [J, 3], with the pose and the gaze as
    float64; and where the eyes are.
    """
    params = _coefficients(model, spec)
    eyes = _eyes(model, spec, params)
    head_to_camera = rigid(head_rotation(*spec.yaw_pitch_roll), np.array(spec.head_translation))
    pose = {
        "params/head_to_camera": head_to_camera,
        "params/yaw_pitch_roll": np.array(spec.yaw_pitch_roll),
        "params/gaze": eyes.directions @ head_to_camera[:3, :3].T,
    }
    return params | pose, eyes


def _coefficients(model: MorphableModel, spec: Spec) -> dict[str, np.ndarray]:
    weights = [spec.expression.get(name, 0.0) for name in model.expression_names]
    pose = pose_of(model, spec.joints)
    params = {"params/identity": np.array(spec.person.identity, np.float32)}
    params["params/expression"] = np.array(weights, np.float32)
    return params if pose is None else params | {"params/pose": pose}


def _eyes(model: MorphableModel, spec: Spec, params: dict[str, np.ndarray]) -> Eyes:
    identity = params["params/identity"]
    centers = model.eyeballs.centers(identity).astype(np.float64)
    if model.rig is not None:
        centers = transform(head_motion(model, identity, params["params/expression"], params["params/pose"]), centers)
    radii = model.eyeballs.radii(identity).astype(np.float64)
    return Eyes(centers, radii, optical_axes(centers, np.array(spec.gaze_target), spec.person.kappa))
