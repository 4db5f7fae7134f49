"""Datasets behind a URL: what fsspec reaches (s3://, gs://, https://, memory:// ...), fetched into a local folder.

A shard is fetched whole, when it is first read, and its checksum compared. So no record costs a round trip, and what
reads a local dataset reads a remote one. The door of fsspec.
"""

import re
from dataclasses import dataclass
from io import SEEK_SET, BufferedReader, RawIOBase
from pathlib import Path
from typing import BinaryIO

from synth.install import to_install
from synth.storage.damage import DamagedShard
from synth.storage.files import replacing, sha256
from synth.storage.manifest import ShardRow
from synth.storage.tries import tried

BLOCK_BYTES = 2**20  # of what a ranged read fetches ahead
_SHA256 = re.compile("[0-9a-f]{64}")


def is_url(path: object) -> bool:
    """Whether a dataset is named by a URL, not by a folder."""
    return "://" in str(path)


@dataclass(frozen=True, slots=True)
class Remote:
    """A dataset's URL, and the local folder that mirrors it.

    ranged: nothing is to be mirrored; `stream` reads what is asked for and no more. For a few records of many shards.
    shards: a folder of shards named by their SHA-256, for a dataset that grows; None if they lie as in the dataset.
    held: what keeps them there.
    """

    url: str
    folder: Path
    ranged: bool = False
    shards: Path | None = None
    held: object = None

    def fetch(self, row: ShardRow) -> Path:
        """The local copy of a shard, fetched if it is not there. DamagedShard if the bytes are not the manifest's.

        OSError if it cannot be fetched, however often that is tried.
        """
        path = self.folder / row.file
        if self.shards:
            if not _SHA256.fullmatch(row.sha256):
                raise DamagedShard(f"dataset.json must give the SHA-256 of {row.file}, got {row.sha256!r:.80}")
            path = self.shards / f"{row.sha256}.h5"
        if not (path.is_file() and path.stat().st_size == row.bytes):
            files, root = filesystem(self.url)
            with replacing(path, durable=False) as temporary:
                try:
                    what = f"read {row.file} from {self.url}"
                    tried(what, lambda: files.get_file(f"{root}/{row.file}", str(temporary)), FileNotFoundError)
                except FileNotFoundError:
                    raise DamagedShard(f"{self.url}/{row.file} is missing") from None
                if sha256(temporary) != row.sha256:
                    raise DamagedShard(
                        f"{self.url}/{row.file} has another SHA-256 than dataset.json says; upload it again"
                    )
        return path

    def stream(self, file: str, size: int) -> BinaryIO:
        """A shard of so many bytes as a file that is read piece by piece. DamagedShard if it is not there.

        Reads that fail are tried again, and raise an OSError at last.
        """
        files, root = filesystem(self.url)
        what = f"read {file} from {self.url}"
        begin = lambda: files.open(f"{root}/{file}", "rb", block_size=BLOCK_BYTES, size=size)
        try:
            return BufferedReader(_Stream(tried(what, begin, FileNotFoundError), what))
        except FileNotFoundError:
            raise DamagedShard(f"{self.url}/{file} is missing") from None


class _Stream(RawIOBase):
    """A file of fsspec whose reads are tried again. what: it is doing, for an error."""

    def __init__(self, file: BinaryIO, what: str) -> None:
        self._file, self._what = file, what

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: memoryview) -> int:
        at = self._file.tell()

        def read() -> bytes:
            self._file.seek(at)
            return self._file.read(len(buffer))

        content = tried(self._what, read)
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self._file.close()
        super().close()


def filesystem(url: str):
    """fsspec's filesystem for the URL, and the dataset's path in it. ValueError if there is none, or no fsspec."""
    try:
        import fsspec
    except ImportError:
        raise ValueError(f"reading {url} needs fsspec; {to_install('--extra remote')}") from None
    try:
        files, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except (ValueError, ImportError) as error:
        raise ValueError(f"cannot read {url}: {error}") from None
    return files, root.rstrip("/")
