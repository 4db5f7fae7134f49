"""The datasheet: one HTML page that needs no other file, under the headings of Datasheets for Datasets.

Gebru et al., Datasheets for Datasets, Communications of the ACM 64(12), 2021.
"""

import base64
import io
from html import escape
from importlib.resources import files

import numpy as np
from PIL import Image

from synth.histograms import Histogram
from synth.preview import PALETTE
from synth.report.charts import chart, summary
from synth.report.facts import Facts

TILE_PX = 128
SHOWN, SHARDS_SHOWN = 12, 64  # histograms of a group, shards; the others are folded away or left out
STYLE = files("synth.report") / "style.css"


def datasheet(facts: Facts, notes: dict[str, str]) -> str:
    """The page. notes: what the author says, by section; it comes first in its section."""
    sections = {
        "Motivation": _motivation(facts),
        "Composition": _composition(facts),
        "Collection: generation": _generation(facts),
        "Preprocessing and labelling": _preprocessing(facts),
        "Uses": _uses(facts),
        "Distribution": _distribution(facts),
        "Maintenance": _maintenance(facts),
    }
    body = []
    for title, text in sections.items():
        key = title.lower().replace(":", " ").split()[0]
        said = f'<p class="note">{escape(notes[key])}</p>' if key in notes else ""
        body.append(f'<section aria-labelledby="{key}"><h2 id="{key}">{escape(title)}</h2>{said}{text}</section>')
    links = "".join(f'<li><a href="#{t.lower().replace(":", " ").split()[0]}">{escape(t)}</a></li>' for t in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{escape(facts.name)}: datasheet</title><style>{STYLE.read_text(encoding='utf-8')}</style></head><body>"
        f"<header><h1>{escape(facts.name)}</h1>"
        '<p class="lead">Datasheet of a synthetic dataset, written by <code>synth report</code> from the records.</p>'
        f'{_numbers(facts)}<nav aria-label="Sections"><ul>{links}</ul></nav></header>'
        f"<main>{_grid(facts)}{_gaps(facts)}{''.join(body)}</main></body></html>\n"
    )


def _numbers(facts: Facts) -> str:
    manifest = facts.manifest
    numbers = {
        "records": f"{facts.count:,}",
        "identities": f"{facts.identities:,}" if manifest.model else "",
        "pixels": f"{facts.hw[0]} x {facts.hw[1]}" if facts.hw else "",
        "passes": str(len(manifest.passes)),
        "landmarks": str(len(manifest.landmarks) or ""),
        "on disk": _size(sum(row.bytes for row in manifest.shards)),
    }
    rows = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in numbers.items() if v)
    return f'<dl class="numbers">{rows}</dl>'


def _size(count: float) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


def _grid(facts: Facts) -> str:
    if not facts.grid:
        return ""
    tiles = "".join(
        f'<img src="data:image/jpeg;base64,{_jpeg(image)}" alt="record {index}" title="record {index}" loading="lazy"/>'
        for index, image in facts.grid
    )
    return (
        f'<section aria-label="Images"><div class="grid">{tiles}</div><p class="lead">'
        f"{len(facts.grid)} records, spread evenly over the dataset, none chosen.</p></section>"
    )


def _jpeg(image: np.ndarray) -> str:
    picture = Image.fromarray(image)
    picture.thumbnail((TILE_PX, TILE_PX), Image.Resampling.LANCZOS)
    sink = io.BytesIO()
    picture.save(sink, "JPEG", quality=85)
    return base64.b64encode(sink.getvalue()).decode()


def _gaps(facts: Facts) -> str:
    lines = [*facts.gaps, *(f"Unreadable: {line}" for line in facts.unreadable[:10])]
    title = '<section aria-labelledby="gaps"><h2 id="gaps">Gaps</h2>'
    if not lines:
        return f"{title}<p>Every bin that the config allows holds a record.</p></section>"
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    few = " Few records leave many bins empty." if facts.count < 200 else ""
    return (
        f"{title}<p>What the config allows and no record has, bin by bin of the histograms below.{few}</p>"
        f'<ul class="gaps">{items}</ul></section>'
    )


def _motivation(facts: Facts) -> str:
    subject = "images of faces" if facts.manifest.model else "images"
    return (
        f"<p>The dataset was generated to train and test networks on {subject} whose labels are exact: every pixel and "
        "every parameter is known, because every scene was drawn by a program and rendered. "
        "Its author can say more with <code>--notes</code>.</p>"
    )


def _composition(facts: Facts) -> str:
    manifest = facts.manifest
    people = "No record shows a real person." if manifest.model else ""
    done = "" if manifest.complete else f" The run is not finished: {manifest.num_records:,} are planned."
    lost = manifest.records_done - facts.count
    done += f" {lost:,} more could not be rendered, and are left out." if lost else ""
    return "".join(
        [
            f"<p>A record is one rendered image with its labels and everything drawn for it. There are {facts.count:,}."
            f"{done} {_shared(facts)} {people} No label is missing; where nothing is seen a pass holds its empty "
            "value.</p>",
            _passes(facts),
            _classes(facts),
            *(_group(group, found) for group, found in facts.groups.items()),
        ]
    )


def _shared(facts: Facts) -> str:
    """How many records an identity has: all as many as are planned, or fewer where records are not there."""
    views = facts.manifest.views_per_identity
    if facts.identities == facts.count:
        return "No two records share an identity."
    most = "" if facts.count == views * facts.identities else "Up to "
    return f"{most}{views} consecutive records share an identity."


