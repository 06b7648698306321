"""A point in an empty room that is told where to be at the end: five moves, and a goal anywhere.

    x' = clip(x + 0.05 · direction(a) + noise · ε, -1, 1),    ε ~ N(0, 1), the same along both axes

Source: the demonstration of goal-conditioned supervised learning by its authors (Ghosh et al., Learning to Reach Goals
via Iterated Supervised Learning, 2019), where the noise is 0.01 and an episode has 50 steps.
"""

from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, UInt8
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.goal_entries import ACHIEVED, DESIRED, STEPS_LEFT
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Dict, Discrete, Spaces
from ilkit.data.vector_environment import VectorEnvironment
from ilkit.fitting.goals import reached
from ilkit.math.drawing import BLUE, GRID, ORANGE, Canvas
from ilkit.spec import Spec

_MOVES = np.asarray([(0, 1), (1, 0), (0, -1), (-1, 0), (0, 0)], np.float32)
_EDGE = 1.1


class PointRoom(Spec):
    """A point that moves up, right, down, left or not at all, to be at a goal anywhere in the room (Ghosh, 2019)."""

    kind: Literal["point_room"] = "point_room"
    step_size: PositiveFloat = 0.05
    """How far a move goes; the room reaches from -1 to 1."""
    noise: NonNegativeFloat = 0.01
    """The standard deviation of what pushes the point along the diagonal at every step."""
    tolerance: PositiveFloat = 0.15
    """How far from the goal still counts as reached."""
    show_horizon: bool = True
    """Whether the share of the steps that are left is observed."""
    max_steps: PositiveInt = 50
    """The number of steps after which an episode is truncated."""


class PointRoomEnvironment(VectorEnvironment):
    """States are (x, y, goal x, goal y, steps taken); the reward is 1 for a step that ends at the goal, else 0."""

    goal_reward: ClassVar[float] = 1.0
    spec: PointRoom

    @property
    def goal_tolerance(self) -> float | Float[Array, ""]:
        """How far from the goal still counts as reached."""
        return self.spec.tolerance

    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " 5"]:
        """Starts in the middle, with a goal from the whole room."""
        goal = jax.random.uniform(key, (2,), minval=-1.0, maxval=1.0)
        return jnp.concatenate([jnp.zeros(2), goal, jnp.zeros(1)])

    def step(
        self, state: Float[Array, " 5"], action: Array, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " 5"], Transition]:
        """Moves the point; an episode goes on at the goal, up to the time limit."""
        move = self.spec.step_size * jnp.asarray(_MOVES)[jnp.clip(action, 0, len(_MOVES) - 1)]
        place = jnp.clip(state[:2] + move + self.spec.noise * jax.random.normal(key), -1.0, 1.0)
        there = reached(place, state[2:4], self.spec.tolerance)
        after = jnp.concatenate([place, state[2:4], state[4:] + 1.0])
        return after, Transition(jnp.where(there, self.goal_reward, 0.0), jnp.zeros((), bool))

    def observe(self, state: Float[Array, " 5"]) -> dict[str, Float[Array, " entries"]]:
        """Where the point is, twice, and where it should be."""
        obs = {"observation": state[:2], ACHIEVED: state[:2], DESIRED: state[2:4]}
        return obs | ({STEPS_LEFT: 1.0 - state[4:] / self.max_steps} if self.spec.show_horizon else {})

    def demonstrator(self) -> Policy:
        """Makes the move that ends nearest to the goal."""
        normalizer = Normalizer.identity(self.spaces.observation)
        step_size = jnp.asarray(self.spec.step_size, jnp.float32)
        return NearestMove(step_size=step_size, normalizer=normalizer, spaces=self.spaces)

    def least_steps(
        self, starts: Float[np.ndarray, "pairs 2"], goals: Float[np.ndarray, "pairs 2"]
    ) -> Float[np.ndarray, " pairs"]:
        """The least number of moves, without noise, to the rim of what counts as the goal."""
        near, far = np.sort(np.abs(goals - starts), axis=1).T
        radius = self.spec.tolerance
        straight = far - np.sqrt(np.maximum(radius**2 - near**2, 0.0))
        way = np.where(near < radius / np.sqrt(2), straight, near + far - np.sqrt(2) * radius)
        return np.maximum(np.ceil(way / self.spec.step_size - 1e-6), 1.0)

    def position(self, obs: dict[str, Array]) -> Float[Array, " 2"]:
        """Where the point is."""
        return obs[ACHIEVED]

    def chart(self, height: int) -> tuple[UInt8[Array, "height width 3"], tuple[float, float, float, float]]:
        """The room."""
        return self._canvas(height).picture(), (-_EDGE, _EDGE, -_EDGE, _EDGE)

    def frame(self, state: Float[Array, " 5"], height: int) -> UInt8[Array, "height width 3"]:
        """The point in the room, and its goal."""
        canvas = self._canvas(height)
        canvas = canvas.paint(canvas.ring((state[2], state[3]), self.spec.tolerance, 0.03), ORANGE)
        return canvas.paint(canvas.disk((state[0], state[1]), 0.05), BLUE).picture()

    def _canvas(self, height: int) -> Canvas:
        canvas = Canvas.blank(height, height, center=(0.0, 0.0), pixel=2 * _EDGE / height)
        return canvas.paint(canvas.box((0.0, 0.0), 2.0, 2.0), GRID)


class NearestMove(Policy):
    """The move after which the goal is nearest, were there no noise."""

    step_size: Float[Array, ""]
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: dict[str, Array]) -> tuple[PyTree, Array]:
        """The move."""
        after = obs[ACHIEVED] + self.step_size * jnp.asarray(_MOVES)
        return carry, jnp.argmin(jnp.sum((after - obs[DESIRED]) ** 2, axis=1)).astype(jnp.int32)


def env(spec: PointRoom) -> Environment:
    """Builds the room."""
    room = Box.symmetric((1.0, 1.0))
    shown = ((STEPS_LEFT, Box(shape=(1,), low=0.0, high=1.0)),) if spec.show_horizon else ()
    entries = (("observation", room), (ACHIEVED, room), (DESIRED, room), *shown)
    return PointRoomEnvironment(
        spec=spec,
        spaces=Spaces(observation=Dict(entries=entries), action=Discrete(size=len(_MOVES))),
        max_steps=spec.max_steps,
        state_names=("x", "y", "goal x", "goal y", "steps taken"),
        state_box=Box(low=(-1.0,) * 4 + (0.0,), high=(1.0,) * 4 + (float(spec.max_steps),)),
    )
