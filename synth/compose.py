"""Hydra's door: the words of the command line become checked Configs.

Searched, in this order: configs/ beside this package, the folder of --config-dir, and the dataclasses themselves:
`engine` is synth.config.Config, `schema/NAME` is the Config of scenes/NAME. A scene without configs/scene/NAME.yaml
is its dataclass, so that a new scene has nothing to register.
"""

import dataclasses
import difflib
import importlib.util
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
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
    places = Counter(_place(config) for config in configs)
    for config in configs:
        if places[_place(config)] > 1:
            raise ValueError(
                f"output.dir must differ from job to job of a --multirun, got {config.output.dir!r} more than once; "
                "say for example 'output.dir=datasets/seed-${seed}', in single quotes"
            )
    return configs


def _place(config: Config) -> tuple[str, int]:
    """Where the dataset will be; two ways to write a folder are one place."""
    place = config.output.dir
    return place.rstrip("/") if "://" in place else str(Path(place).resolve()), config.output.version


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
        yield [f"hydra.searchpath=[{_quoted(f'file://{folder}')}]" for folder in folders[1:]]


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
        raise ValueError(_in_words(error, overrides)) from error
    except ValueError as error:
        raise ValueError(f"cannot read {' '.join(overrides)}: {error}") from error
    unknown = _unknown_keys(tree)
    if unknown:
        raise ValueError(_unknown(unknown[0], overrides))
    try:
        return OmegaConf.to_object(tree)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        raise ValueError(_in_words(error)) from error


def _unknown_keys(tree: DictConfig, prefix: str = "") -> list[str]:
    """Keys that a `+key=value` added to a dataclass that has no such field. ValueError if a `~key` took one away."""
    schema = OmegaConf.get_type(tree)
    known = [f.name for f in dataclasses.fields(schema)] if dataclasses.is_dataclass(schema) else list(tree)
    gone = [f"{prefix}{key}" for key in known if key not in tree]
    if gone:
        raise ValueError(f"{gone[0]} must have a value; say {gone[0]}=VALUE, not ~{gone[0]}")
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


def _in_words(error: Exception, overrides: Sequence[str] = ()) -> str:
    """One line for what Hydra, OmegaConf or YAML said: the key, the value, the rule, the way out."""
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, name = (error.missing_cfg_file or "").rpartition("/")
        near = difflib.get_close_matches(name, error.options, n=1)
        return f"{group} must be one of {', '.join(error.options)}, got {name!r}" + "".join(
            f"; did you mean {n}?" for n in near
        )
    if isinstance(error, OverrideParseException):
        return f"{error.override!r} must be KEY=VALUE in Hydra's grammar{_as_text(error.override or '')}"
    text = str(error.__cause__ or error)
    no_group = re.search(r"Could not override '([\w/@.]+)'\. No match in the defaults list", text)
    if no_group:
        return _no_group(no_group[1], overrides)
    key = re.search(r"full_key: (.+)", text)
    if key and re.search(r"Key '.*' (is )?not in", text):
        return _unknown(key[1], overrides)
    if key:
        lines = [line for line in text.splitlines() if "raised while composing" not in line]
        return f"{key[1]}: {lines[0].strip()}"
    return " ".join(text.split())


def _as_text(override: str) -> str:
    """How to write an override whose value is text, if it has one."""
    key, _, value = override.partition("=")
    if not (key and value):
        return ""
    value = str(Path(value).expanduser()) if value.startswith("~") else value
    word = f"{key}={_quoted(value)}"
    word = shlex.quote(word) if set(word) & set('"$`\\!') else f'"{word}"'
    return f"; if the value is text, quote it for Hydra and for the shell: {word}"


def _quoted(text: str) -> str:
    """Text in Hydra's single quotes, in which a backslash counts only before a quote."""
    return "'" + re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + ("\\'" if found[2] else ""), text) + "'"


def _no_group(group: str, overrides: Sequence[str]) -> str:
    if (CONFIGS / group).is_dir() and group in ("experiment", "debug"):
        return f"{group} must be added with a plus: +{group}=NAME; --help lists the names"
    scene = _scene_of(overrides)
    others = [n for n in _schemas() if n != scene and group in _groups(n)]
    return f"{group} is not a group that the scene {scene} has; {_other_scene(others) or MORE}"


def _scene_of(overrides: Sequence[str]) -> str:
    """Name of the scene that the overrides choose, by those that choose a scene or an experiment."""
    chosen = [word for word in overrides if re.match(r"scene=|\+experiment=|hydra\.searchpath=", word)]
    return compose("config", overrides=chosen).scene.name


def _groups(scene: str) -> set[str]:
    """Config groups of which a config of the scene has a choice."""
    return set(compose("config", overrides=[f"scene={scene}"], return_hydra_config=True).hydra.runtime.choices)


def _other_scene(names: Sequence[str]) -> str:
    """How to choose a scene that has what was asked for; nothing if none has."""
    chosen = " or ".join(f"scene={name}" for name in names)
    return f"say {chosen}, or an experiment of it such as +experiment=faces_demo" if names else ""


def _unknown(key: str, overrides: Sequence[str]) -> str:
    """What to say of a key that is none, with the scenes that have it or the keys that may have been meant."""
    if key.startswith("scene."):
        keys = {name: flatten({"scene": dataclasses.asdict(schema())}) for name, schema in _schemas().items()}
        others = [name for name, known in keys.items() if any(f"{k}.".startswith(f"{key}.") for k in known)]
        if others:
            return f"{key} is not a key of the scene {_scene_of(overrides)}; {_other_scene(others)}"
    engine = flatten(dataclasses.asdict(Config()))
    scenes = flatten({"scene": {k: v for s in _schemas().values() for k, v in dataclasses.asdict(s()).items()}})
    known: list[Any] = [*engine, *scenes]
    near = [k for k in known if k.rpartition(".")[2] == key.rpartition(".")[2]]
    near = near or difflib.get_close_matches(key, [*known, "experiment"], n=3)
    near = ["+experiment" if k == "experiment" else k for k in near]
    return f"{key} is not a key" + (f"; did you mean {' or '.join(near)}?" if near else f"; {MORE}")
