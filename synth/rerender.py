"""Renders some records of a dataset again, and compares every array byte for byte."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from synth.config import Config
from synth.pipeline import Pipeline
from synth.record import Record
from synth.scene import folder_rows
from synth.storage.damage import Damaged
from synth.storage.reader import open_dataset
from synth.storage.rounding import rounded


def rerender(dataset_dir: Path, config: Config, indices: Iterable[int]) -> Iterator[str]:
    """One line for each array of the records `indices` that does not come out as it is stored, rounded.

    A record that cannot be read is one line, and is not rendered.

    config: the dataset's own. On another kind of device than the dataset's, images differ and are expected to.
    """
    pipeline = Pipeline(config)
    dataset = open_dataset(dataset_dir)
    for key, row in folder_rows(config).items():
        if dataset.manifest.folders.get(key) != row:
            yield f"{key} does not hold the files that the dataset was made with"
    for index in indices:
        try:
            stored = dataset.record(index)
        except Damaged as error:
            yield f"record {index} cannot be compared: {error}"
            continue
        again = {name: rounded(name, array) for name, array in pipeline.record(index).items()}
        yield from differences(index, stored, again)


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


def spread_indices(there: np.ndarray, wanted: int) -> list[int]:
    """Up to `wanted` of the indices int64 [N], spread over them, the first and the last among them."""
    count = len(there)
    return there[np.linspace(0, count - 1, min(wanted, count)).round().astype(int)].tolist()
