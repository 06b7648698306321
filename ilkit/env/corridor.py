"""A corridor into a room with a goal: for pictures of where demonstrations leave a policy uncertain, in the plane.

A point moves with a velocity that the action sets, p' = p + a Δ; whoever touches a wall is out. All demonstrations
lead along the corridor. Where recordings end at the door (`rollout.episodes.max_steps` 20), nobody shows the way in the
room.
"""

from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, UInt8
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.data.vector_environment import VectorEnvironment
from ilkit.math.drawing import BLUE, GREEN, GRID, Canvas
from ilkit.spec import Spec

_DOOR, _END, _REACH = 1.0, 1.9, 0.6
"""Where the corridor ends and the room begins, where that ends, and how far it goes to both sides."""
_GOAL = (1.6, 0.35)
_GAIN = 4.0
"""How fast the demonstrator returns to the middle of the corridor."""


class Corridor(Spec):
    """A narrow corridor into a room, in the plane: of the way in the room, recordings may tell nothing."""

    kind: Literal["corridor"] = "corridor"
    half_width: PositiveFloat = 0.12
    """How far the walls of the corridor are from its middle."""
    initial_spread: NonNegativeFloat = 0.06
    """How far from the middle an episode starts, at most."""
    goal_radius: PositiveFloat = 0.12
    """How near to the goal is there."""
    timestep: PositiveFloat = 0.05
    """The time between two steps, in s; the largest speed is 1 along each axis, and the corridor is 1 long."""
    max_steps: PositiveInt = 60
    """The number of steps after which an episode is truncated."""


class CorridorEnvironment(VectorEnvironment):
    """State and observation are the position; the reward is 1 at the goal."""

    spec: Corridor
    goal_reward: ClassVar[float] = 1.0

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
        """Moves; an episode ends at the goal and at every wall."""
        del key
        state = state + jnp.clip(action, -1.0, 1.0) * self.spec.timestep
        beside = jnp.abs(state[1]) > jnp.where(state[0] < _DOOR, self.spec.half_width, _REACH)
        out = beside | (state[0] < -0.1) | (state[0] > _END)
        there = jnp.linalg.norm(state - jnp.asarray(_GOAL)) < self.spec.goal_radius
        return state, Transition(jnp.where(there, self.goal_reward, 0.0), out | there)

    def observe(self, state: Float[Array, " 2"]) -> Float[Array, " 2"]:
        """The state."""
        return state

    def state_of(self, obs: Float[Array, " 2"]) -> Float[Array, " 2"]:
        """The observation."""
        return obs

    def demonstrator(self) -> Policy:
        """Goes along the middle, then straight to the goal."""
        return CorridorPolicy(normalizer=Normalizer.identity(2), spaces=self.spaces)

    def position(self, obs: Float[Array, " 2"]) -> Float[Array, " 2"]:
        """The observation."""
        return obs

    def chart(self, height: int) -> tuple[UInt8[Array, "height width 3"], tuple[float, float, float, float]]:
        """Corridor, room and goal, seen from above."""
        canvas = self._canvas(height)
        half, middle = canvas.pixel * len(canvas.x[0]) / 2, (_END - 0.1) / 2
        return canvas.picture(), (middle - half, middle + half, -1.1 * _REACH, 1.1 * _REACH)

    def frame(self, state: Float[Array, " 2"], height: int) -> UInt8[Array, "height width 3"]:
        """The point in it."""
        canvas = self._canvas(height)
        return canvas.paint(canvas.disk((state[0], state[1]), 0.04), BLUE).picture()

    def _canvas(self, height: int) -> Canvas:
        pixel, middle = 2.2 * _REACH / height, (_END - 0.1) / 2
        canvas = Canvas.blank(height, round((_END + 0.2) / pixel), center=(middle, 0.0), pixel=pixel)
        canvas = canvas.paint(canvas.box(((_DOOR - 0.1) / 2, 0.0), _DOOR + 0.1, 2 * self.spec.half_width), GRID)
        canvas = canvas.paint(canvas.box(((_DOOR + _END) / 2, 0.0), _END - _DOOR, 2 * _REACH), GRID)
        return canvas.paint(canvas.ring(_GOAL, self.spec.goal_radius, 0.02), GREEN)


class CorridorPolicy(Policy):
    """As fast as may be along the middle and, from the door on, towards the goal."""

    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: Float[Array, " 2"]) -> tuple[PyTree, Float[Array, " 2"]]:
        """The velocity."""
        way = jnp.asarray(_GOAL) - obs
        along = jnp.stack([jnp.ones(()), jnp.clip(-_GAIN * obs[1], -1.0, 1.0)])
        return carry, jnp.where(obs[0] < _DOOR, along, way / jnp.maximum(jnp.linalg.norm(way), 1e-6))


def env(spec: Corridor) -> Environment:
    """Builds corridor and room."""
    return CorridorEnvironment(
        spec=spec,
        spaces=Spaces(observation=Box.symmetric((np.inf,) * 2), action=Box.symmetric((1.0, 1.0))),
        max_steps=spec.max_steps,
        state_names=("x", "y"),
        state_box=Box(low=(0.0, -_REACH), high=(_END, _REACH)),
    )
