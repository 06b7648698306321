"""A pole to be balanced on a cart that is pushed left or right: gymnasium's `CartPole-v1` in pure JAX.

With push F = ±`force`, masses m_c and m_p, half the pole's length l, angle θ from upright and step Δ:

    τ = (F + m_p l θ̇² sin θ) / (m_c + m_p)
    θ̈ = (g sin θ - τ cos θ) / (l (4/3 - m_p cos² θ / (m_c + m_p))),    ẍ = τ - m_p l θ̈ cos θ / (m_c + m_p)

integrated by Euler's method; the reward is 1 a step. With `after_fall: freeze` all episodes last up to the time limit,
so that nobody can tell by their ends how good they were: after a fall nothing moves, and nothing is earned any more. A
return is then what it is with `terminate`, the number of steps up to the fall; a constant reward, whatever its sign,
earns as much in every episode. Sources: Barto, Sutton and Anderson (1983), as corrected in gymnasium,
`envs/classic_control/cartpole.py`; a fixed horizon: Gleave et al., seals (2020), where the pole goes on falling.
"""

from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, UInt8
from pydantic import Field, PositiveFloat, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.data.vector_environment import VectorEnvironment
from ilkit.math.drawing import GRID, INK, ORANGE, RED, STEEL, Canvas
from ilkit.spec import Spec


class CartPole(Spec):
    """A pole to be balanced on a cart by pushing it left or right, as gymnasium's CartPole-v1."""

    kind: Literal["cart_pole"] = "cart_pole"
    gravity: PositiveFloat = 9.8
    """The acceleration of gravity, in m/s²."""
    cart_mass: PositiveFloat = 1.0
    """The mass of the cart, in kg."""
    pole_mass: PositiveFloat = 0.1
    """The mass of the pole, in kg."""
    half_length: PositiveFloat = 0.5
    """Half the length of the pole, in m."""
    force: PositiveFloat = 10.0
    """The force of a push, in N."""
    timestep: PositiveFloat = 0.02
    """The time between two steps, in s."""
    max_position: PositiveFloat = 2.4
    """The distance from the middle beyond which the cart has left its track and the pole counts as fallen, in m."""
    max_angle: Annotated[float, Field(gt=0.0, lt=np.pi / 2)] = 12 * 2 * np.pi / 360
    """The angle from upright beyond which the pole has fallen, in rad."""
    after_fall: Literal["terminate", "freeze"] = "terminate"
    """Whether a fall terminates the episode, or everything stays as it is, with a reward of 0, up to the time limit."""
    max_steps: PositiveInt = 500
    """The number of steps after which an episode is truncated."""


class CartPoleEnvironment(VectorEnvironment):
    """State and observation are (x, ẋ, θ, θ̇); action 1 pushes to the right, action 0 to the left."""

    spec: CartPole

    @property
    def timestep(self) -> float | Float[Array, ""]:
        """The time between two steps, in s."""
        return self.spec.timestep

    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " state"]:
        """Draws every entry from [-0.05, 0.05)."""
        return jax.random.uniform(key, (4,), minval=-0.05, maxval=0.05)

    def step(
        self, state: Float[Array, " state"], action: Array, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " state"], Transition]:
        """Pushes the cart for one step of Euler's method."""
        del key
        after = self._pushed(state, action)
        if self.spec.after_fall == "terminate":
            return after, Transition(jnp.asarray(1.0), self._has_fallen(after))
        lies = self._has_fallen(state)
        return jnp.where(lies, state, after), Transition(jnp.where(lies, 0.0, 1.0), jnp.asarray(False))

    def _pushed(self, state: Float[Array, " state"], action: Array) -> Float[Array, " state"]:
        spec, (_, velocity, angle, spin) = self.spec, state
        mass = spec.cart_mass + spec.pole_mass
        share = spec.pole_mass / mass
        sine, cosine = jnp.sin(angle), jnp.cos(angle)
        push = jnp.where(action >= 1, spec.force, -spec.force) / mass + share * spec.half_length * spin**2 * sine
        turn = (spec.gravity * sine - push * cosine) / (spec.half_length * (4.0 / 3.0 - share * cosine**2))
        acceleration = push - share * spec.half_length * turn * cosine
        return state + spec.timestep * jnp.stack([velocity, acceleration, spin, turn])

    def _has_fallen(self, state: Float[Array, " state"]) -> Bool[Array, ""]:
        return (jnp.abs(state[0]) > self.spec.max_position) | (jnp.abs(state[2]) > self.spec.max_angle)

    def observe(self, state: Float[Array, " state"]) -> Float[Array, " obs"]:
        """The state."""
        return state

    def state_of(self, obs: Float[Array, " obs"]) -> Float[Array, " state"]:
        """The observation."""
        return obs

    def mirror(self, obs: Float[Array, " obs"], action: Array) -> tuple[Float[Array, " obs"], Array]:
        """Left and right exchanged."""
        return -obs, 1 - action

    def frame(self, state: Float[Array, " state"], height: int) -> UInt8[Array, "height width 3"]:
        """The cart with its pole on a track that ends where the episode does."""
        position, angle, length = state[0], state[2], 2.0 * self.spec.half_length
        canvas = Canvas.blank(height, height * 21 // 13, center=(0.0, 0.62), pixel=5.6 / 210 * 130 / height)
        canvas = canvas.paint(canvas.rod((-10.0, -0.32), (10.0, -0.32), 0.05), GRID)
        for side in (-1.0, 1.0):
            end = side * (self.spec.max_position + 0.25)
            canvas = canvas.paint(canvas.rod((end, -0.32), (end, -0.02), 0.06), RED)
        for side in (-1.0, 1.0):
            canvas = canvas.paint(canvas.disk((position + side * 0.22, -0.2), 0.11), INK)
        canvas = canvas.paint(canvas.box((position, 0.0), 0.74, 0.34, corner=0.07), STEEL)
        top = (position + 1.3 * length * jnp.sin(angle), 0.05 + 1.3 * length * jnp.cos(angle))
        canvas = canvas.paint(canvas.rod((position, 0.05), top, 0.12), ORANGE)
        return canvas.paint(canvas.disk((position, 0.05), 0.08), INK).picture()


def env(spec: CartPole) -> Environment:
    """Builds the cart and its pole."""
    high = (2 * spec.max_position, np.inf, 2 * spec.max_angle, np.inf)
    return CartPoleEnvironment(
        spec=spec,
        spaces=Spaces(observation=Box.symmetric(high), action=Discrete(size=2)),
        max_steps=spec.max_steps,
        state_names=("position (m)", "velocity (m/s)", "angle (rad)", "angular velocity (rad/s)"),
        state_box=Box.symmetric((spec.max_position, 2.0, spec.max_angle, 2.0)),
    )
