"""A car too weak to climb a hill directly: gymnasium's `MountainCarContinuous-v0` in pure JAX.

With position x, velocity v and force a in [-1, 1]:

    v' = clip(v + power · a - gravity · cos 3x),    x' = clip(x + v'),    r = 100 · [goal reached] - 0.1 a²

The left wall stops the car. Source: Moore (1990), as in gymnasium, `envs/classic_control/continuous_mountain_car.py`.
"""

from typing import Annotated, ClassVar, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, UInt8
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.known_dynamics import HillCar
from ilkit.data.spaces import Box, Spaces
from ilkit.data.vector_environment import VectorEnvironment
from ilkit.math.hills import hills_with_car
from ilkit.spec import Spec

_LEFT, _RIGHT = -1.2, 0.6


class MountainCarContinuous(Spec):
    """A weak car that must gather momentum to climb a hill, as gymnasium's MountainCarContinuous-v0."""

    kind: Literal["mountain_car_continuous"] = "mountain_car_continuous"
    power: PositiveFloat = 0.0015
    """The acceleration at full force, in units of position a step²."""
    gravity: PositiveFloat = 0.0025
    """The acceleration down the steepest slope, in units of position a step²."""
    max_speed: PositiveFloat = 0.07
    """The speed at which the motion is clipped, in units of position a step."""
    goal_position: Annotated[float, Field(ge=_LEFT, le=_RIGHT)] = 0.45
    """The position from which on an episode terminates with a reward of 100."""
    goal_velocity: NonNegativeFloat = 0.0
    """The velocity that is needed at the goal."""
    max_steps: PositiveInt = 999
    """The number of steps after which an episode is truncated."""


class MountainCarContinuousEnvironment(VectorEnvironment):
    """State and observation are (x, v)."""

    goal_reward: ClassVar[float] = 100.0
    spec: MountainCarContinuous

    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " state"]:
        """Draws x from [-0.6, -0.4), at rest."""
        return jnp.stack([jax.random.uniform(key, (), minval=-0.6, maxval=-0.4), jnp.zeros(())])

    def step(
        self, state: Float[Array, " state"], action: Array, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " state"], Transition]:
        """Moves the car by one step."""
        del key
        spec, (position, velocity) = self.spec, state
        force = jnp.clip(action[0], -1.0, 1.0)
        velocity = velocity + spec.power * force - spec.gravity * jnp.cos(3.0 * position)
        velocity = jnp.clip(velocity, -spec.max_speed, spec.max_speed)
        position = jnp.clip(position + velocity, _LEFT, _RIGHT)
        velocity = jnp.where((position == _LEFT) & (velocity < 0.0), 0.0, velocity)
        arrived = (position >= spec.goal_position) & (velocity >= spec.goal_velocity)
        return jnp.stack([position, velocity]), Transition(_reward(force, arrived), arrived)

    def observe(self, state: Float[Array, " state"]) -> Float[Array, " obs"]:
        """The state."""
        return state

    def state_of(self, obs: Float[Array, " obs"]) -> Float[Array, " state"]:
        """The observation."""
        return obs

    def hill_car(self) -> HillCar:
        """Its constants."""
        return HillCar(self.spec.gravity, self.spec.goal_position, self.spec.goal_velocity)

    def frame(self, state: Float[Array, " state"], height: int) -> UInt8[Array, "height width 3"]:
        """The car on its hills, and a flag at the goal."""
        return hills_with_car(state[0], self.spec.goal_position, height)


def env(spec: MountainCarContinuous) -> Environment:
    """Builds the car and its hills."""
    box = Box(low=(_LEFT, -spec.max_speed), high=(_RIGHT, spec.max_speed))
    return MountainCarContinuousEnvironment(
        spec=spec,
        spaces=Spaces(observation=box, action=Box.symmetric((1.0,))),
        max_steps=spec.max_steps,
        state_names=("position", "velocity (per step)"),
        state_box=box,
    )


def _reward(force: Float[Array, ""], arrived: Bool[Array, ""]) -> Float[Array, ""]:
    return jnp.where(arrived, MountainCarContinuousEnvironment.goal_reward, 0.0) - 0.1 * force**2
