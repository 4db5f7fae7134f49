"""What the benches of cost tell of: numbers that are known stand in for Blender's."""

import operator
import os
import threading
import time
from functools import partial

import numpy as np
import pytest

from synth.__main__ import main
from synth.bench import gpu, render
from synth.bench.children import open_bare, open_counted, open_split, open_synth
from synth.bench.gpu import bench_gpu, best, counts_of, gpu_table
from synth.bench.growth import AXES, BLOCK, _summed, exponents
from synth.bench.memory import WARM, growth
from synth.bench.process import MEMORY, Child, spread
from synth.compose import compose_config
from synth.config import Config, flatten, record_keys
from synth.noise.child import open_photographer

FACES = ["+experiment=faces_demo"]


def test_a_process_answers_by_what_its_opener_returned():
    child = Child(operator.itemgetter, "a")
    try:
        assert child.ask({"a": 3}) == 3
        assert 0.001 < child.ask(MEMORY)["gb"] <= child.ask(MEMORY)["peak_gb"]
    finally:
        child.close()


def test_what_a_user_can_mend_is_raised_here():
    child = Child(int, "three")
    with pytest.raises(ValueError, match="invalid literal"):
        child.ask("anything")
    child.close()


def test_a_process_that_dies_is_an_error_and_not_a_wait():
    child = Child(os._exit, 3)
    with pytest.raises(RuntimeError, match="a process of the bench ended"):
        child.ask("anything")
    child.close()


@pytest.mark.parametrize(
    "opener", [open_split, open_synth, open_counted, open_photographer, partial(open_bare, defaults=False)]
)
def test_a_gpu_is_refused_where_cpu_seconds_are_measured(opener):
    config = compose_config([*FACES, "farm.device=gpu"])
    with pytest.raises(ValueError, match=r"farm\.device must be cpu or auto where CPU seconds are measured, got gpu"):
        opener(config, **({} if opener in (open_counted, open_photographer) else {"cpu": True}))


def test_the_spread_of_one_value_is_that_value():
    assert spread([2.0]) == {"median": 2.0, "low": 2.0, "high": 2.0}


def test_quartiles_lie_between_the_least_and_the_most():
    assert spread([1.0, 3.0]) == {"median": 2.0, "low": 1.5, "high": 2.5}


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_is_found(power):
    sizes = [10, 30, 100, 300]
    rows = [[{"beauty": c * n**power, "label": c} for n in sizes] for c in (1.0, 3.0, 4.0)]
    found = exponents(sizes, rows)
    assert found["exponents"]["beauty"] == pytest.approx({"median": power, "low": power, "high": power}, abs=1e-9)
    assert found["exponents"]["label"]["median"] == pytest.approx(0, abs=1e-9)


def test_at_the_top_a_constant_counts_for_less():
    sizes = [1, 10, 100, 1000]
    found = exponents(sizes, [[{"beauty": 5.0 + n} for n in sizes]])
    assert found["exponents"]["record"]["median"] < found["top"]["record"]["median"] < 1


def test_records_that_cost_the_same_have_the_exponent_one():
    summed = _summed([{"beauty": 2.0, "label": 1.0}] * BLOCK)
    sizes = [1, 2, 4, 8, 16]
    assert exponents(sizes, [[summed[n - 1] for n in sizes]])["exponents"]["record"]["median"] == pytest.approx(1)


@pytest.mark.parametrize("axis", AXES)
def test_every_value_of_an_axis_of_growth_is_a_config(axis):
    key, form, values = AXES[axis]
    configs = [compose_config([*FACES, f"{key}={form.format(value)}"]) for value in values]
    assert len({str(flatten(record_keys(config))[key]) for config in configs}) == len(values)


def test_memory_that_stays_does_not_grow():
    found = growth([0.5 + 0.01 * k for k in range(WARM)] + [1.0] * 200)
    assert found == pytest.approx({"median_gb": 1.0, "growth": 1.0, "slope_mb": 0.0}, abs=1e-6)


def test_a_leak_is_told_in_megabytes_per_thousand_records():
    found = growth([1.0 + 2e-4 * k for k in range(500)])
    assert found["slope_mb"] == pytest.approx(200)
    assert found["growth"] > 1.05


def test_the_memory_of_a_few_records_is_refused(capsys, monkeypatch):
    monkeypatch.setattr("synth.blender.libraries.require_libraries", lambda: None)
    assert main(["bench", "render", "--memory", "3"]) == 2
    assert "--memory must be at least 20, got 3" in capsys.readouterr().err


