"""The pass table: one row per thing that a record can hold. README, shards, `check` and writers all follow it.

A new pass is a row here and the function that computes it.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Pass:
    """What one array of a record is, whatever its scene."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]  # "H" and "W" are the image's, "S" a texture's; another word is the scene's to fix
    doc: str
    unit: str = "1"
    space: str = ""
    empty: str = ""  # the value where there is nothing
    extra: bool = False  # written when it is named, or with "all"; the others with "default" too

    @property
    def per_pixel(self) -> bool:
        """Whether it is a map: of the image's pixels, or of the texels of the model's texture."""
        return self.shape[:2] in (("H", "W"), ("S", "S"))


ZERO = "(0, 0, 0)"
JAW = 17  # the first of the landmarks are points of the jaw


def _light(name: str, doc: str, empty: str = "") -> Pass:
    """An extra in linear RGB, of the image: it follows lens and motion."""
    return Pass(name, "float16", ("H", "W", 3), doc, space="image", empty=empty, extra=True)


def _coverage(part: str, what: str) -> Pass:
    """An extra that is a part of alpha."""
    doc = f"the part of alpha that is {what}"
    return Pass(f"coverage/{part}", "uint8", ("H", "W"), doc, "1/255", "image", "0", extra=True)


PASSES: dict[str, Pass] = {
    p.name: p
    for p in (
        Pass("image", "uint8", ("H", "W", 3), "the photograph: sRGB, gamma-encoded", "sRGB code value", "image"),
        Pass("alpha", "uint8", ("H", "W"), "coverage of the subject, antialiased, 255 is full", "1/255", "image", "0"),
        Pass("depth", "float32", ("H", "W"), "along the optical axis, at the pixel centre", "m", "camera", "inf"),
        Pass(
            "normal",
            "float16",
            ("H", "W", 3),
            "unit normal of the smooth rendered surface, without bump; z < 0 faces the viewer",
            space="camera",
            empty="(0, 0, 0)",
        ),
        Pass("uv", "float32", ("H", "W", 2), "texture coordinates of the model in [0, 1]", space="uv", empty="-1"),
        Pass(
            "pncc",
            "float32",
            ("H", "W", 3),
            "position on the neutral mean face, min-max normalised per axis over the model's whole mesh",
            space="head",
            empty="-1",
        ),
        Pass("segmentation", "uint8", ("H", "W"), "class number, see dataset.json", "class", "image", "0"),
        Pass("albedo", "float16", ("H", "W", 3), "diffuse reflectance, linear RGB", space="image", empty="(0, 0, 0)"),
        Pass("params/identity", "float32", ("identity",), "identity coefficients", "standard deviations", "model"),
        Pass("params/expression", "float32", ("expression",), "expression weights in [0, 1]", "weight", "model"),
        Pass(
            "params/pose",
            "float32",
            ("joints", 3),
            "rotation vectors of the model's joints, each against the one that it hangs on; of models that have joints",
            "rad",
            "head",
        ),
        Pass("params/albedo", "float32", ("albedo",), "albedo coefficients", "standard deviations", "model"),
        Pass(
            "params/light_sh",
            "float32",
            (9, 3),
            "incident radiance at the head, real spherical harmonics of bands 0 to 2, linear RGB",
            "radiance in units of image_linear",
            "camera",
        ),
        Pass("params/head_to_camera", "float64", (4, 4), "p_camera = head_to_camera @ p_head", "m", "camera"),
        Pass("params/yaw_pitch_roll", "float32", (3,), "head pose, see geometry.head_rotation", "rad", "camera"),
        Pass("params/gaze", "float32", (2, 3), "unit direction of the right and the left eye", space="camera"),
        Pass("camera/K", "float64", (3, 3), "intrinsics, skew 0, pixel centres at .5", "px", "image"),
        Pass("camera/world_to_camera", "float64", (4, 4), "p_camera = world_to_camera @ p_world", "m", "camera"),
        Pass("landmarks/points_2d", "float32", ("landmarks", 2), "(u, v); may lie outside the image", "px", "image"),
        Pass("landmarks/points_3d", "float32", ("landmarks", 3), "the same points in space", "m", "camera"),
        Pass("landmarks/visible", "bool", ("landmarks",), "inside the image and not hidden by any surface", "bool"),
        _light(
            "image_linear",
            "the photograph before sensor, shoulder and sRGB curve: radiance times exposure, linear RGB",
        ),
        _light(
            "intrinsic/albedo", "diffuse reflectance, antialiased: of image_linear = albedo * shading + specular", ZERO
        ),
        _light(
            "intrinsic/shading",
            "light that a white surface would reflect diffusely there, in units of image_linear",
            ZERO,
        ),
        _light(
            "intrinsic/specular",
            "all other light: mirrored, of hair, of the background; in units of image_linear",
        ),
        _coverage("hair", "hair of the head"),
        _coverage("brows_and_lashes", "brows and lashes"),
        _coverage("beard", "beard and stubble"),
        _coverage("glasses", "frames and dark lenses of glasses"),
        _coverage("headwear", "headwear"),
        _coverage("facewear", "facewear"),
        Pass(
            "segmentation_bare",
            "uint8",
            ("H", "W"),
            "class number of skin and eyes as if hair, beard and all that is worn were not there: the amodal mask",
            "class",
            "image",
            "0",
            extra=True,
        ),
        Pass("distance", "float32", ("H", "W"), "along the ray to the camera", "m", "camera", "inf", extra=True),
        Pass("position", "float32", ("H", "W", 3), "the point seen", "m", "camera", "(0, 0, 0)", extra=True),
        Pass(
            "normal_world",
            "float16",
            ("H", "W", 3),
            "the same unit normal",
            space="world",
            empty="(0, 0, 0)",
            extra=True,
        ),
        Pass(
            "displacement",
            "float32",
            ("S", "S"),
            "relief of the skin over the smooth mesh, a map over uv: row 0 is v = 1; a cubic B-spline over its texels",
            "m",
            "uv",
            "0",
            extra=True,
        ),
        Pass(
            "depth_fine",
            "float32",
            ("H", "W"),
            "depth of the skin with its displacement; elsewhere as depth",
            "m",
            "camera",
            "inf",
            extra=True,
        ),
        Pass(
            "normal_fine",
            "float16",
            ("H", "W", 3),
            "unit normal of the skin with its displacement; elsewhere as normal",
            space="camera",
            empty="(0, 0, 0)",
            extra=True,
        ),
        Pass(
            "triangle",
            "int32",
            ("H", "W"),
            "number of the triangle of the model's mesh, as rendered, that is seen",
            "index",
            "model",
            "-1",
            extra=True,
        ),
        Pass(
            "barycentric",
            "float32",
            ("H", "W", 3),
            "weights of that triangle's corners, in the order of model.triangles()",
            space="model",
            empty="(0, 0, 0)",
            extra=True,
        ),
        Pass(
            "landmarks/visible_without_hair",
            "bool",
            ("landmarks",),
            "inside the image and not hidden by any mesh, whatever strands do",
            "bool",
            extra=True,
        ),
        Pass(
            "landmarks/outline_2d",
            "float32",
            ("landmarks", 2),
            "points_2d with the jaw as marked in photographs (300-W): on the outline that is seen, evenly spaced",
            "px",
            "image",
            extra=True,
        ),
        Pass(
            "boxes/face", "float32", (4,), "u0, v0, u1, v1 around the 68 points of the face", "px", "image", extra=True
        ),
        Pass(
            "boxes/head",
            "float32",
            (4,),
            "u0, v0, u1, v1 around the whole head and its hair, hidden or not, without neck and clothing",
            "px",
            "image",
            extra=True,
        ),
        Pass("class_pixels", "int32", (256,), "how many pixels of segmentation each class has", "px", extra=True),
        Pass("meta/index", "int64", (), "index of the record in the dataset", "index"),
        Pass("meta/identity_index", "int64", (), "records of the same identity share it", "index"),
        Pass("meta/spec", "str", (), "everything drawn for the record, JSON: rebuilds it alone", "JSON"),
    )
}

