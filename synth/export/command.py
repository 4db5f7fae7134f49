"""`python -m synth export FORMAT DATASET OUTPUT`."""

import argparse
from pathlib import Path

from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from synth.export.formats import FORMATS, export


def main(argv: list[str]) -> int:
    """Write a dataset in another format."""
    words = _parser().parse_args(argv)
    if words.count is not None and words.count < 1:
        raise ValueError(f"--count must be at least 1, got {words.count}")
    passes = words.passes.split(",") if words.passes else None
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task(f"export {words.format}", total=None)
        done = export(
            words.format,
            words.dataset,
            words.output,
            passes,
            words.count,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    print(f"{words.output}: {done} records as {words.format}")
    return 0


def _parser() -> argparse.ArgumentParser:
    formats = "\n".join(f"  {name:<12} {form.doc}" for name, form in FORMATS.items())
    parser = argparse.ArgumentParser(
        prog="python -m synth export",
        description="Write a dataset in another format, into a new folder.\n\n" + formats,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        exit_on_error=False,
    )
    parser.add_argument("format", metavar="FORMAT", help=f"one of {', '.join(FORMATS)}")
    parser.add_argument("dataset", metavar="DATASET", help="the dataset's folder, or its URL")
    parser.add_argument("output", metavar="OUTPUT", type=Path, help="a folder that is not there yet")
    parser.add_argument("--passes", metavar="NAME,NAME", help="which passes; webdataset, huggingface and folder")
    parser.add_argument("--count", type=int, help="the first so many records")
    return parser
