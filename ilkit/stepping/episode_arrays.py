"""Whole episodes as arrays, padded to the longest of them."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, Int, PyTree, Shaped

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Spaces
from ilkit.stepping.host_episodes import Episode


class Episodes(NamedTuple):
    """Whole episodes as arrays, padded with zeros to the longest of them."""

    obs: PyTree[Shaped[np.ndarray, "episodes ..."]]
    """The observations, of shape (episodes, steps + 1, *observation), or a dictionary of them."""
    intended: np.ndarray
    """The actions that the policy chose, of shape (episodes, steps, *action)."""
    executed: np.ndarray
    """The actions that the environment took: with the noise, clipped to the action space."""
    rewards: Float[np.ndarray, "episodes steps"]
    terminated: Bool[np.ndarray, " episodes"]
    """Whether the environment ended an episode."""
    truncated: Bool[np.ndarray, " episodes"]
    """Whether the time limit cut an episode that hadn't terminated."""
    lengths: Int[np.ndarray, " episodes"]
    spaces: Spaces
    success: Float[np.ndarray, " episodes"] | None = None
    """1 for an episode that succeeded, 0 for one that didn't, NaN where the environment didn't say; none of compiled
    environments, which don't."""
    states: PyTree = None
    """The states of the first episode, steps + 1 of them, to be drawn; none where the environment is on the host."""

    @property
    def returns(self) -> Float[np.ndarray, " episodes"]:
        """The undiscounted sum of rewards of each episode."""
        returns: np.ndarray = self.rewards.sum(axis=1, dtype=np.float64)
        return returns

    def demonstrations(self, label: str = "intended") -> Demonstrations:
        """The episodes one after the other, labeled with the actions `intended` or `executed`."""
        steps = np.arange(self.rewards.shape[1] + 1)
        taken, observed = steps[None, :-1] < self.lengths[:, None], steps[None, :] <= self.lengths[:, None]
        executed = self.executed[taken]
        labels = self.intended[taken] if label == "intended" else executed
        return Demonstrations(
            jax.tree.map(lambda rows: rows[observed], self.obs),
            labels,
            self.rewards[taken],
            self.terminated,
            self.truncated,
            self.lengths,
            spaces=self.spaces,
            executed=None if np.array_equal(labels, executed) else executed,
        )


def stacked(episodes: Sequence[Episode], spaces: Spaces) -> Episodes:
    """Episodes of the host as arrays."""
    lengths = np.asarray([len(one.rewards) for one in episodes], np.int32)
    longest = int(lengths.max())

    def padded(name: str, length: int) -> PyTree:
        return jax.tree.map(
            lambda *rows: np.stack([_padded(row, length, axis=0) for row in rows]),
            *(getattr(one, name) for one in episodes),
        )

    terminated = np.asarray([one.terminated for one in episodes])
    intended, executed, rewards = (padded(name, longest) for name in ("intended", "executed", "rewards"))
    obs = padded("obs", longest + 1)
    success = np.asarray([one.success for one in episodes], np.float32)
    return Episodes(obs, intended, executed, rewards, terminated, ~terminated, lengths, spaces, success)


def concatenated(parts: list[Episodes], num_episodes: int) -> Episodes:
    """The first episodes of several parts, as many as that."""
    longest = max(part.rewards.shape[1] for part in parts)

    def joined(name: str, length: int | None = None) -> PyTree:
        def join(*columns: np.ndarray) -> np.ndarray:
            padded = columns if length is None else [_padded(column, length, axis=1) for column in columns]
            return np.concatenate(padded)[:num_episodes]

        return jax.tree.map(join, *(getattr(part, name) for part in parts))

    by_step = (joined(name, longest) for name in ("intended", "executed", "rewards"))
    by_episode = (joined(name) for name in ("terminated", "truncated", "lengths"))
    intended, executed, rewards, terminated, truncated, lengths = (*by_step, *by_episode)
    obs = joined("obs", longest + 1)
    return Episodes(obs, intended, executed, rewards, terminated, truncated, lengths, parts[0].spaces)


def _padded(rows: np.ndarray, length: int, axis: int) -> np.ndarray:
    return np.pad(rows, [(0, (length - size) * (at == axis)) for at, size in enumerate(rows.shape)])
