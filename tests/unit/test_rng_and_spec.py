"""Chance is a function of (seed, index, stream), and a spec is plain data."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from conftest import head_config, shapes_config

from synth.rng import Streams, rng
from synth.scene import load_scene, scene_names
from synth.spec import from_json, to_json

CONFIGS = {"shapes": shapes_config, "head": head_config}


def test_a_stream_is_the_same_again_and_others_differ():
    draw = lambda *key: rng(*key).random(4).tolist()
    assert draw(1, 2, "light") == draw(1, 2, "light")
    assert len({tuple(draw(*key)) for key in [(1, 2, "light"), (1, 2, "pose"), (1, 3, "light"), (2, 2, "light")]}) == 4


def test_views_share_the_streams_of_their_identity_only():
    a, b, c = (Streams(0, i, views_per_identity=2) for i in (0, 1, 2))
    draw = lambda g: g.random()
    assert draw(a.of_identity("shape")) == draw(b.of_identity("shape")) != draw(c.of_identity("shape"))
    assert draw(a.of_record("pose")) != draw(b.of_record("pose"))


def test_record_and_identity_streams_of_one_name_differ():
    streams = Streams(0, 0)
    assert streams.of_record("x").random() != streams.of_identity("x").random()


@pytest.mark.parametrize("name", scene_names())
def test_a_spec_survives_json_bit_for_bit(name):
    sampler = load_scene(name, "sample")
    for index in range(50):
        spec = sampler.sample(CONFIGS[name](), Streams(7, index))
        assert from_json(sampler.Spec, to_json(spec)) == spec


@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", scene_names())
def test_thousands_of_draws_are_finite_and_all_different(name, count):
    sampler, config = load_scene(name, "sample"), CONFIGS[name]()
    texts = [to_json(sampler.sample(config, Streams(3, index))) for index in range(count)]
    assert len(set(texts)) == len(texts)
    assert not any("NaN" in text or "Infinity" in text for text in texts)


def test_a_text_that_is_no_spec_is_refused():
    sampler = load_scene("shapes", "sample")
    with pytest.raises(ValueError, match=r"not a scenes\.shapes\.sample\.Spec"):
        from_json(sampler.Spec, '{"eye": 3}')


@dataclass(frozen=True)
class Drawn:
    """One field of each kind."""

    length: float
    many: tuple[float, float]
    count: int
    word: str
    lit: bool = False
    hat: str | None = None


def test_numbers_of_numpy_are_written_as_those_that_they_are():
    drawn = Drawn(np.float32(0.5), (np.float64(0.1), np.float16(2)), np.int64(3), "a", np.bool_(True))  # pyright: ignore
    assert from_json(Drawn, to_json(drawn)) == Drawn(0.5, (0.1, 2.0), 3, "a", True)


SOUND = {"length": 0.5, "many": [1.0, 2], "count": 3, "word": "a"}


def test_a_spec_may_lack_what_has_a_default_and_write_floats_without_a_point():
    assert from_json(Drawn, json.dumps(SOUND)) == Drawn(0.5, (1.0, 2.0), 3, "a")


OTHER = [{"more": 1}, {"word": None}, {"word": 5}, {"lit": "false"}, {"lit": 0}, {"count": 2.7}, {"count": True}]
OTHER += [{"count": "3"}, {"length": True}, {"length": "0.5"}, {"length": None}, {"many": [1.0]}, {"hat": 3}]


@pytest.mark.parametrize("change", OTHER)
def test_a_value_of_another_kind_is_no_spec(change):
    with pytest.raises(ValueError, match="not a"):
        from_json(Drawn, json.dumps(SOUND | change))


@pytest.mark.parametrize("name", scene_names())
def test_views_of_one_identity_share_who_and_differ_in_how(name):
    sampler, config = load_scene(name, "sample"), CONFIGS[name]()
    first, second = (sampler.sample(config, Streams(5, index, views_per_identity=2)) for index in (0, 1))
    shared, own = {"head": ("person", "light"), "shapes": ("shapes", "eye")}[name]
    assert getattr(first, shared) == getattr(second, shared)
    assert getattr(first, own) != getattr(second, own)
    assert first.cycles_seed != second.cycles_seed
