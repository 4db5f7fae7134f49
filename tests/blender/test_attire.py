"""Clothes, earrings, headphones and make-up in the labels: each carries its class, and nothing depends on the order."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import head_config
from judge import cast, centers, errors, evaluated_scene

from scenes.head.adornment import sample_earrings, sample_headphones
from scenes.head.attire import sample_clothes
from scenes.head.attire_config import ClothesConfig, MakeupConfig
from scenes.head.build import build
from scenes.head.config import CLASSES, HairConfig, PoseConfig, WearConfig
from scenes.head.makeup import sample_makeup
from scenes.head.sample import sample
from synth.labels.maps import label
from synth.passes import PASSES, as_stored
from synth.pipeline import Pipeline
from synth.record import violations
from synth.rng import Streams, rng

HW = (112, 96)
NECK, CLOTHING, HEADWEAR, FACEWEAR = 12, 15, 17, 18


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    nothing = WearConfig(glasses=0.0, headwear=0.0, facewear=0.0, headphones=0.0, earrings_women=0.0, earrings_men=0.0)
    config = head_config(
        HW,
        pose=PoseConfig(yaw_max_deg=40, pitch_max_deg=10),
        hair=HairConfig(styles={"bald": 1.0}),
        wear=replace(nothing, occluder=0.0),
        makeup=MakeupConfig(women=0.0, men=0.0),
    )
    config.output.passes = ["all"]
    return Pipeline(config)


@pytest.fixture(scope="module")
def spec(pipeline):
    """Somebody without hair, in clothes and nothing else."""
    drawn = sample(pipeline.config, Streams(0, 3, 1))
    return replace(drawn, aperture=None, motion=None, person=replace(drawn.person, beard=None))


def shown(pipeline, spec) -> dict[str, np.ndarray]:
    shot = build(pipeline._stage, spec)
    fields = label(shot, pipeline.renderer.render(shot), pipeline.names)
    return {name: as_stored(PASSES[name], value) for name, value in fields.items() if name in PASSES}


def wearing(spec, **things):
    return replace(spec, wear=replace(spec.wear, **things))


def dressed(spec, kind: str, **changes):
    config = ClothesConfig(**({"kinds": {kind: 1.0}, "scarf": 0.0} | changes))
    return wearing(spec, clothes=sample_clothes(config, rng(0, 2, "clothes")))


def adorned(spec):
    """In a blazer, with large earrings and earphones."""
    drop = sample_earrings(1.0, 1.0, {"drop": 1.0}, 0.0, 0.0, rng(0, 0, "earrings"))
    assert drop is not None
    buds = sample_headphones(1.0, {"earbud": 1.0}, rng(0, 0, "headphones"))
    return wearing(dressed(spec, "blazer"), earrings=replace(drop, size=0.012, length=0.04), headphones=buds)


def cups(spec):
    return wearing(
        dressed(spec, "hoodie"), headphones=sample_headphones(1.0, {"over_ear": 1.0}, rng(0, 1, "headphones"))
    )


def test_the_judge_sees_what_the_labels_say_of_clothes_and_of_what_is_on_the_ears(pipeline, spec):
    for worn in (dressed(spec, "shirt", tie=1.0), dressed(spec, "crew_neck", scarf=1.0), adorned(spec), cups(spec)):
        record = shown(pipeline, worn)
        found = errors(record, cast(evaluated_scene(), record, centers(HW)), np.arange(record["depth"].size))
        for name, bound in {"depth": 1e-4, "normal": 0.2, "uv": 1e-3, "pncc": 1e-3, "segmentation": 0.5}.items():
            assert (found[name] > bound).mean() < 1e-3, name
        assert violations(record, CLASSES) == []
        clothing = record["segmentation"] == CLOTHING
        assert clothing.mean() > 0.05
        assert (record["uv"][clothing] == -1).all()


def test_earrings_are_facewear_and_headphones_headwear_in_labels_and_coverage(pipeline, spec):
    bare = shown(pipeline, spec)
    assert not np.isin(bare["segmentation"], (HEADWEAR, FACEWEAR)).any()
    for worn, names in ((adorned(spec), (FACEWEAR, HEADWEAR)), (cups(spec), (HEADWEAR,))):
        record = shown(pipeline, worn)
        for number in names:
            seen = record["segmentation"] == number
            assert seen.any()
            coverage = record["coverage/headwear" if number == HEADWEAR else "coverage/facewear"] / 255
            assert (coverage - seen).mean() == pytest.approx(0, abs=0.01)
        np.testing.assert_array_equal(record["segmentation_bare"], bare["segmentation_bare"])


def test_bare_arms_go_on_below_where_the_model_ends_as_skin_in_all_labels(pipeline, spec):
    far = replace(spec, focal_px=0.45 * spec.focal_px)
    for worn in (dressed(far, "tank"), wearing(far, clothes=None)):
        record = shown(pipeline, worn)
        found = errors(record, cast(evaluated_scene(), record, centers(HW)), np.arange(record["depth"].size))
        for name, bound in {"depth": 1e-4, "normal": 0.2, "segmentation": 0.5}.items():
            assert (found[name] > bound).mean() < 1e-3, name
        assert violations(record, CLASSES) == []
        arms = (record["segmentation"] == NECK) & (record["uv"] == -1).all(axis=-1)
        assert arms.mean() > 0.005
        np.testing.assert_array_equal(record["segmentation_bare"][arms], NECK)
    sleeves = shown(pipeline, dressed(far, "crew_neck"))
    assert not ((sleeves["segmentation"] == NECK) & (sleeves["uv"] == -1).all(axis=-1)).any()


def test_no_clothes_leave_neck_and_shoulders_bare(pipeline, spec):
    record = shown(pipeline, wearing(spec, clothes=None))
    assert not (record["segmentation"] == CLOTHING).any()
    skin = ~np.isin(record["segmentation"], (5, 6))  # brows are strands
    np.testing.assert_array_equal(record["segmentation"][skin], record["segmentation_bare"][skin])


def test_make_up_changes_albedo_and_image_and_no_label(pipeline, spec):
    config = MakeupConfig(women=1.0, men=1.0, lipstick=1.0, shadow=1.0, liner=1.0, blush=1.0)
    made_up = shown(pipeline, wearing(spec, makeup=sample_makeup(config, 0.0, 0.0, rng(0, 0, "makeup"))))
    bare = shown(pipeline, spec)
    for name in ("depth", "normal", "uv", "pncc", "segmentation", "params/albedo"):
        np.testing.assert_array_equal(made_up[name], bare[name], err_msg=name)
    lips = np.isin(bare["segmentation"], (10, 11))
    assert np.abs(made_up["albedo"].astype(float) - bare["albedo"])[lips].mean() > 0.02
    assert (made_up["image"][lips] != bare["image"][lips]).any()


def test_a_record_is_the_same_alone_and_after_others_in_other_clothes(pipeline, spec):
    looks = [dressed(spec, "shirt", tie=1.0), adorned(spec), cups(spec), dressed(spec, "tank")]
    looks.append(wearing(spec, clothes=None))
    first = [shown(pipeline, worn) for worn in looks]
    for worn, before in zip(reversed(looks), reversed(first), strict=True):
        again = shown(pipeline, worn)
        for name in before:
            np.testing.assert_array_equal(again[name], before[name], err_msg=name)
