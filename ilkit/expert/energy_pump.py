"""Energy pumping: push a weak car along its motion until it has the energy to reach its goal.

With the energy E = v²/2 + g/3 · sin 3x, in units of position per step squared, and that of rest at the goal, E*:

    a = force · tanh(speed_gain · v)  while  E < E* + surplus · g/3,  then  a = 0
"""

import math
from typing import Annotated, Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from pydantic import Field, NonNegativeFloat, PositiveFloat

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.known_dynamics import HillCarForm
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.errors import DataError
from ilkit.spec import Spec


class EnergyPump(Spec):
    """A push along the motion until a car has the energy to reach its goal, then none."""

    kind: Literal["energy_pump"] = "energy_pump"
    force: Annotated[float, Field(gt=0, le=1)] = 0.5
    """The size of a push; less needs more time and costs less."""
    speed_gain: PositiveFloat = 100.0
    """How sharply the push turns with the direction of motion, in steps per unit of position."""
    surplus: NonNegativeFloat = 0.1
    """The energy to pump up beyond that of the goal, in units of the height of the hills."""


class EnergyPumpPolicy(Policy):
    """Pushes along the velocity while energy is missing."""

    force: Float[Array, ""]
    speed_gain: Float[Array, ""]
    gravity: Float[Array, ""]
    needed: Float[Array, ""]
    """The energy at which pushing ends."""
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Float[Array, " act"]]:
        """The push."""
        position, velocity = obs
        energy = velocity**2 / 2 + self.gravity / 3 * jnp.sin(3.0 * position)
        along = jnp.where(velocity == 0.0, 1.0, jnp.tanh(self.speed_gain * velocity))  # at rest, either way
        return carry, jnp.where(energy < self.needed, self.force * along, 0.0)[None]


def expert(spec: EnergyPump, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Policy:
    """Makes the controller of the car that is given.

    **Raises:** `DataError` where the environment is no mountain car.
    """
    del key
    world = env()
    if not isinstance(world, HillCarForm):
        raise DataError(f"expert.kind energy_pump needs a car between hills, got env.kind {env.kind}.")
    car = world.hill_car()
    height = math.sin(3 * car.goal_position) + spec.surplus
    needed = car.goal_velocity**2 / 2 + car.gravity / 3 * height
    return EnergyPumpPolicy(
        force=jnp.asarray(spec.force, jnp.float32),
        speed_gain=jnp.asarray(spec.speed_gain, jnp.float32),
        gravity=jnp.asarray(car.gravity, jnp.float32),
        needed=jnp.asarray(needed, jnp.float32),
        normalizer=Normalizer.identity(2),
        spaces=world.spaces,
    )
