"""Laws of the order in which a training sees records: numpy alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.adapters.order import Order, Progress, own_batches

SHARDS = np.repeat([0, 1, 2, 5, 6], [4, 4, 3, 4, 2])
orders = st.fixed_dictionaries(
    {
        "shard_numbers": st.lists(st.integers(1, 6), max_size=8).map(
            lambda counts: np.repeat(range(len(counts)), counts)
        ),
        "batch_size": st.integers(1, 7),
        "seed": st.integers(0, 3),
        "shuffle": st.booleans(),
        "window": st.integers(1, 4),
    }
)


def of_ranks(ranks: int, **words) -> list[Order]:
    return [Order(rank=rank, ranks=ranks, **words) for rank in range(ranks)]


@given(orders, st.integers(1, 5), st.integers(0, 3), st.integers(0, 4))
def test_every_record_is_read_once_per_epoch_over_all_ranks_and_workers(words, ranks, workers, epoch):
    seen = []
    for order in of_ranks(ranks, **words):
        batches = order.batches(epoch)
        assert len(batches) == len(order)
        for worker in range(max(1, workers)):
            seen += [position for k in own_batches(0, len(batches), worker, max(1, workers)) for position in batches[k]]
    assert sorted(seen) == list(range(len(words["shard_numbers"])))


@given(orders, st.integers(1, 5))
def test_no_rank_has_more_than_one_record_more_than_another(words, ranks):
    counts = [len(order.positions(0)) for order in of_ranks(ranks, **words)]
    assert max(counts) - min(counts) <= 1


@given(orders, st.integers(1, 5))
def test_with_drop_last_all_ranks_have_equally_many_full_batches(words, ranks):
    sizes = [[len(batch) for batch in order.batches(1)] for order in of_ranks(ranks, drop_last=True, **words)]
    assert all(row == sizes[0] for row in sizes)
    assert set(sizes[0]) <= {words["batch_size"]}


def test_seed_and_epoch_decide_the_order():
    positions = {(seed, epoch): tuple(Order(shard_numbers=SHARDS, batch_size=2, seed=seed).positions(epoch))
                 for seed in (0, 1) for epoch in (0, 1)}  # fmt: skip
    assert len(set(positions.values())) == 4
    assert positions[1, 1] == tuple(Order(shard_numbers=SHARDS, batch_size=5, seed=1).positions(1))


def test_without_shuffle_the_order_is_the_datasets():
    parts = [order.positions(3).tolist() for order in of_ranks(3, shard_numbers=SHARDS, batch_size=2, shuffle=False)]
    assert [position for part in parts for position in part] == list(range(len(SHARDS)))


@pytest.mark.parametrize("window", [1, 2, 3])
def test_at_any_time_no_more_shards_are_open_than_the_window_has(window):
    shards = np.repeat(np.arange(12), 10)
    turns = shards[Order(shard_numbers=shards, batch_size=4, window=window).positions(0)]
    for k in range(0, 120, 10 * window):
        assert len(set(turns[k : k + 10 * window])) == window


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_the_windows_of_a_rank_begin_at_its_first_shard(rank):
    shards = np.repeat(np.arange(15), 40)
    turns = shards[Order(shard_numbers=shards, batch_size=4, window=3, rank=rank, ranks=3).positions(0)]
    assert [len(set(turns[k : k + 120])) for k in (0, 120)] == [3, 2]


def test_a_window_is_mixed():
    shards = np.repeat(np.arange(4), 200)
    turns = shards[Order(shard_numbers=shards, batch_size=4, window=4).positions(0)]
    counts = np.bincount(turns[:400], minlength=4)
    assert (abs(counts - 100) < 40).all()  # five standard deviations


@given(orders, st.integers(0, 5), st.integers(1, 4))
def test_workers_in_turn_give_the_batches_in_order(words, first, workers):
    count = len(Order(**words))
    queues = [list(own_batches(first, count, worker, workers)) for worker in range(workers)]
    order = [queue.pop(0) for _ in range(count) for queue in queues if queue]
    assert order == list(range(first, count))


@given(orders, st.integers(0, 30))
def test_a_training_that_stops_anywhere_goes_on_with_the_next_batch(words, done):
    order = Order(**words)
    if not len(order):
        return
    whole = [tuple(batch) for epoch in range(40) for batch in order.batches(epoch)]
    progress = Progress(order)
    for _ in range(done):
        progress.step()
    later = Progress(Order(**words))
    later.load_state_dict(progress.state_dict())
    rest = order.batches(later.epoch)[later.batch :]
    assert [tuple(batch) for batch in rest] == whole[done : done + len(rest)]
    assert rest


def test_a_checkpoint_of_a_rank_with_a_batch_more_begins_the_next_epoch_on_one_with_fewer():
    short, long = (Progress(order) for order in of_ranks(2, shard_numbers=SHARDS, batch_size=8))
    for _ in range(len(long.order) - 1):
        long.step()
    assert long.batch == len(short.order)
    short.load_state_dict(long.state_dict())
    assert (short.epoch, short.batch) == (1, 0)


@pytest.mark.parametrize(
    ("name", "value"), [("batch_size", 3), ("seed", 9), ("ranks", 2), ("shard_numbers", SHARDS[1:])]
)
def test_a_checkpoint_of_another_order_is_refused_by_name(name, value):
    words = {"shard_numbers": SHARDS, "batch_size": 2}
    state = Progress(Order(**words)).state_dict()
    with pytest.raises(ValueError, match="records" if name == "shard_numbers" else name):
        Progress(Order(**words | {name: value})).load_state_dict(state)


@pytest.mark.parametrize("words", [{"batch_size": 0}, {"window": 0}, {"ranks": 0}, {"rank": 1}, {"rank": -1}])
def test_an_order_of_nothing_is_refused(words):
    with pytest.raises(ValueError, match=next(iter(words))):
        Order(**{"shard_numbers": SHARDS, "batch_size": 2} | words)
