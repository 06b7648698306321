"""The autoregressive head: each entry of an action is cut into bins and depends on those before it.

    log π(a | s) = Σ_i log p(bin of a_i | s, a_1, ..., a_{i-1}) - log(width of the bin)

(after Metz et al., Discrete Sequential Prediction of Continuous Actions, 2017). In training all entries are predicted
at once from those that were demonstrated; in sampling one after the other from those that were drawn. It is fitted by
maximum likelihood, and overfits on few data: stop early.
"""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import Field

from ilkit.data.build import Build
from ilkit.data.network import Network
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.data.windows import Transitions
from ilkit.math.choices import choice_at
from ilkit.nn.action_range import ActionRange
from ilkit.nn.bins import Bins
from ilkit.nn.conditional_head import ConditionalHead, ConditionalSpec, prepared
from ilkit.nn.perceptron import Layers, build_layers

_TAILS = 2

Choose = Callable[[Array, Array, Array, Array], Float[Array, ""]]
"""An entry of an action, by the logits, the edges and the centers of its bins and by what is given for it."""


class Autoregressive(ConditionalSpec):
    """A histogram for each entry of an action, given the entries before it (Metz et al., 2017)."""

    kind: Literal["autoregressive"] = "autoregressive"
    hidden: tuple[Annotated[int, Field(gt=0)], ...] = (128, 128)
    """The sizes of the hidden layers of the head, for each entry of an action."""
    num_bins: Annotated[int, Field(ge=2)] = 64
    """The bins of each entry."""
    bins: Literal["uniform", "quantile"] = "uniform"
    """Whether bins are as wide as each other, within the bounds or those of the data, or hold as many data."""
    draw: Literal["uniform", "center"] = "uniform"
    """Whether samples are uniform inside of a bin, as the density says, or the median of the data in it."""


