"""Settings that differ from photograph to photograph leave nothing behind in the session."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from conftest import shapes_config

from scenes.shapes import build
from scenes.shapes.sample import sample
from synth.blender.devices import choose_device
from synth.blender.knobs import Photographer, counts
from synth.config import Backend, Device
from synth.rng import Streams

KNOBS = {"use_light_tree": False, "sampling_pattern": "TABULATED_SOBOL", "sample_clamp_indirect": 1.0}


class Studio:
    def __init__(self) -> None:
        self.config = shapes_config((24, 40))
        self.photographer = Photographer(self.config.render)
        self.stage = build.prepare(self.config)

    def image(self, knobs=None, seed: int = 0, **render) -> np.ndarray:
        shot = build.build(self.stage, sample(self.config, Streams(0, 0)))
        return self.photographer.photograph(shot, replace(self.config.render, **render), knobs, seed)[0]


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio()


def test_no_photograph_finds_the_settings_of_another(studio):
    before = studio.image()
    changed = studio.image(KNOBS, spp=8, denoise=False, max_bounces=1)
    assert changed.tobytes() != before.tobytes()
    assert studio.image().tobytes() == before.tobytes()


def test_another_seed_is_other_noise_of_the_same_picture(studio):
    first, second = (studio.image(seed=seed, spp=64, denoise=False) for seed in (1, 2))
    assert first.tobytes() != second.tobytes()
    np.testing.assert_allclose(first.mean(), second.mean(), rtol=0.03)


def test_a_knob_that_is_none_is_refused(studio):
    with pytest.raises(ValueError, match="use_light_bush must be a property of Cycles"):
        studio.image({"use_light_bush": True})


@pytest.mark.skipif(sys.platform == "darwin", reason="Metal is there")
def test_only_the_backend_that_was_asked_for_is_tried(studio):
    with pytest.raises(ValueError, match=r"tried METAL\)"):
        choose_device(studio.photographer.scene, Device.gpu, Backend.metal)


def test_what_the_scene_shows_is_counted(studio):
    studio.image()
    found = counts()
    assert found["vertices"] > 100
    assert found["strands"] == 0
