"""Hugging Face `datasets`: OUTPUT/data/train-00000-of-00003.parquet ..., one per shard, and a card, README.md.

`datasets.load_dataset("OUTPUT")` reads it, locally or from a hub that it is uploaded to. uint8 maps are images (PNG,
lossless), other arrays keep their shape, halves become float32. Values, image coordinates and conventions stay synth's.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from synth.export.arrays import is_picture, png, text
from synth.export.formats import Tick, needs_library
from synth.passes import PASSES
from synth.record import Record
from synth.storage.manifest import Manifest
from synth.storage.reader import Dataset

ROWS = 16  # records in memory at a time, a row group


def write(dataset: Dataset, folder: Path, tick: Tick) -> None:
    """All records. ValueError without the library `datasets`."""
    with needs_library("huggingface"):
        import datasets
        import pyarrow.parquet
    features = datasets.Features({name: _feature(name, array) for name, array in dataset[0].items()})
    (folder / "data").mkdir()
    (folder / "README.md").write_text(_card(dataset), encoding="utf-8")
    numbers = dataset.shard_numbers()
    shards = np.unique(numbers)
    for k, number in enumerate(shards):
        path = folder / "data" / f"train-{k:05d}-of-{len(shards):05d}.parquet"
        with pyarrow.parquet.ParquetWriter(path, features.arrow_schema) as writer:
            for columns in _groups(dataset[numbers == number], tick):
                writer.write_table(datasets.Dataset.from_dict(columns, features=features).data.table)


def _groups(dataset: Dataset, tick: Tick) -> Iterator[dict[str, list[Any]]]:
    """The records as columns, ROWS at a time."""
    for start in range(0, len(dataset), ROWS):
        columns: dict[str, list[Any]] = {name: [] for name in dataset.names}
        for record in dataset[start : start + ROWS]:
            for name, value in _row(record).items():
                columns[name].append(value)
            tick()
        yield columns


def _row(record: Record) -> dict[str, Any]:
    return {name: _value(name, array) for name, array in record.items()}


def _value(name: str, array: np.ndarray) -> Any:
    if PASSES[name].dtype == "str":
        return text(array)
    if PASSES[name].per_pixel and is_picture(array):
        return {"bytes": png(array), "path": None}
    array = array.astype(np.float32) if array.dtype == np.float16 else array
    return array if array.ndim > 1 else array.tolist()


def _feature(name: str, array: np.ndarray) -> Any:
    """The type of a pass's column."""
    import datasets

    if PASSES[name].dtype == "str":
        return datasets.Value("string")
    if PASSES[name].per_pixel and is_picture(array):
        return datasets.Image()
    dtype = "float32" if array.dtype == np.float16 else str(array.dtype)
    if array.ndim == 0:
        return datasets.Value(dtype)
    if array.ndim == 1:
        return datasets.List(datasets.Value(dtype), length=len(array))
    return {2: datasets.Array2D, 3: datasets.Array3D, 4: datasets.Array4D}[array.ndim](array.shape, dtype)


def _card(dataset: Dataset) -> str:
    """The card, with the header that tells the hub and `load_dataset` where the files are."""
    manifest = dataset.manifest
    table = manifest.rows
    rows = [
        f"| `{n}` | {table[n].unit} | {table[n].space} | {table[n].empty} | {table[n].doc} |" for n in dataset.names
    ]
    conventions = [f"- {term}: {meaning}" for term, meaning in manifest.conventions.items()]
    header = [
        "---",
        "configs:",
        "- config_name: default",
        "  data_files:",
        "  - split: train",
        "    path: data/train-*.parquet",
    ]
    return "\n".join(
        [
            *header,
            "---",
            "# Rendered by synth",
            "",
            _origin(manifest, len(dataset)),
            "",
            *conventions,
            f"- classes: {json.dumps(manifest.classes)}",
            f"- landmarks: {json.dumps(manifest.landmarks)}",
            "",
            "| column | unit | space | empty | what |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _origin(manifest: Manifest, count: int) -> str:
    model = f" The model is {manifest.model['name']} ({manifest.model['licence']})." if manifest.model else ""
    return f"{count} records, rendered by synth {manifest.synth_version} with seed {manifest.seed}.{model}"
