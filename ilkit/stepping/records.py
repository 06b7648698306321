"""What is recorded while many environments are stepped side by side."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from ilkit.stepping.behavior import RunningSquare


class Outcome(NamedTuple):
    """What the actions of one step led to, one row an environment; in a rollout, time leads."""

    rewards: Float[Array, " envs"]
    next_obs: PyTree
    """What the action led to; the last observation of an episode that ended, not the first of the next one."""
    terminated: Bool[Array, " envs"]
    truncated: Bool[Array, " envs"]


class Rollout(NamedTuple):
    """A stretch of every environment's steps; time and environments lead."""

    obs: PyTree
    actions: Array
    context: PyTree
    """What the density of the actions needs beside the policy."""
    outcome: Outcome
    carry: PyTree = ()
    """What the policy remembers before the first step of each environment."""


class EpisodeLog(NamedTuple):
    """What is known of the episodes of every environment."""

    length: Int[Array, " envs"]
    """The steps of the running episode."""
    reward_sum: Float[Array, " envs"]
    """The rewards of the running episode."""
    last_return: Float[Array, " envs"]
    """The return of the last complete episode, 0 before there is one."""
    num_episodes: Int[Array, " envs"]
    """The number of complete episodes."""
    seen: Bool[Array, "envs 2"]
    """Whether the running episode had a reward other than 0, and one above 0."""
    num_seen: Int[Array, "envs 2"]
    """In how many complete episodes there was a reward other than 0, and one above 0."""

    @classmethod
    def empty(cls, num_envs: int) -> "EpisodeLog":
        """No step taken yet."""
        whole, real = jnp.zeros(num_envs, jnp.int32), jnp.zeros(num_envs)
        pair = jnp.zeros((num_envs, 2), jnp.int32)
        return cls(whole, real, real, whole, pair > 0, pair)

    def add(self, outcome: Outcome) -> "EpisodeLog":
        """Adds a step of every environment."""
        ended = outcome.terminated | outcome.truncated
        reward_sum = self.reward_sum + outcome.rewards
        seen = self.seen | jnp.stack([outcome.rewards != 0, outcome.rewards > 0], axis=-1)
        return EpisodeLog(
            jnp.where(ended, 0, self.length + 1),
            jnp.where(ended, 0.0, reward_sum),
            jnp.where(ended, reward_sum, self.last_return),
            self.num_episodes + ended,
            seen & ~ended[:, None],
            self.num_seen + (seen & ended[:, None]),
        )

    @property
    def mean_return(self) -> Float[Array, ""]:
        """The mean over the last complete episode of each environment; 0 before the first, which means nothing."""
        known = self.num_episodes > 0
        return jnp.sum(self.last_return * known) / jnp.maximum(jnp.sum(known), 1)

    @property
    def total_episodes(self) -> Float[Array, ""]:
        """How many complete episodes there were."""
        return jnp.sum(self.num_episodes).astype(jnp.float32)

    @property
    def total_rewarded(self) -> Float[Array, ""]:
        """In how many complete episodes there was a reward other than 0."""
        return jnp.sum(self.num_seen[:, 0]).astype(jnp.float32)

    @property
    def total_gained(self) -> Float[Array, ""]:
        """In how many complete episodes there was a reward above 0."""
        return jnp.sum(self.num_seen[:, 1]).astype(jnp.float32)


class Trials(NamedTuple):
    """Episodes under way."""

    states: PyTree
    """The states of the environments, one a row."""
    running: RunningSquare
    log: EpisodeLog
    carry: PyTree = ()
    """What the policy remembers of each."""
