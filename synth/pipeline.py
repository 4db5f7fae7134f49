"""The way of a record: draw, build, render, label. One Pipeline per process, because Blender is one per process."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from synth.blender.devices import idle_gpu
from synth.blender.render import Renderer
from synth.config import Config
from synth.labels.maps import label
from synth.memory import let_go_of_files
from synth.passes import PASSES, as_stored, passes_of
from synth.record import Record
from synth.rng import Streams
from synth.scene import load_scene, offered_passes
from synth.spec import to_json


@dataclass(slots=True)
class Pipeline:
    """Makes the records of one config. Heavy to open (Blender, the model), cheap to ask again.

    threads: of Cycles, 0 is all cores. names: the passes of its records, in table order.
    seconds: by stage, of the record made last, by the clock. renderer: this process's Blender.
    """

    config: Config
    threads: int = 0
    clock: Callable[[], float] = time.perf_counter
    names: tuple[str, ...] = field(init=False)
    seconds: dict[str, float] = field(init=False, default_factory=dict)
    renderer: Renderer = field(init=False)
    _stage: object = field(init=False)

    def __post_init__(self) -> None:
        scene = self.config.scene.name
        self.names = passes_of(tuple(offered_passes(self.config)), self.config.output.passes)
        intrinsic = any(name.startswith("intrinsic/") for name in self.names)
        farm = self.config.farm
        self.renderer = Renderer(self.config.render, farm.device, self.threads, intrinsic, farm.backend)
        self.renderer.clock = self.clock
        self._stage = load_scene(scene, "build").prepare(self.config)
        let_go_of_files()

    @property
    def device_name(self) -> str:
        """The device that Cycles renders on, in words."""
        return self.renderer.device.name

    @property
    def device_missed(self) -> str:
        """Why that is no GPU, though Cycles has found one; "" otherwise."""
        return self.renderer.device.missed

    def idle_gpu(self) -> str:
        """The GPU that Cycles finds while it renders on the CPU, in words; "" if there is none."""
        return idle_gpu(self.config.farm.backend)

    def record(self, index: int) -> Record:
        """Record `index`: every pass in `names` as it is stored. A function of (config, seed, index) alone."""
        scene, config = self.config.scene.name, self.config
        streams = Streams(config.seed, index, config.views_per_identity)
        clock = Stopwatch(self.clock)
        spec = load_scene(scene, "sample").sample(config, streams)
        text = to_json(spec)  # before what takes long: a spec that is not plain data is the scene's fault
        clock.lap("draw")
        shot = load_scene(scene, "build").build(self._stage, spec)
        clock.lap("build")
        buffers = self.renderer.render(shot)
        clock.seconds |= self.renderer.seconds
        clock.lap(None)
        fields = label(shot, buffers, self.names) | {
            "meta/index": index,
            "meta/identity_index": streams.identity_index,
            "meta/spec": text,
        }
        record = {name: as_stored(PASSES[name], fields[name]) for name in self.names}
        clock.lap("label")
        self.seconds = clock.seconds
        return record


class Stopwatch:
    """Seconds by stage."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.seconds: dict[str, float] = {}
        self._clock = clock
        self._last = clock()

    def lap(self, stage: str | None) -> None:
        """Book the time since the lap before on `stage`; None books it on nothing."""
        now = self._clock()
        if stage is not None:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now