class Gpu:
    """A GPU that does one thing at a time, and the workers that share it: each also needs the CPU for a while."""

    def __init__(self, cpu_s: float = 0.02, gpu_s: float = 0.01, compile_s: float = 0.05) -> None:
        self.cpu_s, self.gpu_s, self.compile_s = cpu_s, gpu_s, compile_s
        self.lock, self.compiled, self.there, self.threads = threading.Lock(), False, 0, []

    def open(self, config: Config, threads: int) -> "Worker":
        if config.farm.backend.name == "optix":
            raise ValueError("Cycles finds no GPU here (tried OPTIX)")
        self.threads.append(threads)
        return Worker(self)

    def use(self) -> tuple[float, float]:
        return float(self.lock.locked()), 1e9 + 2e9 * self.there


class Worker:
    opened_s = 0.0

    def __init__(self, machine: Gpu) -> None:
        self.machine, self.new = machine, True
        machine.there += 1

    def ask(self, question):
        if question == MEMORY:
            return {"gb": 0.8, "peak_gb": 0.9}
        compile_s = 0.0 if self.machine.compiled or not self.new else self.machine.compile_s
        self.machine.compiled, self.new = True, False
        time.sleep(self.machine.cpu_s)
        with self.machine.lock:
            time.sleep(self.machine.gpu_s)
        return {"build": self.machine.cpu_s, "beauty": self.machine.gpu_s + compile_s}

    def close(self) -> None:
        self.machine.there -= 1


@pytest.fixture
def shared(monkeypatch) -> tuple[Gpu, dict]:
    monkeypatch.setattr(gpu, "EVERY_S", 0.003)
    machine = Gpu()
    return machine, bench_gpu(FACES, [1, 4], 6, machine.open, machine.use)


def test_workers_that_share_a_gpu_make_more_records_until_it_is_busy(shared):
    one, four = shared[1]["backends"]["cuda"]["workers"]
    assert four["records_per_s"] > 1.5 * one["records_per_s"]
    assert four["busy"] > one["busy"]


def test_each_worker_is_charged_its_share_of_the_gpus_memory(shared):
    assert [row["gpu_gb_per_worker"] for row in shared[1]["backends"]["cuda"]["workers"]] == pytest.approx([2, 2])


def test_kernels_are_timed_with_an_empty_cache_and_with_a_full_one(shared):
    kernels = shared[1]["backends"]["cuda"]["kernels"]
    assert kernels["empty_cache_s"] - kernels["cached_s"] == pytest.approx(0.05)
    assert kernels["warm_record_s"] == pytest.approx(0.03)


