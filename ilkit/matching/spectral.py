"""Spectral normalization: every matrix of weights divided by its largest singular value (Miyato et al., 2018).

The singular value is that of the direction that a power iteration has found, σ = uᵀ W v; each use of the weights takes
one step of it.
"""

from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

Model = TypeVar("Model")
_FIRST_STEPS = 50
"""Steps of the power iteration before the first use."""


def first_directions(model: PyTree) -> PyTree:
    """The left singular directions of all matrices, None in the place of what is none."""
    started = jax.tree.map(
        lambda leaf: jnp.ones(leaf.shape[0]) / jnp.sqrt(leaf.shape[0]) if leaf.ndim == 2 else None, model
    )
    return jax.lax.fori_loop(0, _FIRST_STEPS, lambda _, directions: next_directions(model, directions), started)


def next_directions(model: PyTree, directions: PyTree) -> PyTree:
    """One step of the power iteration, for every matrix."""

    def turned(direction: Array | None, matrix: Array | None) -> Array | None:
        return None if direction is None or matrix is None else _unit(matrix @ _unit(direction @ matrix))

    return jax.tree.map(turned, directions, model, is_leaf=lambda leaf: leaf is None)


def normalized(model: Model, directions: PyTree) -> Model:
    """The model with each matrix divided by its largest singular value."""

    def divided(direction: Array | None, matrix: Array | None) -> Array | None:
        if direction is None or matrix is None:
            return matrix
        right = jax.lax.stop_gradient(_unit(direction @ matrix))
        return matrix / (jax.lax.stop_gradient(direction) @ matrix @ right)

    found: Model = jax.tree.map(divided, directions, model, is_leaf=lambda leaf: leaf is None)
    return found


def _unit(vector: Float[Array, " size"]) -> Float[Array, " size"]:
    return vector / jnp.maximum(jnp.linalg.norm(vector), 1e-12)
