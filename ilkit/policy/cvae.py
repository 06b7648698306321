"""The CVAE head: a latent variable chooses among the actions of a state (Sohn et al., 2015; Zhao et al., ACT, 2023).

    π(a | s) = ∫ N(x; μ(z, s), diag σ(z, s)²) p(z | s) dz,    a = c + h x,

with c and h the center and half the range of what was demonstrated. An
encoder q(z | a, s) is learnt beside it; minimized is the negative evidence lower bound, in nats,

    -E_q[log N(x; μ(z, s), σ(z, s)²)] + log h + β KL(q(z | a, s) ‖ p(z | s)).

Between two actions of a state the decoder goes over from one to the other, and a Gaussian prior has mass there: 7 % of
the samples on a fork lie between its ways. A mixture as a prior (Dilokthanakul et al., 2016) need not have any.
"""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.network import Network
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.math.choices import choice_at
from ilkit.nn.conditional_head import ConditionalHead, ConditionalSpec, prepared
from ilkit.nn.perceptron import Layers, build_layers

_SMALLEST_LATENT_STD = 1e-3


class CVAE(ConditionalSpec):
    """A latent variable that chooses among the actions of a state (Sohn et al., 2015; Zhao et al., 2023)."""

    kind: Literal["cvae"] = "cvae"
    latent: PositiveInt = 8
    """The number of entries of the latent variable."""
    prior: Literal["standard", "learnt"] = "standard"
    """Whether the latent variable is N(0, I) in every state or has a mean and a spread that depend on it."""
    prior_components: PositiveInt = 1
    """The Gaussians that a learnt prior is a mixture of; of several the divergence is estimated, by one sample."""
    kl_weight: NonNegativeFloat = 1.0
    """β: the weight of the divergence of the encoder from the prior; 1 gives the evidence lower bound."""
    std: PositiveFloat | None = None
    """σ, the decoder's standard deviation, in units of half the range of the demonstrations; none: it is learnt."""
    min_std: PositiveFloat = 0.02
    """The smallest standard deviation that is learnt, in the same units."""
    decoder_noise: bool = True
    """Whether samples have the decoder's noise, or are its means at latent variables from the prior."""
    clip: PositiveFloat = 1.0
    """How far from the middle an action may lie, in half the range of those demonstrated: where nothing was, a decoder
    leads anywhere."""

    @model_validator(mode="after")
    def _check_components(self) -> "CVAE":
        if self.prior_components > 1 and self.prior != "learnt":
            raise ValueError(f"prior_components must be 1 unless prior is learnt, got {self.prior_components}")
        return self


