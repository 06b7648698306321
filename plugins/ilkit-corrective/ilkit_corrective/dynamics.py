"""Dynamics as a residual, s' = s + f(s, a), by a network between numbers without units."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ilkit.nn.perceptron import Layers
from ilkit_corrective.scale import Scale

Change = Callable[[Float[Array, " obs"], Float[Array, " act"]], Float[Array, " obs"]]
"""f of s' = s + f(s, a)."""


class ResidualDynamics(eqx.Module):
    """f(s, a) = mean(Δ) + dev(Δ) ⊙ g(x), where x holds s and a by their mean and mean absolute deviation dev.

    Entries that don't vary are 0 in x, and change by their mean. With a Lipschitz constant L of g,
    ‖(f(s, a) - f(s', a')) / dev(Δ)‖ ≤ L ‖x - x'‖.
    """

    layers: Layers
    obs: Scale
    action: Scale
    change: Scale

    def inputs(self, obs: Float[Array, "*batch obs"], action: Float[Array, "*batch act"]) -> Float[Array, "*batch in"]:
        """The vector x that the network takes in."""
        return jnp.concatenate([self.obs.scaled(obs), self.action.scaled(action)], axis=-1)

    def __call__(
        self, obs: Float[Array, "*batch obs"], action: Float[Array, "*batch act"]
    ) -> Float[Array, "*batch obs"]:
        """f(s, a)."""
        return self.change.restored(self.layers(self.inputs(obs, action)))

    def error(
        self,
        obs: Float[Array, "*batch obs"],
        action: Float[Array, "*batch act"],
        next_obs: Float[Array, "*batch obs"],
    ) -> Float[Array, "*batch"]:
        """How far the next observation is from the predicted one, over dev(Δ): root mean square of what varies."""
        missed = self.change.ratio(next_obs - obs - self(obs, action))
        return jnp.sqrt(jnp.sum(missed**2, axis=-1) / jnp.sum(self.change.deviation > 0.0))


def spectral_norms(layers: Layers) -> Float[Array, " layers"]:
    """The largest singular value of every layer; their product is a Lipschitz constant of layers of ReLU or tanh."""
    return jnp.stack([jnp.linalg.norm(weight, ord=2) for weight in layers.weights])


def shrunk(layers: Layers, norms: Float[Array, " layers"], bound: Float[Array, ""]) -> Layers:
    """W min(1, L / ‖W‖₂) of every layer: the nearest multiple of W with ‖W‖₂ ≤ L (Gouk et al., 2021)."""
    factors = jnp.minimum(1.0, bound / jnp.maximum(norms, 1e-12))
    weights = tuple(weight * factor for weight, factor in zip(layers.weights, factors, strict=True))
    return eqx.tree_at(lambda tree: tree.weights, layers, weights)
