"""The mixture head: a mixture of Gaussians whose parameters are outputs of the network (Bishop, 1994).

log π(a | s) = log Σ_k w_k(s) N(a; μ_k(s), diag σ_k(s)²), with w the softmax of the network's logits and

    μ_k(s) = c + h (m_k + x_k(s)),    σ_k(s) = h (min_std + softplus(y_k(s))),

where c and h are the center and half the range of the action space (mean and standard deviation where it has none). The
offsets m_k are spread over the range at the start, so that no two components begin, and stay, at the same place.
"""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from ilkit.data.build import Build
from ilkit.data.network import Network
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.math.choices import choice_at
from ilkit.nn.action_units import ActionUnits
from ilkit.nn.head import ContinuousHead
from ilkit.spec import Spec


class Mixture(Spec):
    """A mixture of Gaussians (Bishop, 1994), for demonstrations that choose among several actions."""

    kind: Literal["mixture"] = "mixture"
    num_components: PositiveInt = 5
    """How many Gaussians are mixed."""
    min_std: PositiveFloat = 0.02
    """The smallest standard deviation, in units of half the range of the action space."""
    initial_spread: NonNegativeFloat = 1.0
    """The means start evenly spread up to this far on both sides of the center, in the same units."""
    squash: bool = False
    """Whether a tanh keeps the means (not the samples) within the finite bounds of the action space."""


class MixturePolicy(ContinuousHead):
    """π(· | s) = Σ_k w_k(s) N(μ_k(s), diag σ_k(s)²), with w, μ and σ from network((s - mean) / std)."""

    offsets: Float[Array, "components act"]
    spec: Mixture = eqx.field(static=True)

    def distribution(self, outputs: Float[Array, " outputs"]) -> dist.MixtureSameFamily:
        """The distribution of actions."""
        num_components = self.spec.num_components
        logits, rest = outputs[:num_components], outputs[num_components:]
        raw_mean, raw_std = rest.reshape(2, *self.offsets.shape)
        std = self.units.half_range * (self.spec.min_std + jax.nn.softplus(raw_std))
        components = dist.Normal(self.units.action(self.offsets + raw_mean), std).to_event(1)
        return dist.MixtureSameFamily(dist.CategoricalLogits(logits), components)

    def mode_from(self, outputs: Float[Array, " outputs"]) -> Float[Array, " act"]:
        """The mean of the component with the highest weight; the mean of the mixture may lie between its modes."""
        mixture = self.distribution(outputs)
        return mixture.component_mean[jnp.argmax(mixture.mixing_distribution.logits)]

    def sample_from(self, outputs: Float[Array, " outputs"], *, key: PRNGKeyArray) -> Float[Array, " act"]:
        """Draws an action."""
        return self.distribution(outputs).sample(key)

    @property
    def noise_size(self) -> int:
        """One number that chooses a component, and its ε."""
        return 1 + self.spaces.action.size

    def steer_from(self, outputs: Float[Array, " outputs"], noise: Float[Array, " noise"]) -> Float[Array, " act"]:
        """μ_k + σ_k ε of the component k whose share of the weights, from the first on, Φ of the first number is in."""
        mixture = self.distribution(outputs)
        chosen, _ = choice_at(mixture.mixing_distribution.logits, noise[0])
        components = mixture.component_distribution.base_dist
        return components.loc[chosen] + components.scale[chosen] * noise[1:]

    def log_prob_from(self, outputs: Float[Array, " outputs"], action: Array) -> Float[Array, ""]:
        """The log density of an action."""
        return self.distribution(outputs).log_prob(action)


def policy(spec: Mixture, network: Build[Network], spaces: Spaces, *, key: PRNGKeyArray) -> Policy:
    """Builds the head with a normalizer that isn't fitted yet.

    **Raises:** `DataError` where actions are discrete.
    """
    if not isinstance(spaces.action, Box):
        raise DataError("policy.kind mixture needs a continuous action space, got a discrete one. Use categorical.")
    network_key, offsets_key = jax.random.split(key)
    size = spaces.action.size
    inner = network(spaces.observation, spec.num_components * (1 + 2 * size), key=network_key)
    offsets = _initial_offsets(spec, size, key=offsets_key)
    return MixturePolicy(
        network=inner,
        normalizer=Normalizer.identity(spaces.observation),
        spaces=spaces,
        units=ActionUnits.of(spaces.action, squash=spec.squash),
        offsets=offsets,
        spec=spec,
    )


def _initial_offsets(spec: Mixture, size: int, *, key: PRNGKeyArray) -> Float[Array, "components act"]:
    """A Latin hypercube: in each dimension the middles of equal parts of the range, in an order of its own."""
    middles = (2 * jnp.arange(spec.num_components) + 1) / spec.num_components - 1
    spaced = spec.initial_spread * middles
    return jax.vmap(lambda column_key: jax.random.permutation(column_key, spaced), out_axes=1)(
        jax.random.split(key, size)
    )
