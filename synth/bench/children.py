"""What the processes of `bench render`, `growth` and `--memory` do: they render one record after the other."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

from synth.config import Config
from synth.passes import PASSES
from synth.record import Record
from synth.rng import Streams
from synth.scene import load_scene

if TYPE_CHECKING:  # each opens Blender
    from synth.blender.render import Renderer
    from synth.pipeline import Pipeline

Seconds = dict[str, float]  # by stage
BEAUTY = ("sync", "path_tracing", "denoising")  # what `open_split` has instead of the beauty


def open_synth(config: Config, cpu: bool = False, threads: int = 0, shard: int = 1) -> Callable[[int], Seconds]:
    """Makes a record and writes it, in a shard of so many copies, of which its share is counted: to open and describe a
    file takes as long as to fill it with a record. cpu: seconds of all cores together, else of the clock.
    """
    pipeline = _pipeline(config, cpu, threads)

    def render(index: int) -> Seconds:
        record = pipeline.record(index)
        return {**pipeline.seconds, "write": _written(pipeline, record, shard)}

    return render


def open_split(config: Config, cpu: bool = False, shard: int = 1) -> Callable[[int], Seconds]:
    """`open_synth` with the beauty split into BEAUTY and writing into `encode` and `write`; the sum is the same.

    path_tracing: between the first sample and the last. denoising: by how much a beauty of one sample takes longer
    with the denoiser than without, timed afterwards. sync: the rest of the beauty, that is Blender's evaluation, what
    Cycles takes over of it, trees, importance map, and handing the image back. encode: packing its maps once more.
    """
    from synth.blender.session import traced

    pipeline = _pipeline(config, cpu)
    clock = pipeline.clock

    def render(index: int) -> Seconds:
        with traced(clock) as renders:
            record = pipeline.record(index)
        seconds = {**pipeline.seconds, "write": _written(pipeline, record, shard)}
        denoising = min(_denoising(pipeline.renderer), renders[0])
        encode = min(_encoding(record, clock), seconds["write"])
        parts = (seconds.pop("beauty") - renders[0], renders[0] - denoising, denoising)
        return seconds | dict(zip(BEAUTY, parts, strict=True)) | {"encode": encode, "write": seconds["write"] - encode}

    return render


def _pipeline(config: Config, cpu: bool, threads: int = 0) -> "Pipeline":
    from synth.pipeline import Pipeline

    return Pipeline(config, threads, _clock(cpu))


def _written(pipeline: "Pipeline", record: Record, shard: int) -> float:
    """Seconds to keep a record as a part, and of its share of a shard of so many copies."""
    from synth.storage.manifest import ShardPlan
    from synth.storage.parts import load_part, save_part
    from synth.storage.shard import write_shard

    clock, index = pipeline.clock, int(record["meta/index"])
    with tempfile.TemporaryDirectory() as folder:
        start = clock()
        save_part(Path(folder), record)
        part = load_part(Path(folder), index)
        assert part is not None
        kept = clock()
        write_shard(Path(folder), ShardPlan(0, index, shard), pipeline.names, repeat(part, shard))
        return kept - start + (clock() - kept) / shard


def _encoding(record: Record, clock: Callable[[], float]) -> float:
    """Seconds to round and pack what a record has for each pixel."""
    from synth.storage.codec import pack
    from synth.storage.rounding import rounded

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

    clock = _clock(cpu)
    renderer = BareRenderer(config.render, config.farm.device)
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
