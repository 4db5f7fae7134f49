"""What the page asks of a dataset: pictures, exact values, columns and meshes; a record is read when asked for."""

import hashlib
import io
import json
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from synth.columns import SPEC, Column, Columns, Condition, cell
from synth.config import MOST_SUBDIVISION
from synth.derived import add_derived, model_of
from synth.geometry import transform
from synth.histograms import allowed_range, gaps, histogram
from synth.passes import PASSES
from synth.preview import PALETTE, PICTURES, SMOOTH
from synth.storage.manifest import Manifest
from synth.storage.reader import open_dataset

READ_AT_ONCE = 256  # records between two looks at whether the server is closing
THUMBNAILS, THUMBNAIL_PX = 4000, (32, 512)  # kept in memory, about 6 kB each; sides that may be asked for
VIEWS_SHOWN = 24  # of an identity, on the page of a record


class Library:
    """A dataset as the page sees it. One thread may call its methods; the columns are read by a thread of their own."""

    def __init__(self, path: Path) -> None:
        """ValueError if there is no dataset or no record in it."""
        self.dataset = open_dataset(path)
        self.manifest = self.dataset.manifest
        self.columns = Columns(open_dataset(path))  # files of its own: a reader belongs to one thread
        if not len(self.columns):
            raise ValueError(f"{path} has no finished shard yet, so there is nothing to view")
        self.name, self.version = Path(path).resolve().name, version_of(self.manifest)
        others = [name for name in self.dataset.names if PASSES[name].per_pixel and name not in PICTURES]
        self.pictures = (*(name for name in PICTURES if _needs(name) <= set(self.dataset.names)), *others)
        self.why_no_mesh, self.columns_ready = "it is still being read", False
        self._model, self._mesh = None, None
        self._thumbnails: OrderedDict[tuple[int, str, int], bytes] = OrderedDict()
        self._orders: OrderedDict[tuple, np.ndarray] = OrderedDict()
        self._closing = threading.Event()
        self._reading = threading.Thread(target=self._read_columns, name="columns", daemon=True)

    def start(self) -> None:
        """Begin to read the columns."""
        self._reading.start()

    def close(self) -> None:
        """End the reading thread and close all files."""
        self._closing.set()
        if self._reading.ident is not None:
            self._reading.join()
        self.dataset.close()

    def wait(self) -> None:
        """Until all columns have been read."""
        self._reading.join()

    def _read_columns(self) -> None:
        while self.columns.done < len(self.columns) and not self._closing.is_set():
            self.columns.read(READ_AT_ONCE)
        self.columns.dataset.close()
        if not self._closing.is_set():
            self._model, self.why_no_mesh = model_of(self.manifest)
            add_derived(self.columns, self._model)
            needed = (*self._model.shaping_passes, "params/head_to_camera") if self._model else ()
            if lacking := [name for name in needed if name not in self.dataset.names]:
                self.why_no_mesh = f"the records lack {' and '.join(lacking)}"
            self.columns_ready = True

    def facts(self) -> dict[str, Any]:
        """What the page needs to know before it shows anything. Plain data."""
        manifest = self.manifest
        return {
            "name": self.name,
            "count": len(self.columns),
            "planned": manifest.num_records,
            "made_by": f"synth {manifest.synth_version}, {manifest.device}, seed {manifest.seed}",
            "version": self.version,
            "passes": [row | {"per_pixel": PASSES[row["name"]].per_pixel} for row in manifest.passes],
            "pictures": list(self.pictures),
            "smooth": [name for name in SMOOTH if name in self.pictures],
            "classes": {str(n): name for n, name in manifest.classes.items()},
            "colours": {str(n): "#{:02x}{:02x}{:02x}".format(*PALETTE[n]) for n in manifest.classes},
            "landmarks": list(manifest.landmarks),
        }

    def column_rows(self) -> dict[str, Any]:
        """The columns there are, and how many records have been read for them."""
        rows = [
            {
                "name": column.name,
                "label": column.label,
                "unit": column.unit,
                "group": column.group,
                "main": column.main and not _is_constant(column),
                "choices": column.choices,
            }
            for column in self.columns
        ]
        unreadable = self.columns.unreadable
        return {"done": self.columns.done, "ready": self.columns_ready, "columns": rows, "unreadable": unreadable[:20]}

    def order(self, conditions: tuple[Condition, ...], sort: str, descending: bool) -> np.ndarray:
        """int64 [n]: rows that meet the conditions, sorted; the last few answers are kept."""
        key = (conditions, sort, descending, self.columns.version)
        if key not in self._orders:
            self._orders[key] = self.columns.rows(conditions, sort, descending)
            while len(self._orders) > 8:
                self._orders.popitem(last=False)
        self._orders.move_to_end(key)
        return self._orders[key]

    def page(self, rows: np.ndarray, offset: int, limit: int, sort: str) -> dict[str, Any]:
        """`limit` records of an order from `offset` on, with what they are sorted by in words."""
        some = rows[offset : offset + limit]
        captions = [cell(self.columns[sort], int(row)) for row in some] if sort else None
        return {"total": len(rows), "records": self.columns.indices[some].tolist(), "captions": captions}

    def histograms(self, names: list[str], rows: np.ndarray) -> list[dict[str, Any]]:
        """Bins of the columns, with counts of all records and of `rows`."""
        found = []
        for name in names:
            column = self.columns[name].snapshot()
            allowed = allowed_range(column, self.manifest.record_keys)
            everything = histogram(column, allowed)
            of_rows = histogram(column, allowed, rows)
            found.append(
                {
                    "column": name,
                    "label": column.label,
                    "unit": column.unit,
                    "edges": None if everything.edges is None else everything.edges.tolist(),
                    "names": everything.bin_names(),
                    "all": everything.counts.tolist(),
                    "selected": of_rows.counts.tolist(),
                    "missing": everything.missing,
                    "gaps": gaps(everything) if self.columns_ready else [],
                }
            )
        return found

    def record(self, index: int) -> dict[str, Any]:
        """All small passes and the spec of a record, and the other views of its identity. IndexError if not there."""
        names = tuple(name for name in self.dataset.names if not PASSES[name].per_pixel)
        record = self.dataset.record(index, names)
        arrays = {name: value.tolist() for name, value in record.items() if PASSES[name].dtype != "str"}
        spec = json.loads(record[SPEC].item()) if SPEC in record else None
        return {
            "index": index,
            "arrays": _plain(arrays),
            "spec": spec,
            "views": self._views(index),
            "why_no_mesh": self.why_no_mesh,
        }

    def values(self, index: int, name: str) -> np.ndarray:
        """A pass per pixel in a dtype that browsers have; exact: halves widen to float32.

        IndexError or KeyError if there is no such record or pass.
        """
        if name not in self.dataset.names or not PASSES[name].per_pixel:
            raise KeyError(name)
        array = self.dataset.record(index, (name,))[name]
        kind = {"float16": np.float32, "bool": np.uint8, "int64": np.float64, "uint64": np.float64}.get(
            str(array.dtype)
        )
        return np.ascontiguousarray(array if kind is None else array.astype(kind))

    def picture(self, index: int, name: str) -> bytes:
        """PNG of a pass in its colours, at its own size."""
        return _encoded(Image.fromarray(self._drawn(index, name)), "PNG", compress_level=1)

    def thumbnail(self, index: int, name: str, side_px: int) -> bytes:
        """JPEG of a pass, `side_px` on its longer side; labels are not blended, so those are PNG."""
        side_px = int(np.clip(side_px, *THUMBNAIL_PX))
        key = (index, name, side_px)
        if key not in self._thumbnails:
            picture, smooth = Image.fromarray(self._drawn(index, name)), name in SMOOTH
            scale = side_px / max(picture.size)
            size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
            picture = picture.resize(size, Image.Resampling.BOX if smooth and scale < 1 else Image.Resampling.NEAREST)
            self._thumbnails[key] = _encoded(picture, "JPEG", quality=88) if smooth else _encoded(picture, "PNG")
            while len(self._thumbnails) > THUMBNAILS:
                self._thumbnails.popitem(last=False)
        self._thumbnails.move_to_end(key)
        return self._thumbnails[key]

    def vertices(self, index: int) -> np.ndarray:
        """float32 [V, 3] (m, camera space): the mesh rebuilt from the params. KeyError where that cannot be."""
        mesh = self._subdivided()
        gaze = ("params/gaze",) if "params/gaze" in self.dataset.names else ()
        record = self.dataset.record(index, (*mesh.shaping_passes, "params/head_to_camera", *gaze))
        points = mesh.rebuilt(record)
        return transform(record["params/head_to_camera"], points.astype(np.float64)).astype(np.float32)

    def triangles(self) -> np.ndarray:
        """int32 [T, 3] of that mesh. KeyError where there is none."""
        return self._subdivided().triangles().astype(np.int32)

    def _subdivided(self):
        if self._model is None or self.why_no_mesh:
            raise KeyError(self.why_no_mesh)
        if self._mesh is None:
            levels = self.manifest.record_keys.get("scene.subdivision", 0)
            if levels is not None and (type(levels) is not int or not 0 <= levels <= MOST_SUBDIVISION):
                raise KeyError(f"scene.subdivision must be null or from 0 to {MOST_SUBDIVISION}, got {levels!r:.80}")
            self._mesh = self._model.subdivided(levels)
        return self._mesh

    def _views(self, index: int) -> list[int]:
        """Other records of the same identity."""
        if "meta/identity_index" not in self.columns:
            return []
        identity = self.columns["meta/identity_index"].values
        row = int(np.searchsorted(self.columns.indices, index))
        same = self.columns.indices[np.flatnonzero(identity == identity[row])[: VIEWS_SHOWN + 1]]
        return [int(other) for other in same if other != index]

    def _drawn(self, index: int, name: str) -> np.ndarray:
        if name not in self.pictures:
            raise KeyError(name)
        record = self.dataset.record(index, tuple(_needs(name)))
        return PICTURES[name](record) if name in PICTURES else stretched(record[name])


