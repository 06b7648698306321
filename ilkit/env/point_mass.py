"""A point mass to be brought to rest at the origin of the plane: a linear system with quadratic cost.

With position p, velocity v and force u in the plane, over a step Δ at constant force:

    p' = p + v Δ + u Δ² / 2m,    v' = v + u Δ / m,    r = -(q_p ‖p‖² + q_v ‖v‖² + ρ ‖u‖²)

The optimal policy is known in closed form, u = -K (p, v), and so is its return.
"""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, UInt8
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.known_dynamics import LinearQuadratic
from ilkit.data.spaces import Box, Spaces
from ilkit.data.vector_environment import VectorEnvironment
from ilkit.math.drawing import BLUE, GREEN, GRID, ORANGE, Canvas
from ilkit.spec import Spec


class PointMass(Spec):
    """A point mass to be brought to rest in the plane: linear dynamics, quadratic cost, a known optimum."""

    kind: Literal["point_mass"] = "point_mass"
    mass: PositiveFloat = 1.0
    """The mass, in kg."""
    timestep: PositiveFloat = 0.1
    """The time between two steps, in s."""
    max_force: PositiveFloat = 8.0
    """The largest force along each axis, in N; more than the optimal policy uses in `max_position` and `max_speed`."""
    max_position: PositiveFloat = 1.0
    """The largest initial distance from the origin along each axis, in m."""
    max_speed: PositiveFloat = 1.0
    """The largest initial speed along each axis, in m/s."""
    position_cost: PositiveFloat = 1.0
    """The cost of a squared distance, q_p."""
    velocity_cost: NonNegativeFloat = 0.1
    """The cost of a squared speed, q_v."""
    force_cost: PositiveFloat = 0.1
    """The cost of a squared force, ρ."""
    max_steps: PositiveInt = 50
    """The number of steps after which an episode is truncated."""


class PointMassEnvironment(VectorEnvironment):
    """State and observation are (p, v), each of two entries; the action is the force."""

    spec: PointMass

    @property
    def timestep(self) -> float | Float[Array, ""]:
        """The time between two steps, in s."""
        return self.spec.timestep

    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " state"]:
        """Draws the position and the velocity uniformly from their box."""
        spec = self.spec
        high = jnp.stack([spec.max_position, spec.max_position, spec.max_speed, spec.max_speed])
        return jax.random.uniform(key, (4,), minval=-high, maxval=high)

    def step(
        self, state: Float[Array, " state"], action: Array, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " state"], Transition]:
        """Pushes the mass for one step; nothing ever terminates."""
        del key
        spec = self.spec
        force = jnp.clip(action, -spec.max_force, spec.max_force)
        position, velocity = state[:2], state[2:]
        cost = spec.position_cost * jnp.sum(position**2) + spec.velocity_cost * jnp.sum(velocity**2)
        cost = cost + spec.force_cost * jnp.sum(force**2)
        change = force * spec.timestep / spec.mass
        state = jnp.concatenate([position + (velocity + change / 2) * spec.timestep, velocity + change])
        return state, Transition(-cost, jnp.asarray(False))

    def observe(self, state: Float[Array, " state"]) -> Float[Array, " obs"]:
        """The state."""
        return state

    def state_of(self, obs: Float[Array, " obs"]) -> Float[Array, " state"]:
        """The observation."""
        return obs

    def mirror(self, obs: Float[Array, " obs"], action: Array) -> tuple[Float[Array, " obs"], Array]:
        """The plane turned by half a turn."""
        return -obs, -action

    def linear_quadratic(self) -> LinearQuadratic:
        """The matrices of the dynamics and of the cost."""
        spec, plane, nothing = self.spec, jnp.eye(2), jnp.zeros((2, 2))
        step = spec.timestep
        return LinearQuadratic(
            dynamics=jnp.block([[plane, plane * step], [nothing, plane]]),
            control=jnp.concatenate([plane * step**2 / 2, plane * step]) / spec.mass,
            state_cost=jnp.block([[plane * spec.position_cost, nothing], [nothing, plane * spec.velocity_cost]]),
            action_cost=plane * spec.force_cost,
        )

    def frame(self, state: Float[Array, " state"], height: int) -> UInt8[Array, "height width 3"]:
        """The mass, its velocity and its goal, seen from above."""
        reach = self.spec.max_position
        canvas = Canvas.blank(height, height, center=(0.0, 0.0), pixel=2.8 / height)
        for along in (canvas.x, canvas.y):
            canvas = canvas.paint(jnp.abs(along - jnp.round(2 * along) / 2) - 0.006, GRID)  # lines half a unit apart
        position = (state[0] / reach, state[1] / reach)
        ahead = (position[0] + 0.4 * state[2] / reach, position[1] + 0.4 * state[3] / reach)
        canvas = canvas.paint(canvas.ring((0.0, 0.0), 0.14, 0.035), GREEN)
        canvas = canvas.paint(canvas.rod(position, ahead, 0.035), ORANGE)
        return canvas.paint(canvas.disk(position, 0.09), BLUE).picture()


def env(spec: PointMass) -> Environment:
    """Builds the point mass."""
    return PointMassEnvironment(
        spec=spec,
        spaces=Spaces(observation=Box.symmetric((np.inf,) * 4), action=Box.symmetric((spec.max_force,) * 2)),
        max_steps=spec.max_steps,
        state_names=("x (m)", "y (m)", "x velocity (m/s)", "y velocity (m/s)"),
        state_box=Box.symmetric((spec.max_position, spec.max_position, spec.max_speed, spec.max_speed)),
    )
