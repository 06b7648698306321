"""A fork in the way: an obstacle before the goal, which demonstrators pass on the left or on the right.

A point moves with a velocity that the action sets, p' = p + a Δ. The mean of both ways leads into the obstacle: a
policy that predicts it fails, unless the position tells it which way was begun. With chunks of 16 actions all is
decided at the start (a tree before the car, the example of every lecture on multimodal imitation).
"""

from typing import Annotated, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, UInt8
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.data.vector_environment import VectorEnvironment
from ilkit.math.drawing import BLUE, GREEN, INK, Canvas
from ilkit.spec import Spec

_OBSTACLE, _GOAL = (0.5, 0.0), (1.0, 0.0)
_LEFT, _RIGHT, _REACH = -0.2, 1.2, 0.7
"""The ends of the map along x, and on both sides of the way."""


class Fork(Spec):
    """An obstacle before the goal, passed on the left or on the right: two ways, the mean of which is none."""

    kind: Literal["fork"] = "fork"
    obstacle_radius: PositiveFloat = 0.15
    """The radius of the obstacle; the way is 1 long."""
    goal_radius: PositiveFloat = 0.2
    """How near to the goal is there."""
    initial_spread: NonNegativeFloat = 0.1
    """How far from the middle an episode starts, at most."""
    clearance: PositiveFloat = 0.33
    """How far from the middle the demonstrator passes the obstacle."""
    left_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """How often the demonstrator passes on the left."""
    timestep: PositiveFloat = 0.055
    """The time between two steps, in s; the largest speed is 1 along each axis."""
    max_steps: PositiveInt = 32
    """The number of steps after which an episode is truncated."""


class ForkEnvironment(VectorEnvironment):
    """State and observation are the position; the reward is 1 at the goal."""

    spec: Fork

    @property
    def timestep(self) -> float | Float[Array, ""]:
        """The time between two steps, in s."""
        return self.spec.timestep

    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " 2"]:
        """Starts at x = 0, about the middle."""
        offset = self.spec.initial_spread * jax.random.uniform(key, minval=-1.0, maxval=1.0)
        return jnp.stack([jnp.zeros(()), offset])

    def step(
        self, state: Float[Array, " 2"], action: Array, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " 2"], Transition]:
        """Moves; an episode ends at the goal, in the obstacle and off the map."""
        del key
        state = state + jnp.clip(action, -1.0, 1.0) * self.spec.timestep
        hit = jnp.linalg.norm(state - jnp.asarray(_OBSTACLE)) < self.spec.obstacle_radius
        off = (jnp.abs(state[1]) > _REACH) | (state[0] < _LEFT) | (state[0] > _RIGHT)
        there = jnp.linalg.norm(state - jnp.asarray(_GOAL)) < self.spec.goal_radius
        return state, Transition(jnp.where(there, 1.0, 0.0), hit | off | there)

    def observe(self, state: Float[Array, " 2"]) -> Float[Array, " 2"]:
        """The state."""
        return state

    def state_of(self, obs: Float[Array, " 2"]) -> Float[Array, " 2"]:
        """The observation."""
        return obs

    def mirror(self, obs: Float[Array, " 2"], action: Array) -> tuple[Float[Array, " 2"], Array]:
        """The other side of the way."""
        return obs * jnp.array([1.0, -1.0]), action * jnp.array([1.0, -1.0])

    def demonstrator(self) -> Policy:
        """Passes on a side that is drawn for each episode."""
        return ForkPolicy(
            clearance=jnp.asarray(self.spec.clearance, jnp.float32),
            left_share=jnp.asarray(self.spec.left_share, jnp.float32),
            timestep=jnp.asarray(self.spec.timestep, jnp.float32),
            normalizer=Normalizer.identity(2),
            spaces=self.spaces,
        )

    def position(self, obs: Float[Array, " 2"]) -> Float[Array, " 2"]:
        """The observation."""
        return obs

    def chart(self, height: int) -> tuple[UInt8[Array, "height width 3"], tuple[float, float, float, float]]:
        """The obstacle and the goal, seen from above."""
        return self._canvas(height).picture(), (_LEFT, _RIGHT, -_REACH, _REACH)

    def frame(self, state: Float[Array, " 2"], height: int) -> UInt8[Array, "height width 3"]:
        """The point between them."""
        canvas = self._canvas(height)
        return canvas.paint(canvas.disk((state[0], state[1]), 0.05), BLUE).picture()

    def _canvas(self, height: int) -> Canvas:
        canvas = Canvas.blank(height, height, center=((_LEFT + _RIGHT) / 2, 0.0), pixel=2 * _REACH / height)
        canvas = canvas.paint(canvas.disk(_OBSTACLE, self.spec.obstacle_radius), INK)
        return canvas.paint(canvas.ring(_GOAL, self.spec.goal_radius, 0.02), GREEN)


class ForkPolicy(Policy):
    """Follows y = ± clearance · sin(π x), on a side that is remembered; its mode is the left one."""

    clearance: Float[Array, ""]
    left_share: Float[Array, ""]
    timestep: Float[Array, ""]
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def initial_carry(self) -> Float[Array, ""]:
        """No side chosen yet."""
        return jnp.zeros(())

    def mode(self, carry: PyTree, obs: Float[Array, " 2"]) -> tuple[PyTree, Float[Array, " act"]]:
        """Goes on along the chosen side, or along the left one."""
        side = jnp.where(carry == 0.0, 1.0, carry)
        speed = 0.9
        ahead = obs[0] + speed * self.timestep
        wanted = side * self.clearance * jnp.sin(jnp.pi * jnp.clip(ahead, 0.0, 1.0))
        upwards = jnp.clip((wanted - obs[1]) / self.timestep, -1.0, 1.0)
        return side, jnp.stack([jnp.asarray(speed), upwards])

    def sample(self, carry: PyTree, obs: Float[Array, " 2"], *, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        """Draws the side in the first step of an episode."""
        drawn = jnp.where(jax.random.bernoulli(key, self.left_share), 1.0, -1.0)
        return self.mode(jnp.where(carry == 0.0, drawn, carry), obs)


def env(spec: Fork) -> Environment:
    """Builds the fork."""
    return ForkEnvironment(
        spec=spec,
        spaces=Spaces(observation=Box.symmetric((np.inf,) * 2), action=Box.symmetric((1.0, 1.0))),
        max_steps=spec.max_steps,
        state_names=("x", "y"),
        state_box=Box(low=(_LEFT, -_REACH), high=(_RIGHT, _REACH)),
    )
