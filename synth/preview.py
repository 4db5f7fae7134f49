"""`preview`: a contact sheet of a dataset, the images first, then all passes of some records in colour."""

from collections.abc import Callable, Iterator, Mapping
from itertools import batched
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from synth.labels.buffers import COVERAGE_PARTS
from synth.labels.photo import srgb_from_linear
from synth.record import Record
from synth.storage.files import replacing
from synth.storage.reader import Dataset, open_dataset

COLUMNS, GAP, MARGIN, TEXT_PX, TITLE_PX = 8, 8, 24, 12, 20
PAPER, INK, FAINT, NOTHING = (24, 25, 28), (232, 232, 228), (150, 152, 156), (38, 40, 44)
VISIBLE, HIDDEN = (94, 234, 140), (255, 122, 69)

# One colour per class of Face Synthetics, far apart for neighbours on a face; 255 is ignore.
PALETTE = np.zeros((256, 3), np.uint8)
PALETTE[:19] = [
    *((38, 40, 44), (240, 184, 148), (232, 96, 88), (64, 200, 255), (36, 96, 224), (168, 255, 96), (56, 168, 64)),
    *((255, 216, 64), (208, 144, 0), (128, 16, 48), (255, 96, 176), (200, 32, 120), (168, 112, 88), (120, 72, 200)),
    *((96, 64, 40), (72, 136, 136), (0, 232, 208), (224, 128, 255), (208, 232, 168)),
]
_hue = np.arange(19, 255)[:, None] * 0.618 + np.array([0, 1 / 3, 2 / 3])  # the golden angle keeps further classes apart
PALETTE[19:255] = 155 + 100 * np.sin(2 * np.pi * _hue)
PALETTE[255] = (255, 255, 255)

VIRIDIS = np.array(  # by Smith and van der Walt, CC0: nine of its 256 colours, evenly spaced
    [
        *((68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141)),
        *((39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37)),
    ]
)


def write_preview(dataset_dir: Path, out: Path | None = None, count: int = 16, dataset: Dataset | None = None) -> Path:
    """Write the contact sheet of `count` records, spread evenly over those that are there; returns its path.

    out: None is preview.png in the dataset. dataset: its records, if they are not in the folder.
    ValueError if there is no record, or one cannot be read.
    """
    dataset = dataset or open_dataset(dataset_dir)
    records = list(_spread(dataset, count))
    manifest = dataset.manifest
    title = f"{Path(dataset_dir).resolve().name}: {len(dataset):,} records of {manifest.num_records:,}"
    sheet = contact_sheet(records, manifest.classes, title)
    path = Path(out) if out else Path(dataset_dir) / "preview.png"
    with replacing(path) as temporary:
        sheet.save(temporary, format="PNG")
    return path


def _spread(dataset: Dataset, count: int) -> Iterator[Record]:
    indices = list(dataset.indices())
    if not indices:
        raise ValueError(f"{dataset.path} has no finished shard yet, so there is nothing to preview")
    for at in np.unique(np.linspace(0, len(indices) - 1, max(1, count)).astype(int)):
        yield dataset.record(indices[at])
    dataset.close()


def contact_sheet(
    records: list[Record], classes: Mapping[int, str], title: str = "", tile_px: int = 176, detailed: int = 6
) -> Image.Image:
    """One picture: a grid of all images, then every pass of the first `detailed` records, then the classes' colours.

    tile_px: the longer side of a tile. Passes that the records lack are left out.
    """
    names = _shown(records[0])
    parts = [_text(title, INK, TITLE_PX)]
    if "image" in names:
        tiles = [_tile(record, "image", _caption(record), tile_px) for record in records]
        parts += [_row(list(some)) for some in batched(tiles, COLUMNS, strict=False)]
    for record in records[:detailed]:
        tiles = [_tile(record, name, name, tile_px) for name in names if name != "image"]
        parts += [_text(_caption(record), INK), *(_row(list(some)) for some in batched(tiles, COLUMNS, strict=False))]
    if "segmentation" in names:
        parts.append(_legend(classes, max(part.width for part in parts)))
    return ImageOps.expand(_column(parts), MARGIN, PAPER)


def _caption(record: Record) -> str:
    return f"record {record['meta/index']}, identity {record['meta/identity_index']}" if "meta/index" in record else ""


def _tile(record: Record, name: str, caption: str, tile_px: int) -> Image.Image:
    """A pass as a picture, tile_px on its longer side, with its caption below."""
    array = PICTURES[name](record)
    scale = tile_px / max(array.shape[:2])
    height, width = (max(1, round(n * scale)) for n in array.shape[:2])
    resampling = Image.Resampling.LANCZOS if name in SMOOTH else Image.Resampling.NEAREST
    picture = Image.fromarray(array).resize((width, height), resampling)
    if name == "landmarks":
        _draw_points(picture, record, scale)
    return _column([picture, _text(caption, FAINT)], gap=3)


def _draw_points(picture: Image.Image, record: Record, scale: float) -> None:
    draw = ImageDraw.Draw(picture)
    points = record["landmarks/points_2d"]
    visible = record.get("landmarks/visible", np.ones(len(points), bool))
    for (u, v), seen in zip(points * scale, visible, strict=True):
        draw.ellipse((u - 1.5, v - 1.5, u + 1.5, v + 1.5), fill=VISIBLE if seen else HIDDEN)


def _depth(record: Record) -> np.ndarray:
    """Near is yellow and far is violet, from the nearest to the farthest surface of this record."""
    depth = record["depth"]
    seen = np.isfinite(depth)
    near, far = (depth[seen].min(), depth[seen].max()) if seen.any() else (0, 1)
    with np.errstate(invalid="ignore"):
        code = np.where(seen, (far - depth) / max(far - near, 1e-9), 0)
    stops = np.linspace(0, 1, len(VIRIDIS))
    return _where(seen, np.stack([np.interp(code, stops, channel) for channel in VIRIDIS.T], axis=-1))


