"""A car too weak to climb a hill directly, pushed left, not at all or right: gymnasium's `MountainCar-v0` in pure JAX.

With position x, velocity v and action a in {0, 1, 2}:

    v' = clip(v + force · (a - 1) - gravity · cos 3x),    x' = clip(x + v'),    r = -1

The left wall stops the car, and an episode terminates at the goal on the right. A negative force exchanges left and
right: a changed world in which a policy is of no use any more, and a reward of states still is.
Source: Moore (1990), as in gymnasium, `envs/classic_control/mountain_car.py`.
"""

from typing import Annotated, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, UInt8
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.data.vector_environment import VectorEnvironment
from ilkit.math.hills import hills_with_car
from ilkit.spec import Spec

_LEFT, _RIGHT = -1.2, 0.6


class MountainCar(Spec):
    """A weak car that must gather momentum to climb a hill, pushed left or right, as gymnasium's MountainCar-v0."""

    kind: Literal["mountain_car"] = "mountain_car"
    force: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.001
    """The acceleration of a push, in units of position a step²; a negative one exchanges left and right."""
    gravity: PositiveFloat = 0.0025
    """The acceleration down the steepest slope, in units of position a step²."""
    max_speed: PositiveFloat = 0.07
    """The speed at which the motion is clipped, in units of position a step."""
    goal_position: Annotated[float, Field(ge=_LEFT, le=_RIGHT)] = 0.5
    """The position from which on an episode terminates."""
    goal_velocity: NonNegativeFloat = 0.0
    """The velocity that is needed at the goal."""
    max_steps: PositiveInt = 200
    """The number of steps after which an episode is truncated."""


class MountainCarEnvironment(VectorEnvironment):
    """State and observation are (x, v); actions 0 and 2 push to the left and to the right, action 1 doesn't."""

    spec: MountainCar

    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " state"]:
        """Draws x from [-0.6, -0.4), at rest."""
        return jnp.stack([jax.random.uniform(key, (), minval=-0.6, maxval=-0.4), jnp.zeros(())])

    def step(
        self, state: Float[Array, " state"], action: Array, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " state"], Transition]:
        """Moves the car by one step."""
        del key
        spec, (position, velocity) = self.spec, state
        push = spec.force * (jnp.clip(action, 0, 2) - 1)
        velocity = velocity + push - spec.gravity * jnp.cos(3.0 * position)
        velocity = jnp.clip(velocity, -spec.max_speed, spec.max_speed)
        position = jnp.clip(position + velocity, _LEFT, _RIGHT)
        velocity = jnp.where((position == _LEFT) & (velocity < 0.0), 0.0, velocity)
        arrived = (position >= spec.goal_position) & (velocity >= spec.goal_velocity)
        return jnp.stack([position, velocity]), Transition(jnp.asarray(-1.0), arrived)

    def observe(self, state: Float[Array, " state"]) -> Float[Array, " obs"]:
        """The state."""
        return state

    def state_of(self, obs: Float[Array, " obs"]) -> Float[Array, " state"]:
        """The observation."""
        return obs

    def frame(self, state: Float[Array, " state"], height: int) -> UInt8[Array, "height width 3"]:
        """The car on its hills, and a flag at the goal."""
        return hills_with_car(state[0], self.spec.goal_position, height)


def env(spec: MountainCar) -> Environment:
    """Builds the car and its hills."""
    box = Box(low=(_LEFT, -spec.max_speed), high=(_RIGHT, spec.max_speed))
    return MountainCarEnvironment(
        spec=spec,
        spaces=Spaces(observation=box, action=Discrete(size=3)),
        max_steps=spec.max_steps,
        state_names=("position", "velocity (per step)"),
        state_box=box,
    )
