"""What the farm does with GPUs, on a Ray that only pretends to have some."""

import os
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from farm_runs import run_report
from ray.exceptions import RayTaskError
from stub import Stub, rendered, stub_config

from synth.config import Config, Device
from synth.farm.driver import render_dataset
from synth.farm.ray_settings import prepare_ray
from synth.farm.results import Opened
from synth.farm.worker import Worker
from synth.storage.manifest import read_manifest

prepare_ray("local")
from synth.farm import supervise  # noqa: E402

HEAD = {"memory": 4e9}  # Ray leaves out what there is none of


def gpu_machine(gpus: int = 1) -> dict[str, float]:
    return {"CPU": 16.0, "GPU": float(gpus), "memory": 64e9}


@pytest.fixture
def cluster(monkeypatch):
    """Tells the planner of machines: their resources, and bytes of each GPU."""

    def cluster(*machines: dict[str, float], gpu_bytes: float = 80e9) -> None:
        nodes = [{"Alive": True, "NodeID": str(number), "Resources": of} for number, of in enumerate(machines)]
        sizes = [gpu_bytes for of in machines for _ in range(int(of.get("GPU", 0)))]
        monkeypatch.setattr(supervise.ray, "nodes", lambda: nodes)
        monkeypatch.setattr(supervise, "_gpu_sizes", lambda *_: sizes)

    return cluster


UNCOUNTED = {"CPU": 16.0, "memory": 64e9}


@pytest.fixture
def config(tmp_path):
    config = stub_config(tmp_path / "data", 1000, workers=0)
    config.farm.address, config.farm.workers_per_gpu = "auto", 4
    return config


def test_a_head_for_which_ray_names_no_cores_is_none_of_the_machines_that_render(cluster, config):
    cluster(HEAD, *[gpu_machine()] * 4)
    crew = supervise.plan(config, 1000)
    assert (crew.workers, crew.threads, crew.gpus) == (16, 4, 0.25)


def test_a_cluster_without_a_gpu_is_planned_by_its_cores(cluster, config):
    cluster(HEAD, {"CPU": 16.0, "memory": 64e9}, {"CPU": 8.0, "memory": 32e9})
    crew = supervise.plan(config, 1000)
    assert (crew.workers, crew.threads, crew.cpus, crew.gpus) == (24, 1, 1, 0)


def test_farm_device_cpu_uses_the_cores_of_machines_with_and_without_a_gpu(cluster, config):
    config.farm.device = Device.cpu
    cluster(gpu_machine(), {"CPU": 8.0, "memory": 32e9})
    crew = supervise.plan(config, 1000)
    assert (crew.workers, crew.gpus) == (24, 0)


def test_on_one_machine_the_gpu_that_ray_does_not_count_gets_as_many_workers_as_share_one(cluster, config):
    config.farm.address, config.farm.device = "local", Device.gpu
    cluster(UNCOUNTED)
    assert supervise.plan(config, 1000).workers == min(4, os.process_cpu_count() or 1)
    config.farm.workers_per_gpu = 1
    assert (supervise.plan(config, 1000).workers, supervise.plan(config, 1000).gpus) == (1, 0)
    config.farm.workers = 3
    assert supervise.plan(config, 1000).workers == 3


def opened(config, log, gpu: bool) -> tuple[Device, Opened]:
    """What a worker opens its pipeline for, where Cycles would find a GPU; and what it says."""
    given: list[Config] = []

    def open_pipeline(config: Config, threads: int) -> Stub:
        given.append(config)
        return Stub(config, threads, log, gpu="CUDA Card")

    said = Worker(config, log, 1, False, gpu, open_pipeline).open()
    return given[0].farm.device, said


@pytest.mark.parametrize(("address", "way_out"), [("local", "say farm.device=gpu"), ("auto", "ray start --num-gpus=N")])
def test_a_worker_without_a_gpu_of_ray_renders_on_the_cpu_and_says_how_to_use_what_cycles_finds(
    config, tmp_path, address, way_out
):
    config.farm.address = address
    device, said = opened(config, tmp_path, gpu=False)
    assert device is Device.cpu
    assert said.note.startswith("Cycles finds CUDA Card, but Ray counts no GPU, so that workers render on the CPU; ")
    assert way_out in said.note
    assert config.farm.device is Device.auto


