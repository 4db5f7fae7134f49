"""Which records make which batch of which epoch: numpy alone, the same on every machine."""

from dataclasses import dataclass

import numpy as np

from synth.rng import rng


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Order:
    """The batches of one rank of a training, as a function of (seed, epoch).

    Every record is in one batch of one rank, once per epoch. The order of batches does not depend on how many
    workers read them. Shards are drawn in random order and shared out to the ranks as runs; the records of each
    `window` shards in a row, from a rank's first on, are mixed. So a worker has few files open, and a rank reads few.

    shard_numbers: int64 [N], the shard of the record at each position.
    drop_last: leave out records that fill no batch, so that every rank has as many batches as the others and all
    of one size; without it ranks may differ by one batch, and the last one is smaller.
    """

    shard_numbers: np.ndarray
    batch_size: int
    seed: int = 0
    rank: int = 0
    ranks: int = 1
    shuffle: bool = True
    window: int = 8
    drop_last: bool = False

    def __post_init__(self) -> None:
        for name in ("batch_size", "ranks", "window"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.rank < self.ranks:
            raise ValueError(f"rank must be from 0 to {self.ranks - 1}, got {self.rank}")

    def __len__(self) -> int:
        """How many batches an epoch of this rank has."""
        count = len(self.shard_numbers)
        if self.drop_last:
            return count // self.ranks // self.batch_size
        return -(-(self._bound(self.rank + 1) - self._bound(self.rank)) // self.batch_size)

    def positions(self, epoch: int) -> np.ndarray:
        """int64 [n]: positions of this rank's records in the order of that epoch, those of all batches in a row."""
        part = slice(self._bound(self.rank), self._bound(self.rank + 1))
        if not self.shuffle:
            return np.arange(part.start, part.stop)
        generator = rng(self.seed, epoch, "order of training")
        _, shards = np.unique(self.shard_numbers, return_inverse=True)
        turn = generator.permutation(shards.max(initial=-1) + 1)[shards]  # of each record's shard
        first, second = generator.random((2, len(shards)))
        own = np.lexsort((first, turn))[part]
        since = turn[own] - turn[own[:1]].sum()  # shards since the rank's first one; own may be empty
        return own[np.lexsort((second[own], since // self.window))]

    def batches(self, epoch: int) -> list[np.ndarray]:
        """The epoch's batches: positions, int64 [batch_size] each."""
        positions = self.positions(epoch)
        return [positions[k * self.batch_size : (k + 1) * self.batch_size] for k in range(len(self))]

    def fingerprint(self) -> dict[str, int | bool]:
        """What must be the same for a training to go on where it stopped, whatever its workers."""
        names = ("batch_size", "seed", "ranks", "shuffle", "window", "drop_last")
        return {"records": len(self.shard_numbers)} | {name: getattr(self, name) for name in names}

    def _bound(self, rank: int) -> int:
        return rank * len(self.shard_numbers) // self.ranks


def own_batches(first: int, count: int, worker: int, workers: int) -> range:
    """Numbers of the batches that a worker reads of batches first to count - 1.

    PyTorch takes a batch of each worker in turn, so the batches come out in their order.
    """
    return range(first + worker, count, workers)


class Progress:
    """Where a training is: its epoch, and the batch of it that is next. Survives in a checkpoint."""

    def __init__(self, order: Order) -> None:
        self.order, self.epoch, self.batch = order, 0, 0

    def step(self) -> None:
        """A batch is done; after the last one the next epoch begins."""
        self.batch += 1
        if self.batch >= len(self.order):
            self.epoch, self.batch = self.epoch + 1, 0

    def state_dict(self) -> dict[str, int | bool]:
        """Plain numbers, fit for a checkpoint."""
        return {"epoch": self.epoch, "batch": self.batch, **self.order.fingerprint()}

    def load_state_dict(self, state: dict[str, int | bool]) -> None:
        """Go on where another one was. ValueError names what differs, because batches would not be the same.

        Of a rank that has a batch more, its last one may be next: where this one has none, the next epoch begins.
        """
        differing = {k: v for k, v in self.order.fingerprint().items() if state.get(k) != v}
        for name, ours in differing.items():
            raise ValueError(
                f"the checkpoint's {name} is {state.get(name)}, this training's is {ours}; make them equal"
            )
        self.epoch, self.batch = int(state["epoch"]), int(state["batch"])
        if self.batch >= max(1, len(self.order)):
            self.epoch, self.batch = self.epoch + 1, 0
