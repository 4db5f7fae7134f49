"""Intrinsic images of a beauty render: diffuse albedo, the light that falls on it, and all other light.

Cycles splits the light of each path by its first bounce. Albedo is its colour pass; shading (what it divides by that
colour) and the rest are as noisy as the image is, and are denoised in its way, by a compositor that runs with the
render. The image itself keeps its bytes.
"""

import bpy
import numpy as np

FILE = "intrinsic"
LIGHT_PASSES = ("diffuse", "glossy", "transmission")


def add_intrinsics(scene: bpy.types.Scene, denoise: bool) -> bpy.types.Node:
    """Sets the scene up for them. Returns the node whose `directory` says where a render writes its EXR of them."""
    layer = scene.view_layers[0]
    for kind in LIGHT_PASSES:
        for part in ("color", "direct", "indirect"):
            setattr(layer, f"use_pass_{kind}_{part}", True)
    layer.use_pass_emit = layer.use_pass_environment = True
    layer.cycles.denoising_store_passes = denoise
    scene.render.compositor_device = "CPU"  # on a machine without a display, the GPU's prints errors
    scene.compositing_node_group = tree = bpy.data.node_groups.new(FILE, "CompositorNodeTree")
    passes = tree.nodes.new("CompositorNodeRLayers").outputs
    shading = _add(tree, passes["Diffuse Direct"], passes["Diffuse Indirect"])
    rest = _add(tree, passes["Emission"], passes["Environment"])
    for kind in ("Glossy", "Transmission"):
        light = _add(tree, passes[f"{kind} Direct"], passes[f"{kind} Indirect"])
        rest = _add(tree, rest, _mix(tree, "MULTIPLY", passes[f"{kind} Color"], light))
    found = {"shading": shading, "specular": rest}
    return _file(tree, {name: _denoised(tree, light, passes) if denoise else light for name, light in found.items()})


def intrinsic_images(passes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """albedo, shading and specular float32 [H, W, 3], 0 or more, from a beauty's passes [H, W, C] and the channels
    [H, W] of the file; {} if they are not there.
    """
    if "shading.R" not in passes:
        return {}
    found = {name: np.stack([passes[f"{name}.{c}"] for c in "RGB"], axis=-1) for name in ("shading", "specular")}
    return {key: np.maximum(image, 0) for key, image in ({"albedo": passes["Diffuse Color"][..., :3]} | found).items()}


def _mix(tree: bpy.types.NodeTree, operation: str, a: bpy.types.NodeSocket, b: bpy.types.NodeSocket):
    """The output of a Mix node that adds or multiplies two colours."""
    node = tree.nodes.new("ShaderNodeMix")
    node.data_type, node.blend_type, node.clamp_result = "RGBA", operation, False
    colors = [socket for socket in node.inputs if socket.type == "RGBA"]
    node.inputs[0].default_value = 1.0  # all of the operation
    for socket, value in zip(colors, (a, b), strict=True):
        tree.links.new(value, socket)
    return next(socket for socket in node.outputs if socket.type == "RGBA")


def _add(tree: bpy.types.NodeTree, a: bpy.types.NodeSocket, b: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    return _mix(tree, "ADD", a, b)


def _denoised(tree: bpy.types.NodeTree, light: bpy.types.NodeSocket, passes) -> bpy.types.NodeSocket:
    node = tree.nodes.new("CompositorNodeDenoise")
    node.inputs["Quality"].default_value = node.inputs["Prefilter"].default_value = "Fast"
    for name, socket in (("Image", light), ("Normal", passes["Denoising Normal"])):
        tree.links.new(socket, node.inputs[name])
    return node.outputs[0]


def _file(tree: bpy.types.NodeTree, images: dict[str, bpy.types.NodeSocket]) -> bpy.types.Node:
    """A node that writes images by name into one EXR."""
    node = tree.nodes.new("CompositorNodeOutputFile")
    node.file_name = FILE
    node.format.media_type, node.format.file_format = "MULTI_LAYER_IMAGE", "OPEN_EXR_MULTILAYER"
    node.format.color_depth, node.format.exr_codec = "32", "NONE"
    node.file_output_items.clear()
    for name, socket in images.items():
        node.file_output_items.new("RGBA", name)
        tree.links.new(socket, node.inputs[name])
    return node
