"""Fixtures of the tests that run the farm on a stub pipeline."""

import pytest
from farm_runs import HERE, render
from stub import stub_config

from synth.farm.ray_settings import prepare_ray


@pytest.fixture(scope="module")
def address():
    """A Ray cluster of one node on this machine."""
    prepare_ray("local")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HERE))  # where its workers find the stub
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    yield cluster.address
    cluster.shutdown()


@pytest.fixture
def log(tmp_path):
    (tmp_path / "log").mkdir()
    return tmp_path / "log"


@pytest.fixture(scope="module")
def undisturbed(address, tmp_path_factory):
    """Seven records in three shards, by two workers to whom nothing happened."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "log").mkdir()
    render(stub_config(folder / "data", 7, 2), address, folder / "log")
    return folder / "data"
