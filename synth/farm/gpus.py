"""What nvidia-smi says of a machine's GPUs. Without it (other makers, or none) nothing is known, and nothing breaks."""

import os
import subprocess
import time

EVERY_S = 15.0


def gpu_memory() -> list[float]:
    """Bytes of each GPU of this machine; [0] if MIG divides one, which tells those of the whole; [] if not known."""
    if "Enabled" in _said("mig.mode.current") or "MIG-" in os.environ.get("CUDA_VISIBLE_DEVICES", ""):
        return [0.0]
    return [value * 2**20 for value in _query("memory.total")]


def gpu_use() -> tuple[float, float] | None:
    """How busy the GPUs are that this process may see, 0 to 1 and their mean, and the bytes that are in use on all of
    them; None if that is not known.
    """
    busy, used = _query("utilization.gpu"), _query("memory.used")
    return (sum(busy) / len(busy) / 100, sum(used) * 2**20) if busy and used else None


def gpu_names() -> list[str]:
    """ "NAME, DRIVER" of each GPU of this machine; [] if that is not known."""
    return _said("name,driver_version")


class GpuGauge:
    """How busy this worker's GPU is; asked now and then, since asking takes some 50 ms."""

    def __init__(self) -> None:
        self._asked, self._use = float("-inf"), None

    def use(self) -> float | None:
        """0 to 1, the mean of the GPUs that this process may see; None if it is not known."""
        if time.monotonic() - self._asked >= EVERY_S:
            values = _query("utilization.gpu")
            self._asked, self._use = time.monotonic(), sum(values) / len(values) / 100 if values else None
        return self._use


def _query(what: str) -> list[float]:
    try:
        return [float(line) for line in _said(what)]
    except ValueError:  # "[N/A]"
        return []


def _said(what: str) -> list[str]:
    """A line for each GPU that this process may see; [] if there is none, or nvidia-smi does not know the field."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")  # Ray sets it where it gives a process one
    words = ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(
            [*words, *(["-i", visible] if visible else [])], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in said.stdout.splitlines()] if said.returncode == 0 else []
