"""Every scalar of a dataset's records as a column: what `view` filters and sorts by, and what `report` counts.

The columns are not listed anywhere: they are what the specs and the small passes hold.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synth.passes import PASSES, Pass
from synth.record import Record
from synth.storage.reader import Dataset

SPEC = "meta/spec"
PLACES = ("landmarks/points_2d", "landmarks/points_3d", "landmarks/outline_2d", "camera/world_to_camera")  # no columns
SHORT = 4  # lists of so many numbers in a spec are columns; longer ones are coefficients, which params hold
MOST_COLUMNS, MOST_CHOICES = 4000, 1000  # of one dataset, of one column: a spec may hold anything
GROUPS = (  # in the order they are shown; the first pattern that is found in the name decides
    ("Pose", r"^params/yaw_pitch_roll"),
    ("Coefficients", r"^params/"),
    ("Labels", r"^(class_pixels|boxes|landmarks|meta)/|^class_pixels"),
    ("Expression", r"(^|\.)(expression|gaze)"),
    (
        "Accessories",
        r"glasses|headwear|facewear|mask|(^|\.)hat|garment|cloth|earring|headphone|occlu|make_?up|accessor",
    ),
    ("Hair", r"hair|beard|brow|stubble|lash"),
    ("Skin", r"skin|tone|albedo|freckle|mole|wrinkle"),
    ("Light", r"^light|lamp|exposure|environment"),
    ("Background", r"^background"),
    ("Camera", r"camera|focal|lens|sensor|principal|blur|noise"),
    ("Person", r"^(person|identity|model)|(^|[._])(age|sex|gender|ethnic|weight)"),
)
ORDER = ("Pose", "Person", "Skin", "Hair", "Accessories", "Expression", "Light", "Background", "Camera", "Other")
ORDER = (*ORDER, "Labels", "Coefficients")
MAIN = re.compile(  # shown without being asked for: whatever is chosen by name, and these numbers
    r"^model/|yaw|pitch|roll$|\bage|_age|sex|gender|ethnic|ancestry|weight|tone|ita_|style|family|melanin|length$|exposure_ev|focal_mm"
    r"|lamps$|landmarks/visible$|identity_index|distance"
)
UNITS = {"deg": "°", "mm": "mm", "m": "m", "px": "px", "ev": "EV", "kelvin": "K", "years": "years", "kg": "kg"}
TYPICAL = re.compile(r"^(person|config|spec)\.")  # of a path, and says nothing


@dataclass(slots=True, eq=False)
class Column:
    """One value per record. Numbers: float [N], NaN where there is none. Choices: int16 [N] codes, -1 for none."""

    name: str
    label: str
    unit: str
    values: np.ndarray
    choices: list[str] | None = None  # by code; None is a column of numbers

    @property
    def group(self) -> str:
        return next((group for group, pattern in GROUPS if re.search(pattern, self.name)), "Other")

    @property
    def main(self) -> bool:
        """Whether it is shown without being asked for."""
        if self.group == "Coefficients":
            return False
        return self.choices is not None or bool(MAIN.search(self.name))

    def snapshot(self) -> "Column":
        """A copy that stays as it is while another thread reads on. Values first: a code is newer than its choice."""
        values = self.values.copy()
        return Column(self.name, self.label, self.unit, values, None if self.choices is None else list(self.choices))

    @property
    def missing(self) -> str:
        """What a record without a choice has: a spec says null for what a person does not wear, else a tree."""
        return "some" if self.choices and "none" in self.choices else "not given"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What is asked of a column: a number from `low` to `high` (both inclusive), or one of the `choices`."""

    column: str
    low: float = -np.inf
    high: float = np.inf
    choices: tuple[str, ...] | None = None


@dataclass(slots=True)
class _Block:
    """The columns of one small pass: which of its flattened numbers, times what."""

    picks: np.ndarray
    scale: float
    values: np.ndarray  # [N, len(picks)]
    total: bool = False  # one column, the sum


