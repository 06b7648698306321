"""A whole minimization inside a compiled step."""

from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.fitting.gradient import descend, partition

Model = TypeVar("Model")


def minimize(
    loss: Callable[..., Float[Array, ""]],
    optimizer: optax.GradientTransformation,
    model: Model,
    num_steps: int,
    *,
    key: PRNGKeyArray,
) -> tuple[Model, Float[Array, ""]]:
    """Takes steps down the gradient of `loss(model, key=key)`, a new optimizer's; the mean of the losses beside it."""
    trained, fixed = partition(model)

    def step(carried: tuple[PyTree, PyTree], key: PRNGKeyArray) -> tuple[tuple[PyTree, PyTree], Float[Array, ""]]:
        trained, state = carried
        value, gradient = jax.value_and_grad(lambda one: loss(eqx.combine(one, fixed), key=key))(trained)
        return descend(optimizer, gradient, state, trained), value

    (trained, _), losses = jax.lax.scan(step, (trained, optimizer.init(trained)), jax.random.split(key, num_steps))
    return eqx.combine(trained, fixed), jnp.mean(losses)
