"""The engine's part of a config: dataclasses that are the truth about keys, types, defaults and rules.

A scene adds its own dataclass under `scene` (scenes/NAME/config.py). Hydra composes YAML over these;
every rule is checked in `__post_init__`, before Blender starts. Below the command line a config is
one of these objects: no DictConfig, no environment variable.
"""

import dataclasses
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

MOST_RECORDS = 10**8
MOST_SUBDIVISION = 3  # Catmull-Clark levels of a model that is rendered


class Device(Enum):
    """Where Cycles renders: auto is a GPU if there is one, else the CPU; gpu and cpu insist."""

    auto = "auto"
    cpu = "cpu"
    gpu = "gpu"


class Backend(Enum):
    """By what Cycles speaks to a GPU: auto is the first that finds one, in this order."""

    auto = "auto"
    optix = "optix"
    cuda = "cuda"
    hip = "hip"
    oneapi = "oneapi"
    metal = "metal"


class Denoiser(Enum):
    """How OpenImageDenoise works: fast, or high with guides that are denoised with more care, docs/performance.md."""

    fast = "fast"
    high = "high"


class Codec(Enum):
    """How per-pixel passes are packed: gzip, which every HDF5 opens, or zstd, which needs hdf5plugin to be read."""

    gzip = "gzip"
    zstd = "zstd"


class Verify(Enum):
    """Which shards a run compares with their checksums: those that somebody has written to since, or all."""

    changed = "changed"
    all = "all"


@dataclass(kw_only=True, slots=True)
class OutputConfig:
    """The dataset's folder and files."""

    dir: str = "datasets/unnamed"  # or a URL: s3://, gs:// ..., everything that fsspec writes to
    version: int = 0  # N is a dataset of its own, output.dir/vN, beside the others; 0 is output.dir itself
    work_dir: str = ""  # where the records of a URL wait for their shard; "" is a folder in the user's cache
    records_per_shard: int = 64
    passes: list[str] = field(default_factory=lambda: ["default"])  # names of passes.PASSES; "default" or "all"
    codec: Codec = Codec.gzip

    def __post_init__(self) -> None:
        require(bool(self.dir), "output.dir", self.dir, "must name a folder", "say output.dir=datasets/my_faces")
        require(self.version >= 0, "output.version", self.version, "must be 0 (none) or more")
        require(self.records_per_shard >= 1, "output.records_per_shard", self.records_per_shard, "must be at least 1")
        require(bool(self.passes), "output.passes", self.passes, "must not be empty", "say output.passes=[default]")


@dataclass(kw_only=True, slots=True)
class RenderConfig:
    """What the path tracer is asked for."""

    hw: list[int] = field(default_factory=lambda: [256, 256])  # height and width, px
    spp: int = 16  # samples per pixel of the beauty image; labels never depend on it
    denoise: bool = True  # OpenImageDenoise, guided by albedo and normal
    denoiser: Denoiser = Denoiser.fast
    max_bounces: int = 8  # path length; 1 is direct light only. Fair hair needs more than 4
    clamp: float = 10.0  # most radiance of one sample of indirect light; 0 is any

    def __post_init__(self) -> None:
        ok = len(self.hw) == 2 and all(8 <= n <= 8192 for n in self.hw)
        require(ok, "render.hw", self.hw, "must be [height, width], each from 8 to 8192", "say render.hw=[256,256]")
        require(1 <= self.spp <= 65536, "render.spp", self.spp, "must be from 1 to 65536")
        require(0 <= self.max_bounces <= 64, "render.max_bounces", self.max_bounces, "must be from 0 to 64")
        require(0 <= self.clamp <= 1e6, "render.clamp", self.clamp, "must be from 0 (none) to 1e6")


