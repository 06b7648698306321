"""Random orders of the steps of a rollout."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray


def permutations(count: int, size: int, *, key: PRNGKeyArray) -> Int[Array, "count size"]:
    """Random permutations, by sorting random bits that carry the index in their lowest bits.

    On a CPU one sort without a payload takes a tenth of the time of `jax.random.permutation`.
    """
    low = jnp.uint32((1 << (size - 1).bit_length()) - 1)
    bits = jax.random.bits(key, (count * size,), jnp.uint32).reshape(count, size)
    return (jnp.sort((bits & ~low) | jnp.arange(size, dtype=jnp.uint32), axis=-1) & low).astype(jnp.int32)
