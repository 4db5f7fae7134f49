"""The judge for the camera: plates at known points are seen at the pixels that K and OpenCV say.

A plate is a small square parallel to the image plane: its image is a square, whose centroid is its centre's
projection exactly, wherever in the image it lies.
"""

import bpy
import cv2
import numpy as np
import pytest

from synth.blender.materials import diffuse_material
from synth.blender.mesh import add_mesh, move_vertices
from synth.blender.render import Renderer
from synth.camera import Camera, intrinsics, look_at
from synth.config import RenderConfig
from synth.labels.shot import Shot, Surface

GRID, HALF, WINDOW = (2, 4), 2.0, 6  # plates over the image; half an edge and half a window, px
CORNERS = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
EYE, TARGET = np.array([1.0, -2.0, 0.7]), np.array([0.1, 0.3, 0.4])
CAMERAS = {  # hw, focal length (px), principal point off the middle (image widths), roll (rad)
    "wide": ((48, 72), 30.0, (0.0, 0.0), 0.0),
    "tall": ((96, 40), 90.0, (0.0, 0.0), 0.0),
    "shifted": ((48, 72), 80.0, (0.2, -0.15), 0.0),
    "tall and shifted": ((96, 48), 80.0, (-0.3, 0.4), 0.0),
    "odd and rolled": ((51, 77), 60.0, (0.0, 0.0), 0.7),
    "on its head, shifted": ((50, 90), 45.0, (-0.1, 0.2), np.pi - 0.2),
    "telephoto": ((64, 64), 3000.0, (0.05, 0.02), -1.2),
}
BOUND_PX = 0.02  # 1,024 samples of a square of 4 px: its centroid's deviation is 0.005 px


class Trial:
    """What was put where [N, 3] (m), and where it was seen [N, 2] (px)."""

    def __init__(self, hw, focal, offset, roll) -> None:
        self.camera = Camera(intrinsics(focal, hw, offset), look_at(EYE, TARGET, roll), hw)
        self.points = self._points(np.random.default_rng(0))
        self.coverage = self._render()
        self.seen = np.array([_centroid(self.coverage, around) for around in self.expected()])

    def _points(self, rng: np.random.Generator) -> np.ndarray:
        """World points, one in each cell of the image, at random depths."""
        cell = np.array([self.camera.hw[1] / GRID[1], self.camera.hw[0] / GRID[0]])
        u, v = np.meshgrid(np.arange(GRID[1]) + 0.5, np.arange(GRID[0]) + 0.5)
        uv = np.stack([u, v], axis=-1).reshape(-1, 2) * cell + rng.uniform(-1, 1, (8, 2))
        self.depths = rng.uniform(0.6, 3.0, 8)
        K, (R, t) = self.camera.K, (self.camera.world_to_camera[:3, :3], self.camera.world_to_camera[:3, 3])
        p_camera = np.concatenate([uv, np.ones((8, 1))], axis=1) @ np.linalg.inv(K).T * self.depths[:, None]
        return (p_camera - t) @ R

    def _render(self) -> np.ndarray:
        """Soft coverage [H, W] of the plates."""
        renderer = Renderer(RenderConfig(hw=list(self.camera.hw), spp=1024, denoise=False, max_bounces=0))
        edge = (HALF * self.depths / self.camera.K[0, 0])[:, None, None]
        corners = (self.points[:, None] + edge * CORNERS @ self.camera.world_to_camera[:3, :3]).reshape(-1, 3)
        triangles = (4 * np.arange(8)[:, None, None] + np.array([[0, 1, 2], [0, 2, 3]])).reshape(-1, 3)
        plates = add_mesh(bpy.context.scene, "plates", corners, triangles, 1)
        plates.data.materials.append(diffuse_material("white", (1, 1, 1)))
        move_vertices(plates.data, corners, np.broadcast_to(-self.camera.world_to_camera[2, :3], corners.shape))
        surface = Surface(points=corners, triangles=triangles, segmentation=np.ones(len(triangles), np.uint8))
        background = np.zeros((*self.camera.hw, 3), np.float32)
        return renderer.render(Shot(camera=self.camera, surfaces={1: surface}, background=background)).coverage[..., 0]

    def expected(self) -> np.ndarray:
        """The points' pixels [N, 2], by OpenCV."""
        rotation, _ = cv2.Rodrigues(self.camera.world_to_camera[:3, :3])
        flat, _ = cv2.projectPoints(self.points, rotation, self.camera.world_to_camera[:3, 3], self.camera.K, None)
        return flat[:, 0]


def _centroid(coverage: np.ndarray, around: np.ndarray) -> np.ndarray:
    """The centroid (u, v) of what is covered near a point: the centre of [row, col] is (col + 0.5, row + 0.5)."""
    row, col = np.mgrid[: coverage.shape[0], : coverage.shape[1]]
    weight = _window(coverage, around)
    return np.array([(weight * (col + 0.5)).sum(), (weight * (row + 0.5)).sum()]) / weight.sum()


def _window(coverage: np.ndarray, around: np.ndarray) -> np.ndarray:
    """What is covered near a point (u, v), and 0 elsewhere."""
    row, col = np.mgrid[: coverage.shape[0], : coverage.shape[1]] + 0.5
    return np.where((np.abs(col - around[0]) < WINDOW) & (np.abs(row - around[1]) < WINDOW), coverage, 0)


@pytest.fixture(scope="module", params=CAMERAS)
def trial(request) -> Trial:
    return Trial(*CAMERAS[request.param])


def test_points_are_seen_where_opencv_projects_them_with_our_k(trial):
    assert np.linalg.norm(trial.seen - trial.expected(), axis=-1).max() < BOUND_PX


def test_our_projection_is_opencvs(trial):
    np.testing.assert_allclose(trial.camera.project(trial.points), trial.expected(), atol=1e-6)


def test_in_opencvs_images_it_is_half_a_pixel_less(trial):
    """They have (0, 0) at the centre of the first pixel: K for them is ours less half a pixel, as the README says."""
    K = trial.camera.K - np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
    rotation, _ = cv2.Rodrigues(trial.camera.world_to_camera[:3, :3])
    flat, _ = cv2.projectPoints(trial.points, rotation, trial.camera.world_to_camera[:3, 3], K, None)
    for (u, v), around in zip(flat[:, 0], trial.expected(), strict=True):
        found = cv2.moments(_window(trial.coverage, around))
        np.testing.assert_allclose([found["m10"] / found["m00"], found["m01"] / found["m00"]], [u, v], atol=BOUND_PX)
