"""deploy/: what cannot be run here is at least what its reader takes for valid."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

from synth.config import FarmConfig
from synth.farm import cores
from synth.farm.remote_lock import BEAT_S, STALE_S

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = "1.34"
SCRIPTS = ["scheduled-build.sh", "slurm/build.sbatch"]

# Fields of KubeRay's RayJob and RayCluster v1 (ray-operator/apis/ray/v1), with their JSON types.
RAYJOB = {
    "entrypoint": str,
    "shutdownAfterJobFinishes": bool,
    "ttlSecondsAfterFinished": int,
    "activeDeadlineSeconds": int,
    "backoffLimit": int,
    "submissionMode": str,
    "runtimeEnvYAML": str,
    "suspend": bool,
    "rayClusterSpec": dict,
}
RAYCLUSTER = {
    "rayVersion": str,
    "authOptions": dict,
    "enableInTreeAutoscaling": bool,
    "headGroupSpec": dict,
    "workerGroupSpecs": list,
}
GROUP = {
    "groupName": str,
    "serviceType": str,
    "replicas": int,
    "minReplicas": int,
    "maxReplicas": int,
    "rayStartParams": dict,
    "template": dict,
}


def tool(name: str) -> str:
    """The path of a program, of the environment's own or the system's."""
    found = shutil.which(name, path=f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def passes(*words: str | Path, **options) -> str:
    """What a program prints when it finds nothing wrong."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def documents(name: str) -> list[dict]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text()))


def rayjob() -> dict:
    return documents("rayjob.yaml")[0]["spec"]


def groups() -> list[dict]:
    cluster = rayjob()["rayClusterSpec"]
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_shell_and_shellcheck_find_nothing_in(name):
    passes("bash", "-n", DEPLOY / name)
    passes(tool("shellcheck"), DEPLOY / name)


def test_hadolint_finds_nothing_in_the_dockerfile():
    passes(tool("hadolint"), "--no-color", DEPLOY / "Dockerfile")


def test_everything_that_the_dockerfile_copies_is_there_and_not_ignored():
    copied = re.findall(r"^COPY (.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    kept = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"}
    assert names == kept
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_systemd_finds_nothing_in_the_units(tmp_path):
    for name in ("synth-build.service", "synth-build.timer"):
        text = (DEPLOY / "systemd" / name).read_text().replace("/srv/synth/deploy", str(DEPLOY))
        (tmp_path / name).write_text(text)
    assert passes(tool("systemd-analyze"), "verify", *tmp_path.iterdir()) == ""


def test_systemd_takes_a_build_with_quarantined_records_for_done():
    assert "\nSuccessExitStatus=3\n" in (DEPLOY / "systemd/synth-build.service").read_text()


def test_the_service_sees_the_locks_of_cores_of_other_runs():
    unit = (DEPLOY / "systemd/synth-build.service").read_text()
    assert "PrivateTmp=" not in unit
    assert str(cores.PLACE) in re.findall("^ReadWritePaths=(.*)", unit, re.MULTILINE)[0].split()


def test_every_variable_of_the_service_is_in_its_file():
    used = re.findall(r"\$(\w+)", (DEPLOY / "systemd/synth-build.service").read_text())
    given = re.findall(r"^(\w+)=", (DEPLOY / "systemd/build.env").read_text(), re.MULTILINE)
    assert used == ["SYNTH_ARGUMENTS"]
    assert {*used, "SYNTH_MODE", "SYNTH_START", "SYNTH_PER_DAY", "SYNTH_PYTHON"} == set(given)


@pytest.mark.parametrize("name", ["work.yaml", "cronjob.yaml"])
def test_kubernetes_own_schemas_are_kept_by(name):
    validator = pytest.importorskip("kubernetes_validate")
    for document in documents(name):
        validator.validate(document, KUBERNETES, strict=True)


def test_kustomize_puts_the_rayjob_into_the_config_map_of_the_cronjob():
    made = list(yaml.safe_load_all(passes(tool("kubectl"), "kustomize", DEPLOY / "kubernetes")))
    maps = {d["metadata"]["name"]: d for d in made if d["kind"] == "ConfigMap"}
    cron = next(d for d in made if d["kind"] == "CronJob")
    volume = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"]
    assert maps[volume]["data"]["rayjob.yaml"] == (DEPLOY / "kubernetes/rayjob.yaml").read_text()


