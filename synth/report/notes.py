"""What only the author of a dataset can say, from a TOML file."""

import tomllib
from pathlib import Path

SECTIONS = ("motivation", "composition", "collection", "preprocessing", "uses", "distribution", "maintenance")


def read_notes(path: Path | None) -> dict[str, str]:
    """{section: text} of a TOML file whose keys are sections of the datasheet; {} without one.

    ValueError names the file, what is wrong with it, and the keys that there are.
    """
    if path is None:
        return {}
    try:
        notes = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"--notes {path} is not there") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"--notes {path} cannot be read: {error}") from None
    for key, text in notes.items():
        if key not in SECTIONS or not isinstance(text, str):
            raise ValueError(f"--notes {path}: {key} must be text under one of {', '.join(SECTIONS)}")
    return notes
