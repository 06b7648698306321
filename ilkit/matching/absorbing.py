"""Absorbing states: an episode that terminated goes on in one to the time limit (Kostrikov et al., 2019).

Without them a reward of one sign decides who wins, whatever was demonstrated: a negative one is earned less by an
episode that ends early, a positive one more by an episode that never does. With them an episode of T steps that
terminated is followed by H - T steps in the absorbing state, H being the time limit. All of them are the same to a
discriminator, so that they are one row of each of its batches, which has their share of the weight,

    Σ (H - T) / (Σ (H - T) + Σ T),

the first sum over the episodes that terminated. An episode that a time limit cut is followed by nothing.

Demonstrated episodes count with the mean weight of those of their steps that have any, by their true lengths: of
thinned ones, a step that is left stands for several, and the steps in the absorbing state for themselves.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ilkit.data.demonstrations import Demonstrations


class Visits(NamedTuple):
    """How many steps there were, and how many would have followed in the absorbing state."""

    real: Float[Array, ""]
    absorbed: Float[Array, ""]

    @classmethod
    def none(cls) -> "Visits":
        """Not a step."""
        return cls(jnp.zeros(()), jnp.zeros(()))

    @property
    def share(self) -> Float[Array, ""]:
        """The share of those in the absorbing state."""
        return self.absorbed / jnp.maximum(self.real + self.absorbed, 1.0)

    def after(self, visits: "Visits", keep: float) -> "Visits":
        """These and later ones, beside which these count less: a running sum."""
        return Visits(keep * self.real + visits.real, keep * self.absorbed + visits.absorbed)


def demonstrated_share(demos: Demonstrations, max_steps: int) -> float:
    """The share of the absorbing state in what was demonstrated."""
    left = np.where(demos.terminated, np.maximum(max_steps - demos.lengths, 0), 0).astype(np.float64)
    weights = np.ones(demos.num_episodes)
    if demos.weights is not None:
        counts = np.add.reduceat((demos.weights > 0).astype(np.float64), demos.starts)
        weights = np.add.reduceat(demos.weights.astype(np.float64), demos.starts) / np.maximum(counts, 1.0)
    absorbed = float(np.sum(weights * left))
    return absorbed / (absorbed + float(np.sum(weights * demos.lengths)))


def visits_of(
    ages: Int[Array, " envs"], terminated: Bool[Array, "time envs"], truncated: Bool[Array, "time envs"], max_steps: int
) -> Visits:
    """The steps of a rollout, and those that its terminations left; `ages` are the episodes' steps before it."""

    def step(ages: Int[Array, " envs"], ends: Bool[Array, "2 envs"]) -> tuple[Int[Array, " envs"], Int[Array, " envs"]]:
        lengths = ages + 1
        left = jnp.where(ends[0], jnp.maximum(max_steps - lengths, 0), 0)
        return jnp.where(ends[0] | ends[1], 0, lengths), left

    left = jax.lax.scan(step, ages, jnp.stack([terminated, truncated], axis=1))[1]
    return Visits(jnp.asarray(float(terminated.size)), jnp.sum(left).astype(jnp.float32))


def memory_of(rollout_length: int, max_steps: int) -> float:
    """What earlier visits count beside those of a rollout, so that terminations come as evenly as episodes are long.

    A rollout is shorter than an episode, and episodes that began together end together.
    """
    return max(0.0, 1.0 - rollout_length / max_steps)