def version_of(manifest: Manifest) -> str:
    """12 hex digits that no other records have: at the same config another seed, count or synth makes others."""
    words = (manifest.config_hash, *(row.sha256 for row in manifest.shards))
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:12]


def _needs(name: str) -> set[str]:
    return {"image", "landmarks/points_2d"} if name == "landmarks" else {name}


def stretched(array: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] of a pass that nobody gave colours, [H, W] or [H, W, C]: from black to white."""
    values = np.atleast_3d(array.astype(np.float64))
    there = np.isfinite(values)
    low, high = (values[there].min(), values[there].max()) if there.any() else (0.0, 1.0)
    code = 255 * (np.where(there, values, low) - low) / (high - low or 1.0)
    channels = code if code.shape[-1] == 3 else np.repeat(code[..., :1], 3, axis=-1)
    return np.rint(channels).astype(np.uint8)


def _is_constant(column: Column) -> bool:
    """Whether all records that were read have the same value, so that there is nothing to choose."""
    if column.choices is not None:
        return len(column.choices) + bool((column.values < 0).any()) < 2
    there = column.values[np.isfinite(column.values)]
    return len(there) == 0 or bool(there.min() == there.max())


def _plain(tree: Any) -> Any:
    """Nested lists fit for JSON: what is not finite is a word."""
    if isinstance(tree, dict):
        return {name: _plain(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_plain(value) for value in tree]
    return tree if not isinstance(tree, float) or np.isfinite(tree) else str(tree)


def _encoded(picture: Image.Image, kind: str, **options: int) -> bytes:
    sink = io.BytesIO()
    picture.save(sink, kind, **options)
    return sink.getvalue()
