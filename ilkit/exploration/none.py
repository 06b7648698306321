"""No exploration noise."""

from typing import Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ilkit.data.exploration import Exploration
from ilkit.data.spaces import Box, Spaces
from ilkit.data.uncertainty import Uncertainty
from ilkit.spec import Spec


class None_(Spec):  # noqa: N801 (a class can't be called None)
    """No noise beyond what the algorithm draws itself."""

    kind: Literal["none"] = "none"


class NoNoise(Exploration):
    """L(s) = 0."""

    average_scale: None
    size: int = eqx.field(static=True)

    def root(self, obs: PyTree) -> Float[Array, "act act"]:
        """Zeros; without rows where actions are discrete."""
        return jnp.zeros((self.size, self.size))


def exploration(spec: None_, uncertainty: Uncertainty, spaces: Spaces) -> Exploration:
    """Builds what adds nothing to an action."""
    return NoNoise(average_scale=None, size=spaces.action.size if isinstance(spaces.action, Box) else 0)
