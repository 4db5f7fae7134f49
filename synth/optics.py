"""What makes a lens and a shutter more than a pinhole: drawn per record, seen in the image, and in no label."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ApertureSpec:
    """A thin lens: what is not at its focus is out of focus."""

    f_stop: float  # of a lens over a 36 mm wide image, whose focal length is K's
    focus: float  # m, depth of the plane that is sharp
    blades: int  # of the diaphragm; 0 is a circle
    rotation: float  # rad, of the blades


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionSpec:
    """How the camera moves, evenly, while the shutter is open. The labelled camera is that of mid-exposure."""

    shift: tuple[float, float, float]  # m, camera space
    turn: tuple[float, float, float]  # rad, a rotation vector in camera space
