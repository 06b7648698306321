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
from ilkit.errors import DataError


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
    if len(set(dims)) != 2 or not all(0 <= dim < box.size for dim in dims):
        raise DataError(f"dims must be two different entries of a vector of {box.size}, got {dims}.")
    if not np.isfinite(box.bounds).all():
        raise DataError(f"A map needs a finite box, got low {box.low}, high {box.high}. Use the range of the data.")
    low, high = np.asarray(box.bounds, np.float32)
    x, y = (np.linspace(low[dim], high[dim], resolution, dtype=np.float32) for dim in dims)
    states = np.tile((low + high) / 2, (resolution, resolution, 1))
    states[..., dims[0]], states[..., dims[1]] = x, y[:, None]
    return UncertaintyMap(x, y, np.asarray(_scales(uncertainty, observe, jnp.asarray(states))))


@eqx.filter_jit
def _scales(
    uncertainty: Uncertainty, observe: Callable[[Array], Array], states: Float[Array, "rows columns state"]
) -> Float[Array, "rows columns"]:
    def scale(state: Float[Array, " state"]) -> Float[Array, ""]:
        covariance = uncertainty.covariance(observe(state))
        return jnp.sqrt(jnp.trace(covariance) / len(covariance))

    return jax.vmap(jax.vmap(scale))(states)