def test_workers_share_the_cores(shared):
    cores = os.process_cpu_count() or 1
    assert shared[0].threads[-5:] == [cores, *[max(1, cores // 4)] * 4]


def test_a_backend_that_is_missing_is_said_to_be_so(shared):
    report = shared[1]
    assert "not measured: Cycles finds no GPU here (tried OPTIX)" in gpu_table(report)
    assert f"farm.workers_per_gpu={report['backends']['cuda']['best']} farm.backend=cuda" in gpu_table(report)


def test_the_workers_of_one_gpu_of_eight_have_its_share_of_the_cores(monkeypatch):
    monkeypatch.setattr(gpu, "gpu_memory", lambda: [24e9] * 8)
    monkeypatch.setattr("os.process_cpu_count", lambda: 64)
    machine = Gpu(0.001, 0.001)
    bench_gpu(FACES, [1, 2, 16], 2, machine.open, machine.use)
    assert machine.threads[2:] == [8, *[4] * 2, *[1] * 16]


def test_all_workers_make_the_same_records(monkeypatch):
    asked, machine = {}, Gpu(0.001, 0.001)
    ask = Worker.ask
    monkeypatch.setattr(Worker, "ask", lambda self, k: asked.setdefault(id(self), []).append(k) or ask(self, k))
    kept = []  # or an id would be given twice
    bench_gpu(FACES, [3], 4, lambda *words: kept.append(machine.open(*words)) or kept[-1], machine.use)
    made = [[k for k in words if k != MEMORY][1:] for words in list(asked.values())[2:]]
    assert [sorted(some) for some in made] == [[1, 2, 3, 4]] * 3
    assert [some[0] for some in made] == [1, 2, 3]


def test_a_number_of_workers_that_does_not_get_on_is_a_row_and_not_the_end():
    machine = Gpu(0.001, 0.001)

    def opened(config: Config, threads: int) -> Worker:
        if machine.there == 3:
            raise RuntimeError("System is out of GPU memory")
        return machine.open(config, threads)

    report = bench_gpu(FACES, [1, 2, 16], 2, opened, machine.use)
    rows = report["backends"]["cuda"]["workers"]
    assert rows[2] == {"workers": 16, "failed": "System is out of GPU memory"}
    assert report["backends"]["cuda"]["best"] in (1, 2)
    assert "      16  System is out of GPU memory" in gpu_table(report)
    assert machine.there == 0  # those that had been opened are closed


def test_the_bench_leaves_the_environment_as_it_was(monkeypatch):
    monkeypatch.setenv("CUDA_CACHE_PATH", "mine")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    before = dict(os.environ)
    bench_gpu(FACES, [1], 2, Gpu(0.001, 0.001).open, lambda: None)
    assert dict(os.environ) == before


def test_the_processes_of_the_bench_see_one_gpu_and_an_empty_cache_of_kernels(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    seen, machine = [], Gpu(0.001, 0.001)

    def opened(config: Config, threads: int) -> Worker:
        seen.append((os.environ["CUDA_VISIBLE_DEVICES"], os.environ["CUDA_CACHE_PATH"]))
        return machine.open(config, threads)

    bench_gpu(FACES, [1], 2, opened, machine.use)
    assert {device for device, _ in seen} == {"2"}
    optix, *cuda = [folder for _, folder in seen]
    assert len({*cuda}) == 1  # its second process finds what the first has compiled
    assert optix not in cuda  # or what OptiX has compiled would be CUDA's


def test_fewer_workers_that_are_nearly_as_fast_are_the_better_choice():
    rows = [{"workers": n, "records_per_s": rate} for n, rate in ((1, 2.0), (2, 3.9), (4, 4.0), (8, 3.5))]
    assert best(rows) == 2


def test_without_a_gpu_it_says_so(capsys, monkeypatch):
    def refuse(opener, config, *_):
        raise ValueError(f"Cycles finds no GPU here (tried {config.farm.backend.name.upper()})")

    monkeypatch.setattr("synth.blender.libraries.require_libraries", lambda: None)
    monkeypatch.setattr(gpu, "Child", refuse)
    assert main(["bench", "render", "--workers-per-gpu", "1,2"]) == 2
    said = capsys.readouterr().err
    assert "--workers-per-gpu needs a GPU that Cycles can use, and there is none" in said
    assert "tried OPTIX" in said
    assert "tried CUDA" in said


@pytest.mark.parametrize("words", ["0", "1,x", "", "2,-1", "65"])
def test_numbers_of_workers_that_are_none_are_refused(words):
    with pytest.raises(ValueError, match="--workers-per-gpu must be numbers from 1 to 64"):
        counts_of(words)


def test_numbers_of_workers_are_sorted_and_each_is_measured_once():
    assert counts_of("8,1,2,2") == [1, 2, 8]


def test_the_best_rate_does_not_depend_on_the_order():
    rows = [{"workers": n, "records_per_s": rate} for n, rate in ((4, 4.0), (1, 2.0))]
    assert best(rows) == best(rows[::-1]) == np.int64(4)


class Timed:
    """A process whose beauty takes 2 s, of which 1.25 path tracing, and everything else 1 s where labels are made."""

    def __init__(self, way: str) -> None:
        own = {"sync": 0.5, "path_tracing": 1.25, "denoising": 0.25, "label": 0.75, "encode": 0.25}
        self.row = own if way == "synth" else {"all": 2.0 if way == "bare" else 4.0}

    def opened_s(self):
        return 1.0

    def ask(self, question):
        return {"peak_gb": 0.5} if question == MEMORY else self.row

    def close(self):
        pass


@pytest.fixture
def timed(monkeypatch):
    monkeypatch.setattr(render, "_child", lambda way, config, cpu: Timed(way))
    monkeypatch.setattr("synth.blender.libraries.require_libraries", lambda: None)


def test_a_record_is_set_beside_the_bare_loop_and_the_defaults(timed):
    report = render.bench_render(compose_config(FACES), 3)
    assert report["synth_over"]["bare"]["median"] == 1.5
    assert report["synth_over"]["defaults"]["median"] == 0.75
    assert report["beauty_s"]["median"] == 2.0
    assert report["over_beauty_s"]["median"] == 1.0
    assert report["over_path_tracing_s"]["median"] == 1.75
    assert report["labels_and_writing_over_beauty"]["median"] == 0.5
    assert report["records_per_s"] == {"synth": 1 / 3, "bare": 1 / 2, "defaults": 1 / 4}


def test_workloads_are_a_line_each_with_what_is_theirs(timed, capsys):
    assert main(["bench", "render", "--workloads", "--records", "2"]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()[-len(render.WORKLOADS) :]
    assert [line.split()[0] for line in lines] == ["as", *(own[0] for own in render.WORKLOADS[1:])]
    assert all(line.split()[-5:] == ["1.500", "0.750", "1.000", "1.750", "0.50"] for line in lines)
    assert "2 of 2 records" in shown.err
