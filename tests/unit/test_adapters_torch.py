"""Laws of the PyTorch adapters, with real data loaders."""

import warnings
from itertools import chain

import numpy as np
import pytest
from storage_records import make_dataset

import synth
from synth.passes import PASSES

torch = pytest.importorskip("torch", reason="torch is not installed")

COUNT, PER_SHARD = 23, 4


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("torch")
    names = (
        "image",
        "depth",
        "normal",
        "landmarks/visible",
        "camera/K",
        "meta/index",
        "meta/identity_index",
        "meta/spec",
    )
    make_dataset(folder, COUNT, PER_SHARD, names=names)
    return synth.open_dataset(folder)


def indices(batches) -> list[list[int]]:
    return [batch["meta/index"].tolist() for batch in batches]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_map_style_dataset_gives_the_records_through_a_data_loader(dataset, workers):
    from synth.adapters.torch import Records

    loader = torch.utils.data.DataLoader(Records(dataset[::-1]), batch_size=5, num_workers=workers)
    batches = list(loader)
    assert indices(batches) == [list(range(k, max(k - 5, -1), -1)) for k in range(COUNT - 1, -1, -5)]
    first = batches[0]
    assert first["image"].shape == (5, 3, 24, 40)
    assert first["depth"].shape == (5, 24, 40)
    assert first["meta/spec"][0] == dataset[COUNT - 1]["meta/spec"].item().decode()
    for name in ("image", "normal", "landmarks/visible", "camera/K"):
        ours = dataset[COUNT - 2][name]
        theirs = first[name][1].movedim(0, -1) if PASSES[name].per_pixel else first[name][1]
        assert theirs.numpy().dtype == ours.dtype
        np.testing.assert_array_equal(theirs.numpy(), ours)


@pytest.mark.parametrize("workers", [0, 2])
def test_each_record_once_per_epoch_in_the_same_order_for_any_number_of_workers(dataset, workers):
    from synth.adapters.torch import Loader

    loader = Loader(dataset, 5, seed=3, num_workers=workers)
    epochs = [indices(loader) for _ in range(2)]
    for epoch, batches in enumerate(epochs):
        order = loader._batches.order.batches(epoch)
        assert batches == [dataset[positions].indices().tolist() for positions in order]
        assert sorted(chain.from_iterable(batches)) == list(range(COUNT))
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize("workers", [0, 2])
def test_ranks_share_the_records(dataset, workers):
    from synth.adapters.torch import Loader

    seen = [index for rank in range(3) for batch in indices(Loader(dataset, 4, rank=rank, ranks=3, num_workers=workers))
            for index in batch]  # fmt: skip
    assert sorted(seen) == list(range(COUNT))


@pytest.mark.parametrize(("before", "after"), [(0, 0), (0, 2), (2, 0), (2, 2)])
def test_a_resumed_loader_goes_on_with_the_next_batch_with_any_number_of_workers(dataset, before, after):
    from synth.adapters.torch import Loader

    whole = Loader(dataset, 5, seed=1)
    expected = [batch for _ in range(2) for batch in indices(whole)]
    first = Loader(dataset, 5, seed=1, num_workers=before)
    seen = []
    for batch in first:
        seen.append(batch["meta/index"].tolist())
        if len(seen) == 2:
            break
    second = Loader(dataset, 5, seed=1, num_workers=after)
    second.load_state_dict(first.state_dict())
    assert len(second) == 3
    assert seen + indices(second) + indices(second) == expected
    assert second.epoch == 2


def double_the_depth(batch):
    return {"depth": 2 * batch["depth"], "meta/index": batch["meta/index"]}


def test_a_transform_sees_numpy_batches_and_spawned_workers_run_it(dataset):
    from synth.adapters.torch import Loader

    options = {"num_workers": 1, "multiprocessing_context": "spawn"}
    (batch,) = Loader(dataset[:3], 3, shuffle=False, transform=double_the_depth, **options)
    np.testing.assert_array_equal(batch["depth"].numpy(), 2 * dataset[:3].column("depth"))


def test_a_view_is_loaded_like_a_dataset(dataset):
    from synth.adapters.torch import Loader

    view = dataset.where(lambda column: column("meta/index") % 3 == 0).select(["meta/index"])
    assert sorted(chain.from_iterable(indices(Loader(view, 4)))) == list(range(0, COUNT, 3))


def test_a_loader_leaves_out_what_is_damaged_if_told_so(tmp_path):
    from synth.adapters.torch import Loader

    manifest = make_dataset(tmp_path, 9, 4, names=("image", "meta/index", "meta/identity_index", "meta/spec"))
    (tmp_path / manifest.shards[1].file).unlink()  # records 4 to 7
    loader = Loader(synth.open_dataset(tmp_path, "meta/index", damaged="skip"), 9)
    with pytest.warns(UserWarning, match="is skipped"):
        assert sorted(chain.from_iterable(indices(loader))) == [0, 1, 2, 3, 8]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_of_which_all_is_damaged_is_left_out_and_the_epoch_ends(tmp_path, workers):
    from synth.adapters.torch import Loader

    manifest = make_dataset(tmp_path, 9, 4, names=("image", "meta/index", "meta/identity_index", "meta/spec"))
    (tmp_path / manifest.shards[1].file).unlink()  # records 4 to 7
    loader = Loader(synth.open_dataset(tmp_path, "meta/index", damaged="skip"), 2, shuffle=False, num_workers=workers)
    with warnings.catch_warnings(record=True):  # workers warn in their own process
        warnings.simplefilter("always")
        assert indices(loader) == [[0, 1], [2, 3], [8]]
    assert (loader.epoch, len(loader)) == (1, 5)


def test_a_transform_may_mirror_and_may_add_what_is_no_array(dataset):
    from synth.adapters.torch import Records

    mirrored = Records(dataset, lambda record: {"image": record["image"][:, ::-1], "weight": 0.5, "name": "a"})[2]
    np.testing.assert_array_equal(mirrored["image"].movedim(0, -1).numpy()[:, ::-1], dataset[2]["image"])
    assert (mirrored["weight"], mirrored["name"]) == (0.5, "a")


def test_workers_that_would_repeat_an_epoch_are_refused(dataset):
    from synth.adapters.torch import Loader

    with pytest.raises(ValueError, match="persistent_workers"):
        Loader(dataset, 2, num_workers=1, persistent_workers=True)