def test_the_rayjob_has_fields_that_kuberay_knows():
    def fits(found: dict, fields: dict) -> None:
        assert {k: type(v) for k, v in found.items()} == {k: fields[k] for k in found}

    fits(rayjob(), RAYJOB)
    fits(rayjob()["rayClusterSpec"], RAYCLUSTER)
    for group in groups():
        fits(group, GROUP)
        assert all(type(value) is str for value in group["rayStartParams"].values())


@pytest.mark.parametrize(
    ("codes", "ended", "waited"),
    [
        ("0", 0, False),
        ("3", 0, False),  # done, with quarantined records
        ("1", 1, False),
        ("2 0", 0, True),  # refused by the lock of a driver that has died with its head
        ("2 3", 0, True),
        ("2 2", 2, True),
    ],
)
def test_the_rayjob_is_done_when_the_build_is_and_waits_out_the_lock_of_a_lost_head(codes, ended, waited, tmp_path):
    (tmp_path / "codes").write_text(codes.replace(" ", "\n") + "\n")
    fakes = {"scheduled-build": "code=$(sed -n 1p codes); sed -i 1d codes; exit $code", "sleep": 'echo "$1" >>slept'}
    for name, text in fakes.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        rayjob()["entrypoint"], shell=True, cwd=tmp_path, env={"PATH": path}, timeout=20
    )  # as Ray does
    assert done.returncode == ended
    assert (tmp_path / "codes").read_text() == ""
    slept = [int(line) for line in (tmp_path / "slept").read_text().split()] if waited else []
    assert [seconds > STALE_S + BEAT_S for seconds in slept] == [True] * waited


def test_the_pods_of_the_rayjob_keep_the_schema_of_pods():
    validator = pytest.importorskip("kubernetes_validate")
    for group in groups():
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": group["template"]["spec"]}
        validator.validate(pod, KUBERNETES, strict=True)


def test_the_cluster_asks_for_a_token_and_shows_itself_to_nobody_outside():
    cluster = rayjob()["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert "RAY_AUTH_MODE=token" in (DEPLOY / "slurm/build.sbatch").read_text()


def test_a_job_that_ray_stops_has_the_time_that_a_run_takes_to_stop():
    name = "RAY_JOB_STOP_WAIT_TIME_S"
    supervisor = Path(sysconfig.get_path("purelib"), "ray/dashboard/modules/job/job_supervisor.py")
    assert f'"{name}"' in supervisor.read_text()
    given = {row["name"]: row.get("value") for row in groups()[0]["template"]["spec"]["containers"][0]["env"]}
    documented = re.search(rf"export .*{name}=(\d+)", (DEPLOY / "README.md").read_text())
    assert documented is not None
    assert min(int(documented[1]), int(given[name])) >= FarmConfig().grace_s + 30


@pytest.mark.parametrize(
    ("settings", "overrides"),
    [
        ({"SYNTH_MODE": "extend", "SYNTH_START": "2026-01-01", "SYNTH_PER_DAY": "256"}, "num_records=7936"),
        ({"SYNTH_MODE": "version"}, "output.version=20260131"),
    ],
)
def test_a_scheduled_build_asks_for_the_same_whenever_it_is_fired_on_a_day(settings, overrides, tmp_path):
    echo = tmp_path / "python"
    echo.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    echo.chmod(0o755)
    environment = os.environ | settings | {"SYNTH_TODAY": "2026-01-31", "SYNTH_PYTHON": str(echo)}
    words = [DEPLOY / "scheduled-build.sh", "+experiment=faces_large", "output.dir=a b"]
    said = passes(*words, env=environment).splitlines()
    assert said == ["-m", "synth", "run", "+experiment=faces_large", "output.dir=a b", overrides]
    assert passes(*words, env=environment).splitlines() == said


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "say SYNTH_MODE=extend or SYNTH_MODE=version"),
        ({"SYNTH_MODE": "often"}, "must be extend or version, got often"),
        ({"SYNTH_MODE": "extend"}, "say SYNTH_START=YYYY-MM-DD"),
        ({"SYNTH_MODE": "extend", "SYNTH_START": "2026-02-01", "SYNTH_PER_DAY": "1"}, "must not be after 2026-01-31"),
    ],
)
def test_a_scheduled_build_that_is_not_set_up_says_so(settings, words):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SYNTH_")}
    environment = kept | settings | {"SYNTH_TODAY": "2026-01-31", "SYNTH_PYTHON": "false"}
    done = subprocess.run([DEPLOY / "scheduled-build.sh"], env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert words in done.stderr


def test_the_crontab_starts_the_build_that_its_settings_say(tmp_path):
    env = (DEPLOY / "systemd/build.env").read_text().replace("/srv/synth/.venv/bin/python", f"{tmp_path}/python")
    (tmp_path / "deploy/systemd").mkdir(parents=True)
    (tmp_path / "deploy/systemd/build.env").write_text(env)
    shutil.copy(DEPLOY / "scheduled-build.sh", tmp_path / "deploy")
    (tmp_path / "python").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "python").chmod(0o755)
    line = (DEPLOY / "crontab").read_text().splitlines()[-1].split(maxsplit=5)[5]
    line = line.replace("/srv/synth &&", f"{tmp_path} &&")
    passes("/bin/sh", "-c", line, env={"PATH": os.environ["PATH"], "SYNTH_TODAY": "2026-01-02"})
    said = (tmp_path / "datasets/build.log").read_text().splitlines()
    given = ["+experiment=faces_large", "output.dir=/srv/synth/datasets/faces", "num_records=5120"]
    assert said == ["-m", "synth", "run", *given]


