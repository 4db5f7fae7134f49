"""The tally as Prometheus metrics, through Ray: every node of it has an endpoint that Prometheus can scrape."""

import time

from ray.util.metrics import Counter, Gauge, Histogram

from synth.farm.results import Event, Fault, Rendered, Replaced
from synth.farm.tally import Tally

GAUGES_EVERY_S = 2.0
SECONDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]  # bounds of the histogram


class Metrics:
    """synth_* metrics of a run; `dataset` tells runs apart. Make it once Ray has started."""

    def __init__(self, dataset: str) -> None:
        tags = ("dataset",)
        self._records = Counter("synth_records", "records rendered", tags)
        self._faults = Counter("synth_faults", "tasks that failed, hung, or ended their worker", (*tags, "kind"))
        self._replaced = Counter("synth_workers_replaced", "workers that made room for another", (*tags, "reason"))
        self._seconds = Histogram("synth_record_seconds", "how long a record took", SECONDS, tags)
        self._gauges = {
            "records_per_second": Gauge("synth_records_per_second", "of the last ten minutes", tags),
            "records_left": Gauge("synth_records_left", "records that are still to be rendered", tags),
            "seconds_left": Gauge("synth_seconds_left", "at the rate of the last ten minutes", tags),
            "workers": Gauge("synth_workers", "workers with their Blender open", tags),
            "quarantined": Gauge("synth_records_quarantined", "records of the dataset that are empty", tags),
            "cpu_use": Gauge("synth_cpu_use", "0 to 1, of the cores that workers were given", tags),
            "gpu_use": Gauge("synth_gpu_use", "0 to 1, of the GPUs that workers were given", tags),
        }
        for metric in (self._records, self._faults, self._replaced, self._seconds, *self._gauges.values()):
            metric.set_default_tags({"dataset": dataset})
        self._set = float("-inf")

    def see(self, event: Event, tally: Tally) -> None:
        """Count an event; the gauges follow the tally every other second."""
        if isinstance(event, Rendered):
            self._records.inc()
            self._seconds.observe(max(event.wall_s, 1e-6))
        elif isinstance(event, Fault):
            self._faults.inc(tags={"kind": event.kind})
        elif isinstance(event, Replaced):
            self._replaced.inc(tags={"reason": event.reason})
        if time.monotonic() - self._set >= GAUGES_EVERY_S:
            self._set = time.monotonic()
            self._set_gauges(tally)

    def _set_gauges(self, tally: Tally) -> None:
        values = {
            "records_per_second": tally.recent_rate,
            "records_left": tally.total - tally.done - tally.rendered,
            "seconds_left": tally.seconds_left,
            "workers": tally.workers(),
            "quarantined": tally.quarantined,
            "cpu_use": tally.cpu_use,
            "gpu_use": tally.gpu_use,
        }
        for name, value in values.items():
            if value is not None:
                self._gauges[name].set(value)
