"""One beauty render and one label render of a built scene, as float buffers.

A lens out of focus or a moving camera is the beauty's alone. The soft coverage, which else comes with the beauty, is
then of a render of its own: the same samples through the pinhole, without the light that goes on. Its bytes are those
that the beauty would have given.

The label render has one sample per pixel, which Cycles takes at the exact pixel centre: nothing is averaged.
Its narrow pixel filter matters: the table of a 1.5 px wide one puts the centre some 0.0005 px aside.
Labelled surfaces are holdouts in it, which end a path before it looks for light: that halves its time. Cycles' own
Depth and Object Index pass over holdouts, so a surface writes its place, like all its labels, as an AOV.
Both are read from Cycles' own buffers; intrinsic images, of the compositor, leave Blender as a file in memory.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np

from synth.blender.algebra import set_up_algebra
from synth.blender.backdrop import add_backdrop, set_backdrop
from synth.blender.camera import make_camera, set_aperture, set_camera, set_motion
from synth.blender.devices import choose_device
from synth.blender.heap import large_blocks_apart, set_up_heap
from synth.blender.images import read_exr
from synth.blender.intrinsic import add_intrinsics, intrinsic_images
from synth.blender.lights import several_lights
from synth.blender.materials import MIXED, PLACE, take_photograph
from synth.blender.mesh import is_shown
from synth.blender.results import Passes, rendered_passes
from synth.blender.scratch import MEMORY, scratch_prefix
from synth.blender.session import captured_output, open_empty_scene, raise_on_errors, render
from synth.config import Backend, Denoiser, Device, RenderConfig
from synth.labels.buffers import COVERAGE_PARTS, Buffers
from synth.labels.shot import Shot

DENOISERS = {Denoiser.fast: ("FAST", "FAST"), Denoiser.high: ("HIGH", "ACCURATE")}  # quality, prefilter of the guides
FILTER_WIDTH = {"beauty": 1.5, "coverage": 1.5, "label_render": 0.01}  # px, by stage
WANTED = {  # passes that are read, by stage: each of three channels is 3 MB at 512 x 512
    "beauty": ("Combined", *MIXED, "Diffuse Color"),
    "coverage": MIXED,
    "label_render": (*MIXED, *PLACE),
}


class Renderer:
    """The process's Blender, set up to render shots. Opening a second one empties the first one's scene.

    intrinsic: whether Buffers.intrinsic is wanted, too.
    device: what Cycles renders on. seconds: by stage, of the shot rendered last, by `clock`.
    """

    def __init__(
        self,
        config: RenderConfig,
        device: Device = Device.cpu,
        threads: int = 0,
        intrinsic: bool = False,
        backend: Backend = Backend.auto,
    ) -> None:
        self.config, self.threads = config, threads
        self.clock: Callable[[], float] = time.perf_counter
        self.seconds: dict[str, float] = {}
        set_up_heap()
        set_up_algebra()
        self.scene = open_empty_scene()
        self.device = choose_device(self.scene, device, backend)
        make_camera(self.scene)
        set_up_aovs(self.scene)
        self._backdrop = add_backdrop(self.scene, (config.hw[0], config.hw[1]))
        set_up(self.scene, config, threads)
        self._intrinsics = add_intrinsics(self.scene, config.denoise) if intrinsic else None

    def render(self, shot: Shot) -> Buffers:
        """The shot's buffers. RuntimeError if Cycles printed an error."""
        self.place(shot)
        coverage = beauty = self.beauty()
        if shot.aperture is not None or shot.motion is not None:
            set_aperture(self.scene, None)
            set_motion(self.scene, shot.camera, None)
            coverage = self._pass("coverage", samples=self.config.spp, bounces=0)
        labels = self.labels()
        start = self.clock()
        buffers = _buffers(beauty, coverage, labels)
        self.seconds["read_out"] += self.clock() - start
        return buffers

    def place(self, shot: Shot) -> None:
        """Puts the camera and what is behind everything where the shot has them."""
        self.seconds = {"read_out": 0.0, "coverage": 0.0}
        set_camera(self.scene, shot.camera)
        set_backdrop(self._backdrop, shot.camera, shot.background)
        self.scene.cycles.seed = shot.cycles_seed
        choose_light_tree(self.scene)
        set_aperture(self.scene, shot.aperture)
        set_motion(self.scene, shot.camera, shot.motion)

    def beauty(self) -> Passes:
        """The passes of the image of what was placed."""
        return self._pass("beauty", samples=self.config.spp, bounces=self.config.max_bounces)

    def labels(self) -> Passes:
        """The passes of the labels of what was placed."""
        return self._pass("label_render", samples=1, bounces=0)

    def _pass(self, stage: str, samples: int, bounces: int) -> Passes:
        cycles = self.scene.cycles
        cycles.samples, cycles.max_bounces = samples, bounces
        cycles.filter_width = FILTER_WIDTH[stage]
        cycles.use_denoising = self.config.denoise and stage == "beauty"
        take_photograph(self.scene, stage != "label_render")
        _hold_out(self.scene, stage != "beauty")
        self.scene.update_tag()  # or a persistent session renders with the settings from before
        split = self._intrinsics if stage == "beauty" else None
        self.scene.render.use_compositing = split is not None
        if split is None:
            return self._timed(stage)
        with tempfile.TemporaryDirectory(prefix=scratch_prefix(), dir=_memory_folder(self.config.hw)) as folder:
            split.directory = folder
            passes = self._timed(stage)
            start = self.clock()
            for file in Path(folder).iterdir():
                passes |= read_exr(file)
            self.seconds["read_out"] += self.clock() - start
        return passes

    def _timed(self, stage: str) -> Passes:
        start = self.clock()
        with captured_output() as said, large_blocks_apart(), rendered_passes(WANTED[stage]) as passes:
            render(self.scene)
        raise_on_errors(said[0])
        self.seconds[stage] = self.clock() - start
        return passes


