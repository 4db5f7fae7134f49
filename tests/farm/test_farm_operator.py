"""What an operator sees: counts and rates, the log, metrics, the report, and exit codes."""

import json
import os
import re
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from farm_runs import HERE, render, run_report
from stub import stub_config

from synth.__main__ import main
from synth.farm.gpus import GpuGauge, gpu_memory
from synth.farm.progress import LOG, Report
from synth.farm.ray_settings import prepare_ray
from synth.farm.results import Fault, Opened, Rendered, Replaced
from synth.farm.summary import summary, write_summary
from synth.farm.tally import Tally
from synth.farm.work import Task


class Clock:
    """A clock that the test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def tally(**changes) -> Tally:
    words = {"total": 1000, "done": 100, "shards": 4, "workers": lambda: 2, "cores": lambda: 2.0, "clock": Clock()}
    return Tally(**words | changes)


def rendered(index: int, wall_s: float = 1.0, gpu_use: float | None = None) -> Rendered:
    return Rendered(index, {"beauty": 0.75 * wall_s, "save": 0.25 * wall_s}, wall_s, 0.9 * wall_s, 10**9, gpu_use)


def work_for(counts: Tally, seconds: int, per_second: int) -> None:
    for _ in range(seconds):
        counts.clock.now += 1  # type: ignore[attr-defined]
        for _ in range(per_second):
            counts.record(rendered(counts.rendered, gpu_use=0.5))


def test_the_line_says_how_much_is_done_how_fast_and_when_it_ends():
    counts = tally()
    counts.opened()
    work_for(counts, 50, 2)
    counts.fault(Fault(Task("render", (7,)), "1", "hung", "", "", 3, last=True))
    assert counts.line() == (
        "200/1000 records, 2.00 records/s, 6:40 left, 0/4 shards, 2 workers, 90% CPU, 50% GPU, 1 fault, 1 quarantined"
    )


def test_the_gpus_of_all_workers_are_in_the_line_but_not_of_one_that_is_gone():
    counts = tally()
    for worker, use in (("1", 0.2), ("2", 0.8), ("1", 0.4), ("3", 0.0)):
        counts.record(rendered(counts.rendered, gpu_use=use), worker)
    assert counts.gpu_use == pytest.approx(0.4)
    counts.replacement(Replaced("3", "worn"))
    assert counts.gpu_use == pytest.approx(0.6)


def test_the_time_left_follows_the_rate_of_the_last_minutes():
    counts = tally(total=10**6)
    counts.opened()
    work_for(counts, 1000, 10)
    work_for(counts, 1000, 1)
    assert counts.recent_rate == pytest.approx(1, abs=0.02)
    assert counts.rate == pytest.approx(5.5)


def test_before_the_first_record_nothing_is_promised():
    assert tally().line().startswith("100/1000 records, 0.00 records/s, ? left")


def test_the_report_names_stages_slowest_records_and_faults(tmp_path):
    counts = tally()
    counts.opened()
    for index in range(30):
        counts.record(rendered(index, wall_s=1.0 + (index * 7) % 30))
    counts.fault(Fault(Task("render", (7,)), "1 (here, process 5)", "raised", "ValueError: no", "", 3, last=True))
    write_summary(tmp_path, counts, "interrupted", [7], {"seed": 5, "device": "CPU"})
    report = run_report(tmp_path)
    assert report == json.loads(json.dumps(summary(counts, "interrupted", [7], {"seed": 5, "device": "CPU"}))) | {
        key: report[key] for key in ("started", "ended")
    }
    assert [row["seconds"] for row in report["slowest_records"]] == [30.0 - k for k in range(10)]
    assert report["stages"]["beauty"]["share"] == pytest.approx(0.75)
    assert report["faults"]["named"][0]["error"] == "ValueError: no"
    text = (tmp_path / "report.txt").read_text()
    assert "quarantined: 7" in text
    assert "beauty" in text


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with a fault, on a cluster whose metrics were read while it went on: (folder, what Prometheus saw)."""
    prepare_ray("local")
    from ray.cluster_utils import Cluster

    folder = tmp_path_factory.mktemp("run")
    (folder / "log").mkdir()
    arguments = {"num_cpus": 2, "include_dashboard": False, "_system_config": {"metrics_report_interval_ms": 500}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HERE))
        cluster = Cluster(initialize_head=True, head_node_args=arguments)
    seen: list[str] = []
    port = cluster.head_node.metrics_export_port
    reader = threading.Thread(target=_read_metrics, args=(port, seen))
    reader.start()
    try:
        render(stub_config(folder / "data", 18, 2), cluster.address, folder / "log", fail=(1,), delay=1.0)
    finally:
        seen.append("")
        reader.join()
        cluster.shutdown()
    return folder / "data", "".join(seen)


