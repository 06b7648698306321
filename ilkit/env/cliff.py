"""A way along a cliff: who falls once has fallen, so that no label for what to do then helps (Ross et al., 2011).

DAgger's bound is linear in the horizon only where the expert's cost after one error is bounded; here it is as long as
the rest of the episode, and a clone and DAgger cost the same.
"""

from typing import Annotated, Literal

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int
from pydantic import Field, PositiveInt

from ilkit.data.environment import Environment
from ilkit.spec import Spec
from ilkit.stepping.two_states import RETURN, SPACES, TwoStates


class Cliff(Spec):
    """A way along a cliff that nobody climbs again: clones and DAgger both cost O(ε T²)."""

    kind: Literal["cliff"] = "cliff"
    error: Annotated[float, Field(ge=0, le=1)] = 0.01
    """The probability with which the other action is done than the one chosen; 0 while an expert demonstrates."""
    max_steps: PositiveInt = 100
    """The number of steps after which an episode is truncated."""


class CliffEnvironment(TwoStates):
    """Keeping stays on the way, returning leads off it, and nothing leads back."""

    spec: Cliff

    def error_at(self, off: Bool[Array, ""]) -> Float[Array, ""]:
        """ε, which below the cliff changes nothing."""
        return jnp.where(off, 0.0, self.spec.error)

    def leads_off(self, off: Bool[Array, ""], action: Int[Array, ""]) -> Bool[Array, ""]:
        """Whatever is done below, and returning above."""
        return off | (action == RETURN)


def env(spec: Cliff) -> Environment:
    """Builds the way."""
    return CliffEnvironment(spec=spec, spaces=SPACES, max_steps=spec.max_steps)
