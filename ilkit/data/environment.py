"""What an environment is: pure JAX, or on the host behind gymnasium's vector interface."""

from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree, Shaped, UInt8

from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Space, Spaces
from ilkit.errors import DataError


class Transition(NamedTuple):
    """What one step of an environment returns, beside its next state."""

    reward: Float[Array, ""]
    terminated: Bool[Array, ""]


class Environment(eqx.Module):
    """A pure-JAX environment: a state, any pytree of arrays, in and out, nothing hidden.

    What only some environments can do, be drawn or mirrored, is asked for by `isinstance` with the protocols of this
    module. The time limit `max_steps` is no part of the dynamics: whoever steps the environment counts the steps and
    calls an episode *truncated* at the limit, which is never merged with *terminated*.
    """

    spaces: eqx.AbstractVar[Spaces]
    max_steps: eqx.AbstractVar[int]

    @property
    def timestep(self) -> float | Float[Array, ""]:
        """The time between two steps, in s; 1 where time has no unit."""
        return 1.0

    @abstractmethod
    def reset(self, *, key: PRNGKeyArray) -> PyTree:
        """Draws an initial state."""

    @abstractmethod
    def step(self, state: PyTree, action: Array, *, key: PRNGKeyArray) -> tuple[PyTree, Transition]:
        """Advances the state by one action; an action outside of the space is clipped to it first."""

    @abstractmethod
    def observe(self, state: PyTree) -> PyTree:
        """What a policy sees of a state."""


@runtime_checkable
class Drawable(Protocol):
    """An environment whose states can be drawn."""

    def frame(self, state: PyTree, height: int) -> UInt8[Array, "height width 3"]:
        """A picture of a state, of so many rows."""


@runtime_checkable
class Mapped(Protocol):
    """An environment that something moves through, in the plane."""

    def position(self, obs: PyTree) -> Float[Array, " 2"]:
        """Where an observation lies on the map: x to the right, y upwards."""

    def chart(self, height: int) -> tuple[UInt8[Array, "height width 3"], tuple[float, float, float, float]]:
        """A picture of the map without what moves, and the left, right, lower and upper end of it."""


@runtime_checkable
class Placed(Protocol):
    """An environment that something moves through, of which only the states say where: the policy sees a picture."""

    def place(self, state: PyTree) -> Float[Array, " 2"]:
        """Where a state lies on the map: x to the right, y upwards."""

    def chart(self, height: int) -> tuple[UInt8[Array, "height width 3"], tuple[float, float, float, float]]:
        """A picture of the map without what moves, and the left, right, lower and upper end of it."""


@runtime_checkable
class GoalRewarding(Protocol):
    """An environment whose rewards are above 0 where its goal is reached, and nowhere else."""

    goal_reward: ClassVar[float]
    """What it gives there."""


@runtime_checkable
class GoalReaching(Protocol):
    """An environment that tells where to go: it observes `achieved_goal` and `desired_goal`."""

    @property
    def goal_tolerance(self) -> float | Float[Array, ""]:
        """How far from the goal still counts as reached, in the units of goals."""


@runtime_checkable
class ChangingGoals(Protocol):
    """An environment that may tell another goal within an episode."""

    @property
    def changes_goals(self) -> bool:
        """Whether it does."""


@runtime_checkable
class ShortestWays(Protocol):
    """An environment that knows how far its goals are, whatever stands in the way."""

    def least_steps(
        self, starts: Shaped[np.ndarray, "pairs *goal"], goals: Shaped[np.ndarray, "pairs *goal"]
    ) -> Float[np.ndarray, " pairs"]:
        """The least number of steps after which what is achieved at a start can count as the goal, at least 1."""


@runtime_checkable
class HeldOutPairs(Protocol):
    """An environment that holds pairs of a start and a goal out, which no data are recorded for."""

    def are_held_out(
        self, starts: Shaped[np.ndarray, "pairs *goal"], goals: Shaped[np.ndarray, "pairs *goal"]
    ) -> Bool[np.ndarray, " pairs"]:
        """Which of these pairs are held out."""


class GoalCells(NamedTuple):
    """A grid on a map, by whose cells starts and goals are told apart."""

    rows: int
    columns: int
    ends: tuple[float, float, float, float]
    """The left, right, lower and upper end of the grid."""


@runtime_checkable
class CellMapped(Protocol):
    """An environment whose map is one of cells."""

    def goal_cells(self) -> GoalCells:
        """The grid that the cells are of."""


@runtime_checkable
class Demonstrated(Protocol):
    """An environment that comes with a demonstrator of its own."""

    def demonstrator(self) -> Policy:
        """The policy that demonstrates."""


@runtime_checkable
class VectorState(Protocol):
    """An environment whose states are vectors."""

    state_names: tuple[str, ...]
    """What the entries of the state vector are, with units."""
    state_box: Box
    """The finite range of state vectors to draw random states from and to draw maps over."""


@runtime_checkable
class Invertible(Protocol):
    """An environment whose observations determine its states."""

    def state_of(self, obs: PyTree) -> PyTree:
        """The state that an observation belongs to; the inverse of `observe`."""


@runtime_checkable
class Mirrored(Protocol):
    """An environment whose dynamics are symmetric."""

    def mirror(self, obs: PyTree, action: Array) -> tuple[PyTree, Array]:
        """The mirror image of an observation and its action."""


class HostEnvironment(eqx.Module):
    """An environment that runs on the host: whoever steps it makes several and loops in Python."""

    spaces: eqx.AbstractVar[Spaces]
    max_steps: eqx.AbstractVar[int]

    @property
    def num_workers(self) -> int:
        """The number of processes that run episodes of it."""
        return 1

    @property
    def repeats(self) -> bool:
        """Whether the seed of a reset and the actions after it decide an episode."""
        return True

    @abstractmethod
    def make(self, render_mode: str | None = None) -> Any:
        """Makes a single `gymnasium.Env`, which is given actions inside of `spaces` and renders in this mode.

        The seed of a reset and the actions after it decide an episode: a run that was stopped plays it again.
        """


class RecordedEnvironment(HostEnvironment):
    """An environment of which there are only recordings: it has spaces, as far as they are told, and no step."""

    observation: Space | None = eqx.field(static=True, default=None)
    action: Box | Discrete | None = eqx.field(static=True, default=None)
    max_steps: int = eqx.field(static=True, default=0)

    @property  # type: ignore[misc]
    def spaces(self) -> Spaces:  # type: ignore[override]
        """The spaces.

        **Raises:** `DataError` where one isn't told.
        """
        if self.observation is None or self.action is None:
            raise DataError(
                "The spaces of recordings must be told where they are asked for. Set observation and action of "
                "env.recorded, or leave env out of the stage that reads them."
            )
        return Spaces(observation=self.observation, action=self.action)

    def make(self, render_mode: str | None = None) -> Any:
        """Refuses to.

        **Raises:** `DataError`, always.
        """
        raise DataError("Recordings can't be stepped in. Choose another env.kind, or leave out the stage that steps.")
