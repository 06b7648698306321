"""The game of a classifier: log D for demonstrated steps, log(1 - D) for tried ones, with D = σ(V)."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
from jax.nn import softplus
from jaxtyping import Array, Float


@jax.tree_util.register_static
@dataclass(frozen=True)
class CrossEntropy:
    """Two functions of the logit."""

    expert_term: Callable[..., Float[Array, "..."]]
    learner_term: Callable[..., Float[Array, "..."]]


CROSS_ENTROPY = CrossEntropy(lambda logits: -softplus(-logits), softplus)
"""log D and -log(1 - D): the loss is the cross entropy, 2 ln 2 where nothing is told apart."""