def _group(title: str, found: list[Histogram]) -> str:
    single = [histogram for histogram in found if histogram.column.startswith("expression.")]
    telling = [histogram for histogram in found if not histogram.column.startswith("expression.")]
    shown, rest = ([_figure(h) for h in some] for some in (telling[:SHOWN], [*telling[SHOWN:], *single]))
    more = _folded(f"{len(rest)} more", f'<div class="charts">{"".join(rest)}</div>') if rest else ""
    return f'<h3>{escape(title)}</h3><div class="charts">{"".join(shown)}</div>{more}'


def _figure(histogram: Histogram) -> str:
    unit = f" <small>{escape(histogram.unit)}</small>" if histogram.unit else ""
    words = summary(histogram).partition(": ")[2]
    none = f"; {histogram.missing:,} have none" if histogram.missing else ""
    caption = f"<figcaption>{escape(words + none)}</figcaption>"
    return f"<figure><b>{escape(histogram.label)}</b>{unit}{caption}{chart(histogram)}</figure>"


def _passes(facts: Facts) -> str:
    rows = []
    for row in facts.manifest.passes:
        kind = f"{row['dtype']} [{', '.join(map(str, row['shape']))}]"
        rows.append([_code(row["name"]), *(escape(str(words)) for words in (kind, row["unit"], row.get("doc", "")))])
    return _folded(f"{len(rows)} passes in every record", _table(rows, ("name", "kind", "unit", "what")))


def _classes(facts: Facts) -> str:
    if not facts.classes:
        return ""
    colours = {name: "#{:02x}{:02x}{:02x}".format(*PALETTE[n]) for n, name in facts.manifest.classes.items()}
    bar = "".join(
        f'<i style="width:{100 * share:.3f}%;background:{colours[name]}" title="{escape(name)} {share:.2%}"></i>'
        for name, share in facts.classes.items()
    )
    rows = "".join(
        f'<li data-share="{share!r}"><i class="swatch" style="background:{colours[name]}"></i>'
        f"{escape(name.replace('_', ' '))} <small>{share:.3%}</small></li>"
        for name, share in sorted(facts.classes.items(), key=lambda pair: -pair[1])
    )
    whole = "all" if facts.classes_of == facts.count else f"{facts.classes_of:,} sampled"
    title = f"<h3>Classes</h3><p>Shares of the pixels of {whole} records.</p>"
    return f'{title}<div class="share" aria-hidden="true">{bar}</div><ul class="classes">{rows}</ul>'


def _generation(facts: Facts) -> str:
    manifest = facts.manifest
    device = manifest.device or "device unknown"
    keys = [[_code(key), _code(value)] for key, value in manifest.record_keys.items()]
    return (
        f"<p>Generated by synth {escape(manifest.synth_version)} with Blender {escape(manifest.bpy_version)} "
        f"(Cycles, {escape(device)}), seed {manifest.seed}. Nothing was collected from people, the web or another "
        "dataset. Record i is a function of the config, the seed and i, and can be made again. "
        f"The config's keys that decide what is in a record:</p>"
        f"{_folded(f'{len(keys)} keys (config {manifest.config_hash[:12]})', _table(keys))}"
    )


def _preprocessing(facts: Facts) -> str:
    rows = [[escape(name), escape(str(words))] for name, words in facts.manifest.conventions.items()]
    return (
        "<p>Labels are computed from the geometry that is rendered, at pixel centres; no person labelled anything. "
        f"Conventions:</p>{_table(rows)}"
    )


def _uses(facts: Facts) -> str:
    return (
        "<p>Fit for training and testing of what the passes label. The gaps above bound what can be learnt from it. "
        "Distributions are those of a config, not of a population: error rates on this dataset say nothing about "
        "groups of people. Test on photographs before use on people, for each group concerned.</p>"
    )


def _distribution(facts: Facts) -> str:
    model = facts.manifest.model or {}
    rows = [[escape(str(name)), _code(value)] for name, value in model.items()]
    licence = f"<p>The morphable model's licence is {escape(str(model.get('licence')))}.</p>" if model else ""
    return (
        "<p>The images and labels are not covered by synth's own licence; what they depict is. "
        f"Assets and their licences are listed in synth's assets/README.md.</p>{licence}{_table(rows)}"
    )


def _maintenance(facts: Facts) -> str:
    shards = facts.manifest.shards
    rows = [[_code(row.file), f"{row.first:,}", f"{row.count:,}", _code(row.sha256)] for row in shards[:SHARDS_SHOWN]]
    rest = len(shards) - len(rows)
    more = f"<p>and {rest:,} more, see dataset.json</p>" if rest else ""
    table = _table(rows, ("file", "first", "records", "SHA-256"))
    return (
        f"<p>Schema version {facts.manifest.schema_version}. <code>python -m synth check</code> verifies every shard's "
        "checksum and every record; the run's command with a larger num_records adds records.</p>"
        f"{_folded(f'{len(shards):,} shards', table + more)}"
    )


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def _table(rows: list[list[str]], head: tuple[str, ...] = ()) -> str:
    """Cells are HTML."""
    if not rows:
        return ""
    names = "".join(f"<th>{name}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{f'<thead><tr>{names}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"


def _code(value: object) -> str:
    return f"<code>{escape(str(value))}</code>"