class AutoregressivePolicy(ConditionalHead):
    """p(bin of a_i | s, a_<i) from layers for each i, on features of the observation and the entries before."""

    layers: Layers
    """Of each entry, stacked."""
    span: ActionRange
    bins: Bins
    spec: Autoregressive = eqx.field(static=True)
    has_smooth_mode: ClassVar[bool] = False

    def fitted(self, transitions: Transitions) -> "AutoregressivePolicy":
        """The policy with the statistics of its data, and with bins of their range or their quantiles."""
        fitted = super().fitted(transitions)
        span = self.span.fitted(transitions)
        if self.spec.bins == "quantile":
            bins = Bins.quantile(span, transitions, self.spec.num_bins)
        else:
            bins = Bins.uniform(span, self.spec.num_bins)
        parts = (span, bins.centered(transitions))
        return eqx.tree_at(lambda policy: (policy.span, policy.bins), fitted, parts)

    def log_probabilities(
        self, outputs: Float[Array, " features"], action: Float[Array, " act"]
    ) -> Float[Array, "act bins"]:
        """The logarithms of p(bin of a_i | s, a_<i) for all bins, entry by entry, after the entries of this action."""
        size = len(action)
        earlier = np.tril(np.ones((size, size), np.float32), -1) * self._seen(action)
        inputs = jnp.concatenate([earlier, jnp.broadcast_to(outputs, (size, len(outputs)))], axis=1)
        logits = jax.vmap(lambda layers, row: layers(row))(self.layers, inputs)
        return jax.nn.log_softmax(jnp.where(self.bins.widths > 0, logits, -jnp.inf))

    def mode_from(self, outputs: Float[Array, " features"]) -> Float[Array, " act"]:
        """The center of the likeliest bin, entry after entry."""
        return self._unrolled(outputs, _likeliest, jnp.zeros(len(self.bins.edges)))

    def sample_from(self, outputs: Float[Array, " features"], *, key: PRNGKeyArray) -> Float[Array, " act"]:
        """Draws an action, entry after entry."""
        return self._unrolled(outputs, self._drawn, jax.random.split(key, len(self.bins.edges)))

    @property
    def noise_size(self) -> int:
        """One number for each entry."""
        return self.spaces.action.size

    def steer_from(self, outputs: Float[Array, " features"], noise: Float[Array, " act"]) -> Float[Array, " act"]:
        """Entry after entry the quantile Φ(noise) of its histogram."""
        return self._unrolled(outputs, self._quantile, noise)

    def log_prob_from(self, outputs: Float[Array, " features"], action: Array) -> Float[Array, ""]:
        """The log density of an action; -∞ outside of all bins, which there is nothing of within finite bounds."""
        inside = (action >= self.bins.edges[:, 0]) & (action <= self.bins.edges[:, -1])
        return jnp.where(jnp.all(inside), self._nearest_log_prob(outputs, action), -jnp.inf)

    def loss_from(self, outputs: Float[Array, " features"], action: Array, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """-log π(a | s), of the nearest action that lies in a bin."""
        del key
        return -self._nearest_log_prob(outputs, action)

    def _nearest_log_prob(self, outputs: Float[Array, " features"], action: Float[Array, " act"]) -> Float[Array, ""]:
        chosen = self.bins.of(action)[:, None]
        table = self.log_probabilities(outputs, action)
        widths = jnp.take_along_axis(self.bins.widths, chosen, axis=1)
        return jnp.sum(jnp.take_along_axis(table, chosen, axis=1) - jnp.log(widths))

    def _seen(self, action: Float[Array, " act"]) -> Float[Array, " act"]:
        return self.units.raw(self.bins.inside(action))

    def _unrolled(self, outputs: Float[Array, " features"], choose: Choose, given: Array) -> Float[Array, " act"]:
        """The action whose entries are chosen one after the other, each by what is given for it."""
        size = len(self.bins.edges)

        def step(action: Float[Array, " act"], entry: tuple[Any, ...]) -> tuple[Float[Array, " act"], None]:
            index, layers, edges, centers, given = entry
            earlier = jnp.where(jnp.arange(size) < index, self._seen(action), 0.0)
            logits = jnp.where(jnp.diff(edges) > 0, layers(jnp.concatenate([earlier, outputs])), -jnp.inf)
            return action.at[index].set(choose(logits, edges, centers, given)), None

        entries = (jnp.arange(size), self.layers, self.bins.edges, self.bins.centers, given)
        return jax.lax.scan(step, jnp.zeros(size), entries)[0]

    def _drawn(
        self, logits: Float[Array, " bins"], edges: Float[Array, " edges"], centers: Float[Array, " bins"], key: Array
    ) -> Float[Array, ""]:
        bin_key, place_key = jax.random.split(key)
        chosen = jax.random.categorical(bin_key, logits)
        if self.spec.draw == "center":
            return centers[chosen]
        return jax.random.uniform(place_key, minval=edges[chosen], maxval=edges[chosen + 1])

    def _quantile(
        self, logits: Float[Array, " bins"], edges: Float[Array, " edges"], centers: Float[Array, " bins"], noise: Array
    ) -> Float[Array, ""]:
        chosen, place = choice_at(logits, noise)
        if self.spec.draw == "center":
            return centers[chosen]
        return edges[chosen] + place * (edges[chosen + 1] - edges[chosen])


def _likeliest(
    logits: Float[Array, " bins"], edges: Float[Array, " edges"], centers: Float[Array, " bins"], given: Array
) -> Float[Array, ""]:
    del edges, given
    return centers[jnp.argmax(logits)]


def policy(spec: Autoregressive, network: Build[Network], spaces: Spaces, *, key: PRNGKeyArray) -> Policy:
    """Builds the head, not fitted yet.

    **Raises:** `DataError` where actions are discrete.
    """
    network_key, layers_key = jax.random.split(key)
    fields = prepared("autoregressive", spec, network, spaces, key=network_key)
    assert isinstance(spaces.action, Box)
    size, span = spaces.action.size, ActionRange.of(spaces.action)
    num_bins = spec.num_bins + (_TAILS if spec.bins == "quantile" else 0)
    sizes = (size + spec.features, *spec.hidden, num_bins)
    layers = jax.vmap(lambda one: build_layers(sizes, spec.activation, key=one))(jax.random.split(layers_key, size))
    return AutoregressivePolicy(layers=layers, span=span, bins=Bins.uniform(span, num_bins), spec=spec, **fields)
