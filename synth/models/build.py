"""A morphable model from meshes: registration, where they are not in correspondence yet, alignment, then PCA.

The curves are those of M. Styner et al., "Evaluation of 3D correspondence methods for model building", 2003. All of
them follow from the inner products of the meshes, so that nothing is decomposed more than once over the vertices.
"""

import json
import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from synth.geometry import transform, vertex_normals
from synth.install import to_install
from synth.models.bare import bare_model
from synth.models.correspondence import WORST
from synth.models.importers.containers import sha256_of
from synth.models.meshes import Mesh, mesh_files, metres_per_unit, read_mesh, read_meshes
from synth.models.morphable import MorphableModel
from synth.models.proximity import Surface
from synth.models.registration import nicp, similarity

ROUNDS = 10  # of Procrustes alignment, at most
STILL = 1e-9  # m: the mean moves by less in the last
DRAWS, SEED = 500, 20260101  # faces drawn for the specificity
SPREAD = 1500  # points that a scan is placed by


@dataclass(kw_only=True, slots=True)
class Curves:
    """What a model of M = 1, 2, ... components does; lists over M. Distances are root mean square per vertex."""

    explained: list[float]  # share of the variance, of component M alone
    compactness: list[float]  # of the first M together
    generalisation: list[float]  # m: what M components of all meshes but one leave of that one
    specificity: list[float]  # m: from a face drawn with M components to the closest mesh


def build_model(folder: Path, name: str, template: Path | None, components: int) -> tuple[MorphableModel, Curves]:
    """A model of the meshes in a folder (OBJ, PLY, NPZ), with gaps (bare.py) in all but shape, and its curves.

    Without a template they must be in correspondence: the same faces, vertex by vertex. With one, a mesh file, each is
    a scan that the template is laid onto. The licence is the user's to state. Raises ValueError where a file is no
    mesh, meshes disagree, or there are no more of them than components.
    """
    meshes = read_meshes(folder)
    if not 1 <= components < len(meshes):
        raise ValueError(f"components must be in [1, {len(meshes) - 1}], one less than the meshes, got {components}")
    faces, stack = _in_correspondence(meshes) if template is None else _registered(meshes, read_mesh(template)[0])
    aligned = procrustes(stack)
    mean, basis, curves = principal_model(aligned, components)
    share = curves.compactness[components - 1]
    model = bare_model(
        mean,
        basis,
        faces,
        name=name,
        licence="as the meshes'",
        source=f"{len(meshes)} meshes, {components} components, {share:.2%} of the variance",
    )
    return replace(model, source_sha256=sources_sha256(folder, template)), curves


def sources_sha256(folder: Path, template: Path | None) -> str:
    """`source_sha256` of a model of the meshes in a folder and a template."""
    return sha256_of(mesh_files(folder) + ([] if template is None else [template]))


def _in_correspondence(meshes: list[Mesh]) -> tuple[np.ndarray, np.ndarray]:
    """Faces [F, 3 or 4] and vertices float64 [N, V, 3] (m); all in the unit of the first."""
    first = meshes[0]
    for mesh in meshes:
        if mesh.vertices.shape != first.vertices.shape or not np.array_equal(mesh.faces, first.faces):
            raise ValueError(
                f"{mesh.path.name} and {first.path.name} are not in correspondence: they must have the same faces; "
                "give a template to register them"
            )
    return first.faces, np.stack([mesh.vertices for mesh in meshes]) * metres_per_unit(first.vertices)


