"""The pinhole camera and the spaces around it."""

from dataclasses import dataclass

import numpy as np

from synth.geometry import inverse_rigid, normalize, transform


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera: `uv_px = (K @ p_camera)[:2] / p_camera[2]`, with `p_camera = world_to_camera @ p_world`.

    Camera space is +x right, +y down, +z forward (OpenCV), metres. Image coordinates (u, v) are pixels with
    the origin at the outer corner of the top-left pixel: the centre of [row, col] is (col + 0.5, row + 0.5).
    OpenCV's own drawing and undistortion functions put (0, 0) at the centre of the first pixel: subtract 0.5
    from K's principal point for those.
    """

    K: np.ndarray  # float64 [3, 3], pixels, skew 0
    world_to_camera: np.ndarray  # float64 [4, 4]
    hw: tuple[int, int]

    def project(self, p_world: np.ndarray) -> np.ndarray:
        """World points [..., 3] (m) to image coordinates [..., 2] (px). Points behind the camera are mirrored."""
        return project(self.K, transform(self.world_to_camera, p_world))

    def rays(self) -> np.ndarray:
        """Unit directions [H, W, 3] through the pixel centres, camera space."""
        return normalize(pixel_directions(self.K, self.hw))

    def world_rays(self) -> np.ndarray:
        """Unit directions [H, W, 3] through the pixel centres, world space."""
        return self.rays() @ self.world_to_camera[:3, :3]

    def unproject(self, depth: np.ndarray) -> np.ndarray:
        """Depth map [H, W] (m, inf where no surface) to world points [H, W, 3] (m, not finite there)."""
        with np.errstate(invalid="ignore"):
            p_camera = pixel_directions(self.K, self.hw) * np.asarray(depth, np.float64)[..., None]
            return transform(inverse_rigid(self.world_to_camera), p_camera)


def project(K: np.ndarray, p_camera: np.ndarray) -> np.ndarray:
    """Camera-space points [..., 3] (m) to image coordinates [..., 2] (px)."""
    p = p_camera @ K.T
    return p[..., :2] / p[..., 2:]


def pixel_centers(hw: tuple[int, int]) -> np.ndarray:
    """Image coordinates (u, v) [H, W, 2] of the pixel centres, px."""
    v, u = np.mgrid[: hw[0], : hw[1]] + 0.5
    return np.stack([u, v], axis=-1)


def pixel_directions(K: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    """Camera-space directions [H, W, 3] through the pixel centres, with z = 1."""
    uv = (pixel_centers(hw) - K[:2, 2]) / K[[0, 1], [0, 1]]
    return np.concatenate([uv, np.ones((*hw, 1))], axis=-1)


def pixel_slopes(K: np.ndarray, hw: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """x / z [W] of the rays through the pixel centres of each column and y / z [H, 1] of each row, float32."""
    x = (np.arange(hw[1]) + 0.5 - K[0, 2]) / K[0, 0]
    y = (np.arange(hw[0]) + 0.5 - K[1, 2]) / K[1, 1]
    return x.astype(np.float32), y.astype(np.float32)[:, None]


def intrinsics(focal_px: float, hw: tuple[int, int], offset: tuple[float, float] = (0, 0)) -> np.ndarray:
    """K [3, 3] with square pixels; the principal point is `offset` (u, v), in image widths, from the middle."""
    height, width = hw
    cu, cv = width / 2 + offset[0] * width, height / 2 + offset[1] * width
    return np.array([[focal_px, 0, cu], [0, focal_px, cv], [0, 0, 1.0]])


def look_at(eye: np.ndarray, target: np.ndarray, roll: float = 0.0) -> np.ndarray:
    """world_to_camera [4, 4] of a camera at `eye` that has `target` on its optical axis and world +z up.

    roll > 0 (radians) turns the image's content clockwise. Undefined when looking straight up or down.
    """
    z = normalize(np.asarray(target, float) - eye)
    x = normalize(np.cross(z, [0.0, 0.0, 1.0]))
    y = np.cross(z, x)
    c, s = np.cos(roll), np.sin(roll)
    rotation = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]) @ np.stack([x, y, z])
    out = np.eye(4)
    out[:3, :3], out[:3, 3] = rotation, -rotation @ eye
    return out


def distance_from_depth(depth: np.ndarray, K: np.ndarray) -> np.ndarray:
    """Distance along the ray [H, W] (m) from depth along the optical axis [H, W] (m); inf stays inf."""
    return depth * np.linalg.norm(pixel_directions(K, depth.shape), axis=-1)
