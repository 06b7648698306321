"""What follows a termination, where demonstrated steps are rewarded by 1 and one's own by 0 (Reddy et al., 2020).

After a termination an episode stays in an absorbing state for the steps that were left to the time limit, in
demonstrations and trials alike (Kostrikov et al., Discriminator-Actor-Critic, 2019). That state has one action and one
value; the regression that all other values solve, on batches half of which are demonstrated, gives it

    V = p / (1 - γ),    p = d / (d + o),

with the shares d (`ilkit.matching.absorbing`) and o of all demonstrated steps, and of one's own, that were spent
there. A time limit is no termination: where none of the demonstrations terminates, V is 0.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


class Absorbed(NamedTuple):
    """The steps that were left to the time limit after each row of a replay buffer, 0 where none terminated there."""

    left: Int[Array, " capacity"]
    total: Int[Array, ""]
    """Their sum."""

    @classmethod
    def empty(cls, capacity: int) -> "Absorbed":
        """Of a buffer without rows."""
        return cls(jnp.zeros(capacity, jnp.int32), jnp.zeros((), jnp.int32))

    def add(self, count: Int[Array, ""], left: Int[Array, " rows"]) -> "Absorbed":
        """Adds rows as the buffer does to which `count` were added before."""
        places = (count + jnp.arange(len(left))) % len(self.left)
        return Absorbed(self.left.at[places].set(left), self.total + jnp.sum(left) - jnp.sum(self.left[places]))

    def share(self, count: Int[Array, ""]) -> Float[Array, ""]:
        """o: the absorbing ones among all steps, of which the buffer was given so many that aren't."""
        steps = jnp.minimum(count, len(self.left))
        return self.total / jnp.maximum(self.total + steps, 1)


def steps_left(ages: Int[Array, " envs"], terminated: Bool[Array, " envs"], max_steps: int) -> Int[Array, " envs"]:
    """The steps that an episode had left when it terminated in the step after its first `ages`; else 0."""
    return jnp.where(terminated, max_steps - ages - 1, 0)


def absorbing_reward(demonstrated: float | Float[Array, ""], own: Float[Array, ""]) -> Float[Array, ""]:
    """p: the reward of a step in the absorbing state; 0 where nobody has been there."""
    return demonstrated / jnp.maximum(demonstrated + own, 1e-12)


def absorbing_value(reward: Float[Array, ""] | None, discount: float | Float[Array, ""]) -> Float[Array, ""]:
    """V: what the absorbing state is worth; 0 where there is none."""
    return jnp.zeros(()) if reward is None else reward / (1.0 - jnp.minimum(discount, 1.0 - 1e-6))
