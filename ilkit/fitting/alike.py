"""What is the same in all training runs that are computed at once."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool


@jax.custom_batching.custom_vmap
def alike(flag: Bool[Array, ""]) -> Bool[Array, ""]:
    """A flag that all runs have alike, as one: `jax.lax.cond` by it then computes one side for all, and not both."""
    return flag


@alike.def_vmap
def _of_many(axis_size: int, in_batched: list[bool], flag: Bool[Array, " runs"]) -> tuple[Bool[Array, ""], bool]:
    del axis_size, in_batched
    return jnp.any(flag), False
