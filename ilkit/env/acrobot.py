"""Two links that hang from a pivot, driven at the joint between them only: gymnasium's `Acrobot-v1` in pure JAX.

θ₁ is the angle of the first link from hanging down, θ₂ that of the second link from the first. With masses m, lengths
l₁, the distances c of the centers of mass from the joints, moments of inertia I, gravity g and torque τ:

    d₁ = m₁ c₁² + m₂ (l₁² + c₂² + 2 l₁ c₂ cos θ₂) + I₁ + I₂,    d₂ = m₂ (c₂² + l₁ c₂ cos θ₂) + I₂
    φ₂ = m₂ c₂ g sin(θ₁ + θ₂)
    φ₁ = -m₂ l₁ c₂ θ̇₂ (θ̇₂ + 2 θ̇₁) sin θ₂ + (m₁ c₁ + m₂ l₁) g sin θ₁ + φ₂
    θ̈₂ = (τ + d₂/d₁ φ₁ - m₂ l₁ c₂ θ̇₁² sin θ₂ - φ₂) / (m₂ c₂² + I₂ - d₂²/d₁),    θ̈₁ = -(d₂ θ̈₂ + φ₁) / d₁

integrated over one step by the classical method of Runge and Kutta. An episode terminates where the tip is higher than
the pivot by a link's length: -cos θ₁ - cos(θ₁ + θ₂) > 1; each step before costs 1. Source: Sutton (1996), with the
dynamics of Sutton and Barto's book, as in gymnasium, `envs/classic_control/acrobot.py`.
"""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, UInt8
from pydantic import PositiveFloat, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.data.vector_environment import VectorEnvironment
from ilkit.math.drawing import BLUE, GREEN, GRID, INK, ORANGE, STEEL, Canvas
from ilkit.spec import Spec


class Acrobot(Spec):
    """Two links to be swung up by a torque at the joint between them, as gymnasium's Acrobot-v1."""

    kind: Literal["acrobot"] = "acrobot"
    gravity: PositiveFloat = 9.8
    """The acceleration of gravity, in m/s²."""
    first_mass: PositiveFloat = 1.0
    """The mass of the first link, in kg."""
    second_mass: PositiveFloat = 1.0
    """The mass of the second link, in kg."""
    first_center: PositiveFloat = 0.5
    """The distance of the first link's center of mass from the pivot, in m."""
    second_center: PositiveFloat = 0.5
    """The distance of the second link's center of mass from the joint, in m."""
    inertia: PositiveFloat = 1.0
    """The moment of inertia of each link, in kg m²."""
    torque: PositiveFloat = 1.0
    """The torque at the joint, in N m."""
    max_first_speed: PositiveFloat = 4.0 * np.pi
    """The angular speed at which the first link's motion is clipped, in rad/s."""
    max_second_speed: PositiveFloat = 9.0 * np.pi
    """The angular speed at which the second link's motion is clipped, in rad/s."""
    timestep: PositiveFloat = 0.2
    """The time between two steps, in s."""
    max_steps: PositiveInt = 500
    """The number of steps after which an episode is truncated."""


