"""Chance: one generator per (seed, index, named stream), so that a record depends on nothing else.

Streams are independent: drawing more numbers for the light does not move the camera.
"""

import hashlib
from dataclasses import dataclass

import numpy as np


def rng(seed: int, index: int, stream: str) -> np.random.Generator:
    """The generator of the stream of that name for record (or identity) `index`."""
    name = int.from_bytes(hashlib.sha256(stream.encode()).digest()[:8], "little")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(index, name))))


@dataclass(frozen=True, slots=True)
class Streams:
    """The generators of one record: its own, and those that it shares with the other views of its identity."""

    seed: int
    index: int
    views_per_identity: int = 1

    @property
    def identity_index(self) -> int:
        return self.index // self.views_per_identity

    def of_record(self, stream: str) -> np.random.Generator:
        """The generator of what belongs to this record alone: pose, light, camera, expression."""
        return rng(self.seed, self.index, stream)

    def of_identity(self, stream: str) -> np.random.Generator:
        """The generator of what all views of this identity share: shape, albedo, hair."""
        return rng(self.seed, self.identity_index, "identity/" + stream)

    def cycles_seed(self) -> int:
        """Cycles' own seed for this record, int31: every image gets its own noise."""
        return int(self.of_record("cycles").integers(2**31))


def between(rng: np.random.Generator, bounds: list[float]) -> float:
    """Uniform in [from, to], the way configs give ranges."""
    low, high = bounds
    return float(rng.uniform(low, high))


def log_between(rng: np.random.Generator, bounds: list[float]) -> float:
    """Log-uniform in [from, to], both positive."""
    low, high = bounds
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
