"""What a report says: numbers and pictures, gathered once, drawn by the datasheet and the poster."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synth.columns import ORDER, Column, Columns
from synth.derived import SKIN, TONES, add_derived, model_of, tone_codes, typology_angle
from synth.histograms import Histogram, allowed_range, gaps, histogram, listed
from synth.labels.photo import srgb_from_linear
from synth.record import Record
from synth.storage.manifest import Manifest
from synth.storage.reader import open_dataset

SAMPLED = 200  # records whose pixels are read where no small pass tells the same
LOOKED_FOR = {  # of people: what a reader asks for first, and the columns that would tell
    "age": r"(^|[._/ ])(age|old|child)",
    "sex": r"(^|[._/ ])(sex|gender|male|female)",
    "ethnic mix": r"ethnic|ancestry|african|asian|caucasian",
    "skin tone": r"^skin/ita_deg|(^|[._/ ])(ita|tone)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """groups: {group: histograms}. classes: {class name: share of all pixels}, and of how many records.

    count, identities: of the records that are there, without those that are quarantined.
    unreadable: what was wrong with records or passes that could not be read, and are left out.
    gaps: sentences, the most telling first. grid: (record index, image uint8 [H, W, 3]) of records spread evenly.
    """

    name: str
    manifest: Manifest
    count: int
    identities: int
    unreadable: list[str]
    groups: dict[str, list[Histogram]]
    gaps: list[str]
    classes: dict[str, float]
    classes_of: int
    grid: list[tuple[int, np.ndarray]]
    hw: tuple[int, int] | None

    def histograms(self) -> Iterable[Histogram]:
        return (h for group in self.groups.values() for h in group)


def read_facts(path: Path, grid: int) -> Facts:
    """Read a dataset. ValueError if there is none, or no record in it."""
    dataset = open_dataset(path)
    if not len(dataset):
        raise ValueError(f"{path} has no finished shard yet, so there is nothing to report")
    columns = Columns(dataset)
    columns.read()
    add_derived(columns, model_of(dataset.manifest)[0])
    sample = spread(columns.indices, SAMPLED)
    if "skin/ita_deg" not in columns and dataset.manifest.classes.get(SKIN) == "skin":
        _add_seen_tone(columns, sample)
    groups = _groups(columns, dataset.manifest)
    classes, classes_of = class_shares(columns, sample)
    images = _images(columns, spread(columns.indices, grid)) if grid else []
    dataset.close()
    return Facts(
        name=path.resolve().name,
        manifest=dataset.manifest,
        count=len(columns),
        identities=len(np.unique(columns.indices // dataset.manifest.views_per_identity)),
        unreadable=columns.unreadable,
        groups=groups,
        gaps=[*_gaps(groups), *_unsaid(columns, dataset.manifest), *_absent(classes)],
        classes=classes,
        classes_of=classes_of,
        grid=images,
        hw=images[0][1].shape[:2] if images else None,
    )


def spread(indices: np.ndarray, count: int) -> np.ndarray:
    """At most `count` of the indices, evenly."""
    return indices[np.unique(np.linspace(0, len(indices) - 1, max(1, min(count, len(indices)))).astype(int))]


def _groups(columns: Columns, manifest: Manifest) -> dict[str, list[Histogram]]:
    """Histograms of what varies and is told apart by name or listed as telling, by group."""
    groups: dict[str, list[Histogram]] = {group: [] for group in ORDER}
    groups["Expression"] += _activity(columns)
    for column in columns:
        allowed = allowed_range(column, manifest.record_keys)
        if is_shown(column) or (column.main and allowed):
            groups[column.group].append(histogram(column, allowed))
    return {group: found for group, found in groups.items() if found}


def _activity(columns: Columns) -> list[Histogram]:
    """In how many records each unit of the expression is not at rest, the commonest first; [] if no spec tells.

    Rest is 0, or no word of it. Coefficients of statistical models are of either sign.
    """
    units = [column for column in columns if column.name.startswith("expression.") and column.choices is None]
    active = {c.label.removeprefix("expression "): np.count_nonzero(np.nan_to_num(c.values)) for c in units}
    if len(active) < 2:
        return []
    names = sorted(active, key=lambda name: -active[name])
    counts = np.array([active[name] for name in names], np.int64)
    facts = {
        "column": "expression",
        "label": "expression units not at rest",
        "unit": "",
        "missing": 0,
        "of": len(columns),
    }
    return [Histogram(**facts, names=tuple(names), counts=counts)]


def is_shown(column: Column) -> bool:
    """Whether a report shows a column: main ones that are not the same in all records, and weights of expressions."""
    if column.choices is not None:
        return column.main and np.ptp(column.values) > 0
    there = column.values[np.isfinite(column.values)]
    varies = len(there) > 0 and bool(there.max() > there.min())
    return varies and (column.main or column.name.startswith("expression.")) and column.name != "meta/identity_index"


def _gaps(groups: dict[str, list[Histogram]]) -> list[str]:
    lines = [line for found in groups.values() for h in found for line in gaps(h)]
    for h in (h for found in groups.values() for h in found):
        empty = [name for name, count in zip(h.names or (), h.counts, strict=False) if not count]
        if h.column == "skin/tone" and empty:
            lines.append(f"No record has the skin tone {listed(empty)}, by the individual typology angle.")
    return lines


def _unsaid(columns: Columns, manifest: Manifest) -> list[str]:
    """What a reader asks first about people, and the records of a face model do not tell."""
    if manifest.model is None:
        return []
    names = [f"{column.name} {column.label}" for column in columns]
    return [
        f"The records do not tell {what}, so this report cannot say how it is distributed."
        for what, pattern in LOOKED_FOR.items()
        if not any(re.search(pattern, name.lower()) for name in names)
    ]


def _absent(classes: dict[str, float]) -> list[str]:
    absent = [name.replace("_", " ") for name, share in classes.items() if share == 0 and name != "ignore"]
    return [f"No pixel shows {', '.join(absent)}."] if absent else []


def class_shares(columns: Columns, sample: np.ndarray) -> tuple[dict[str, float], int]:
    """{class name: share of the pixels} and how many records were counted; ({}, 0) without segmentation.

    From class_pixels of all records, or else from the segmentation of those of the sample that can be read.
    """
    names = columns.dataset.manifest.classes
    counted = columns.array("class_pixels")
    if counted is not None:
        counts = np.nansum(counted.astype(np.float64), axis=0)  # one column per class of the manifest
        number = int(np.isfinite(counted[:, 0]).sum())
    elif "segmentation" in columns.dataset.names:
        maps = [record["segmentation"] for _, record in _readable(columns, sample, ("segmentation",))]
        by_number = sum((np.bincount(m.ravel(), minlength=256) for m in maps), np.zeros(256))
        counts, number = by_number[list(names)], len(maps)
    else:
        return {}, 0
    if not number:  # all of them are damaged
        return {}, 0
    return dict(zip(names.values(), (counts / max(1.0, counts.sum())).tolist(), strict=True)), number


def _add_seen_tone(columns: Columns, sample: np.ndarray) -> None:
    """Skin tone as the albedo pass shows it, of sampled records, where the model is not at hand."""
    names = ("albedo", "segmentation")
    if not {*names} <= {*columns.dataset.names}:
        return
    angle = np.full(len(columns), np.nan)
    for index, record in _readable(columns, sample, names):
        skin = record["albedo"][record["segmentation"] == SKIN].astype(np.float64)
        if len(skin):
            angle[np.searchsorted(columns.indices, index)] = typology_angle(np.median(skin, axis=0))
    if np.isfinite(angle).any():
        columns.add(Column("skin/ita_deg", "skin tone ITA (seen)", "°", angle))
        columns.add(Column("skin/tone", "skin tone (seen)", "", tone_codes(angle), [name for name, _ in TONES]))


def _images(columns: Columns, indices: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """(index, uint8 [H, W, 3]) of the records whose picture can be read; [] of a dataset without one."""
    name = next((name for name in ("image", "image_linear", "albedo") if name in columns.dataset.names), None)
    return [(k, _shown(record[name])) for k, record in _readable(columns, indices, (name,))] if name else []


def _shown(array: np.ndarray) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    return (255 * srgb_from_linear(np.clip(array.astype(np.float32), 0, 1))).astype(np.uint8)


def _readable(columns: Columns, indices: np.ndarray, names: tuple[str, ...]) -> Iterator[tuple[int, Record]]:
    """(index, passes `names`) of the records that can be read; columns.unreadable says what is wrong with others."""
    for index in indices.tolist():
        try:
            record = columns.dataset.record(index, names)
        except ValueError as error:
            if str(error) not in columns.unreadable:
                columns.unreadable.append(str(error))
        else:
            yield index, record
