"""The particle task in N dimensions: one goal, then the other (Florence et al., Implicit Behavioral Cloning, 2021).

A particle is drawn by a spring to the set-point that the action gives, in ten small steps an action:

    v ← v + (k_p (a - x) - k_v v) δ,    x ← x + v δ
"""

from typing import Annotated, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree, UInt8
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.math.drawing import BLUE, GREEN, ORANGE, Canvas
from ilkit.spec import Spec

_REPEATS = 10
_EDGE = 0.15
"""What a map shows beyond the goals."""


class Particle(Spec):
    """A particle that has to visit one goal and then another, in 1 to 16 dimensions (Florence et al., 2021)."""

    kind: Literal["particle"] = "particle"
    num_dimensions: Annotated[int, Field(ge=1, le=64)] = 2
    """The dimensions of the space."""
    position_gain: PositiveFloat = 10.0
    """k_p: the stiffness of the spring, in 1/s²."""
    velocity_gain: NonNegativeFloat = 5.0
    """k_v: its damping, in 1/s."""
    timestep: PositiveFloat = 0.05
    """The time between two actions, in s, which is made of ten steps δ."""
    goal_distance: PositiveFloat = 0.05
    """How near to a goal counts as there."""
    switch_distance: PositiveFloat = 0.01
    """How near to the first goal the demonstrator goes before it turns to the second one."""
    max_steps: PositiveInt = 50
    """The number of steps after which an episode is truncated."""


class ParticleState(NamedTuple):
    """All that changes, and the goals."""

    position: Float[Array, " dimensions"]
    velocity: Float[Array, " dimensions"]
    first: Float[Array, " dimensions"]
    second: Float[Array, " dimensions"]
    visited: Bool[Array, ""]
    """Whether the first goal has been reached."""


class ParticleEnvironment(Environment):
    """The observation is (x, v, first goal, second goal); the reward is 1 once both were reached in their order."""

    spec: Particle
    spaces: Spaces = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)

    @property
    def timestep(self) -> float | Float[Array, ""]:
        """The time between two steps, in s."""
        return self.spec.timestep

    def reset(self, *, key: PRNGKeyArray) -> ParticleState:
        """Draws position and goals uniformly in the unit cube; the particle is at rest."""
        size = self.spec.num_dimensions
        position, first, second = jax.random.uniform(key, (3 * size,)).reshape(3, size)
        return ParticleState(position, jnp.zeros(size), first, second, jnp.asarray(False))

    def step(self, state: ParticleState, action: Array, *, key: PRNGKeyArray) -> tuple[ParticleState, Transition]:
        """Moves for ten small steps; an episode ends at the second goal after the first."""
        del key
        spec, point = self.spec, jnp.clip(action, 0.0, 1.0)
        position, velocity = state.position, state.velocity
        for _ in range(_REPEATS):
            force = spec.position_gain * (point - position) - spec.velocity_gain * velocity
            velocity = velocity + force * spec.timestep / _REPEATS
            position = position + velocity * spec.timestep / _REPEATS
        there = state.visited & (jnp.linalg.norm(position - state.second) < spec.goal_distance)
        visited = state.visited | (jnp.linalg.norm(position - state.first) < spec.goal_distance)
        moved = ParticleState(position, velocity, state.first, state.second, visited)
        return moved, Transition(jnp.where(there, 1.0, 0.0), there)

    def observe(self, state: ParticleState) -> Float[Array, " obs"]:
        """Position, velocity and goals."""
        return jnp.concatenate([state.position, state.velocity, state.first, state.second])

    def demonstrator(self) -> Policy:
        """Goes to the first goal and, once it was near, to the second one."""
        near = jnp.asarray(self.spec.switch_distance, jnp.float32)
        normalizer = Normalizer.identity(4 * self.spec.num_dimensions)
        return ParticlePolicy(switch_distance=near, normalizer=normalizer, spaces=self.spaces)

    def position(self, obs: Float[Array, " obs"]) -> Float[Array, " 2"]:
        """The first two coordinates; in one dimension, the only one."""
        return jnp.resize(obs[: min(self.spec.num_dimensions, 2)], (2,))

    def chart(self, height: int) -> tuple[UInt8[Array, "height width 3"], tuple[float, float, float, float]]:
        """An empty map: every episode has goals of its own."""
        return self._canvas(height).picture(), (-_EDGE, 1 + _EDGE, -_EDGE, 1 + _EDGE)

    def frame(self, state: ParticleState, height: int) -> UInt8[Array, "height width 3"]:
        """The particle and its goals, by their first two coordinates."""
        canvas = self._canvas(height)
        for goal, color in ((state.first, GREEN), (state.second, ORANGE)):
            canvas = canvas.paint(canvas.ring(self._plane(goal), self.spec.goal_distance, 0.02), color)
        return canvas.paint(canvas.disk(self._plane(state.position), 0.03), BLUE).picture()

    def _canvas(self, height: int) -> Canvas:
        return Canvas.blank(height, height, center=(0.5, 0.5), pixel=(1 + 2 * _EDGE) / height)

    def _plane(self, point: Float[Array, " dimensions"]) -> tuple[Array, Array]:
        return point[0], point[min(1, len(point) - 1)]


class ParticlePolicy(Policy):
    """The oracle: a set-point at the first goal until it is near, then at the second one."""

    switch_distance: Float[Array, ""]
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def initial_carry(self) -> Bool[Array, ""]:
        """The first goal hasn't been near."""
        return jnp.zeros((), bool)

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Float[Array, " act"]]:
        """The goal to go to."""
        position, _, first, second = jnp.split(obs, 4)
        turned = carry | (jnp.linalg.norm(position - first) < self.switch_distance)
        return turned, jnp.where(turned, second, first)


def env(spec: Particle) -> Environment:
    """Builds the particle."""
    size = spec.num_dimensions
    return ParticleEnvironment(
        spec=spec,
        spaces=Spaces(
            observation=Box.symmetric((np.inf,) * 4 * size), action=Box(low=(0.0,) * size, high=(1.0,) * size)
        ),
        max_steps=spec.max_steps,
    )
