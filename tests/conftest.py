"""Fixtures for all tests. Blender is one per process: tests that render share the pipelines made here."""

import signal

import numpy as np
import pytest

from synth.config import Config, Device, FarmConfig, RenderConfig

for number in (signal.SIGINT, signal.SIGHUP):  # ignored where tests run in the background, and so by what they start
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler)


@pytest.fixture
def rng() -> np.random.Generator:
    """For properties that hold for any input; the same numbers whatever ran before."""
    return np.random.default_rng(20170101)


def shapes_config(hw: tuple[int, int] = (48, 72), **scene) -> Config:
    """Shapes at a small, non-square resolution."""
    from scenes.shapes.config import Config as ShapesConfig

    return Config(
        scene=ShapesConfig(**scene), render=RenderConfig(hw=list(hw), spp=2), farm=FarmConfig(device=Device.cpu)
    )


def head_config(hw: tuple[int, int] = (96, 128), **scene) -> Config:
    """A face at a small, non-square resolution."""
    from scenes.head.config import Config as HeadConfig

    return Config(
        scene=HeadConfig(**scene), render=RenderConfig(hw=list(hw), spp=2), farm=FarmConfig(device=Device.cpu)
    )
