"""What is worn and grown, in the labels: what hides, what is seen through, and that nothing depends on the order."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import head_config
from judge import cast, centers, errors, evaluated_scene

from scenes.head.build import build
from scenes.head.config import CLASSES, BeardConfig, HairConfig, PoseConfig, WearConfig
from scenes.head.sample import sample
from scenes.head.worn import sample_facewear, sample_headwear
from synth.labels.maps import label
from synth.passes import PASSES, as_stored
from synth.pipeline import Pipeline
from synth.record import violations
from synth.rng import Streams, rng

HW = (112, 96)
BEARD, GLASSES, HEADWEAR, FACEWEAR = 14, 16, 17, 18
LABELS = ("depth", "normal", "uv", "pncc", "segmentation", "albedo")


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    config = head_config(
        HW,
        pose=PoseConfig(yaw_max_deg=20, pitch_max_deg=10),
        hair=HairConfig(styles={"buzz": 1.0}),
        beard=BeardConfig(men=1.0, women=1.0),
        wear=WearConfig(glasses=1.0, headwear=0.0, facewear=0.0),
    )
    config.output.passes = ["all"]
    return Pipeline(config)


@pytest.fixture(scope="module")
def spec(pipeline):
    """Somebody with open eyes, a beard and glasses."""
    drawn = sample(pipeline.config, Streams(0, 0, 1))
    expression = {name: w for name, w in drawn.expression.items() if not name.startswith("eye")}
    return replace(drawn, expression=expression, gaze_target=(0.0, -2.0, 0.0), aperture=None, motion=None)


def shown(pipeline, spec) -> dict[str, np.ndarray]:
    shot = build(pipeline._stage, spec)
    fields = label(shot, pipeline.renderer.render(shot), pipeline.names)
    return {name: as_stored(PASSES[name], value) for name, value in fields.items() if name in PASSES}


def wearing(spec, dark: bool):
    through = (0.1, 0.1, 0.1) if dark else (0.95, 0.95, 0.95)
    return replace(spec, wear=replace(spec.wear, glasses=replace(spec.wear.glasses, dark=dark, tint=through)))


def without(spec):
    return replace(spec, wear=replace(spec.wear, glasses=None))


@pytest.fixture(scope="module")
def clear(pipeline, spec):
    return shown(pipeline, wearing(spec, False))


@pytest.fixture(scope="module")
def dark(pipeline, spec):
    return shown(pipeline, wearing(spec, True))


@pytest.fixture(scope="module")
def bare(pipeline, spec):
    return shown(pipeline, without(spec))


def test_labels_behind_a_clear_lens_are_those_without_glasses(clear, bare):
    frame = clear["segmentation"] == GLASSES
    assert 20 < frame.sum() < 0.2 * frame.size
    for name in LABELS:
        np.testing.assert_array_equal(clear[name][~frame], bare[name][~frame], err_msg=name)
    assert (clear["image"][~frame] != bare["image"][~frame]).any()  # but the photograph shows the lens


def test_labels_behind_both_lenses_are_those_without_glasses(pipeline, spec):
    tinted = wearing(spec, False)
    glasses = replace(tinted.wear.glasses, tint=(0.4, 0.4, 0.4))  # Cycles takes such glass for a wall, or ends the path
    aside = replace(tinted, yaw_pitch_roll=(1.3, 0.0, 0.0), wear=replace(tinted.wear, glasses=glasses))
    record, alone = shown(pipeline, aside), shown(pipeline, without(aside))
    frame = record["segmentation"] == GLASSES
    for name in LABELS:
        np.testing.assert_array_equal(record[name][~frame], alone[name][~frame], err_msg=name)


def test_eyes_are_seen_through_clear_lenses_and_not_through_dark_ones(clear, dark):
    assert clear["landmarks/visible"][68:].all()
    assert not dark["landmarks/visible"][68:].any()
    assert np.isin(clear["segmentation"], (3, 4)).any()
    assert (dark["segmentation"] == GLASSES).sum() > (clear["segmentation"] == GLASSES).sum() + 50


def test_coverage_of_glasses_is_frames_and_dark_lenses(clear, dark):
    for record in (clear, dark):
        seen = record["segmentation"] == GLASSES
        assert (record["coverage/glasses"] / 255 - seen).mean() == pytest.approx(0, abs=0.01)
        assert violations(record, CLASSES) == []


def test_alpha_is_full_behind_a_clear_lens(clear, bare):
    inside = bare["alpha"] == 255
    assert clear["alpha"][inside].mean() > 250


def test_beard_is_labelled_as_its_strands(clear):
    seen = clear["segmentation"] == BEARD
    assert seen.any()
    assert (clear["coverage/beard"] / 255 - seen).mean() == pytest.approx(0, abs=0.015)
    assert (clear["uv"][seen] == -1).all()


def covered(spec, hat: str, mask: str):
    """Long hair, headwear and a mask; no glasses."""
    config = WearConfig(headwear=1.0, headwear_kinds={hat: 1.0}, facewear=1.0, facewear_kinds={mask: 1.0})
    wear = replace(
        spec.wear,
        glasses=None,
        headwear=sample_headwear(config, rng(0, 0, "headwear")),
        facewear=sample_facewear(config, rng(0, 0, "facewear")),
    )
    hair = replace(spec.person.hair, style="bob", length=0.2)
    return replace(spec, wear=wear, person=replace(spec.person, hair=hair))


def test_the_judge_sees_what_the_labels_say_of_headwear_and_masks(pipeline, spec):
    for hat, mask in (("cap", "surgical"), ("headscarf", "respirator")):
        record = shown(pipeline, covered(spec, hat, mask))
        found = errors(record, cast(evaluated_scene(), record, centers(HW)), np.arange(record["depth"].size))
        for name, bound in {"depth": 1e-4, "normal": 0.2, "uv": 1e-3, "pncc": 1e-3, "segmentation": 0.5}.items():
            assert (found[name] > bound).mean() < 1e-3, (name, hat)
        assert violations(record, CLASSES) == []
        for number, name in ((HEADWEAR, "headwear"), (FACEWEAR, "facewear")):
            seen = record["segmentation"] == number
            assert seen.mean() > 0.01
            assert (record[f"coverage/{name}"] / 255 - seen).mean() == pytest.approx(0, abs=0.015)
        assert not record["landmarks/visible"][48:68].any()  # the mouth
        assert record["landmarks/visible"][68:].all()


@pytest.mark.parametrize("is_dark", [False, True])
def test_the_judge_sees_what_the_labels_say_of_glasses_and_beards(pipeline, spec, is_dark):
    record = shown(pipeline, wearing(spec, is_dark))
    found = errors(record, cast(evaluated_scene(), record, centers(HW)), np.arange(record["depth"].size))
    for name, bound in {"depth": 1e-4, "normal": 0.2, "uv": 1e-3, "pncc": 1e-3, "segmentation": 0.5}.items():
        assert (found[name] > bound).mean() < 1e-3, name


def test_a_record_is_the_same_alone_and_after_others_that_wear_other_things(pipeline, spec, clear, dark, bare):
    hidden = covered(spec, "beanie", "cloth")
    first = shown(pipeline, hidden)
    for worn, before in (
        (wearing(spec, False), clear),
        (without(spec), bare),
        (hidden, first),
        (wearing(spec, True), dark),
    ):
        again = shown(pipeline, worn)
        for name in before:
            np.testing.assert_array_equal(again[name], before[name], err_msg=name)
