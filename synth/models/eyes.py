"""Eyeballs for a model that has none: where a whole model's lie in its lids, and as the lids move with identity."""

import numpy as np

from synth.geometry import transform
from synth.models.correspondence import Correspondence
from synth.models.morphable import Eyeballs, MorphableModel
from synth.models.registration import similarity


def fitted_eyeballs(model: MorphableModel, link: Correspondence) -> tuple[Eyeballs, float]:
    """Two spheres that lie in the model's lids as the reference's lie in its own, and the root mean square distance
    (m) of the lids from the similarities that say so."""
    parts, off = zip(*(_eye(model, link, side) for side in range(2)), strict=True)
    center, center_identity, radius, radius_identity = (np.stack(values) for values in zip(*parts, strict=True))
    eyes = Eyeballs(
        center=center.astype(np.float32),
        center_identity=center_identity.swapaxes(0, 1).astype(np.float32),
        radius=radius.astype(np.float32),
        radius_identity=radius_identity.swapaxes(0, 1).astype(np.float32),
        axis=link.reference.eyeballs.axis,
    )
    return eyes, float(np.sqrt(np.mean(np.square(off))))


def _eye(model: MorphableModel, link: Correspondence, side: int) -> tuple[tuple[np.ndarray, ...], float]:
    """Centre [3], its identity basis [K, 3], radius [], its basis [K] of one eye, and the lids' residual (m)."""
    reference, own = link.reference, link.reference.eyeballs
    lids = _lids(link, side)
    weights = reference.regions["eyelids"][lids].astype(np.float64)
    before, after = reference.mean[lids], link.laid.vertices[lids]
    place = similarity(before, after, weights)
    scale = np.cbrt(np.linalg.det(place[:3, :3]))
    off = np.linalg.norm(transform(place, before) - after, axis=1)
    center = transform(place, own.center[side].astype(np.float64)[None])[0]
    radius = _radius(link, side, center, scale * float(own.radius[side]))
    feet = link.on_model(after, link.laid_normals[lids])
    corners = link.skin.triangles[feet.triangle]
    identity = model.at_vertices(model.identity)[:, corners].astype(np.float64)
    basis = np.einsum("nc,kncx->knx", feet.weights, identity)
    moves, rates = _similar_motion(feet.points, basis, weights, center)
    return (center, moves, np.array(radius), rates * radius), float(np.sqrt(weights @ off**2 / weights.sum()))


def _lids(link: Correspondence, side: int) -> np.ndarray:
    """int [n]: the fitted vertices of the reference's lids of one eye."""
    own = link.reference.eyeballs
    near, other = (np.linalg.norm(link.reference.mean - own.center[k], axis=1) for k in (side, 1 - side))
    outside = near > 1.02 * own.radius[side]  # without what is behind the lids
    is_lid = (link.reference.regions["eyelids"] > 0.05) & (near < other) & outside
    return link.used[is_lid[link.used]]


def _radius(link: Correspondence, side: int, center: np.ndarray, guess: float) -> float:
    """The radius (m) that is to the margins' distance from the centre as the reference's is, within a tenth."""
    name, own = ("right", "left")[side], link.reference.eyeballs
    paths = [path for key, path in link.reference.paths.items() if key.startswith(name)]
    if not paths:
        return guess
    margin = np.concatenate(paths)
    before = np.linalg.norm(link.reference.mean[margin] - own.center[side], axis=1) / own.radius[side]
    feet = link.on_model(link.laid.vertices[margin], link.laid_normals[margin])
    after = np.linalg.norm(feet.points - center, axis=1)
    return float(np.clip(np.median(after / before), 0.9 * guess, 1.1 * guess))


def _similar_motion(
    points: np.ndarray, motions: np.ndarray, weights: np.ndarray, center: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How a place [3] moves, [K, 3], and grows per unit, [K], with points [n, 3] that move by [K, n, 3]: the nearest
    infinitesimal similarity, by weighted least squares."""
    w = weights / weights.sum()
    middle = w @ points
    arms, mean = points - middle, np.einsum("n,knx->kx", w, motions)
    rates = np.einsum("n,nx,knx->k", w, arms, motions) / (w @ (arms**2).sum(axis=1))
    inertia = (w @ (arms**2).sum(axis=1)) * np.eye(3) - np.einsum("n,nx,ny->xy", w, arms, arms)
    torque = np.einsum("n,knx->kx", w, np.cross(arms[None], motions - mean[:, None]))
    spin = np.linalg.solve(inertia, torque.T).T
    arm = center - middle
    return mean + rates[:, None] * arm + np.cross(spin, arm), rates
