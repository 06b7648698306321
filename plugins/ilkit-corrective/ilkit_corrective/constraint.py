"""Losses of residual dynamics that keep them from changing faster than the data show (Ke et al., CCIL, 2024).

With inputs x, targets y, both without units, and the network g:

    none, spectral:  E ‖g(x) - y‖² / d
    penalty:         the same + w · E max(0, ‖g(x + ε n) - g(x)‖ - L ε ‖n‖),  n ~ N(0, I)
    slack:           E σ(λ(x)) ‖g(x) - y‖² / d  - w · E σ(λ(x))

`spectral` and `slack` hold ‖W‖₂ ≤ L in each layer beside, so that g has the Lipschitz constant L^layers. With `slack` a
second network λ gives up samples, such as contacts, that so smooth a g can't fit: it pays w for each of them.
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.nn.perceptron import Layers

Constraint = Literal["none", "spectral", "penalty", "slack"]
BOUNDED = ("spectral", "slack")
"""The constraints that bound each layer."""


class Batch(NamedTuple):
    """Samples without units."""

    inputs: Float[Array, "batch in"]
    targets: Float[Array, "batch obs"]


def penalty(
    layers: Layers,
    inputs: Float[Array, "batch in"],
    lipschitz: Float[Array, ""],
    radius: Float[Array, ""],
    *,
    key: PRNGKeyArray,
) -> Float[Array, ""]:
    """E max(0, ‖g(x + ε n) - g(x)‖ - L ε ‖n‖) with one n for each sample."""
    step = radius * jax.random.normal(key, inputs.shape)
    moved = jnp.linalg.norm(layers(inputs + step) - layers(inputs), axis=-1)
    return jnp.mean(jnp.maximum(moved - lipschitz * jnp.linalg.norm(step, axis=-1), 0.0))


def squared_error(layers: Layers, batch: Batch) -> Float[Array, ""]:
    """E ‖g(x) - y‖² / d."""
    return jnp.mean((layers(batch.inputs) - batch.targets) ** 2)


def slack_error(layers: Layers, escape: Layers, batch: Batch, weight: Float[Array, ""]) -> Float[Array, ""]:
    """E σ(λ(x)) ‖g(x) - y‖² / d - w · E σ(λ(x))."""
    kept = jax.nn.sigmoid(escape(batch.inputs)[:, 0])
    errors = jnp.mean((layers(batch.inputs) - batch.targets) ** 2, axis=-1)
    return jnp.mean(kept * errors) - weight * jnp.mean(kept)
