"""Where a dataset is, and where it is worked on."""

import hashlib
from pathlib import Path

from platformdirs import user_cache_dir

from synth.config import Config
from synth.storage.remote import is_url


def dataset_place(config: Config) -> str:
    """The dataset's folder or URL: output.dir, or the folder of its version in it."""
    place = config.output.dir.rstrip("/") or config.output.dir
    return f"{place}/v{config.output.version}" if config.output.version else place


def working_folder(config: Config) -> Path:
    """Where the records are rendered: the dataset's folder itself, or that of a URL in output.work_dir.

    ValueError if the machines of a cluster have no such folder in common.
    """
    place, output = dataset_place(config), config.output
    if not is_url(place):
        return Path(place).resolve()
    if config.farm.address != "local" and not output.work_dir:
        raise ValueError(
            f"output.work_dir must name a folder that all machines of the cluster share when output.dir is a URL, "
            f"{place}, got ''; say output.work_dir=FOLDER"
        )
    root = Path(output.work_dir) if output.work_dir else Path(user_cache_dir("synth")) / "work"
    return (root / hashlib.sha256(place.encode()).hexdigest()[:16]).resolve()
