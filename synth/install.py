"""What to say where a library of an optional extra is missing."""


def to_install(choice: str) -> str:
    """The words that install `--extra NAME` or `--group NAME` of pyproject.toml, beside what is installed already.

    Not by name from a registry: there, `synth` is somebody else's.
    """
    return f"say `uv sync --inexact {choice}` in synth's folder"
