"""Incident light as spherical harmonics, and equirectangular environments, in Blender's orientation.

Real spherical harmonics of bands 0 to 2, orthonormal over the sphere, in the order
Y00, Y1-1 (y), Y10 (z), Y11 (x), Y2-2 (xy), Y2-1 (yz), Y20 (3z^2 - 1), Y21 (xz), Y22 (x^2 - y^2).
The coefficients are of incident radiance L(w): L(w) ~ sum_k c_k Y_k(w), w pointing towards the light.
The shading of a white Lambertian surface, radiance reflected, is sum_k A_k c_k Y_k(n) / pi with
A = pi, 2 pi / 3, pi / 4 for the bands 0, 1, 2 (Ramamoorthi and Hanrahan 2001, eq. 8).
"""

import numpy as np

from synth.geometry import facing, normalize

BAND_FACTOR = np.array([np.pi, *[2 * np.pi / 3] * 3, *[np.pi / 4] * 5])  # A_k of the nine coefficients


def sh_basis(directions: np.ndarray) -> np.ndarray:
    """Y [..., 9] at unit directions [..., 3]."""
    x, y, z = np.moveaxis(np.asarray(directions, np.float64), -1, 0)
    return np.stack(
        [
            np.full_like(x, 0.28209479177387814),
            0.4886025119029199 * y,
            0.4886025119029199 * z,
            0.4886025119029199 * x,
            1.0925484305920792 * x * y,
            1.0925484305920792 * y * z,
            0.31539156525252005 * (3 * z * z - 1),
            1.0925484305920792 * x * z,
            0.5462742152960396 * (x * x - y * y),
        ],
        axis=-1,
    )


def irradiance(sh: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Irradiance [..., 3] on surfaces with unit normals [..., 3] under the light sh [9, 3]."""
    return (sh_basis(normals) * BAND_FACTOR) @ sh


def constant_sh(radiance: np.ndarray) -> np.ndarray:
    """[9, 3] of the same radiance [3] from everywhere."""
    out = np.zeros((9, 3))
    out[0] = np.asarray(radiance) * np.sqrt(4 * np.pi)
    return out


def environment_directions(hw: tuple[int, int]) -> np.ndarray:
    """World directions [H, W, 3] of the pixel centres of an equirectangular image, as Cycles maps it.

    The image's middle column looks along +x, a quarter to the left of it along +y, the top row up.
    """
    row, col = np.arange(hw[0])[:, None] + 0.5, np.arange(hw[1]) + 0.5
    azimuth, elevation = np.pi * (1 - 2 * col / hw[1]), np.pi * (0.5 - row / hw[0])
    horizontal, out = np.cos(elevation), np.empty((*hw, 3))
    out[..., 0], out[..., 1] = horizontal * np.cos(azimuth), horizontal * np.sin(azimuth)
    out[..., 2] = np.sin(elevation)
    return out


def environment_sh(image: np.ndarray) -> np.ndarray:
    """[9, 3], world space, of an equirectangular image float [H, W, 3]."""
    directions = environment_directions(image.shape[:2])
    row = np.arange(image.shape[0]) / image.shape[0]
    bands = np.sin(np.pi * (0.5 - row)) - np.sin(np.pi * (0.5 - row - 1 / image.shape[0]))  # exact areas
    area = 2 * np.pi / image.shape[1] * bands
    return np.einsum("h,hwk,hwc->kc", area, sh_basis(directions), image)


def environment_radiance(image: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Radiance float32 [..., 3] of an equirectangular image along world directions [..., 3], bilinear."""
    height, width = image.shape[:2]
    x, y, z = np.moveaxis(directions, -1, 0)
    col = (0.5 - np.arctan2(y, x) / (2 * np.pi)) * width - 0.5
    row = np.clip((0.5 - np.arctan2(z, np.hypot(x, y)) / np.pi) * height - 0.5, 0, height - 1)
    c0, r0 = np.floor(col).astype(int), np.floor(row).astype(int)
    fc, fr = (col - c0)[..., None].astype(np.float32), (row - r0)[..., None].astype(np.float32)
    r1 = np.minimum(r0 + 1, height - 1)
    c0, c1 = c0 % width, (c0 + 1) % width
    top = image[r0, c0] * (1 - fc) + image[r0, c1] * fc
    bottom = image[r1, c0] * (1 - fc) + image[r1, c1] * fc
    return top * (1 - fr) + bottom * fr


def rotated_sh(sh: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """The light [9, 3] in another space: directions become `rotation @ w` (rotation [3, 3])."""
    probes = environment_directions((4, 8)).reshape(-1, 3)  # 32 directions determine the 9 coefficients
    return np.linalg.lstsq(sh_basis(probes @ rotation.T), sh_basis(probes) @ sh, rcond=None)[0]


LAMP_SHAPES = ("square", "disk", "ring")
RING_HOLE = 0.72  # inner over outer diameter of a ring


def lamp_tiles(shape: str, size: float, aspect: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A flat lamp cut into tiles: their centres [N, 2] (m, right and up in its plane) and areas [N] (m2).

    size: its width (m), or its diameter; aspect: the height of a square one over its width.
    """
    if shape == "square":
        step = (np.arange(8) + 0.5) / 8 - 0.5
        u, v = np.meshgrid(step * size, step * aspect * size)
        return np.stack([u, v], axis=-1).reshape(-1, 2), np.full(64, size * aspect * size / 64)
    hole, rings = (RING_HOLE, 2) if shape == "ring" else (0.0, 6)
    radius = 0.5 * size * np.sqrt(hole**2 + (np.arange(rings) + 0.5) / rings * (1 - hole**2))  # of equal areas
    angle = 2 * np.pi * (np.arange(32) + 0.5) / 32
    centers = radius[:, None, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return centers.reshape(-1, 2), np.full(32 * rings, np.pi / 4 * size**2 * (1 - hole**2) / (32 * rings))


def area_lamp_sh(
    place: np.ndarray,
    target: np.ndarray,
    size: float,
    watts: np.ndarray,
    at: np.ndarray,
    shape: str = "square",
    aspect: float = 1.0,
) -> np.ndarray:
    """[9, 3], world space, of a flat lamp as seen from the point `at`, tile by tile: one-sided, Lambertian, RGB power
    `watts` [3], facing `target`; size, shape and aspect as in `lamp_tiles`.
    """
    right, up, backward = facing(np.asarray(target, float) - place).T
    centers, areas = lamp_tiles(shape, size, aspect)
    to_lamp = place + centers[:, :1] * right + centers[:, 1:] * up - at
    towards = normalize(to_lamp)
    solid_angle = areas * np.maximum(towards @ backward, 0) / (to_lamp**2).sum(axis=-1)
    radiance = np.asarray(watts) / (np.pi * areas.sum())
    return np.einsum("i,ik->k", solid_angle, sh_basis(towards))[:, None] * radiance


def sun_sh(direction: np.ndarray, irradiance: np.ndarray) -> np.ndarray:
    """[9, 3] of a sun in the unit direction [3]; irradiance [3] on a surface that faces it."""
    return sh_basis(direction)[:, None] * np.asarray(irradiance)