class AcrobotEnvironment(VectorEnvironment):
    """The state is (θ₁, θ₂, θ̇₁, θ̇₂), the observation (cos θ₁, sin θ₁, cos θ₂, sin θ₂, θ̇₁, θ̇₂).

    Both links are 1 m long. Actions 0, 1 and 2 are the torques -τ, 0 and τ.
    """

    spec: Acrobot

    @property
    def timestep(self) -> float | Float[Array, ""]:
        """The time between two steps, in s."""
        return self.spec.timestep

    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " state"]:
        """Draws every entry from [-0.1, 0.1)."""
        return jax.random.uniform(key, (4,), minval=-0.1, maxval=0.1)

    def step(
        self, state: Float[Array, " state"], action: Array, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " state"], Transition]:
        """Turns the links by one step of Runge and Kutta's method."""
        del key
        spec = self.spec
        torque = spec.torque * (jnp.clip(action, 0, 2) - 1)
        first = self._rates(state, torque)
        second = self._rates(state + spec.timestep / 2 * first, torque)
        third = self._rates(state + spec.timestep / 2 * second, torque)
        fourth = self._rates(state + spec.timestep * third, torque)
        angles, speeds = jnp.split(state + spec.timestep / 6 * (first + 2 * (second + third) + fourth), 2)
        limit = jnp.stack([jnp.asarray(spec.max_first_speed), jnp.asarray(spec.max_second_speed)])
        state = jnp.concatenate([_wrap(angles), jnp.clip(speeds, -limit, limit)])
        risen = -jnp.cos(state[0]) - jnp.cos(state[0] + state[1]) > 1.0
        return state, Transition(jnp.where(risen, 0.0, -1.0), risen)

    def observe(self, state: Float[Array, " state"]) -> Float[Array, " obs"]:
        """(cos θ₁, sin θ₁, cos θ₂, sin θ₂, θ̇₁, θ̇₂)."""
        first, second, *speeds = state
        return jnp.stack([jnp.cos(first), jnp.sin(first), jnp.cos(second), jnp.sin(second), *speeds])

    def state_of(self, obs: Float[Array, " obs"]) -> Float[Array, " state"]:
        """(θ₁, θ₂, θ̇₁, θ̇₂), the angles found from their sines and cosines."""
        return jnp.stack([jnp.arctan2(obs[1], obs[0]), jnp.arctan2(obs[3], obs[2]), obs[4], obs[5]])

    def mirror(self, obs: Float[Array, " obs"], action: Array) -> tuple[Float[Array, " obs"], Array]:
        """Left and right exchanged."""
        return obs * jnp.asarray([1.0, -1.0, 1.0, -1.0, -1.0, -1.0]), 2 - action

    def frame(self, state: Float[Array, " state"], height: int) -> UInt8[Array, "height width 3"]:
        """Both links, and the height that the tip has to reach."""
        joint = (jnp.sin(state[0]), -jnp.cos(state[0]))
        tip = (joint[0] + jnp.sin(state[0] + state[1]), joint[1] - jnp.cos(state[0] + state[1]))
        canvas = Canvas.blank(height, height, center=(0.0, 0.0), pixel=4.6 / height)
        canvas = canvas.paint(canvas.ring((0.0, 0.0), 2.0, 0.03), GRID)
        canvas = canvas.paint(canvas.rod((-2.2, 1.0), (2.2, 1.0), 0.04), GREEN)
        canvas = canvas.paint(canvas.rod((0.0, 0.0), joint, 0.18), STEEL)
        canvas = canvas.paint(canvas.rod(joint, tip, 0.18), BLUE)
        canvas = canvas.paint(canvas.disk(joint, 0.12), ORANGE)
        return canvas.paint(canvas.disk((0.0, 0.0), 0.1), INK).picture()

    def _rates(self, state: Float[Array, " state"], torque: Float[Array, ""]) -> Float[Array, " state"]:
        """(θ̇₁, θ̇₂, θ̈₁, θ̈₂)."""
        spec, (first, second, first_speed, second_speed) = self.spec, state
        first_moment, second_moment = spec.first_mass * spec.first_center, spec.second_mass * spec.second_center
        coupling, own = second_moment * jnp.cos(second), second_moment * spec.second_center + spec.inertia
        d1 = first_moment * spec.first_center + spec.second_mass + spec.inertia + own + 2 * coupling
        d2 = own + coupling
        pull = second_moment * jnp.sin(second)
        phi2 = second_moment * spec.gravity * jnp.sin(first + second)
        phi1 = (first_moment + spec.second_mass) * spec.gravity * jnp.sin(first) + phi2
        phi1 = phi1 - pull * second_speed * (second_speed + 2 * first_speed)
        turn = (torque + d2 / d1 * phi1 - pull * first_speed**2 - phi2) / (own - d2**2 / d1)
        return jnp.stack([first_speed, second_speed, -(d2 * turn + phi1) / d1, turn])


def env(spec: Acrobot) -> Environment:
    """Builds the links."""
    speeds = (spec.max_first_speed, spec.max_second_speed)
    return AcrobotEnvironment(
        spec=spec,
        spaces=Spaces(observation=Box.symmetric((1.0,) * 4 + speeds), action=Discrete(size=3)),
        max_steps=spec.max_steps,
        state_names=(
            "first angle (rad)",
            "second angle (rad)",
            "first angular velocity (rad/s)",
            "second angular velocity (rad/s)",
        ),
        state_box=Box.symmetric((np.pi, np.pi, *speeds)),
    )


def _wrap(angle: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    return angle - 2 * jnp.pi * jnp.round(angle / (2 * jnp.pi))
