"""What comes and goes from record to record stays in the scene: an image does not depend on those before it."""

import ctypes
import gc

import bpy
import numpy as np
import pytest
from conftest import head_config, shapes_config

from scenes.head.config import LightConfig
from synth.blender.heap import give_back
from synth.blender.mesh import is_shown, put_away, show
from synth.pipeline import Pipeline

SPECK = 1e-5  # m


@pytest.fixture(scope="module")
def sunny() -> Pipeline:
    """Heads under skies: two lights, the sun and the sky, that Cycles counts in the order of its objects."""
    return Pipeline(head_config((40, 40), light=LightConfig(kinds={"sky": 1.0})))


@pytest.fixture(scope="module")
def images(sunny) -> list[tuple[int, np.ndarray]]:
    return [(index, sunny.record(index)["image"]) for index in (0, 1, 2, 3, 4, 5, 1, 0)]


def test_an_image_is_the_same_when_things_came_and_went_meanwhile(images):
    assert len({index for index, _ in images}) < len(images)
    first = dict(reversed(images))
    assert [index for index, image in images if (image != first[index]).any()] == []


def test_nothing_is_ever_hidden_and_what_is_away_is_a_speck_that_no_ray_meets(sunny, images):
    away = [thing for thing in bpy.context.scene.objects if thing.type == "MESH" and not is_shown(thing)]
    assert not any(thing.hide_render for thing in bpy.context.scene.objects)
    assert len(away) > 5
    for thing in away:
        assert max(thing.dimensions) < SPECK
        assert not any(getattr(thing, f"visible_{kind}") for kind in ("diffuse", "glossy", "transmission", "shadow"))


def test_what_was_put_away_comes_back_where_it_was(sunny, images):
    thing = bpy.data.objects["glasses"]
    show(thing)
    bpy.context.view_layer.update()
    before = np.array(thing.dimensions)
    put_away(thing)
    show(thing)
    bpy.context.view_layer.update()
    np.testing.assert_array_equal(np.array(thing.dimensions), before)
    assert is_shown(thing)
    assert before.max() > 0.05


def heap_in_use() -> int:
    """Bytes of the C library's heap that somebody has not freed."""

    class Statistics(ctypes.Structure):
        _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "a", "b", "c", "mapped", "d", "e", "used", "f", "g")]

    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = Statistics
    gc.collect()
    give_back()
    found = ask()
    return found.used + found.mapped


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="needs glibc's mallinfo2")
@pytest.mark.parametrize(
    ("config", "count", "rounds"),
    [
        pytest.param(shapes_config(), 10, 6, id="shapes"),
        pytest.param(head_config((48, 64)), 20, 4, id="heads", marks=pytest.mark.slow),
    ],
)
def test_nothing_is_kept_of_what_comes_and_goes(config, count, rounds):
    pipeline, after = Pipeline(config), []
    for _ in range(rounds):
        for index in range(count):
            pipeline.record(index)
        after.append(heap_in_use())
    assert (after[-1] - after[0]) / (count * (rounds - 1)) < 4e3  # bytes a record: 9,000 and 31,000 when things hid
