"""Renders some records of a dataset again, and compares every array byte for byte."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from synth.config import Config
from synth.pipeline import Pipeline
from synth.record import Record
from synth.scene import folder_rows
from synth.storage.reader import open_dataset
from synth.storage.rounding import rounded


def rerender(dataset_dir: Path, config: Config, indices: Iterable[int]) -> Iterator[str]:
    """One line for each array of the records `indices` that does not come out as it is stored, rounded.

    config: the dataset's own. On another kind of device than the dataset's, images differ and are expected to.
    """
    pipeline = Pipeline(config)
    dataset = open_dataset(dataset_dir)
    for key, row in folder_rows(config).items():
        if dataset.manifest.folders.get(key) != row:
            yield f"{key} does not hold the files that the dataset was made with"
    for index in indices:
        again = {name: rounded(name, array) for name, array in pipeline.record(index).items()}
        yield from differences(index, dataset.record(index), again)


def differences(index: int, stored: Record, again: Record) -> Iterator[str]:
    """What two versions of a record do not agree on, a line for each array, with the first place."""
    for name in again:
        if name not in stored:
            yield f"record {index}: {name} is not stored"
        elif stored[name].shape != again[name].shape:
            yield f"record {index}: {name} has shape {list(stored[name].shape)}, now {list(again[name].shape)}"
        else:
            same = (stored[name] == again[name]) | ((stored[name] != stored[name]) & (again[name] != again[name]))
            if not np.all(same):
                place = [int(k) for k in np.argwhere(~np.atleast_1d(same))[0]]
                yield f"record {index}: {name}{place} is not what it is when rendered again"


def spread_indices(count: int, wanted: int) -> list[int]:
    """`wanted` indices spread over `count` records, the first and the last among them."""
    return sorted({int(k) for k in np.linspace(0, count - 1, min(wanted, count)).round()})
