"""What a report says: numbers and pictures, gathered once, drawn by the datasheet and the poster."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synth.columns import ORDER, Column, Columns
from synth.derived import TONES, add_derived, model_of, tone_codes, typology_angle
from synth.histograms import Histogram, allowed_range, gaps, histogram, listed
from synth.labels.photo import srgb_from_linear
from synth.record import Record
from synth.storage.manifest import Manifest
from synth.storage.reader import Dataset, open_dataset

SAMPLED = 200  # records whose pixels are read where no small pass tells the same
SKIN = 1  # the class of skin
LOOKED_FOR = {  # of people: what a reader asks for first, and the columns that would tell
    "age": r"(^|[._/ ])(age|old|child)",
    "sex": r"(^|[._/ ])(sex|gender|male|female)",
    "ethnic mix": r"ethnic|ancestry|african|asian|caucasian",
    "skin tone": r"^skin/ita_deg|(^|[._/ ])(ita|tone)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """groups: {group: histograms}. classes: {class name: share of all pixels}, and of how many records.

    gaps: sentences, the most telling first. grid: (record index, image uint8 [H, W, 3]) of records spread evenly.
    """

    name: str
    manifest: Manifest
    count: int
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
    if "skin/ita_deg" not in columns:
        _add_seen_tone(columns, dataset, sample)
    groups = _groups(columns, dataset.manifest)
    classes, classes_of = class_shares(columns, dataset, sample)
    images = list(_images(dataset, spread(columns.indices, grid))) if grid else []
    dataset.close()
    return Facts(
        name=path.resolve().name,
        manifest=dataset.manifest,
        count=len(columns),
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
    """In how many records each unit of the expression is not at rest, the commonest first; [] if no spec tells."""
    units = [column for column in columns if column.name.startswith("expression.") and column.choices is None]
    active = {column.label.removeprefix("expression "): np.count_nonzero(column.values > 0) for column in units}
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


def class_shares(columns: Columns, dataset: Dataset, sample: np.ndarray) -> tuple[dict[str, float], int]:
    """{class name: share of the pixels} and how many records were counted; ({}, 0) without segmentation.

    From class_pixels of all records, or else from the segmentation of the sample.
    """
    names = dataset.manifest.classes
    counted = columns.array("class_pixels")
    if counted is not None:
        counts = np.nansum(counted.astype(np.float64), axis=0)  # one column per class of the manifest
        number = int(np.isfinite(counted[:, 0]).sum())
    elif "segmentation" in dataset.names:
        maps = [dataset.record(int(index), ("segmentation",))["segmentation"] for index in sample]
        by_number = sum((np.bincount(m.ravel(), minlength=256) for m in maps), np.zeros(256))
        counts, number = by_number[list(names)], len(maps)
    else:
        return {}, 0
    return dict(zip(names.values(), (counts / max(1.0, counts.sum())).tolist(), strict=True)), number


def _add_seen_tone(columns: Columns, dataset: Dataset, sample: np.ndarray) -> None:
    """Skin tone as the albedo pass shows it, of sampled records, where the model is not at hand."""
    if not {"albedo", "segmentation"} <= set(dataset.names):
        return
    angle = np.full(len(columns), np.nan)
    for index in sample:
        record = dataset.record(int(index), ("albedo", "segmentation"))
        skin = record["albedo"][record["segmentation"] == SKIN].astype(np.float64)
        if len(skin):
            angle[np.searchsorted(columns.indices, index)] = typology_angle(np.median(skin, axis=0))
    if np.isfinite(angle).any():
        columns.add(Column("skin/ita_deg", "skin tone ITA (seen)", "°", angle))
        columns.add(Column("skin/tone", "skin tone (seen)", "", tone_codes(angle), [name for name, _ in TONES]))


def _images(dataset: Dataset, indices: np.ndarray) -> Iterable[tuple[int, np.ndarray]]:
    for index in indices:
        picture = _picture(dataset, int(index))
        if picture is not None:
            yield int(index), picture


def _picture(dataset: Dataset, index: int) -> np.ndarray | None:
    name = next((name for name in ("image", "image_linear", "albedo") if name in dataset.names), None)
    if name is None:
        return None
    record: Record = dataset.record(index, (name,))
    if name == "image":
        return record[name]
    return (255 * srgb_from_linear(np.clip(record[name].astype(np.float32), 0, 1))).astype(np.uint8)
