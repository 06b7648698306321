"""A map of uncertainty over a slice of the state space."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ilkit.data.spaces import Box
from ilkit.data.uncertainty import Uncertainty
from ilkit.measuring.state_slice import grid_over


class UncertaintyMap(NamedTuple):
    """sqrt(tr cov / d) on a grid: the root mean square over action dimensions, in units of the action space."""

    x: Float[np.ndarray, " resolution"]
    y: Float[np.ndarray, " resolution"]
    scale: Float[np.ndarray, "resolution resolution"]
    """`scale[row, column]` belongs to `y[row]` and `x[column]`, as plotting libraries have it."""


def uncertainty_map(
    uncertainty: Uncertainty,
    observe: Callable[[Float[Array, " state"]], Float[Array, " obs"]],
    box: Box,
    dims: tuple[int, int] = (0, 1),
    resolution: int = 41,
) -> UncertaintyMap:
    """Evaluates cov(s) where the entries `dims` of the state vary over `box` and all others are at its center.

    `observe` turns a state into an observation (`env.observe`); where the map is over observations, the identity.

    **Raises:** `DataError` where `dims` isn't in the box or the box isn't finite.
    """
    x, y, states = grid_over(box, dims, resolution)
    return UncertaintyMap(x, y, np.asarray(_scales(uncertainty, observe, jnp.asarray(states))))


@eqx.filter_jit
def _scales(
    uncertainty: Uncertainty, observe: Callable[[Array], Array], states: Float[Array, "rows columns state"]
) -> Float[Array, "rows columns"]:
    def scale(state: Float[Array, " state"]) -> Float[Array, ""]:
        covariance = uncertainty.covariance(observe(state))
        return jnp.sqrt(jnp.trace(covariance) / len(covariance))

    return jax.vmap(jax.vmap(scale))(states)
