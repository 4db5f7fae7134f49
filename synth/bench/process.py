"""Processes of a bench, each with a Blender of its own, that are asked in turns: a noisy machine is noisy for all."""

import contextlib
import importlib.metadata
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from synth import __version__
from synth.memory import file_bytes, peak_bytes, resident_bytes

Answer = Callable[[Any], Any]
MEMORY = "memory"  # the question that every process answers by itself


class Child:
    """A process in which `opener(*args)` was called, and that answers questions by what that returned.

    opener is a function of a module, since the process imports it anew. A ValueError in the child is raised here.
    """

    def __init__(self, opener: Callable[..., Answer], *args: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, opener, args), daemon=True)
        self._process.start()
        theirs.close()  # so that a child that dies is an end of file here
        self._opened_s: float | None = None

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def opened_s(self) -> float:
        """Waits until it is open; the seconds that it took."""
        if self._opened_s is None:
            self._opened_s = float(self._receive())
        return self._opened_s

    def send(self, question: Any) -> None:
        """Ask without waiting for the answer."""
        self.opened_s()
        try:
            self._pipe.send(question)
        except BrokenPipeError:
            raise _ended() from None

    def receive(self) -> Any:
        """The answer to what was sent. RuntimeError if the process died, ValueError if it raised one."""
        return self._receive()

    def ask(self, question: Any) -> Any:
        """Send, and wait for the answer."""
        self.send(question)
        return self._receive()

    def close(self) -> None:
        self._pipe.close()
        self._process.join(timeout=10)
        self._process.terminate()

    def _receive(self) -> Any:
        try:
            found = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            raise _ended() from None
        if isinstance(found, ValueError):
            raise found
        return found


def _ended() -> RuntimeError:
    return RuntimeError("a process of the bench ended; its own message is above")


def _serve(pipe: Connection, opener: Callable[..., Answer], args: tuple) -> None:
    start = time.perf_counter()
    # A parent that has Blender in it hands on where its scripts are, and there is another bpy among them.
    sys.path[:] = [path for path in sys.path if not {"bpy", "scripts"} <= set(Path(path).parts)]
    try:
        answer = opener(*args)
        pipe.send(time.perf_counter() - start)
        while True:
            question = pipe.recv()
            pipe.send(memory() if question == MEMORY else answer(question))
    except EOFError:
        return
    except ValueError as error:
        pipe.send(ValueError(str(error)))


def memory() -> dict[str, float]:
    """Of this process, GB: what it holds now, what of that are mapped files, and the most that it ever held."""
    return {"gb": resident_bytes() / 1e9, "files_gb": file_bytes() / 1e9, "peak_gb": peak_bytes() / 1e9}


def progress(text: str) -> None:
    """A line for who waits; results alone go to stdout."""
    print(text, file=sys.stderr, flush=True)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, and the quartiles around it, none outside of the values; a single value is all three."""
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else (values[0],) * 3
    return {"median": median(values), "low": low, "high": high}


def quartiles(row: dict[str, float], digits: int = 3) -> str:
    """Of a `spread`, in words."""
    return f"{row['low']:.{digits}f} to {row['high']:.{digits}f}"


def machine() -> dict[str, str | int]:
    """Where and with what something was measured, for reports."""
    return {
        "date": time.strftime("%d %B %Y"),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "python": platform.python_version(),
        "synth": __version__,
        "bpy": importlib.metadata.version("bpy"),
        "numpy": importlib.metadata.version("numpy"),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def on(facts: dict[str, str | int]) -> str:
    """`machine` in a line."""
    return (
        f"{facts['date']}, {facts['cores']} cores of {facts['cpu']}; synth {facts['synth']}, bpy {facts['bpy']}, "
        f"Python {facts['python']}, numpy {facts['numpy']}"
    )


def render_dataset(overrides: list[str]) -> None:
    """`synth run` with these words. What it says goes to standard error: standard output is the report's alone."""
    from synth.verbs import run

    with contextlib.redirect_stdout(sys.stderr):
        run(overrides)
