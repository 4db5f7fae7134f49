"""Errors of files that cannot be trusted, in words that name the place."""

from collections.abc import Iterator
from contextlib import contextmanager


class Damaged(ValueError):
    """A file or a record that cannot be read, whatever is wrong with it. What can be skipped."""


class DamagedShard(Damaged):
    """A shard that is missing or cannot be opened: none of its records can be read. The message names the file."""


class DamagedRecord(Damaged):
    """A record that cannot be read. file: its shard's path in the dataset. index: of the record. name: of the pass."""

    def __init__(self, file: str, index: int, name: str, reason: str) -> None:
        super().__init__(file, index, name, reason)  # so that it survives pickling
        self.file, self.index, self.name, self.reason = file, index, name, reason

    def __str__(self) -> str:
        return f"{self.file}, record {self.index}, {self.name} cannot be read: {self.reason}"


@contextmanager
def damaged_shard(file: str) -> Iterator[None]:
    """Whatever goes wrong in the block becomes a DamagedShard; h5py raises many kinds of errors on a damaged file."""
    try:
        yield
    except Exception as error:
        raise DamagedShard(f"{file} cannot be read: {in_words(error)}") from error


def in_words(error: Exception) -> str:
    """One line of at most 200 characters."""
    return " ".join(str(error).split())[:200] or type(error).__name__
