"""Hydra's door: the words of the command line become checked Configs.

Searched, in this order: configs/ beside this package, the folder of --config-dir, and the dataclasses themselves:
`engine` is synth.config.Config, `schema/NAME` is the Config of scenes/NAME. A scene without configs/scene/NAME.yaml
is its dataclass, so that a new scene has nothing to register.
"""

import dataclasses
import difflib
import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError, safe_load

from synth.config import Config, flatten
from synth.passes import passes_of
from synth.scene import load_scene, scene_names

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
MORE = "python -m synth run --cfg job prints all keys, --help all choices"


def compose_config(overrides: list[str], config_dir: Path | None = None) -> Config:
    """The checked config that the overrides describe. ValueError in one line, with the key and the way out."""
    with _searching(config_dir) as extra:
        return _checked(_composed([*extra, *overrides]))


def compose_sweep(overrides: list[str], config_dir: Path | None = None) -> list[Config]:
    """One checked config for each combination of the swept overrides (`seed=1,2`, `seed=range(0,4)`), last fastest."""
    with _searching(config_dir) as extra:
        combinations = _combinations(overrides)
        configs = [_checked(_composed([*extra, *words])) for words in combinations]
    dirs = [config.output.dir for config in configs]
    if len(set(dirs)) < len(dirs):
        raise ValueError(
            f"output.dir must differ from job to job of a --multirun, got {dirs[0]!r} more than once; "
            "say for example 'output.dir=datasets/seed-${seed}', in single quotes"
        )
    return configs


def config_from_yaml(path: Path) -> Config:
    """The checked config of a dataset's config.yaml. ValueError in one line if it is not one of this version."""
    try:
        text = path.read_text(encoding="utf-8")
        if "${" in text:  # OmegaConf would ask the environment for what it names; a composed config holds values alone
            raise ValueError(f"{path} must hold values, and holds an interpolation; restore it")
        loaded = OmegaConf.create(text if isinstance(safe_load(text), dict) else {})
        schema = _schemas().get(str(OmegaConf.select(loaded, "scene.name")))
        if schema is None:
            raise ValueError(f"{path} is not the config of a dataset: it names no scene that is here; restore it")
        tree = OmegaConf.structured(Config)
        tree.scene = OmegaConf.structured(schema)
        return _checked(OmegaConf.to_object(OmegaConf.merge(tree, loaded)))  # type: ignore[arg-type]
    except (OmegaConfBaseException, YAMLError, OSError) as error:
        raise ValueError(f"{path} is not the config of a dataset of this version: {_in_words(error)}") from error


def as_yaml(config: Config) -> str:
    """The whole config as YAML, every key."""
    return OmegaConf.to_yaml(OmegaConf.structured(config))


def choices(config_dir: Path | None = None) -> dict[str, list[str]]:
    """{config group: its choices}, for help texts."""
    with _searching(config_dir):
        loader = GlobalHydra.instance().config_loader()
        groups = [g for g in loader.list_groups("") if g not in ("hydra", "schema")]
        return {group: loader.get_group_options(group) for group in sorted(groups)}


@contextmanager
def _searching(config_dir: Path | None) -> Iterator[list[str]]:
    """Hydra, set up; gives the overrides that add the user's folder to the search path."""
    if config_dir is not None and not config_dir.is_dir():
        raise ValueError(f"--config-dir must be a folder, got {str(config_dir)!r}, which is none")
    folders = [CONFIGS, *([config_dir.resolve()] if config_dir else [])]
    store = ConfigStore.instance()
    store.store(name="engine", node=Config)
    for name, schema in _schemas().items():
        store.store(group="schema", name=name, node=_open_tables(OmegaConf.structured(schema)), package="scene")
        if not any((folder / "scene" / f"{name}.yaml").exists() for folder in folders):
            store.store(group="scene", name=name, node=schema)
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        yield [f"hydra.searchpath=['file://{folder}']" for folder in folders[1:]]


def _open_tables(tree: DictConfig) -> DictConfig:
    """The tree, in which overrides may put new names into a dict, though not into a dataclass."""
    for key in tree:
        node = tree._get_node(key)
        if isinstance(node, DictConfig):
            _open_tables(node)
    if not dataclasses.is_dataclass(OmegaConf.get_type(tree)):
        OmegaConf.set_struct(tree, False)
    return tree