@pytest.mark.parametrize(("device", "gpu"), [(Device.auto, True), (Device.gpu, True), (Device.gpu, False)])
def test_a_worker_with_a_gpu_or_told_to_use_one_opens_it(config, tmp_path, device, gpu):
    config.farm.device = device
    used, said = opened(config, tmp_path, gpu)
    assert (used, said.note) == (device, "")


@pytest.mark.parametrize(
    ("missed", "why"), [("OPTIX: no memory left", "OPTIX: no memory left"), ("", "Cycles finds none")]
)
def test_a_worker_that_has_a_gpu_and_cannot_use_it_says_why(config, tmp_path, missed, why):
    stub = Stub(config, 1, tmp_path)
    stub.device_name, stub.device_missed = "CPU", missed
    said = Worker(config, tmp_path, 1, False, True, lambda config, threads: stub).open()
    assert said.note == f"Ray gives workers a GPU, but they render on the CPU: {why}"


class PretendedRay:
    """Workers in this process: what is asked of them is done at once, one after the other."""

    def __init__(self, *machines: dict[str, float]) -> None:
        self._nodes = [{"Alive": True, "NodeID": "", "Resources": of} for of in machines]

    def nodes(self) -> list[dict[str, Any]]:
        return self._nodes

    def remote(self, **_: Any) -> Any:
        return lambda make: SimpleNamespace(remote=lambda *words: Actor(make(*words)))

    def wait(self, references: list[Any], **_: Any) -> tuple[list[Any], list[Any]]:
        return references, []

    def get(self, reference: "Reference") -> Any:
        if isinstance(reference.result, Exception):
            raise RayTaskError("open", "", reference.result, proctitle="worker", ip="here")
        return reference.result

    def kill(self, actor: Any) -> None:
        """It is only an object."""


class Actor:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def __getattr__(self, method: str) -> Any:
        return SimpleNamespace(remote=partial(Reference, getattr(self._worker, method)))


class Reference:
    def __init__(self, method: Any, *words: Any) -> None:
        try:
            self.result = method(*words)
        except Exception as error:
            self.result = error


@pytest.fixture
def farm(monkeypatch, tmp_path):
    """Renders records with a pipeline of one's own on pretended machines; gives the words of run.log."""
    (tmp_path / "log").mkdir()
    monkeypatch.setattr(supervise, "running_ray", lambda _: nullcontext())
    monkeypatch.setattr(supervise, "MOST_PAUSE_S", 0.0)
    monkeypatch.setattr("synth.farm.worker.take_cores", lambda *_: ())

    def farm(
        open_pipeline: Any, workers: int, *machines: dict[str, float], records: int = 12, records_per_worker: int = 100
    ) -> str:
        monkeypatch.setattr(supervise, "ray", PretendedRay(*machines))
        config = stub_config(tmp_path / "data", records, workers)
        config.farm.address, config.farm.records_per_worker = "auto", records_per_worker
        render_dataset(config, "", open_pipeline)
        return (tmp_path / "data/run.log").read_text()

    return farm


class Opens:
    """Pipelines of which those with these numbers do not open, and whose first record fails."""

    def __init__(self, log: Any, lost: range, fails: int = 0) -> None:
        self._log, self._lost, self._opens, self._fails = log, lost, 0, fails

    def __call__(self, config: Config, threads: int) -> Stub:
        self._opens += 1
        if self._opens - 1 in self._lost:
            raise ValueError("Cycles finds no GPU here")
        self._fails -= 1
        return Stub(config, threads, self._log, fail=tuple(range(12)) if self._fails == 0 else ())


def test_a_worker_that_does_not_open_again_is_no_end_of_the_others(farm, tmp_path):
    log = farm(Opens(tmp_path / "log", lost=range(2, 4), fails=1), 2, gpu_machine(2))
    assert rendered(tmp_path / "log") == list(range(12))
    assert log.count("opening Blender failed (try ") == 2
    assert run_report(tmp_path / "data")["faults"]["counts"] == {"raised": 3}
    assert "retired" not in log


