"""What an environment is: pure JAX, or on the host behind gymnasium's vector interface."""

from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx
import gymnasium
from jaxtyping import Array, Bool, Float, PRNGKeyArray, UInt8

from ilkit.data.spaces import Box, Discrete, Space, Spaces
from ilkit.errors import DataError


class Transition(NamedTuple):
    """What one step of an environment returns, beside its next state."""

    reward: Float[Array, ""]
    terminated: Bool[Array, ""]


class LinearQuadratic(NamedTuple):
    """A linear system with quadratic cost: x' = A x + B u, reward = -(xᵀ Q x + uᵀ R u)."""

    dynamics: Float[Array, "obs obs"]
    control: Float[Array, "obs act"]
    state_cost: Float[Array, "obs obs"]
    action_cost: Float[Array, "act act"]


class Environment(eqx.Module):
    """A pure-JAX environment: state vector in, state vector out, nothing hidden.

    The time limit `max_steps` is no part of the dynamics: whoever steps the environment counts the steps and
    calls an episode *truncated* at the limit, which is never merged with *terminated*.
    """

    spaces: eqx.AbstractVar[Spaces]
    max_steps: eqx.AbstractVar[int]
    state_names: eqx.AbstractVar[tuple[str, ...]]
    """What the entries of the state vector are, with units."""
    state_box: eqx.AbstractVar[Box]
    """The finite range of state vectors to draw random states from and to draw maps over."""

    @abstractmethod
    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " state"]:
        """Draws an initial state."""

    @abstractmethod
    def step(
        self, state: Float[Array, " state"], action: Array, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " state"], Transition]:
        """Advances the state by one action; an action outside of the space is clipped to it first."""

    @abstractmethod
    def observe(self, state: Float[Array, " state"]) -> Float[Array, " obs"]:
        """What a policy sees of a state."""

    @abstractmethod
    def state_of(self, obs: Float[Array, " obs"]) -> Float[Array, " state"]:
        """The state that an observation belongs to; the inverse of `observe`."""

    @abstractmethod
    def frame(self, state: Float[Array, " state"]) -> UInt8[Array, "height width 3"]:
        """Draws a state as a picture."""

    def mirror(self, obs: Float[Array, " obs"], action: Array) -> tuple[Float[Array, " obs"], Array]:
        """The mirror image of an observation and its action, where the dynamics are symmetric."""
        raise DataError(f"{type(self).__name__} has no mirror symmetry. Choose another augment.kind.")

    def linear_quadratic(self) -> LinearQuadratic:
        """The system's matrices, where the dynamics are linear and the cost is quadratic."""
        raise DataError(f"{type(self).__name__} isn't a linear system with quadratic cost. Use env.kind point_mass.")


class HostEnvironment(eqx.Module):
    """An environment that runs on the host: whoever steps it makes several and loops in Python."""

    spaces: eqx.AbstractVar[Spaces]
    max_steps: eqx.AbstractVar[int]

    @property
    def num_workers(self) -> int:
        """The number of processes that run episodes of it."""
        return 1

    @abstractmethod
    def make(self) -> gymnasium.Env[Any, Any]:
        """Makes a single one, which is given actions inside of `spaces` and observes vectors of any float.

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

    def make(self) -> gymnasium.Env[Any, Any]:
        """Refuses to.

        **Raises:** `DataError`, always.
        """
        raise DataError("Recordings can't be stepped in. Choose another env.kind, or leave out the stage that steps.")