def _normal(record: Record) -> np.ndarray:
    """x to the right is red, y up is green, towards the viewer is blue."""
    normal = record["normal"].astype(np.float32)
    return _where(normal.any(axis=-1), 127.5 + 127.5 * normal * [1, -1, -1])


def _relief(record: Record) -> np.ndarray:
    """Half a millimetre out is white, half a millimetre in is black."""
    return np.repeat(127.5 + 255e3 * record["displacement"][..., None], 3, axis=-1)


def _uv(record: Record) -> np.ndarray:
    """u is red and v is green, on a chequerboard of 32 x 32."""
    uv = record["uv"]
    light = np.where((np.floor(uv * 32).sum(axis=-1) % 2).astype(bool), 255, 205)[..., None]
    return _where(uv[..., 0] >= 0, light * np.concatenate([uv, np.full_like(uv[..., :1], 0.3)], axis=-1))


def _where(seen: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3]: the colour (0 to 255) where something is seen, and NOTHING elsewhere."""
    return np.where(seen[..., None], np.clip(np.rint(colour), 0, 255), NOTHING).astype(np.uint8)


def _grey(name: str) -> Callable[[Record], np.ndarray]:
    return lambda record: np.repeat(record[name][..., None], 3, axis=-1)


LIGHT = ("image_linear", "albedo", "intrinsic/albedo", "intrinsic/shading", "intrinsic/specular")  # linear RGB


def _light(name: str) -> Callable[[Record], np.ndarray]:
    return lambda record: (255 * srgb_from_linear(record[name].astype(np.float32)) + 0.5).astype(np.uint8)


# How each pass is shown: uint8 [H, W, 3], in the order of the sheet; the landmarks' points are drawn over it.
PICTURES: dict[str, Callable[[Record], np.ndarray]] = {
    "image": lambda record: record["image"],
    "landmarks": lambda record: (record["image"] * 0.55).astype(np.uint8),
    "alpha": _grey("alpha"),
    "depth": _depth,
    "normal": _normal,
    "uv": _uv,
    "pncc": lambda record: _where(record["pncc"][..., 0] >= 0, 255 * record["pncc"]),
    "segmentation": lambda record: PALETTE[record["segmentation"]],
    "segmentation_bare": lambda record: PALETTE[record["segmentation_bare"]],
    **{name: _light(name) for name in LIGHT},
    **{f"coverage/{part}": _grey(f"coverage/{part}") for part in COVERAGE_PARTS},
    "distance": lambda record: _depth({"depth": record["distance"]}),
    "position": lambda record: _where(record["position"][..., 2] > 0, 255 * (record["position"] % 0.1) / 0.1),
    "normal_world": lambda record: _normal({"normal": record["normal_world"]}),
    "displacement": lambda record: _where(np.ones(record["displacement"].shape, bool), _relief(record)),
    "depth_fine": lambda record: _depth({"depth": record["depth_fine"]}),
    "normal_fine": lambda record: _normal({"normal": record["normal_fine"]}),
    "triangle": lambda record: _where(record["triangle"] >= 0, 37 * (record["triangle"][..., None] % [5, 6, 7])),
    "barycentric": lambda record: _where(record["barycentric"].any(axis=-1), 255 * record["barycentric"]),
}
SMOOTH = ("image", "landmarks", "alpha", *LIGHT)  # the others are labels, which are not to be blended


def _shown(record: Record) -> list[str]:
    """Names of PICTURES that the record has all arrays for."""
    needs = {name: {name} for name in PICTURES} | {"landmarks": {"image", "landmarks/points_2d"}}
    return [name for name in PICTURES if needs[name] <= record.keys()]


def _legend(classes: Mapping[int, str], width: int) -> Image.Image:
    """The classes' colours and names, in as many lines as it takes."""
    entries = [_entry(tuple(int(c) for c in PALETTE[number]), f"{number} {name}") for number, name in classes.items()]
    lines, used = [[]], 0
    for entry in entries:
        if used + entry.width > width and lines[-1]:
            lines, used = [*lines, []], 0
        lines[-1].append(entry)
        used += entry.width + 2 * GAP
    return _column([_row(line, gap=2 * GAP) for line in lines])


def _entry(colour: tuple[int, ...], words: str) -> Image.Image:
    return _row([Image.new("RGB", (TEXT_PX + 2, TEXT_PX + 2), colour), _text(words, FAINT)], gap=5)


def _text(words: str, colour: tuple[int, int, int], size: int = TEXT_PX) -> Image.Image:
    font = ImageFont.load_default(size)
    picture = Image.new("RGB", (max(1, round(font.getlength(words))), round(size * 1.35)), PAPER)
    ImageDraw.Draw(picture).text((0, 0), words, fill=colour, font=font)
    return picture


def _row(pictures: list[Image.Image], gap: int = GAP) -> Image.Image:
    """Side by side, tops aligned."""
    row = Image.new("RGB", (sum(p.width + gap for p in pictures) - gap, max(p.height for p in pictures)), PAPER)
    left = 0
    for picture in pictures:
        row.paste(picture, (left, 0))
        left += picture.width + gap
    return row


def _column(pictures: list[Image.Image], gap: int = GAP) -> Image.Image:
    """One below the other, left aligned."""
    column = Image.new("RGB", (max(p.width for p in pictures), sum(p.height + gap for p in pictures) - gap), PAPER)
    top = 0
    for picture in pictures:
        column.paste(picture, (0, top))
        top += picture.height + gap
    return column
