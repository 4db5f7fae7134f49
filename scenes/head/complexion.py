"""The skin of a record: its map of colour and relief, its gloss, and how deep light goes, set in Blender.

What follows from the model is made once.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scenes.head.atlas import make_atlas
from scenes.head.marks import Canvas, make_canvas, paint
from scenes.head.relief import heights, make_ground
from scenes.head.skin import SkinSpec
from scenes.head.skin_config import SkinConfig
from scenes.head.skin_material import GLOSS, Shine, gloss, prepare_shine, set_radius, skin_material
from synth.blender.mesh import set_attribute
from synth.blender.textures import add_texture, set_texture
from synth.models import MorphableModel

SIZES = ((320, 512), (768, 1024))  # images up to so many px on their shorter side have maps of so many texels
LARGEST = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Skin:
    """What the skins of a model are made with."""

    canvas: Canvas
    texture: Any
    material: Any
    shine: Shine
    names: tuple[str, ...]  # of the model's expressions, where they are weights


def texels(config: SkinConfig, hw: list[int]) -> int:
    """Texels along each side of the maps: on a face some two thirds of a pixel wide."""
    return config.texels or next((size for side, size in SIZES if min(hw) <= side), LARGEST)


def prepare_skin(model: MorphableModel, size: int) -> Skin:
    """Makes texture and material, for a model as fine as it is rendered."""
    atlas = make_atlas(model, size)
    texture = add_texture("skin", size)
    return Skin(
        canvas=make_canvas(model, make_ground(model, atlas)),
        texture=texture,
        material=skin_material(texture),
        shine=prepare_shine(model.regions, atlas.canonical),
        names=model.expression_names if model.expression_unit == "weight" else (),
    )


def put_on_skin(skin: Skin, mesh: Any, spec: SkinSpec, expression: dict[str, float]) -> np.ndarray:
    """Rewrites the texture, and gloss and radii, for a face of this expression. float32 [S, S] m: the relief."""
    atlas = skin.canvas.ground.atlas
    color, raised = paint(skin.canvas, spec)
    height = raised + heights(skin.canvas.ground, spec, expression, skin.names)
    picture = atlas.blank(4)
    picture[..., :3] = 1
    atlas.fill(picture, np.concatenate([color, 1e3 * height[:, None]], axis=1))
    set_texture(skin.texture, picture)
    set_attribute(mesh, GLOSS, gloss(skin.shine, spec), "POINT")
    set_radius(skin.material, spec)
    return 1e-3 * picture[..., 3]
