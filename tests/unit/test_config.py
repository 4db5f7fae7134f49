"""Composition: every experiment is a checked Config, and what is wrong is said with its key."""

import dataclasses

import pytest
import yaml

from synth.compose import CONFIGS, as_yaml, compose_config, compose_sweep
from synth.config import Config, Device

EXPERIMENTS = sorted(path.stem for path in (CONFIGS / "experiment").glob("*.yaml"))
HEAD_GROUPS = ("pose", "expression", "hair", "camera", "light", "background", "sensor")
CHOICES = sorted(f"{group}={path.stem}" for group in HEAD_GROUPS for path in (CONFIGS / group).glob("*.yaml"))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_is_a_checked_config_with_a_folder_of_its_own(name):
    config = compose_config([f"+experiment={name}"])
    assert isinstance(config, Config)
    assert config.output.dir == f"datasets/{name}"


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_of_a_head_composes(choice):
    assert compose_config(["scene=head", choice]).scene.name == "head"


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONFIGS / "debug").glob("*.yaml")))
def test_every_debug_config_composes_with_an_experiment(name):
    assert compose_config(["+experiment=faces_demo", f"+debug={name}"]).scene.name == "head"


def test_the_sizes_that_are_promised():
    smoke, demo, large = (compose_config([f"+experiment=faces_{name}"]) for name in ("smoke", "demo", "large"))
    assert (smoke.num_records, smoke.render.hw) == (4, [64, 64])
    assert (demo.num_records, demo.render.hw) == (16, [256, 256])
    assert (large.num_records, large.render.hw) == (100_000, [512, 512])
    assert (large.output.records_per_shard, large.views_per_identity > 1, large.farm.device) == (256, True, Device.auto)


def test_a_group_of_the_scene_can_be_chosen_on_the_command_line():
    config = compose_config(["+experiment=faces_demo", "pose=large"])
    assert config.scene.pose.spread.name == "uniform"
    assert config.scene.pose.yaw_max_deg == 90


def test_every_key_can_be_overridden_though_no_file_names_it():
    assert compose_config(["scene=shapes", "scene.lamp_power=[1,2]"]).scene.lamp_power == [1.0, 2.0]


def test_a_table_takes_names_that_its_default_lacks():
    words = ["scene.identity.traits.male=[0.9,1]", "scene.hair.child.afro=0"]
    scene = compose_config(["+experiment=faces_demo", *words]).scene
    assert scene.identity.traits == {"male": [0.9, 1.0]}
    assert scene.hair.child["afro"] == 0.0


def test_the_yaml_of_a_config_holds_every_key():
    config = compose_config(["+experiment=shapes_smoke"])
    assert set(yaml.safe_load(as_yaml(config))["scene"]) == {f.name for f in dataclasses.fields(config.scene)}


def test_a_sweep_is_the_product_of_its_values():
    configs = compose_sweep(["seed=1,2", "render.spp=range(3,5)", "output.dir=data/${seed}-${render.spp}"])
    assert [config.output.dir for config in configs] == ["data/1-3", "data/1-4", "data/2-3", "data/2-4"]


def test_a_sweep_into_one_folder_is_refused():
    with pytest.raises(ValueError, match=r"output\.dir must differ from job to job"):
        compose_sweep(["seed=1,2"])


BAD = {
    "num_recods=5": "num_recods is not a key; did you mean num_records",
    "spp=4": "spp is not a key; did you mean render.spp",
    "+foo=3": "foo is not a key",
    "+render.foo=3": "render.foo is not a key",
    "+experimnt=faces_demo": "experimnt is not a key; did you mean +experiment",
    "experiment=faces_demo": "experiment must be added with a plus: +experiment=NAME",
    "+experiment=faces_dem": f"experiment must be one of {', '.join(EXPERIMENTS)}, got 'faces_dem'; did you mean",
    "scene=hed": "scene must be one of head, shapes, got 'hed'; did you mean head",
    "scene=null": "cannot read scene=null",
    "~scene": "scene must be one of head, shapes, got None",
    "scene.name=head": "scene.name must be shapes",
    "scene.lamp_powr=3": "scene.lamp_powr is not a key; did you mean scene.lamp_power",
    "pose=large": "pose is not a group that the scene shapes has; say scene=head, or an experiment of it such as +exp",
    "scene.pose.yaw_sigma_deg=10": "scene.pose.* is not a key of the scene shapes; say scene=head, or an experiment of",
    "~num_records": "num_records must have a value; say num_records=VALUE, not ~num_records",
    "render=drft": "render must be one of draft, fast, quality, reference, got 'drft'; did you mean draft",
    "num_records=abc": "num_records: Value 'abc' of type 'str' could not be converted to Integer",
    "num_records=0": "num_records must be from 1 to 100,000,000, got 0",
    "num_records=-3": "num_records must be from 1 to 100,000,000, got -3",
    "num_records=null": "num_records: field 'num_records' is not Optional",
    "seed=-1": "seed must be from 0",
    "seed=1,2": "seed=1,2",
    "views_per_identity=0": "views_per_identity must be at least 1, got 0",
    "render.hw=[0,64]": "render.hw must be .height, width., each from 8 to 8192, got .0, 64.",
    "render.hw=[64]": "render.hw must be .height, width.",
    "render.hw=5": "render.hw: Invalid value assigned",
    "render.spp=0": "render.spp must be from 1",
    "farm.device=tpu": "farm.device: Invalid value 'tpu', expected one of .auto, cpu, gpu.",
    "farm.workers=-1": "farm.workers must be 0",
    "output.passes=[imag]": "output.passes names unknown passes .'imag'.",
    "output.passes=[pncc]": "output.passes names .'pncc'., which this scene does not have",
    "output.dir=${sed}": "output.dir: Interpolation key 'sed' not found",
    "foo": "'foo' must be KEY=VALUE",
    "a b=1": "must be KEY=VALUE",
}


@pytest.mark.parametrize("word", BAD)
def test_a_wrong_word_is_refused_in_one_line_that_names_its_key(word):
    with pytest.raises(ValueError, match=BAD[word].replace("+", r"\+")) as caught:
        compose_config([word])
    assert "\n" not in str(caught.value)


def test_a_folder_of_the_users_adds_experiments_and_scenes(tmp_path, monkeypatch):
    (tmp_path / "scenes/mine").mkdir(parents=True)
    (tmp_path / "scenes/mine/__init__.py").touch()
    (tmp_path / "scenes/mine/config.py").write_text(SCENE)
    (tmp_path / "configs/experiment").mkdir(parents=True)
    (tmp_path / "configs/experiment/own.yaml").write_text(EXPERIMENT)
    monkeypatch.syspath_prepend(tmp_path)
    config = compose_config(["+experiment=own", "scene.height=4"], tmp_path / "configs")
    assert (config.scene.name, config.scene.width, config.scene.height) == ("mine", 3, 4)


SCENE = """
from dataclasses import dataclass
PASSES = ("image",)
@dataclass(kw_only=True, slots=True)
class Config:
    name: str = "mine"
    width: int = 1
    height: int = 2
"""
EXPERIMENT = """# @package _global_
defaults:
  - override /scene: mine
scene:
  width: 3
"""
