"""What happens on the host between compiled steps has an axis for the seeds that train at once, or none."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Key


def each(function: Callable[..., Any], num_axes: int) -> Callable[..., Any]:
    """The function of each seed, where there is an axis for them."""
    return eqx.filter_vmap(function) if num_axes else function


def split_each(key: Key[Array, "*seeds"], number: int) -> list[Key[Array, "*seeds"]]:
    """So many keys from that of each seed."""
    keys = jnp.vectorize(lambda key: jax.random.split(key, number), signature="()->(n)")(key)
    return [keys[..., index] for index in range(number)]
