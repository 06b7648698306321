"""A memory of whole episodes that are worth repeating: the newest replace the oldest, and steps of them are drawn."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.spaces import Spaces, zeros
from ilkit.data.windows import Window
from ilkit.stepping.records import Outcome


class Ends(NamedTuple):
    """The episodes that end in a rollout; time and environments lead."""

    ended: Bool[Array, "time envs"]
    lengths: Int[Array, "time envs"]
    """How long an episode was that ends here."""
    returns: Float[Array, "time envs"]


class Underway(NamedTuple):
    """The last steps of every environment, so that an episode is whole when it ends; time and environments lead."""

    obs: PyTree
    actions: Array
    lengths: Int[Array, " envs"]
    reward_sums: Float[Array, " envs"]

    @classmethod
    def empty(cls, max_steps: int, num_envs: int, spaces: Spaces) -> "Underway":
        """No step taken yet."""
        obs, actions = (
            jax.tree.map(lambda row: jnp.zeros((max_steps, num_envs, *row.shape), row.dtype), zeros(space))
            for space in (spaces.observation, spaces.action)
        )
        return cls(obs, actions, jnp.zeros(num_envs, jnp.int32), jnp.zeros(num_envs))

    def add(self, obs: PyTree, actions: Array, outcome: Outcome) -> tuple["Underway", "Underway", Ends]:
        """What is under way after a rollout, the last steps together with it, and the episodes that end in it."""

        def step(carried: tuple[Array, Array], given: tuple[Array, Array]) -> tuple[tuple[Array, Array], Ends]:
            rewards, ended = given
            lengths, sums = carried[0] + 1, carried[1] + rewards
            following = jnp.where(ended, 0, lengths), jnp.where(ended, 0.0, sums)
            return following, Ends(ended, lengths, sums)

        ended = outcome.terminated | outcome.truncated
        (lengths, sums), ends = jax.lax.scan(step, (self.lengths, self.reward_sums), (outcome.rewards, ended))
        seen, done = jax.tree.map(
            lambda old, new: jnp.concatenate([old, new]), (self.obs, self.actions), (obs, actions)
        )
        kept_obs, kept_actions = jax.tree.map(lambda rows: rows[-len(self.actions) :], (seen, done))
        return Underway(kept_obs, kept_actions, lengths, sums), Underway(seen, done, lengths, sums), ends


class SuccessMemory(eqx.Module):
    """A ring of episodes, each padded to the longest that there can be."""

    obs: PyTree
    """The observation before each action: episodes, then steps."""
    actions: Array
    lengths: Int[Array, " capacity"]
    """How many steps an episode has; 0 where there is none yet."""
    count: Int[Array, ""]
    """How many episodes were ever added."""

    @classmethod
    def empty(cls, capacity: int, max_steps: int, spaces: Spaces) -> "SuccessMemory":
        """A memory for episodes of these spaces."""
        obs, actions = (
            jax.tree.map(lambda row: jnp.zeros((capacity, max_steps, *row.shape), row.dtype), zeros(space))
            for space in (spaces.observation, spaces.action)
        )
        return cls(obs, actions, jnp.zeros(capacity, jnp.int32), jnp.zeros((), jnp.int32))

    @property
    def capacity(self) -> int:
        """How many episodes it holds at most."""
        return len(self.lengths)

    @property
    def num_held(self) -> Int[Array, ""]:
        """How many episodes it holds."""
        return jnp.minimum(self.count, self.capacity)

    def add(self, steps: Underway, ends: Ends, chosen: Bool[Array, "time envs"]) -> "SuccessMemory":
        """Adds the chosen ones of the episodes that end in a rollout; where they are too many, the first of them."""
        size = min(chosen.size, self.capacity)
        number = jnp.arange(size)
        at, env = jnp.nonzero(chosen, size=size, fill_value=0)
        there = number < jnp.sum(chosen)
        lengths = jnp.minimum(ends.lengths[at, env], self.actions.shape[1])
        before = len(steps.actions) - len(chosen)
        first = before + at + 1 - lengths
        rows = jnp.clip(first[:, None] + jnp.arange(self.actions.shape[1]), 0, len(steps.actions) - 1)
        places = jnp.where(there, (self.count + number) % self.capacity, self.capacity)

        def put(held: Array, stepped: Array) -> Array:
            return held.at[places].set(stepped[rows, env[:, None]], mode="drop")

        obs = jax.tree.map(put, self.obs, steps.obs)
        kept = self.lengths.at[places].set(lengths, mode="drop")
        return SuccessMemory(obs, put(self.actions, steps.actions), kept, self.count + jnp.sum(there))

    def draw(self, batch_size: int, past: int, ahead: int, *, key: PRNGKeyArray) -> Window:
        """Draws steps uniformly, with those around them; of an empty memory zeros, which mean nothing."""
        cumulative = jnp.cumsum(self.lengths)
        bits = jax.random.bits(key, (batch_size,), jnp.uint32)
        position = (bits % jnp.maximum(cumulative[-1], 1).astype(jnp.uint32)).astype(jnp.int32)
        episode = jnp.minimum(jnp.searchsorted(cumulative, position, side="right"), self.capacity - 1)
        lengths = self.lengths[episode]
        step = position - (cumulative[episode] - lengths)
        offsets = jnp.arange(-past, ahead + 1)
        around = step[:, None] + offsets
        mask = ((around >= 0) & (around < lengths[:, None])) | (offsets == 0)
        places = jnp.clip(around, 0, self.actions.shape[1] - 1)
        obs, actions = jax.tree.map(lambda rows: rows[episode[:, None], places], (self.obs, self.actions))
        return Window(obs, actions, mask)


def best_share(ends: Ends, share: float | Float[Array, ""]) -> Bool[Array, "time envs"]:
    """The best of the episodes that end, so large a share of them, rounded up; of equal ones the first."""
    returns = jnp.where(ends.ended, ends.returns, -jnp.inf).reshape(-1)
    ranks = jnp.argsort(jnp.argsort(-returns))
    count = jnp.ceil(share * jnp.sum(ends.ended))
    return (ranks < count).reshape(ends.ended.shape) & ends.ended


def memory_bytes(capacity: int, max_steps: int, spaces: Spaces) -> int:
    """How much memory so many episodes take."""
    rows = jax.tree.leaves((zeros(spaces.observation), zeros(spaces.action)))
    return capacity * max_steps * sum(math.prod(row.shape) * row.dtype.itemsize for row in rows)
