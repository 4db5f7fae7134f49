"""Settings that Ray reads from the environment when it is imported, and nowhere else."""

import os

ALWAYS = {
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # under `uv run`, Ray would build an environment for each worker
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is reported to anyone
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # a worker that dies is reported by us, not by the raylet on our terminal
}
LOCAL = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # Ray's switch for: listen on the loopback interface only


def prepare_ray(address: str) -> None:
    """Call it before anything imports Ray. A setting that the user has made stays."""
    for name, value in (ALWAYS | LOCAL if address == "local" else ALWAYS).items():
        os.environ.setdefault(name, value)
