"""The background as a card behind everything: an image that the camera sees and nothing else does.

It is part of the render, so that the denoiser sees the same picture as the viewer does, and so that changing
it leaves the world alone (a world that changes has its importance map built anew).
"""

import bpy
import numpy as np

from synth.blender.materials import new_material, node
from synth.blender.mesh import add_mesh, move_vertices, set_uv
from synth.camera import Camera
from synth.geometry import inverse_rigid, transform

DEPTH = 200.0  # m behind the camera's centre: behind all that is labelled
MARGIN = 0.5  # of the image's sides, beyond each of its edges: what a lens out of focus and a moving camera see
_TRIANGLES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def add_backdrop(scene: bpy.types.Scene, hw: tuple[int, int]) -> bpy.types.Object:
    """The card for images of one size, without label (pass index 0); `set_backdrop` paints and places it."""
    height, width = hw
    card = add_mesh(scene, "backdrop", np.zeros((4, 3), np.float32), _TRIANGLES, index=0, smooth=False)
    low, high = -MARGIN, 1 + MARGIN
    set_uv(card.data, np.array([[low, low], [high, low], [high, high], [low, high]])[_TRIANGLES])
    card.visible_diffuse = card.visible_glossy = card.visible_transmission = False
    card.visible_volume_scatter = card.visible_shadow = False
    image = bpy.data.images.new("backdrop", width, height, float_buffer=True)
    image.colorspace_settings.name = "Linear Rec.709"
    material = new_material("backdrop")
    tree = material.node_tree
    texture = node(tree, "TexImage", image=image, extension="EXTEND")
    emission = node(tree, "Emission", {"Color": texture.outputs["Color"]})
    # Black subsurface light does nothing, but keeps Cycles from baking the object's matrix: a session that has baked
    # one builds the tree of the whole scene, with all strands, anew for each render, and so for the label render.
    nothing = node(tree, "SubsurfaceScattering", {"Color": (0, 0, 0, 1)})
    shader = node(tree, "AddShader", {0: emission.outputs[0], 1: nothing.outputs[0]})
    tree.links.new(shader.outputs[0], tree.nodes["Material Output"].inputs["Surface"])
    material.cycles.emission_sampling = "NONE"  # it is seen, it does not light
    card.data.materials.append(material)
    return card


def set_backdrop(card: bpy.types.Object, camera: Camera, radiance: np.ndarray) -> None:
    """Fills the camera's image with `radiance` float32 [H, W, 3], linear, pixel for pixel."""
    height, width = camera.hw
    image = bpy.data.images["backdrop"]
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = radiance[::-1]
    image.pixels.foreach_set(rgba.ravel())
    image.update_tag()  # or a persistent session shows the background of the shot before
    low, high = -MARGIN, 1 + MARGIN
    corners = np.array([width, height]) * np.array([[low, high], [high, high], [high, low], [low, low]])
    directions = np.concatenate([corners, np.ones((4, 1))], axis=1) @ np.linalg.inv(camera.K).T
    move_vertices(card.data, transform(inverse_rigid(camera.world_to_camera), DEPTH * directions), None)