class CVAEPolicy(ConditionalHead):
    """x ~ N(μ(z, f), σ(z, f)²), z ~ p(z | f), with features f = network((s - mean) / std); `layers` decode."""

    layers: Layers
    encoder: Layers
    prior: Layers | None
    """From features to means and spreads of the latent variable, where that is learnt, and weights of several."""
    spec: CVAE = eqx.field(static=True)

    @property
    def reparameterized(self) -> bool:  # type: ignore[override]
        """Unless a component of the prior is drawn."""
        return self.spec.prior_components == 1

    def latent_prior(self, outputs: Float[Array, " features"]) -> dist.Distribution:
        """p(z | s)."""
        count, size = self.spec.prior_components, self.spec.latent
        if self.prior is None:
            return dist.Normal(jnp.zeros(size), 1.0).to_event(1)
        raw = self.prior(outputs)
        if count == 1:
            return _latent(raw).to_event(1)
        components = _latent(raw[count:].reshape(count, 2 * size), _spread(count)).to_event(1)
        return dist.MixtureSameFamily(dist.CategoricalLogits(raw[:count]), components)

    def latent_posterior(self, outputs: Float[Array, " features"], action: Float[Array, " act"]) -> dist.Distribution:
        """q(z | a, s)."""
        return _latent(self.encoder(jnp.concatenate([self.units.raw(action), outputs]))).to_event(1)

    def decoded(self, outputs: Float[Array, " features"], latent: Float[Array, " latent"]) -> dist.Normal:
        """The distribution of x given the latent variable, entry by entry."""
        decoded = self.layers(jnp.concatenate([latent, outputs]))
        if self.spec.std is not None:
            return dist.Normal(decoded, self.spec.std)
        mean, raw_std = jnp.split(decoded, 2)
        return dist.Normal(mean, self.spec.min_std + jax.nn.softplus(raw_std))

    def divergence(
        self, outputs: Float[Array, " features"], action: Float[Array, " act"], latent: Float[Array, " latent"]
    ) -> Float[Array, ""]:
        """KL(q(z | a, s) ‖ p(z | s)), in nats; from a mixture its estimate at a z ~ q."""
        posterior, prior = self.latent_posterior(outputs, action), self.latent_prior(outputs)
        if self.spec.prior_components == 1:
            return dist.kl_divergence(posterior, prior)
        return posterior.log_prob(latent) - prior.log_prob(latent)

    def mode_from(self, outputs: Float[Array, " features"]) -> Float[Array, " act"]:
        """The decoder's mean at the mean of the prior, or of its likeliest component, as ACT acts; what was
        demonstrated may be averaged there.
        """
        prior = self.latent_prior(outputs)
        if self.spec.prior_components == 1:
            return self._action(self.decoded(outputs, prior.mean).mean)
        likeliest = jnp.argmax(prior.mixing_distribution.logits)
        return self._action(self.decoded(outputs, prior.component_distribution.mean[likeliest]).mean)

    def sample_from(self, outputs: Float[Array, " features"], *, key: PRNGKeyArray) -> Float[Array, " act"]:
        """Draws an action, differentiable by the parameters."""
        latent_key, noise_key = jax.random.split(key)
        decoded = self.decoded(outputs, self.latent_prior(outputs).sample(latent_key))
        return self._action(decoded.sample(noise_key) if self.spec.decoder_noise else decoded.mean)

    @property
    def noise_size(self) -> int:
        """ε of the latent variable, one number that chooses among the components of a mixture, ε of the decoder."""
        spec = self.spec
        decoder = self.spaces.action.size if spec.decoder_noise else 0
        return spec.latent + (spec.prior_components > 1) + decoder

    @property
    def steering(self) -> str:
        """What the noise is made of."""
        decoder = f", the last {self.spaces.action.size} the decoder's" if self.spec.decoder_noise else ""
        return f"the latent variable and its decoder, from N(0, I) of {self.noise_size} numbers{decoder}"

    def steer_from(self, outputs: Float[Array, " features"], noise: Float[Array, " noise"]) -> Float[Array, " act"]:
        """Decodes the latent variable that the first numbers stand for."""
        of_prior = self.spec.latent + (self.spec.prior_components > 1)
        decoded = self.decoded(outputs, self._latent_at(outputs, noise[:of_prior]))
        return self._action(
            decoded.mean + decoded.scale * noise[of_prior:] if self.spec.decoder_noise else decoded.mean
        )

    def _latent_at(self, outputs: Float[Array, " features"], noise: Float[Array, " noise"]) -> Float[Array, " latent"]:
        prior, latent = self.latent_prior(outputs), noise[: self.spec.latent]
        if self.spec.prior_components == 1:
            return prior.base_dist.loc + prior.base_dist.scale * latent
        chosen, _ = choice_at(prior.mixing_distribution.logits, noise[-1])
        components = prior.component_distribution.base_dist
        return components.loc[chosen] + components.scale[chosen] * latent

    def loss_from(self, outputs: Float[Array, " features"], action: Array, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """The negative evidence lower bound, by one latent variable from the encoder."""
        raw = self.units.raw(action)
        latent = self.latent_posterior(outputs, action).sample(key)
        likelihood = jnp.sum(self.decoded(outputs, latent).log_prob(raw)) - self.units.log_slope(raw)
        return self.spec.kl_weight * self.divergence(outputs, action, latent) - likelihood

    def _action(self, raw: Float[Array, " act"]) -> Float[Array, " act"]:
        return self.units.action(jnp.clip(raw, -self.spec.clip, self.spec.clip))


def _latent(outputs: Float[Array, "*count outputs"], offset: Array | float = 0.0) -> dist.Normal:
    mean, raw_std = jnp.split(outputs, 2, axis=-1)
    return dist.Normal(mean + offset, _SMALLEST_LATENT_STD + jax.nn.softplus(raw_std))


def _spread(count: int) -> Float[Array, "count 1"]:
    """Where components begin, so that no two stay at the same place: evenly from -1 to 1."""
    return jnp.linspace(-1.0, 1.0, count)[:, None]


def policy(spec: CVAE, network: Build[Network], spaces: Spaces, *, key: PRNGKeyArray) -> Policy:
    """Builds the head, not fitted yet.

    **Raises:** `DataError` where actions are discrete.
    """
    network_key, encoder_key, decoder_key, prior_key = jax.random.split(key, 4)
    fields = prepared("cvae", spec, network, spaces, key=network_key)
    size, to_latent = spaces.action.size, 2 * spec.latent
    to_action = size if spec.std is not None else 2 * size
    decoder = build_layers((spec.latent + spec.features, *spec.hidden, to_action), spec.activation, key=decoder_key)
    encoder = build_layers((size + spec.features, *spec.hidden, to_latent), spec.activation, key=encoder_key)
    to_prior = to_latent if spec.prior_components == 1 else spec.prior_components * (to_latent + 1)
    learnt = build_layers((spec.features, *spec.hidden, to_prior), spec.activation, key=prior_key)
    prior = learnt if spec.prior == "learnt" else None
    return CVAEPolicy(layers=decoder, encoder=encoder, prior=prior, spec=spec, **fields)
