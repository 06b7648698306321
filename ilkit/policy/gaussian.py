"""The Gaussian head: a normal density around the network's output, within the bounds of the action space or not.

With c and h the center and half the range of the action space (mean and standard deviation where it has none),

    a = c + h x,          log π(a | s) = Σ log N(x; μ(s), σ(s)²) - Σ log h,
    a = c + h tanh(x),    log π(a | s) = Σ log N(x; μ(s), σ(s)²) - Σ log h - Σ log(1 - tanh² x)     (squashed)

(Haarnoja et al., 2018, appendix C). log σ goes smoothly from log min_std to log max_std, so that the density of a
deterministic expert stays finite, and the spread of its clone trainable.
"""

from typing import Annotated, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import Field, PositiveFloat, model_validator

from ilkit.data.build import Build
from ilkit.data.network import Network
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.nn.action_units import ActionUnits
from ilkit.nn.normal_head import NormalHead
from ilkit.spec import Spec


class Gaussian(Spec):
    """A normal distribution of actions, squashed into the action space's bounds by tanh or not."""

    kind: Literal["gaussian"] = "gaussian"
    squash: bool = False
    """Whether a tanh keeps actions within the finite bounds of the action space."""
    state_dependent_std: bool = True
    """Whether the standard deviation is an output of the network; else it is one parameter for each dimension."""
    min_std: PositiveFloat = 0.02
    """The smallest standard deviation of x, in units of half the range of the action space."""
    max_std: PositiveFloat = 10.0
    """The largest standard deviation of x; it starts at about the geometric mean of the two."""
    mean_emphasis: Annotated[float, Field(ge=0, le=1)] = 0.5
    """β: gradients are weighted by σ^2β, so that the mean is also learnt where σ is large; 0 is plain likelihood."""
    label_margin: Annotated[float, Field(gt=0, lt=1)] = 1e-3
    """Where squashed, how far demonstrated actions are kept from the bounds when fitting, in half ranges."""

    def idle(self) -> dict[str, str]:
        """The margin of labels where there is no tanh."""
        return {} if self.squash else {"label_margin": "squash is true"}

    @model_validator(mode="after")
    def _check_order(self) -> "Gaussian":
        if self.min_std >= self.max_std:
            raise ValueError(f"max_std must be above min_std, {self.min_std}; got {self.max_std}")
        return self


class GaussianPolicy(NormalHead):
    """x ~ N(μ(s), diag σ(s)²), with μ and perhaps σ from network((s - mean) / std); a = c + h x or c + h tanh(x)."""

    raw_std: Float[Array, " act"] | None
    """What σ is computed from where it doesn't depend on the state."""
    spec: Gaussian = eqx.field(static=True)

    def distribution(self, outputs: Float[Array, " outputs"]) -> dist.Normal:
        """The distribution of x, entry by entry."""
        mean, raw_std = (outputs, self.raw_std) if self.raw_std is not None else jnp.split(outputs, 2)
        low, high = np.log(self.spec.min_std), np.log(self.spec.max_std)
        return dist.Normal(mean, jnp.exp(low + (high - low) * jax.nn.sigmoid(raw_std)))

    def loss_from(self, outputs: Float[Array, " outputs"], action: Array, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """-log π(a | s), with an action at the bounds moved inside by `label_margin`.

        Its gradient is that of β-NLL, σ^2β times the plain one in each dimension, without which a mean is hardly
        learnt where σ came out large first (Seitzer et al., On the Pitfalls of Heteroscedastic Uncertainty, 2022).
        """
        del key
        raw = self.units.raw(self.units.inside(action, self.spec.label_margin))
        distribution = self.distribution(outputs)
        terms = -distribution.log_prob(raw)
        weighted = jnp.sum(jax.lax.stop_gradient(distribution.variance**self.spec.mean_emphasis) * terms)
        value = jnp.sum(terms) + self.units.log_slope(raw)
        return weighted + jax.lax.stop_gradient(value - weighted)


def policy(spec: Gaussian, network: Build[Network], spaces: Spaces, *, key: PRNGKeyArray) -> Policy:
    """Builds the head with a normalizer that isn't fitted yet.

    **Raises:** `DataError` where actions are discrete.
    """
    if not isinstance(spaces.action, Box):
        raise DataError("policy.kind gaussian needs a continuous action space, got a discrete one. Use categorical.")
    size = spaces.action.size
    inner = network(spaces.observation, 2 * size if spec.state_dependent_std else size, key=key)
    raw_std = None if spec.state_dependent_std else jnp.zeros(size)
    return GaussianPolicy(
        network=inner,
        normalizer=Normalizer.identity(spaces.observation),
        spaces=spaces,
        units=ActionUnits.of(spaces.action, squash=spec.squash),
        raw_std=raw_std,
        spec=spec,
    )
