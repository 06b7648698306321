"""The same noise in every state and direction, as in DDPG and TD3 (Fujimoto et al., 2018)."""

from typing import Any, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree
from pydantic import NonNegativeFloat

from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.spec import Spec
from ilkit.stepping.behavior import AdditiveNoise, Behavior


class Isotropic(Spec):
    """The same Gaussian noise in every state and direction (Fujimoto et al., 2018)."""

    kind: Literal["isotropic"] = "isotropic"
    scale: NonNegativeFloat = 0.1
    """The standard deviation, in units of the action space."""

    def faults(self, world: Any) -> tuple[str, ...]:
        """Actions that are choices."""
        if isinstance(world.spaces.action, Box):
            return ()
        return ("kind: needs a continuous action space, got a discrete one. Choose none or own_density.",)


class IsotropicNoise(AdditiveNoise):
    """L(s) = scale · I."""

    average_scale: None
    floor: Float[Array, " act"]
    scale: Float[Array, ""]

    def root(self, obs: PyTree) -> Float[Array, "act act"]:
        """A multiple of the identity."""
        return self.scale * jnp.eye(len(self.floor))


def exploration(spec: Isotropic, spaces: Spaces) -> Behavior:
    """Builds noise that is the same everywhere."""
    if not isinstance(spaces.action, Box):
        raise DataError("exploration.kind isotropic needs a continuous action space; choose none.")
    return IsotropicNoise(None, jnp.zeros(spaces.action.size), jnp.asarray(spec.scale, jnp.float32))
