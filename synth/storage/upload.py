"""Writing a dataset behind a URL: a file is there whole or not at all, and what fails is tried again.

An object of S3, Google or Azure appears when its last byte has been accepted, in one request or many parts. On any
other filesystem a file is uploaded under a temporary name and then moved, on the server's side.
"""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from synth.storage.files import replacing, temporary_name
from synth.storage.remote import filesystem
from synth.storage.tries import tried

ATOMIC = frozenset(("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"))
PIECE_BYTES = 2**23  # of what is read once from its beginning to its end


@dataclass(frozen=True, slots=True)
class Bucket:
    """The folder behind a URL. Names are relative to it, with forward slashes. Survives pickling."""

    url: str

    def put(self, local: Path, name: str) -> None:
        """Upload a file, replacing what has its name. OSError in words when it fails for good."""
        size = local.stat().st_size
        tried(f"upload {name} to {self.url}", lambda: self._put(local, name, size))

    def create(self, name: str, content: bytes) -> bool:
        """Write a small file unless there is one of that name; whether it was written.

        content: of this writer alone, so that it knows its own when the answer to an earlier try was lost.
        ValueError if nothing can be written there.
        """
        files, root = filesystem(self.url)

        def write() -> None:
            _make_folder(files, root)
            files.pipe_file(f"{root}/{name}", content, mode="create")

        try:
            tried(f"write {name} to {self.url}", write, FileExistsError)
        except FileExistsError:
            return self.read(name) == content
        except OSError as error:
            raise ValueError(
                f"output.dir must be a URL that can be written, got {self.url!r} ({error}); see that the "
                "bucket is there and that your credentials allow it"
            ) from error
        return True

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, replacing what has its name."""
        files, root = filesystem(self.url)
        tried(f"write {name} to {self.url}", lambda: files.pipe_file(f"{root}/{name}", content))

    def read(self, name: str) -> bytes | None:
        """The content of a small file, None if there is none."""
        files, root = filesystem(self.url)
        try:
            return tried(f"read {name} from {self.url}", lambda: files.cat_file(f"{root}/{name}"), FileNotFoundError)
        except FileNotFoundError:
            return None

    def get(self, name: str, local: Path) -> None:
        """Fetch a file, whole or not at all. FileNotFoundError if there is none."""
        files, root = filesystem(self.url)
        with replacing(local, durable=False) as path:
            fetch = lambda: files.get_file(f"{root}/{name}", str(path))
            tried(f"read {name} from {self.url}", fetch, FileNotFoundError)

    def sha256(self, name: str) -> str | None:
        """Hexadecimal SHA-256 of a file, which is read in pieces and not kept; None if there is none."""
        files, root = filesystem(self.url)

        def digest() -> str:
            with files.open(f"{root}/{name}", "rb", block_size=PIECE_BYTES) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()

        try:
            return tried(f"read {name} from {self.url}", digest, FileNotFoundError)
        except FileNotFoundError:
            return None

    def sizes(self, folder: str = "") -> dict[str, int]:
        """{name: bytes} of all files in a folder, and in those below it."""
        files, root = filesystem(self.url)
        files.invalidate_cache()
        where = f"{root}/{folder}".rstrip("/")
        found = tried(f"list {self.url}", lambda: files.find(where, detail=True))
        start = len(root) + 1
        return {path[start:]: int(row["size"] or 0) for path, row in found.items()}

    def remove(self, names: Iterable[str]) -> None:
        """Delete files, in this order; those that are not there are as good as deleted."""
        files, root = filesystem(self.url)
        for name in names:
            with suppress(FileNotFoundError):
                delete = partial(files.rm_file, f"{root}/{name}")
                tried(f"delete {name} from {self.url}", delete, FileNotFoundError)

    def remove_all(self, names: list[str]) -> None:
        """Delete files that are there, many at a time."""
        files, root = filesystem(self.url)
        if names:
            tried(f"delete from {self.url}", lambda: files.rm([f"{root}/{name}" for name in names]))

    def _put(self, local: Path, name: str, size: int) -> None:
        files, root = filesystem(self.url)
        target = f"{root}/{name}"
        place = target if _protocols(files) & ATOMIC else f"{root}/{_beside(name)}"
        _make_folder(files, place.rpartition("/")[0])
        try:
            files.put_file(str(local), place)
            files.invalidate_cache(place.rpartition("/")[0])
            arrived = files.info(place)["size"]
            if arrived != size:
                raise OSError(f"{arrived} of {size} bytes have arrived")
            if place != target:
                files.mv(place, target)
        except BaseException:
            if place != target:
                with suppress(Exception):
                    files.rm_file(place)
            raise


def _protocols(files) -> set[str]:
    return {files.protocol} if isinstance(files.protocol, str) else set(files.protocol)


def _make_folder(files, path: str) -> None:
    """Where there are folders. Object stores have none, and might make a bucket that nobody asked for."""
    if not _protocols(files) & ATOMIC:
        files.makedirs(path, exist_ok=True)


def _beside(name: str) -> str:
    """A temporary name in the same folder."""
    path = PurePosixPath(name)
    return path.with_name(temporary_name(path.name)).as_posix()
