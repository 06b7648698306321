"""A pendulum to be swung up with a torque too weak to lift it: gymnasium's `Pendulum-v1` in pure JAX.

The angle θ is 0 upright and positive counterclockwise. With gravity g, mass m, length l, torque u and step Δ:

    θ̇' = clip(θ̇ + (3g/2l · sin θ + 3/(m l²) · u) Δ),    θ' = θ + θ̇' Δ,    r = -(θ² + 0.1 θ̇² + 0.001 u²)

Source: gymnasium, `envs/classic_control/pendulum.py`.
"""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, UInt8
from pydantic import PositiveFloat, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.known_dynamics import Rod
from ilkit.data.spaces import Box, Spaces
from ilkit.data.vector_environment import VectorEnvironment
from ilkit.math.drawing import BLUE, GREEN, GRID, INK, STEEL, Canvas
from ilkit.spec import Spec


class Pendulum(Spec):
    """A pendulum to be swung up and balanced, as gymnasium's Pendulum-v1."""

    kind: Literal["pendulum"] = "pendulum"
    gravity: PositiveFloat = 10.0
    """The acceleration of gravity, in m/s²."""
    mass: PositiveFloat = 1.0
    """The mass of the rod, in kg."""
    length: PositiveFloat = 1.0
    """The length of the rod, in m."""
    max_torque: PositiveFloat = 2.0
    """The largest torque, in N m."""
    max_speed: PositiveFloat = 8.0
    """The angular speed at which the motion is clipped, in rad/s."""
    timestep: PositiveFloat = 0.05
    """The time between two steps, in s."""
    max_steps: PositiveInt = 200
    """The number of steps after which an episode is truncated."""


class PendulumEnvironment(VectorEnvironment):
    """The state is (θ, θ̇) with θ in [-π, π]; the observation is (cos θ, sin θ, θ̇)."""

    spec: Pendulum

    @property
    def timestep(self) -> float | Float[Array, ""]:
        """The time between two steps, in s."""
        return self.spec.timestep

    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " state"]:
        """Draws θ from [-π, π) and θ̇ from [-1, 1)."""
        high = jnp.asarray([jnp.pi, 1.0])
        return jax.random.uniform(key, (2,), minval=-high, maxval=high)

    def step(
        self, state: Float[Array, " state"], action: Array, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " state"], Transition]:
        """Turns the rod by one step of semi-implicit Euler."""
        del key
        spec, (theta, speed) = self.spec, state
        torque = jnp.clip(action[0], -spec.max_torque, spec.max_torque)
        cost = theta**2 + 0.1 * speed**2 + 0.001 * torque**2
        gravity = 1.5 * spec.gravity / spec.length * jnp.sin(theta)
        acceleration = gravity + 3.0 / (spec.mass * spec.length**2) * torque
        speed = jnp.clip(speed + acceleration * spec.timestep, -spec.max_speed, spec.max_speed)
        theta = _wrap(theta + speed * spec.timestep)
        return jnp.stack([theta, speed]), Transition(-cost, jnp.asarray(False))

    def observe(self, state: Float[Array, " state"]) -> Float[Array, " obs"]:
        """(cos θ, sin θ, θ̇)."""
        return jnp.stack([jnp.cos(state[0]), jnp.sin(state[0]), state[1]])

    def state_of(self, obs: Float[Array, " obs"]) -> Float[Array, " state"]:
        """(θ, θ̇), θ found from its sine and cosine."""
        return jnp.stack([jnp.arctan2(obs[1], obs[0]), obs[2]])

    def rod(self) -> Rod:
        """Its constants."""
        return Rod(self.spec.gravity, self.spec.mass, self.spec.length, self.spec.max_torque)

    def mirror(self, obs: Float[Array, " obs"], action: Array) -> tuple[Float[Array, " obs"], Array]:
        """Left and right exchanged: -θ, -θ̇ and -u."""
        return obs * jnp.asarray([1.0, -1.0, -1.0]), -action

    def frame(self, state: Float[Array, " state"], height: int) -> UInt8[Array, "height width 3"]:
        """The rod, its goal above the pivot, and the circle of its reach."""
        tip = (-0.98 * jnp.sin(state[0]), 0.98 * jnp.cos(state[0]))
        canvas = Canvas.blank(height, height, center=(0.0, 0.0), pixel=2.6 / height)
        canvas = canvas.paint(canvas.ring((0.0, 0.0), 0.98, 0.02), GRID)
        canvas = canvas.paint(canvas.ring((0.0, 0.98), 0.17, 0.025), GREEN)
        canvas = canvas.paint(canvas.rod((0.0, 0.0), tip, 0.1), STEEL)
        canvas = canvas.paint(canvas.disk(tip, 0.13), BLUE)
        return canvas.paint(canvas.disk((0.0, 0.0), 0.06), INK).picture()


def env(spec: Pendulum) -> Environment:
    """Builds the pendulum."""
    return PendulumEnvironment(
        spec=spec,
        spaces=Spaces(observation=Box.symmetric((1.0, 1.0, spec.max_speed)), action=Box.symmetric((spec.max_torque,))),
        max_steps=spec.max_steps,
        state_names=("angle (rad)", "angular velocity (rad/s)"),
        state_box=Box.symmetric((np.pi, spec.max_speed)),
    )


def _wrap(angle: Float[Array, ""]) -> Float[Array, ""]:
    return angle - 2 * jnp.pi * jnp.round(angle / (2 * jnp.pi))
