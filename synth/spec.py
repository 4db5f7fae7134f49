"""Specs as text: a spec is plain data, dataclasses of numbers, strings, bools and tuples of these."""

from typing import Any

from cattrs.preconf.json import make_converter

_converter = make_converter()


def to_json(spec: Any) -> str:
    """The spec as JSON; floats are written so that they are read back bit for bit."""
    return _converter.dumps(spec)


def from_json[T](cls: type[T], text: str) -> T:
    """The spec again. ValueError if the text is not one of that class."""
    try:
        return _converter.loads(text, cls)
    except Exception as error:  # cattrs raises groups of many kinds, all of them about the text
        raise ValueError(f"not a {cls.__module__}.{cls.__name__}: {error}") from error
