"""Histograms as SVG: bars with their counts in words for those who do not see them, and numbers for programs."""

import json
from html import escape
from itertools import pairwise

from synth.columns import number
from synth.histograms import Histogram

WIDTH, HEIGHT, ROW, BASE = 320, 110, 20, 16  # px of the drawing; the page scales it
MOST_ROWS = 24  # names that are drawn; data-counts has all


def chart(histogram: Histogram) -> str:
    """An <svg> of the histogram. data-counts and data-edges or data-names hold its numbers as JSON."""
    body = _names(histogram) if histogram.names is not None else _numbers(histogram)
    height = ROW * min(len(histogram.counts), MOST_ROWS + 1) + 4 if histogram.names is not None else HEIGHT + BASE
    kind = "names" if histogram.names is not None else "edges"
    bins = (
        list(histogram.names)
        if histogram.names is not None
        else (histogram.edges.tolist() if histogram.edges is not None else [])
    )
    return (
        f'<svg class="{kind}" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(summary(histogram))}" '
        f'data-column="{escape(histogram.column)}" data-counts="{escape(json.dumps(histogram.counts.tolist()))}" '
        f'data-{kind}="{escape(json.dumps(bins))}">{body}</svg>'
    )


def summary(histogram: Histogram) -> str:
    """The histogram in a sentence: where most records are."""
    if not histogram.total:
        return f"{histogram.label}: no record has it"
    most = int(histogram.counts.argmax())
    share = histogram.counts[most] / histogram.total
    return f"{histogram.label}: {histogram.total:,} records, most often {histogram.bin_names()[most]} ({share:.0%})"


def _numbers(histogram: Histogram) -> str:
    assert histogram.edges is not None
    low, span = float(histogram.edges[0]), float(histogram.edges[-1] - histogram.edges[0]) or 1.0
    tallest = max(1, int(histogram.counts.max(initial=0)))
    parts = [f'<line x1="0" x2="{WIDTH}" y1="{HEIGHT}" y2="{HEIGHT}" class="axis"/>']
    names = histogram.bin_names()
    for k, (a, b) in enumerate(pairwise(histogram.edges.tolist())):
        left, width = (a - low) / span * WIDTH, max(0.5, (b - a) / span * WIDTH - 1)
        count = int(histogram.counts[k])
        tall = max(1.0, count / tallest * (HEIGHT - 4)) if count else 0.0
        title = f"<title>{escape(names[k])}: {count}</title>"
        if not count and histogram.allowed is not None:
            parts.append(
                f'<rect x="{left:.2f}" y="{HEIGHT - 5}" width="{width:.2f}" height="5" class="gap">{title}</rect>'
            )
        elif count:
            top = HEIGHT - tall
            parts.append(f'<rect x="{left:.2f}" y="{top:.2f}" width="{width:.2f}" height="{tall:.2f}">{title}</rect>')
    ends = (("start", 0, names[0].split(" to ")[0]), ("end", WIDTH, names[-1].split(" to ")[-1]))
    middle = number(low + span / 2) if len(names) > 3 and " to " in names[0] else ""
    parts += [_text(x, HEIGHT + 13, anchor, word) for anchor, x, word in (*ends, ("middle", WIDTH / 2, middle))]
    return "".join(parts)


def _names(histogram: Histogram) -> str:
    tallest, total = max(1, int(histogram.counts.max(initial=0))), max(1, histogram.total)
    parts = []
    for k, (name, count) in enumerate(zip(histogram.bin_names(), histogram.counts.tolist(), strict=True)):
        y = k * ROW
        if k == MOST_ROWS:
            parts.append(_text(104, y + 14, "end", f"and {len(histogram.counts) - k} more", "count"))
            break
        parts.append(_text(104, y + 14, "end", name.replace("_", " ")[:18], "" if count else "none"))
        if count:
            width = max(1.0, count / tallest * 150)
            parts.append(
                f'<rect x="112" y="{y + 4}" width="{width:.2f}" height="12" rx="2"><title>{escape(name)}</title></rect>'
            )
        parts.append(_text(WIDTH, y + 14, "end", f"{count:,}  {count / total:.0%}", "count"))
    return "".join(parts)


def _text(x: float, y: float, anchor: str, word: str, kind: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" class="{kind}">{escape(word)}</text>' if word else ""
