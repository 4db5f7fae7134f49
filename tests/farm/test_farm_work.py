"""Planning without Ray: which task comes next, and how a machine is shared."""

from hypothesis import given
from hypothesis import strategies as st

from synth.farm.crew import WORKER_BYTES, plan_crew
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
    assert assembled == plans
    for plan in plans:
        last = [i for i, t in enumerate(tasks) if t.method == "render" and t.args[0] // per_shard == plan.number]
        assert tasks.index(Task("assemble", (plan, None))) > max(last, default=-1)


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
    crew = plan_crew(wanted, most, cpus, cpus, gpus, memory)
    assert 1 <= crew.workers <= most
    assert crew.threads >= 1
    assert crew.workers * crew.cpus <= cpus
    assert crew.workers * crew.gpus <= gpus
    assert wanted or crew.workers * WORKER_BYTES <= max(memory, WORKER_BYTES)
    assert crew.workers > cpus or crew.workers * crew.threads <= cpus


def test_two_cores_are_two_workers_of_one_thread():
    crew = plan_crew(0, 16, 2, 2, 0, 20e9)
    assert (crew.workers, crew.threads, crew.cpus, crew.gpus) == (2, 1, 1, 0)


def test_one_worker_has_all_cores():
    assert plan_crew(1, 16, 8, 8, 0, 20e9).threads == 8
