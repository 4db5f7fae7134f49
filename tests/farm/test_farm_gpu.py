"""What the farm does with GPUs, on a Ray that only pretends to have some."""

import pytest
from stub import stub_config

from synth.config import Device
from synth.farm.ray_settings import prepare_ray

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
