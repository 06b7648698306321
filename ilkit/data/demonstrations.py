"""Recorded episodes."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ilkit.data.spaces import Spaces
from ilkit.errors import DataError

_FINE_FROM = 1 << 16


class Transitions(NamedTuple):
    """Steps of all episodes, one a row, padded to a round number; only the first `count` rows are valid.

    The capacity is static and the count is traced, so that one more episode recompiles nothing.
    """

    obs: Float[Array, "capacity obs"]
    actions: Array
    rewards: Float[Array, " capacity"]
    terminated: Bool[Array, " capacity"]
    episode: Int[Array, " capacity"]
    """The number of the episode that a row belongs to."""
    count: Int[Array, ""]  # type: ignore[assignment]
    num_episodes: Int[Array, ""]

    @property
    def valid(self) -> Bool[Array, " capacity"]:
        """Which rows are valid."""
        return jnp.arange(self.obs.shape[0]) < self.count


class Demonstrations(eqx.Module):
    """Episodes as flat arrays, one after the other: T + 1 observations and T actions each."""

    obs: Float[np.ndarray, "num_obs obs"]
    actions: np.ndarray
    rewards: Float[np.ndarray, " num_steps"]
    terminated: Bool[np.ndarray, " num_episodes"]
    """Whether the environment ended an episode."""
    truncated: Bool[np.ndarray, " num_episodes"]
    """Whether a time limit cut an episode."""
    lengths: Int[np.ndarray, " num_episodes"]
    """The number of actions of each episode."""
    spaces: Spaces = eqx.field(static=True)

    def __check_init__(self) -> None:
        if isinstance(self.lengths, np.ndarray):  # not inside a transformation of a pytree
            self.check()

    def check(self) -> None:
        """Checks that the arrays agree.

        **Raises:** `DataError` where an episode has no step, or an array another number of rows than the lengths say.
        """
        if (self.lengths < 1).any():
            episode = int((self.lengths < 1).argmax())
            raise DataError(
                f"Every episode must have at least one step, got {self.lengths[episode]} in episode {episode}. "
                "Leave it out."
            )
        steps, episodes = int(self.lengths.sum()), len(self.lengths)
        _check_rows("obs", self.obs, steps + episodes, "one more than actions in every episode")
        _check_rows("actions", self.actions, steps, "the sum of lengths")
        _check_rows("rewards", self.rewards, steps, "the sum of lengths")
        _check_rows("terminated", self.terminated, episodes, "one an episode")
        _check_rows("truncated", self.truncated, episodes, "one an episode")

    @property
    def num_episodes(self) -> int:
        """The number of episodes."""
        return len(self.lengths)

    @property
    def num_steps(self) -> int:
        """The number of actions in all episodes."""
        return int(self.lengths.sum())

    @property
    def returns(self) -> Float[np.ndarray, " num_episodes"]:
        """The undiscounted sum of rewards of each episode."""
        return np.add.reduceat(self.rewards.astype(np.float64), np.cumsum(self.lengths) - self.lengths)

    def next_obs(self) -> Float[np.ndarray, "num_steps obs"]:
        """The observation after each action."""
        starts = np.cumsum(self.lengths + 1) - (self.lengths + 1)
        return np.delete(self.obs, starts, axis=0)

    def transitions(self) -> Transitions:
        """All steps as rows, on the device, padded to a round number of them."""
        steps, episodes = self.num_steps, self.num_episodes
        capacity = _capacity(steps)
        episode = np.repeat(np.arange(episodes, dtype=np.int32), self.lengths)
        first = np.arange(steps) + episode  # every earlier episode has one observation more than actions
        terminated = np.zeros(steps, bool)
        terminated[np.cumsum(self.lengths) - 1] = self.terminated

        def pad(rows: np.ndarray, taken: np.ndarray | None = None) -> Array:
            padded = _aligned((capacity, *rows.shape[1:]), rows.dtype)
            if taken is None:
                padded[:steps] = rows
            else:
                np.take(rows, taken, axis=0, out=padded[:steps], mode="clip")  # other modes copy once more
            padded[steps:] = 0
            return jax.device_put(padded)

        return Transitions(
            pad(self.obs, first),
            pad(self.actions),
            pad(self.rewards),
            pad(terminated),
            pad(episode),
            jnp.asarray(steps, jnp.int32),
            jnp.asarray(episodes, jnp.int32),
        )


def _capacity(count: int) -> int:
    """The next power of two; above 2¹⁶ the next multiple of an eighth of the last one, which wastes less memory."""
    unit = 1 << max(count - 1, 0).bit_length()
    if count > _FINE_FROM:
        unit >>= 4
    return -(-count // unit) * unit


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array that JAX takes over on a CPU without a copy."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(dtype).reshape(shape)


def concatenate(parts: list[Demonstrations]) -> Demonstrations:
    """The episodes of all the parts, in their order."""

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    return Demonstrations(
        obs=joined("obs"),
        actions=joined("actions"),
        rewards=joined("rewards"),
        terminated=joined("terminated"),
        truncated=joined("truncated"),
        lengths=joined("lengths"),
        spaces=parts[0].spaces,
    )


def _check_rows(name: str, rows: np.ndarray, expected: int, rule: str) -> None:
    if len(rows) != expected:
        raise DataError(f"{name} must have {expected} rows ({rule}), got {len(rows)}.")
