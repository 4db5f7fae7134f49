"""Linear meshes, and the linear morphable model of a head.

Head space: metres, right-handed, +z up, the face looks along -y, the subject's left is +x. The origin
is the midpoint between the two eyeball centres of the mean. Arrays are float32 unless said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from synth.models.lids import on_eyeballs
from synth.models.rig import Rig, pose_vertices
from synth.models.subdivision import Refinement, refine
from synth.models.surface import closest_points

ALBEDO_RANGE = (0.01, 0.95)  # no real surface is black or a perfect reflector
FINE, MOST_LEVELS = 30_000, 2  # vertices of a mesh that is fine enough for a photograph; levels that lead there


@dataclass(kw_only=True, slots=True, eq=False)
class LinearMesh:
    """A mesh whose vertices are mean + A_id a_id + A_exp a_exp.

    The bases of a subdivided mesh stay at the V0 vertices from before, and what they sum up to goes through the steps
    of subdivision, which are linear: a fourth of the memory. Elsewhere V0 is V.
    Quads are split into the triangles (0, 1, 2) and (0, 2, 3), everywhere; a quad whose last index
    repeats is one triangle.
    """

    mean: np.ndarray  # [V, 3] m, head space
    identity: np.ndarray  # [Ki, V0, 3] m per standard deviation
    expression: np.ndarray  # [Ke, V0, 3] m at weight 1
    faces: np.ndarray  # int32 [F, 4], counter-clockwise from outside; a triangle repeats its last index
    uv: np.ndarray  # [F, 4, 2] per corner, in [0, 1]
    part: np.ndarray  # uint8 [F], segmentation class
    steps: tuple[Refinement, ...] = ()  # from V0 to V vertices

    def vertices(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        """[V, 3] (m) for coefficients [Ki] (standard deviations) and weights [Ke].

        Summed one basis after the other, without BLAS: the same bytes on every machine.
        """
        return self._moved(self.mean, (self.identity, identity), (self.expression, expression))

    def at_vertices(self, basis: np.ndarray) -> np.ndarray:
        """A basis [K, V0, 3] of this mesh at all its vertices [K, V, 3]."""
        for step in self.steps:
            basis = step.basis(basis)
        return basis

    def triangles(self) -> np.ndarray:
        """int32 [T, 3], counter-clockwise from outside, in the order of the faces."""
        return self._split(self.faces)

    def triangle_uv(self) -> np.ndarray:
        """[T, 3, 2], per corner of each triangle."""
        return self._split(self.uv)

    def triangle_part(self) -> np.ndarray:
        """uint8 [T], segmentation class of each triangle."""
        return np.repeat(self.part, 2)[self._is_triangle()]

    def subdivided(self, levels: int | None) -> Self:
        """The Catmull-Clark subdivision, itself linear; vertex i of this mesh stays vertex i. None: `fine_level`."""
        mesh = self
        for _ in range(fine_level(len(self.mean)) if levels is None else levels):
            step = refine(mesh.faces, len(mesh.mean))
            mesh = replace(mesh, **mesh._refined(step), steps=(*mesh.steps, step))
        return mesh

    def _moved(self, mean: np.ndarray, *bases: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """mean [V, 3] + the sum of bases [K, V0, 3], each times its coefficients [K]."""
        move = np.zeros_like(mean[: bases[0][0].shape[1]])
        for basis, coefficients in bases:
            move = combine(move, basis, coefficients)
        for step in self.steps:
            move = step(move)
        return mean + move

    def _is_triangle(self) -> np.ndarray:
        """bool [2 F]: which halves of the faces are triangles (a triangle's second half is not)."""
        return np.stack([np.ones(len(self.faces), bool), self.faces[:, 2] != self.faces[:, 3]], 1).ravel()

    def _split(self, corners: np.ndarray) -> np.ndarray:
        """Per-corner values [F, 4, ...] to [T, 3, ...]."""
        halves = np.stack([corners[:, (0, 1, 2)], corners[:, (0, 2, 3)]], axis=1)
        return halves.reshape(-1, 3, *corners.shape[2:])[self._is_triangle()]

    def _refined(self, refinement: Refinement) -> dict[str, Any]:
        """The fields that once subdividing the mesh changes."""
        return {
            "mean": refinement(self.mean),
            "faces": refinement.faces,
            "uv": refinement.corners(self.uv),
            "part": self.part[refinement.parent],
        }


@dataclass(kw_only=True, slots=True, eq=False)
class Eyeballs:
    """Two spheres, the subject's right eye first, linear in the identity."""

    center: np.ndarray  # [2, 3] m, head space
    center_identity: np.ndarray  # [Ki, 2, 3] m per standard deviation
    radius: np.ndarray  # [2] m
    radius_identity: np.ndarray  # [Ki, 2] m per standard deviation
    axis: np.ndarray  # [2, 3] unit, neutral gaze

    def centers(self, identity: np.ndarray) -> np.ndarray:
        """[2, 3] (m, head space) for coefficients [Ki]."""
        return combine(self.center, self.center_identity, identity)

    def radii(self, identity: np.ndarray) -> np.ndarray:
        """[2] (m) for coefficients [Ki]."""
        return combine(self.radius, self.radius_identity, identity)


@dataclass(kw_only=True, slots=True, eq=False)
class MorphableModel(LinearMesh):
    """A linear model of heads: shape, expression, albedo, and what is attached to the surface.

    Of an imported model `supplied` names what its source was without and synth has added, `lacks` what is missing
    still; bare.py says how gaps are written down in the arrays.
    """

    name: str
    licence: str
    source: str
    unit: str = "m"
    identity_names: tuple[str, ...]  # [Ki]
    expression_names: tuple[str, ...]  # [Ke]
    albedo_mean: np.ndarray  # [V, 3] diffuse reflectance, linear RGB of sRGB's primaries
    albedo_basis: np.ndarray  # [Ka, V0, 3] per standard deviation
    landmark_triangles: np.ndarray  # int32 [68, 3] vertices; iBUG's order
    landmark_weights: np.ndarray  # [68, 3] barycentric
    eyeballs: Eyeballs
    garment: LinearMesh | None = None  # driven by the same coefficients
    regions: dict[str, np.ndarray] = field(default_factory=dict)  # name -> [V] soft mask in [0, 1]
    paths: dict[str, np.ndarray] = field(default_factory=dict)  # name -> int32 [n] vertices in order
    traits: dict[str, np.ndarray] = field(default_factory=dict)  # name -> [1 + Ki] mean, change per standard deviation
    layers: dict[str, LinearMesh] = field(default_factory=dict)  # the source's eyes, lashes, tear film: not of the skin
    rig: Rig | None = None  # joints, if the source has any
    lacks: tuple[str, ...] = ()  # "teeth", "regions/scalp", ...
    supplied: tuple[str, ...] = ()  # "landmarks", "parts", ...
    expression_unit: str = "weight"  # or "standard deviation": what 1 is in the expression coefficients
    sigma: str = ""  # what the source's file says of its standard deviations, and what was made of it
    source_unit: str = ""  # of length, in the source's file
    source_sha256: str = ""  # "NAME SHA256, ..." of the files read, or of many "COUNT files SHA256", see containers.py
    source_to_head: np.ndarray | None = None  # float64 [4, 4], p_head = source_to_head @ p_source: turn, scale, shift
    source_vertices: np.ndarray | None = None  # int32 [V] the source's own number of each vertex

    def posed(self, identity: np.ndarray, expression: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """[V, 3] (m) for coefficients [Ki] and [Ke] and a pose [J, 3] (rotation vectors, rad, head space)."""
        if self.rig is None:
            raise ValueError(f"the model {self.name} has no joints; leave the pose out, and use vertices()")
        rest = self.vertices(identity, expression)
        return pose_vertices(self.rig, rest, self.rig.positions(identity, expression), pose)

    @property
    def shaping_passes(self) -> tuple[str, ...]:
        """The passes of a record that `rebuilt` cannot do without."""
        has = {"identity": len(self.identity), "expression": len(self.expression), "pose": self.rig is not None}
        return tuple(f"params/{name}" for name, there in has.items() if there)

    def rebuilt(self, params: Mapping[str, np.ndarray]) -> np.ndarray:
        """[V, 3] (m, head space): the mesh of a record, from its params/identity and params/expression, and
        params/pose if the model has joints. With params/gaze and params/head_to_camera its lids are on the eyeballs
        as they are in the image; without, some are up to 3 mm off, and more where no skin is seen. Coefficients of a
        basis that the model has not are no pass.
        """
        none = np.zeros(0, np.float32)
        identity = params["params/identity"] if len(self.identity) else none
        expression = params["params/expression"] if len(self.expression) else none
        if self.rig is not None:
            return self.posed(identity, expression, params["params/pose"])
        vertices = self.vertices(identity, expression)
        if not {"params/gaze", "params/head_to_camera"} <= set(params):
            return vertices
        directions = params["params/gaze"].astype(np.float64) @ params["params/head_to_camera"][:3, :3]
        return on_eyeballs(self, vertices, identity, directions)

    def albedo(self, coefficients: np.ndarray) -> np.ndarray:
        """Diffuse reflectance [V, 3], linear RGB, for coefficients [Ka], clipped to ALBEDO_RANGE."""
        return np.clip(self._moved(self.albedo_mean, (self.albedo_basis, coefficients)), *ALBEDO_RANGE)

    def trait(self, name: str, identity: np.ndarray) -> float | None:
        """What coefficients [Ki] say of a trait ("male", "old", "child"): about 0 to 1; None if the model is silent."""
        if name not in self.traits:
            return None
        return float(combine(self.traits[name][:1], self.traits[name][1:, None], identity)[0])

    def landmarks(self, vertices: np.ndarray) -> np.ndarray:
        """The 68 points of iBUG [68, 3] on a mesh with vertices [V, 3], 3D-style jaw."""
        corners = vertices[self.landmark_triangles]
        return (corners * self.landmark_weights[..., None].astype(corners.dtype)).sum(axis=1)

    def pncc(self) -> np.ndarray:
        """[V, 3] in [0, 1]: the mean, min-max normalised per axis over all vertices of this mesh."""
        low, high = self.mean.min(axis=0), self.mean.max(axis=0)
        return (self.mean - low) / (high - low)

    def _refined(self, refinement: Refinement) -> dict[str, Any]:
        # Not super(): a dataclass with slots is a second class, which a bare super() does not know.
        mesh = LinearMesh._refined(self, refinement)
        triangles, weights = self._refined_landmarks(refinement, mesh["mean"])
        return mesh | {
            "albedo_mean": refinement(self.albedo_mean),
            "landmark_triangles": triangles,
            "landmark_weights": weights,
            "garment": self.garment and self.garment.subdivided(1),
            "regions": {name: refinement(mask) for name, mask in self.regions.items()},
            "paths": {name: _refined_path(path, refinement) for name, path in self.paths.items()},
            "layers": {name: layer.subdivided(1) for name, layer in self.layers.items()},
            "rig": self.rig and _refined_rig(self.rig, refinement),
            "source_vertices": None,
        }

    def _refined_landmarks(self, refinement: Refinement, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each landmark's closest point on the refined mean, on faces that come from its own.

        Searching the whole surface would let a point of one lip end up on the other.
        """
        points = self.landmarks(self.mean)
        triangles, weights = np.zeros_like(self.landmark_triangles), np.zeros_like(self.landmark_weights)
        for k, (corners, weight) in enumerate(zip(self.landmark_triangles, self.landmark_weights, strict=True)):
            if not weight.any():
                continue  # a landmark that the model lacks
            near = np.isin(self.faces, corners[weight > 0]).any(axis=1)
            quads = refinement.faces[near[refinement.parent]]
            around = np.concatenate([quads[:, (0, 1, 2)], quads[:, (0, 2, 3)]])
            row, weights[k] = closest_points(points[k], mean[around])
            triangles[k] = around[row]
        return triangles, weights


def fine_level(vertices: int) -> int:
    """The levels of subdivision that give a mesh of so many vertices some FINE of them: none to a dense scan's."""
    return max((n for n in range(1, MOST_LEVELS + 1) if vertices * 4**n <= FINE), default=0)


def combine(mean: np.ndarray, basis: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """mean [...] + sum of coefficients [K] times basis [K, ...], in order, in float32, without BLAS."""
    if len(coefficients) != len(basis):
        raise ValueError(f"the model takes {len(basis)} coefficients, got {len(coefficients)}")
    out, term = mean.copy(), np.empty_like(mean)
    for coefficient, direction in zip(np.asarray(coefficients, np.float32), basis, strict=True):
        if coefficient != 0:
            out += np.multiply(direction, coefficient, out=term)
    return out


def _refined_path(path: np.ndarray, refinement: Refinement) -> np.ndarray:
    """A path along edges, with the new vertex of each edge between its ends."""
    out = np.empty(2 * len(path) - 1, dtype=np.int32)
    out[::2], out[1::2] = path, refinement.edge_vertices(path[:-1], path[1:])
    return out


def _refined_rig(rig: Rig, refinement: Refinement) -> Rig:
    """The same joints for the refined vertices, whose weights and correctives lie between those of the old ones."""
    return replace(rig, weights=refinement(rig.weights), correctives=refinement.basis(rig.correctives))
