"""Histograms of columns, and their gaps in words: what a config allows and no record has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any, TypeGuard

import numpy as np

from synth.columns import Column, number

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # of bins, times a power of ten
MOST_BINS = 24
ANGLE_STEPS = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 45.0)
APART = ("light.lamps",)  # of all lamps; the key of that name is of those over an environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How many records each bin of a column holds.

    edges: float64 [n + 1] of numbers; as numpy has it the last bin holds its upper edge. names: [n] of choices.
    missing: records without a value. allowed: what the config lets be, (low, high) or names; None if it does not say.
    """

    column: str
    label: str
    unit: str
    counts: np.ndarray
    missing: int
    edges: np.ndarray | None = None
    names: tuple[str, ...] | None = None
    allowed: tuple[float, float] | tuple[str, ...] | None = None
    of: int = 0  # records that were asked, where one may be in many bins; else 0

    @property
    def total(self) -> int:
        """How many records the shares of the bins are shares of."""
        return self.of or int(self.counts.sum())

    def bin_names(self) -> list[str]:
        """What each bin is, in words."""
        if self.names is not None:
            return list(self.names)
        assert self.edges is not None
        pairs = list(pairwise(self.edges.tolist()))
        if all(b - a == 1 and a % 1 == 0.5 for a, b in pairs):  # whole numbers
            return [f"{number(a + 0.5)}{self.space_unit}" for a, _ in pairs]
        return [f"{number(a)} to {number(b)}{self.space_unit}" for a, b in pairs]

    @property
    def space_unit(self) -> str:
        return f"{'' if self.unit in ('°', '') else ' '}{self.unit}"


def histogram(
    column: Column, allowed: tuple[float, float] | tuple[str, ...] | None = None, rows: np.ndarray | None = None
) -> Histogram:
    """The histogram of a column, of all records or of `rows` [n]; bins depend on all records and on `allowed`."""
    values = column.values if rows is None else column.values[rows]
    facts: dict[str, Any] = {"column": column.name, "label": column.label, "unit": column.unit, "allowed": allowed}
    if column.choices is not None:
        return _of_names(column, values, allowed, facts)
    there = values[np.isfinite(values)].astype(np.float64)
    edges = bin_edges(column, _bounds(allowed))
    counts = np.histogram(there, edges)[0]
    return Histogram(**facts, edges=edges, counts=counts, missing=len(values) - len(there))


def _bounds(allowed: tuple[float, float] | tuple[str, ...] | None) -> tuple[float, float] | None:
    return None if not allowed or isinstance(allowed[0], str) else (float(allowed[0]), float(allowed[1]))


def _of_names(column: Column, values: np.ndarray, allowed: Any, facts: dict[str, Any]) -> Histogram:
    """Names that the config allows first and in its order, then others, then the records with none."""
    choices = list(column.choices or [])
    names = [*(name for name in allowed or () if name not in choices), *choices]
    if allowed:
        names.sort(key=lambda name: list(allowed).index(name) if name in allowed else len(allowed))
    by_code = np.bincount(values[values >= 0], minlength=len(choices))
    counts = [int(by_code[choices.index(name)]) if name in choices else 0 for name in names]
    missing = int(np.count_nonzero(values < 0))
    if (column.values < 0).any() and column.missing == "some":
        names, counts, missing = [*names, "some"], [*counts, missing], 0
    return Histogram(**facts, names=tuple(names), counts=np.array(counts, np.int64), missing=missing)


def bin_edges(column: Column, allowed: tuple[float, float] | None = None) -> np.ndarray:
    """float64 [n + 1]: round edges over what is there and allowed; few whole numbers have a bin each.

    The first and last bin end where the allowed range ends, so that no bin lies half outside of it.
    """
    there = column.values[np.isfinite(column.values)].astype(np.float64)
    low, high = (float(there.min()), float(there.max())) if len(there) else (0.0, 1.0)
    if allowed:
        low, high = min(low, allowed[0]), max(high, allowed[1])
    whole = len(there) > 0 and bool((there == np.rint(there)).all())
    most = int(np.clip(2 * np.sqrt(len(there)), 10, MOST_BINS))  # few records in many bins would all be gaps
    if whole and high - low < MOST_BINS:
        return np.arange(np.floor(low), np.ceil(high) + 2) - 0.5
    if high - low <= 1e-9 * max(1.0, abs(low), abs(high)):
        pad = max(0.5 if whole else 1e-3, 1e-6 * abs(low))
        return np.array([low - pad, high + pad])
    step = _step((high - low) / most, ANGLE_STEPS if column.unit == "°" else ())
    edges = np.arange(np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9) + 1) * step
    if allowed and low >= allowed[0] - 1e-6 * step:
        edges[0] = min(low, allowed[0])
    if allowed and high <= allowed[1] + 1e-6 * step:
        edges[-1] = max(high, allowed[1])
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges


