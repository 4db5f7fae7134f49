"""What the processes of `bench render`, `growth` and `--memory` do: they render one record after the other."""

import tempfile
import time
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

from synth.config import Config
from synth.rng import Streams
from synth.scene import load_scene

Seconds = dict[str, float]  # by stage


def open_synth(config: Config, cpu: bool = False, threads: int = 0, shard: int = 1) -> Callable[[int], Seconds]:
    """Makes a record and writes it, in a shard of so many copies, of which its share is counted: to open and describe a
    file takes as long as to fill it with a record. cpu: seconds of all cores together, else of the clock.
    """
    from synth.pipeline import Pipeline
    from synth.storage.manifest import ShardPlan
    from synth.storage.parts import load_part, save_part
    from synth.storage.shard import write_shard

    clock = _clock(cpu)
    pipeline = Pipeline(config, threads, clock)

    def render(index: int) -> Seconds:
        record = pipeline.record(index)
        with tempfile.TemporaryDirectory() as folder:
            start = clock()
            save_part(Path(folder), record)
            part = load_part(Path(folder), index)
            assert part is not None
            kept = clock()
            write_shard(Path(folder), ShardPlan(0, index, shard), pipeline.names, repeat(part, shard))
            return {**pipeline.seconds, "write": kept - start + (clock() - kept) / shard}

    return render


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
