"""The eyeball as one opaque surface: a sphere with the cornea's bulge, in units of its radius.

Eye space: the gaze is -y, +z is up, the origin is the eyeball's centre. The iris lies in a plane behind the
cornea; the shader finds it along the refracted ray, so that depth and normal have one meaning: the cornea's.
"""

from dataclasses import dataclass

import numpy as np

LIMBUS_M = 0.00614  # m: radius of the iris's rim, 6 mm and a little more
CORNEA_M = 0.00814  # m: radius of the cornea's curvature, 7.8 mm and a little more
BEHIND = 0.05  # radii, from the limbus back to the iris


@dataclass(frozen=True, slots=True)
class EyeShape:
    """The front of an eyeball, in its radii: models have eyeballs from 12 to 16 mm, irises are of one size."""

    limbus: float  # radius of the iris's rim
    cornea: float  # radius of curvature

    @property
    def rim(self) -> float:
        """How far in front of the centre the cornea begins."""
        return float(np.sqrt(1 - self.limbus**2))

    @property
    def cornea_center(self) -> float:
        return float(self.rim - np.sqrt(self.cornea**2 - self.limbus**2))

    @property
    def iris_plane(self) -> float:
        return self.rim - BEHIND

    def reach(self, forward: np.ndarray) -> np.ndarray:
        """Radius [N] of the eyeball in directions with these cosines [N] to the gaze: the cornea's sphere where that
        is farther out.
        """
        center = self.cornea_center
        inside = self.cornea**2 - center**2 * (1 - forward**2)
        cornea = center * forward + np.sqrt(np.maximum(inside, 0))
        return np.maximum(np.where(forward > 0, cornea, 0), 1)


def eye_shape(radius: float) -> EyeShape:
    """Of a model whose mean eyeball has this radius (m); in hundredths."""
    limbus = min(round(LIMBUS_M / radius, 2), 0.7)
    return EyeShape(limbus=limbus, cornea=max(min(round(CORNEA_M / radius, 2), 0.9), limbus + 0.05))
