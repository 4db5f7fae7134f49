"""What a process of `bench noise` does: it renders one photograph of a record after the other."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from synth.bench.children import on_cpu
from synth.config import Config
from synth.noise.settings import Setting
from synth.rng import Streams
from synth.scene import load_scene


class Taken(NamedTuple):
    """A photograph, and what it took: seconds of all cores together, and of the clock."""

    linear: np.ndarray  # float32 [H, W, 3] image_linear
    alpha: np.ndarray  # float32 [H, W] coverage of the subject
    cpu_s: float
    wall_s: float


def open_photographer(config: Config) -> Callable[[tuple[int, Setting]], Taken]:
    """Blender with the config's scene; answers (index of a record, setting). On the CPU, whose seconds are measured."""
    from synth.blender.knobs import Photographer

    photographer = Photographer(config.render, on_cpu(config).farm.device)
    build, sample = load_scene(config.scene.name, "build"), load_scene(config.scene.name, "sample")
    stage = build.prepare(config)

    def photograph(question: tuple[int, Setting]) -> Taken:
        index, setting = question
        spec = sample.sample(config, Streams(config.seed, index, config.views_per_identity))
        shot = build.build(stage, spec)
        render = replace(config.render, **setting.render)
        return Taken(*photographer.photograph(shot, render, setting.knobs, setting.seed))

    return photograph
