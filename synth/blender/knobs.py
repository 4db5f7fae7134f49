"""Beauty images with settings that differ from shot to shot, and their time: what `bench noise` measures with."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np

from synth.blender.materials import MIXED
from synth.blender.mesh import shown_data
from synth.blender.render import Renderer, set_up
from synth.config import RenderConfig
from synth.labels.shot import Shot


class Photographer(Renderer):
    """A Renderer whose settings may be other ones for each photograph."""

    def photograph(
        self, shot: Shot, config: RenderConfig, knobs: Mapping[str, Any] | None = None, seed: int = 0
    ) -> tuple[np.ndarray, np.ndarray, float, float]:
        """The shot's beauty with these settings: image_linear float32 [H, W, 3], the subject's coverage [H, W], and
        the seconds that it took of all cores together and of the clock.

        The shot must have been built anew, or its time lacks the sync. seed: added to the shot's. knobs: properties of
        scene.cycles, or of shader nodes (subsurface_method), put back afterwards.
        """
        self.config = config
        set_up(self.scene, config, self.threads)
        self.place(shot)
        self.scene.cycles.seed = (shot.cycles_seed + seed) % 2**31
        with turned(self.scene, knobs or {}):
            wall, cpu = time.perf_counter(), time.process_time()
            passes = self.beauty()
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return shot.exposure * passes["Combined"][..., :3], passes[MIXED[0]][..., 0], cpu, wall


@contextmanager
def turned(scene: bpy.types.Scene, knobs: Mapping[str, Any]) -> Iterator[None]:
    """Sets properties of scene.cycles, or of all shader nodes that have them, and puts them back.

    ValueError names a property that neither has.
    """
    before = []
    for name, value in knobs.items():
        owners = [scene.cycles] if hasattr(scene.cycles, name) else _nodes(name)
        if not owners:
            raise ValueError(f"{name} must be a property of Cycles or of a shader node of this scene, and is none")
        before += [(owner, name, getattr(owner, name)) for owner in owners]
        for owner in owners:
            setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


def _nodes(name: str) -> list[bpy.types.Node]:
    trees = [material.node_tree for material in bpy.data.materials if material.node_tree]
    trees += [group for group in bpy.data.node_groups if group.bl_idname == "ShaderNodeTree"]
    return [node for tree in trees for node in tree.nodes if hasattr(node, name)]


def counts() -> dict[str, int]:
    """How many vertices and strands the scene shows."""
    shown = shown_data(bpy.context.scene)
    return {
        "vertices": sum(len(data.vertices) for data in shown if isinstance(data, bpy.types.Mesh)),
        "strands": sum(len(data.curves) for data in shown if isinstance(data, bpy.types.Curves)),
    }
