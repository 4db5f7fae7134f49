"""Teeth are seldom straight: components of the identity that turn and lengthen single teeth.

Every tooth has its own part in every component. So a person's coefficients, normal with deviation 1, turn and lengthen
each tooth normally, by as much as looks like people. None is shifted outward, where some came through closed lips.
"""

from dataclasses import replace

import numpy as np

from synth.models.makehuman.dentition import BEHIND, CHEWS, FRONT, ROWS, TEETH, Tooth, joined, profile_of, turned
from synth.models.makehuman.grid import rounded
from synth.models.makehuman.teeth import JAWS
from synth.models.morphable import MorphableModel

COMPONENTS = 8
SEED = 17
TURN, UP = np.deg2rad(5.0), 0.12  # deviations: about the tooth's axis (rad), along it (mm)
SHARE = (0.2, 1.3, 1.2, 0.6, 0.5, 0.4, 0.4)  # of the turn, from the middle back: those beside the middle turn most
HELD = np.array([0, 0.3, 0.8, *[1.0] * (ROWS - 6), 0.8, 0.3, 0])  # how far gums go with their teeth, by row


def with_crowding(model: MorphableModel) -> MorphableModel:
    """The model with COMPONENTS more of the identity, which move the ribbons of its teeth, its last vertices."""
    moved = np.concatenate([crowded(jaw) for jaw in JAWS], axis=1)
    still = np.zeros((COMPONENTS, len(model.mean) - moved.shape[1], 3))
    unmoved = lambda basis: np.concatenate([basis, np.zeros((COMPONENTS, *basis.shape[1:]), basis.dtype)])
    eyeballs, garment = model.eyeballs, model.garment
    return replace(
        model,
        identity=np.concatenate([model.identity, rounded(np.concatenate([still, moved], axis=1))]),
        identity_names=(*model.identity_names, *(f"teeth-{k}" for k in range(COMPONENTS))),
        eyeballs=replace(
            eyeballs,
            center_identity=unmoved(eyeballs.center_identity),
            radius_identity=unmoved(eyeballs.radius_identity),
        ),
        garment=garment and replace(garment, identity=unmoved(garment.identity)),
        traits={name: unmoved(values) for name, values in model.traits.items()},
    )


def crowded(jaw: str) -> np.ndarray:
    """float64 [COMPONENTS, N, 3] (m, head space): how the components move a jaw's ribbon of N vertices."""
    teeth, share = [*TEETH[jaw][::-1], *TEETH[jaw]], [*SHARE[::-1], *SHARE]
    rng = np.random.default_rng([SEED, jaw == "upper"])
    turn, up = rng.standard_normal((2, len(teeth), COMPONENTS)) / np.sqrt(COMPONENTS)
    moved = [_moved(*each) for each in zip(teeth, TURN * np.array(share)[:, None] * turn, UP * up, strict=True)]
    local = np.moveaxis(joined(moved), 2, 0)  # [COMPONENTS, ROWS, C, 3] along the arch, outward, up
    return 1e-3 * turned(jaw, local).reshape(COMPONENTS, -1, 3)


def _moved(tooth: Tooth, turn: np.ndarray, up: np.ndarray) -> np.ndarray:
    """[ROWS, n + 1, COMPONENTS, 3] (mm along the arch, outward, up) of a tooth's columns, by turns (rad) and ways (mm)
    of the components."""
    u = np.append(BEHIND if tooth.edge > CHEWS else FRONT, 1.0)
    aside = np.broadcast_to(u * tooth.width / 2, (ROWS, len(u)))
    outward = profile_of(tooth, u)[..., 0] + tooth.thickness / 2
    way = np.stack(
        [
            turn * -outward[..., None],
            turn * aside[..., None],
            np.broadcast_to(up, (*aside.shape, COMPONENTS)),
        ],
        axis=-1,
    )
    held = HELD[:, None] * (np.abs(u) < 1)  # what is between two teeth stays
    return held[..., None, None] * way