def _schemas() -> dict[str, type]:
    """{name: Config dataclass} of all scenes that have one."""
    named = [name for name in scene_names() if importlib.util.find_spec(f"scenes.{name}.config")]
    return {name: load_scene(name, "config").Config for name in named}


def _combinations(overrides: list[str]) -> list[list[str]]:
    combinations: list[list[str]] = [[]]
    try:
        for override in OverridesParser.create().parse_overrides(overrides):
            words = [override.input_line or ""]
            if override.is_sweep_override():
                words = [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
            combinations = [[*before, word] for before in combinations for word in words]
    except HydraException as error:
        raise ValueError(_in_words(error)) from error
    return combinations


def _composed(overrides: list[str]) -> Config:
    try:
        tree = compose("config", overrides=overrides)
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
        raise ValueError(_in_words(error)) from error
    except ValueError as error:
        raise ValueError(f"cannot read {' '.join(overrides)}: {error}") from error
    unknown = _unknown_keys(tree)
    if unknown:
        raise ValueError(_unknown(unknown[0]))
    try:
        return OmegaConf.to_object(tree)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        raise ValueError(_in_words(error)) from error


def _unknown_keys(tree: DictConfig, prefix: str = "") -> list[str]:
    """Keys that a `+key=value` added to a dataclass that has no such field."""
    schema = OmegaConf.get_type(tree)
    known = {f.name for f in dataclasses.fields(schema)} if dataclasses.is_dataclass(schema) else set(tree)
    unknown = [f"{prefix}{key}" for key in tree if key not in known]
    for key in known:
        node = tree._get_node(key)
        if isinstance(node, DictConfig) and not node._is_none() and not node._is_interpolation():
            unknown += _unknown_keys(node, f"{prefix}{key}.")
    return unknown


def _checked(config: Config) -> Config:
    """The config, if its scene is there and has the passes that it asks for."""
    if not isinstance(config.scene, tuple(_schemas().values())):
        raise ValueError(f"scene must be one of {', '.join(_schemas())}, got {config.scene!r}; say scene=NAME")
    passes_of(load_scene(config.scene.name, "config").PASSES, config.output.passes)
    return config


def _in_words(error: Exception) -> str:
    """One line for what Hydra, OmegaConf or YAML said: the key, the value, the rule, the way out."""
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, name = (error.missing_cfg_file or "").rpartition("/")
        near = difflib.get_close_matches(name, error.options, n=1)
        return f"{group} must be one of {', '.join(error.options)}, got {name!r}" + "".join(
            f"; did you mean {n}?" for n in near
        )
    if isinstance(error, OverrideParseException):
        return f"{error.override!r} must be KEY=VALUE in Hydra's grammar; quote it for the shell: '{error.override}'"
    text = str(error.__cause__ or error)
    no_group = re.search(r"Could not override '([\w/@.]+)'\. No match in the defaults list", text)
    if no_group:
        return _no_group(no_group[1])
    key = re.search(r"full_key: (.+)", text)
    if key and re.search(r"Key '.*' (is )?not in", text):
        return _unknown(key[1])
    if key:
        lines = [line for line in text.splitlines() if "raised while composing" not in line]
        return f"{key[1]}: {lines[0].strip()}"
    return " ".join(text.split())


def _no_group(group: str) -> str:
    if (CONFIGS / group).is_dir() and group in ("experiment", "debug"):
        return f"{group} must be added with a plus: +{group}=NAME; --help lists the names"
    return f"{group} is not a group that this scene has; {MORE}"


def _unknown(key: str) -> str:
    """What to say of a key that is none, with the keys that may have been meant."""
    engine = flatten(dataclasses.asdict(Config()))
    scenes = flatten({"scene": {k: v for s in _schemas().values() for k, v in dataclasses.asdict(s()).items()}})
    known: list[Any] = [*engine, *scenes]
    near = [k for k in known if k.rpartition(".")[2] == key.rpartition(".")[2]]
    near = near or difflib.get_close_matches(key, [*known, "experiment"], n=3)
    near = ["+experiment" if k == "experiment" else k for k in near]
    return f"{key} is not a key" + (f"; did you mean {' or '.join(near)}?" if near else f"; {MORE}")
