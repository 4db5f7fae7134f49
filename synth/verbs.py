"""The verbs of the command line: each takes its words and returns the exit code."""

import argparse
import sys
import webbrowser
from collections.abc import Iterable
from pathlib import Path

from synth.config import Config

QUARANTINED = 3  # the exit code of a run that finished, with records that could not be rendered
KEYS = """keys that you will type (all of them: --cfg job):
  num_records=N          how many; more of a finished dataset renders only the new ones
  seed=N                 another seed is another dataset
  output.dir=DIR         the dataset's folder
  overwrite=true         delete another dataset that is in output.dir
  render.hw=[H,W]        height and width, px
  render.spp=N           samples per pixel
  model=NAME|FILE.h5     the morphable model
  views_per_identity=N   records that share identity, albedo and hair
  farm.workers=N         Blender processes, 0 is automatic
  farm.address=ADDRESS   local, auto, ray://HOST:PORT or HOST:PORT
  farm.device=DEVICE     auto, cpu or gpu

exit code: 0 done, 1 failed, 2 bad input, 3 done but some records could not be rendered, 130 interrupted"""


def run(argv: list[str]) -> int:
    """Render the datasets that the words describe. Everything is checked before the first one starts.

    Returns 0, or 3 if records of one had to be quarantined.
    """
    words = _run_parser().parse_intermixed_args(argv)
    from synth.compose import as_yaml, compose_config, compose_sweep

    compose = compose_sweep if words.multirun else lambda *args: [compose_config(*args)]
    configs = compose(words.overrides, words.config_dir)
    if words.multirun and not words.cfg:
        _require_models(configs)
    quarantined = 0
    for config in configs:
        if words.cfg:
            print(as_yaml(config))
        else:
            from synth.farm.driver import render_dataset

            quarantined += render_dataset(config, as_yaml(config))
    return QUARANTINED if quarantined else 0


def _require_models(configs: list[Config]) -> None:
    """ValueError unless every model is there, fits its scene, and has the passes that are asked for."""
    from synth.passes import passes_of
    from synth.scene import offered_passes

    for config in configs:
        passes_of(tuple(offered_passes(config)), config.output.passes)


def preview(argv: list[str]) -> int:
    """Make the contact sheet of a dataset."""
    parser = _dataset_parser("preview")
    parser.add_argument("--count", type=int, default=16, help="how many records to show")
    words = parser.parse_args(argv)
    if words.count < 1:
        raise ValueError(f"--count must be at least 1, got {words.count}")
    from synth.preview import write_preview

    print(write_preview(words.dataset, count=words.count))
    return 0


def info(argv: list[str]) -> int:
    """Print what is in a dataset."""
    parser = _dataset_parser("info")
    parser.add_argument("--json", action="store_true", help="for programs")
    words = parser.parse_args(argv)
    from synth.info import print_info

    print_info(words.dataset, words.json)
    return 0


def view(argv: list[str]) -> int:
    """Serve a page that shows a dataset, until interrupted."""
    parser = _dataset_parser("view")
    parser.add_argument("--host", default="127.0.0.1", help="another address to listen on: other machines see it then")
    parser.add_argument("--port", type=int, help="8642, or a free one if that is taken")
    parser.add_argument("--open", action="store_true", help="open it in the browser")
    words = parser.parse_args(argv)
    if words.port is not None and not 1 <= words.port <= 65535:
        raise ValueError(f"--port must be from 1 to 65535, got {words.port}")
    try:
        from synth.view.server import serve
    except ModuleNotFoundError as error:
        from synth.install import to_install

        raise ValueError(f"view needs {error.name}; {to_install('--extra view')}") from None

    def ready(url: str) -> None:
        print(f"{words.dataset} is shown at {url} (Ctrl-C ends it)", flush=True)
        if words.open:
            webbrowser.open(url)

    serve(words.dataset, words.host, words.port, ready)
    return 0


