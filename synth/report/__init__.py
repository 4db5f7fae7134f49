"""`report`: a dataset as an HTML datasheet and as one picture, so that gaps and biases are seen at a glance."""

from pathlib import Path

from synth.report.datasheet import datasheet
from synth.report.facts import read_facts
from synth.report.notes import read_notes
from synth.report.picture import poster
from synth.storage.files import replacing

GRID = 48  # images


def write_report(
    dataset_dir: Path, out: Path | None = None, count: int = GRID, notes: Path | None = None
) -> tuple[Path, Path]:
    """Write report.html and report.png into `out`, the dataset's folder if None; returns their paths.

    count: images in the grid. notes: a TOML file with what only the dataset's author can say.
    ValueError if there is no record, or the notes cannot be read.
    """
    words = read_notes(notes)
    facts = read_facts(Path(dataset_dir), count)
    folder = Path(out) if out else Path(dataset_dir)
    folder.mkdir(parents=True, exist_ok=True)
    html, png = folder / "report.html", folder / "report.png"
    with replacing(html) as temporary:
        temporary.write_text(datasheet(facts, words), encoding="utf-8")
    with replacing(png) as temporary:
        poster(facts).save(temporary, format="PNG")
    return html, png
