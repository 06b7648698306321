"""A policy that another one is to stay near."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ilkit.data.policy import Policy


class Anchor(NamedTuple):
    """A policy that another one is to stay near."""

    policy: Policy
    weight: Float[Array, ""]
    """What a departure from it costs."""


def faded(anchor: Anchor, step: Int[Array, ""], half_life: float | Float[Array, ""] | None) -> Float[Array, ""]:
    """The weight of an anchor so many steps after it began to fade, if it does: half of it after each half-life."""
    return anchor.weight if half_life is None else anchor.weight * 0.5 ** (jnp.maximum(step, 0) / half_life)


def anchor_of(policy: Policy, weight: float | None) -> Anchor | None:
    """The anchor, where there is a weight."""
    return None if weight is None else Anchor(policy, jnp.asarray(weight, jnp.float32))
