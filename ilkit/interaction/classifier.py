"""Two classes of observations, told apart by a small network."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.spaces import Space
from ilkit.fitting.minimize import minimize
from ilkit.nn.flatten import flatten
from ilkit.nn.perceptron import Layers, build_layers


class Classifier(eqx.Module):
    """The logit of a class, of observations that the normalizer standardizes."""

    layers: Layers
    normalizer: Normalizer
    observation: Space = eqx.field(static=True)

    @classmethod
    def build(cls, observation: Space, hidden: tuple[int, ...], *, key: PRNGKeyArray) -> "Classifier":
        """An untrained one."""
        layers = build_layers((observation.size, *hidden, 1), "tanh", key=key)
        return cls(layers, Normalizer.identity(observation), observation)

    def __call__(self, obs: PyTree) -> Float[Array, ""]:
        """The logit at one observation."""
        return self.layers(flatten(self.observation, self.normalizer(obs)))[0]

    def fitted(
        self,
        obs: PyTree,
        classes: Bool[Array, " rows"],
        weights: Float[Array, " rows"],
        normalizer: Normalizer,
        *,
        batch_size: int,
        num_steps: int,
        learning_rate: float | Float[Array, ""],
        key: PRNGKeyArray,
    ) -> "Classifier":
        """Goes on to minimize the cross entropy of rows drawn in proportion to their weights."""
        cumulative = jnp.cumsum(weights)

        def loss(classifier: Classifier, *, key: PRNGKeyArray) -> Float[Array, ""]:
            at = jax.random.uniform(key, (batch_size,)) * cumulative[-1]
            rows = jnp.minimum(jnp.searchsorted(cumulative, at, side="right"), len(classes) - 1)
            logits = jax.vmap(classifier)(jax.tree.map(lambda column: column[rows], obs))
            return jnp.mean(optax.sigmoid_binary_cross_entropy(logits, classes[rows].astype(jnp.float32)))

        started = Classifier(self.layers, normalizer, self.observation)
        return minimize(loss, optax.adam(learning_rate), started, num_steps, key=key)[0]
