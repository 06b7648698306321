"""A rope that one falls off and can climb again, which the expert never has to (after Ross and Bagnell, 2010).

On the rope keep stays on it and return steps off; beside it return climbs up and keep stays beside it. The expert never
is beside it, so that a clone keeps there as it does everywhere, at a cost that grows with the square of the horizon.
Who was told what to do there, as DAgger is, pays in proportion to the horizon.
"""

from typing import Annotated, Literal

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int
from pydantic import Field, PositiveInt

from ilkit.data.environment import Environment
from ilkit.spec import Spec
from ilkit.stepping.two_states import RETURN, SPACES, TwoStates


class Rope(Spec):
    """A rope that one falls off by errors and can climb again: clones cost O(ε T²), DAgger O(ε T)."""

    kind: Literal["rope"] = "rope"
    error: Annotated[float, Field(ge=0, le=1)] = 0.01
    """The probability with which the other action is done than the one chosen; 0 while an expert demonstrates."""
    errors: Literal["everywhere", "on"] = "everywhere"
    """Where errors happen: in both states, or on the rope alone."""
    max_steps: PositiveInt = 100
    """The number of steps after which an episode is truncated."""


class RopeEnvironment(TwoStates):
    """Each action leads off the rope in the one state and onto it in the other."""

    spec: Rope

    def error_at(self, off: Bool[Array, ""]) -> Float[Array, ""]:
        """ε; beside the rope 0 where errors happen on it alone."""
        spared = off & (self.spec.errors == "on")
        return jnp.where(spared, 0.0, self.spec.error)

    def leads_off(self, off: Bool[Array, ""], action: Int[Array, ""]) -> Bool[Array, ""]:
        """Returning on the rope, and keeping beside it."""
        return off != (action == RETURN)


def env(spec: Rope) -> Environment:
    """Builds the rope."""
    return RopeEnvironment(spec=spec, spaces=SPACES, max_steps=spec.max_steps)
