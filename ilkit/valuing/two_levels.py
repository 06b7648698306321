"""A policy of two levels: one says where to be in a while, the other one goes there (Park et al., HIQL, 2023)."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

from ilkit.data.goal_entries import ACHIEVED, DESIRED, STEPS_LEFT
from ilkit.data.normalizer import Normalizer, Untrained
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.fitting.goals import with_goal
from ilkit.valuing.goal_values import GoalValues


class Nearness(Untrained):
    """Whether a goal is nearer than a subgoal, as far as values tell."""

    values: GoalValues
    far: Float[Array, ""]
    """What a goal is worth that is as many steps away as a subgoal."""

    def __call__(self, obs: PyTree) -> Bool[Array, ""]:
        """Whether the goal of an observation is."""
        return jnp.mean(self.values(obs)) > self.far


class TwoLevelPolicy(Policy):
    """g' ~ π_high(s, g), a ~ π_low(s, g'): at every step a new subgoal; where goals are vectors, it is said by the way
    there, g' - achieved. A goal that is near is its own subgoal."""

    high: Policy
    """Its actions are subgoals."""
    low: Policy
    normalizer: Normalizer
    """That of the higher level."""
    share: Array
    """The share of an episode's steps that a subgoal takes."""
    spaces: Spaces = eqx.field(static=True)
    nearness: Nearness | None = None
    """Where it holds, the lower level goes for the goal itself; without it the upper one is always followed."""

    @property
    def is_stochastic(self) -> bool:
        """Whether one of the levels is."""
        return self.high.is_stochastic or self.low.is_stochastic

    @property
    def has_density(self) -> bool:
        """An action may be due to any subgoal."""
        return False

    @property
    def has_smooth_mode(self) -> bool:  # type: ignore[override]
        """Whether both levels have."""
        return self.high.has_smooth_mode and self.low.has_smooth_mode

    def initial_carry(self) -> PyTree:
        """Those of both levels; nothing where neither has a memory."""
        carries = self.high.initial_carry(), self.low.initial_carry()
        return carries if jax.tree.leaves(carries) else ()

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Array]:
        """The lower level's mode on the way to the mode of the higher one."""
        high_carry, low_carry = carry or ((), ())
        above, said = self.high.mode(high_carry, obs)
        below, action = self.low.mode(low_carry, self.towards(obs, said))
        return (above, below) if carry else (), action

    def sample(self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        """A sample on the way to a sample."""
        high_key, low_key = jax.random.split(key)
        high_carry, low_carry = carry or ((), ())
        above, said = self.high.sample(high_carry, obs, key=high_key)
        below, action = self.low.sample(low_carry, self.towards(obs, said), key=low_key)
        return (above, below) if carry else (), action

    def towards(self, obs: PyTree, said: Array) -> PyTree:
        """What the lower level observes when the higher one has said this."""
        subgoal = obs[ACHIEVED] + said if isinstance(self.high.spaces.action, Box) else said
        if self.nearness is not None:
            subgoal = jnp.where(self.nearness(obs), obs[DESIRED], subgoal)
        asked = with_goal(obs, subgoal)
        if STEPS_LEFT in asked:
            asked[STEPS_LEFT] = jnp.minimum(asked[STEPS_LEFT], self.share)
        return asked
