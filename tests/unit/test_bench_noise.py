"""What `bench noise` measures and keeps: images that are known stand in for Blender's."""

import dataclasses
import json

import numpy as np
import pytest

from synth.__main__ import main
from synth.bench import noise as module
from synth.bench.noise import bench_noise
from synth.compose import choices, compose_config
from synth.config import RenderConfig, flatten, record_keys
from synth.noise.child import Taken
from synth.noise.errors import flip, psnr, shown, yardsticks
from synth.noise.report import names_apart, summary, table, time_noise_of, write_plot
from synth.noise.settings import AXES, GEOMETRY, axes_of, groups

HW = (24, 40)
WORDS = ["+experiment=shapes_smoke", "render.hw=[24,40]"]


class Painter:
    """Instead of a process: a known picture with noise that falls with the samples, and times in proportion."""

    asked: list = []  # noqa: RUF012 - of all of them together, as of processes
    scene = 0.5

    def __init__(self, opener, config) -> None:
        self.spp = config.render.spp

    def ask(self, question) -> Taken:
        index, setting = question
        self.asked.append((index, setting.axis, setting.name))
        spp = setting.render.get("spp", self.spp)
        rng = np.random.default_rng([index, setting.seed])
        noise = rng.normal(0, 0.1, (*HW, 3)) / np.sqrt(spp)
        return Taken((self.scene + noise).astype(np.float32), np.ones(HW, np.float32), 0.1 * spp, 0.06 * spp)

    def close(self) -> None:
        pass


@pytest.fixture
def painter(monkeypatch) -> type[Painter]:
    monkeypatch.setattr(module, "Child", Painter)
    monkeypatch.setattr(Painter, "asked", [])
    return Painter


def measured(folder, specs: int = 2, axes: str = "spp") -> dict:
    return bench_noise(WORDS, specs, 1024, axes, folder)


def of(report: dict, axis: str, name: str) -> dict:
    (row,) = [row for row in report["settings"] if (row["axis"], row["name"]) == (axis, name)]
    return row


def test_psnr_is_that_of_its_definition_where_the_mask_is():
    reference = np.full((*HW, 3), 0.4)
    mask = np.zeros(HW, bool)
    mask[:, 5:] = True
    image = np.where(mask[..., None], reference + 0.1, 0)
    assert psnr(image, reference, mask) == pytest.approx(20)
    assert psnr(reference, reference, mask) == float("inf")


def test_flip_is_nothing_between_equal_images_and_grows_with_their_distance(rng):
    pytest.importorskip("flip_evaluator")
    reference, mask = rng.random((*HW, 3)), np.ones(HW, bool)
    near, far = (np.clip(reference + noise * rng.normal(size=(*HW, 3)), 0, 1) for noise in (0.02, 0.2))
    assert flip(reference, reference, mask) == 0
    assert 0 < flip(near, reference, mask) < flip(far, reference, mask) < 1


def test_flip_counts_only_pixels_of_the_mask(rng):
    pytest.importorskip("flip_evaluator")
    reference, mask = rng.random((*HW, 3)), np.zeros(HW, bool)
    mask[:, 30:] = True
    image = reference.copy()
    image[:, :10] = 0
    assert flip(image, reference, mask) < 0.02 < flip(image, reference, ~mask)


def test_without_flip_evaluator_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "flip_evaluator", None)
    with pytest.raises(ValueError, match="--group bench"):
        flip(np.zeros((*HW, 3)), np.zeros((*HW, 3)), np.ones(HW, bool))


def test_eight_bits_are_a_smaller_error_than_a_file_or_a_sensor(rng):
    linear = rng.random((1, 40, 1)).astype(np.float32) * np.ones((24, 1, 3), np.float32)
    errors = [psnr(image, shown(linear), np.ones(HW, bool)) for image in yardsticks(linear).values()]
    assert errors[0] == pytest.approx(20 * np.log10(255) + 10 * np.log10(12), abs=1.5)  # of uniform rounding
    assert errors[0] > max(errors[1:])


@pytest.mark.parametrize("axis", AXES)
def test_every_setting_of_an_axis_is_one_that_a_config_may_have(axis):
    config = compose_config(["+experiment=faces_demo"]).render
    for setting in AXES[axis]:
        dataclasses.replace(config, **setting.render)


@pytest.mark.parametrize("axis", GEOMETRY)
def test_geometry_is_compared_with_a_finer_one(axis):
    (group,) = groups((axis,), [], 4096)
    value = lambda words: flatten(record_keys(compose_config(["+experiment=faces_demo", *words])))[GEOMETRY[axis][0]]
    assert group.reference_spp == 1024
    assert all(value(setting.overrides) < value(group.geometry) for setting in group.settings[1:])


@pytest.mark.parametrize("experiment", choices()["experiment"])
def test_a_preset_is_not_undone_by_an_experiment(experiment):
    found = compose_config([f"+experiment={experiment}", "render=quality"]).render
    assert (found.spp, found.denoiser.name) == (64, "high")


def test_presets_differ_in_what_they_cost_and_not_in_size():
    found = [compose_config([f"render={name}"]).render for name in ("draft", "fast", "quality", "reference")]
    assert [config.spp for config in found] == sorted({config.spp for config in found})
    assert {tuple(config.hw) for config in found} == {(256, 256)}
    assert found[1] == compose_config([]).render == RenderConfig()


def test_a_scene_without_hair_has_no_axis_of_strands():
    assert "strands" not in axes_of({"render.spp", "scene.radius"})
    assert "strands" in axes_of({"scene.hair.strands"})