def _step(least: float, steps: tuple[float, ...]) -> float:
    fitting = [step for step in steps if step >= least and least >= 0.5]
    power = 10.0 ** np.floor(np.log10(least))
    return fitting[0] if fitting else next(float(power * step) for step in STEPS if power * step >= least * (1 - 1e-9))


def allowed_range(column: Column, record_keys: Mapping[str, Any]) -> tuple[float, float] | tuple[str, ...] | None:
    """What the dataset's config lets a column be, by the likeness of their names; None if no key is like it.

    Numbers: a key of the scene or of something that both names have, whose last word is the same and whose value is
    [from, to]; or NAME_max_deg, which is symmetric. Names, of a column OF.NAME: the keys OF.NAMEs.CHOICE or
    OF_NAMEs.CHOICE with a positive weight, or a list of choices. The key with most words in common decides.
    A key that does not allow all that records have is about something else, and so is one whose choices none has.
    """
    if column.name in APART:
        return None
    words = re.split(r"[./]", column.name)
    if words[0] == "params" and column.unit == "°":
        words = ["pose", column.label]
    elif words[0] == "model":
        words = ["traits", words[-1]]
    found = _ranged(words, column, record_keys) if column.choices is None else _named(words, column, record_keys)
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _ranged(words: list[str], column: Column, keys: Mapping[str, Any]) -> list[tuple[int, tuple[float, float]]]:
    found = []
    for key, value in keys.items():
        *above, last = key.split(".")
        if last == f"{words[-1]}_max_deg" and column.unit == "°" and _is_number(value):
            low, high = -float(value), float(value)
        elif last == words[-1] and isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)):
            low, high = map(float, value)
        else:
            continue
        if (above == ["scene"] or {*above} & {*words[:-1]}) and _holds(low, high, column.values):
            found.append((_common(words, [*above, last]), (low, high)))
    return found


def _holds(low: float, high: float, values: np.ndarray) -> bool:
    """Whether no value leaves the range by more than rounding does."""
    slack = 1e-3 * max(high - low, abs(low), abs(high))
    return not ((values < low - slack) | (values > high + slack)).any()


def _named(words: list[str], column: Column, keys: Mapping[str, Any]) -> list[tuple[int, tuple[str, ...]]]:
    tables: dict[str, list[str]] = {}
    for key, value in keys.items():
        stem, _, name = key.rpartition(".")
        if _is_number(value) and value > 0:
            tables.setdefault(stem, []).append(name)
        elif isinstance(value, list) and all(isinstance(choice, str) for choice in value):
            tables[key] = value
    there = {*(column.choices or ())} - {"none"}
    return [
        (_common(words, key.split(".")), tuple(names))
        for key, names in tables.items()
        if _is_plural(key.split("."), words) and there and there <= {*names}
    ]


def _is_plural(parts: list[str], words: list[str]) -> bool:
    """Whether a key is OF.NAMEs or OF_NAMEs of a column OF.NAME."""
    of, name = ["", *words][-2:]
    plurals = (f"{name}s", f"{name.removesuffix('y')}ies")
    joined = {f"{word}_{plural}" for word in (of, of.removesuffix("s")) for plural in plurals}
    return parts[-1] in joined or (parts[-1] in plurals and parts[-2:-1] == [of])


def _common(words: list[str], parts: list[str]) -> int:
    return len({*words} & {*parts})


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def gaps(histogram: Histogram) -> list[str]:
    """Sentences about the bins that the config allows and no record is in; [] without a config's word on it."""
    if histogram.allowed is None or not histogram.total:
        return []
    if histogram.names is not None:
        empty = [n for n, c in zip(histogram.names, histogram.counts, strict=True) if not c and n in histogram.allowed]
        return [f"No record has {histogram.label} {listed(empty)}, which the config allows."] if empty else []
    assert histogram.edges is not None
    low, high = (float(bound) for bound in histogram.allowed)
    spans, names = [], histogram.bin_names()
    for empty, run in groupby(range(len(histogram.counts)), key=lambda k: histogram.counts[k] == 0):
        bins = list(run)
        a, b = max(histogram.edges[bins[0]], low), min(histogram.edges[bins[-1] + 1], high)
        if empty and b - a > 1e-9 * max(1.0, high - low):
            spans.append(_span(names[bins[0]], names[bins[-1]], a, b, histogram))
    allowed = f"{number(low)} to {number(high)}{histogram.space_unit}"
    return [f"No record has {histogram.label} {listed(spans)}; the config allows {allowed}."] if spans else []


def _span(first: str, last: str, low: float, high: float, histogram: Histogram) -> str:
    """Empty bins in words: the bounds of numbers, or the whole numbers."""
    if " to " in first:
        return f"between {number(low)} and {number(high)}{histogram.space_unit}"
    return first if first == last else f"{first} to {last}"


def listed(words: list[str]) -> str:
    """Words as a sentence has them: a, b or c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