@dataclass(slots=True, eq=False)
class Columns:
    """The columns of all records that are there, in the dataset's order; filled by `read`, a part at a time.

    indices: int64 [N], the record of each row. done: rows that have been read. unreadable: what was wrong with those
    that could not be; their values are missing. version: rises with every change, for caches.
    """

    dataset: Dataset
    indices: np.ndarray = field(init=False)
    done: int = 0
    version: int = 0
    unreadable: list[str] = field(default_factory=list)
    _table: dict[str, Column] = field(default_factory=dict)
    _blocks: dict[str, _Block] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.indices = np.fromiter(self.dataset.indices(), np.int64)

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[Column]:
        """All columns, by groups, those of names before those of numbers."""
        at = {name: k for k, name in enumerate(ORDER)}
        columns = sorted(self._table.copy().values(), key=lambda c: (at[c.group], c.choices is None and not c.main))
        return iter(columns)

    def __contains__(self, name: str) -> bool:
        return name in self._table

    def __getitem__(self, name: str) -> Column:
        """The column; ValueError if there is none of that name."""
        if name not in self._table:
            raise ValueError(f"there is no column {name!r:.80}")
        return self._table[name]

    def read(self, count: int | None = None) -> None:
        """Read the next `count` records, all that are left if None."""
        end = len(self) if count is None else min(len(self), self.done + count)
        names = tuple(name for name in self.dataset.names if _is_small(name))
        for row in range(self.done, end):
            try:
                record = self.dataset.record(int(self.indices[row]), names)
                self._put(row, record)
            except ValueError as error:
                self.unreadable.append(str(error))
            self.done = row + 1
        self.version += 1

    def add(self, column: Column) -> None:
        """A column that follows from others; `values` has one row per record."""
        self._table[column.name] = column
        self.version += 1

    def array(self, name: str) -> np.ndarray | None:
        """float32 [N, n]: the flattened numbers of a small pass in all rows; None if the records lack it."""
        block = self._blocks.get(name)
        return None if block is None else block.values

    def rows(self, conditions: tuple[Condition, ...] = (), sort: str = "", descending: bool = False) -> np.ndarray:
        """int64 [n]: the rows that meet all conditions, in the dataset's order or sorted by a column.

        Rows without a value are last. ValueError names a column that does not exist.
        """
        keep = np.ones(len(self), bool)
        for condition in conditions:
            keep &= matches(self[condition.column].snapshot(), condition)
        rows = np.flatnonzero(keep)
        if not sort:
            return rows[::-1] if descending else rows
        keys = sort_keys(self[sort].snapshot())[rows]
        there = np.isfinite(keys)
        order = np.argsort(-keys[there] if descending else keys[there], kind="stable")
        return np.concatenate([rows[there][order], rows[~there]])

    def _put(self, row: int, record: Record) -> None:
        for name, array in record.items():
            try:
                self._put_spec(row, array) if name == SPEC else self._put_array(row, name, array)
            except (ValueError, RecursionError, OverflowError) as error:
                raise ValueError(f"record {self.indices[row]}, {name} cannot be read: {error}") from None

    def _put_spec(self, row: int, array: np.ndarray) -> None:
        for path, value in [*_leaves(json.loads(array.item()), "")]:  # all of them, or none
            self._put_leaf(row, path, value)

    def _put_array(self, row: int, name: str, array: np.ndarray) -> None:
        block = self._blocks.get(name) or self._new_block(name, array)
        if array.size <= block.picks.max(initial=-1):
            raise ValueError(f"its shape {list(array.shape)} is not that of other records")
        numbers = array.reshape(-1)[block.picks]
        block.values[row] = numbers.sum() if block.total else numbers * block.scale

    def _new_block(self, name: str, array: np.ndarray) -> _Block:
        table_row = self.dataset.manifest.rows[name]
        picks, labels, unit = components(table_row, array.shape, self.dataset.manifest.classes)
        total = table_row.dtype == "bool"
        labels = labels[:1] if total else labels
        scale = 180 / np.pi if table_row.unit == "rad" else 1.0
        kind = np.float32 if array.dtype.itemsize <= 4 and array.dtype.kind != "i" else np.float64
        block = _Block(np.array(picks, int), scale, np.full((len(self), len(labels)), np.nan, kind), total)
        for k, label in enumerate(labels):
            column = f"{name}.{k if total else picks[k]}" if len(labels) > 1 else name
            self._table[column] = Column(column, label, unit, block.values[:, k])
        self._blocks[name] = block
        return block

    def _put_leaf(self, row: int, path: str, value: float | str) -> None:
        column = self._table.get(path)
        if column is None:
            if len(self._table) >= MOST_COLUMNS or self._is_told_by_params(path):
                return
            column = self._table[path] = _new_column(path, value, len(self))
        if column.choices is None:
            column.values[row] = value if not isinstance(value, str) else np.nan
        else:
            column.values[row] = _code(column.choices, value if isinstance(value, str) else f"{value:g}")

    def _is_told_by_params(self, path: str) -> bool:
        """Whether a pass says the same as this leaf of the spec: yaw_pitch_roll.0 is in params/yaw_pitch_roll."""
        parts = path.split(".")
        return any(f"params/{part}" in self.dataset.names for part in parts[-2:]) and "expression" not in parts


