"""Morphable models from the files that their makers give out, by the name of a format.

An importer is a module with `read(path) -> Source`; assembly.py makes the project's model of it. Files are not
trusted: a wrong, cut or hostile one is a ValueError that says what was expected and what was found.
"""

import struct
import zipfile
import zlib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from synth.models.importers.assembly import assemble
from synth.models.morphable import MorphableModel
from synth.models.schema import arrays, check, texts


@dataclass(kw_only=True, slots=True, frozen=True)
class Format:
    """One family of files."""

    module: str  # in this package
    files: str  # what PATH is
    models: str


FORMATS = {
    "ict": Format(module="ict", files="the folder FaceXModel", models="ICT-FaceKit"),
    "bfm2009": Format(module="bfm2009", files="01_MorphableModel.mat", models="Basel Face Model 2009"),
    "bfm": Format(module="statismo", files=".h5 of scalismo", models="Basel Face Model 2017, 2019"),
    "flame": Format(module="flame", files=".pkl or .npz", models="FLAME 2020, 2023"),
    "lsfm": Format(module="lsfm", files=".mat", models="LSFM"),
    "eos": Format(module="eos", files=".bin", models="Surrey Face Model, any model of eos"),
    "faceverse": Format(module="faceverse", files=".npy", models="FaceVerse 1 to 3"),
    "facescape": Format(module="facescape", files=".npz", models="FaceScape bilinear 1.6"),
    "gnm": Format(module="gnm", files="gnm_head.npz", models="GNM head 3"),
}
# What readers raise over bytes that are not what they should be, besides ValueError.
UNSOUND = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, KeyError, IndexError, TypeError, AttributeError),
    *(OSError, RuntimeError, NotImplementedError, OverflowError, MemoryError, UnicodeError, SyntaxError),
)


def import_model(form: str, path: Path) -> MorphableModel:
    """The model in a file or folder of a format (a key of FORMATS), with gaps where the source is silent.

    Raises ValueError, in one line with the path, what was expected and what was found.
    """
    if form not in FORMATS:
        raise ValueError(f"the format must be one of {', '.join(FORMATS)}, got {form!r}")
    if not path.exists():
        raise ValueError(f"{path} is not there; give {FORMATS[form].files} of {FORMATS[form].models}")
    reader = import_module(f"{__name__}.{FORMATS[form].module}")
    try:
        with np.errstate(all="ignore"):  # numbers beyond float32 are found by the check
            model = assemble(reader.read(path))
        check(arrays(model), texts(model))
        return model
    except ValueError as error:
        raise ValueError(_refusal(form, path, str(error))) from error
    except UNSOUND as error:
        raise ValueError(_refusal(form, path, f"{type(error).__name__} {error}")) from error


def _refusal(form: str, path: Path, reason: str) -> str:
    wanted = f"{FORMATS[form].files} of {FORMATS[form].models}"
    return f"{path} cannot be imported as {form} ({wanted}): {' '.join(reason.split())[:400]}"
