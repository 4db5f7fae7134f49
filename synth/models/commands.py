"""python -m synth models: list, info, import, build."""

import argparse
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from synth.models.library import BUILT_IN, cache_path, imported_folder, imported_path, list_models, load_model
from synth.models.morphable import MorphableModel
from synth.models.schema import checksum

REFERENCE = "makehuman"  # what gaps are filled from


def main(argv: list[str]) -> int:
    """Run one of the verbs of models and return the exit code."""
    words = _parser().parse_args(argv)
    return words.run(words)


def list_all(words: argparse.Namespace) -> int:
    """One line for each model that a name finds."""
    rows: list[tuple[str, ...]] = [("name", "vertices", "identity", "expression", "licence")]
    for name in list_models():
        path = cache_path(name) if name in BUILT_IN else imported_path(name)
        counts = _summary(path) if path.is_file() else ("built on first use", "", "", "CC0-1.0")
        rows.append((name, *counts))
    named = {imported_path(name) for name in list_models() if name not in BUILT_IN}
    for path in sorted(set(imported_folder().glob("*.h5")) - named):
        rows.append((path.name, "", "", "", "its name is none of a model; rename the file"))
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for row in rows:
        print("  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _summary(path: Path) -> tuple[str, str, str, str]:
    """Counts of vertices, identity and expression components, and the licence, without reading the arrays."""
    from synth.models.file import read_summary

    try:
        vertices, identity, expression, licence = read_summary(path)
    except ValueError as error:
        return ("", "", "", str(error))
    return (f"{vertices:,}", str(identity), str(expression), licence)


def info(words: argparse.Namespace) -> int:
    """What is in a model."""
    _print(load_model(words.name_or_file))
    return 0


def _print(model: MorphableModel) -> None:
    lines: dict[str, Any] = {
        "name": model.name,
        "licence": model.licence,
        "source": model.source,
        "checksum": checksum(model),
        "mesh": f"{len(model.mean):,} vertices, {len(model.faces):,} faces",
        "identity": f"{len(model.identity)} components, standard deviations",
        "expression": f"{len(model.expression)} components, {model.expression_unit}",
        "albedo": f"{len(model.albedo_basis)} components",
        "joints": ", ".join(model.rig.joint_names) if model.rig else "",
        "layers": ", ".join(f"{name} ({len(layer.mean):,} vertices)" for name, layer in model.layers.items()),
        "lacks": ", ".join(model.lacks),
        "supplied": ", ".join(model.supplied),
        "unit": f"m, from {model.source_unit}s" if model.source_unit else "m",
        "sigma": model.sigma,
        "files": model.source_sha256,
    }
    for name, text in lines.items():
        if text:
            print(f"{name:<11}{text}")


def import_files(words: argparse.Namespace) -> int:
    """Convert somebody's model to a model file, with a picture to check it by."""
    from synth.models.importers import import_model

    model = import_model(words.format, words.path)
    model = replace(model, name=words.name or re.sub(r"[^\w.-]+", "-", model.name))
    path = _path(model.name, words.output)
    if path.exists() and path.samefile(words.path):
        raise ValueError(f"{path} is what is imported; give another --output")
    origin = model.source, model.source_sha256
    _refuse_another(path, words.output, lambda there: (there.source, there.source_sha256) == origin)
    return _keep(model, path, words.bare)


def build(words: argparse.Namespace) -> int:
    """Make a model of meshes; its curves go beside it."""
    path = _path(words.name, words.output)
    from synth.models.build import build_model, sources_sha256, write_curves

    if not words.folder.is_dir():
        raise ValueError(f"{words.folder} is not a folder; give the one that has the meshes")
    if words.template and not words.template.is_file():
        raise ValueError(f"the template {words.template} is not a file; give a mesh")
    origin = sources_sha256(words.folder, words.template), words.components
    _refuse_another(path, words.output, lambda there: (there.source_sha256, len(there.identity)) == origin)
    model, curves = build_model(words.folder, words.name, words.template, words.components)
    code = _keep(replace(model, licence=words.licence), path, words.bare)
    write_curves(curves, path.parent, words.name)
    return code


def _keep(model: MorphableModel, path: Path, bare: bool) -> int:
    """Fill the model's gaps, write its file and picture, and say what came of it."""
    from synth.models.file import save_model
    from synth.models.importers.finishing import finished, unfinished
    from synth.models.picture import write_picture

    reference = load_model(REFERENCE)
    if bare:
        model, residuals = unfinished(model, reference), {}
    else:
        model, residuals = finished(model, reference)
    save_model(model, path)
    write_picture(model, path.with_suffix(".png"))
    _print(model)
    for name, residual in residuals.items():
        print(f"residual   {name}: {residual:.3g}")
    print(f"\nwrote {path}\nlook at {path.with_suffix('.png')} before you render")
    print(f"render with model={path.stem if path.parent == imported_folder() else path}")
    return 0


def _refuse_another(path: Path, output: Path | None, is_same: Callable[[MorphableModel], bool]) -> None:
    """Raises ValueError where a file is at a path that the command did not write: another model, or none of synth.

    A damaged model is written over, so that the same command mends it; in the user's folder all files are models.
    """
    if not path.exists():
        return
    from synth.models.file import is_model_file, read_model

    try:
        there = read_model(path)
    except ValueError as error:
        if output is None or is_model_file(path):
            return
        raise ValueError(f"{path} is there and no model file of synth; give another --output, or delete it") from error
    if not is_same(there):
        raise ValueError(f"{path} is another model, of {there.source}; give another --name or --output, or delete it")


def _path(name: str, output: Path | None) -> Path:
    path = imported_path(name) if output is None else output
    if path.suffix != ".h5":
        raise ValueError(f"--output must end in .h5, got {str(output)!r}")
    return path


def _parser() -> argparse.ArgumentParser:
    from synth.models.importers import FORMATS

    parser = argparse.ArgumentParser(
        prog="python -m synth models",
        description="Morphable models: what there is, and your own.",
        exit_on_error=False,
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB", title="verbs")
    verb = verbs.add_parser("list", help="models that a name finds", exit_on_error=False)
    verb.set_defaults(run=list_all)
    verb = verbs.add_parser("info", help="what is in one", exit_on_error=False)
    verb.add_argument("name_or_file", metavar="NAME_OR_FILE", help="a name of list, or a model file (.h5)")
    verb.set_defaults(run=info)
    rows = "\n".join(f"  {name:<10} {row.models}: {row.files}" for name, row in FORMATS.items())
    verb = verbs.add_parser(
        "import",
        help="convert somebody's model to a model file",
        epilog=f"formats:\n{rows}\n\nWhat the model lacks comes from the model {REFERENCE}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        exit_on_error=False,
    )
    verb.add_argument("format", metavar="FORMAT", choices=[*FORMATS], help="see below")
    verb.add_argument("path", metavar="PATH", type=Path, help="the file or folder that you downloaded")
    verb.add_argument("--name", help="by which model=NAME finds it; the file's own if not given")
    _add_output(verb)
    verb.set_defaults(run=import_files)
    verb = verbs.add_parser("build", help="make a model of meshes", exit_on_error=False)
    verb.add_argument("folder", metavar="FOLDER", type=Path, help="meshes, or scans with --template: .obj, .ply, .npz")
    verb.add_argument("--name", required=True, help="by which model=NAME finds it")
    verb.add_argument("--template", type=Path, help="a mesh that is registered to every scan (non-rigid ICP)")
    verb.add_argument("--components", type=int, required=True, help="principal components, fewer than meshes")
    verb.add_argument("--licence", default="as the meshes'", help="under which the model is yours to use")
    _add_output(verb)
    verb.set_defaults(run=build)
    return parser


def _add_output(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--output", type=Path, metavar="FILE.h5", help="elsewhere than in the user's data folder")
    verb.add_argument("--bare", action="store_true", help="leave out what the source lacks, and supply nothing")
