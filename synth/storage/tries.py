"""What a store is asked is asked again when it fails, and its last error is told in words."""

import time
from collections.abc import Callable

from synth.storage.damage import in_words

TRIES = 6
FIRST_WAIT_S = 0.5  # doubled each time: 15 s in all, beside what the protocol's own client waits
FINAL = (FileNotFoundError, FileExistsError, PermissionError, NotADirectoryError, IsADirectoryError)


def tried[T](what: str, action: Callable[[], T], *expected: type[OSError]) -> T:
    """What the action gives, tried again with growing pauses: clients of filesystems raise errors of all kinds.

    what: with the URL, for "cannot ...". expected: errors that are an answer. The others become an OSError in words.
    """
    for attempt in range(TRIES):
        try:
            return action()
        except FINAL as error:
            if isinstance(error, expected):
                raise
            raise OSError(f"cannot {what}: {in_words(error)}") from error
        except Exception as error:
            if attempt == TRIES - 1:
                raise OSError(f"cannot {what}: {in_words(error)}; tried {TRIES} times") from error
            time.sleep(FIRST_WAIT_S * 2**attempt)
    raise AssertionError
