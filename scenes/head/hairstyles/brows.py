"""Brows and lashes as strands, in numpy and head space. Without chance, as hair."""

import numpy as np

from scenes.head.hair import UP, Roots, low_discrepancy
from scenes.head.hairstyles.scalp import smooth
from scenes.head.hairstyles.spec import BrowSpec
from synth.geometry import normalize

POINTS = 5


def grow_brow(spec: BrowSpec, roots: Roots, vertices: np.ndarray, normals: np.ndarray, side: int) -> np.ndarray:
    """Brow hairs float64 [S, POINTS, 3]; side is -1 for the right brow and 1 for the left."""
    outward = side * roots.rest[:, 0]
    s = (outward - outward.min()) / max(np.ptp(outward), 1e-6)  # 0 at the nose, 1 at the temple
    raised = spec.arch * (smooth(s, 0.2, 0.6) * smooth(1.1 - s, 0, 0.4) - 0.4)
    height = roots.rest[:, 2] - _middle(s, roots.rest[:, 2]) - raised
    half = 0.0045 * spec.thickness * (0.75 + 0.5 * np.sin(np.pi * np.clip(0.2 + 0.75 * s, 0, 1)))
    inside = (
        smooth(half - np.abs(height), -0.0012, 0.0006)
        * smooth(spec.tail - s, -0.03, 0.06)
        * (0.35 + 0.65 * smooth(s, 0, 0.14))
    )
    keep = np.flatnonzero(inside > roots.numbers[:, 4])
    roots, s, height = roots.pick(keep), s[keep, None], height[keep, None]
    root, normal = roots.at(vertices), normalize(roots.at(normals))
    bend = np.clip(height / 0.004, -1, 1)
    wish = np.concatenate([side * (0.25 + 1.1 * s), 0 * s, 1.0 - 1.35 * s - 0.55 * bend * smooth(s, 0.1, 0.4)], axis=1)
    wish = normalize(wish) + (0.3 + 0.9 * spec.wild) * (roots.numbers[:, :3] - 0.5)
    flat = normalize(wish - (wish * normal).sum(-1, keepdims=True) * normal)
    length = spec.length * (0.75 + 0.5 * roots.numbers[:, 3:4]) * (1 - 0.35 * s)
    t = np.linspace(0, 1, POINTS)[:, None]
    turned = normalize(flat + np.array([0.35 * side, 0, -0.25]) * s)
    turned = normalize(turned - (turned * normal).sum(-1, keepdims=True) * normal)
    way = t * (1 - 0.4 * t) * flat[:, None] + 0.4 * t * t * turned[:, None]
    lift = normal[:, None] * (0.0012 * t - 0.0007 * t * t)
    return root[:, None] + length[:, None] * way + lift


def _middle(s: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Height [S] of the brow's own line, by a parabola through its roots."""
    return np.polyval(np.polyfit(s, z, 3), s)


def grow_lashes(spec: BrowSpec, margin: np.ndarray, eye: np.ndarray, upper: bool, count: int) -> np.ndarray:
    """Lashes float64 [n, POINTS, 3] along a lid's margin [m, 3] (m), away from the eyeball's centre, in small tufts."""
    count = max(int(count * spec.lash_density), 4)
    length = spec.lash_length if upper else 0.55 * spec.lash_length
    upward = spec.lash_curl if upper else -0.15
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(margin, axis=0), axis=-1))])
    numbers = low_discrepancy(count, 4) - 0.5
    s = np.clip((np.arange(count) + 0.5 + 0.8 * numbers[:, 3]) / count, 0, 1)
    at = (0.06 + 0.92 * s) * along[-1]
    root = np.stack([np.interp(at, along, margin[:, k]) for k in range(3)], axis=-1)
    outward = normalize(normalize(root - eye) + 0.3 * numbers[:, :3])
    tuft = 0.12 * (np.round(count * s / 5) * 5 / count - s)[:, None] * count / 5  # tips lean to one another
    fan = (0.55 * (2 * s[:, None] - 1) + tuft) * normalize(margin[-1] - margin[0])
    heading = normalize(outward + fan)
    reach = length * (1.0 + 0.4 * numbers[:, :1]) * (0.7 + 0.3 * np.sin(np.pi * np.clip(0.12 + 0.8 * s, 0, 1)))[:, None]
    t = np.linspace(0, 1, POINTS)[:, None]
    return root[:, None] + reach[:, None] * (t * heading[:, None] + upward * t * t * UP)
