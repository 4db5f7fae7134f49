"""Planning without Ray: which task comes next, and how a machine is shared."""

import os
import subprocess
import sys

from conftest import shapes_config
from hypothesis import given
from hypothesis import strategies as st

from synth.blender import scratch
from synth.config import Device, FarmConfig
from synth.farm import cores
from synth.farm.crew import OPEN_S, WORKER_BYTES, Node, nodes_to_use, plan_crew, time_limit, workers_per_gpu
from synth.farm.work import MissingShard, Task, Work
from synth.storage.manifest import ShardRow, planned_shards


def tasks_of(work: Work) -> list[Task]:
    """All tasks, done one after another."""
    tasks = []
    while (task := work.next()) is not None:
        work.done(task)
        tasks.append(task)
    return tasks


@given(st.integers(1, 60), st.integers(1, 9), st.sets(st.integers(0, 59)))
def test_every_record_is_rendered_or_kept_and_every_shard_assembled_after_its_last(num_records, per_shard, kept):
    plans = planned_shards(num_records, per_shard)
    tasks = tasks_of(Work([MissingShard(plan) for plan in plans], per_shard, kept))
    rendered = [task.args[0] for task in tasks if task.method == "render"]
    assembled = [task.args[0] for task in tasks if task.method == "assemble"]
    assert rendered == [i for i in range(num_records) if i not in kept]
    assert assembled == [MissingShard(plan) for plan in plans]
    for plan in plans:
        last = [i for i, t in enumerate(tasks) if t.method == "render" and t.args[0] // per_shard == plan.number]
        assert tasks.index(Task("assemble", (MissingShard(plan), ()))) > max(last, default=-1)


def test_records_of_a_shorter_shard_are_not_rendered_again():
    plan = planned_shards(5, 5)[0]
    shard = MissingShard(plan, previous=ShardRow(plan.file, 0, 3, 1, ""))
    rendered = [task.args[0] for task in tasks_of(Work([shard], 5, set())) if task.method == "render"]
    assert rendered == [3, 4]


def test_a_task_that_was_put_back_comes_next():
    work = Work([MissingShard(plan) for plan in planned_shards(3, 3)], 3, set())
    task = work.next()
    assert task is not None
    work.again(task)
    assert work.next() == task


@given(st.integers(0, 40), st.integers(1, 100), st.integers(1, 32), st.integers(0, 4), st.floats(0, 64e9))
def test_a_crew_fits_on_its_machine(wanted, most, cpus, gpus, memory):
    crew = plan_crew(wanted, most, [Node(cpus, gpus, memory)])
    assert 1 <= crew.workers <= most
    assert crew.threads >= 1
    assert crew.workers * crew.cpus <= cpus + 1e-9  # Ray counts in ten-thousandths
    assert crew.workers * crew.gpus <= gpus
    assert wanted or crew.workers * WORKER_BYTES <= max(memory, WORKER_BYTES)
    assert crew.workers > cpus or crew.workers * crew.threads <= cpus


def test_two_cores_are_two_workers_of_one_thread():
    crew = plan_crew(0, 16, [Node(2, 0, 20e9)])
    assert (crew.workers, crew.threads, crew.cpus, crew.gpus) == (2, 1, 1, 0)


def test_one_worker_has_all_cores():
    assert plan_crew(1, 16, [Node(8, 0, 20e9)]).threads == 8


def test_quarantined_records_complete_their_shard_and_are_named_to_who_writes_it():
    work = Work([MissingShard(plan) for plan in planned_shards(6, 3)], 3, {4})
    tasks = []
    while (task := work.next()) is not None:
        tasks.append(task)
        work.quarantine(task) if task.args[0] in (1, 3, 5) else work.done(task)
    assembled = [task.args for task in tasks if task.method == "assemble"]
    assert assembled == [
        (MissingShard(plan), empty) for plan, empty in zip(planned_shards(6, 3), [(1,), (3, 5)], strict=True)
    ]


def test_lost_parts_are_rendered_again_before_their_shard_is_assembled_again():
    shard = MissingShard(planned_shards(3, 3)[0])
    work = Work([shard], 3, {0, 1, 2})
    assert work.next() == Task("assemble", (shard, ()))
    work.lost(shard, (0, 2))
    assert [str(task) for task in tasks_of(work)] == ["record 0", "record 2", "shard shards/shard-000000.h5"]


def test_a_shard_without_an_example_looks_again_where_a_record_was_rendered_while_it_looked():
    work = Work([MissingShard(plan) for plan in planned_shards(2, 1)], 1, set())
    failed, other = work.next(), work.next()
    assert failed
    assert other
    work.quarantine(failed)
    assembly = work.next()
    assert assembly
    work.later(assembly)
    assert work.next() == assembly
    work.done(other)  # before it is heard that it found nothing
    work.later(assembly)
    assert sorted(map(str, tasks_of(work))) == ["shard shards/shard-000000.h5", "shard shards/shard-000001.h5"]
    assert work.blocked == []


def test_as_many_workers_share_a_gpu_as_its_memory_holds():
    small, large = 8 * 2**30, 80 * 2**30
    assert workers_per_gpu(FarmConfig(), [512, 512], [large]) == 8
    assert workers_per_gpu(FarmConfig(), [512, 512], [large, small]) == 2
    assert workers_per_gpu(FarmConfig(), [8192, 8192], [small]) == 1
    assert workers_per_gpu(FarmConfig(), [512, 512], []) == 4
    assert workers_per_gpu(FarmConfig(), [512, 512], [large, 0]) == 1, "MIG divides one"
    assert workers_per_gpu(FarmConfig(workers_per_gpu=3), [512, 512], [large]) == 3


@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 256))
def test_gpus_are_shared_in_equal_parts_that_all_fit(gpus, per_gpu, cpus):
    crew = plan_crew(0, 10**6, [Node(cpus, gpus, 1e15)], per_gpu)
    assert crew.workers == (cpus if cpus < gpus else gpus * min(per_gpu, cpus // gpus))
    assert crew.workers <= gpus * int(1 / crew.gpus + 1e-9)


GPU_NODES = st.lists(
    st.builds(Node, st.integers(1, 64), st.integers(1, 8), st.floats(0, 256e9)), min_size=1, max_size=5
)


@given(st.integers(0, 60), st.integers(1, 100), GPU_NODES, st.integers(1, 8))
def test_every_worker_finds_a_gpu_and_cores_wherever_ray_puts_the_others(wanted, most, nodes, per_gpu):
    crew = plan_crew(wanted, most, nodes, per_gpu)
    places = [min(node.gpus * int(1 / crew.gpus), int(node.cpus / crew.cpus + 1e-9)) for node in nodes]
    assert sum(places) >= crew.workers
    assert crew.threads <= min(node.cpus for node in nodes)


CPU_NODES = st.lists(st.builds(Node, st.integers(1, 64), st.just(0), st.floats(0, 256e9)), min_size=1, max_size=5)


def places(nodes: list[Node], cpus: float) -> int:
    """How many workers Ray can start, each with its cores on one machine."""
    return sum(int(node.cpus / cpus + 1e-9) for node in nodes)


@given(st.integers(0, 400), st.integers(1, 400), CPU_NODES)
def test_every_worker_finds_its_cores_on_one_of_several_machines_and_gets_as_many_as_let_it(wanted, most, nodes):
    crew = plan_crew(wanted, most, nodes)
    assert places(nodes, crew.cpus) >= crew.workers > places(nodes, crew.threads + 1)


def test_three_workers_of_two_machines_have_half_of_one_each_and_share_its_memory():
    crew = plan_crew(3, 1000, [Node(16, 0, 32e9)] * 2)
    assert (crew.workers, crew.threads, crew.cpus, crew.memory) == (3, 8, 8, 16e9)


def test_a_head_without_cores_takes_no_threads_from_the_workers():
    nodes = nodes_to_use([Node(0, 0, 4e9), *[Node(16, 1, 64e9)] * 4], Device.auto)
    crew = plan_crew(0, 1000, nodes, 4)
    assert (crew.workers, crew.threads, crew.cpus, crew.gpus) == (16, 4, 4, 0.25)


def test_machines_without_a_gpu_lend_no_cores_to_those_that_have_one():
    nodes = nodes_to_use([Node(16, 1, 64e9), *[Node(16, 0, 64e9)] * 3], Device.auto)
    crew = plan_crew(0, 1000, nodes, 8)
    assert (crew.workers, crew.threads, crew.cpus, crew.gpus) == (8, 2, 2, 0.125)


def test_gpus_are_left_out_of_a_plan_that_is_to_use_none():
    nodes = [Node(0, 0, 4e9), Node(16, 1, 64e9), Node(8, 0, 64e9)]
    assert nodes_to_use(nodes, Device.cpu) == [Node(16, 0, 64e9), Node(8, 0, 64e9)]
    assert nodes_to_use(nodes[:1], Device.auto) == [Node(1, 0, 4e9)]


@given(st.integers(1, 100), GPU_NODES, st.integers(1, 8))
def test_the_automatic_number_of_workers_leaves_no_gpu_fewer_than_others(most, nodes, per_gpu):
    gpus = sum(node.gpus for node in nodes)
    crew = plan_crew(0, most, nodes, per_gpu)
    assert crew.workers <= gpus or crew.workers % gpus == 0
    assert not crew.note


def test_a_number_of_workers_that_gpus_cannot_share_evenly_is_kept_and_told():
    nine = plan_crew(9, 1000, [Node(64, 8, 512e9)])
    assert (nine.workers, nine.gpus) == (9, 0.5)
    assert nine.note == (
        "farm.workers=9 does not divide evenly among 8 GPUs: the last ones get fewer workers, 3 of them none; "
        "say farm.workers=8 or 16"
    )
    assert plan_crew(9, 8, [Node(64, 8, 512e9)]).note == plan_crew(16, 1000, [Node(64, 8, 512e9)]).note == ""


def test_the_time_limit_of_a_record_grows_with_its_pixels_and_samples():
    config = shapes_config((512, 512))
    config.render.spp = 64
    small = time_limit(shapes_config((64, 64)), Task("render", (0,)), first=False, gpu=False)
    assert 300 < small < time_limit(config, Task("render", (0,)), first=False, gpu=False) < 3600
    config.farm.record_timeout_s = 7
    assert time_limit(config, Task("render", (0,)), first=True, gpu=False) == 7
    assert time_limit(config, Task("open"), first=True, gpu=False) > 60


def test_the_first_record_on_a_gpu_has_time_for_its_kernels_whatever_the_user_allows_a_record():
    config = shapes_config((64, 64))
    config.farm.record_timeout_s = 7
    assert time_limit(config, Task("render", (0,)), first=True, gpu=True) == 7 + OPEN_S
    assert time_limit(config, Task("render", (0,)), first=False, gpu=True) == 7


def test_by_default_too_only_the_first_record_on_a_gpu_has_time_for_kernels():
    config, task = shapes_config((64, 64)), Task("render", (0,))
    later = time_limit(config, task, first=False, gpu=True)
    assert time_limit(config, task, first=True, gpu=True) == later + OPEN_S
    assert time_limit(config, task, first=True, gpu=False) == later


def test_workers_take_cores_that_no_other_holds_and_give_them_back_when_they_die(tmp_path):
    code = (
        "import os, sys, pathlib; import synth.farm.cores as c; c.WAIT_S = 0; c.PLACE = pathlib.Path(sys.argv[1])\n"
        "there = len(os.sched_getaffinity(0))\n"
        "print(*c.take_cores(1, there), len(os.sched_getaffinity(0)), flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", code, str(tmp_path)]
    workers, cores = [], len(os.sched_getaffinity(0))
    for _ in range(cores + 1):
        workers.append(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        workers[-1].said = workers[-1].stdout.readline().split()
    taken = [worker.said[0] for worker in workers[:-1]]
    assert sorted(map(int, taken)) == sorted(os.sched_getaffinity(0))
    assert workers[-1].said == [str(cores)], "there was none left, so it is not pinned"
    workers[0].kill()
    workers[0].wait()
    again = subprocess.run(words, input="", capture_output=True, text=True, check=True)
    assert again.stdout.split()[0] == taken[0]
    for worker in workers[1:]:
        worker.communicate()


def test_a_worker_of_a_pod_that_has_a_share_of_all_cores_is_not_pinned_to_those_of_the_next_pod(tmp_path, monkeypatch):
    monkeypatch.setattr(cores, "PLACE", tmp_path)  # as each pod has a /tmp of its own
    there = os.sched_getaffinity(0)
    assert cores.take_cores(1, counted=len(there) - 1) == ()
    assert os.sched_getaffinity(0) == there


def test_the_scratch_of_dead_renders_is_deleted_and_that_of_living_ones_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "MEMORY", tmp_path)
    dead = subprocess.run(
        [sys.executable, "-c", "from synth.blender.scratch import scratch_prefix; print(scratch_prefix())"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    for name in (dead + "abc", scratch.scratch_prefix() + "abc", "synth-mine", "synth-1-1-of-another-container"):
        (tmp_path / name).mkdir()
    assert scratch.remove_stale_scratch() == [tmp_path / (dead + "abc")]
    assert len(list(tmp_path.iterdir())) == 3
