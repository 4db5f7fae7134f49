"""What a driver does when it is told to stop. A signal that its caller ignores stays ignored: nohup does so."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stopping_signals(terminate: Callable[..., Any] = signal.default_int_handler) -> Iterator[None]:
    """SIGINT and SIGHUP interrupt at once; SIGTERM calls `terminate`."""
    now = signal.default_int_handler
    with _handlers({signal.SIGINT: now, signal.SIGHUP: now, signal.SIGTERM: terminate}):
        yield


@contextmanager
def deferred_signals() -> Iterator[None]:
    """A first signal to stop is heard when the block ends, a second one at once."""
    heard: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        if len(heard) > 1:
            raise KeyboardInterrupt

    with _handlers(dict.fromkeys(SIGNALS, hear)):
        yield
    if heard:
        raise KeyboardInterrupt


@contextmanager
def ignoring_interrupts() -> Iterator[None]:
    """Ctrl-C does nothing in the block."""
    with _handlers({signal.SIGINT: signal.SIG_IGN}):
        yield


@contextmanager
def _handlers(handlers: Mapping[int, Any]) -> Iterator[None]:
    """Other handlers in the block, whoever changes them inside it; none where this is not the main thread."""
    before = {}
    with suppress(ValueError):
        for number, handler in handlers.items():
            if signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
