"""What the processes of `bench render`, `growth` and `--memory` do: they render one record after the other."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from synth.config import Codec, Config, Device
from synth.passes import PASSES
from synth.record import Record
from synth.rng import Streams
from synth.scene import load_scene

if TYPE_CHECKING:  # each opens Blender
    from synth.blender.render import Renderer
    from synth.pipeline import Pipeline

Seconds = dict[str, float]  # by stage
SHARD = 8  # records of the shard, of which each is counted its share; a run's own has 64
BEAUTY = ("sync", "path_tracing", "denoising")  # what `open_split` has instead of the beauty


def open_worker(config: Config, threads: int = 0) -> Callable[[int], Seconds]:
    """Does what a worker of the farm does: makes records, keeps each, and writes every SHARD of them into a shard."""
    from synth.storage.parts import remove_parts, save_part

    pipeline = _pipeline(config, cpu=False, threads=threads)
    scratch, kept = tempfile.TemporaryDirectory(), list[int]()

    def render(index: int) -> Seconds:
        record, start, folder = pipeline.record(index), time.perf_counter(), Path(scratch.name)
        save_part(folder, record)
        kept.append(index)
        if len(kept) == _shard_of(config):
            _write_shard(folder, pipeline.names, kept, config)
            remove_parts(folder, kept)
            kept.clear()
        return {**pipeline.seconds, "write": time.perf_counter() - start}

    return render


def open_synth(config: Config, cpu: bool = False) -> Callable[[int], Seconds]:
    """Makes a record and writes it, in a shard of SHARD copies, of which its share is counted: to open and describe a
    file takes as long as to fill it with a record. cpu: seconds of all cores together, else of the clock.
    """
    pipeline = _pipeline(config, cpu)

    def render(index: int) -> Seconds:
        record = pipeline.record(index)
        return {**pipeline.seconds, "write": _written(pipeline, record)}

    return render


def open_split(config: Config, cpu: bool = False) -> Callable[[int], Seconds]:
    """`open_synth` with the beauty split into BEAUTY and writing into `encode` and `write`; the sum is the same.

    path_tracing: between the first sample and the last. denoising: by how much a beauty of one sample takes longer
    with the denoiser than without, timed afterwards. sync: the rest of the beauty, that is Blender's evaluation, what
    Cycles takes over of it, trees, importance map, and handing the image back. encode: packing its maps once more
    with gzip; 0 with zstd, which HDF5 packs while it writes.
    """
    from synth.blender.session import traced

    pipeline = _pipeline(config, cpu)
    clock = pipeline.clock

    def render(index: int) -> Seconds:
        with traced(clock) as renders:
            record = pipeline.record(index)
        seconds = {**pipeline.seconds, "write": _written(pipeline, record)}
        denoising = min(_denoising(pipeline.renderer), renders[0])
        encode = min(_encoding(record, clock, config.output.codec), seconds["write"])
        parts = (seconds.pop("beauty") - renders[0], renders[0] - denoising, denoising)
        return seconds | dict(zip(BEAUTY, parts, strict=True)) | {"encode": encode, "write": seconds["write"] - encode}

    return render


def _pipeline(config: Config, cpu: bool, threads: int = 0) -> "Pipeline":
    from synth.pipeline import Pipeline

    return Pipeline(on_cpu(config) if cpu else config, threads, _clock(cpu))


def on_cpu(config: Config) -> Config:
    """The config for seconds of all cores, which a GPU's work is not in. ValueError if it wants a GPU."""
    if config.farm.device is Device.gpu:
        raise ValueError("farm.device must be cpu or auto where CPU seconds are measured, got gpu")
    return replace(config, farm=replace(config.farm, device=Device.cpu))


def _written(pipeline: "Pipeline", record: Record) -> float:
    """Seconds to keep a record as a part, and of its share of a shard of copies."""
    from synth.storage.parts import save_part

    clock, index, count = pipeline.clock, int(record["meta/index"]), _shard_of(pipeline.config)
    with tempfile.TemporaryDirectory() as folder:
        start = clock()
        save_part(Path(folder), record)
        kept = clock()
        _write_shard(Path(folder), pipeline.names, [index] * count, pipeline.config)
        return kept - start + (clock() - kept) / count


def _shard_of(config: Config) -> int:
    return min(SHARD, config.output.records_per_shard)


def _write_shard(folder: Path, names: tuple[str, ...], indices: list[int], config: Config) -> None:
    """A shard of kept records, packed as the config says."""
    from synth.storage.manifest import ShardPlan
    from synth.storage.parts import load_part
    from synth.storage.shard import write_shard

    records = filter(None, (load_part(folder, index) for index in indices))
    plan = ShardPlan(0, indices[0], len(indices))
    write_shard(folder, plan, names, records, codec=config.output.codec.name)


def _encoding(record: Record, clock: Callable[[], float], codec: Codec) -> float:
    """Seconds to round and pack what a record has for each pixel; 0 if HDF5 packs it while it writes, as zstd."""
    from synth.storage.codec import pack
    from synth.storage.rounding import rounded

    if codec is not Codec.gzip:
        return 0.0
    start = clock()
    for name, array in record.items():
        if PASSES[name].per_pixel:
            pack(rounded(name, array))
    return clock() - start


def _denoising(renderer: "Renderer") -> float:
    """Seconds by which one sample of what was rendered last takes longer with the denoiser; 0 without one."""
    from synth.blender.session import traced

    kept = renderer.config
    if not kept.denoise:
        return 0.0
    with traced(renderer.clock) as renders:
        for denoise in (False, True):
            renderer.config = replace(kept, spp=1, denoise=denoise)
            renderer.beauty()
    renderer.config = kept
    return max(renders[1] - renders[0], 0.0)


def open_bare(config: Config, defaults: bool, cpu: bool = False) -> Callable[[int], Seconds]:
    """Draws, builds and renders the beauty alone."""
    from synth.blender.bare import BareRenderer

    clock, config = _clock(cpu), on_cpu(config) if cpu else config
    renderer = BareRenderer(config.render, config.farm.device, backend=config.farm.backend)
    build, sample = load_scene(config.scene.name, "build"), load_scene(config.scene.name, "sample")
    stage = build.prepare(config)
    if defaults:
        renderer.use_defaults()

    def render(index: int) -> Seconds:
        start = clock()
        spec = sample.sample(config, Streams(config.seed, index, config.views_per_identity))
        renderer.render(build.build(stage, spec))
        return {"all": clock() - start}

    return render


def open_counted(config: Config) -> Callable[[int], tuple[Seconds, dict[str, int]]]:
    """`open_synth` in seconds of all cores, with what the scene then shows."""
    render = open_synth(config, cpu=True)

    def render_and_count(index: int) -> tuple[Seconds, dict[str, int]]:
        from synth.blender.knobs import counts

        seconds = render(index)
        return seconds, counts()

    return render_and_count


def _clock(cpu: bool) -> Callable[[], float]:
    return time.process_time if cpu else time.perf_counter