FAKES = {
    "scontrol": "echo one; /bin/sleep 0.2; echo two",
    "getent": "echo 10.0.0.1 STREAM one",
    "ray": "true",
    "scancel": 'kill "$(cat head)" 2>/dev/null',
    "sleep": "exec /bin/sleep 0.1",
    "python": f'case "$*" in *"-m synth"*) echo "$@" ;; *) exec {sys.executable} "$@" ;; esac',
}
RAY = """
import os
from pathlib import Path
def init(address, **_): assert address == "10.0.0.1:20007"
def nodes():
    with Path(os.environ["ASKED"]).open("a") as file: file.write("x")
    there = min(Path(os.environ["ASKED"]).stat().st_size, int(os.environ["COME"]))
    return [{"Alive": k < there} for k in range(3)]
"""


def slurm(tmp_path: Path, come: int, **fakes: str) -> subprocess.CompletedProcess:
    """build.sbatch as a job of two nodes, in a place where of all programs that it starts only the shell is real.

    come: how many nodes Ray counts in the end, each time that it is asked one more.
    """
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/activate").write_text(f"export PATH={tmp_path}:$PATH\n")
    (tmp_path / "ray.py").write_text(RAY)
    for name, text in (FAKES | fakes).items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    job = {"SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "2", "SLURM_CPUS_PER_TASK": "1"}
    place = {"SYNTH_HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    environment = os.environ | job | place | {"ASKED": str(tmp_path / "asked"), "COME": str(come)}
    script = (DEPLOY / "slurm/build.sbatch").read_text().replace("SECONDS + 300", "SECONDS + 2")
    words = ["bash", "-c", script, "build.sbatch", "num_records=5"]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=20)


HEAD_LIVES = 'case "$*" in *--head*) echo $$ >head; exec /bin/sleep 30 ;; esac'


def test_a_slurm_job_builds_once_all_its_nodes_are_there(tmp_path):
    done = slurm(tmp_path, 2, srun=HEAD_LIVES)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "-m synth run farm.address=10.0.0.1:20007 num_records=5\n"
    assert len((tmp_path / "asked").read_text()) == 2


def test_a_slurm_job_goes_on_without_nodes_that_do_not_come(tmp_path):
    done = slurm(tmp_path, 1, srun=HEAD_LIVES)
    assert "1 of 2 nodes" in done.stderr
    assert done.returncode == 0
    assert done.stdout.startswith("-m synth run")


@pytest.mark.parametrize("health", ["false", "true"])
def test_a_slurm_job_ends_with_its_head(health, tmp_path):
    done = slurm(tmp_path, 1, srun="exit 1", ray=health)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Ray's head on one has ended" in done.stderr
    assert not list(tmp_path.glob(".ray-token*"))


def test_every_key_that_a_build_is_given_is_one_that_synth_knows():
    from synth.compose import compose_config

    (build,) = re.findall("scheduled-build .*", rayjob()["entrypoint"])
    for line in (build, (DEPLOY / "systemd/build.env").read_text()):
        keys = re.findall(r"(?:^|[\s='])(\+?[a-z_.]+=[^\s=']+)", line)
        assert len(keys) >= 2
        compose_config(keys)
