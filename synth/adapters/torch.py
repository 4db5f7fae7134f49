"""PyTorch: a map-style dataset, a stream of shuffled batches, and a loader that resumes. The door of torch.

Arrays become tensors of the same dtype; maps [H, W, C] become [C, H, W] unless channels_first=False; text stays str.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch.utils.data import DataLoader, IterableDataset, get_worker_info  # pyright: ignore[reportMissingImports]
from torch.utils.data import Dataset as TorchDataset  # pyright: ignore[reportMissingImports]

from synth.adapters.order import Order, Progress, own_batches
from synth.passes import PASSES
from synth.record import Record
from synth.storage.reader import Dataset, stacked

Transform = Callable[[Record], Any]


def tensors(arrays: Record, channels_first: bool = True) -> dict[str, Any]:
    """Tensors of a record's arrays, or of a batch's, which share the memory of those that are contiguous.

    Text becomes a str or a list of str; what is no array stays what it is.
    """
    return {name: _tensor(name, array, channels_first) for name, array in arrays.items()}


def _tensor(name: str, array: Any, channels_first: bool) -> Any:
    if not isinstance(array, np.ndarray | np.generic):
        return array
    if array.dtype == object:
        return [text.decode() for text in array.tolist()] if array.ndim else array.item().decode()
    tensor = torch.from_numpy(np.asarray(array, order="C"))  # pyright: ignore[reportAttributeAccessIssue]
    row = PASSES.get(name)
    return tensor.movedim(-1, -3) if channels_first and row and row.per_pixel and len(row.shape) == 3 else tensor


class Records(TorchDataset):
    """A dataset or view as a map-style dataset: its passes as tensors, for any sampler and DataLoader.

    transform: what makes a record's arrays [...] into what is wanted, numpy still; its arrays become tensors.
    """

    def __init__(self, dataset: Dataset, transform: Transform | None = None, channels_first: bool = True) -> None:
        self.dataset, self.transform, self.channels_first = dataset, transform, channels_first

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, position: int) -> Any:
        return _transformed(self.dataset[position], self.transform, self.channels_first)


class Batches(IterableDataset):
    """One epoch of shuffled batches, tensors [N, ...]; with `DataLoader(batches, batch_size=None, num_workers=W)`.

    The batches are the same for every W. Which epoch it is, and where in it: `progress`, which a checkpoint keeps
    and `Loader` moves on. transform: as of `Records`, but of arrays [N, ...]. With damaged="skip" a batch has fewer
    records, where some cannot be read, and is None where none can: `Loader` leaves it out.
    """

    def __init__(
        self, dataset: Dataset, order: Order, transform: Transform | None = None, channels_first: bool = True
    ) -> None:
        self.dataset, self.order, self.progress = dataset, order, Progress(order)
        self.transform, self.channels_first = transform, channels_first

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        batches = self.order.batches(self.progress.epoch)
        for k in own_batches(self.progress.batch, len(batches), number, workers):
            records = list(self.dataset[batches[k]])
            yield _transformed(stacked(records), self.transform, self.channels_first) if records else None

    def __len__(self) -> int:
        """How many batches are left of this epoch."""
        return len(self.order) - self.progress.batch


class Loader:
    """Shuffled batches of a dataset or view, epoch after epoch; each `for` loop is the rest of one epoch.

    Deterministic by (seed, epoch), whatever the number of workers. Of several ranks each gets its part: rank and
    ranks come from torch.distributed where that is initialised. `state_dict` in the loop says that the batch in hand
    is done; after `load_state_dict` the loop goes on with the next one, with any number of workers.

    window: so many shards are mixed at a time. drop_last: the same number of full batches for every rank.
    options: more of DataLoader's, such as pin_memory or multiprocessing_context.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        window: int = 8,
        drop_last: bool = False,
        rank: int | None = None,
        ranks: int | None = None,
        transform: Transform | None = None,
        channels_first: bool = True,
        num_workers: int = 0,
        **options: Any,
    ) -> None:
        if options.get("persistent_workers"):
            raise ValueError("persistent_workers would repeat an epoch: each one starts its own workers; leave it out")
        here, all_of_them = _ranks()
        order = Order(
            shard_numbers=dataset.shard_numbers(),
            batch_size=batch_size,
            seed=seed,
            rank=here if rank is None else rank,
            ranks=all_of_them if ranks is None else ranks,
            shuffle=shuffle,
            window=window,
            drop_last=drop_last,
        )
        self._batches = Batches(dataset, order, transform, channels_first)
        self._loader = DataLoader(self._batches, batch_size=None, num_workers=num_workers, **options)

    def __iter__(self) -> Iterator[Any]:
        for batch in self._loader:
            self._batches.progress.step()
            if batch is not None:
                yield batch

    def __len__(self) -> int:
        """How many batches are left of this epoch."""
        return len(self._batches)

    @property
    def epoch(self) -> int:
        """The epoch that the next batch is of, from 0."""
        return self._batches.progress.epoch

    def state_dict(self) -> dict[str, int | bool]:
        """Where the training is, for a checkpoint."""
        return self._batches.progress.state_dict()

    def load_state_dict(self, state: dict[str, int | bool]) -> None:
        """Go on where a checkpoint was. ValueError if its batches were others."""
        self._batches.progress.load_state_dict(state)


def _transformed(arrays: Record, transform: Transform | None, channels_first: bool) -> Any:
    out = transform(arrays) if transform else arrays
    return tensors(out, channels_first) if isinstance(out, dict) else out


def _ranks() -> tuple[int, int]:
    """This process's rank and the number of ranks; 0 of 1 where nothing is distributed."""
    distributed = torch.distributed  # pyright: ignore[reportAttributeAccessIssue]
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1
