"""Swing-up by energy shaping, with a linear regulator near the top (Åström and Furuta, 2000).

With the inertia J = m l²/3 and the energy E = J θ̇²/2 + m g l/2 (cos θ - 1), which is 0 at rest upright, torque u adds
energy at the rate u θ̇. Pumping pushes along the motion until a surplus E₀ is reached, and brakes beyond it:

    u = clip(energy_gain · (E₀ - E)) · tanh(speed_gain · θ̇)

Where the optimal linear torque -K (θ, θ̇) is small enough, it takes over and balances.
"""

from typing import Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from pydantic import NonNegativeFloat, PositiveFloat

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.known_dynamics import RodForm
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.errors import DataError
from ilkit.spec import Spec


class SwingUp(Spec):
    """Swing-up of a pendulum by energy shaping, with a balancing regulator (Åström and Furuta, 2000)."""

    kind: Literal["swing_up"] = "swing_up"
    energy_gain: PositiveFloat = 7.3
    """The torque for a missing energy, in N m / J."""
    energy_surplus: NonNegativeFloat = 0.25
    """The energy E₀ to pump up to, above that of rest upright, in J."""
    speed_gain: PositiveFloat = 2.2
    """How sharply the torque turns with the direction of motion, in s/rad."""
    balance_reach: PositiveFloat = 5.6
    """The linear torque, in multiples of the largest torque, below which balancing takes over."""


class SwingUpPolicy(Policy):
    """Pumps energy far from the top, and balances near it."""

    gain: Float[Array, " 2"]
    """K, the optimal gain of the dynamics linearized at the top."""
    constants: dict[str, Float[Array, ""]]
    """The settings of the spec, and `inertia` J, `weight` m g l/2 and `max_torque` of the pendulum."""
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Float[Array, " act"]]:
        """The torque."""
        (cosine, sine, speed), constants = obs, self.constants
        balancing = self.gain @ jnp.stack([jnp.arctan2(sine, cosine), speed])
        near = jnp.abs(balancing) < constants["balance_reach"] * constants["max_torque"]
        energy = constants["inertia"] * speed**2 / 2 + constants["weight"] * (cosine - 1.0)
        missing = self._limit(constants["energy_gain"] * (constants["energy_surplus"] - energy))
        along = jnp.where(speed == 0.0, 1.0, jnp.tanh(constants["speed_gain"] * speed))  # at rest, either way will do
        return carry, jnp.where(near, self._limit(-balancing), missing * along)[None]

    def _limit(self, torque: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.clip(torque, -self.constants["max_torque"], self.constants["max_torque"])


def expert(spec: SwingUp, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Policy:
    """Makes the controller of the pendulum that is given.

    **Raises:** `DataError` where the environment is no pendulum.
    """
    del key
    world = env()
    if not (isinstance(world, Environment) and isinstance(world, RodForm)):
        raise DataError(f"expert.kind swing_up needs a rod that turns in gravity, got env.kind {env.kind}.")
    rod = world.rod()
    inertia, weight = rod.mass * rod.length**2 / 3, rod.mass * rod.gravity * rod.length / 2
    constants = spec.model_dump(exclude={"kind"}) | {
        "inertia": inertia,
        "weight": weight,
        "max_torque": rod.max_torque,
    }
    return SwingUpPolicy(
        gain=jnp.asarray(_balance(weight / inertia, 1 / inertia, float(world.timestep)), jnp.float32),
        constants={name: jnp.asarray(value, jnp.float32) for name, value in constants.items()},
        normalizer=Normalizer.identity(3),
        spaces=world.spaces,
    )


def _balance(instability: float, control: float, step: float) -> Float[np.ndarray, " 2"]:
    """The optimal gain for θ̈ = instability · θ + control · u and the pendulum's own cost."""
    A = np.asarray([[1 + instability * step**2, step], [instability * step, 1]])
    B = np.asarray([[control * step**2], [control * step]])
    R = np.asarray([[0.001]])
    P = scipy.linalg.solve_discrete_are(A, B, np.diag([1.0, 0.1]), R)
    gain: np.ndarray = np.linalg.solve(R + B.T @ P @ B, B.T @ P @ A)[0]
    return gain
