"""Posterior behavioral cloning: a clone that tries what the demonstrations leave open, so that reinforcement finds it.

Clones a + w, w ~ N(0, α² cov(s) + σ² I), drawn anew whenever a step is learnt from. With cov(s) the covariance of the
expert's action given the demonstrations, the clone is a sample of the expert's posterior, wide where they say little
(Wagenmaker et al., Posterior Behavioral Cloning, 2025). σ alone is the same noise everywhere (σ-BC), and without either
it is plain cloning, bit for bit.
"""

from collections.abc import Collection
from typing import Literal

import jax.numpy as jnp
import optax
from jax.tree_util import Partial
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from pydantic import NonNegativeFloat, PositiveFloat, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box
from ilkit.data.training import Training
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import DataError, refuse
from ilkit.fitting.fit import FitSpec, fit
from ilkit.fitting.gradient import mean_loss
from ilkit.fitting.target_noise import TargetNoise
from ilkit.math.covariance import square_root


class PosteriorBC(FitSpec):
    """Cloning of actions with noise of the covariance that the demonstrations leave (Wagenmaker et al., 2025)."""

    kind: Literal["posterior_bc"] = "posterior_bc"
    alpha: NonNegativeFloat = 1.0
    """α: the factor of the standard deviation of noise by the uncertainty; 0 needs none."""
    covariance: Literal["full", "diagonal"] = "full"
    """Whether the noise has the whole of cov(s), or its diagonal alone."""
    target_noise: NonNegativeFloat = 0.0
    """σ: the standard deviation of noise that is the same everywhere, in units of the action space."""
    average_scale: PositiveFloat | None = None
    """The root mean square of the noise per action dimension, in units of the action space, that all of it is rescaled
    to over the demonstrated states; set it to a `target_noise` to compare at equal noise."""
    weight_decay: NonNegativeFloat = 0.0
    """The decoupled weight decay of AdamW."""
    average: bool = False
    """Whether what is learnt is the average of the weights along the way, which diffusion policies need."""

    def input_faults(self, given: Collection[str]) -> tuple[str, ...]:
        """Noise by an uncertainty that isn't there."""
        if not self.alpha or "uncertainty" in given:
            return ()
        return (
            f"alpha: must be 0 where no uncertainty is handed over, got {self.alpha:g}. Add the argument uncertainty: "
            "stages.imitate(params.imitate, params.policy, demos, uncertainty).",
        )

    def idle(self) -> dict[str, str]:
        """The shape of noise by an uncertainty where there is none."""
        return {} if self.alpha else {"covariance": "alpha is above 0"}

    @model_validator(mode="after")
    def _check_scale(self) -> "PosteriorBC":
        if self.average_scale is not None and not self.alpha and not self.target_noise:
            raise ValueError(f"average_scale needs noise to rescale, got {self.average_scale}. Set alpha above 0")
        return self


def imitate(
    spec: PosteriorBC,
    policy: Build[Policy],
    demos: Demonstrations,
    uncertainty: Uncertainty | None = None,
    *,
    key: PRNGKeyArray,
) -> Training[Policy]:
    """Fits a policy to the demonstrations with noise on their actions.

    **Raises:** `DataError` where there is noise by an uncertainty, and none is given; where actions are discrete.
    """
    refuse("imitate.posterior_bc", spec.input_faults(() if uncertainty is None else ("uncertainty",)))
    if not isinstance(demos.spaces.action, Box):
        raise DataError("imitate.kind posterior_bc needs a continuous action space, got a discrete one. Choose bc.")
    optimizer = Partial(optax.adamw, spec.learning_rate, weight_decay=spec.weight_decay)
    return fit(
        mean_loss,
        optimizer,
        policy,
        demos,
        batch_size=spec.batch_size,
        num_steps=spec.num_steps,
        key=key,
        average=spec.average,
        target_noise=_noise(spec, demos, uncertainty),
    )


def _noise(spec: PosteriorBC, demos: Demonstrations, uncertainty: Uncertainty | None) -> TargetNoise | None:
    if uncertainty is not None and spec.alpha:
        return TargetNoise.of(Partial(_root, spec, uncertainty), demos.transitions(), spec.average_scale)
    if spec.target_noise:
        return TargetNoise.of(
            Partial(_everywhere, jnp.full(demos.spaces.action.size, spec.target_noise)),
            demos.transitions(),
            spec.average_scale,
        )
    return None


def _root(spec: PosteriorBC, uncertainty: Uncertainty, obs: PyTree) -> Float[Array, "act *act"]:
    """L(s) with L Lᵀ = α² cov(s) + σ² I."""
    covariance = spec.alpha**2 * uncertainty.covariance(obs)
    if spec.covariance == "diagonal":
        return jnp.sqrt(jnp.diagonal(covariance) + spec.target_noise**2)
    return square_root(covariance + spec.target_noise**2 * jnp.eye(len(covariance)))


def _everywhere(scales: Float[Array, " act"], obs: PyTree) -> Float[Array, " act"]:
    del obs
    return scales
