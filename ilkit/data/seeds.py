"""What several training runs have learnt, one run per seed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

import equinox as eqx
import jax
import numpy as np

T = TypeVar("T", covariant=True)


class Learnt(eqx.Module):
    """Whatever is learnt from data or trials: every training seed has one of its own."""


class Snapshots(eqx.Module, Generic[T]):
    """What training would have made, had it ended earlier: at its start, and a few times before its end.

    Every array of `stacked` has an axis of snapshots, and then one of seeds.
    """

    stacked: T
    steps: np.ndarray
    """The steps after which each was made, of shape (snapshots,); the first is 0."""
    env_steps: np.ndarray
    """The same in steps of the environment."""

    def __len__(self) -> int:
        return len(self.steps)

    def part(self, name: str | None) -> "Snapshots[Any]":
        """The snapshots of one of several things that were learnt at once, by its name; of all where there is none."""
        return self if name is None else Snapshots(getattr(self.stacked, name), self.steps, self.env_steps)

    def __iter__(self) -> "Iterator[Seeds[T]]":
        for index in range(len(self)):
            one = jax.tree.map(lambda leaf, index=index: leaf[index] if eqx.is_array(leaf) else leaf, self.stacked)
            yield Seeds(one, {}, len(jax.tree.leaves(eqx.filter(one, eqx.is_array))[0]))


class Seeds(eqx.Module, Generic[T]):
    """One learnt thing per training seed, stacked: every array has a leading seed axis.

    `seeds[0]` is the thing learnt by the first seed. A stage that declares `T` sees one seed at a time;
    one that declares `Seeds[T]` sees them all.
    """

    stacked: T
    curves: Mapping[str, np.ndarray]
    """Learning curves: `step` and, if the environment was stepped, `env_steps` of shape (points,); every other
    entry (such as `loss`, `return`) of shape (seeds, points)."""
    num_seeds: int = eqx.field(static=True)
    snapshots: Snapshots[T] | None = None
    """What was kept on the way; none where no snapshots were asked for."""

    def __len__(self) -> int:
        return self.num_seeds

    def __getitem__(self, index: int) -> T:
        if not -self.num_seeds <= index < self.num_seeds:
            raise IndexError(f"There are {self.num_seeds} seeds, got index {index}.")
        return jax.tree.map(lambda leaf: leaf[index] if eqx.is_array(leaf) else leaf, self.stacked)

    def __iter__(self) -> Iterator[T]:
        return (self[index] for index in range(self.num_seeds))


def pooled(parts: Sequence[Seeds[T]]) -> Seeds[T]:
    """Several sets of training runs as one, the seeds of each after those of the one before it.

    **Raises:** `ValueError` where they are of other structures or lengths.
    """

    def together(*rows: Any) -> Any:
        return np.concatenate(rows) if eqx.is_array(rows[0]) else rows[0]

    stacked = jax.tree.map(together, *(part.stacked for part in parts))
    steps = {name: steps for name, steps in parts[0].curves.items() if name in ("step", "env_steps")}
    curves = {name: np.concatenate([part.curves[name] for part in parts]) for name in parts[0].curves.keys() - steps}
    return Seeds(stacked, steps | curves, sum(len(part) for part in parts))