def _is_small(name: str) -> bool:
    row = PASSES[name]
    return not row.per_pixel and name not in PLACES and (row.dtype != "str" or name == SPEC)


def _leaves(tree: Any, path: str) -> Iterator[tuple[str, float | str]]:
    """(dotted path, number or word) of plain data; a list of trees is its length, null is "none"."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _leaves(value, f"{path}.{name}" if path else str(name))
    elif isinstance(tree, list):
        numbers = all(isinstance(value, (int, float)) for value in tree)
        if not numbers or not tree:
            yield path, float(len(tree))
        elif len(tree) <= SHORT:
            yield from ((f"{path}.{k}", float(value)) for k, value in enumerate(tree))
    elif isinstance(tree, bool) or tree is None:
        yield path, {True: "yes", False: "no", None: "none"}[tree]
    else:
        yield path, tree if isinstance(tree, str) else float(tree)


def _new_column(path: str, value: float | str, length: int) -> Column:
    *parts, last = TYPICAL.sub("", path).split(".")
    stem, _, ending = last.rpartition("_")
    unit = UNITS.get(ending, "") if stem else ""
    label = " ".join([*parts[-1:], stem if unit else last]).replace("_", " ")
    if isinstance(value, str):
        return Column(path, label, "", np.full(length, -1, np.int16), [])
    return Column(path, label, unit, np.full(length, np.nan))


def _code(choices: list[str], value: str) -> int:
    if value not in choices:
        if len(choices) >= MOST_CHOICES:
            return -1
        choices.append(value)
    return choices.index(value)


def components(row: Pass, shape: tuple[int, ...], classes: dict[int, str]) -> tuple[list[int], list[str], str]:
    """Which flattened numbers of a small pass are columns, their labels, and their unit."""
    name, unit = row.name, {"rad": "°", "1": "", "index": "", "bool": ""}.get(row.unit, row.unit)
    count, tail = int(np.prod(shape)), name.rpartition("/")[2]
    words = tail.replace("_", " ")
    if name == "camera/K":
        return [0, 4, 2, 5], ["focal length u", "focal length v", "principal point u", "principal point v"], unit
    if name == "params/head_to_camera":
        return [3, 7, 11], ["head x", "head y", "head distance"], unit
    if name == "class_pixels":
        return list(classes), [f"pixels of {label.replace('_', ' ')}" for label in classes.values()], unit
    if row.dtype == "bool":
        return list(range(count)), [f"landmarks {words}"], ""
    if count == 1:
        return [0], [{"meta/index": "record", "meta/identity_index": "identity"}.get(name, words)], unit
    if len(parts := tail.split("_")) == count:
        return list(range(count)), parts, unit
    corners = ("u0", "v0", "u1", "v1") if name.startswith("boxes/") else tuple(map(str, range(count)))
    return list(range(count)), [f"{words} {corner}" for corner in corners], unit


def matches(column: Column, condition: Condition) -> np.ndarray:
    """bool [N]: which rows meet the condition. ValueError if it asks names of numbers, or the other way round."""
    if (column.choices is None) != (condition.choices is None):
        raise ValueError(f"{column.name} is {'a number' if column.choices is None else 'a name'}, ask it for one")
    if column.choices is None or condition.choices is None:
        return (column.values >= condition.low) & (column.values <= condition.high)
    codes = [column.choices.index(word) for word in condition.choices if word in column.choices]
    return np.isin(column.values, [*codes, -1] if column.missing in condition.choices else codes)


def sort_keys(column: Column) -> np.ndarray:
    """float64 [N] to sort rows by: numbers as they are, names by the alphabet, NaN where there is none."""
    if column.choices is None:
        return column.values.astype(np.float64)
    rank = np.full(len(column.choices) + 1, np.nan)
    rank[np.argsort(column.choices)] = np.arange(len(column.choices))
    return rank[column.values]


def cell(column: Column, row: int) -> str:
    """A value of a column in words."""
    value = column.values[row]
    if column.choices is not None:
        return column.missing if value < 0 else column.choices[int(value)]
    return (
        "none" if np.isnan(value) else f"{number(float(value))}{'' if column.unit in ('°', '') else ' '}{column.unit}"
    )


def number(value: float) -> str:
    """A number for people: four digits that matter, whole numbers with thousands apart."""
    if value == 0 or abs(value) < 1e-12:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
