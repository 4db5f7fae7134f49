"""Joining a Ray cluster that somebody started: `ray start --head` on localhost, with a token, as deploy/README.md says.

The cluster is one for all tests here, on free ports and in a folder of its own.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from synth.bench.soak import family
from synth.storage.reader import open_dataset

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
RAY = Path(sysconfig.get_path("scripts")) / "ray"
RENDER = ["scene=shapes", "render.hw=[24,40]", "render.spp=1", "num_records=2", "farm.workers=1", "farm.device=cpu"]


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The environment in which the cluster is known, with its ports: gcs, dashboard, client."""
    folder = Path("/tmp") / f"synth-test-{os.getpid()}"  # names of sockets must be short
    folder.mkdir(mode=0o700)
    (folder / "token").write_text("a" * 64)
    gcs, dashboard, client, metrics, agent = free_ports(5)
    environment = os.environ | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "PYTHONPATH": f"{ROOT}:{HERE}",
        "PYTHONWARNINGS": "ignore",
    }
    words = [
        *(RAY, "start", "--head", "--block", f"--port={gcs}", f"--temp-dir={folder}", "--num-cpus=2"),
        *("--node-ip-address=127.0.0.1", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"),
        *(f"--ray-client-server-port={client}", f"--metrics-export-port={metrics}"),
        *(f"--dashboard-agent-listen-port={agent}", "--object-store-memory=83886080"),
    ]
    process = _started(words, environment, folder / "log")
    yield environment, gcs, dashboard, client
    process.terminate()
    process.wait(60)
    shutil.rmtree(folder, ignore_errors=True)


def _started(words: list[object], environment: dict[str, str], log: Path) -> subprocess.Popen:
    """`ray start`, once it says that it has started. It gives up after half a minute: busy machines get three tries."""
    for _ in range(3):
        with log.open("wb") as file:
            process = subprocess.Popen(list(map(str, words)), env=environment, stdout=file, stderr=file)
        while process.poll() is None:
            if "Ray runtime started" in log.read_text():
                return process
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def run(words: list[str], environment: dict[str, str], **options) -> subprocess.CompletedProcess:
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, **options)


def synth(*words: str) -> list[str]:
    return [sys.executable, "-m", "synth", "run", *RENDER, *words]


SLOW = pytest.mark.slow


@pytest.mark.parametrize("how", ["host", pytest.param("client", marks=SLOW), pytest.param("auto", marks=SLOW)])
def test_a_running_cluster_is_joined(cluster, how, tmp_path):
    environment, gcs, _, client = cluster
    address = {"host": f"127.0.0.1:{gcs}", "client": f"ray://127.0.0.1:{client}", "auto": "auto"}[how]
    environment = environment | ({"RAY_ADDRESS": f"127.0.0.1:{gcs}"} if how == "auto" else {})
    done = run(synth(f"farm.address={address}", f"output.dir={tmp_path}/data"), environment, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(open_dataset(tmp_path / "data")) == 2


def test_ray_job_submit_renders_as_documented(cluster, tmp_path):
    environment, _, dashboard, _ = cluster
    documented = re.search(r"^ray job submit .*?$", (ROOT / "deploy/README.md").read_text(), re.MULTILINE)
    assert documented is not None
    words = documented[0].replace("http://HEAD:8265", f"http://127.0.0.1:{dashboard}").split(" -- ")
    words[0] = words[0].replace(" --no-wait", "")  # the log comes here, and the command ends when the job has
    entry = [sys.executable, *words[1].split()[1:4], *RENDER, "farm.address=auto", f"output.dir={tmp_path}/data"]
    done = run([str(RAY), *words[0].split()[1:], "--", *entry], environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(open_dataset(tmp_path / "data")) == 2


@pytest.mark.parametrize("mode", ["token", pytest.param("disabled", marks=SLOW)])
def test_a_stranger_without_the_token_is_refused(cluster, mode, tmp_path):
    environment, gcs, _, _ = cluster
    (tmp_path / "token").write_text("b" * 64)
    environment = environment | {"RAY_AUTH_MODE": mode, "RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    done = run(synth(f"farm.address=127.0.0.1:{gcs}", f"output.dir={tmp_path}/data"), environment, cwd=ROOT)
    assert done.returncode != 0
    assert not (tmp_path / "data/dataset.h5").exists()


@pytest.mark.slow  # Ray tries for half a minute
def test_a_cluster_that_is_not_there_is_named(tmp_path):
    (port,) = free_ports(1)
    environment = os.environ | {"RAY_gcs_rpc_server_connect_timeout_s": "2", "RAY_NUM_REDIS_GET_RETRIES": "1"}
    done = run(synth(f"farm.address=127.0.0.1:{port}", f"output.dir={tmp_path}/data"), environment, cwd=ROOT)
    assert done.returncode == 2
    assert "farm.address must be a running Ray cluster, got '127.0.0.1:" in done.stderr


def listening(pids: set[int]) -> set[str]:
    """Addresses, as /proc writes them, on which these processes wait for connections."""
    inodes = set()
    for pid in pids:
        for path in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes.update(re.findall(r"socket:\[(\d+)\]", os.readlink(path)))
            except OSError:
                continue
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {row[1].partition(":")[0] for row in lines if row[3] == "0A" and row[9] in inodes}


LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}

LOCAL = """
import sys
from synth.farm.ray_settings import prepare_ray
prepare_ray("local")
from synth.config import FarmConfig
from synth.farm.ray_start import running_ray
import ray
with running_ray(FarmConfig()):
    @ray.remote
    class Worker:
        def open(self): return 1
    worker = Worker.remote()
    ray.get(worker.open.remote())
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells which sockets a process has")
def test_a_ray_that_synth_starts_listens_on_localhost_alone():
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", LOCAL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        found = listening(family(process.pid))
        process.stdin.close()
    assert found
    assert found <= LOOPBACK
