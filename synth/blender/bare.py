"""The image of a shot and nothing else, in a bare loop of bpy: what all of synth is measured against."""

import bpy

from synth.blender.algebra import set_up_algebra
from synth.blender.backdrop import add_backdrop, set_backdrop
from synth.blender.camera import make_camera, set_aperture, set_camera, set_motion
from synth.blender.devices import choose_device
from synth.blender.mesh import shown_data
from synth.blender.render import FILTER_WIDTH, choose_light_tree, set_up
from synth.blender.session import captured_output, open_empty_scene, raise_on_errors
from synth.config import Backend, Device, RenderConfig
from synth.labels.shot import Shot


class BareRenderer:
    """The process's Blender, set up to render beauty images that are thrown away."""

    def __init__(
        self,
        config: RenderConfig,
        device: Device = Device.cpu,
        threads: int = 0,
        backend: Backend = Backend.auto,
    ) -> None:
        set_up_algebra()
        self.scene, self._light_tree_chosen = open_empty_scene(), True
        choose_device(self.scene, device, backend)
        make_camera(self.scene)
        self._backdrop = add_backdrop(self.scene, (config.hw[0], config.hw[1]))
        set_up(self.scene, config, threads)
        cycles = self.scene.cycles
        cycles.samples, cycles.max_bounces, cycles.use_denoising = config.spp, config.max_bounces, config.denoise
        cycles.filter_width = FILTER_WIDTH["beauty"]

    def use_defaults(self) -> None:
        """What Blender has by itself where synth has chosen: importance map, denoiser, persistence, light tree."""
        cycles, factory = self.scene.cycles, self.scene.cycles.bl_rna.properties
        self.scene.render.use_persistent_data = self._light_tree_chosen = False
        for name in ("denoising_quality", "denoising_prefilter"):
            setattr(cycles, name, factory[name].default)
        world = self.scene.world
        if world is not None:
            world.cycles.sampling_method = world.cycles.bl_rna.properties["sampling_method"].default

    def render(self, shot: Shot) -> None:
        """Render the shot's beauty. RuntimeError if Cycles printed an error."""
        if not self.scene.render.use_persistent_data:
            _hide_what_is_put_away(self.scene)
        set_camera(self.scene, shot.camera)
        set_backdrop(self._backdrop, shot.camera, shot.background)
        set_aperture(self.scene, shot.aperture)
        set_motion(self.scene, shot.camera, shot.motion)
        self.scene.cycles.seed = shot.cycles_seed
        if self._light_tree_chosen:
            choose_light_tree(self.scene)
        self.scene.update_tag()
        with captured_output() as said:
            bpy.ops.render.render()
        raise_on_errors(said[0])


def _hide_what_is_put_away(scene: bpy.types.Scene) -> None:
    """As a user would write it: what is not in the picture is not looked at, where nothing is kept from before."""
    shown = shown_data(scene)
    for thing in scene.objects:
        if thing.type in ("MESH", "CURVES"):
            thing.hide_render = thing.data not in shown
