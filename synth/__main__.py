"""python -m synth VERB: the command line. Every error that a user can mend is one line, without a traceback."""

import argparse
import errno
import os
import sys
from importlib import import_module

from synth import __version__

OVERVIEW = f"""synth {__version__}: labelled training data, drawn by a config and rendered by Blender's path tracer

  python -m synth run +experiment=faces_demo   render a dataset, or go on with it; run --help lists the choices
  python -m synth preview DATASET              a contact sheet, DATASET/preview.png
  python -m synth view DATASET                 a page on localhost: filters, every pass, values under the pointer, 3D
  python -m synth report DATASET               a datasheet with histograms and gaps, report.html and report.png
  python -m synth info DATASET [--json]        what is in it
  python -m synth check DATASET                files, checksums, and every record's invariants
  python -m synth export FORMAT DATASET OUTPUT   webdataset, coco, 300w-lp, huggingface, or a folder of files
  python -m synth bench render [key=value ...] where the time goes
  python -m synth models list|info|import|build  morphable models: what there is, and your own

exit code: 0 done, 1 failed, 2 bad input, 3 done with quarantined records, 130 interrupted,
141 who read the output has closed it;
SYNTH_TRACEBACK=1 shows where an error comes from"""

CLOSED_PIPE = 141  # 128 + SIGPIPE, as a shell counts it

VERBS = {  # verb: (module, function); imported when it is called
    **{verb: ("synth.verbs", verb) for verb in ("run", "preview", "view", "report", "info", "check")},
    "export": ("synth.export.command", "main"),
    "bench": ("synth.bench", "main"),
    "models": ("synth.models.commands", "main"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    try:
        code = _run(sys.argv[1:] if argv is None else argv)
        print(end="", flush=True)
        return code
    except BrokenPipeError:  # whoever read the output has gone, as of `| head`; Python would flush once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE


def _run(argv: list[str]) -> int:
    try:
        return _dispatch(*argv)
    except BrokenPipeError:
        raise
    except SystemExit as error:  # argparse, after --help
        return int(error.code or 0)
    except KeyboardInterrupt as error:
        print(f"interrupted: {str(error) or 'what is done is kept; the same command goes on'}", file=sys.stderr)
        return 130
    except (ValueError, argparse.ArgumentError, OSError, RuntimeError) as error:
        if os.environ.get("SYNTH_TRACEBACK") == "1":
            raise
        print("error:", _in_words(error), file=sys.stderr)
        return 2 if isinstance(error, (ValueError, argparse.ArgumentError)) else 1


def _in_words(error: BaseException) -> str:
    """One line; for an error of the system the file, what is wrong with it, and a way out."""
    if not isinstance(error, OSError) or not error.strerror:
        return " ".join(str(error).split())
    if error.errno == errno.ENOSPC and error.strerror == os.strerror(errno.ENOSPC):
        return f"the disk is full ({error.filename or 'of the dataset'}); make room, and the same command goes on"
    if error.filename is None:  # words of ours, which name the place
        return " ".join(error.strerror.split())
    return f"{error.filename}: {error.strerror}; see that it is there and can be read and written"


def _dispatch(verb: str = "--help", *words: str) -> int:
    if verb in ("--help", "-h", "--version"):
        print(__version__ if verb == "--version" else OVERVIEW)
        return 0
    if verb not in VERBS:
        raise ValueError(f"the verb must be one of {', '.join(VERBS)}, got {verb!r}; see python -m synth --help")
    module, function = VERBS[verb]
    return getattr(import_module(module), function)(list(words))


if __name__ == "__main__":
    sys.exit(main())
