"""Which entries of an observation a policy should see, by ridge regression of scores on graphs.

After every score y of a graph g ∈ {0, 1}^d,

    w, b = argmin Σ (y - b - w · g)² + ‖w‖²,    p(g) = Π_i σ(w_i / τ)^g_i (1 - σ(w_i / τ))^(1 - g_i),

where scores are standardized first. The next graph is drawn from p; the one that is found has the entries with w > 0
(de Haan et al., Causal Confusion in Imitation Learning, 2019, algorithm 1).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


class MaskRegression(NamedTuple):
    """Sums over all graphs g = (1, g_1, …, g_d) and scores y so far."""

    graphs: Float[Array, "columns columns"]
    """Σ g gᵀ."""
    products: Float[Array, " columns"]
    """Σ y g."""
    squares: Float[Array, ""]
    """Σ y²."""

    @classmethod
    def empty(cls, size: int) -> "MaskRegression":
        """Nothing known: every graph is as likely."""
        return cls(jnp.zeros((size + 1, size + 1)), jnp.zeros(size + 1), jnp.zeros(()))

    def add(self, masks: Float[Array, "graphs obs"], scores: Float[Array, " graphs"]) -> "MaskRegression":
        """Takes graphs and their scores in."""
        columns = jnp.concatenate([jnp.ones((len(masks), 1)), masks], axis=1)
        return MaskRegression(
            self.graphs + columns.T @ columns, self.products + columns.T @ scores, self.squares + jnp.sum(scores**2)
        )

    def weights(self) -> Float[Array, " obs"]:
        """w, in standard deviations of the scores."""
        count = jnp.maximum(self.graphs[0, 0], 1.0)
        mean = self.products[0] / count
        std = jnp.sqrt(jnp.maximum(self.squares / count - mean**2, 0.0))
        penalty = jnp.ones(len(self.products)).at[0].set(1e-6)
        products = (self.products - mean * self.graphs[0]) / jnp.where(std > 1e-6 * jnp.abs(mean), std, 1.0)
        return jnp.linalg.solve(self.graphs + jnp.diag(penalty), products)[1:]

    def draw(
        self, temperature: Float[Array, ""] | float, count: int, *, key: PRNGKeyArray
    ) -> Float[Array, "graphs obs"]:
        """Graphs from p(g)."""
        weights = self.weights()
        return jax.random.bernoulli(key, jax.nn.sigmoid(weights / temperature), (count, len(weights))).astype(
            jnp.float32
        )

    def found(self) -> Float[Array, " obs"]:
        """The entries that raise the score."""
        return (self.weights() > 0).astype(jnp.float32)