def _read_metrics(port: int, seen: list[str]) -> None:
    while not seen:
        time.sleep(1)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                text = answer.read().decode()
        except OSError:
            continue
        if re.search(r"synth_records_total\{[^}]*\} [5-9]", text) and "synth_faults" in text:
            seen.append(text)


RATES = ["records_total", "faults_total", "workers_replaced_total", "record_seconds_count", "records_per_second"]
GAUGES = ["records_left", "seconds_left", "workers", "cpu_use", "records_quarantined"]


@pytest.mark.parametrize("name", [*RATES, *GAUGES])
def test_prometheus_sees_the_run_while_it_goes_on(run, name):
    folder, metrics = run
    values = re.findall(rf'^ray_synth_{name}{{[^}}]*dataset="{re.escape(str(folder))}"[^}}]*}} (\S+)$', metrics, re.M)
    assert values
    assert all(float(value) >= 0 for value in values)


def test_the_log_names_record_worker_and_seed(run):
    log = (run[0] / "run.log").read_text()
    line = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ record 1 \(seed 0\) failed \(try 3, worker \d \(\S+, process \d+\)\): "
    assert re.search(line + r"ValueError: the stub was told to fail; it is quarantined$", log, re.M)
    mine = r"(, cores \d)?"  # none where other runs of this machine hold them all; the test below has them
    assert re.search(rf"worker \d \(\S+, process \d+\) renders on stub{mine}$", log, re.M)
    assert re.search(r"shards/shard-000005\.h5 is written, records 15 to 17$", log, re.M)


def test_the_log_names_the_cores_of_a_worker_that_has_some(tmp_path):
    with Report(tally(), seed=0) as report:
        report.start_log(tmp_path, "begins")
        report.see("0 (here, process 7)", Task("open"), Opened("here", 7, "stub", (1, 3)))
        report.see("1 (here, process 8)", Task("open"), Opened("here", 8, "stub"))
    lines = [line.split(" ", 1)[1] for line in (tmp_path / LOG).read_text().splitlines()]
    assert "worker 0 (here, process 7) renders on stub, cores 1,3" in lines
    assert "worker 1 (here, process 8) renders on stub" in lines


def test_what_workers_say_to_the_user_is_told_once_and_is_in_the_log(tmp_path, capsys):
    with Report(tally(), seed=0) as report:
        report.start_log(tmp_path, "begins")
        for number in range(3):
            report.see(str(number), Task("open"), Opened("here", number, "stub", note="mind the gap"))
    assert capsys.readouterr().err.count("mind the gap") == (tmp_path / LOG).read_text().count("mind the gap") == 1


def test_the_report_of_a_run_says_how_it_went(run):
    report = run_report(run[0])
    assert report["outcome"] == "finished with quarantined records"
    assert report["records"] == {"dataset": 18, "there_before": 0, "rendered": 17}
    assert report["faults"]["counts"] == {"raised": 3}
    assert set(report["stages"]) == {"draw", "beauty", "save"}
    assert report["quarantined"] == [1]


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(0, 0), (2, 3), (KeyboardInterrupt("x"), 130), (RuntimeError("x"), 1), (OSError("x"), 1), (ValueError("x"), 2)],
)
def test_exit_codes_tell_success_quarantine_interruption_failure_and_bad_input(monkeypatch, outcome, code):
    def render_dataset(*_) -> int:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr("synth.farm.driver.render_dataset", render_dataset)
    assert main(["run", "+experiment=shapes_smoke"]) == code


@pytest.fixture
def two_gpus(tmp_path, monkeypatch) -> Path:
    """A machine whose nvidia-smi tells of two GPUs."""
    script = tmp_path / "nvidia-smi"
    answers = '*memory.total*) echo 81559; echo 24576;; *"-i 1"*) echo 30;; *) echo 80; echo 60;;'
    script.write_text(f'#!/bin/sh\ncase "$*" in {answers} esac\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return script


def test_memory_and_use_of_gpus_are_asked_of_nvidia_smi(two_gpus, monkeypatch):
    assert gpu_memory() == [81559 * 2**20, 24576 * 2**20]
    assert GpuGauge().use() == pytest.approx(0.7)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert GpuGauge().use() == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("mode", "sizes"),
    [
        ("echo Enabled; echo '[N/A]'", [0]),
        ("echo Disabled; echo '[N/A]'", [81559 * 2**20] * 2),
        ("exit 2", [81559 * 2**20] * 2),
    ],
)
def test_a_gpu_that_mig_divides_has_no_bytes_that_are_known(two_gpus, mode, sizes):
    two_gpus.write_text(f'#!/bin/sh\ncase "$*" in *mig.mode*) {mode};; *) echo 81559; echo 81559;; esac\n')
    assert gpu_memory() == sizes


def test_a_process_that_is_given_a_part_of_mig_knows_no_bytes(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-5c89")
    assert gpu_memory() == [0]


def test_without_nvidia_smi_nothing_is_known_and_nothing_breaks(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_memory() == []
    assert GpuGauge().use() is None
