"""Specs as text: a spec is plain data, dataclasses of numbers, strings, bools and tuples of these."""

from collections.abc import Callable
from typing import Any

import numpy as np
from cattrs.preconf.json import make_converter

_converter = make_converter(forbid_extra_keys=True)


def _only(*kinds: type) -> Callable[[Any, type], Any]:
    """Takes values of these very types: a bool is no number, and what is not a str is not made one."""

    def structure(value: Any, wanted: type) -> Any:
        if type(value) not in kinds:
            raise ValueError(f"must be a {wanted.__name__}, got {value!r}")
        return wanted(value)

    return structure


for _kind, _read in {str: (str,), bool: (bool,), int: (int,), float: (float, int)}.items():
    _converter.register_structure_hook(_kind, _only(*_read))


def _plain(value: Any) -> Any:
    """A numpy number as Python's: `json` knows none but float64."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} is not plain data")


def to_json(spec: Any) -> str:
    """The spec as JSON; floats are written so that they are read back bit for bit. TypeError if not plain data."""
    return _converter.dumps(spec, default=_plain)


def from_json[T](cls: type[T], text: str) -> T:
    """The spec again; fields that have a default may be missing. ValueError if the text is not one of that class."""
    try:
        return _converter.loads(text, cls)
    except Exception as error:  # cattrs raises groups of many kinds, all of them about the text
        raise ValueError(f"not a {cls.__module__}.{cls.__name__}: {error}") from error
