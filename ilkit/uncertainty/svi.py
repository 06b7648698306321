"""Stochastic variational inference: a policy with a distribution over its weights (Blundell et al., 2015).

Prior w ~ N(0, τ² / fan-in), of biases N(0, τ²), likelihood a ~ N(μ_w(s), σ²), guide q(w) = Π_i N(m_i, v_i²). Minimizes
the negative evidence lower bound, with the data's share estimated on a batch of B of the N transitions,

    (KL(q ‖ prior) - N/B Σ_batch E_q[log N(a; μ_w(s), σ²)]) / N.

cov(s) is the covariance of μ_w(s) under q, by draws of w: what the data leave open, without the noise σ. A guide of
independent weights is known to be too sure between clusters of data (Foong et al., 2020); use `bootstrap` there.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro
import optax
from jax.flatten_util import ravel_pytree
from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray, UInt32
from numpyro.distributions import Normal
from numpyro.infer import TraceMeanField_ELBO
from pydantic import Field, PositiveFloat, PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.normalizer import Untrained
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.data.training import Training
from ilkit.data.uncertainty import Uncertainty
from ilkit.data.windows import Transitions, Window
from ilkit.fitting.ensemble import (
    Ensemble,
    continuity_faults,
    ensemble_faults,
    mode,
    require_continuous,
    require_present_alone,
)
from ilkit.fitting.fit import fit
from ilkit.fitting.gradient import partition
from ilkit.nn.fan_in import fan_in
from ilkit.nn.head import half_range_of
from ilkit.spec import Spec


class SVI(Spec):
    """A Bayesian policy by stochastic variational inference over its weights (Blundell et al., 2015)."""

    kind: Literal["svi"] = "svi"
    num_members: Annotated[int, Field(ge=2)] = 10
    """Policies drawn from the posterior."""
    prior_scale: PositiveFloat = 1.0
    """τ: the prior's standard deviation of a weight, times the square root of the weight's fan-in."""
    noise: PositiveFloat | None = None
    """σ: the standard deviation of the expert's noise, in units of the action space; learnt by default."""
    learning_rate: PositiveFloat = 1e-2
    """The step size of Adam at the start; it falls linearly to 0."""
    batch_size: PositiveInt = 100
    """Transitions a gradient step."""
    num_steps: PositiveInt = 5_000
    """Gradient steps."""
    num_seeds: PositiveInt = 1
    """Training runs, in one compiled call."""

    def faults(self, world: Any) -> tuple[str, ...]:
        """Actions that are choices."""
        return continuity_faults(world.spaces.action)

    def policy_faults(self, policy: Policy, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """A policy with a memory, or whose mode is a choice."""
        del parts
        return ensemble_faults(policy)


class _Guide(NamedTuple):
    loc: Float[Array, " weights"]
    log_scale: Float[Array, " weights"]
    log_noise: Float[Array, " act"]


class _Prior(Untrained):
    """What is known before the data, and what the draws at the end need."""

    policy: Policy
    """The policy with its first weights; it gives the draws their structure."""
    count: Float[Array, ""]
    """N, the number of transitions that count."""
    draw_key: UInt32[Array, "..."]
    """The key of the draws at the end, as plain numbers."""


class _Posterior(eqx.Module):
    guide: _Guide
    prior: _Prior

    @property
    def window(self) -> tuple[int, int]:
        return 0, 0

    def fitted(self, transitions: Transitions) -> "_Posterior":
        policy = self.prior.policy.fitted(transitions)
        return _Posterior(self.guide, _Prior(policy, transitions.num_counted.astype(jnp.float32), self.prior.draw_key))


def uncertainty(spec: SVI, policy: Build[Policy], demos: Demonstrations, *, key: PRNGKeyArray) -> Training[Uncertainty]:
    """Fits a distribution over the weights of a policy.

    **Raises:** `DataError` where actions are discrete.
    """
    require_continuous("svi", demos.spaces)
    training = fit(
        Partial(_negative_elbo, spec),
        Partial(_optimizer, spec),
        Partial(_posterior, spec, policy),
        demos,
        batch_size=spec.batch_size,
        num_steps=spec.num_steps,
        key=key,
    )
    return Training(training.state, training.step, Partial(_draws, spec, training.finish), training.num_steps)


def _posterior(spec: SVI, policy: Build[Policy], spaces: Spaces, *, key: PRNGKeyArray) -> _Posterior:
    policy_key, draw_key = jax.random.split(key)
    initial = require_present_alone("svi", policy(spaces, key=policy_key))
    loc, prior_scale, _ = _flatten(spec, initial)
    guide = _Guide(loc, jnp.log(0.1 * prior_scale), jnp.zeros(spaces.action.size))
    return _Posterior(guide, _Prior(initial, jnp.zeros(()), jax.random.key_data(draw_key)))


def _flatten(
    spec: SVI, initial: Policy
) -> tuple[Float[Array, " weights"], Float[Array, " weights"], Callable[[Float[Array, " weights"]], Policy]]:
    trained, fixed = partition(initial)
    weights, unravel = ravel_pytree(trained)
    scales = jax.tree.map(
        lambda leaf, size: jnp.full_like(leaf, spec.prior_scale / size**0.5), trained, fan_in(trained)
    )
    return weights, ravel_pytree(scales)[0], lambda weights: eqx.combine(unravel(weights), fixed)


def _negative_elbo(spec: SVI, posterior: _Posterior, batch: Window, *, key: PRNGKeyArray) -> Float[Array, ""]:
    guide, prior = posterior.guide, posterior.prior
    _, prior_scale, policy_of = _flatten(spec, prior.policy)
    half_range = half_range_of(prior.policy)
    obs, demonstrated = jax.tree.map(lambda rows: rows[:, 0], (batch.obs, batch.actions))

    def model(noise: Float[Array, " act"]) -> None:
        weights = numpyro.sample("weights", Normal(0.0, prior_scale).to_event(1))
        actions = jax.vmap(lambda obs: mode(policy_of(weights), obs))(obs)
        with numpyro.handlers.scale(scale=prior.count / len(demonstrated)):
            numpyro.sample("actions", Normal(actions, noise).to_event(2), obs=demonstrated)

    def sample_weights(noise: Float[Array, " act"]) -> None:
        del noise
        numpyro.sample("weights", Normal(guide.loc, jnp.exp(guide.log_scale)).to_event(1))

    noise = half_range * jnp.exp(guide.log_noise) if spec.noise is None else jnp.full_like(guide.log_noise, spec.noise)
    return TraceMeanField_ELBO().loss(key, {}, model, sample_weights, noise) / prior.count


def _draws(spec: SVI, finish: Callable[[Any], _Posterior], state: Any) -> Uncertainty:
    (loc, log_scale, _), prior = finish(state).guide, finish(state).prior
    _, _, policy_of = _flatten(spec, prior.policy)
    noise = jax.random.normal(jax.random.wrap_key_data(prior.draw_key), (spec.num_members, loc.size))
    return Ensemble(eqx.filter_vmap(policy_of)(loc + jnp.exp(log_scale) * noise), unbiased=True)


def _optimizer(spec: SVI) -> optax.GradientTransformation:
    return optax.adam(optax.linear_schedule(spec.learning_rate, 0.0, spec.num_steps))