@dataclass(kw_only=True, slots=True)
class FarmConfig:
    """Who renders. Nothing here changes a record."""

    workers: int = 0  # Blender processes; 0 is one per core, or what fits on the GPUs
    address: str = (
        "local"  # "local" starts Ray on this machine; "auto", "ray://HOST:PORT" or "HOST:PORT" join a cluster
    )
    device: Device = Device.auto
    backend: Backend = Backend.auto  # of a GPU
    workers_per_gpu: int = 0  # Blender processes that share a GPU; 0 is as many as its memory holds, 8 at most
    records_per_worker: int = 1000  # a worker is replaced after so many records
    memory_gb: float = 0.0  # and above so much memory; 0 is a worker's share of the machine's, 2 at least
    record_timeout_s: float = 0.0  # a worker that takes longer has hung; 0 is 300 s and more with render.hw and spp
    retries: int = 2  # how often a record that failed, or ended its worker, is tried again before it is quarantined
    max_failures: int = 10  # with more quarantined records than this, the run stops
    retry_quarantined: bool = False  # render the quarantined records of earlier runs again
    grace_s: float = 25.0  # how long SIGTERM waits for the records in hand
    verify: Verify = Verify.changed
    mix_versions: bool = False  # go on with a dataset that another version of synth or Blender began
    metrics_port: int = 0  # where a Ray that synth starts serves Prometheus metrics, on localhost; 0 is a free one

    def __post_init__(self) -> None:
        for key in ("workers", "workers_per_gpu", "memory_gb", "record_timeout_s"):
            require(getattr(self, key) >= 0, f"farm.{key}", getattr(self, key), "must be 0 (automatic) or more")
        for key in ("retries", "max_failures", "grace_s"):
            require(getattr(self, key) >= 0, f"farm.{key}", getattr(self, key), "must be 0 or more")
        require(self.records_per_worker >= 1, "farm.records_per_worker", self.records_per_worker, "must be at least 1")
        require(0 <= self.metrics_port <= 65535, "farm.metrics_port", self.metrics_port, "must be a port, or 0")


@dataclass(kw_only=True, slots=True)
class Config:
    """A whole dataset: record i is a function of this, the seed and i."""

    num_records: int = 16
    seed: int = 0
    views_per_identity: int = 1  # records that share identity, and differ in expression, pose, light and camera
    overwrite: bool = False  # delete another dataset that is in the way
    model: str = "makehuman"  # a built-in morphable model's name, or the path of a model file
    output: OutputConfig = field(default_factory=OutputConfig)
    render: RenderConfig = field(default_factory=RenderConfig)
    farm: FarmConfig = field(default_factory=FarmConfig)
    scene: Any = None  # the scene's own dataclass, scenes/NAME/config.py; its `name` chooses it

    def __post_init__(self) -> None:
        ok = 1 <= self.num_records <= MOST_RECORDS
        require(ok, "num_records", self.num_records, "must be from 1 to 100,000,000", "say num_records=16")
        require(0 <= self.seed < 2**63, "seed", self.seed, "must be from 0 to 2**63 - 1")
        require(self.views_per_identity >= 1, "views_per_identity", self.views_per_identity, "must be at least 1")


def require(ok: bool, key: str, value: object, rule: str, way_out: str = "") -> None:
    """ValueError that names the key, the value, the rule and the way out, unless `ok`."""
    if not ok:
        raise ValueError(f"{key} {rule}, got {value!r}" + (f"; {way_out}" if way_out else ""))


def require_range(key: str, value: list[float], low: float, high: float) -> None:
    """ValueError unless `value` is [a, b] with low <= a <= b <= high."""
    ok = len(value) == 2 and low <= value[0] <= value[1] <= high
    require(ok, key, value, f"must be [from, to] within [{low:g}, {high:g}]")


def require_weights(key: str, weights: dict[str, float], known: tuple[str, ...]) -> None:
    """ValueError unless these are weights, one of them positive, of names that are known."""
    unknown = sorted(set(weights) - set(known))
    require(not unknown, key, unknown, f"must be among {', '.join(known)}")
    ok = all(0 <= w <= 1e9 for w in weights.values()) and sum(weights.values()) > 0
    require(ok, key, weights, "must be weights from 0 to 1e9, one of them positive")


# Keys that say where, by whom and how much is rendered, and change no record.
NOT_IN_RECORDS = ("num_records", "overwrite", "output.dir", "output.version", "output.work_dir", "farm")


def record_keys(config: Config) -> dict[str, Any]:
    """The flat {dotted key: value} of everything that a dataset's records and shards depend on."""
    flat = flatten(dataclasses.asdict(config))
    return {k: v for k, v in flat.items() if not any(k == n or k.startswith(n + ".") for n in NOT_IN_RECORDS)}


def flatten(tree: Any, prefix: str = "") -> dict[str, Any]:
    """{dotted key: leaf} of nested dicts; lists and scalars are leaves, an Enum is its name."""
    if isinstance(tree, dict):
        return {k: v for name, sub in tree.items() for k, v in flatten(sub, f"{prefix}{name}.").items()}
    return {prefix[:-1]: tree.name if isinstance(tree, Enum) else tree}
