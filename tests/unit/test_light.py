"""Laws of spherical harmonics, environments and lamps."""

import numpy as np

from synth.geometry import head_rotation, normalize
from synth.labels.light import (
    area_lamp_sh,
    constant_sh,
    environment_directions,
    environment_radiance,
    environment_sh,
    irradiance,
    rotated_sh,
    sh_basis,
)


def sphere_area(hw: tuple[int, int]) -> np.ndarray:
    """Solid angle [H, 1] of the pixels of an equirectangular image."""
    edges = np.cos(np.pi * np.arange(hw[0] + 1) / hw[0])
    return (edges[:-1] - edges[1:])[:, None] * 2 * np.pi / hw[1]


def test_the_basis_is_orthonormal_over_the_sphere():
    hw = (256, 512)
    Y = sh_basis(environment_directions(hw))
    np.testing.assert_allclose(np.einsum("hw,hwk,hwl->kl", sphere_area(hw) + np.zeros(hw), Y, Y), np.eye(9), atol=1e-4)


def test_constant_light_has_irradiance_pi_times_its_radiance(rng):
    normals = normalize(rng.normal(size=(6, 3)))
    np.testing.assert_allclose(
        irradiance(constant_sh(np.array([1, 2, 3.0])), normals), np.pi * np.ones((6, 1)) * [1, 2, 3]
    )


def test_an_environment_of_one_colour_is_constant_light():
    np.testing.assert_allclose(environment_sh(np.ones((128, 256, 3))), constant_sh(np.ones(3)), atol=1e-3)


def test_an_environment_is_looked_up_where_its_directions_point(rng):
    image = rng.random((8, 16, 3)).astype(np.float32)
    np.testing.assert_allclose(environment_radiance(image, environment_directions((8, 16))), image, atol=1e-5)


def test_rotating_the_light_rotates_the_radiance(rng):
    sh = rng.normal(size=(9, 3))
    rotation = head_rotation(0.4, -0.3, 0.9)
    w = normalize(rng.normal(size=(7, 3)))
    np.testing.assert_allclose(sh_basis(w @ rotation.T) @ rotated_sh(sh, rotation), sh_basis(w) @ sh, atol=1e-10)


def test_a_small_far_lamp_has_the_irradiance_of_its_power():
    place, watts = np.array([0.0, -2.0, 0.0]), np.array([10.0, 20, 30])
    sh = area_lamp_sh(place, np.zeros(3), 0.02, watts, at=np.zeros(3))
    flux = sh[0] * np.sqrt(4 * np.pi)  # radiance times solid angle
    np.testing.assert_allclose(flux, watts / (np.pi * 4), rtol=1e-3)


def test_a_lamp_lights_nothing_behind_it():
    sh = area_lamp_sh(np.array([0.0, -2, 0]), np.array([0.0, -4, 0]), 0.2, np.ones(3), at=np.zeros(3))
    np.testing.assert_array_equal(sh, 0)