def report(argv: list[str]) -> int:
    """Write a dataset's datasheet and its histograms as one picture."""
    parser = _dataset_parser("report")
    parser.add_argument("--out", type=Path, help="the folder of report.html and report.png, if not the dataset's")
    parser.add_argument("--count", type=int, default=48, help="how many images to show")
    parser.add_argument("--notes", type=Path, help="a TOML file: motivation, uses, maintenance ...")
    words = parser.parse_args(argv)
    if words.count < 0:
        raise ValueError(f"--count must be 0 or more, got {words.count}")
    from synth.report import write_report

    for path in write_report(words.dataset, words.out, words.count, words.notes):
        print(path)
    return 0


def check(argv: list[str]) -> int:
    """Print what is wrong with a dataset; 1 if anything is."""
    parser = _dataset_parser("check")
    parser.add_argument("--rerender", type=int, default=0, metavar="N", help="render N records again and compare")
    words = parser.parse_args(argv)
    if words.rerender < 0:
        raise ValueError(f"--rerender must be 0 or more, got {words.rerender}")
    from synth.check import check as check_dataset

    report = check_dataset(words.dataset)
    found = _said(report.problems, f"{report.num_records} records checked")
    if words.rerender:
        found += _rerendered(words.dataset, words.rerender)
    return 1 if found else 0


def _said(problems: Iterable[str], done: str) -> int:
    """Print each problem as it comes, and then how many there were."""
    count = 0
    for problem in problems:
        print(problem, file=sys.stderr, flush=True)
        count += 1
    print(f"{done}, {count or 'no'} problems", flush=True)
    return count


def _rerendered(dataset: Path, wanted: int) -> int:
    """Number of problems of up to `wanted` records that are rendered again, which are printed."""
    from synth.blender.libraries import require_libraries

    require_libraries()
    from synth.compose import config_from_yaml
    from synth.rerender import rerender, spread_indices
    from synth.storage.reader import open_dataset

    config, indices = config_from_yaml(dataset / "config.yaml"), spread_indices(open_dataset(dataset).indices(), wanted)
    if not indices:
        return 0
    print(f"rendering records {', '.join(map(str, indices))} again", flush=True)
    return _said(rerender(dataset, config, indices), f"{len(indices)} records rendered again")


def _dataset_parser(verb: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m synth {verb}", exit_on_error=False)
    parser.add_argument("dataset", type=_folder, help="the dataset's folder")
    return parser


def _folder(place: str) -> Path:
    """The path, which a URL would be mangled by."""
    from synth.storage.remote import is_url

    if is_url(place):
        raise argparse.ArgumentTypeError(
            f"must be a folder, got {place}; copy the dataset here first, for example with aws s3 sync or rclone copy. "
            "export and synth.open_dataset read URLs"
        )
    return Path(place)


class _Help(argparse.Action):
    """Help that names every choice there is, of the user's folder too."""

    def __init__(self, **names: object) -> None:
        super().__init__(nargs=0, **names)  # type: ignore[arg-type]

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: object) -> None:
        from synth.compose import choices

        groups = choices(getattr(namespace, "config_dir", None))
        plus = {group: f"+{group}" if group in ("experiment", "debug") else group for group in groups}
        lines = [f"  {plus[group] + '=':<13} {' '.join(names)}" for group, names in groups.items()]
        print(parser.format_help() + "\n" + KEYS + "\n\nchoices:\n" + "\n".join(lines))
        parser.exit()


def _run_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m synth run",
        usage="%(prog)s [+experiment=NAME] [key=value ...] [options]",
        description="Render a dataset. Run again, it goes on where it stopped, and does nothing when all is there.",
        add_help=False,
        exit_on_error=False,
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="Hydra's overrides, in any order")
    parser.add_argument("-m", "--multirun", action="store_true", help="one dataset for each value of key=a,b")
    parser.add_argument("-c", "--cfg", choices=["job"], help="print the composed config and stop")
    parser.add_argument("-cd", "--config-dir", type=Path, help="a folder of your own experiment/, scene/ ... files")
    parser.add_argument("-h", "--help", action=_Help, help="this, and all choices")
    return parser
