"""Environments whose dynamics are known in a form that somebody can calculate with."""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Array, Float, Int

from ilkit.data.policy import Policy
from ilkit.data.tabular import Tabular


class LinearQuadratic(NamedTuple):
    """A linear system with quadratic cost: x' = A x + B u, reward = -(xᵀ Q x + uᵀ R u)."""

    dynamics: Float[Array, "obs obs"]
    control: Float[Array, "obs act"]
    state_cost: Float[Array, "obs obs"]
    action_cost: Float[Array, "act act"]


@runtime_checkable
class LinearQuadraticForm(Protocol):
    """An environment that is a linear system with quadratic cost, and observes its state."""

    def linear_quadratic(self) -> LinearQuadratic:
        """The matrices."""


@runtime_checkable
class TabularForm(Protocol):
    """An environment with finitely many states and actions, whose probabilities are known."""

    def tabular(self) -> Tabular:
        """The tables; an action's place in them is its place in the action space."""


@runtime_checkable
class ExactCosts(Protocol):
    """An environment in which it can be calculated what a policy costs."""

    def expected_costs(self, policy: Policy, horizons: Int[np.ndarray, " horizons"]) -> Float[np.ndarray, " horizons"]:
        """The expected sum of costs, which are the rewards' opposites, over so many steps of a policy's modes.

        The policy has no memory.
        """


class Rod(NamedTuple):
    """A rod that turns about its end in gravity, driven by a torque there; it observes (cos θ, sin θ, θ̇)."""

    gravity: float
    mass: float
    length: float
    max_torque: float


@runtime_checkable
class RodForm(Protocol):
    """An environment that is such a rod."""

    def rod(self) -> Rod:
        """Its constants."""


class HillCar(NamedTuple):
    """A car between hills of height sin 3x, pulled down by `gravity`; it observes (x, ẋ)."""

    gravity: float
    goal_position: float
    goal_velocity: float


@runtime_checkable
class HillCarForm(Protocol):
    """An environment that is such a car."""

    def hill_car(self) -> HillCar:
        """Its constants."""