def test_more_samples_are_nearer_to_the_reference_in_proportion(painter, tmp_path):
    pytest.importorskip("flip_evaluator")
    report = measured(tmp_path)
    low, high = of(report, "spp", "4"), of(report, "spp", "64")
    assert high["psnr"]["median"] - low["psnr"]["median"] == pytest.approx(10 * np.log10(16), abs=1)
    assert high["over_default"]["median"] / low["over_default"]["median"] == pytest.approx(16)


def test_the_error_of_a_reference_is_that_of_all_its_samples(painter, tmp_path):
    pytest.importorskip("flip_evaluator")
    report = measured(tmp_path)
    gain = of(report, "reference", "reference")["psnr"]["median"] - of(report, "spp", "64")["psnr"]["median"]
    assert gain == pytest.approx(10 * np.log10(1024 / 64), abs=1)


def test_what_was_measured_is_not_measured_again(painter, tmp_path):
    pytest.importorskip("flip_evaluator")
    first = measured(tmp_path)
    painter.asked.clear()
    assert measured(tmp_path)["settings"] == first["settings"]
    assert {name for _, _, name in painter.asked} == {"fingerprint"}


def test_a_record_more_is_measured_alone(painter, tmp_path):
    pytest.importorskip("flip_evaluator")
    measured(tmp_path, specs=1)
    painter.asked.clear()
    measured(tmp_path, specs=2)
    assert {index for index, _, name in painter.asked if name != "fingerprint"} == {1}


def test_other_axes_use_the_same_references(painter, tmp_path):
    pytest.importorskip("flip_evaluator")
    measured(tmp_path)
    painter.asked.clear()
    measured(tmp_path, axes="bounces")
    assert "first half" not in {name for _, _, name in painter.asked}


def test_another_state_of_the_scene_has_references_of_its_own(painter, tmp_path, monkeypatch):
    pytest.importorskip("flip_evaluator")
    measured(tmp_path)
    painter.asked.clear()
    monkeypatch.setattr(painter, "scene", 0.6)
    measured(tmp_path)
    assert {"first half", "second half"} <= {name for _, _, name in painter.asked}


def test_ratios_are_of_the_same_record():
    times, errors = {0: 1.0, 1: 100.0}, {0: 20.0, 1: 40.0}  # the second record takes a hundred times as long
    rows = []
    for name, slower, better in (("default", 1, 0), ("64", 3, 2)):
        axis = "default" if name == "default" else "spp"
        rows += [{"group": "own geometry", "spec": k, "axis": axis, "name": name, "cpu_s": slower * s, "wall_s": s,
                  "default_cpu_s": s, "psnr": errors[k] + better, "flip": 0.1} for k, s in times.items()]  # fmt: skip
    found = summary(rows)[1]
    assert found["over_default"] == {"median": 3, "low": 3, "high": 3}
    assert found["psnr_gain"] == {"median": 2, "low": 2, "high": 2}


def test_a_setting_is_timed_against_the_defaults_around_it(painter, tmp_path, monkeypatch):
    pytest.importorskip("flip_evaluator")
    ask, slow = painter.ask, []

    def slower_and_slower(self, question) -> Taken:
        taken = ask(self, question)
        slow.append(1)
        return taken._replace(cpu_s=taken.cpu_s * (1 + 0.05 * len(slow)))

    monkeypatch.setattr(painter, "ask", slower_and_slower)
    report = measured(tmp_path, specs=1, axes="bounces,guides,pattern,light tree")
    ratios = [row["over_default"]["median"] for row in report["settings"] if row["axis"] != "reference"
              and "cpu_s" in row]  # fmt: skip
    assert max(ratios) < 1.2 < 1.5 * min(ratios)


def test_the_report_is_a_table_a_file_and_a_picture(painter, tmp_path, monkeypatch, capsys):
    pytest.importorskip("flip_evaluator")
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("synth.blender.libraries.require_libraries", lambda: None)
    words = ["noise", *WORDS, "--specs", "2", "--reference-spp", "64", "--axes", "spp,presets"]
    assert main(["bench", *words, "--folder", str(tmp_path / "kept"), "--out", str(tmp_path / "docs")]) == 0
    report = json.loads((tmp_path / "docs/noise.json").read_text())
    assert "\n".join(table(report)) in capsys.readouterr().out
    assert (tmp_path / "docs/noise.png").read_bytes()[:4] == b"\x89PNG"


def test_of_settings_those_are_named_that_differ_from_the_default_and_together_if_not_from_each_other():
    at = [(1.04, 0.1), (1.04, 0.2), (0.8, 0.0), (0.805, 0.01), (0.83, 0.0)]
    names = ["as good", "better", "fast", "the same", "slower"]
    assert names_apart(names, at, 0.05, 0.15) == {"better": at[1], "fast; the same": at[2], "slower": at[4]}


def test_times_differ_for_no_reason_by_what_second_measurements_of_the_default_do():
    again = {"axis": "default", "name": "default, again", "over_default": {"median": 1.0, "low": 0.92, "high": 1.03}}
    other = {"axis": "bounces", "name": "0", "over_default": {"median": 0.5, "low": 0.4, "high": 0.6}}
    assert time_noise_of([again, other]) == pytest.approx(0.08)
    assert time_noise_of([other]) == 0.03


def test_without_matplotlib_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(ValueError, match="--group bench"):
        write_plot({"settings": []}, tmp_path / "noise.png")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--specs", "0"], "--specs must be at least 1, got 0"),
        (["--reference-spp", "1"], "--reference-spp must be at least 4, got 1"),
        (["--axes", "colour"], "--axes must be among presets, spp"),
    ],
)
def test_words_that_measure_nothing_are_refused(words, said, capsys, monkeypatch):
    monkeypatch.setattr("synth.blender.libraries.require_libraries", lambda: None)
    assert main(["bench", "noise", *WORDS, *words]) == 2
    assert said in capsys.readouterr().err
