"""What the farm does with GPUs, on a Ray that only pretends to have some."""

import os

import pytest
from stub import Stub, stub_config

from synth.config import Config, Device
from synth.farm.ray_settings import prepare_ray
from synth.farm.results import Opened
from synth.farm.worker import Worker

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
