"""The poster: the grid of images and the histograms as one picture, for a glance and for a README."""

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from synth.columns import number
from synth.histograms import Histogram
from synth.report.facts import Facts

WIDTH, MARGIN, GAP, TILE_PX = 1600, 40, 8, 118
COLUMNS, CHART_PX = 4, 150  # charts in a row, height of one of numbers
PAPER, INK, FAINT, LINE, BAR, EMPTY = "#fbfbf9", "#1b1d20", "#5c6167", "#dedfdc", "#0b6e66", "#c2590a"
MOST_CHARTS, MOST_BARS = 40, 16  # a poster has an end: the datasheet has all


def poster(facts: Facts) -> Image.Image:
    """RGB, WIDTH px wide: title, grid, histograms, gaps."""
    charts = [histogram for histogram in facts.histograms() if not histogram.column.startswith("expression.")]
    parts = [_title(facts), _grid(facts), *_rows(charts[:MOST_CHARTS]), _gaps(facts)]
    height = 2 * MARGIN + sum(part.height + 2 * GAP for part in parts)
    sheet = Image.new("RGB", (WIDTH, height), PAPER)
    top = MARGIN
    for part in parts:
        sheet.paste(part, (MARGIN, top))
        top += part.height + 2 * GAP
    return sheet


def _inner() -> int:
    return WIDTH - 2 * MARGIN


def _title(facts: Facts) -> Image.Image:
    picture = Image.new("RGB", (_inner(), 64), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((0, 0), facts.name, fill=INK, font=ImageFont.load_default(34))
    manifest = facts.manifest
    size = f", {facts.hw[0]} x {facts.hw[1]} px" if facts.hw else ""
    words = f"{facts.count:,} records{size}, {len(manifest.passes)} passes, synth {manifest.synth_version}"
    draw.text((0, 42), words, fill=FAINT, font=ImageFont.load_default(17))
    return picture


def _grid(facts: Facts) -> Image.Image:
    across = (_inner() + GAP) // (TILE_PX + GAP)
    side = (_inner() + GAP) / across - GAP
    ratio = facts.hw[0] / facts.hw[1] if facts.hw else 1.0
    tall = side * ratio
    rows = -(-len(facts.grid) // across)
    picture = Image.new("RGB", (_inner(), max(1, round(rows * (tall + GAP)))), PAPER)
    for k, (_, image) in enumerate(facts.grid):
        tile = Image.fromarray(image).resize((round(side), max(1, round(tall))), Image.Resampling.LANCZOS)
        picture.paste(tile, (round(k % across * (side + GAP)), round(k // across * (tall + GAP))))
    return picture


def _rows(charts: list[Histogram]) -> list[Image.Image]:
    """Charts side by side, COLUMNS in a row."""
    width = (_inner() - (COLUMNS - 1) * 3 * GAP) // COLUMNS
    rows = []
    for first in range(0, len(charts), COLUMNS):
        drawn = [_chart(histogram, width) for histogram in charts[first : first + COLUMNS]]
        row = Image.new("RGB", (_inner(), max(chart.height for chart in drawn)), PAPER)
        for k, chart in enumerate(drawn):
            row.paste(chart, (k * (width + 3 * GAP), 0))
        rows.append(row)
    return rows


def _chart(histogram: Histogram, width: int) -> Image.Image:
    bars = min(len(histogram.counts), MOST_BARS)
    height = 30 + (CHART_PX + 20 if histogram.names is None else 22 * bars)
    picture = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(picture)
    unit = f" {histogram.unit}" if histogram.unit else ""
    draw.text((0, 0), histogram.label, fill=INK, font=ImageFont.load_default(18))
    draw.text(
        (ImageFont.load_default(18).getlength(histogram.label) + 4, 2),
        unit,
        fill=FAINT,
        font=ImageFont.load_default(16),
    )
    if histogram.names is None:
        _draw_numbers(draw, histogram, width)
    else:
        _draw_names(draw, histogram, width)
    return picture


def _draw_numbers(draw: ImageDraw.ImageDraw, histogram: Histogram, width: int) -> None:
    assert histogram.edges is not None
    bottom = 30 + CHART_PX
    x = np.interp(histogram.edges, histogram.edges[[0, -1]], [0, width - 1])
    tallest = max(1, int(histogram.counts.max(initial=0)))
    for (a, b), count in zip(pairwise(x), histogram.counts, strict=True):
        right = max(a + 1, b - 2)
        if count:
            draw.rectangle((a, bottom - max(1, count / tallest * (CHART_PX - 6)), right, bottom), fill=BAR)
        elif histogram.allowed is not None:
            draw.rectangle((a, bottom - 6, right, bottom), fill=EMPTY)
    draw.line((0, bottom + 1, width, bottom + 1), fill=LINE)
    font, names = ImageFont.load_default(13), histogram.bin_names()
    first, last = names[0].split(" to ")[0], names[-1].split(" to ")[-1]
    draw.text((0, bottom + 3), first, fill=FAINT, font=font)
    draw.text((width - font.getlength(last), bottom + 3), last, fill=FAINT, font=font)
    if " to " in names[0]:
        draw.text(
            (width / 2, bottom + 3), number(float(histogram.edges[[0, -1]].mean())), fill=FAINT, font=font, anchor="ma"
        )


def _draw_names(draw: ImageDraw.ImageDraw, histogram: Histogram, width: int) -> None:
    font, total = ImageFont.load_default(14), max(1, histogram.total)
    tallest = max(1, int(histogram.counts.max(initial=0)))
    for k, (name, count) in enumerate(zip(histogram.bin_names(), histogram.counts.tolist(), strict=True)):
        y = 30 + 22 * k
        if k == MOST_BARS - 1 and len(histogram.counts) > MOST_BARS:
            draw.text((0, y), f"and {len(histogram.counts) - k} more", fill=FAINT, font=font)
            return
        draw.text((0, y), name.replace("_", " ")[:16], fill=INK if count else EMPTY, font=font)
        if count:
            draw.rectangle((140, y + 3, 140 + max(1, count / tallest * (width - 210)), y + 15), fill=BAR)
        share = f"{count / total:.0%}"
        draw.text((width - font.getlength(share), y), share, fill=FAINT if count else EMPTY, font=font)


def _gaps(facts: Facts) -> Image.Image:
    """The sentences about gaps, wrapped."""
    font = ImageFont.load_default(16)
    lines = [
        line
        for text in facts.gaps or ["Every bin that the config allows holds a record."]
        for line in _wrapped(text, font)
    ]
    picture = Image.new("RGB", (_inner(), 34 + 22 * len(lines)), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((0, 0), "Gaps", fill=INK, font=ImageFont.load_default(20))
    for k, line in enumerate(lines):
        draw.text((0, 32 + 22 * k), line, fill=EMPTY if facts.gaps else INK, font=font)
    return picture


def _wrapped(text: str, font) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if line and font.getlength(f"{line} {word}") > _inner():
            lines.append(line)
            line = f"    {word}"
        else:
            line = f"{line} {word}".strip() if not line.startswith("    ") else f"{line} {word}"
    return [*lines, line]