def test_a_worker_that_never_opens_again_is_retired_while_others_go_on(farm, tmp_path):
    log = farm(Opens(tmp_path / "log", lost=range(2, 99), fails=1), 2, gpu_machine(2))
    assert rendered(tmp_path / "log") == list(range(12))
    assert log.count("opening Blender failed (try ") == supervise.RAISED_OPENS - 1
    words = "it did not open Blender 6 times in a row: ValueError: Cycles finds no GPU here; the others go on"
    assert log.count(f"is retired: {words}\n") == 1
    assert run_report(tmp_path / "data")["workers_replaced"]["retired"] == 1


def test_the_last_worker_that_does_not_open_ends_the_run_in_its_own_words(farm, tmp_path):
    with pytest.raises(ValueError, match=r"^Cycles finds no GPU here$"):
        farm(Opens(tmp_path / "log", lost=range(2, 99)), 2, gpu_machine(2), records_per_worker=1)
    with pytest.raises(ValueError, match=r"^Cycles finds no GPU here$"):
        farm(Opens(tmp_path / "log", lost=range(99)), 2, gpu_machine(2))


class Crowded(Stub):
    """Finds the GPU full at the records that are given; at others only if more than `fits` such pipelines are open."""

    too_large: tuple[int, ...] = ()
    fits = 99
    opened = 0
    error = "Cycles reported: System is out of GPU memory"

    def record(self, index: int) -> Any:
        if index in self.too_large or type(self).opened > self.fits:
            type(self).opened -= 1
            raise RuntimeError(self.error)
        return super().record(index)


def crowded(log: Any, **words: Any) -> Any:
    kind = type("Kind", (Crowded,), words)

    def open_pipeline(config: Config, threads: int) -> Crowded:
        kind.opened += 1
        return kind(config, threads, log)

    return open_pipeline


@pytest.mark.parametrize("error", [Crowded.error, "Out of memory in cuMemAlloc", "CUDA_ERROR_OUT_OF_MEMORY"])
def test_a_full_gpu_costs_workers_until_the_others_fit_and_no_record(farm, tmp_path, error):
    log = farm(crowded(tmp_path / "log", fits=2, error=error), 4, gpu_machine())
    assert rendered(tmp_path / "log") == list(range(12))
    assert run_report(tmp_path / "data")["faults"]["counts"] == {}
    assert log.count(f"found its GPU's memory full (RuntimeError: {error}): say a smaller farm.workers_per_gpu") == 2
    assert run_report(tmp_path / "data")["workers_replaced"]["retired"] == 2


def test_with_one_worker_left_a_record_that_does_not_fit_is_quarantined_with_the_way_out(farm, tmp_path):
    log = farm(crowded(tmp_path / "log", too_large=(5,)), 1, gpu_machine())
    assert log.count("memory (say a smaller farm.workers_per_gpu, or a smaller render.hw)") == 3
    assert run_report(tmp_path / "data")["quarantined"] == [5]
    assert "retired" not in log


def test_a_record_that_fits_on_no_gpu_costs_one_worker_where_each_has_its_own(farm, tmp_path):
    farm(crowded(tmp_path / "log", too_large=(5,)), 4, gpu_machine(4))
    assert run_report(tmp_path / "data")["workers_replaced"] == {"retired": 1, "failed": 3}
    assert run_report(tmp_path / "data")["quarantined"] == [5]


def test_without_a_gpu_memory_is_no_reason_to_retire_a_worker(farm, tmp_path):
    log = farm(crowded(tmp_path / "log", too_large=(5,)), 2, UNCOUNTED)
    assert run_report(tmp_path / "data")["workers_replaced"] == {"failed": 3}
    assert "workers_per_gpu" not in log


@pytest.mark.parametrize("workers", [1, 2])
def test_shards_of_which_every_record_fails_end_the_run_and_not_one_of_them_for_ever(farm, tmp_path, workers):
    with pytest.raises(RuntimeError, match="cannot be written: every record of the dataset has failed so far"):
        farm(partial(Stub, log=tmp_path / "log", fail=tuple(range(6))), workers, UNCOUNTED, records=6)


@pytest.mark.parametrize("workers", [1, 2])
def test_shards_of_failed_records_wait_for_the_first_record_of_a_later_shard(farm, tmp_path, workers):
    farm(partial(Stub, log=tmp_path / "log", fail=tuple(range(9))), workers, UNCOUNTED)
    manifest = read_manifest(tmp_path / "data")
    assert manifest is not None
    assert (manifest.quarantined, manifest.records_done) == (list(range(9)), 12)