# Rows of the same passes for models whose expressions are principal components, not blend shapes.
STATISTICAL = {
    "params/expression": Pass(
        "params/expression", "float32", ("expression",), "expression coefficients", "standard deviations", "model"
    )
}

ALWAYS = ("meta/index", "meta/identity_index", "meta/spec")  # written whatever output.passes says


def passes_of(offered: tuple[str, ...], chosen: list[str]) -> tuple[str, ...]:
    """Names of the passes to write, in table order: what output.passes chose of what the scene offers.

    "default" stands for all that the scene offers but the extras, "all" for everything.
    ValueError names a pass that does not exist or that the scene does not have.
    """
    groups = {"default": [name for name in offered if not PASSES[name].extra], "all": list(offered)}
    unknown = [name for name in chosen if name not in groups and name not in PASSES]
    if unknown:
        names = ", ".join((*groups, *PASSES))
        raise ValueError(f"output.passes names unknown passes {unknown}; choose from {names}")
    missing = [name for name in chosen if name not in (*groups, *offered, *ALWAYS)]
    if missing:
        raise ValueError(f"output.passes names {missing}, which this scene does not have; it has {', '.join(offered)}")
    wanted = {*ALWAYS, *(name for word in chosen for name in groups.get(word, [word]))}
    return tuple(name for name in PASSES if name in wanted)


def shape_of(row: Pass, lengths: dict[str, int]) -> tuple[int, ...]:
    """The shape of one record's array, with the symbolic lengths ("H", "identity", ...) filled in."""
    return tuple(lengths[n] if isinstance(n, str) else n for n in row.shape)


def as_stored(row: Pass, value: object) -> np.ndarray:
    """The value in the row's dtype; integers are rounded and clipped to their range, a str becomes UTF-8 bytes."""
    if row.dtype == "str":
        return np.array(str(value).encode(), dtype=object)
    array = np.asarray(value)
    if row.dtype == "uint8" and array.dtype.kind == "f":
        array = np.clip(np.rint(array), 0, 255)
    return np.ascontiguousarray(array, dtype=row.dtype).reshape(array.shape)
