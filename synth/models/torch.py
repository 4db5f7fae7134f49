"""A morphable model as a differentiable torch module: the same vertices from the same params as the numpy one, before
lids are put on the eyeballs (lids.py).

Nothing else imports this module, and torch is no requirement of synth: `uv sync --inexact --extra torch`.
"""

# pyright: reportAttributeAccessIssue=false, reportMissingImports=false
# It takes `torch` for this file, which lies beside itself; and torch need not be installed.

import numpy as np
import torch

from synth.models.morphable import ALBEDO_RANGE, MorphableModel
from synth.models.rig import Rig


class TorchModel(torch.nn.Module):
    """What MorphableModel does, for batches [B, ...] of float32 params; all arrays are buffers, so `.to` moves them."""

    def __init__(self, model: MorphableModel) -> None:
        super().__init__()
        arrays = {
            "mean": model.mean,
            "identity": model.at_vertices(model.identity),
            "expression": model.at_vertices(model.expression),
            "albedo_mean": model.albedo_mean,
            "albedo_basis": model.at_vertices(model.albedo_basis),
            "landmark_triangles": model.landmark_triangles.astype(np.int64),
            "landmark_weights": model.landmark_weights,
            "triangles": model.triangles().astype(np.int64),
        }
        for name, values in arrays.items():
            self.register_buffer(name, torch.from_numpy(np.array(values)))
        self.rig = None if model.rig is None else TorchRig(model.rig)

    def forward(
        self, identity: torch.Tensor, expression: torch.Tensor, pose: torch.Tensor | None = None
    ) -> torch.Tensor:
        """[B, V, 3] (m, head space) for coefficients [B, Ki] (standard deviations), [B, Ke] and a pose [B, J, 3]
        (rotation vectors, rad, head space); None is the rest pose. Raises ValueError for a pose without joints."""
        rest = self.mean + torch.einsum("bk,kvx->bvx", identity, self.identity)
        rest = rest + torch.einsum("bk,kvx->bvx", expression, self.expression)
        if pose is None:
            return rest
        if self.rig is None:
            raise ValueError("the model has no joints; leave the pose out")
        return self.rig(rest, identity, expression, pose)

    def albedo(self, coefficients: torch.Tensor) -> torch.Tensor:
        """Diffuse reflectance [B, V, 3], linear RGB, for coefficients [B, Ka], clipped as MorphableModel does."""
        shift = torch.einsum("bk,kvx->bvx", coefficients, self.albedo_basis)
        return (self.albedo_mean + shift).clamp(*ALBEDO_RANGE)

    def landmarks(self, vertices: torch.Tensor) -> torch.Tensor:
        """The 68 points of iBUG [B, 68, 3] on meshes [B, V, 3]."""
        return (vertices[:, self.landmark_triangles] * self.landmark_weights[..., None]).sum(dim=-2)


class TorchRig(torch.nn.Module):
    """The pose of rig.py: correctives, joints that follow the coefficients, and linear blend skinning."""

    def __init__(self, rig: Rig) -> None:
        super().__init__()
        self.parents = [int(parent) for parent in rig.parents]
        for name in ("joints", "joints_identity", "joints_expression", "weights", "correctives"):
            self.register_buffer(name, torch.from_numpy(np.array(getattr(rig, name))))

    def forward(
        self, rest: torch.Tensor, identity: torch.Tensor, expression: torch.Tensor, pose: torch.Tensor
    ) -> torch.Tensor:
        """[B, V, 3] m for a mesh at rest [B, V, 3] and a pose [B, J, 3]."""
        joints = self.joints + torch.einsum("bk,kjx->bjx", identity, self.joints_identity)
        joints = joints + torch.einsum("bk,kjx->bjx", expression, self.joints_expression)
        turns = rotation_matrices(pose)
        shaped = rest
        if len(self.correctives):
            features = (turns - torch.eye(3, dtype=turns.dtype, device=turns.device)).flatten(1)
            shaped = rest + torch.einsum("bp,pvx->bvx", features, self.correctives)
        rotation, shift = self._motions(joints, turns)
        moved = torch.einsum("bjxy,bvy->bvjx", rotation, shaped) + shift[:, None]
        return (self.weights[None, ..., None] * moved).sum(dim=2)

    def _motions(self, joints: torch.Tensor, turns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rotations [B, J, 3, 3] and shifts [B, J, 3] of points at rest that each joint alone would carry."""
        rotations: list[torch.Tensor] = []
        shifts: list[torch.Tensor] = []
        for j, parent in enumerate(self.parents):
            turn = turns[:, j]
            about = joints[:, j] - torch.einsum("bxy,by->bx", turn, joints[:, j])
            if parent >= 0:
                about = torch.einsum("bxy,by->bx", rotations[parent], about) + shifts[parent]
                turn = rotations[parent] @ turn
            rotations.append(turn)
            shifts.append(about)
        return torch.stack(rotations, dim=1), torch.stack(shifts, dim=1)


def rotation_matrices(vectors: torch.Tensor) -> torch.Tensor:
    """[..., 3, 3] of rotation vectors [..., 3] (rad), with finite derivatives at 0 too."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))
    return torch.linalg.matrix_exp(cross)
