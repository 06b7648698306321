"""The same noise in every state and direction, as in DDPG and TD3 (Fujimoto et al., 2018)."""

from typing import Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree
from pydantic import NonNegativeFloat

from ilkit.data.exploration import Exploration
from ilkit.data.spaces import Box, Spaces
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import DataError
from ilkit.spec import Spec


class Isotropic(Spec):
    """The same Gaussian noise in every state and direction (Fujimoto et al., 2018)."""

    kind: Literal["isotropic"] = "isotropic"
    scale: NonNegativeFloat = 0.1
    """The standard deviation, in units of the action space."""


class IsotropicNoise(Exploration):
    """L(s) = scale · I."""

    average_scale: None
    scale: Float[Array, ""]
    size: int = eqx.field(static=True)

    def root(self, obs: PyTree) -> Float[Array, "act act"]:
        """A multiple of the identity."""
        return self.scale * jnp.eye(self.size)


def exploration(spec: Isotropic, uncertainty: Uncertainty, spaces: Spaces) -> Exploration:
    """Builds noise that ignores the uncertainty."""
    if not isinstance(spaces.action, Box):
        raise DataError("exploration.kind isotropic needs a continuous action space; choose none.")
    scale = jnp.asarray(spec.scale, jnp.float32)
    return IsotropicNoise(average_scale=None, scale=scale, size=spaces.action.size)
