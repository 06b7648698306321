"""A policy that another one is to stay near."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ilkit.data.policy import Policy


class Anchor(NamedTuple):
    """A policy that another one is to stay near."""

    policy: Policy
    weight: Float[Array, ""]
    """What a departure from it costs."""


def anchor_of(policy: Policy, weight: float | None) -> Anchor | None:
    """The anchor, where there is a weight."""
    return None if weight is None else Anchor(policy, jnp.asarray(weight, jnp.float32))
