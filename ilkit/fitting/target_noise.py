"""Noise on demonstrated actions, fresh whenever a step is learnt from."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.windows import Transitions, Window, windows

_BLOCK = 1024
"""Rows whose noise is found at once, so that that of many fits into the memory."""


class TargetNoise(eqx.Module):
    """L of each row, a square root of the covariance of the noise on its action; its diagonal where that is all."""

    roots: Float[Array, "capacity act *act"]

    @classmethod
    @eqx.filter_jit
    def of(
        cls,
        root: Callable[[PyTree], Float[Array, "act *act"]],
        transitions: Transitions,
        average_scale: float | Float[Array, ""] | None = None,
    ) -> "TargetNoise":
        """L(s) = root(s) of every row, rescaled, where `average_scale` is given, to this root mean square of the noise
        per action dimension over all that count."""
        roots = jax.lax.map(root, transitions.before(), batch_size=_BLOCK)
        if average_scale is None:
            return cls(roots)
        squares = jnp.sum(roots.reshape(len(roots), -1) ** 2, axis=-1) / roots.shape[1]
        square = jnp.sum(jnp.where(transitions.counted, squares, 0.0)) / transitions.num_counted
        return cls(roots * average_scale / jnp.sqrt(jnp.maximum(square, 1e-12)))

    def windows(
        self, transitions: Transitions, rows: Int[Array, " batch"], past: int, ahead: int, *, key: PRNGKeyArray
    ) -> Window:
        """The windows around these rows, with actions a + L ε, ε ~ N(0, I)."""
        batch = windows(transitions, rows, past, ahead)
        roots = windows(transitions._replace(actions=self.roots), rows, past, ahead).actions
        noise = jax.random.normal(key, batch.actions.shape)
        drawn = roots * noise if roots.ndim == noise.ndim else jnp.einsum("btij,btj->bti", roots, noise)
        return batch._replace(actions=batch.actions + drawn)