def _memory_folder(hw: list[int]) -> Path | None:
    """The memory file system, if there is one and it has room for the intrinsic images; else the temporary folder."""
    needed = 4 * 12 * hw[0] * hw[1] * 2  # 8 float channels and a margin, and as much again for a neighbour
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > needed else None


def set_up(scene: bpy.types.Scene, config: RenderConfig, threads: int) -> None:
    """What stays the same from beauty to beauty."""
    render, cycles = scene.render, scene.cycles
    render.engine = "CYCLES"
    render.use_persistent_data = True  # keeps the meshes and their BVHs that a shot does not change
    render.use_compositing = render.use_sequencer = False
    render.threads_mode, render.threads = ("FIXED", threads) if threads else ("AUTO", 1)
    cycles.use_adaptive_sampling = False
    with captured_output():  # Cycles warns of every kind of GPU that is not there, and could denoise
        cycles.denoiser = "OPENIMAGEDENOISE"
    cycles.denoising_quality, cycles.denoising_prefilter = DENOISERS[config.denoiser]
    cycles.sample_clamp_indirect = config.clamp
    cycles.caustics_reflective = cycles.caustics_refractive = False


def choose_light_tree(scene: bpy.types.Scene) -> None:
    """A tree of lights where there are several: without it they are counted in the order in which a session came to
    know them. A single one needs no tree, which is 8 % of an image, and shows the same without.
    """
    scene.cycles.use_light_tree = several_lights(scene)


def set_up_aovs(scene: bpy.types.Scene) -> None:
    """What every render has beside Blender's own passes, 14 MB at 512 x 512."""
    for kind, names in (("COLOR", MIXED), ("VALUE", PLACE)):
        for name in names:
            aov = scene.view_layers[0].aovs.add()
            aov.name, aov.type = name, kind


def _hold_out(scene: bpy.types.Scene, held: bool) -> None:
    """Whether the paths of light end at the labelled surfaces."""
    for thing in scene.objects:
        if thing.pass_index and is_shown(thing):
            thing.is_holdout = held


def _buffers(beauty: Passes, coverage: Passes, labels: Passes) -> Buffers:
    depth, index = (labels[name][..., 0] for name in PLACE)
    covered = np.concatenate([coverage[name] for name in MIXED], axis=-1)
    surface, normal, albedo = (labels[name] for name in MIXED)
    return Buffers(
        image=beauty["Combined"],
        coverage=covered[..., : 1 + len(COVERAGE_PARTS)],
        depth=depth,
        object_index=np.rint(index).astype(np.int32),
        surface=surface,
        normal=normal,
        albedo=albedo,
        intrinsic=intrinsic_images(beauty),
    )
