"""`info`: what is in a dataset, for people and for programs."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from synth.storage.manifest import Manifest
from synth.storage.reader import open_dataset
from synth.storage.shard import Shard


def info(dataset_dir: Path) -> dict[str, Any]:
    """What dataset.json says, and what follows from it and the first shard. Plain data, fit for JSON.

    passes: the pass table's rows, with record_shape and bytes_per_record (in the file; None for strings).
    ValueError if there is no dataset, or its dataset.json or first shard is damaged.
    """
    manifest = open_dataset(dataset_dir).manifest
    bytes_done = sum(row.bytes for row in manifest.shards)
    facts = dataclasses.asdict(manifest)
    return {
        "path": str(dataset_dir),
        "complete": manifest.complete,
        "records_done": manifest.records_done,
        "shards_done": len(manifest.shards),
        "bytes": bytes_done,
        "bytes_per_record": bytes_done // max(1, manifest.records_done),
        **{key: facts[key] for key in facts if key not in ("shards", "passes")},
        "passes": _measured_passes(Path(dataset_dir), manifest),
    }


def _measured_passes(folder: Path, manifest: Manifest) -> list[dict[str, Any]]:
    if not manifest.shards:
        return manifest.passes
    with Shard(folder / manifest.shards[0].file, manifest.names) as shard:
        return [
            row
            | {
                "record_shape": list(shard.kind(row["name"])[0]),
                "bytes_per_record": None if row["dtype"] == "str" else shard.stored_bytes(row["name"]) // shard.count,
            }
            for row in manifest.passes
        ]


def print_info(dataset_dir: Path, as_json: bool = False) -> None:
    """Print `info`: JSON alone, or tables. ValueError as of `info`."""
    facts = info(dataset_dir)
    if as_json:
        print(json.dumps(facts, indent=1, ensure_ascii=False))
        return
    console = Console()
    console.print(_summary(facts))
    console.print(_passes(facts["passes"]))


def _summary(facts: dict[str, Any]) -> Table:
    table = Table(title=facts["path"], title_style="bold", title_justify="left", show_header=False, box=None)
    table.add_column(style="cyan")
    table.add_column(overflow="fold")
    model, missing = facts["model"], facts["num_records"] - facts["records_done"]
    size = f"{facts['bytes'] / 1e6:,.1f} MB, {facts['bytes_per_record'] / 1e3:,.1f} kB per record"
    rows = {
        "records": f"{facts['records_done']:,}" + (f", {missing:,} are still to be rendered" if missing > 0 else ""),
        **({"quarantined": ", ".join(map(str, facts["quarantined"]))} if facts["quarantined"] else {}),
        "views": f"{facts['views_per_identity']} per identity",
        "files": f"{facts['shards_done']:,} shards of {facts['records_per_shard']} records, {size}",
        "model": f"{model['name']} ({model['licence']})" if model else "none",
        "classes": ", ".join(f"{number} {name}" for number, name in facts["classes"].items()),
        "landmarks": str(len(facts["landmarks"])),
        "made by": f"synth {facts['synth_version']}, bpy {facts['bpy_version']}, {facts['device']}",
        "seed": str(facts["seed"]),
        "config": facts["config_hash"],
    }
    for name, text in rows.items():
        table.add_row(name, escape(text))
    return table


def _passes(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, header_style="cyan")
    for column in ("pass", "dtype", "shape", "bytes", "unit", "empty"):  # bytes: stored, per record
        table.add_column(
            column,
            no_wrap=column != "unit",
            overflow="fold",
            min_width=12 if column == "unit" else None,
            justify="right" if column == "bytes" else "left",
        )
    for row in rows:
        size = row.get("bytes_per_record")
        cells = (row["name"], row["dtype"], str(row.get("record_shape", row["shape"])))
        table.add_row(*map(escape, cells), f"{size:,}" if size is not None else "", row["unit"], row["empty"])
    return table