def _registered(meshes: list[Mesh], template: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """The template's faces, and its vertices [N, V, 3] (m) laid onto each scan."""
    mean = template.vertices * metres_per_unit(template.vertices)
    laid = [laid_onto(mean, template.faces, mesh) for mesh in meshes]
    return template.faces, np.stack(laid)


def laid_onto(mean: np.ndarray, faces: np.ndarray, scan: Mesh) -> np.ndarray:
    """float64 [V, 3] (m, the template's axes): a template [V, 3] with faces [F, 3 or 4] laid onto a scan."""
    from synth.models.alignment import align

    triangles = split(faces)
    points = scan.vertices * metres_per_unit(scan.vertices)
    scan_triangles = split(scan.faces)
    normals = vertex_normals(points, scan_triangles)
    used = np.unique(scan_triangles)
    some = used[np.random.default_rng(SEED).permutation(len(used))[:SPREAD]]
    place, _ = align(points[some], normals[some], Surface(mean, triangles), (mean.mean(axis=0),))
    rigid_part = place.copy()
    rigid_part[:3, :3] /= np.cbrt(np.linalg.det(place[:3, :3]))  # the scan's size is part of its shape
    center = points[some].mean(axis=0)
    rigid_part[:3, 3] = transform(place, center[None])[0] - rigid_part[:3, :3] @ center
    surface = Surface(transform(rigid_part, points), scan_triangles)
    off = float(np.median(Surface(mean, triangles).closest(transform(place, points[some])).distance))
    if off > WORST:
        raise ValueError(
            f"{scan.path.name} does not lie on the template: half of it is more than {off:.3g} m off, {WORST} m are "
            "allowed; take it out, or bring it into the template's place"
        )
    return nicp(mean, triangles, surface).vertices


def split(faces: np.ndarray) -> np.ndarray:
    """int [T, 3] of faces [F, 3 or 4]; a quad whose last vertex repeats is one triangle."""
    if faces.shape[1] == 3:
        return faces
    second = faces[:, (0, 2, 3)][faces[:, 2] != faces[:, 3]]
    return np.concatenate([faces[:, :3], second])


def procrustes(stack: np.ndarray) -> np.ndarray:
    """Meshes [N, V, 3] moved and turned, not scaled, onto their common mean; it keeps the place of the first."""
    aligned, mean = stack, stack[0]
    for _ in range(ROUNDS):
        aligned = np.stack([transform(similarity(mesh, mean, scale=False), mesh) for mesh in aligned])
        before, mean = mean, aligned.mean(axis=0)
        mean = transform(similarity(mean, stack[0], scale=False), mean)
        if np.abs(mean - before).max() < STILL:
            break
    return np.stack([transform(similarity(mesh, mean, scale=False), mesh) for mesh in aligned])


def principal_model(stack: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray, Curves]:
    """Mean [V, 3], basis [components, V, 3] (m per standard deviation) and curves of meshes [N, V, 3] (m).

    The variance is the unbiased one, over N - 1.
    """
    flat = stack.reshape(len(stack), -1)
    mean = flat.mean(axis=0)
    centered = flat - mean
    gram = centered @ centered.T
    value, vector = _eigen(gram)
    if value[components - 1] <= 1e-12 * value[0]:
        rank = int((value > 1e-12 * value[0]).sum())
        raise ValueError(f"components must be at most {rank}, of which the meshes differ, got {components}")
    basis = (vector[:, :components] / np.sqrt(value[:components])).T @ centered
    sigma = np.sqrt(value[:components] / (len(stack) - 1))
    sign = np.sign((basis**3).sum(axis=1))
    basis *= (sigma * np.where(sign == 0, 1, sign))[:, None]
    shape = stack.shape[1:]
    return mean.reshape(shape), basis.reshape(components, *shape), curves_of(gram, stack.shape[1], components)


def curves_of(gram: np.ndarray, num_vertices: int, components: int) -> Curves:
    """The curves up to `components` of N centred meshes by their inner products [N, N] (m^2)."""
    value, vector = _eigen(gram)
    share = value / value.sum()
    most = components
    places = vector * np.sqrt(value)  # [N, N - 1]: each mesh in the axes of the components, m
    return Curves(
        explained=share[:most].tolist(),
        compactness=np.cumsum(share)[:most].tolist(),
        generalisation=np.sqrt(_left_out(gram, most) / num_vertices).tolist(),
        specificity=[float(_nearest(places, value, m).mean() / np.sqrt(num_vertices)) for m in range(1, most + 1)],
    )


def _eigen(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The N - 1 greatest eigenvalues, falling and not negative, and their vectors [N, N - 1]."""
    value, vector = np.linalg.eigh(gram)
    return np.maximum(value[:0:-1], 0), vector[:, :0:-1]


def _left_out(gram: np.ndarray, most: int) -> np.ndarray:
    """float64 [most]: the mean squared distance (m^2, summed over vertices) of each mesh from the model of the others,
    with 1 to `most` components. With fewer others than that, the last stands on."""
    count = len(gram)
    total = np.zeros(most)
    for k in range(count):
        rest = np.delete(np.arange(count), k)
        inner = gram[np.ix_(rest, rest)]
        row = inner.mean(axis=0)
        value, vector = _eigen(inner - row - row[:, None] + row.mean())
        against = (
            gram[rest, k] - gram[rest, k].mean() - row + row.mean()
        )  # of the others with the one left out, centred
        norm = gram[k, k] - 2 * gram[rest, k].mean() + row.mean()
        known = value > 1e-12 * max(value[0], np.finfo(float).tiny)
        seen = np.where(known, (vector.T @ against) ** 2 / np.where(known, value, 1), 0)
        left = np.maximum(norm - np.cumsum(seen), 0)
        total += left[np.minimum(np.arange(most), len(left) - 1)]
    return total / count


def _nearest(places: np.ndarray, value: np.ndarray, components: int) -> np.ndarray:
    """float64 [DRAWS]: from faces drawn with so many components to the closest of the meshes (m, over all vertices)."""
    sigma = np.sqrt(value / (len(places) - 1))
    drawn = np.zeros((DRAWS, len(value)))
    drawn[:, :components] = np.random.default_rng(SEED).normal(size=(DRAWS, components)) * sigma[:components]
    squares = (drawn**2).sum(axis=1)[:, None] - 2 * drawn @ places.T + (places**2).sum(axis=1)
    return np.sqrt(np.maximum(squares.min(axis=1), 0))


def write_curves(curves: Curves, folder: Path, name: str) -> None:
    """NAME-curves.json, and NAME-curves.png where matplotlib is; a warning where it is not."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}-curves.json").write_text(json.dumps(asdict(curves), indent=1) + "\n", encoding="utf-8")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        warnings.warn(f"no plot of the curves without matplotlib; {to_install('--extra models')}", stacklevel=2)
        return
    figure = Figure(figsize=(9, 6), layout="constrained")
    titles = {
        "explained": "variance of each component",
        "compactness": "compactness: variance of the first M",
        "generalisation": "generalisation: to a mesh left out (mm)",
        "specificity": "specificity: from a drawn face to the closest mesh (mm)",
    }
    for axes, (key, title) in zip(figure.subplots(2, 2).ravel(), titles.items(), strict=True):
        values = np.array(getattr(curves, key)) * (1000 if "mm" in title else 1)
        axes.plot(np.arange(1, len(values) + 1), values, marker="o" if len(values) < 30 else "")
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("components M")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    figure.savefig(folder / f"{name}-curves.png", dpi=110)
