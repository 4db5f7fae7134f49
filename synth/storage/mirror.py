"""The local mirror of a dataset behind a URL, which grows with it and forgets what nobody reads any more.

CACHE/URL/DATASET_JSON/dataset.json   one folder for each content, held by the processes that have opened it
CACHE/URL/shards/SHA256.h5            what has been read of any of them
"""

import fcntl
import hashlib
import os
import shutil
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from platformdirs import user_cache_dir

from synth.storage.files import replacing
from synth.storage.holds import is_held
from synth.storage.manifest import MANIFEST, read_manifest
from synth.storage.remote import Remote, filesystem
from synth.storage.tries import tried

SHARDS, LOCK = "shards", ".lock"


class Held:
    """A mirror's dataset.json that is open here: as long as it is, its shards stay. Survives pickling and forks.

    On another machine, or once it has been deleted, it holds nothing: shards are fetched again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with suppress(FileNotFoundError):
            file = os.open(path, os.O_RDONLY)
            weakref.finalize(self, os.close, file)
            fcntl.flock(file, fcntl.LOCK_SH)

    def __reduce__(self) -> tuple[type["Held"], tuple[Path]]:
        return Held, (self.path,)


def mirror(url: str, cache_dir: Path | None) -> Remote:
    """The local mirror of a dataset, with its dataset.json and the shards that have been read before.

    cache_dir: where mirrors are kept, the user's cache folder if None.
    ValueError if there is no dataset, no fsspec, or no filesystem for the URL. OSError if it cannot be read.
    """
    url = url.rstrip("/")
    files, root = filesystem(url)
    try:
        what = f"read {MANIFEST} from {url}"
        content = tried(what, lambda: files.cat_file(f"{root}/{MANIFEST}"), FileNotFoundError)
    except FileNotFoundError:
        raise ValueError(f"{url} holds no dataset: there is no {MANIFEST} in it") from None
    place = (cache_dir or Path(user_cache_dir("synth")) / "datasets") / _digest(url.encode())
    path = place / _digest(content) / MANIFEST
    with _locked(place):
        if not path.is_file():
            with replacing(path) as temporary:
                temporary.write_bytes(content)
        held = Held(path)
        _sweep(place, path)
    return Remote(url, path.parent, shards=place / SHARDS, held=held)


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """One process at a time writes or deletes a dataset.json there."""
    place.mkdir(parents=True, exist_ok=True)
    file = os.open(place / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _sweep(place: Path, newest: Path) -> None:
    """Delete each other dataset.json that no process holds, and the shards that none of those left names."""
    for path in place.glob(f"*/{MANIFEST}"):
        if path != newest and not is_held(path):
            shutil.rmtree(path.parent)
    manifests = [read_manifest(path.parent) for path in place.glob(f"*/{MANIFEST}")]
    named = {row.sha256 for manifest in manifests if manifest for row in manifest.shards}
    for path in (place / SHARDS).glob("*.h5"):
        if path.stem not in named:
            path.unlink()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
